"""Ids and ARNs of organizations, shaped as AWS shapes them (patterns of the API's model)."""

from __future__ import annotations

import secrets

_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"

FULL_ACCESS = "p-FullAWSAccess"
"""Id of the service control policy that AWS brings along."""


def _some(length: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


def organization_id() -> str:
    """`o-` and 10 characters."""
    return "o-" + _some(10)


def root_id() -> str:
    """`r-` and 4 characters."""
    return "r-" + _some(4)


def unit_id(root: str) -> str:
    """`ou-`, the characters of the root and 8 more."""
    return f"ou-{root.removeprefix('r-')}-{_some(8)}"


def policy_id() -> str:
    """`p-` and 10 characters."""
    return "p-" + _some(10)


def handshake_id() -> str:
    """`h-` and 32 characters."""
    return "h-" + _some(32)


def request_id() -> str:
    """`car-` (create account request) and 32 characters."""
    return "car-" + _some(32)


def resource_policy_id() -> str:
    """`rp-` and 8 characters."""
    return "rp-" + _some(8)


def account_id() -> str:
    """12 digits; whether they are free is for the caller to see."""
    return str(100_000_000_000 + secrets.randbelow(900_000_000_000))


def arn(management_account_id: str, kind: str, *parts: str) -> str:
    """`arn:aws:organizations::123456789012:ou/o-a1b2c3d4e5/ou-ab12-11111111`"""
    return f"arn:aws:organizations::{management_account_id}:{kind}/{'/'.join(parts)}"


def policy_arn(management_account_id: str, organization: str, kind: str, policy: str) -> str:
    """The ARN of a policy; those of AWS belong to no organization."""
    if policy == FULL_ACCESS:
        return f"arn:aws:organizations::aws:policy/{kind.lower()}/{policy}"
    return arn(management_account_id, "policy", organization, kind.lower(), policy)


def target_arn(management_account_id: str, organization: str, target: str) -> str:
    """The ARN of a root, an organizational unit or an account, by its id."""
    kind = "root" if target.startswith("r-") else "ou" if target.startswith("ou-") else "account"
    return arn(management_account_id, kind, organization, target)
