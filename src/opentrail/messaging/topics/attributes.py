"""Attributes of topics and subscriptions: which there are, and what they can be. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from opentrail.messaging.topics import names, policies, retrying
from opentrail.messaging.topics.faults import InvalidParameterException, invalid
from opentrail.messaging.topics.filtering import FilterPolicy, Scope

SMALLEST, LARGEST = 1024, 262_144
"""Bytes of a message, attributes included: what `MaximumMessageSize` can be. AWS's newer limit of 1 MiB is not served."""

_FIFO: Final = ("FifoTopic", "ContentBasedDeduplication", "FifoThroughputScope", "ArchivePolicy")
_FEEDBACK: Final = re.compile(r"(HTTP|Firehose|Lambda|Application|SQS)(Success|Failure)Feedback(RoleArn|SampleRate)")
_SCOPES: Final[Mapping[str, Scope]] = {"MessageAttributes": "MessageAttributes", "MessageBody": "MessageBody"}


def checked_topic(name: str, value: str) -> str:
    """The attribute `name` of a topic as it is stored; `""`: it is taken away. Raises `InvalidParameter`."""
    if name in _FIFO:
        if value == "false" and name != "ArchivePolicy":
            return ""
        raise InvalidParameterException(f"Invalid parameter: Attributes Reason: {name}: OpenTrail has no FIFO topics")
    if _FEEDBACK.fullmatch(name):
        if value in ("", "0"):
            return ""
        raise InvalidParameterException(f"Invalid parameter: Attributes Reason: {name}: OpenTrail keeps no delivery status logs")
    check = _TOPIC.get(name)
    if check is None:
        raise invalid("AttributeName" if len(name) > 100 else f"AttributeName Reason: {name} is not an attribute of topics that can be set")
    if value:
        check(value)
    return value


def checked_subscription(given: Mapping[str, str], protocol: str, topic_region: str) -> dict[str, str]:
    """All attributes of a subscription together, without those that are empty. Raises `InvalidParameter`."""
    for name, value in given.items():
        check = _SUBSCRIPTION.get(name)
        if check is None:
            raise invalid(f"Attributes Reason: Unknown attribute {name[:100]}")
        if value:
            check(value)
    kept = {name: value for name, value in given.items() if value}
    if kept.get("RawMessageDelivery") == "true" and protocol not in ("sqs", "http", "https"):
        raise invalid(f"Attributes Reason: RawMessageDelivery: Delivery protocol [{protocol}] does not support raw message delivery.")
    if "DeliveryPolicy" in kept and protocol not in ("http", "https"):
        raise invalid(f"Attributes Reason: Delivery protocol [{protocol}] does not support delivery policies.")
    if "RedrivePolicy" in kept:
        _check_redrive(kept["RedrivePolicy"], topic_region)
    filter_of(kept)
    return kept


def filter_of(attributes: Mapping[str, str]) -> FilterPolicy | None:
    """The filter policy among a subscription's attributes. Raises `InvalidParameter`."""
    text = attributes.get("FilterPolicy")
    if text is None or text == "{}":
        return None
    return FilterPolicy.parse(text, scope=_SCOPES[attributes.get("FilterPolicyScope", "MessageAttributes")])


def dead_letters(attributes: Mapping[str, str]) -> str | None:
    """ARN of the queue for what cannot be delivered."""
    text = attributes.get("RedrivePolicy")
    return None if text is None else str(json.loads(text)["deadLetterTargetArn"])


def _check_redrive(text: str, topic_region: str) -> None:
    given = _json(text, "RedrivePolicy")
    target = given.get("deadLetterTargetArn")
    if set(given) != {"deadLetterTargetArn"} or not isinstance(target, str):
        raise invalid("RedrivePolicy: deadLetterTargetArn, and nothing else, is expected")
    queue = names.queue(target)
    if queue is None:
        raise invalid("RedrivePolicy: deadLetterTargetArn is an invalid arn of a standard queue")
    if queue.region != topic_region:
        raise invalid("RedrivePolicy: the dead-letter queue must be in the Region of the topic")


def _json(text: str, name: str) -> dict[str, Any]:
    try:
        given = json.loads(text)
    except (ValueError, RecursionError):
        given = None
    if not isinstance(given, dict):
        raise invalid(f"{name}: failed to parse JSON: an object is expected")
    return given


def _display_name(value: str) -> None:
    if len(value) > 100 or any(not letter.isprintable() for letter in value):
        raise invalid("DisplayName Reason: up to 100 printable characters are allowed")


def _one_of(name: str, *choices: str) -> Callable[[str], None]:
    def check(value: str) -> None:
        if value not in choices:
            raise invalid(f"{name}: Invalid value [{value[:100]}]. Must be one of {', '.join(choices)}.")

    return check


def _size(value: str) -> None:
    if not (value.isascii() and value.isdecimal() and len(value) < 10 and SMALLEST <= int(value) <= LARGEST):
        raise invalid(f"MaximumMessageSize Reason: a number from {SMALLEST} to {LARGEST} is expected")


def _key_id(value: str) -> None:
    if not re.fullmatch(r"[A-Za-z0-9:/_-]{1,2048}", value):
        raise invalid("KmsMasterKeyId")


def _any_text(_value: str) -> None:
    """Checked together with others."""


_TOPIC: Final[Mapping[str, Callable[[str], None]]] = {
    "DeliveryPolicy": retrying.check_topic,
    "DisplayName": _display_name,
    "KmsMasterKeyId": _key_id,
    "MaximumMessageSize": _size,
    "Policy": policies.check,
    "SignatureVersion": _one_of("SignatureVersion", "1", "2"),
    "TracingConfig": _one_of("TracingConfig", "PassThrough"),
}
_SUBSCRIPTION: Final[Mapping[str, Callable[[str], None]]] = {
    "DeliveryPolicy": retrying.check_subscription,
    "FilterPolicy": _any_text,
    "FilterPolicyScope": _one_of("FilterPolicyScope", *_SCOPES),
    "RawMessageDelivery": _one_of("RawMessageDelivery", "true", "false"),
    "RedrivePolicy": _any_text,
}
