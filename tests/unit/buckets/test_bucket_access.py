"""Bucket policies and ACLs: what is taken, what counts as public."""

from __future__ import annotations

import json
from typing import Any

import pytest

from opentrail.buckets.access import NOTHING_BLOCKED, PublicAccessBlock, check_canned_acl, check_policy, is_public
from opentrail.buckets.faults import (
    AccessControlListNotSupported,
    AccessDenied,
    InvalidArgument,
    MalformedPolicy,
    NoSuchBucketPolicy,
    NotServed,
)

ARN = "arn:aws:s3:::example-logs"


def policy(**members: Any) -> str:
    statement = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"{ARN}/*"} | members
    return json.dumps({"Version": "2012-10-17", "Statement": [{name: value for name, value in statement.items() if value is not None}]})


@pytest.mark.parametrize(
    "text",
    [
        "",
        " {}",
        "null",
        "{",
        "[]",
        policy(Principal=None),
        policy(Resource=None),
        policy(Resource="arn:aws:s3:::other/*"),
        policy(Resource="arn:aws:s3:::example-logs-too/*"),
        policy(Action="sns:Publish"),
        policy(Effect="Maybe"),
        policy(Sid="x" * 21000),
    ],
)
def test_a_policy_that_cannot_be_this_buckets_is_malformed(text: str) -> None:
    with pytest.raises(MalformedPolicy):
        check_policy(text, "example-logs")


@pytest.mark.parametrize(
    "text",
    [
        policy(),
        policy(Action=["s3:GetObject", "S3:PutObject"], Resource=[ARN, f"{ARN}/*"]),
        policy(Action="*", Resource=f"{ARN}*"),
        policy(Principal={"Service": "cloudtrail.amazonaws.com"}, Condition={"StringEquals": {"aws:SourceArn": "arn:aws:x"}}),
        policy(Effect="Deny", Action="s3:*", Condition={"Bool": {"aws:SecureTransport": "false"}}),
    ],
)
def test_a_policy_of_this_bucket_is_taken(text: str) -> None:
    check_policy(text, "example-logs")


@pytest.mark.parametrize(
    ("members", "public"),
    [
        ({}, True),
        ({"Principal": {"AWS": "*"}}, True),
        ({"Principal": {"AWS": ["arn:aws:iam::111122223333:root", "*"]}}, True),
        ({"Principal": {"AWS": "arn:aws:iam::111122223333:root"}}, False),
        ({"Principal": {"Service": "cloudtrail.amazonaws.com"}}, False),
        ({"Principal": None, "NotPrincipal": {"AWS": "arn:aws:iam::111122223333:root"}}, True),
        ({"Effect": "Deny"}, False),
        ({"Condition": {"StringEquals": {"aws:SourceAccount": "111122223333"}}}, False),
        ({"Condition": {"StringEquals": {"aws:sourceaccount": ["111122223333"]}}}, False),
        ({"Condition": {"StringLike": {"aws:SourceAccount": "1111*"}}}, True),
        ({"Condition": {"StringEqualsIfExists": {"aws:SourceAccount": "111122223333"}}}, True),
        ({"Condition": {"StringNotEquals": {"aws:SourceAccount": "111122223333"}}}, True),
        ({"Condition": {"ArnLike": {"aws:SourceArn": "arn:aws:cloudtrail:*:111122223333:trail/*"}}}, True),
        ({"Condition": {"ArnLike": {"aws:SourceArn": "arn:aws:cloudtrail:us-east-1:111122223333:trail/*"}}}, False),
        ({"Condition": {"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}}}, True),
        ({"Condition": {"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}}, False),
        ({"Condition": {"StringEquals": {"s3:x-amz-acl": "private"}}}, True),
        ({"Condition": {"StringEquals": {"aws:PrincipalOrgID": "${aws:x}"}}}, True),
    ],
)
def test_what_counts_as_public(members: dict[str, Any], public: bool) -> None:
    assert is_public(policy(**members)) is public


@pytest.mark.parametrize(
    ("acl", "grants", "ownership", "blocked", "fault"),
    [
        (None, False, "BucketOwnerEnforced", True, None),
        ("bucket-owner-full-control", False, "BucketOwnerEnforced", True, None),
        ("private", False, "BucketOwnerEnforced", True, AccessControlListNotSupported),
        ("public-read", False, "BucketOwnerEnforced", False, AccessControlListNotSupported),
        (None, True, "BucketOwnerEnforced", False, AccessControlListNotSupported),
        ("no-such-acl", False, "BucketOwnerEnforced", False, InvalidArgument),
        ("private", False, "ObjectWriter", True, None),
        ("bucket-owner-full-control", False, "BucketOwnerPreferred", True, None),
        ("public-read", False, "ObjectWriter", True, AccessDenied),
        ("public-read", False, "ObjectWriter", False, NotServed),
        (None, True, "ObjectWriter", False, NotServed),
    ],
)
def test_which_acls_are_taken(acl: str | None, grants: bool, ownership: str, blocked: bool, fault: type[Exception] | None) -> None:
    block = PublicAccessBlock() if blocked else NOTHING_BLOCKED
    if fault is None:
        check_canned_acl(acl, grants=grants, ownership=ownership, blocked=block)
    else:
        with pytest.raises(fault):
            check_canned_acl(acl, grants=grants, ownership=ownership, blocked=block)


def test_a_new_bucket_takes_no_public_policy(simulated: Any) -> None:
    configurations = simulated.buckets.configurations
    with pytest.raises(AccessDenied):
        configurations.put_policy("example-logs", policy())
    with pytest.raises(NoSuchBucketPolicy):
        configurations.policy("example-logs")
    configurations.put_public_access_block("example-logs", None)
    configurations.put_policy("example-logs", policy())
    assert configurations.policy("example-logs") == policy()


def test_a_public_policy_counts_for_nobody_else_once_public_buckets_are_restricted(simulated: Any) -> None:
    configurations = simulated.buckets.configurations
    configurations.put_public_access_block("example-logs", None)
    configurations.put_policy("example-logs", policy())
    assert configurations.access("example-logs").policy_for("999999999999") == policy()
    configurations.put_public_access_block("example-logs", PublicAccessBlock())
    access = configurations.access("example-logs")
    assert access.policy_for("999999999999") is None
    assert access.policy_for("111122223333") == policy()
    assert access.policy_for("", service=True) == policy()
