"""The strict set-up of a log bucket: its policy, and the calls that make it, in an order in which they can be repeated."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

MODES = ("GOVERNANCE", "COMPLIANCE")
_SERVICE = {"Service": "cloudtrail.amazonaws.com"}
_ACL = "bucket-owner-full-control"
_FORBIDDEN = (
    "s3:BypassGovernanceRetention",
    "s3:DeleteBucket",
    "s3:DeleteBucketPolicy",
    "s3:DeleteObject",
    "s3:DeleteObjectVersion",
    "s3:PutBucketObjectLockConfiguration",
    "s3:PutBucketPolicy",
    "s3:PutBucketPublicAccessBlock",
    "s3:PutBucketVersioning",
    "s3:PutLifecycleConfiguration",
)
"""What only the root user of the bucket's account may do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogBucket:
    """A bucket for the log files of trails."""

    name: str
    account_id: str
    """The owner."""
    region: str
    accounts: Sequence[str] = ()
    """Further accounts whose trails deliver here."""
    organization: str | None = None
    """The id of the organization whose trail, one of the owner's, delivers here."""
    trails: Sequence[str] = ()
    """Names of the trails, all of them in `region`; none: any trail of these accounts."""
    prefix: str | None = None
    retention_days: int = 365
    mode: str = "GOVERNANCE"
    tls_only: bool = False

    @property
    def arn(self) -> str:
        """The bucket's."""
        return f"arn:{self._partition}:s3:::{self.name}"

    @property
    def source_arns(self) -> list[str]:
        """The trails that may deliver."""
        where = self.region if self.trails else "*"
        return [
            f"arn:{self._partition}:cloudtrail:{where}:{account}:trail/{trail}"
            for account in (self.account_id, *self.accounts)
            for trail in self.trails or ("*",)
        ]

    @property
    def policy(self) -> dict[str, Any]:
        """The bucket policy."""
        top = f"{self.arn}/{self.prefix}" if self.prefix else self.arn
        owners = [*dict.fromkeys((self.account_id, *self.accounts)), *([self.organization] if self.organization else [])]
        source = {"ArnLike": {"aws:SourceArn": self.source_arns}}
        statements: list[dict[str, Any]] = [
            {
                "Sid": "AWSCloudTrailAclCheck",
                "Effect": "Allow",
                "Principal": _SERVICE,
                "Action": "s3:GetBucketAcl",
                "Resource": self.arn,
                "Condition": source,
            },
            {
                "Sid": "AWSCloudTrailWrite",
                "Effect": "Allow",
                "Principal": _SERVICE,
                "Action": "s3:PutObject",
                "Resource": [f"{top}/AWSLogs/{owner}/*" for owner in owners],
                "Condition": {"StringEquals": {"s3:x-amz-acl": _ACL}, **source},
            },
            {
                "Sid": "OnlyRootRemoves",
                "Effect": "Deny",
                "Principal": "*",
                "Action": list(_FORBIDDEN),
                "Resource": [self.arn, f"{self.arn}/*"],
                "Condition": {"ArnNotEquals": {"aws:PrincipalArn": f"arn:{self._partition}:iam::{self.account_id}:root"}},
            },
        ]
        if self.tls_only:
            statements.append(
                {
                    "Sid": "OnlyOverTLS",
                    "Effect": "Deny",
                    "Principal": "*",
                    "Action": "s3:*",
                    "Resource": [self.arn, f"{self.arn}/*"],
                    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
                }
            )
        return {"Version": "2012-10-17", "Statement": statements}

    @property
    def facts(self) -> dict[str, Any]:
        """What there is when all is done, for machines."""
        return {
            "bucket": self.name,
            "arn": self.arn,
            "region": self.region,
            "versioning": "Enabled",
            "object_lock": {"mode": self.mode, "days": self.retention_days},
            "public_access": "blocked",
            "object_ownership": "BucketOwnerEnforced",
            "tls_only": self.tls_only,
            "trails": self.source_arns,
            "policy": self.policy,
        }

    @property
    def _partition(self) -> str:
        return "aws-cn" if self.region.startswith("cn-") else "aws-us-gov" if self.region.startswith("us-gov-") else "aws"


def creation(name: str, region: str) -> dict[str, Any]:
    """The parameters of CreateBucket."""
    place = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    return {"Bucket": name, **place}


def set_up(bucket: LogBucket) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The calls behind CreateBucket: operation (botocore's snake case) and parameters. Each leaves the bucket stricter than it was."""
    name = {"Bucket": bucket.name}
    switches = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
    yield "put_public_access_block", {**name, "PublicAccessBlockConfiguration": dict.fromkeys(switches, True)}
    yield "put_bucket_ownership_controls", {**name, "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}}
    yield "put_bucket_versioning", {**name, "VersioningConfiguration": {"Status": "Enabled"}}
    retention = {"Mode": bucket.mode, "Days": bucket.retention_days}
    lock = {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": retention}}
    yield "put_object_lock_configuration", {**name, "ObjectLockConfiguration": lock}
    yield "put_bucket_policy", {**name, "Policy": json.dumps(bucket.policy)}
