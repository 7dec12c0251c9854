"""AddPermission and RemovePermission: statements of a queue policy, by their labels. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any, Final

from opentrail.messaging.queues.attributes import MAX_STATEMENTS
from opentrail.messaging.queues.faults import InvalidParameterValue, OverLimit

MAX_ACTIONS: Final = 7
"""Actions of one statement (AddPermission)."""
SHAREABLE: Final = (
    "*",
    "ChangeMessageVisibility",
    "DeleteMessage",
    "GetQueueAttributes",
    "GetQueueUrl",
    "ListDeadLetterSourceQueues",
    "PurgeQueue",
    "ReceiveMessage",
    "SendMessage",
)
"""What an owner can let other accounts do by AddPermission."""

_LABEL = re.compile(r"[A-Za-z0-9_-]{1,80}\Z")
_ACCOUNT = re.compile(r"[0-9]{12}\Z")


def added(policy: str | None, queue_arn: str, label: str, accounts: Sequence[str], actions: Sequence[str]) -> str:
    """`policy` with a statement more. Raises `InvalidParameterValue`, `OverLimit`."""
    if not _LABEL.match(label):
        raise InvalidParameterValue(
            f"Value {label[:100]} for parameter Label is invalid. Reason: It can only include alphanumeric characters, hyphens, or "
            "underscores. 1 to 80 in length."
        )
    for account in accounts:
        if not _ACCOUNT.match(account):
            raise InvalidParameterValue(f"Value {account[:100]} for parameter PrincipalId is invalid. Reason: Unable to verify.")
    for action in actions:
        if action not in SHAREABLE:
            shown = f"SQS:{action[:100]}"
            raise InvalidParameterValue(
                f"Value {shown} for parameter ActionName is invalid. Reason: Only the queue owner is allowed to invoke this action."
            )
    if len(actions) > MAX_ACTIONS:
        raise OverLimit(f"{len(actions)} Actions were found, maximum allowed is {MAX_ACTIONS}.")
    document = _document(policy, queue_arn)
    if any(statement.get("Sid") == label for statement in document["Statement"]):
        raise InvalidParameterValue(f"Value {label} for parameter Label is invalid. Reason: Already exists.")
    if len(document["Statement"]) >= MAX_STATEMENTS:
        raise OverLimit(f"The queue policy has {MAX_STATEMENTS} statements already.")
    principals = [f"arn:aws:iam::{account}:root" for account in dict.fromkeys(accounts)]
    named = [f"SQS:{action}" for action in dict.fromkeys(actions)]
    document["Statement"].append(
        {
            "Sid": label,
            "Effect": "Allow",
            "Principal": {"AWS": principals[0] if len(principals) == 1 else principals},
            "Action": named[0] if len(named) == 1 else named,
            "Resource": queue_arn,
        }
    )
    return json.dumps(document)


def removed(policy: str | None, queue_arn: str, label: str) -> str:
    """`policy` without the statement `label`; empty when none is left. Raises `InvalidParameterValue` when there is no such statement."""
    document = _document(policy, queue_arn)
    left = [statement for statement in document["Statement"] if statement.get("Sid") != label]
    if len(left) == len(document["Statement"]):
        raise InvalidParameterValue(f"Value {label[:100]} for parameter Label is invalid. Reason: can't find label on existing policy.")
    return json.dumps({**document, "Statement": left}) if left else ""


def _document(policy: str | None, queue_arn: str) -> dict[str, Any]:
    if policy is None:
        return {"Version": "2012-10-17", "Id": f"{queue_arn}/SQSDefaultPolicy", "Statement": []}
    document: dict[str, Any] = json.loads(policy)
    listed = document["Statement"]
    return {**document, "Statement": [listed] if isinstance(listed, dict) else list(listed)}
