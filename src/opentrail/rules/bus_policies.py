"""Policies of event buses: what one must satisfy, and PutPermission and RemovePermission on it. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from opentrail.identity.policies import Policy, PolicyError, check_resource
from opentrail.identity.policies.grammar import Document
from opentrail.rules.faults import PolicyLengthExceededException, ResourceNotFoundException
from opentrail.wire.faults import ValidationException

MAX_SIZE: Final = 10_240
"""Bytes of the policy of an event bus (PutPermission)."""
ACTIONS: Final = (
    "events:PutEvents", "events:PutRule", "events:DeleteRule", "events:DescribeRule", "events:DisableRule", "events:EnableRule",
    "events:PutTargets", "events:RemoveTargets", "events:ListTargetsByRule", "events:ListTagsForResource", "events:TagResource",
    "events:UntagResource", "events:ListRules", "events:DescribeEventBus", "events:ListRuleNamesByTarget",
)  # fmt: skip
"""What an owner can let other accounts do."""
_LOWER: Final = frozenset(action.lower() for action in ACTIONS)


def checked(text: str) -> str:
    """`text`, when it can be the policy of a bus. Raises `PolicyLengthExceededException`, `ValidationException`."""
    if len(text.encode()) > MAX_SIZE:
        raise PolicyLengthExceededException(f"The policy of an event bus may have {MAX_SIZE} bytes.")
    try:
        Policy.parse(text, check=_check)
    except PolicyError as error:
        raise ValidationException(f"Parameter Policy is not valid. Reason: {error}") from None
    return json.dumps(json.loads(text), separators=(",", ":"))


def with_statement(
    policy: str | None, *, statement_id: str, action: str, principal: str, bus_arn: str, condition: Mapping[str, str] | None
) -> str:
    """The policy with a statement more, or another in the place of the one with its id. Raises the same."""
    if action != "events:PutEvents":
        raise ValidationException("Provided value in parameter 'action' is not supported. With a Principal only events:PutEvents is.")
    statement: dict[str, Any] = {
        "Sid": statement_id,
        "Effect": "Allow",
        "Principal": "*" if principal == "*" else {"AWS": f"arn:{bus_arn.split(':')[1]}:iam::{principal}:root"},
        "Action": action,
        "Resource": bus_arn,
    }
    if condition is not None:
        if condition["Type"] != "StringEquals" or condition["Key"] != "aws:PrincipalOrgID":
            raise ValidationException("Parameter Condition is not valid. Reason: Type is StringEquals and Key is aws:PrincipalOrgID.")
        if principal != "*":
            raise ValidationException("Parameter Condition is not valid. Reason: It can only be used with the Principal *.")
        statement["Condition"] = {condition["Type"]: {condition["Key"]: condition["Value"]}}
    kept = [one for one in _statements(policy) if one.get("Sid") != statement_id]
    return checked(json.dumps({"Version": "2012-10-17", "Statement": [*kept, statement]}))


def without_statement(policy: str | None, statement_id: str) -> str | None:
    """The policy without a statement; `None` when none is left. Raises `ResourceNotFoundException`."""
    if policy is None:
        raise ResourceNotFoundException("EventBus does not have a policy.")
    statements = _statements(policy)
    kept = [one for one in statements if one.get("Sid") != statement_id]
    if len(kept) == len(statements):
        raise ResourceNotFoundException("Statement with the provided id does not exist.")
    return json.dumps({**json.loads(policy), "Statement": kept}, separators=(",", ":")) if kept else None


def _check(document: Document) -> None:
    check_resource(document)
    for statement in document.statements:
        for action in statement.actions:
            if action.lower() not in _LOWER and action.lower() not in ("events:*", "*"):
                raise PolicyError(f"Action {action[:100]} is not one that other accounts can be given on an event bus.")


def _statements(policy: str | None) -> list[dict[str, Any]]:
    if policy is None:
        return []
    listed = json.loads(policy)["Statement"]
    return [listed] if isinstance(listed, dict) else listed
