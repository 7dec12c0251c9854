"""Records like those of a busy account, about 1.6 KB each, made fast and always the same for a seed."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime

ACCOUNT = "111122223333"
REGIONS = ("us-east-1", "eu-west-1")
NAMES = (
    ("ec2.amazonaws.com", "DescribeInstances", True, 30),
    ("s3.amazonaws.com", "GetBucketAcl", True, 18),
    ("sts.amazonaws.com", "AssumeRole", True, 15),
    ("kms.amazonaws.com", "Decrypt", True, 12),
    ("iam.amazonaws.com", "GetRole", True, 9),
    ("iam.amazonaws.com", "AttachRolePolicy", False, 4),
    ("ec2.amazonaws.com", "RunInstances", False, 4),
    ("s3.amazonaws.com", "PutBucketPolicy", False, 3),
    ("iam.amazonaws.com", "CreateUser", False, 2),
    ("cloudtrail.amazonaws.com", "StopLogging", False, 1),
)
USERS, KEYS, BUCKETS, ROLES = 400, 5_000, 20_000, 3_000


def _parameters(source: str, name: str, pick: random.Random) -> tuple[object, object]:
    role = f"role-{pick.randrange(ROLES)}"
    if name == "DescribeInstances":
        return {"instancesSet": {"items": [{"instanceId": f"i-{pick.getrandbits(68):017x}"}]}, "filterSet": {}}, None
    if source == "s3.amazonaws.com":
        bucket = f"bucket-{pick.randrange(BUCKETS)}"
        return {"bucketName": bucket, "Host": f"{bucket}.s3.amazonaws.com", "acl": ""}, None
    if name == "AssumeRole":
        arn = f"arn:aws:iam::{ACCOUNT}:role/{role}"
        return {"roleArn": arn, "roleSessionName": f"s{pick.getrandbits(40)}"}, {"assumedRoleUser": {"arn": f"{arn}/s"}}
    if name == "RunInstances":
        item = {"instanceId": f"i-{pick.getrandbits(68):017x}", "imageId": f"ami-{pick.randrange(99):017x}", "subnetId": "subnet-0a"}
        return {"instancesSet": {"items": [{"imageId": item["imageId"]}]}, "instanceType": "t3.micro"}, {"instancesSet": {"items": [item]}}
    if name == "CreateUser":
        user = f"user-{pick.getrandbits(30)}"
        return {"userName": user}, {"user": {"userName": user, "arn": f"arn:aws:iam::{ACCOUNT}:user/{user}"}}
    if name == "Decrypt":
        return {
            "encryptionAlgorithm": "SYMMETRIC_DEFAULT",
            "encryptionContext": {"aws:s3:arn": f"arn:aws:s3:::b/{pick.getrandbits(64)}"},
        }, None
    return {"roleName": role, "policyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess"} if "Role" in name else {"name": "audit-trail"}, None


def records(count: int, *, end: float, span: float, seed: int = 7) -> Iterator[bytes]:
    """`count` records whose times rise evenly to `end` (epoch seconds) over `span` seconds."""
    pick = random.Random(seed)
    weights = [row[3] for row in NAMES]
    chosen = pick.choices(NAMES, weights, k=count)
    for index, (source, name, read_only, _) in enumerate(chosen):
        user, key = f"deploy-{pick.randrange(USERS)}", f"ASIA{pick.randrange(KEYS):016d}"
        request, response = _parameters(source, name, pick)
        identity = {
            "type": "AssumedRole",
            "principalId": f"AROAEXAMPLEROLE0001:{user}",
            "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/Deployer/{user}",
            "accountId": ACCOUNT,
            "accessKeyId": key,
            "sessionContext": {
                "sessionIssuer": {
                    "type": "Role",
                    "principalId": "AROAEXAMPLEROLE0001",
                    "arn": f"arn:aws:iam::{ACCOUNT}:role/Deployer",
                    "accountId": ACCOUNT,
                    "userName": "Deployer",
                },
                "attributes": {"creationDate": "2026-01-05T10:00:00Z", "mfaAuthenticated": "false"},
            },
        }
        yield json.dumps(
            {
                "eventVersion": "1.11",
                "userIdentity": identity,
                "eventTime": datetime.fromtimestamp(int(end - span * (count - 1 - index) / count), UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
                "eventSource": source,
                "eventName": name,
                "awsRegion": REGIONS[pick.random() < 0.2],
                "sourceIPAddress": f"198.51.{pick.randrange(256)}.{pick.randrange(256)}",
                "userAgent": "aws-cli/2.31.0 md/awscrt#0.27.6 ua/2.1 os/linux#6.8.0-1036-aws md/arch#x86_64 lang/python#3.13.7 "
                f"md/pyimpl#CPython m/{pick.getrandbits(24):x} cfg/retry-mode#standard md/installer#exe sid/{pick.getrandbits(48):x}",
                "requestParameters": request,
                "responseElements": response,
                "requestID": f"{pick.getrandbits(128):032x}",
                "eventID": event_id(pick),
                "readOnly": read_only,
                "eventType": "AwsApiCall",
                "managementEvent": True,
                "recipientAccountId": ACCOUNT,
                "eventCategory": "Management",
                "tlsDetails": {
                    "tlsVersion": "TLSv1.3",
                    "cipherSuite": "TLS_AES_128_GCM_SHA256",
                    "clientProvidedHostHeader": f"{source.partition('.')[0]}.us-east-1.amazonaws.com",
                    "keyExchange": "X25519MLKEM768",
                },
            },
            separators=(",", ":"),
        ).encode()


def event_id(pick: random.Random) -> str:
    """A GUID out of `pick`."""
    text = f"{pick.getrandbits(128):032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
