"""How an AWS service writes into somebody's bucket: as its service principal, by leave of the bucket's policy."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from opentrail.buckets.access import check_canned_acl
from opentrail.buckets.buckets import Buckets
from opentrail.buckets.configurations import Access
from opentrail.buckets.faults import AccessDenied, NoSuchKey
from opentrail.buckets.names import bucket_arn, key_bytes, object_arn
from opentrail.buckets.values import Attributes, Writing
from opentrail.clock import Clock
from opentrail.identity.policies import PolicyRequest, PolicySet, denial, evaluate, parsed, request_context
from opentrail.identity.principals import service_principal

ACL = "bucket-owner-full-control"


class ServiceWriter:
    """Writes as one AWS service; every write is judged by the policy as it stands at that moment."""

    def __init__(self, buckets: Buckets, clock: Clock, *, service: str = "cloudtrail.amazonaws.com") -> None:
        self._buckets = buckets
        self._clock = clock
        self._principal = service_principal(service)

    def check(self, *, bucket: str, prefix: str | None, account_id: str, source_arn: str, kms_key_id: str | None = None) -> None:
        """Whether the service may deliver below `[prefix/]AWSLogs/<account_id>/`: GetBucketAcl and PutObject, as CloudTrail probes.

        `source_arn` is the trail. Raises `NoSuchBucket`, `AccessDenied`.
        """
        access = self._buckets.configurations.access(bucket, fresh=True)
        self._judge(access, "s3:GetBucketAcl", bucket_arn(bucket), source_arn, account_id, {})
        # The probe's key ends in the folder itself: a policy must cover `…/AWSLogs/<account>/*`.
        key = f"{prefix}/AWSLogs/{account_id}/x" if prefix else f"AWSLogs/{account_id}/x"
        self._may_put(access, bucket, key, source_arn, account_id)

    def put(
        self,
        *,
        bucket: str,
        key: str,
        body: bytes,
        metadata: Mapping[str, str],
        source_arn: str,
        account_id: str,
        kms_key_id: str | None = None,
    ) -> None:
        """Write one object, durably. Writing the same bytes under the same key again changes nothing, so a repeat after a crash is safe.

        Raises `NoSuchBucket`, `AccessDenied`, `KeyTooLongError`, `StorageFull`.
        """
        key_bytes(key)
        access = self._buckets.configurations.access(bucket, fresh=True)
        self._may_put(access, bucket, key, source_arn, account_id)
        check_canned_acl(ACL, grants=False, ownership=access.ownership, blocked=access.blocked)
        if self._is_there(bucket, key, body, metadata):
            return
        draft = self._buckets.objects.draft()
        try:
            draft.write(body)
            attributes = Attributes(headers={"ContentType": "application/json"}, metadata=dict(metadata))
            self._buckets.objects.put(draft.seal(), Writing(bucket=bucket, key=key, owner=access.bucket.account_id, attributes=attributes))
        finally:
            draft.give_up()

    def _is_there(self, bucket: str, key: str, body: bytes, metadata: Mapping[str, str]) -> bool:
        try:
            opened = self._buckets.objects.open(bucket, key)
        except NoSuchKey:
            return False
        stored = opened.stored
        same = stored.etag == hashlib.md5(body, usedforsecurity=False).hexdigest() and stored.attributes.metadata == dict(metadata)
        whole = same and opened.read(0, len(body) + 1) == body
        opened.close()
        return whole

    def _may_put(self, access: Access, bucket: str, key: str, source_arn: str, account_id: str) -> None:
        self._judge(access, "s3:PutObject", object_arn(bucket, key), source_arn, account_id, {"s3:x-amz-acl": (ACL,)})

    def _judge(
        self, access: Access, action: str, resource: str, source_arn: str, account_id: str, keys: Mapping[str, tuple[str, ...]]
    ) -> None:
        now = self._clock.now()
        # Inside one OpenTrail nothing travels unencrypted over a network, so delivery counts as secure transport.
        context = request_context(source_ip=self._principal.invoked_by or "", secure=True, time=now, region=access.bucket.region)
        context.pop("aws:SourceIp")  # services call from no address
        context.update(keys)
        context["aws:SourceArn"] = (source_arn,)
        context["aws:SourceAccount"] = (account_id,)
        policy = access.policy_for("", service=True)
        request = PolicyRequest(
            principal=self._principal, action=action, resource=resource, context=context, resource_account_id=access.bucket.account_id
        )
        decision = evaluate(request, PolicySet(), None if policy is None else parsed(policy))
        if not decision.allowed:
            raise AccessDenied(denial(request, decision))
