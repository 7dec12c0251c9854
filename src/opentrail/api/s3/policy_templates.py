"""The buckets `awscloudtrail-policy-<region>`: two policy templates, readable by everybody who is signed in.

`aws cloudtrail create-subscription` and `update-subscription` fetch them and fill in their placeholders (reference of neighbours, §13).
These buckets are AWS's own: nobody can create one, nothing can be written to one, and nobody finds one in a list.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from opentrail.api.call import Answer, Call, Handler, Need
from opentrail.buckets.faults import AccessDenied, BucketAlreadyExists, NoSuchKey
from opentrail.buckets.names import object_arn

_BUCKET: Final = re.compile(r"awscloudtrail-policy-[a-z]{2,}(?:-[a-z]+)+-\d+")
_SINCE: Final = datetime(2014, 12, 17, tzinfo=UTC)
_SERVICE: Final = {"Service": "cloudtrail.amazonaws.com"}
_READ: Final = ("GetObject", "HeadObject")


def _template(*statements: Mapping[str, Any]) -> bytes:
    return json.dumps({"Version": "2012-10-17", "Statement": statements}, indent=2).encode()


_OBJECTS: Final[Mapping[str, bytes]] = {
    "policy/S3/AWSCloudTrail-S3BucketPolicy-2014-12-17.json": _template(
        {
            "Sid": "AWSCloudTrailAclCheck20150319",
            "Effect": "Allow",
            "Principal": _SERVICE,
            "Action": "s3:GetBucketAcl",
            "Resource": "arn:aws:s3:::<BucketName>",
        },
        {
            "Sid": "AWSCloudTrailWrite20150319",
            "Effect": "Allow",
            "Principal": _SERVICE,
            "Action": "s3:PutObject",
            "Resource": "arn:aws:s3:::<BucketName>/<Prefix>/AWSLogs/<CustomerAccountID>/*",
            "Condition": {"StringEquals": {"s3:x-amz-acl": "bucket-owner-full-control"}},
        },
    ),
    "policy/SNS/AWSCloudTrail-SnsTopicPolicy-2014-12-17.json": _template(
        {
            "Sid": "AWSCloudTrailSNSPolicy20150319",
            "Effect": "Allow",
            "Principal": _SERVICE,
            "Action": "SNS:Publish",
            "Resource": "arn:aws:sns:<Region>:<SNSTopicOwnerAccountId>:<SNSTopicName>",
        }
    ),
}
"""Key → template. The placeholders are the AWS CLI's."""

_READABLE: Final = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}]}
)


class PolicyTemplates:
    """Stands before the handlers of S3 for the buckets that it has itself."""

    def over(self, operations: Mapping[str, Handler]) -> dict[str, Handler]:
        """The operations, with these buckets in them."""
        create: Any = operations["CreateBucket"]
        get: Any = operations["GetObject"]
        head: Any = operations["HeadObject"]

        def create_bucket(call: Call) -> Any:
            if is_template_bucket(call):
                raise BucketAlreadyExists(BucketName=call.parameters["Bucket"])
            return create(call)

        def get_object(call: Call) -> Any:
            return self._answer(call) if is_template_bucket(call) else get(call)

        def head_object(call: Call) -> Any:
            return self._answer(call, body=False) if is_template_bucket(call) else head(call)

        return {**operations, "CreateBucket": create_bucket, "GetObject": get_object, "HeadObject": head_object}

    def needs(self, call: Call) -> list[Need]:
        """Everybody may read, unless a policy of the caller denies it."""
        resource = object_arn(call.parameters["Bucket"], call.parameters.get("Key") or "")
        return [Need(action="s3:GetObject", resource=resource, resource_policy=_READABLE, resource_account_id=call.caller.account_id)]

    def _answer(self, call: Call, *, body: bool = True) -> Answer:
        if call.caller.account_id is None:
            raise AccessDenied
        content = _OBJECTS.get(call.parameters["Key"])
        if content is None:
            raise NoSuchKey(Key=call.parameters["Key"])
        result = {
            "ContentLength": len(content),
            "ContentType": "application/json",
            "ETag": f'"{hashlib.md5(content, usedforsecurity=False).hexdigest()}"',
            "LastModified": _SINCE,
        }
        return Answer(result={**result, "Body": content} if body else result)


def is_template_bucket(call: Call) -> bool:
    """Whether a call is about one of these buckets."""
    return _BUCKET.fullmatch(call.parameters.get("Bucket") or "") is not None


def is_reading(call: Call) -> bool:
    """Whether a call reads an object of one of these buckets."""
    return call.operation in _READ and is_template_bucket(call)
