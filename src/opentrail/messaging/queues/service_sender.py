"""How an AWS service sends to somebody's queue: as its service principal, by leave of the queue policy."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from opentrail.clock import Clock
from opentrail.identity.policies import PolicyRequest, PolicySet, denial, evaluate, parsed, request_context
from opentrail.identity.principals import service_principal
from opentrail.identity.service_roles import NotAllowed, RoleSession
from opentrail.messaging.queues import Attribute, Contents, Party, Queue, Queues, Sent, contents, names
from opentrail.messaging.queues.faults import AccessDenied, InvalidParameterValue, QueueDoesNotExist


class ServiceSender:
    """Sends as one AWS service; every message is judged by the queue policy as it stands at that moment. Thread-safe; blocks."""

    def __init__(self, queues: Queues, clock: Clock, *, service: str) -> None:
        """`service`: `sns.amazonaws.com`, `events.amazonaws.com`."""
        self._queues = queues
        self._clock = clock
        self._principal = service_principal(service)

    def exists(self, queue_arn: str) -> bool:
        """Whether there is such a queue now."""
        place = names.of_arn(queue_arn)
        return place is not None and self._queues.control.find(place) is not None

    def deliver(
        self,
        *,
        queue_arn: str,
        body: str,
        source_arn: str,
        account_id: str,
        attributes: Mapping[str, Attribute] | None = None,
        group_id: str | None = None,
        deduplication_id: str | None = None,
        role: RoleSession | None = None,
    ) -> Sent:
        """Put one message into the queue, durably: a notification or, by the same leave, a dead letter of the service.

        `source_arn` is what the service acts for (a topic, a rule), `account_id` its account: `aws:SourceArn` and `aws:SourceAccount` of
        the queue policy. With `role` the service acts as a role that it has assumed: judged is what that may, by its own policies or the
        queue's. FIFO queues need `group_id`, and `deduplication_id` unless they make their own. Raises `QueueDoesNotExist`,
        `AccessDenied`, `InvalidParameterValue` for what the queue cannot take (too large, no group), `InvalidMessageContents`, and
        faults of KMS keys.
        """
        place = names.of_arn(queue_arn)
        queue = None if place is None else self._queues.control.find(place)
        if queue is None:
            raise QueueDoesNotExist
        if role is None:
            self._judge(queue, source_arn, account_id)
        else:
            _judge_role(queue, role)
        found = dict(attributes or {})
        contents.check_body(body)
        size, limit = contents.size(body, found), queue.number("MaximumMessageSize")
        if size > limit:
            raise InvalidParameterValue(f"One or more parameters are invalid. Reason: Message must be shorter than {limit} bytes.")
        if queue.fifo:
            group_id, deduplication_id = _ordered(queue, body, group_id, deduplication_id)
        outgoing = self._queues.outgoing(
            queue,
            Contents(body, self._principal.principal_id if role is None else role.principal.principal_id, found),
            Party(principal=self._principal, source_arn=source_arn) if role is None else Party(principal=role.principal),
            group_id=group_id,
            deduplication_id=deduplication_id if queue.fifo else None,
        )
        (sent,) = self._queues.messages.send(queue, [outgoing]).result()
        return sent

    def _judge(self, queue: Queue, source_arn: str, account_id: str) -> None:
        # Services call from no address, and inside one OpenTrail nothing travels unencrypted over a network.
        context = request_context(source_ip="", secure=True, time=self._clock.now(), region=queue.place.region)
        del context["aws:SourceIp"]
        context |= {f"aws:ResourceTag/{key}": (value,) for key, value in queue.tags.items()}
        context["aws:SourceArn"] = (source_arn,)
        context["aws:SourceAccount"] = (account_id,)
        request = PolicyRequest(
            principal=self._principal,
            action="sqs:SendMessage",
            resource=queue.arn,
            context=context,
            resource_account_id=queue.place.account_id,
        )
        decision = evaluate(request, PolicySet(), None if queue.policy is None else parsed(queue.policy))
        if not decision.allowed:
            raise AccessDenied(denial(request, decision))


def _judge_role(queue: Queue, role: RoleSession) -> None:
    tags = {f"aws:ResourceTag/{key}": (value,) for key, value in queue.tags.items()}
    place = queue.place
    try:
        role.judge("sqs:SendMessage", queue.arn, region=place.region, account_id=place.account_id, policy=queue.policy, context=tags)
    except NotAllowed as error:
        raise AccessDenied(str(error)) from error


def _ordered(queue: Queue, body: str, group_id: str | None, deduplication_id: str | None) -> tuple[str, str]:
    if group_id is None:
        raise InvalidParameterValue("A FIFO queue takes messages of a message group only: MessageGroupId is missing.")
    if deduplication_id is None:
        if queue.setting("ContentBasedDeduplication") != "true":
            raise InvalidParameterValue(
                "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly"
            )
        deduplication_id = hashlib.sha256(body.encode()).hexdigest()
    return group_id, deduplication_id
