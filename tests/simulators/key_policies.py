"""Key policies as the CloudTrail user guide gives them (reference of trails, §14)."""

from __future__ import annotations

import json
from typing import Any

SERVICE = {"Service": "cloudtrail.amazonaws.com"}


def root(account_id: str) -> dict[str, Any]:
    """What leaves a key to the policies of its account."""
    return {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{account_id}:root"}, "Action": "kms:*", "Resource": "*"}


def encrypt_logs(account_id: str, trail_arn: str) -> dict[str, Any]:
    """What lets the trail encrypt."""
    return {
        "Sid": "AllowCloudTrailEncryptLogs",
        "Effect": "Allow",
        "Principal": SERVICE,
        "Action": "kms:GenerateDataKey*",
        "Resource": "*",
        "Condition": {
            "StringEquals": {"aws:SourceArn": trail_arn},
            "StringLike": {"kms:EncryptionContext:aws:cloudtrail:arn": f"arn:aws:cloudtrail:*:{account_id}:trail/*"},
        },
    }


DESCRIBE: dict[str, Any] = {
    "Sid": "AllowCloudTrailAccess",
    "Effect": "Allow",
    "Principal": SERVICE,
    "Action": "kms:DescribeKey",
    "Resource": "*",
}
DECRYPT: dict[str, Any] = {
    "Sid": "AllowCloudTrailDecryptTrail",
    "Effect": "Allow",
    "Principal": SERVICE,
    "Action": "kms:Decrypt",
    "Resource": "*",
}
"""Needed where the bucket uses an S3 Bucket Key."""


def read_logs(arn: str) -> dict[str, Any]:
    """What lets somebody read log files, and nothing else that the key encrypts."""
    return {
        "Sid": "EnableCloudTrailLogDecryptPermissions",
        "Effect": "Allow",
        "Principal": {"AWS": arn},
        "Action": "kms:Decrypt",
        "Resource": "*",
        "Condition": {"Null": {"kms:EncryptionContext:aws:cloudtrail:arn": "false"}},
    }


def document(*statements: dict[str, Any]) -> str:
    """A policy's text."""
    return json.dumps({"Version": "2012-10-17", "Statement": statements})
