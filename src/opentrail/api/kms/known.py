"""Condition keys of a call: what policies can ask about its parameters (KMS developer guide, "AWS KMS condition keys")."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from opentrail.api.call import Call
from opentrail.api.iam.permissions import tag_context
from opentrail.api.kms.naming import algorithm_of, terms_of
from opentrail.kms import conditions
from opentrail.kms.conditions import Conditions
from opentrail.kms.specs import SYMMETRIC

DEFAULT_WINDOW: Final = 30
"""Days that a key waits for its deletion when nothing is said (ScheduleKeyDeletion)."""

_MEMBERS: Final[Mapping[str, str]] = {
    "kms:DataKeyPairSpec": "KeyPairSpec",
    "kms:MacAlgorithm": "MacAlgorithm",
    "kms:RotationPeriodInDays": "RotationPeriodInDays",
    "kms:SigningAlgorithm": "SigningAlgorithm",
}
"""Condition key → parameter that gives its value."""


def of_caller(call: Call) -> Conditions:
    """What is known of every call."""
    return conditions.of_caller(call.caller.account_id)


def of_call(call: Call) -> Conditions:
    """What the parameters of a call on a key say, its encryption context aside."""
    given, operation = call.parameters, call.operation
    known = of_caller(call)
    known |= {name: (str(given[member]),) for name, member in _MEMBERS.items() if given.get(member) is not None}
    if operation in ("Sign", "Verify"):
        known["kms:MessageType"] = (given.get("MessageType") or "RAW",)
    elif operation in ("Encrypt", "Decrypt") or operation.startswith("GenerateDataKey"):
        known["kms:EncryptionAlgorithm"] = (algorithm_of(given),)
    elif operation == "ScheduleKeyDeletion":
        known["kms:ScheduleKeyDeletionPendingWindowInDays"] = (str(given.get("PendingWindowInDays", DEFAULT_WINDOW)),)
    elif operation == "PutKeyPolicy":
        known |= _bypass(given)
    elif operation in ("CreateGrant", "ListGrants", "RevokeGrant"):
        known["kms:GrantIsForAWSResource"] = ("false",)
        if operation == "CreateGrant":
            known |= conditions.of_grant(terms_of(given))
    elif operation == "TagResource":
        known |= tag_context(_plain(given["Tags"]))
    elif operation == "UntagResource":
        known["aws:TagKeys"] = tuple(given["TagKeys"])
    return known


def of_creation(call: Call) -> Conditions:
    """What CreateKey's parameters say."""
    given = call.parameters
    spec = given.get("KeySpec") or given.get("CustomerMasterKeySpec") or SYMMETRIC
    usage = given.get("KeyUsage") or "ENCRYPT_DECRYPT"
    return {
        "kms:KeySpec": (spec,),
        "kms:CustomerMasterKeySpec": (spec,),
        "kms:KeyUsage": (usage,),
        "kms:CustomerMasterKeyUsage": (usage,),
        "kms:KeyOrigin": (given.get("Origin") or "AWS_KMS",),
        "kms:MultiRegion": ("true" if given.get("MultiRegion") else "false",),
        **of_caller(call),
        **_bypass(given),
        **tag_context(_plain(given.get("Tags") or ())),
    }


def _bypass(given: Mapping[str, Any]) -> Conditions:
    return {"kms:BypassPolicyLockoutSafetyCheck": ("true" if given.get("BypassPolicyLockoutSafetyCheck") else "false",)}


def _plain(tags: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """KMS's tags, spelled as the others'."""
    return [{"Key": tag["TagKey"], "Value": tag["TagValue"]} for tag in tags]
