"""RedrivePolicy and RedriveAllowPolicy: which queue dead letters go to, and whose they may be. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from opentrail.messaging.queues import names
from opentrail.messaging.queues.faults import InvalidParameterValue

MAX_RECEIVES = 1000
"""Largest `maxReceiveCount`."""
MAX_SOURCES = 10
"""Queues that `sourceQueueArns` can name."""
_DEFAULT_RECEIVES = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Redrive:
    """A RedrivePolicy."""

    target: names.Place
    receives: int
    """How often a message is received before it is a dead letter."""


def policy(text: str) -> Redrive:
    """A RedrivePolicy from its JSON text. Raises `InvalidParameterValue`."""
    found = _object(text, "RedrivePolicy")
    arn, count = found.pop("deadLetterTargetArn", None), found.pop("maxReceiveCount", _DEFAULT_RECEIVES)
    if found:
        raise _invalid(text, "RedrivePolicy", f"Unknown parameter {next(iter(found))[:100]}.")
    if arn is None:
        raise _invalid(text, "RedrivePolicy", "Redrive policy does not contain mandatory attribute: deadLetterTargetArn.")
    target = names.of_arn(arn) if isinstance(arn, str) else None
    if target is None:
        raise _invalid(text, "RedrivePolicy", "Invalid value for deadLetterTargetArn.")
    if isinstance(count, str) and count.isascii() and count.isdecimal() and len(count) < 10:
        count = int(count)
    if type(count) is not int or not 1 <= count <= MAX_RECEIVES:
        raise _invalid(
            text, "RedrivePolicy", f"Invalid value for maxReceiveCount: {str(count)[:40]}, valid values are from 1 to {MAX_RECEIVES}."
        )
    return Redrive(target=target, receives=count)


def check_allow(text: str) -> None:
    """Whether `text` can be a RedriveAllowPolicy. Raises `InvalidParameterValue`."""
    found = _object(text, "RedriveAllowPolicy")
    permission, sources = found.get("redrivePermission"), found.get("sourceQueueArns")
    if set(found) - {"redrivePermission", "sourceQueueArns"} or permission not in ("allowAll", "denyAll", "byQueue"):
        raise _invalid(text, "RedriveAllowPolicy", "redrivePermission must be allowAll, denyAll or byQueue.")
    if (permission == "byQueue") != bool(sources):
        raise _invalid(text, "RedriveAllowPolicy", "sourceQueueArns must be given with byQueue, and with nothing else.")
    if sources and (
        not isinstance(sources, list)
        or len(sources) > MAX_SOURCES
        or not all(isinstance(arn, str) and names.of_arn(arn) is not None for arn in sources)
    ):
        raise _invalid(text, "RedriveAllowPolicy", f"sourceQueueArns must be a list of up to {MAX_SOURCES} queue ARNs.")


def allows(text: str | None, source_arn: str) -> bool:
    """Whether a queue with the RedriveAllowPolicy `text` takes the dead letters of `source_arn`."""
    if text is None:
        return True
    found = _object(text, "RedriveAllowPolicy")
    permission = found["redrivePermission"]
    return permission == "allowAll" or (permission == "byQueue" and source_arn in found["sourceQueueArns"])


def _object(text: str, name: str) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(text)
    except (msgspec.DecodeError, ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise _invalid(text, name, f"{name} is not a valid JSON map.")
    return found


def _invalid(text: str, name: str, reason: str) -> InvalidParameterValue:
    return InvalidParameterValue(f"Value {text[:400]} for parameter {name} is invalid. Reason: {reason}")
