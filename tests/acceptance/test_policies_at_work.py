"""Policies as users meet them: boto3 against a running server, our own services and a forwarded one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from simulators.running import RunningOpenTrail


@pytest.fixture(scope="module")
def opentrail(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningOpenTrail]:
    """Its DynamoDB is forwarded to a place where nobody listens: who gets as far as that was let through."""
    folder: Path = tmp_path_factory.mktemp("policies")
    with RunningOpenTrail(
        folder, options=("--upstream", "dynamodb=http://127.0.0.1:9"), settings={"identity.enforce_upstream": "true"}
    ) as running:
        yield running


def user(opentrail: RunningOpenTrail, name: str, *statements: dict[str, Any]) -> tuple[str, str]:
    """A new user with one policy; its access key."""
    iam = opentrail.client("iam")
    iam.create_user(UserName=name)
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": list(statements)}))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return key["AccessKeyId"], key["SecretAccessKey"]


def refusal(what: Any, **parameters: Any) -> str:
    with pytest.raises(ClientError) as error:
        what(**parameters)
    return f"{error.value.response['Error']['Code']}: {error.value.response['Error']['Message']}"


def test_a_forwarded_call_takes_a_permission(opentrail: RunningOpenTrail) -> None:
    table = "arn:aws:dynamodb:us-east-1:123456789012:table/orders"
    key = user(opentrail, "ana", {"Effect": "Allow", "Action": "dynamodb:*", "Resource": table})
    dynamodb = opentrail.client("dynamodb", key=key)
    assert "cannot be reached" in refusal(dynamodb.describe_table, TableName="orders")
    assert refusal(dynamodb.describe_table, TableName="secrets") == (
        "AccessDeniedException: User: arn:aws:iam::123456789012:user/ana is not authorized to perform: dynamodb:DescribeTable on resource: "
        "arn:aws:dynamodb:us-east-1:123456789012:table/secrets because no identity-based policy allows the dynamodb:DescribeTable action"
    )


def test_one_trail_is_given_to_one_person(opentrail: RunningOpenTrail) -> None:
    key = user(opentrail, "ben", {"Effect": "Allow", "Action": "cloudtrail:*", "Resource": "arn:aws:cloudtrail:*:*:trail/${aws:username}"})
    cloudtrail = opentrail.client("cloudtrail", key=key)
    assert refusal(cloudtrail.get_trail, Name="ben").startswith("TrailNotFoundException")
    assert "not authorized to perform: cloudtrail:GetTrail on resource" in refusal(cloudtrail.get_trail, Name="audit")


def test_a_malformed_policy_is_refused_with_what_to_change(opentrail: RunningOpenTrail) -> None:
    iam = opentrail.client("iam")
    statement = {"Effect": "Allow", "Action": "s3:*", "Resource": "*", "Condition": {"StringEqual": {"aws:username": "ana"}}}
    document = json.dumps({"Version": "2012-10-17", "Statement": statement})
    assert refusal(iam.create_policy, PolicyName="p", PolicyDocument=document) == (
        "MalformedPolicyDocument: Invalid Condition type : StringEqual. The nearest one that exists is StringEquals."
    )
    twice = document.replace('"Effect": "Allow"', '"Effect": "Deny", "Effect": "Allow"')
    assert refusal(iam.create_policy, PolicyName="p", PolicyDocument=twice) == (
        "MalformedPolicyDocument: Syntax errors in policy. Effect is given more than once in the same object."
    )
    s3 = opentrail.client("s3")
    s3.create_bucket(Bucket="malformed-policy")
    bucket = {"Effect": "Allow", "NotPrincipal": {"AWS": "123456789012"}, "Action": "s3:*", "Resource": "arn:aws:s3:::malformed-policy"}
    document = json.dumps({"Version": "2012-10-17", "Statement": bucket})
    assert refusal(s3.put_bucket_policy, Bucket="malformed-policy", Policy=document) == (
        "MalformedPolicy: NotPrincipal cannot be used with the effect Allow; name those who are allowed in Principal."
    )
