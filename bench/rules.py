"""How many CloudTrail events one core takes through 1, 50, 1,000 and 10,000 event rules in a second.

    python bench/rules.py [--quick] [--out FILE]

The events are made: management and data events of a dozen services in the envelope of EventBridge, some 1.7 kB of JSON each. The rules
are of the kinds that people write: names of calls of a service (most), one bucket or key, a caller by prefix or wildcard, anything but
the own network, failures, `$or`. Each event is taken as JSON text, is parsed, and is asked for; and once more as parsed already, which is
what matching alone costs.

Peer: aws/event-ruler (Java), the matcher that EventBridge itself is built on, in the same run with the same rules and events, when
`OPENTRAIL_EVENT_RULER` holds a class path with its classes and Jackson's (jackson-databind, -core, -annotations) and `java` is 17 or
later. One thread, after a warm-up. Both are measured in processor time of that thread, the best round.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import orjson
from part import Line, finish, options, work_folder

from opentrail.rules.patterns import PatternSet, compiled

SIZES = (1, 50, 1_000, 10_000)
GOAL = 20_000
"""Events a second through 1,000 rules: many times what a front writes, so matching is never what a rule waits for."""
ACCOUNTS = ("111122223333", "444455556666", "777788889999")
REGIONS = ("us-east-1", "eu-west-1", "ap-southeast-2")
CALLS = {
    "s3": "CreateBucket DeleteBucket PutBucketPolicy DeleteBucketPolicy PutBucketAcl PutBucketCors GetObject PutObject DeleteObject",
    "iam": "CreateUser DeleteUser CreateRole DeleteRole AttachRolePolicy DetachRolePolicy PutRolePolicy CreateAccessKey CreatePolicy",
    "ec2": "RunInstances TerminateInstances StopInstances AuthorizeSecurityGroupIngress RevokeSecurityGroupIngress CreateVpc CreateRoute",
    "kms": "Decrypt Encrypt GenerateDataKey DisableKey ScheduleKeyDeletion CreateGrant CreateKey",
    "sts": "AssumeRole AssumeRoleWithSAML GetFederationToken GetSessionToken",
    "cloudtrail": "CreateTrail UpdateTrail DeleteTrail StartLogging StopLogging PutEventSelectors",
    "lambda": "CreateFunction20150331 UpdateFunctionCode20150331v2 DeleteFunction20150331 AddPermission20150331v2 Invoke",
    "rds": "CreateDBInstance DeleteDBInstance ModifyDBInstance CreateDBSnapshot",
    "dynamodb": "CreateTable DeleteTable UpdateTable PutItem",
    "organizations": "CreateAccount AttachPolicy DetachPolicy LeaveOrganization",
    "config": "StopConfigurationRecorder DeleteDeliveryChannel PutConfigurationRecorder",
    "secretsmanager": "CreateSecret DeleteSecret GetSecretValue PutSecretValue",
}
BUCKETS = tuple(f"team-{number:04}-data" for number in range(2_000))
USERS = tuple(f"user-{number:03}" for number in range(300))
JAVA = Path(__file__).with_name("EventRulerPeer.java")


def events(count: int) -> list[bytes]:
    """The JSON texts."""
    pick = random.Random(5)
    return [json.dumps(event(pick, number)).encode() for number in range(count)]


def event(pick: random.Random, number: int) -> dict[str, Any]:
    """One event as a rule sees it."""
    service = pick.choice(tuple(CALLS))
    name = pick.choice(CALLS[service].split())
    account, region, user = pick.choice(ACCOUNTS), pick.choice(REGIONS), pick.choice(USERS)
    root = pick.random() < 0.01
    bucket = pick.choice(BUCKETS)
    asked: dict[str, Any] = {
        "s3": {"bucketName": bucket, "Host": f"{bucket}.s3.{region}.amazonaws.com", "key": f"logs/{number % 365}/{number}.json"},
        "ec2": {"instancesSet": {"items": [{"instanceId": f"i-{number + at:017x}"} for at in range(2)]}, "dryRun": False},
        "iam": {"userName": pick.choice(USERS), "policyArn": "arn:aws:iam::aws:policy/AdministratorAccess"},
        "kms": {"keyId": f"arn:aws:kms:{region}:{account}:key/{pick.randrange(100):032x}", "encryptionContext": {"app": bucket}},
    }.get(service, {"name": f"{service}-{number % 500}", "tags": [{"key": "team", "value": user}, {"key": "stage", "value": "prod"}]})
    who: dict[str, Any] = {
        "type": "Root" if root else "AssumedRole",
        "principalId": f"AROAEXAMPLE{pick.randrange(10**9):010}:{user}",
        "arn": f"arn:aws:iam::{account}:root" if root else f"arn:aws:sts::{account}:assumed-role/team-{number % 40}/{user}",
        "accountId": account,
        "accessKeyId": f"ASIAEXAMPLE{pick.randrange(10**9):09}",
        "sessionContext": {
            "sessionIssuer": {"type": "Role", "arn": f"arn:aws:iam::{account}:role/team-{number % 40}", "accountId": account},
            "attributes": {"creationDate": "2026-01-05T09:00:00Z", "mfaAuthenticated": "false"},
        },
    }
    detail: dict[str, Any] = {
        "eventVersion": "1.11",
        "userIdentity": who,
        "eventTime": "2026-01-05T10:00:00Z",
        "eventSource": f"{service}.amazonaws.com",
        "eventName": name,
        "awsRegion": region,
        "sourceIPAddress": f"10.{number % 7}.{number % 200}.{number % 250}",
        "userAgent": "aws-cli/2.31.0 md/awscrt#0.27.6 ua/2.1 os/linux#6.1 md/arch#x86_64 lang/python#3.13.7 md/pyimpl#CPython",
        "requestParameters": asked,
        "responseElements": None,
        "requestID": f"{number:08x}-0000-4000-8000-000000000000",
        "eventID": f"{number:08x}-1111-4111-8111-111111111111",
        "readOnly": name.startswith("Get"),
        "resources": [
            {"accountId": account, "type": f"AWS::{service.upper()}::Thing", "ARN": f"arn:aws:{service}:{region}:{account}:{bucket}"}
        ],
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": account,
        "eventCategory": "Management",
        "tlsDetails": {
            "tlsVersion": "TLSv1.3",
            "cipherSuite": "TLS_AES_128_GCM_SHA256",
            "clientProvidedHostHeader": f"{service}.{region}.aws",
        },
    }
    if pick.random() < 0.1:
        detail |= {"errorCode": pick.choice(("AccessDenied", "Client.UnauthorizedOperation")), "errorMessage": "not authorized"}
    return {
        "version": "0",
        "id": f"{number:08x}-2222-4222-8222-222222222222",
        "detail-type": "AWS API Call via CloudTrail",
        "source": f"aws.{service}",
        "account": account,
        "time": "2026-01-05T10:00:00Z",
        "region": region,
        "resources": [],
        "detail": detail,
    }


def rules(count: int) -> list[str]:
    """The JSON texts of so many patterns, from the same begin."""
    pick = random.Random(7)
    return [json.dumps(rule(pick, number)) for number in range(count)]


def rule(pick: random.Random, number: int) -> dict[str, Any]:
    """One pattern."""
    service = pick.choice(tuple(CALLS))
    names = CALLS[service].split()
    detail: dict[str, Any] = {
        "eventSource": [f"{service}.amazonaws.com"],
        "eventName": pick.sample(names, min(len(names), pick.randint(1, 4))),
    }
    pattern: dict[str, Any] = {"source": [f"aws.{service}"], "detail-type": ["AWS API Call via CloudTrail"], "detail": detail}
    # So that more rules are not simply more matches, each is for somebody: an account and a caller, or a thing.
    someone = pick.choice(USERS)
    kind = number % 20
    if kind < 8:
        pattern["account"] = [pick.choice(ACCOUNTS)]
        detail["userIdentity"] = {"principalId": [{"suffix": f":{someone}"}]}
    elif kind < 13:
        detail |= {"eventSource": ["s3.amazonaws.com"], "eventName": ["PutObject", "DeleteObject"]}
        pattern["source"] = ["aws.s3"]
        detail["requestParameters"] = {"bucketName": [pick.choice(BUCKETS)]}
    elif kind < 15:
        detail["userIdentity"] = {"arn": [{"wildcard": f"arn:aws:sts::*:assumed-role/team-{number % 40}/{someone}"}]}
    elif kind == 15:
        detail["sourceIPAddress"] = [{"anything-but": {"prefix": "10."}}]
    elif kind == 16:
        detail["errorCode"] = [{"wildcard": "*UnauthorizedOperation"}, {"prefix": "AccessDenied"}]
        detail["userIdentity"] = {"principalId": [{"suffix": f":{someone}"}]}
    elif kind == 17:
        detail["sourceIPAddress"] = [{"cidr": f"10.{number % 7}.{number % 250}.0/24"}]
    elif kind == 18:
        del detail["eventName"]
        detail["requestParameters"] = {"tags": {"key": ["team"], "value": [someone]}}
    else:
        detail["$or"] = [{"userIdentity": {"type": ["Root"]}}, {"requestParameters": {"userName": [someone]}}]
    return pattern


def rate(work: Callable[[], int], count: int, seconds: float) -> float:
    """Events a second of the best of several rounds of `count`."""
    work()
    best = float("inf")
    end = time.perf_counter() + seconds
    while True:
        began = time.thread_time()
        work()
        best = min(best, time.thread_time() - began)
        if time.perf_counter() > end:
            return count / best


def ours(texts: Sequence[bytes], patterns: Sequence[str], seconds: float) -> dict[str, float]:
    began = time.perf_counter()
    found = PatternSet(dict(enumerate(map(compiled, patterns))))
    built = time.perf_counter() - began
    parsed = [orjson.loads(text) for text in texts]
    matching = found.matching
    return {
        "from_text": rate(lambda: sum(len(matching(orjson.loads(text))) for text in texts), len(texts), seconds),
        "parsed": rate(lambda: sum(len(matching(event)) for event in parsed), len(texts), seconds),
        "matches": sum(len(matching(event)) for event in parsed),
        "built_s": built,
    }


def peer(folder: Path, texts: Sequence[bytes], patterns: Sequence[str], seconds: float) -> dict[str, float] | None:
    """What event-ruler does; `None` when it is not there."""
    classes = os.environ.get("OPENTRAIL_EVENT_RULER")
    if not classes or not shutil.which("java"):
        return None
    (folder / "events").write_bytes(b"\n".join(texts))
    (folder / "rules").write_text("\n".join(patterns))
    command = ["java", "-cp", classes, str(JAVA), str(folder / "rules"), str(folder / "events"), str(seconds)]
    answer = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found: dict[str, float] = json.loads(answer)
    return found


def main() -> None:
    chosen = options(__doc__)
    seconds = 0.3 if chosen.quick else 3.0
    texts = events(500 if chosen.quick else 4_000)
    parse = rate(lambda: sum(1 for text in texts if orjson.loads(text)), len(texts), seconds)
    figures: dict[str, Any] = {"bytes": sum(map(len, texts)) / len(texts), "parse_only": parse, "rules": {}}
    lines = []
    with work_folder() as folder:
        for size in SIZES:
            patterns = rules(size)
            found = ours(texts, patterns, seconds)
            other = peer(Path(folder), texts, patterns, seconds)
            figures["rules"][size] = {"ours": found, "event-ruler": other}
            if other is not None and other["matches"] != found["matches"]:
                raise SystemExit(f"{size} rules: {found['matches']} matches, event-ruler has {other['matches']}")
            beside = f"{found['from_text'] / other['from_text']:.2f} x event-ruler ({other['from_text']:,.0f}/s)" if other else ""
            lines.append(
                Line(
                    what=f"Events through {size:,} rules, a second and core, from JSON text",
                    reached=f"{found['from_text']:,.0f} ({found['parsed']:,.0f} when parsed already)",
                    ratio=beside or "event-ruler is not there: OPENTRAIL_EVENT_RULER is not set",
                    goal=f"at least {GOAL:,}" if size == 1_000 else "",
                    met=found["from_text"] >= GOAL if size == 1_000 else None,
                    limit=f"parsing alone: {parse:,.0f}",
                )
            )
    finish(lines, figures, chosen)


if __name__ == "__main__":
    main()
