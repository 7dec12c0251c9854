"""How many policy evaluations one core makes in a second: the question that every call asks at least once.

    python bench/policies.py [--quick] [--out FILE]

A user with five policies of the usual kind asks for eight different things, some allowed, some not; then with a boundary and two levels of
service control policies on top; then for objects of a bucket with a policy. Each evaluation is a new request, as in the endpoint.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from part import Line, finish, options

from opentrail.identity.policies import Policy, PolicyRequest, PolicySet, evaluate, request_context
from opentrail.identity.principals import Principal

GOAL = 20_000
"""Far more than calls in a second: judging must not be what a call waits for."""
ACCOUNT = "111122223333"
ALICE = Principal(
    type="IAMUser",
    account_id=ACCOUNT,
    principal_id="AIDAEXAMPLEUSER000001",
    arn=f"arn:aws:iam::{ACCOUNT}:user/alice",
    user_name="alice",
    tags={"team": "blue"},
)


def policy(*statements: dict[str, Any]) -> Policy:
    return Policy.parse(json.dumps({"Version": "2012-10-17", "Statement": list(statements)}))


def allow(action: Any, resource: Any = "*", **condition: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **({"Condition": condition} if condition else {})}


def deny(action: Any, resource: Any = "*", **condition: Any) -> dict[str, Any]:
    return {**allow(action, resource, **condition), "Effect": "Deny"}


IDENTITY = (
    policy(
        allow(["s3:ListAllMyBuckets", "s3:GetBucketLocation"], "arn:aws:s3:::*"),
        allow("s3:ListBucket", "arn:aws:s3:::home", StringLike={"s3:prefix": ["", "home/", "home/${aws:username}/*"]}),
        allow("s3:*", ["arn:aws:s3:::home/home/${aws:username}", "arn:aws:s3:::home/home/${aws:username}/*"]),
    ),
    policy(
        allow(["cloudtrail:Get*", "cloudtrail:Describe*", "cloudtrail:List*", "cloudtrail:LookupEvents"]),
        allow(["cloudtrail:StartLogging", "cloudtrail:StopLogging"], f"arn:aws:cloudtrail:*:{ACCOUNT}:trail/team-*"),
    ),
    policy(
        allow(["ec2:Describe*", "ec2:RunInstances"], StringEquals={"aws:RequestedRegion": ["eu-west-1", "us-east-1"]}),
        allow("ec2:*", f"arn:aws:ec2:*:{ACCOUNT}:instance/*", StringEquals={"aws:ResourceTag/team": "${aws:PrincipalTag/team}"}),
    ),
    policy(allow(["iam:*AccessKey*", "iam:ChangePassword", "iam:GetUser"], f"arn:aws:iam::{ACCOUNT}:user/${{aws:username}}")),
    policy(
        deny("*", Bool={"aws:SecureTransport": "false"}),
        deny(["cloudtrail:DeleteTrail", "cloudtrail:PutEventSelectors"]),
        deny("*", NotIpAddress={"aws:SourceIp": ["10.0.0.0/8", "198.51.100.0/24"]}, Bool={"aws:ViaAWSService": "false"}),
    ),
)
BOUNDARY = policy(allow(["s3:*", "ec2:*", "cloudtrail:*", "iam:Get*", "iam:List*", "iam:*AccessKey*"]), deny("iam:*Boundary"))
FULL = policy(allow("*"))
LEVELS = ((FULL,), (FULL, policy(deny("*", StringNotEquals={"aws:RequestedRegion": ["eu-west-1", "us-east-1"]}))))
BUCKET = policy(
    {**allow("s3:GetObject", "arn:aws:s3:::shared/*"), "Principal": {"AWS": [f"arn:aws:iam::{ACCOUNT}:user/bob", ALICE.arn]}},
    {**deny("s3:*", ["arn:aws:s3:::shared", "arn:aws:s3:::shared/*"], Bool={"aws:SecureTransport": "false"}), "Principal": "*"},
)

ASKED = (
    ("s3:GetObject", "arn:aws:s3:::home/home/alice/notes.txt"),
    ("s3:GetObject", "arn:aws:s3:::home/home/bob/notes.txt"),
    ("s3:ListAllMyBuckets", "*"),
    ("cloudtrail:LookupEvents", "*"),
    ("cloudtrail:StopLogging", f"arn:aws:cloudtrail:eu-west-1:{ACCOUNT}:trail/team-blue"),
    ("cloudtrail:DeleteTrail", f"arn:aws:cloudtrail:eu-west-1:{ACCOUNT}:trail/team-blue"),
    ("ec2:DescribeInstances", "*"),
    ("iam:CreateAccessKey", f"arn:aws:iam::{ACCOUNT}:user/alice"),
)
OBJECTS = tuple(("s3:GetObject", f"arn:aws:s3:::shared/reports/2026/{number:02}.csv") for number in range(8))


def per_second(seconds: float, asked: Sequence[tuple[str, str]], judge: Callable[[PolicyRequest], object]) -> float:
    """Evaluations in a second: the best of five rounds, so that what else the machine does counts as little as can be."""
    now = datetime(2026, 1, 5, 10, tzinfo=UTC)
    context = request_context(source_ip="198.51.100.7", secure=True, time=now, region="eu-west-1", user_agent="Boto3/1.44")
    best = 0.0
    for _ in range(5):
        made = 0
        begin = time.perf_counter()
        while (taken := time.perf_counter() - begin) < seconds / 5:
            for action, resource in asked:
                judge(PolicyRequest(principal=ALICE, action=action, resource=resource, context=context, resource_account_id=ACCOUNT))
            made += len(asked)
        best = max(best, made / taken)
    return best


def main() -> None:
    chosen = options(__doc__)
    seconds = 0.5 if chosen.quick else 5.0
    alone, limited = PolicySet(identity=IDENTITY), PolicySet(identity=IDENTITY, boundary=BOUNDARY)
    found = {
        "policies: a user with five policies": per_second(seconds, ASKED, lambda request: evaluate(request, alone)),
        "policies: and a boundary, and two levels of service control policies": per_second(
            seconds, ASKED, lambda request: evaluate(request, limited, service_control=LEVELS)
        ),
        "policies: and the policy of a bucket": per_second(seconds, OBJECTS, lambda request: evaluate(request, alone, BUCKET)),
    }
    lines = [
        Line(
            what=what,
            reached=f"{rate:,.0f} evaluations/s on one core",
            goal=f"at least {GOAL:,}/s" if number == 0 else "",
            met=rate >= GOAL if number == 0 else None,
        )
        for number, (what, rate) in enumerate(found.items())
    ]
    finish(lines, {"evaluations_per_second": found}, chosen)


if __name__ == "__main__":
    main()
