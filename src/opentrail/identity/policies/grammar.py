"""The grammar of policy documents: JSON text to a checked `Document`, with the messages that IAM gives for mistakes.

`read` checks what every policy must satisfy. `check_identity`, `check_trust` and `check_resource` add what holds for policies of
identities, trust policies of roles and policies of resources. Nothing here opens a file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

MAX_TEXT = 131_072
"""Characters that a document may have at all (IAM's `policyDocumentType`); each kind of policy has a lower quota of its own."""

CURRENT_VERSION = "2012-10-17"
VERSIONS = ("2008-10-17", CURRENT_VERSION)

_TOP = {"Version", "Id", "Statement"}
_ELEMENTS = {
    "Sid",
    "Effect",
    "Principal",
    "NotPrincipal",
    "Action",
    "NotAction",
    "Resource",
    "NotResource",
    "Condition",
}
_PRINCIPAL_KINDS = ("AWS", "Service", "Federated", "CanonicalUser")
_VENDOR = re.compile(r"[a-zA-Z0-9-]+\Z")
_SID = re.compile(r"[0-9A-Za-z]*\Z")
_ACCOUNT = re.compile(r"\d{12}\Z")
_ARN = re.compile(r"arn:[a-z0-9-]+:(iam|sts)::\d{12}:(root|(user|role|assumed-role|federated-user)/[^*?\s]+)\Z")
_UNIQUE_ID = re.compile(r"(AIDA|AROA)[A-Z0-9]{12,}(:\S+)?\Z")
_PARTITION = re.compile(r"aws(-[a-z0-9-]+)?\Z")

_OPERATOR = re.compile(
    r"(?:(?:ForAllValues|ForAnyValue):)?(?:"
    r"(?:String(?:Equals|NotEquals|EqualsIgnoreCase|NotEqualsIgnoreCase|Like|NotLike)"
    r"|(?:Numeric|Date)(?:Equals|NotEquals|LessThan|LessThanEquals|GreaterThan|GreaterThanEquals)"
    r"|Bool|BinaryEquals|IpAddress|NotIpAddress|Arn(?:Equals|Like|NotEquals|NotLike))(?:IfExists)?"
    r"|Null)\Z"
)


class PolicyError(ValueError):
    """A policy document that IAM would refuse; its text is the message of `MalformedPolicyDocument`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One statement as written, lists made of single values."""

    effect: str
    sid: str | None
    principal: Any
    """`"*"` or a mapping of kind to names; `None` when the statement names nobody."""
    not_principal: bool
    actions: tuple[str, ...]
    not_action: bool
    resources: tuple[str, ...] | None
    not_resource: bool
    conditions: tuple[tuple[str, str, tuple[str, ...]], ...]
    """Operator, condition key, values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A policy document whose shape is right."""

    version: str | None
    statements: tuple[Statement, ...]

    @property
    def variables(self) -> bool:
        """Policy variables are plain text before version 2012-10-17."""
        return self.version == CURRENT_VERSION


def read(text: str) -> Document:
    """Check the JSON and the shape of a policy. Raises `PolicyError`."""
    if len(text) > MAX_TEXT:
        raise PolicyError(f"Policy document exceeds the maximum size of {MAX_TEXT} characters.")
    try:
        found = orjson.loads(text)
    except (orjson.JSONDecodeError, UnicodeEncodeError):
        raise PolicyError("Syntax errors in policy.") from None
    if not isinstance(found, dict) or not found.keys() <= _TOP:
        raise PolicyError("Syntax errors in policy.")
    version = found.get("Version")
    if version is not None and version not in VERSIONS:
        raise PolicyError("Syntax errors in policy.")
    if not isinstance(found.get("Id", ""), str):
        raise PolicyError("Syntax errors in policy.")
    if "Statement" not in found:
        raise PolicyError("Missing required field Statement")
    listed = found["Statement"]
    if isinstance(listed, dict):
        listed = [listed]
    if not isinstance(listed, list):
        raise PolicyError("Syntax errors in policy.")
    statements = tuple(_statement(item) for item in listed)
    sids = [statement.sid for statement in statements if statement.sid]
    if len(set(sids)) != len(sids):
        raise PolicyError("Statement IDs (SID) in a single policy must be unique.")
    return Document(version=version, statements=statements)


def _statement(found: Any) -> Statement:
    if not isinstance(found, dict) or not found.keys() <= _ELEMENTS:
        raise PolicyError("Syntax errors in policy.")
    if "Effect" not in found:
        raise PolicyError("Missing required field Effect")
    if found["Effect"] not in ("Allow", "Deny"):
        raise PolicyError(f"Invalid effect: {found['Effect']}" if isinstance(found["Effect"], str) else "Syntax errors in policy.")
    sid = found.get("Sid")
    if sid is not None and not isinstance(sid, str):
        raise PolicyError("Syntax errors in policy.")
    for name in ("Action", "Resource", "Principal"):
        if name in found and f"Not{name}" in found:
            raise PolicyError("Syntax errors in policy.")
    actions = _texts(found, "Action") or _texts(found, "NotAction") or ()
    for action in actions:
        _check_action(action)
    resources = _texts(found, "Resource")
    if resources is None:
        resources = _texts(found, "NotResource")
    principal = found.get("Principal", found.get("NotPrincipal"))
    return Statement(
        effect=found["Effect"],
        sid=sid,
        principal=None if principal is None else _principal(principal),
        not_principal="NotPrincipal" in found,
        actions=actions,
        not_action="NotAction" in found,
        resources=resources,
        not_resource="NotResource" in found,
        conditions=tuple(_conditions(found.get("Condition", {}))),
    )


def _texts(found: Mapping[str, Any], name: str) -> tuple[str, ...] | None:
    if name not in found:
        return None
    value = found[name]
    listed = [value] if isinstance(value, str) else value
    if not isinstance(listed, list) or not all(isinstance(item, str) for item in listed):
        raise PolicyError("Syntax errors in policy.")
    return tuple(listed)


def _check_action(action: str) -> None:
    if action == "*":
        return
    vendor, colon, name = action.partition(":")
    if not colon or not name:
        raise PolicyError("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.")
    if not _VENDOR.match(vendor):
        raise PolicyError(f"Vendor {vendor} is not valid")


def _principal(value: Any) -> Any:
    if value == "*":
        return value
    if not isinstance(value, dict) or not value or not value.keys() <= set(_PRINCIPAL_KINDS):
        raise PolicyError("Syntax errors in policy.")
    kinds: dict[str, tuple[str, ...]] = {}
    for kind in value:
        names = _texts(value, kind)
        if not names:
            raise PolicyError("Syntax errors in policy.")
        for name in names:
            if not _known_form(kind, name):
                raise PolicyError(f'Invalid principal in policy: "{kind}":"{name}"')
        kinds[kind] = names
    return kinds


def _known_form(kind: str, name: str) -> bool:
    if name == "*":
        return True
    if kind == "AWS":
        return bool(_ACCOUNT.match(name) or _ARN.match(name) or _UNIQUE_ID.match(name))
    return bool(name) and not re.search(r"[*?\s]", name)


def _conditions(found: Any) -> list[tuple[str, str, tuple[str, ...]]]:
    if not isinstance(found, dict):
        raise PolicyError("Syntax errors in policy.")
    listed: list[tuple[str, str, tuple[str, ...]]] = []
    for operator, keys in found.items():
        if not _OPERATOR.match(operator):
            raise PolicyError(f"Invalid Condition type : {operator}.")
        if not isinstance(keys, dict):
            raise PolicyError("Syntax errors in policy.")
        for key, values in keys.items():
            if ":" not in key:
                raise PolicyError("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.")
            listed.append((operator, key, tuple(_value(value) for value in (values if isinstance(values, list) else [values]))))
    return listed


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    if isinstance(value, int | float):
        return str(value)
    raise PolicyError("Syntax errors in policy.")


def check_identity(document: Document) -> None:
    """What holds for policies of users, groups and roles, and for managed and session policies. Raises `PolicyError`."""
    if document.version != CURRENT_VERSION:
        raise PolicyError("Policy document must be version 2012-10-17 or greater.")
    if not document.statements:
        raise PolicyError("Syntax errors in policy.")
    for statement in document.statements:
        if statement.principal is not None:
            raise PolicyError("Policy document should not specify a principal.")
        if not statement.actions:
            raise PolicyError("Policy statement must contain actions.")
        if not statement.resources:
            raise PolicyError("Policy statement must contain resources.")
        if statement.sid is not None and not _SID.match(statement.sid):
            raise PolicyError(
                "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*"
            )
        check_resources(statement.resources)


def check_resources(resources: Sequence[str]) -> None:
    """Every entry is `*` or looks like an ARN. Raises `PolicyError`."""
    for resource in resources:
        if resource == "*" or resource.startswith("${"):
            continue
        parts = resource.split(":", 5)
        if parts[0] != "arn" or (len(parts) < 6 and not resource.endswith("*")) or len(parts) < 2:
            raise PolicyError(f'Resource {resource} must be in ARN format or "*".')
        if "*" not in parts[1] and not _PARTITION.match(parts[1]):
            raise PolicyError(f'Partition "{parts[1]}" is not valid for resource "{resource}".')


def check_trust(document: Document) -> None:
    """What holds for the trust policy of a role. Raises `PolicyError`."""
    if not document.statements:
        raise PolicyError("Missing required field Statement")
    for statement in document.statements:
        if statement.principal is None:
            raise PolicyError("Missing required field Principal")
        if statement.resources is not None:
            raise PolicyError("Has prohibited field Resource")
        if not statement.actions:
            raise PolicyError("Missing required field Action")
        for action in statement.actions:
            if not _is_trust_action(action.lower()):
                raise PolicyError("AssumeRole policy may only specify STS AssumeRole actions.")


def _is_trust_action(action: str) -> bool:
    return action.startswith("sts:") and not action.startswith(("sts:get", "sts:decode"))


def check_resource(document: Document) -> None:
    """What holds for policies of resources (buckets, topics, keys): somebody is named, something is acted upon. Raises `PolicyError`."""
    if not document.statements:
        raise PolicyError("Missing required field Statement")
    for statement in document.statements:
        if statement.principal is None:
            raise PolicyError("Missing required field Principal")
        if not statement.actions:
            raise PolicyError("Missing required field Action")
        if not statement.resources:
            raise PolicyError("Missing required field Resource")
