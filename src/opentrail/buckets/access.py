"""What is configured for a bucket, as far as it decides who may do what: ownership, public access block, policy. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from opentrail.buckets.faults import (
    AccessControlListNotSupported,
    AccessDenied,
    InvalidArgument,
    MalformedPolicy,
    NotServed,
)
from opentrail.buckets.names import bucket_arn
from opentrail.identity.policies import Policy, PolicyError, check_resource

MAX_POLICY_BYTES = 20 * 1024
CANNED_ACLS = (
    "private",
    "public-read",
    "public-read-write",
    "authenticated-read",
    "aws-exec-read",
    "bucket-owner-read",
    "bucket-owner-full-control",
    "log-delivery-write",
)
_OWNER_ONLY = ("private", "bucket-owner-read", "bucket-owner-full-control")
_NARROWING_KEYS = frozenset(
    key.lower()
    for key in (
        "aws:SourceArn",
        "aws:SourceAccount",
        "aws:SourceIp",
        "aws:SourceVpc",
        "aws:SourceVpce",
        "aws:SourceOwner",
        "aws:SourceOrgID",
        "aws:PrincipalOrgID",
        "aws:PrincipalOrgPaths",
        "aws:PrincipalAccount",
        "aws:PrincipalArn",
        "aws:userid",
        "s3:x-amz-server-side-encryption-aws-kms-key-id",
        "s3:DataAccessPointArn",
        "s3:DataAccessPointAccount",
    )
)
"""Conditions by which a policy with principal `*` does not count as public (S3 user guide, "The meaning of public")."""


class PublicAccessBlock(msgspec.Struct, frozen=True, kw_only=True):
    """The four switches; a new bucket has them all on."""

    block_public_acls: bool = True
    ignore_public_acls: bool = True
    block_public_policy: bool = True
    restrict_public_buckets: bool = True


NOTHING_BLOCKED = PublicAccessBlock(
    block_public_acls=False, ignore_public_acls=False, block_public_policy=False, restrict_public_buckets=False
)


def check_policy(text: str, bucket: str) -> None:
    """Raise `MalformedPolicy` unless `text` can be the policy of `bucket`."""
    if len(text.encode()) > MAX_POLICY_BYTES:
        raise MalformedPolicy("The policy exceeds the maximum allowed size of 20480 bytes.")
    if not text.startswith("{"):
        raise MalformedPolicy()
    try:
        Policy.parse(text, check=check_resource)
    except PolicyError as error:
        raise MalformedPolicy(str(error)) from None
    for statement in _statements(text):
        for action in (*_texts(statement.get("Action")), *_texts(statement.get("NotAction"))):
            if action != "*" and not action.lower().startswith("s3:"):
                raise MalformedPolicy("Policy has invalid action")
        for resource in (*_texts(statement.get("Resource")), *_texts(statement.get("NotResource"))):
            arn = bucket_arn(bucket)
            if resource != arn and not resource.startswith((arn + "/", arn + "*")):
                raise MalformedPolicy("Policy has invalid resource")


def is_public(policy: str) -> bool:
    """Whether the policy (valid JSON text) allows something to everyone, without a condition that narrows it to someone."""
    return any(
        statement.get("Effect") == "Allow"
        and ("NotPrincipal" in statement or _everyone(statement.get("Principal")))
        and not _narrowed(statement.get("Condition"))
        for statement in _statements(policy)
    )


def check_canned_acl(acl: str | None, *, grants: bool, ownership: str, blocked: PublicAccessBlock, for_bucket: bool = False) -> None:
    """Whether a request may carry this canned ACL and (`grants`) `x-amz-grant-*` headers or an ACL body.

    With `BucketOwnerEnforced` ACLs have no effect, and only `bucket-owner-full-control` is let through. Elsewhere OpenTrail
    knows no grants beside the owner's: what would give rights to others is refused rather than accepted without effect.
    """
    if acl is not None and acl not in CANNED_ACLS:
        raise InvalidArgument(ArgumentName="x-amz-acl", ArgumentValue=acl)
    if acl is None and not grants:
        return
    if ownership == "BucketOwnerEnforced":
        if grants or not (acl == "bucket-owner-full-control" or (for_bucket and acl == "private")):
            raise AccessControlListNotSupported()
        return
    if acl in ("public-read", "public-read-write", "authenticated-read") and blocked.block_public_acls:
        raise AccessDenied()
    if grants or acl not in _OWNER_ONLY:
        raise NotServed("OpenTrail does not serve access control lists that grant rights to others yet; use a bucket policy.")


def _statements(text: str) -> list[dict[str, Any]]:
    found = json.loads(text).get("Statement", [])
    return [found] if isinstance(found, dict) else list(found)


def _texts(value: Any) -> Iterable[str]:
    return [value] if isinstance(value, str) else list(value or ())


def _everyone(principal: Any) -> bool:
    if isinstance(principal, Mapping):
        return any("*" in _texts(value) for value in principal.values())
    return bool(principal == "*")


def _narrowed(condition: Any) -> bool:
    """Whether a condition demands a fixed value (no wildcard, no policy variable) of one of the narrowing keys."""
    for operator, block in (condition or {}).items():
        plain = operator.lower().removeprefix("foranyvalue:").removeprefix("forallvalues:")
        if not plain.startswith(("stringequals", "stringlike", "arnequals", "arnlike", "ipaddress")) or plain.endswith("ifexists"):
            continue
        for key, values in block.items():
            if key.lower() in _NARROWING_KEYS and all(_fixed(str(value)) for value in _texts(values)):
                return True
    return False


def _fixed(value: str) -> bool:
    # An ARN may have wildcards behind its account: it still names whom it lets in.
    parts = value.split(":", 5)
    checked = ":".join(parts[:5]) if len(parts) == 6 else value
    return not any(mark in checked for mark in "*?$") and value not in ("0.0.0.0/0", "::/0")
