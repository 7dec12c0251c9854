"""The policy of a log bucket lets in who it should, and nobody else."""

from __future__ import annotations

import json
from typing import Any

import pytest

from opentrail.buckets.access import check_policy, is_public
from opentrail.cli.log_bucket import LogBucket, creation
from opentrail.clock import ManualClock
from opentrail.identity.policies import Decision, PolicyRequest, PolicySet, evaluate, parsed, request_context
from opentrail.identity.principals import Principal, service_principal

OWNER, OTHER = "111122223333", "444455556666"


def judged(
    bucket: LogBucket, action: str, key: str, *, trail: str | None = None, principal: Principal | None = None, secure: bool = True
) -> Decision:
    context: dict[str, Any] = request_context(source_ip="203.0.113.7", secure=secure, time=ManualClock().now(), region="us-east-1")
    if trail is not None:
        context |= {"aws:SourceArn": (trail,), "s3:x-amz-acl": ("bucket-owner-full-control",)}
    request = PolicyRequest(
        principal=principal or service_principal("cloudtrail.amazonaws.com"),
        action=action,
        resource=f"arn:aws:s3:::logs/{key}",
        context=context,
        resource_account_id=OWNER,
    )
    return evaluate(request, PolicySet(), parsed(json.dumps(bucket.policy)))


def arn(account: str, name: str, region: str = "us-east-1") -> str:
    return f"arn:aws:cloudtrail:{region}:{account}:trail/{name}"


def bucket(**facts: Any) -> LogBucket:
    return LogBucket(name="logs", account_id=OWNER, region="us-east-1", **facts)


@pytest.mark.parametrize("facts", [{}, {"organization": "o-exampleorgid", "trails": ["t"], "prefix": "audit", "tls_only": True}])
def test_it_is_a_valid_policy_that_is_not_public(facts: dict[str, Any]) -> None:
    text = json.dumps(bucket(**facts).policy)
    check_policy(text, "logs")
    assert not is_public(text)


@pytest.mark.parametrize(
    ("facts", "trail", "key", "allowed"),
    [
        ({}, arn(OWNER, "any"), f"AWSLogs/{OWNER}/x", True),
        ({}, arn(OWNER, "any", "eu-west-1"), f"AWSLogs/{OWNER}/x", True),
        ({}, arn(OTHER, "any"), f"AWSLogs/{OTHER}/x", False),
        ({}, arn(OWNER, "any"), f"AWSLogs/{OTHER}/x", False),
        ({"accounts": [OTHER]}, arn(OTHER, "any"), f"AWSLogs/{OTHER}/x", True),
        ({"trails": ["t"]}, arn(OWNER, "t"), f"AWSLogs/{OWNER}/x", True),
        ({"trails": ["t"]}, arn(OWNER, "other"), f"AWSLogs/{OWNER}/x", False),
        ({"trails": ["t"]}, arn(OWNER, "t", "eu-west-1"), f"AWSLogs/{OWNER}/x", False),
        ({"organization": "o-exampleorgid"}, arn(OWNER, "t"), f"AWSLogs/o-exampleorgid/{OTHER}/x", True),
        ({"prefix": "audit"}, arn(OWNER, "t"), f"audit/AWSLogs/{OWNER}/x", True),
        ({"prefix": "audit"}, arn(OWNER, "t"), f"AWSLogs/{OWNER}/x", False),
    ],
)
def test_which_trails_deliver_where(facts: dict[str, Any], trail: str, key: str, allowed: bool) -> None:
    assert judged(bucket(**facts), "s3:PutObject", key, trail=trail).allowed == allowed


def test_only_root_removes() -> None:
    user = Principal(type="IAMUser", account_id=OWNER, arn=f"arn:aws:iam::{OWNER}:user/admin", user_name="admin")
    root = Principal(type="Root", account_id=OWNER, arn=f"arn:aws:iam::{OWNER}:root")
    assert judged(bucket(), "s3:DeleteObjectVersion", "AWSLogs/x", principal=user).explicit_deny
    assert not judged(bucket(), "s3:GetObject", "AWSLogs/x", principal=user).explicit_deny
    assert judged(bucket(), "s3:DeleteObjectVersion", "AWSLogs/x", principal=root).allowed
    assert judged(bucket(tls_only=True), "s3:GetObject", "AWSLogs/x", principal=root, secure=False).explicit_deny


def test_the_region_of_the_bucket() -> None:
    assert creation("logs", "us-east-1") == {"Bucket": "logs"}
    assert creation("logs", "eu-west-1")["CreateBucketConfiguration"] == {"LocationConstraint": "eu-west-1"}
