"""Which permissions a call of S3 takes: IAM action, resource, condition keys (service authorization reference, "Amazon S3")."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from opentrail.api.call import Call, Need
from opentrail.api.s3.lock_needs import BYPASS, LOCK_KEYS, lock_actions, lock_keys
from opentrail.api.s3.requests import copy_source, has_grants, header_tags
from opentrail.buckets import Buckets
from opentrail.buckets.configurations import BUCKET_OWNER_ENFORCED, Access
from opentrail.buckets.faults import MethodNotAllowed, NoSuchBucket, NoSuchKey, NoSuchVersion
from opentrail.buckets.names import bucket_arn, object_arn
from opentrail.wire.faults import Fault

_ACTIONS = {
    # Where the IAM action is not called like the operation.
    "ListBuckets": "ListAllMyBuckets",
    "HeadBucket": "ListBucket",
    "ListObjects": "ListBucket",
    "ListObjectsV2": "ListBucket",
    "ListObjectVersions": "ListBucketVersions",
    "ListMultipartUploads": "ListBucketMultipartUploads",
    "DeleteBucketTagging": "PutBucketTagging",
    "DeleteBucketOwnershipControls": "PutBucketOwnershipControls",
    "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
    "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
    "DeletePublicAccessBlock": "PutBucketPublicAccessBlock",
    "GetBucketEncryption": "GetEncryptionConfiguration",
    "PutBucketEncryption": "PutEncryptionConfiguration",
    "DeleteBucketEncryption": "PutEncryptionConfiguration",
    "GetBucketLifecycle": "GetLifecycleConfiguration",
    "GetBucketLifecycleConfiguration": "GetLifecycleConfiguration",
    "PutBucketLifecycle": "PutLifecycleConfiguration",
    "PutBucketLifecycleConfiguration": "PutLifecycleConfiguration",
    "DeleteBucketLifecycle": "PutLifecycleConfiguration",
    "GetBucketCors": "GetBucketCORS",
    "PutBucketCors": "PutBucketCORS",
    "DeleteBucketCors": "PutBucketCORS",
    "GetBucketReplication": "GetReplicationConfiguration",
    "PutBucketReplication": "PutReplicationConfiguration",
    "DeleteBucketReplication": "PutReplicationConfiguration",
    "GetBucketAccelerateConfiguration": "GetAccelerateConfiguration",
    "PutBucketAccelerateConfiguration": "PutAccelerateConfiguration",
    "GetBucketNotificationConfiguration": "GetBucketNotification",
    "PutBucketNotificationConfiguration": "PutBucketNotification",
    "GetObjectLockConfiguration": "GetBucketObjectLockConfiguration",
    "PutObjectLockConfiguration": "PutBucketObjectLockConfiguration",
    "ListBucketAnalyticsConfigurations": "GetAnalyticsConfiguration",
    "ListBucketIntelligentTieringConfigurations": "GetIntelligentTieringConfiguration",
    "ListBucketInventoryConfigurations": "GetInventoryConfiguration",
    "ListBucketMetricsConfigurations": "GetMetricsConfiguration",
    "HeadObject": "GetObject",
    "CopyObject": "PutObject",
    "CreateMultipartUpload": "PutObject",
    "UploadPart": "PutObject",
    "UploadPartCopy": "PutObject",
    "CompleteMultipartUpload": "PutObject",
    "ListParts": "ListMultipartUploadParts",
}
_OF_VERSION = {
    # With a version id the action on a version is asked for.
    "GetObject": "GetObjectVersion",
    "HeadObject": "GetObjectVersion",
    "DeleteObject": "DeleteObjectVersion",
    "GetObjectTagging": "GetObjectVersionTagging",
    "PutObjectTagging": "PutObjectVersionTagging",
    "DeleteObjectTagging": "DeleteObjectVersionTagging",
    "GetObjectAcl": "GetObjectVersionAcl",
    "PutObjectAcl": "PutObjectVersionAcl",
}
_KEYS = {
    "Prefix": "s3:prefix",
    "Delimiter": "s3:delimiter",
    "MaxKeys": "s3:max-keys",
    "ACL": "s3:x-amz-acl",
    "GrantFullControl": "s3:x-amz-grant-full-control",
    "GrantRead": "s3:x-amz-grant-read",
    "GrantReadACP": "s3:x-amz-grant-read-acp",
    "GrantWrite": "s3:x-amz-grant-write",
    "GrantWriteACP": "s3:x-amz-grant-write-acp",
    "ServerSideEncryption": "s3:x-amz-server-side-encryption",
    "SSEKMSKeyId": "s3:x-amz-server-side-encryption-aws-kms-key-id",
    "SSECustomerAlgorithm": "s3:x-amz-server-side-encryption-customer-algorithm",
    "StorageClass": "s3:x-amz-storage-class",
    "CopySource": "s3:x-amz-copy-source",
    "MetadataDirective": "s3:x-amz-metadata-directive",
    "WebsiteRedirectLocation": "s3:x-amz-website-redirect-location",
    "ObjectOwnership": "s3:x-amz-object-ownership",
    "VersionId": "s3:VersionId",
    "IfMatch": "s3:if-match",
    "IfNoneMatch": "s3:if-none-match",
}
_FURTHER_KEYS = ("s3:authType", "s3:x-amz-content-sha256", "s3:LocationConstraint", "s3:RequestObjectTagKeys")
TOLD_KEYS = frozenset(key.lower() for key in (*_KEYS.values(), *LOCK_KEYS, *_FURTHER_KEYS))
"""Condition keys (in lower case) that a request tells by itself; so do those below `s3:requestobjecttag/`."""

_TAGGED = ("GetObject", "HeadObject", "GetObjectTagging", "PutObjectTagging", "DeleteObjectTagging", "GetObjectAcl", "PutObjectAcl")
"""Operations whose permission may depend on the tags that the object has (`s3:ExistingObjectTag/<key>`)."""
_ROOT_ALWAYS = ("GetBucketPolicy", "PutBucketPolicy", "DeleteBucketPolicy")
"""What a bucket policy cannot take from the root user of the bucket's account: otherwise nobody could ever repair it."""


