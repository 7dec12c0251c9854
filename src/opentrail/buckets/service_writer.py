"""How an AWS service writes into somebody's bucket: as its service principal, by leave of the bucket's policy, and where the object is
encrypted under a KMS key, of the key's policy."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import msgspec

from opentrail.buckets.access import check_canned_acl
from opentrail.buckets.buckets import Buckets
from opentrail.buckets.checksums import Checksum, encoded
from opentrail.buckets.configurations import Access
from opentrail.buckets.encryption import SSE_KMS, SSE_S3, DataKey, ObjectKeys, Wanted
from opentrail.buckets.faults import AccessDenied, NoSuchKey
from opentrail.buckets.names import bucket_arn, key_bytes, object_arn
from opentrail.buckets.values import Attributes, Writing
from opentrail.clock import Clock
from opentrail.identity.policies import PolicyRequest, PolicySet, denial, evaluate, parsed, request_context
from opentrail.identity.principals import service_principal
from opentrail.kms import ServiceCaller

ACL = "bucket-owner-full-control"
_SSE = "s3:x-amz-server-side-encryption"
_SSE_KEY = "s3:x-amz-server-side-encryption-aws-kms-key-id"
_CONTEXT_OF_SOURCE = "aws:cloudtrail:arn"
"""Name of the trail's ARN in the encryption context (reference of delivery, §9)."""
_DIGEST = "SHA256"
"""Checksum that tells what an encrypted object was."""


class ServiceWriter:
    """Writes as one AWS service; every write is judged by the policies as they stand at that moment."""

    def __init__(self, buckets: Buckets, clock: Clock, *, keys: ObjectKeys, service: str = "cloudtrail.amazonaws.com") -> None:
        self._buckets = buckets
        self._keys = keys
        self._clock = clock
        self._principal = service_principal(service)

    def encryption_of(self, bucket: str) -> tuple[str, bool]:
        """Region of the bucket, where the KMS keys of its objects must be, and whether S3 Bucket Keys are on. Raises `NoSuchBucket`."""
        access = self._buckets.configurations.access(bucket, fresh=True)
        return access.bucket.region, access.encryption.bucket_key_enabled

    def check(
        self,
        *,
        bucket: str,
        prefix: str | None,
        account_id: str,
        source_arn: str,
        organization_id: str | None = None,
        kms_key_id: str | None = None,
    ) -> None:
        """Whether the service may deliver below `[prefix/]AWSLogs/<account_id>/`: GetBucketAcl and PutObject, as CloudTrail probes. For
        a whole organization its id stands in the place of the account's.

        `source_arn` is the trail; `kms_key_id` the ARN of the key that it encrypts with: policies may demand that. The key itself is not
        asked. Raises `NoSuchBucket`, `AccessDenied`.
        """
        access = self._buckets.configurations.access(bucket, fresh=True)
        self._judge(access, "s3:GetBucketAcl", bucket_arn(bucket), source_arn, account_id, {})
        # The probe's key ends in the folder itself: a policy must cover `…/AWSLogs/<account>/*`.
        whose = organization_id or account_id
        key = f"{prefix}/AWSLogs/{whose}/x" if prefix else f"AWSLogs/{whose}/x"
        self._may_put(access, bucket, key, source_arn, account_id, kms_key_id)

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

        With `kms_key_id` (the ARN of a key) it is encrypted under that key, with the ARN of the trail in the encryption context.
        Raises `NoSuchBucket`, `AccessDenied`, `KeyTooLongError`, `StorageFull`; what `ObjectKeys.new` raises for the key.
        """
        key_bytes(key)
        access = self._buckets.configurations.access(bucket, fresh=True)
        self._may_put(access, bucket, key, source_arn, account_id, kms_key_id)
        check_canned_acl(ACL, grants=False, ownership=access.ownership, blocked=access.blocked)
        if self._is_there(bucket, key, body, metadata):
            return
        data_key = None if kms_key_id is None else self._data_key(access, key, source_arn, kms_key_id)
        encrypter, identity = (None, None) if data_key is None else data_key.encrypter()
        draft = self._buckets.objects.draft([] if data_key is None else [_DIGEST], encrypter)
        try:
            draft.write(body)
            sealed = draft.seal()
            attributes = Attributes(headers={"ContentType": "application/json"}, metadata=dict(metadata))
            if data_key is not None:
                checksum = Checksum(_DIGEST, sealed.checksums[_DIGEST])
                attributes = msgspec.structs.replace(attributes, sse_kms=data_key.sse, checksum=checksum)
            writing = Writing(bucket=bucket, key=key, owner=access.bucket.account_id, attributes=attributes)
            self._buckets.objects.put(sealed, writing, etag=identity)
        finally:
            draft.give_up()

    def _data_key(self, access: Access, key: str, source_arn: str, kms_key_id: str) -> DataKey:
        caller = ServiceCaller(
            principal=self._principal,
            account_id=source_arn.split(":")[4],
            region=access.bucket.region,
            source_arn=source_arn,
        )
        wanted = Wanted(
            key_id=kms_key_id, bucket_key_enabled=access.encryption.bucket_key_enabled, context={_CONTEXT_OF_SOURCE: source_arn}
        )
        return self._keys.new(caller, wanted, access.bucket.name, key)

    def _is_there(self, bucket: str, key: str, body: bytes, metadata: Mapping[str, str]) -> bool:
        try:
            opened = self._buckets.objects.open(bucket, key)
        except NoSuchKey:
            return False
        stored = opened.stored
        if stored.attributes.sse_kms is not None:
            # The service may not be allowed to decrypt what it wrote: what it was is told by its checksum.
            opened.close()
            digest = Checksum(_DIGEST, encoded(hashlib.sha256(body).digest()))
            return stored.attributes.checksum == digest and stored.attributes.metadata == dict(metadata)
        same = stored.etag == hashlib.md5(body, usedforsecurity=False).hexdigest() and stored.attributes.metadata == dict(metadata)
        whole = same and opened.read(0, len(body) + 1) == body
        opened.close()
        return whole

    def _may_put(self, access: Access, bucket: str, key: str, source_arn: str, account_id: str, kms_key_id: str | None) -> None:
        said = {"s3:x-amz-acl": (ACL,), _SSE: (SSE_S3 if kms_key_id is None else SSE_KMS,)}
        if kms_key_id is not None:
            said[_SSE_KEY] = (kms_key_id,)
        self._judge(access, "s3:PutObject", object_arn(bucket, key), source_arn, account_id, said)

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
