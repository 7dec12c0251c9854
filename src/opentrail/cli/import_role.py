"""The role with which `opentrail import` has a bucket read when none is named: made like anybody would, with the caller's own keys."""

from __future__ import annotations

import json
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from opentrail.cli.connection import Connection, failure

NAME: Final = "OpenTrailLakeImport"


def role_for(connection: Connection, bucket: str, account_id: str) -> str:
    """The ARN of the role, which exists and may read `bucket` from now on. Raises `CallFailed`."""
    iam = connection.client("iam")
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "cloudtrail.amazonaws.com"},
                "Action": "sts:AssumeRole",
                "Condition": {"StringEquals": {"aws:SourceAccount": account_id}},
            }
        ],
    }
    reading = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": ["s3:ListBucket", "s3:GetBucketAcl"], "Resource": f"arn:aws:s3:::{bucket}"},
            {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*"},
            {"Effect": "Allow", "Action": "kms:Decrypt", "Resource": "*"},
        ],
    }
    try:
        arn = _made(iam, json.dumps(trust))
        iam.put_role_policy(RoleName=NAME, PolicyName=f"read-{bucket}", PolicyDocument=json.dumps(reading))
    except (BotoCoreError, ClientError) as error:
        raise failure(error) from error
    return arn


def _made(iam: Any, trust: str) -> str:
    description = "Reads log files for imports into event data stores."
    try:
        made = iam.create_role(RoleName=NAME, AssumeRolePolicyDocument=trust, Description=description)
    except iam.exceptions.EntityAlreadyExistsException:
        made = iam.get_role(RoleName=NAME)
    arn: str = made["Role"]["Arn"]
    return arn


def region_of(connection: Connection, bucket: str) -> str:
    """The Region of a bucket. Raises `CallFailed`."""
    try:
        found = connection.client("s3").get_bucket_location(Bucket=bucket)
    except (BotoCoreError, ClientError) as error:
        raise failure(error) from error
    return found.get("LocationConstraint") or "us-east-1"
