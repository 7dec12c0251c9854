"""Attributes of queues: which there are, what values they take, how they hang together (CreateQueue, SetQueueAttributes). Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from opentrail.identity.policies import Policy, PolicyError, check_resource
from opentrail.messaging.queues import redrive
from opentrail.messaging.queues.faults import InvalidAttributeName, InvalidAttributeValue

MAX_POLICY: Final = 65_536
"""Bytes of a queue policy (SQS quotas)."""
MAX_STATEMENTS: Final = 20
"""Statements of a queue policy (SQS quotas)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """An attribute that is a whole number."""

    low: int
    high: int
    default: int


NUMBERS: Final[Mapping[str, Number]] = {
    "DelaySeconds": Number(low=0, high=900, default=0),
    "KmsDataKeyReusePeriodSeconds": Number(low=60, high=86_400, default=300),
    "MaximumMessageSize": Number(low=1024, high=1_048_576, default=1_048_576),
    "MessageRetentionPeriod": Number(low=60, high=1_209_600, default=345_600),
    "ReceiveMessageWaitTimeSeconds": Number(low=0, high=20, default=0),
    "VisibilityTimeout": Number(low=0, high=43_200, default=30),
}

_CHOICES: Final[Mapping[str, tuple[str, ...]]] = {
    # attribute → values, the default first
    "ContentBasedDeduplication": ("false", "true"),
    "DeduplicationScope": ("queue", "messageGroup"),
    "FifoThroughputLimit": ("perQueue", "perMessageGroupId"),
    "SqsManagedSseEnabled": ("true", "false"),
}

_TEXTS: Final = ("KmsMasterKeyId", "Policy", "RedriveAllowPolicy", "RedrivePolicy")
"""Attributes that are absent until they are set; the empty text takes them away again."""

FIFO_ONLY: Final = ("ContentBasedDeduplication", "DeduplicationScope", "FifoThroughputLimit")

COMPUTED: Final = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesDelayed",
    "ApproximateNumberOfMessagesNotVisible",
    "CreatedTimestamp",
    "LastModifiedTimestamp",
    "QueueArn",
)
"""Attributes that nobody sets."""

NAMES: Final = frozenset((*NUMBERS, *_CHOICES, *_TEXTS, *COMPUTED, "FifoQueue", "All"))
"""Every name that GetQueueAttributes takes."""

DEFAULTS: Final[Mapping[str, str]] = {
    **{name: str(number.default) for name, number in NUMBERS.items()},
    **{name: values[0] for name, values in _CHOICES.items()},
}


def checked(given: Mapping[str, str], *, fifo: bool) -> dict[str, str]:
    """The attributes of a request, in the form in which they are kept. Raises `InvalidAttributeName`, `InvalidAttributeValue`.

    `FifoQueue` is not among them: it is said by the queue's name and looked at by whoever creates one.
    """
    return {name: _checked(name, value, fifo=fifo) for name, value in given.items() if name != "FifoQueue"}


def merged(present: Mapping[str, str], changes: Mapping[str, str]) -> dict[str, str]:
    """`present` with `changes`, both `checked`: the empty text takes an attribute away, one kind of encryption the other.

    Raises `InvalidAttributeValue` for two kinds of encryption at once, and for a throughput limit that the scope does not allow.
    """
    settings = {**present, **changes}
    if changes.get("KmsMasterKeyId"):
        if changes.get("SqsManagedSseEnabled") == "true":
            raise InvalidAttributeValue(
                "You can use one type of server-side encryption (SSE) at one time. You can either enable KMS SSE or SQS SSE."
            )
        settings["SqsManagedSseEnabled"] = "false"
    elif changes.get("SqsManagedSseEnabled") == "true":
        settings.pop("KmsMasterKeyId", None)
    if settings.get("FifoThroughputLimit") == "perMessageGroupId" and settings.get("DeduplicationScope") != "messageGroup":
        raise InvalidAttributeValue(
            "Invalid value for the parameter FifoThroughputLimit. Reason: perMessageGroupId needs DeduplicationScope messageGroup."
        )
    return {name: value for name, value in settings.items() if value != ""}


def different(settings: Mapping[str, str], wanted: Mapping[str, str]) -> str | None:
    """The first attribute of `wanted` (`checked`) that a queue with `settings` has otherwise; `None`: it is as wanted."""
    for name, value in wanted.items():
        if (settings.get(name) or DEFAULTS.get(name, "")) != value:
            return name
    return None


def _checked(name: str, value: str, *, fifo: bool) -> str:
    if name in NUMBERS:
        number = NUMBERS[name]
        text = value.strip()
        if not (text.isascii() and text.isdecimal() and len(text) < 10 and number.low <= int(text) <= number.high):
            raise _invalid(name, f"Must be between {number.low} and {number.high}.")
        return str(int(text))
    if name in _CHOICES and (fifo or name not in FIFO_ONLY):
        text = value.lower() if _CHOICES[name][0] in ("true", "false") else value
        if text not in _CHOICES[name]:
            raise _invalid(name, f"Must be one of {', '.join(_CHOICES[name])}.")
        return text
    if name not in _TEXTS:
        raise InvalidAttributeName(f"Unknown Attribute {name[:100]}.")
    if value.strip() == "":
        return ""
    if name == "Policy":
        check_policy(value)
    elif name == "RedrivePolicy":
        redrive.policy(value)
    elif name == "RedriveAllowPolicy":
        redrive.check_allow(value)
    elif len(value) > 2048:
        raise _invalid(name, "It is longer than 2048 characters.")
    return value


def check_policy(text: str) -> None:
    """Whether `text` can be a queue policy. Raises `InvalidAttributeValue`."""
    if len(text.encode()) > MAX_POLICY:
        raise _invalid("Policy", f"It is larger than {MAX_POLICY} bytes.")
    try:
        policy = Policy.parse(text, check=check_resource)
    except PolicyError as error:
        raise _invalid("Policy", str(error)) from None
    if len(policy.allows) + len(policy.denies) > MAX_STATEMENTS:
        raise _invalid("Policy", f"It has more than {MAX_STATEMENTS} statements.")


def _invalid(name: str, reason: str) -> InvalidAttributeValue:
    return InvalidAttributeValue(f"Invalid value for the parameter {name}. Reason: {reason}")
