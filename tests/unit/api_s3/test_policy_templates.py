"""The bucket from which `aws cloudtrail create-subscription` takes its policy templates."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from opentrail.wire.faults import Fault

BUCKET = "awscloudtrail-policy-eu-west-1"
S3_TEMPLATE = "policy/S3/AWSCloudTrail-S3BucketPolicy-2014-12-17.json"
SNS_TEMPLATE = "policy/SNS/AWSCloudTrail-SnsTopicPolicy-2014-12-17.json"


def code_of(s3: Any, operation: str, **facts: Any) -> str:
    with pytest.raises(Fault) as caught:
        s3(operation, **facts)
    return caught.value.code


@pytest.mark.parametrize(
    ("key", "placeholders"),
    [
        (S3_TEMPLATE, ["<BucketName>", "<Prefix>/", "<CustomerAccountID>"]),
        (SNS_TEMPLATE, ["<Region>", "<SNSTopicOwnerAccountId>", "<SNSTopicName>"]),
    ],
)
def test_a_template_is_a_policy_with_the_places_that_the_cli_fills(s3: Any, key: str, placeholders: list[str]) -> None:
    answer = s3("GetObject", Bucket=BUCKET, Key=key)
    body = answer["Body"]
    text = body.decode() if isinstance(body, bytes) else asyncio.run(_whole(body)).decode()
    assert all(placeholder in text for placeholder in placeholders)
    assert all(one["Principal"] == {"Service": "cloudtrail.amazonaws.com"} for one in json.loads(text)["Statement"])
    head = s3("HeadObject", Bucket=BUCKET, Key=key)
    assert (head["ContentLength"], head["ETag"]) == (len(text), answer["ETag"])
    assert "Body" not in head


async def _whole(body: Any) -> bytes:
    return b"".join([piece async for piece in body])


def test_nothing_else_can_be_done_with_it(s3: Any) -> None:
    assert code_of(s3, "GetObject", Bucket=BUCKET, Key="other") == "NoSuchKey"
    assert code_of(s3, "CreateBucket", Bucket=BUCKET) == "BucketAlreadyExists"
    for operation, more in [
        ("HeadBucket", {}),
        ("ListObjectsV2", {}),
        ("PutObject", {"Key": S3_TEMPLATE, "body": b"x"}),
        ("DeleteObject", {"Key": S3_TEMPLATE}),
        ("PutBucketPolicy", {"Policy": "{}"}),
    ]:
        assert code_of(s3, operation, Bucket=BUCKET, **more) == "NoSuchBucket", operation
    s3("CreateBucket", Bucket="awscloudtrail-policy-mine")
    assert code_of(s3, "GetObject", Bucket="awscloudtrail-policy-mine", Key=S3_TEMPLATE) == "NoSuchKey"
