"""Key policies: the default ones, what a new one must satisfy, and the check that nobody locks everybody out. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from opentrail.identity.policies import Policy, PolicyError, PolicyRequest, PolicySet, check_resource, evaluate
from opentrail.identity.principals import Principal
from opentrail.kms.faults import LimitExceededException, MalformedPolicyDocumentException

NAME: Final = "default"
"""The only name that a key policy can have."""
MAX_BYTES: Final = 32_768
"""Size of a key policy (PutKeyPolicy)."""

_ANY = Policy.parse('{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}')


def default(account_id: str) -> str:
    """The policy of a key that is made without one: whoever the account's identity policies allow."""
    return _text(
        "key-default-1",
        {
            "Sid": "Enable IAM User Permissions",
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{account_id}:root"},
            "Action": "kms:*",
            "Resource": "*",
        },
    )


def managed(account_id: str, region: str, service: str) -> str:
    """The policy of the AWS managed key of `service` (`s3`): everybody in the account, but through that service only."""
    return _text(
        f"auto-{service}-1",
        {
            "Sid": f"Allow access through {service} for all principals in the account that are authorized to use {service}",
            "Effect": "Allow",
            "Principal": {"AWS": "*"},
            "Action": ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:CreateGrant", "kms:DescribeKey"],
            "Resource": "*",
            "Condition": {"StringEquals": {"kms:CallerAccount": account_id, "kms:ViaService": f"{service}.{region}.amazonaws.com"}},
        },
        {
            "Sid": "Allow direct access to key metadata to the account",
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{account_id}:root"},
            "Action": ["kms:Describe*", "kms:Get*", "kms:List*", "kms:RevokeGrant"],
            "Resource": "*",
        },
    )


def _text(name: str, *statements: Mapping[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Id": name, "Statement": statements}, indent=2)


def check(text: str) -> Policy:
    """Whether `text` can be a key policy. Raises `MalformedPolicyDocumentException`, `LimitExceededException`."""
    if len(text.encode()) > MAX_BYTES:
        raise LimitExceededException(f"The key policy has {len(text.encode())} bytes; {MAX_BYTES} are allowed.")
    try:
        return Policy.parse(text, check=check_resource)
    except PolicyError as error:
        raise MalformedPolicyDocumentException(str(error)) from None


def check_lockout(policy: Policy, caller: Principal, key_arn: str, account_id: str, context: Mapping[str, Sequence[str]]) -> None:
    """The lockout safety check: under `policy` the caller, if its identity policies allow, can put another one in its place.

    Raises `MalformedPolicyDocumentException`.
    """
    request = PolicyRequest(principal=caller, action="kms:PutKeyPolicy", resource=key_arn, context=context, resource_account_id=account_id)
    if not evaluate(request, PolicySet(identity=(_ANY,)), policy).allowed:
        raise MalformedPolicyDocumentException("The new key policy will not allow you to update the key policy in the future.")


def for_retiring(text: str, account: str) -> str:
    """The policy that decides over RetireGrant: the account that made the grant (its ARN) may, unless the key policy denies it.

    What the key policy allows does not count: the permission to retire a grant comes from the grant (KMS developer guide,
    "retiring and revoking grants").
    """
    document = json.loads(text)
    listed = document["Statement"]
    denies = [statement for statement in ([listed] if isinstance(listed, dict) else listed) if statement["Effect"] == "Deny"]
    allow = {"Effect": "Allow", "Principal": {"AWS": account}, "Action": "kms:RetireGrant", "Resource": "*"}
    return json.dumps({**document, "Statement": [*denies, allow]})
