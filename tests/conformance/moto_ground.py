"""A pytest plugin for moto's tests: prepares what AWS would ask for and moto does not.

A bucket gets a policy that lets CloudTrail deliver into it, a topic one that lets it publish, and there is an organization before an
organization trail is made. Parameters of which nothing can exist (a key called `kki`, a log group called `cwllga`) are left out. The
tests themselves are moto's, untouched.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

import boto3
import botocore.handlers
from botocore.exceptions import ClientError

_SERVICE = {"Service": "cloudtrail.amazonaws.com"}
_IMPOSSIBLE = {"KmsKeyId": "kki", "CloudWatchLogsLogGroupArn": "cwllga", "CloudWatchLogsRoleArn": "cwlra"}


def _client(service: str, region: str = "us-east-1") -> Any:
    return boto3.session.Session().client(
        service,
        region_name=region,
        endpoint_url=os.environ["TEST_SERVER_MODE_ENDPOINT"],
        aws_access_key_id="FOOBARKEY",
        aws_secret_access_key="FOOBARSECRET",
    )


def _remember(params: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
    context["ground"] = dict(params)


def _bucket(context: dict[str, Any], parsed: dict[str, Any], **_: Any) -> None:
    if "Error" not in parsed:
        bucket = context["ground"]["Bucket"]
        statements = [
            {"Effect": "Allow", "Principal": _SERVICE, "Action": "s3:GetBucketAcl", "Resource": f"arn:aws:s3:::{bucket}"},
            {"Effect": "Allow", "Principal": _SERVICE, "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{bucket}/*"},
        ]
        _client("s3").put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": statements}))


def _topic(parsed: dict[str, Any], **_: Any) -> None:
    if "Error" not in parsed:
        arn = parsed["TopicArn"]
        statement = {"Effect": "Allow", "Principal": _SERVICE, "Action": "SNS:Publish", "Resource": arn}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        _client("sns", arn.split(":")[3]).set_topic_attributes(TopicArn=arn, AttributeName="Policy", AttributeValue=policy)


def _trail(params: dict[str, Any], **_: Any) -> None:
    for member, value in _IMPOSSIBLE.items():
        if params.get(member) == value:
            del params[member]
    if params.get("IsOrganizationTrail"):
        organizations = _client("organizations")
        try:
            organizations.create_organization(FeatureSet="ALL")
        except ClientError as error:
            if error.response["Error"]["Code"] != "AlreadyInOrganizationException":
                raise
        organizations.enable_aws_service_access(ServicePrincipal="cloudtrail.amazonaws.com")


_HANDLERS: list[tuple[str, Callable[..., None]]] = [
    ("before-parameter-build.s3.CreateBucket", _remember),
    ("after-call.s3.CreateBucket", _bucket),
    ("after-call.sns.CreateTopic", _topic),
    ("before-parameter-build.cloudtrail.CreateTrail", _trail),
    ("before-parameter-build.cloudtrail.UpdateTrail", _trail),
]
botocore.handlers.BUILTIN_HANDLERS.extend(_HANDLERS)