KeyMeant = Callable[[str, str, str], str | None]
"""(account, Region, key id or alias) → ARN of the KMS key that is meant."""


class Needs:
    """Works out the needs of calls; reads buckets' policies, from memory as a rule."""

    def __init__(self, buckets: Buckets | None, key_meant: KeyMeant | None = None) -> None:
        """`buckets`: `None` when they are somebody else's, so that only the caller's own policies count."""
        self._buckets = buckets
        self._key_meant = key_meant

    def of(self, call: Call) -> Sequence[Need]:
        """What the caller must be allowed. For a bucket that does not exist only the caller's own policies count."""
        given = call.parameters
        bucket = given.get("Bucket")
        if call.operation == "ListBuckets" or bucket is None:
            return [Need(action=f"s3:{_ACTIONS.get(call.operation, call.operation)}", context=_common(call))]
        if call.operation == "CreateBucket":
            return _creation(call, bucket)
        access = self._access(bucket)
        context = {**_common(call), **_from_parameters(given), **lock_keys(given, call.time)}
        if given.get("SSEKMSKeyId") and access is not None and self._key_meant is not None:
            # Policies speak of keys by their ARNs (S3 user guide, "Requiring AWS KMS for all uploads").
            arn = self._key_meant(call.account_id, access.bucket.region, given["SSEKMSKeyId"])
            context[_KEYS["SSEKMSKeyId"]] = (arn or given["SSEKMSKeyId"],)
        bypasses = [BYPASS] if given.get("BypassGovernanceRetention") and self._has_locks(bucket) else []
        if call.operation == "DeleteObjects":
            return [
                self._need(action, call, access, context, bucket, key)
                for entry in (given.get("Delete") or {}).get("Objects") or []
                if (key := entry.get("Key"))
                for action in ("s3:DeleteObjectVersion" if entry.get("VersionId") else "s3:DeleteObject", *bypasses)
            ]
        key = given.get("Key")
        if key and call.operation in _TAGGED:
            context |= self._existing_tags(bucket, key, given.get("VersionId"))
        needs = [self._need(action, call, access, context, bucket, key) for action in (*self._actions(call, access), *bypasses)]
        if "CopySource" in given:
            needs += self._source(call)
        return needs

    def _actions(self, call: Call, access: Access | None) -> list[str]:
        given, operation = call.parameters, call.operation
        plain = _ACTIONS.get(operation, operation)
        if given.get("VersionId") and operation in _OF_VERSION:
            plain = _OF_VERSION[operation]
        actions = [f"s3:{plain}"]
        if operation == "GetObjectAttributes":
            version = "Version" if given.get("VersionId") else ""
            actions = [f"s3:GetObject{version}", f"s3:GetObject{version}Attributes"]
        if operation in ("PutObject", "CopyObject", "CreateMultipartUpload"):
            actions += lock_actions(given)
            if given.get("Tagging"):
                actions.append("s3:PutObjectTagging")
            # Where ACLs are off the header has no effect, so it takes no permission either.
            acls = access is not None and access.ownership != BUCKET_OWNER_ENFORCED
            if acls and (given.get("ACL") or has_grants(given)):
                actions.append("s3:PutObjectAcl")
        return actions

    def _need(
        self, action: str, call: Call, access: Access | None, context: Mapping[str, Sequence[str]], bucket: str, key: str | None
    ) -> Need:
        resource = object_arn(bucket, key) if key else bucket_arn(bucket)
        if access is None:
            return Need(action=action, resource=resource, context=context)
        owner = access.bucket.account_id
        policy = access.policy_for(call.caller.account_id, service=call.caller.type == "AWSService")
        if call.operation in _ROOT_ALWAYS and call.caller.type == "Root" and call.caller.account_id == owner:
            policy = None
        return Need(
            action=action,
            resource=resource,
            context={**context, "s3:ResourceAccount": (owner,)},
            resource_policy=policy,
            resource_account_id=owner,
        )

    def _source(self, call: Call) -> list[Need]:
        try:
            source = copy_source(call.parameters["CopySource"])
        except Fault:
            return []  # the handler says what is wrong with it
        access = self._access(source.bucket)
        context = {**_common(call), **self._existing_tags(source.bucket, source.key, source.version_id)}
        action = "s3:GetObject"
        if source.version_id is not None:
            action, context["s3:VersionId"] = "s3:GetObjectVersion", (source.version_id,)
        return [self._need(action, call, access, context, source.bucket, source.key)]

    def _has_locks(self, bucket: str) -> bool:
        """Whether Object Lock is on; as it is now, since somebody may have turned it on a moment ago."""
        if self._buckets is None:
            return True
        try:
            return self._buckets.configurations.access(bucket, fresh=True).bucket.object_lock
        except NoSuchBucket:
            return False

    def _access(self, bucket: str) -> Access | None:
        if self._buckets is None:
            return None
        try:
            return self._buckets.configurations.access(bucket)
        except NoSuchBucket:
            return None

    def _existing_tags(self, bucket: str, key: str, version_id: str | None) -> dict[str, Sequence[str]]:
        if self._buckets is None:
            return {}
        try:
            tags = self._buckets.objects.find(bucket, key, version_id).tags
        except (MethodNotAllowed, NoSuchKey, NoSuchBucket, NoSuchVersion, UnicodeEncodeError):
            return {}
        return {f"s3:ExistingObjectTag/{name}": (value,) for name, value in tags.items()}


