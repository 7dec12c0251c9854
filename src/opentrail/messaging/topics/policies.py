"""Policies of topics: the default one, what a new one must satisfy, and AddPermission and RemovePermission on them. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from opentrail.identity.policies import Policy, PolicyError, check_resource
from opentrail.identity.policies.grammar import Document
from opentrail.messaging.topics.faults import InvalidParameterException, NotFoundException, invalid

MAX_SIZE: Final = 30_720
"""Bytes of a topic policy."""
OWNERS: Final = (
    "SNS:GetTopicAttributes", "SNS:SetTopicAttributes", "SNS:AddPermission", "SNS:RemovePermission", "SNS:DeleteTopic", "SNS:Subscribe",
    "SNS:ListSubscriptionsByTopic", "SNS:Publish",
)  # fmt: skip
"""Actions that the default policy is about, and that AddPermission can give."""


def default(topic_arn: str, account_id: str) -> str:
    """The policy of a topic that is made without one: AWS services that act for the account (`aws:SourceOwner`)."""
    statement = {
        "Sid": "__default_statement_ID",
        "Effect": "Allow",
        "Principal": {"AWS": "*"},
        "Action": list(OWNERS),
        "Resource": topic_arn,
        "Condition": {"StringEquals": {"AWS:SourceOwner": account_id}},
    }
    return _text({"Version": "2008-10-17", "Id": "__default_policy_ID", "Statement": [statement]})


def check(text: str) -> None:
    """Whether `text` can be the policy of a topic. Raises `InvalidParameter`."""
    if len(text.encode()) > MAX_SIZE:
        raise invalid(f"Policy Reason: The policy has more than {MAX_SIZE} bytes")
    try:
        Policy.parse(text, check=_check)
    except PolicyError as error:
        raise InvalidParameterException(f"Invalid parameter: Policy Error: {error}") from None


def with_permission(text: str, label: str, accounts: Sequence[str], actions: Sequence[str], topic_arn: str) -> str:
    """The policy with a statement more. Raises `InvalidParameter`."""
    document, statements = _taken_apart(text)
    if any(statement.get("Sid") == label for statement in statements):
        raise InvalidParameterException("Invalid parameter: Statement already exists")
    principals = [f"arn:aws:iam::{account}:root" for account in accounts]
    added = {
        "Sid": label,
        "Effect": "Allow",
        "Principal": {"AWS": principals[0] if len(principals) == 1 else principals},
        "Action": actions[0] if len(actions) == 1 else list(actions),
        "Resource": topic_arn,
    }
    made = _text({**document, "Statement": [*statements, added]})
    check(made)
    return made


def without_permission(text: str, label: str) -> str:
    """The policy without the statement `label`. Raises `NotFound`."""
    document, statements = _taken_apart(text)
    kept = [statement for statement in statements if statement.get("Sid") != label]
    if len(kept) == len(statements):
        raise NotFoundException("Statement does not exist")
    return _text({**document, "Statement": kept})


def _check(document: Document) -> None:
    check_resource(document)
    for statement in document.statements:
        for action in statement.actions:
            if not action.lower().startswith("sns:"):
                raise PolicyError("Policy statement action out of service scope!")


def _taken_apart(text: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    document: dict[str, Any] = json.loads(text)
    listed = document["Statement"]
    return document, [listed] if isinstance(listed, dict) else listed


def _text(document: Any) -> str:
    return json.dumps(document, separators=(",", ":"))
