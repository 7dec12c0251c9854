"""A policy document: JSON text to a checked value, with the messages that IAM gives for mistakes and what to do about them.

`read` checks what every policy must satisfy; `grammar.py` adds what holds for one kind of policy. Nothing here opens a file.
Sources: IAM user guide, "Grammar of the IAM JSON policy language"; messages as IAM words them, as far as they are known.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

MAX_TEXT = 131_072
"""Characters that a document may have at all (IAM's `policyDocumentType`); each kind of policy has a lower quota of its own."""

CURRENT_VERSION = "2012-10-17"
VERSIONS = ("2008-10-17", CURRENT_VERSION)

_TOP = ("Version", "Id", "Statement")
_ELEMENTS = ("Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition")
_PRINCIPAL_KINDS = ("AWS", "Service", "Federated", "CanonicalUser")
_VENDOR = re.compile(r"[a-zA-Z0-9-]+\Z")
_ACCOUNT = re.compile(r"[0-9]{12}\Z")
_ARN = re.compile(r"arn:[a-z0-9-]+:(iam|sts)::[0-9]{12}:(root|(user|role|assumed-role|federated-user)/[^*?\s]+)\Z")
_UNIQUE_ID = re.compile(r"(AIDA|AROA)[A-Z0-9]{12,}(:\S+)?\Z")
_PARTLY_ANY = re.compile(r"[*?\s]")

_COMPARISONS = ("Equals", "NotEquals", "LessThan", "LessThanEquals", "GreaterThan", "GreaterThanEquals")
OPERATORS: Final = frozenset(
    (
        *(f"String{way}" for way in ("Equals", "NotEquals", "EqualsIgnoreCase", "NotEqualsIgnoreCase", "Like", "NotLike")),
        *(f"Numeric{way}" for way in _COMPARISONS),
        *(f"Date{way}" for way in _COMPARISONS),
        *("Bool", "BinaryEquals", "IpAddress", "NotIpAddress"),
        *("ArnEquals", "ArnNotEquals", "ArnLike", "ArnNotLike"),
    )
)
"""Condition operators as they are without `IfExists` and set operators; `Null` stands apart."""


class PolicyError(ValueError):
    """A policy document that AWS would refuse; its text is the message of `MalformedPolicyDocument` (S3: `MalformedPolicy`)."""


class PolicyTooLarge(PolicyError):
    """A policy document beyond the quota of its kind."""


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
    size: int
    """Bytes of its text, white space and all."""

    @property
    def variables(self) -> bool:
        """Policy variables are plain text before version 2012-10-17."""
        return self.version == CURRENT_VERSION


def read(text: str) -> Document:
    """Check the JSON and the shape of a policy. Raises `PolicyError`, and nothing else whatever the text is."""
    if len(text) > MAX_TEXT:
        raise PolicyTooLarge(f"Policy document exceeds the maximum size of {MAX_TEXT} characters.")
    found = _json(text)
    if not isinstance(found, dict):
        raise _syntax("A policy is a JSON object: {...}.")
    _require_known(found, _TOP, "The document")
    version = found.get("Version")
    if version is not None and version not in VERSIONS:
        raise _syntax(f"Version must be {CURRENT_VERSION} (or {VERSIONS[0]}).")
    if not isinstance(found.get("Id", ""), str):
        raise _syntax("Id must be a text.")
    if "Statement" not in found:
        raise PolicyError("Missing required field Statement")
    listed = found["Statement"]
    if isinstance(listed, dict):
        listed = [listed]
    if not isinstance(listed, list):
        raise _syntax("Statement must be an object or a list of objects.")
    statements = tuple(_statement(item, f"Statement {number}") for number, item in enumerate(listed, 1))
    seen: set[str] = set()
    for statement in statements:
        if statement.sid and statement.sid in seen:
            raise PolicyError("Statement IDs (SID) in a single policy must be unique.")
        seen.add(statement.sid or "")
    return Document(version=version, statements=statements, size=len(text.encode()))


def _json(text: str) -> Any:
    try:
        orjson.loads(text)
        # orjson is strict, and fast; what it lets pass is an element that is there twice, of which only one would be in force.
        return json.loads(text, object_pairs_hook=_once)
    except orjson.JSONDecodeError as error:
        raise PolicyError(f"This policy contains invalid Json: {error}.") from None
    except PolicyError:
        raise
    except (RecursionError, ValueError):
        raise PolicyError("This policy contains invalid Json: it is nested too deeply, or a number is too long.") from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise _syntax(f"{_shown(twice)} is given more than once in the same object.")
    return found


def _syntax(hint: str) -> PolicyError:
    return PolicyError(f"Syntax errors in policy. {hint}")


def _shown(text: str) -> str:
    return text if len(text) <= 100 else f"{text[:100]}..."


def _require_known(found: Mapping[str, Any], known: tuple[str, ...], what: str) -> None:
    for name in found:
        if name not in known:
            raise _syntax(f"{what} has an element {_shown(name)}, which is none of {', '.join(known)}.")


def _statement(found: Any, where: str) -> Statement:
    if not isinstance(found, dict):
        raise _syntax(f"{where} must be an object: {{...}}.")
    _require_known(found, _ELEMENTS, where)
    effect = found.get("Effect")
    if "Effect" not in found:
        raise PolicyError("Missing required field Effect")
    if not isinstance(effect, str):
        raise _syntax(f"{where}: Effect must be Allow or Deny.")
    if effect not in ("Allow", "Deny"):
        raise PolicyError(f"Invalid effect: {_shown(effect)}. Effect must be Allow or Deny.")
    sid = found.get("Sid")
    if sid is not None and not isinstance(sid, str):
        raise _syntax(f"{where}: Sid must be a text.")
    for name in ("Action", "Resource", "Principal"):
        if name in found and f"Not{name}" in found:
            raise _syntax(f"{where} has both {name} and Not{name}; leave one of them out.")
    actions = _texts(found, "Action", where) or _texts(found, "NotAction", where) or ()
    for action in actions:
        _check_action(action)
    resources = _texts(found, "Resource", where)
    if resources is None:
        resources = _texts(found, "NotResource", where)
    named = "NotPrincipal" if "NotPrincipal" in found else "Principal"
    return Statement(
        effect=effect,
        sid=sid,
        principal=_principal(found[named], f"{where}: {named}") if named in found else None,
        not_principal=named == "NotPrincipal",
        actions=actions,
        not_action="NotAction" in found,
        resources=resources,
        not_resource="NotResource" in found,
        conditions=tuple(_conditions(found.get("Condition", {}), where)),
    )


def _texts(found: Mapping[str, Any], name: str, where: str) -> tuple[str, ...] | None:
    if name not in found:
        return None
    value = found[name]
    listed = [value] if isinstance(value, str) else value
    if not isinstance(listed, list) or not all(isinstance(item, str) for item in listed):
        raise _syntax(f"{where}: {_shown(name)} must be a text or a list of texts.")
    return tuple(listed)


def _check_action(action: str) -> None:
    if action in ("*", "*:*"):
        return
    vendor, colon, name = action.partition(":")
    if not colon or not name:
        raise PolicyError("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.")
    if ":" in name:
        raise PolicyError("Actions/Condition can contain only one colon.")
    if not _VENDOR.match(vendor):
        raise PolicyError(f"Vendor {_shown(vendor)} is not valid")


def _principal(value: Any, where: str) -> Any:
    if value == "*":
        return value
    if not isinstance(value, dict) or not value:
        raise _syntax(f'{where} must be "*" or an object with one of {", ".join(_PRINCIPAL_KINDS)}.')
    _require_known(value, _PRINCIPAL_KINDS, where)
    kinds: dict[str, tuple[str, ...]] = {}
    for kind in value:
        names = _texts(value, kind, where)
        if not names:
            raise _syntax(f"{where}: {kind} names nobody.")
        for name in names:
            if not _known_form(kind, name):
                raise PolicyError(f'Invalid principal in policy: "{kind}":"{_shown(name)}"')
        kinds[kind] = names
    return kinds


def _known_form(kind: str, name: str) -> bool:
    """A `*` stands for everybody; it is no wildcard within a name (IAM user guide, "Principal")."""
    if name == "*":
        return kind != "CanonicalUser"
    if kind == "AWS":
        return bool(_ACCOUNT.match(name) or _ARN.match(name) or _UNIQUE_ID.match(name))
    return bool(name) and not _PARTLY_ANY.search(name)


def _conditions(found: Any, where: str) -> list[tuple[str, str, tuple[str, ...]]]:
    if not isinstance(found, dict):
        raise _syntax(f"{where}: Condition must be an object of operators.")
    listed: list[tuple[str, str, tuple[str, ...]]] = []
    for operator, keys in found.items():
        _check_operator(operator)
        if not isinstance(keys, dict):
            raise _syntax(f"{where}: Condition {operator} must be an object of condition keys.")
        for key, values in keys.items():
            if ":" not in key:
                raise PolicyError("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.")
            given = values if isinstance(values, list) else [values]
            listed.append((operator, key, tuple(_value(value, f"{where}: Condition {operator}, {_shown(key)}") for value in given)))
    return listed


def _check_operator(operator: str) -> None:
    plain = operator.removeprefix("ForAllValues:").removeprefix("ForAnyValue:") if operator.count(":") == 1 else operator
    if plain == "Null" or plain.removesuffix("IfExists") in OPERATORS:
        return
    hint = ""
    if len(operator) <= 64:
        near = difflib.get_close_matches(plain.removesuffix("IfExists"), sorted(OPERATORS), n=1)
        hint = f" The nearest one that exists is {near[0]}." if near else ""
    raise PolicyError(f"Invalid Condition type : {_shown(operator)}.{hint}")


def _value(value: Any, where: str) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    if isinstance(value, int | float):
        return str(value)
    raise _syntax(f"{where} must have texts, numbers or booleans as values.")