def _creation(call: Call, bucket: str) -> list[Need]:
    given = call.parameters
    configuration = given.get("CreateBucketConfiguration") or {}
    context = {**_common(call), **_from_parameters(given)}
    if configuration.get("LocationConstraint"):
        context["s3:LocationConstraint"] = (configuration["LocationConstraint"],)
    actions = ["s3:CreateBucket"]
    if given.get("ACL") or has_grants(given):
        actions.append("s3:PutBucketAcl")
    if given.get("ObjectOwnership"):
        actions.append("s3:PutBucketOwnershipControls")
    if given.get("ObjectLockEnabledForBucket"):
        actions += ["s3:PutBucketObjectLockConfiguration", "s3:PutBucketVersioning"]
    if configuration.get("Tags"):
        actions.append("s3:TagResource")
        context |= _tag_keys("aws:RequestTag", "aws:TagKeys", {tag.get("Key", ""): tag.get("Value", "") for tag in configuration["Tags"]})
    return [Need(action=action, resource=bucket_arn(bucket), context=context) for action in actions]


def _common(call: Call) -> dict[str, Sequence[str]]:
    query = call.request.query.lower()
    signed_url = "x-amz-signature=" in query or "&signature=" in f"&{query}"
    context: dict[str, Sequence[str]] = {"s3:authType": ("REST-QUERY-STRING" if signed_url else "REST-HEADER",)}
    content = call.request.headers.get("x-amz-content-sha256")
    if content:
        context["s3:x-amz-content-sha256"] = (content,)
    return context


def _from_parameters(given: Mapping[str, Any]) -> dict[str, Sequence[str]]:
    context: dict[str, Sequence[str]] = {key: (str(given[name]),) for name, key in _KEYS.items() if given.get(name) is not None}
    tags: Mapping[str, str] = {}
    tagging = given.get("Tagging")
    if isinstance(tagging, str):
        try:
            tags = header_tags(tagging)
        except Fault:
            tags = {}  # the handler says what is wrong with them
    elif isinstance(tagging, Mapping):
        tags = {tag.get("Key", ""): tag.get("Value", "") for tag in tagging.get("TagSet") or []}
    return context | _tag_keys("s3:RequestObjectTag", "s3:RequestObjectTagKeys", tags)


def _tag_keys(each: str, names: str, tags: Mapping[str, str]) -> dict[str, Sequence[str]]:
    if not tags:
        return {}
    return {**{f"{each}/{name}": (value,) for name, value in tags.items()}, names: tuple(tags)}
