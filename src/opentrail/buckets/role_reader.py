"""How an AWS service reads somebody's bucket with a role that it was given: by leave of the role's policies and the bucket's, and where an
object is encrypted under a KMS key, of the key's policy. Every call is judged by the policies as they stand at that moment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from opentrail.buckets.buckets import Buckets
from opentrail.buckets.encryption import ObjectKeys, through_s3
from opentrail.buckets.faults import AccessDenied
from opentrail.buckets.in_place import PAGE
from opentrail.buckets.listing import Page, Position
from opentrail.buckets.names import bucket_arn, object_arn
from opentrail.buckets.values import StoredObject
from opentrail.clock import Clock
from opentrail.identity import Identities
from opentrail.identity.policies import PolicyRequest, denial, evaluate, parsed, request_context
from opentrail.identity.principals import Principal


class RoleReader:
    """Lists and reads as a session of a role. Thread-safe."""

    def __init__(self, buckets: Buckets, identities: Identities, clock: Clock, *, keys: ObjectKeys) -> None:
        self._buckets = buckets
        self._identities = identities
        self._clock = clock
        self._keys = keys

    def region(self, bucket: str) -> str:
        """Region of the bucket. Raises `NoSuchBucket`."""
        return self._buckets.find(bucket).region

    def check_list(self, session: Principal, bucket: str, prefix: str) -> None:
        """Whether the session may list that prefix. Raises `AccessDenied`, `NoSuchBucket`."""
        self.judge(session, bucket, "s3:ListBucket", bucket_arn(bucket), {"s3:prefix": (prefix,)})

    def list(self, session: Principal, bucket: str, prefix: str, after: str = "") -> Iterator[str]:
        """The keys below `prefix` and behind `after`, in order. Raises `AccessDenied`, `NoSuchBucket`."""
        behind = Position(after) if after else None
        for page in self._pages(session, bucket, prefix, "", behind):
            for one in page.entries:
                yield one.key

    def folders(self, session: Principal, bucket: str, prefix: str) -> Iterator[str]:
        """The names between `prefix` and the next `/`. Raises as `list`."""
        for page in self._pages(session, bucket, prefix, "/", None):
            for one in page.prefixes:
                yield one[len(prefix) : -1]

    def read(self, session: Principal, bucket: str, key: str, most: int) -> bytes:
        """The data of an object, at most `most` bytes. Raises `AccessDenied`, `NoSuchKey`, `NoSuchBucket`, and what KMS says of its key."""
        self.judge(session, bucket, "s3:GetObject", object_arn(bucket, key), {})
        opened = self._buckets.objects.open(bucket, key)
        try:
            sse = opened.stored.attributes.sse_kms
            if sse is not None:
                region = self._buckets.find(bucket).region
                opened.unlock(self._keys.of(through_s3(session, session.account_id, region), sse).plaintext)
            return opened.read(0, most)
        finally:
            opened.close()

    def judge(self, session: Principal, bucket: str, action: str, resource: str, keys: Mapping[str, Sequence[str]]) -> None:
        """Raise `AccessDenied` unless the policies let the session do this to a bucket of ours."""
        access = self._buckets.configurations.access(bucket)
        policy = access.policy_for(session.account_id)
        self._judge(session, action, resource, keys, access.bucket.account_id, access.bucket.region, policy)

    def judge_elsewhere(self, session: Principal, action: str, resource: str, region: str) -> None:
        """The same for a bucket that is not ours to judge: whether the role's own policies let it."""
        self._judge(session, action, resource, {}, session.account_id, region, None)

    def _judge(
        self,
        session: Principal,
        action: str,
        resource: str,
        keys: Mapping[str, Sequence[str]],
        owner: str,
        region: str,
        policy: str | None,
    ) -> None:
        context: dict[str, Sequence[str]] = request_context(source_ip="", secure=True, time=self._clock.now(), region=region)
        del context["aws:SourceIp"]  # services call from no address
        context |= self._identities.organization_context(session.account_id)
        context |= self._identities.resource_organization_context(owner)
        context["aws:ViaAWSService"] = ("true",)
        request = PolicyRequest(
            principal=session, action=action, resource=resource, context=context | dict(keys), resource_account_id=owner
        )
        decision = evaluate(
            request,
            self._identities.policies(session),
            None if policy is None else parsed(policy),
            service_control=self._identities.service_control(session.account_id),
        )
        if not decision.allowed:
            raise AccessDenied(denial(request, decision))

    def _pages(self, session: Principal, bucket: str, prefix: str, delimiter: str, after: Position | None) -> Iterator[Page[StoredObject]]:
        while True:
            self.check_list(session, bucket, prefix)
            page = self._buckets.list(bucket, prefix=prefix, delimiter=delimiter, after=after, limit=PAGE)
            yield page
            if page.next is None:
                return
            after = page.next
