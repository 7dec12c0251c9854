"""How an AWS service publishes to somebody's topic: as its service principal, by leave of the topic's policy and of its key's."""

from __future__ import annotations

from opentrail.clock import Clock
from opentrail.identity.policies import PolicyRequest, PolicySet, denial, evaluate, parsed, request_context
from opentrail.identity.principals import service_principal
from opentrail.identity.service_roles import NotAllowed, RoleSession
from opentrail.messaging.topics.encryption import check_key
from opentrail.messaging.topics.faults import AuthorizationErrorException
from opentrail.messaging.topics.messages import draft
from opentrail.messaging.topics.neighbours import Keys
from opentrail.messaging.topics.publishing import Publishing
from opentrail.messaging.topics.store import Store, the_topic
from opentrail.messaging.topics.values import Topic
from opentrail.storage.database import Database


class ServicePublisher:
    """Publishes as one AWS service; every message is judged by the policies as they stand at that moment. Any process may use one."""

    def __init__(
        self, database: Database, clock: Clock, *, keys: Keys, service: str = "cloudtrail.amazonaws.com", for_owner: bool = False
    ) -> None:
        """`database` is `DataFolder.messages`. `for_owner`: the service acts for the account, as a topic's default policy asks for
        (`aws:SourceOwner`); CloudWatch's alarms do, CloudTrail does not."""
        self._store = Store(database)
        self._publishing = Publishing(self._store, clock)
        self._clock = clock
        self._keys = keys
        self._principal = service_principal(service)
        self._for_owner = for_owner

    def check(self, *, topic_arn: str, source_arn: str, account_id: str, role: RoleSession | None = None) -> None:
        """Whether the service may publish to the topic for `source_arn` (the trail), which belongs to `account_id`; `role` as in `publish`.

        Raises `NotFound`, `AuthorizationError`, and the faults of a key: `KMSAccessDenied`, `KMSDisabled`, `KMSInvalidState`,
        `KMSNotFound`.
        """
        with self._store.read() as connection:
            topic = the_topic(connection, topic_arn)
        if role is not None:
            self._judge_role(topic, role)
            check_key(self._keys, topic, role.principal, account_id=account_id, via="sns")
            return
        self._judge(topic, source_arn, account_id)
        check_key(self._keys, topic, self._principal, account_id=account_id, source_arn=source_arn)

    def publish(
        self,
        *,
        topic_arn: str,
        message: str,
        source_arn: str,
        account_id: str,
        subject: str | None = None,
        role: RoleSession | None = None,
        once: str | None = None,
    ) -> None:
        """Publish a message; it is durable on return, with one delivery for each subscription. What was published under the same `once`,
        whatever has become of it, is not published again.

        With `role` the service acts as a role that it has assumed: judged is what that may, by its own policies or the topic's. Raises
        what `check` does, and `InvalidParameter` for a message that is empty or too long.
        """
        wanted = draft({"Message": message} | ({} if subject is None else {"Subject": subject}))
        self.check(topic_arn=topic_arn, source_arn=source_arn, account_id=account_id, role=role)
        self._publishing.publish(topic_arn, [wanted], once=once)

    def _judge_role(self, topic: Topic, role: RoleSession) -> None:
        try:
            role.judge("SNS:Publish", topic.arn, region=topic.region, account_id=topic.account_id, policy=topic.policy)
        except NotAllowed as error:
            raise AuthorizationErrorException(str(error)) from error

    def _judge(self, topic: Topic, source_arn: str, account_id: str) -> None:
        # Services call from no address, and inside one OpenTrail nothing travels unencrypted over a network.
        context = request_context(source_ip="", secure=True, time=self._clock.now(), region=topic.region)
        del context["aws:SourceIp"]
        if self._for_owner:
            context["aws:SourceOwner"] = (account_id,)
        request = PolicyRequest(
            principal=self._principal,
            action="SNS:Publish",
            resource=topic.arn,
            context={**context, "aws:SourceArn": (source_arn,), "aws:SourceAccount": (account_id,)},
            resource_account_id=topic.account_id,
        )
        decision = evaluate(request, PolicySet(), parsed(topic.policy))
        if not decision.allowed:
            raise AuthorizationErrorException(denial(request, decision))
