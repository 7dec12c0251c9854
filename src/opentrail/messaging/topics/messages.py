"""What can be published: sizes, subjects, attributes, and one text per protocol (Publish, PublishBatch). Pure."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from opentrail.messaging.topics.faults import InvalidParameterException, InvalidParameterValueException, invalid
from opentrail.messaging.topics.values import MessageAttribute

MAX_SIZE: Final = 262_144
"""Bytes of a message with its attributes, and of all messages of a batch together."""
MAX_SUBJECT: Final = 100

_NAME: Final = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*")
_NUMBER: Final = re.compile(r"[+-]?(?:[0-9]{1,40}(?:\.[0-9]{0,40})?|\.[0-9]{1,40})(?:[eE][+-]?[0-9]{1,3})?")
_PREFIXES: Final = ("String", "Number", "Binary")


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A message that may be published."""

    body: str
    structured: bool = False
    subject: str | None = None
    attributes: Mapping[str, MessageAttribute] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Bytes that count against the limit: body, and names, types and values of attributes."""
        found = len(self.body.encode())
        for name, attribute in self.attributes.items():
            value = base64.b64decode(attribute.value) if attribute.binary else attribute.value.encode()
            found += len(name.encode()) + len(attribute.data_type.encode()) + len(value)
        return found


def draft(given: Mapping[str, Any], limit: int = MAX_SIZE) -> Draft:
    """The message in the parameters of Publish, or in an entry of PublishBatch. `limit` in bytes.

    Raises `InvalidParameter`, `ParameterValueInvalid`.
    """
    body = given["Message"]
    if not body:
        raise InvalidParameterException("Invalid parameter: Empty message")
    _check_text(body, "Message")
    subject = given.get("Subject")
    if subject is not None:
        _check_subject(subject)
    structure = given.get("MessageStructure")
    if structure not in (None, "", "json"):
        raise invalid("MessageStructure Reason: the only value is json")
    if structure == "json":
        _texts(body)
    if given.get("MessageDeduplicationId"):
        raise invalid(
            "MessageDeduplicationId Reason: The request includes MessageDeduplicationId parameter that is not valid for this topic type"
        )
    if given.get("MessageGroupId"):
        raise invalid("MessageGroupId Reason: OpenTrail has no FIFO topics and no fair queues")
    attributes = {name: _attribute(name, value) for name, value in (given.get("MessageAttributes") or {}).items()}
    made = Draft(body=body, structured=structure == "json", subject=subject, attributes=attributes)
    if made.size > limit:
        raise InvalidParameterException("Invalid parameter: Message too long")
    return made


def body_for(body: str, protocol: str, *, structured: bool) -> str:
    """What a subscriber of `protocol` is told."""
    if not structured:
        return body
    texts = _texts(body)
    return texts.get(protocol, texts["default"])


def _texts(body: str) -> dict[str, str]:
    """Text by protocol of a message with `MessageStructure` json. Raises `InvalidParameter`."""
    try:
        found = json.loads(body, object_pairs_hook=_distinct)
    except (ValueError, RecursionError):
        raise invalid("Message Structure - JSON message body failed to parse") from None
    if not isinstance(found, dict) or not isinstance(found.get("default"), str):
        raise invalid("Message Structure - No default entry in JSON message body")
    texts = {name: text for name, text in found.items() if isinstance(text, str)}
    for text in texts.values():
        _check_text(text, "Message")
    return texts


def _attribute(name: str, given: Mapping[str, Any]) -> MessageAttribute:
    if not _NAME.fullmatch(name) or len(name) > 256 or name.lower().startswith(("aws.", "amazon.")):
        raise _bad(
            f"The message attribute name '{name[:256]}' is not valid: it can contain A-Z, a-z, 0-9, underscore, hyphen and single periods "
            "between them, up to 256, and must not start with AWS. or Amazon."
        )
    kind = given.get("DataType")
    if not kind:
        raise _bad(f"The message attribute '{name}' must contain non-empty message attribute type.")
    if kind.partition(".")[0] not in _PREFIXES or len(kind) > 256 or not kind.isascii() or not kind.isprintable():
        raise _bad(
            f"The message attribute '{name}' has an invalid message attribute type, the set of supported type prefixes is "
            "Binary, Number, and String."
        )
    text, data = given.get("StringValue"), given.get("BinaryValue")
    if text is not None and data is not None:
        raise _bad(f"The message attribute '{name}' has more than one value.")
    wanted = data if kind.startswith("Binary") else text
    if not wanted:
        raise _bad(f"The message attribute '{name}' must contain non-empty message attribute value for message attribute type '{kind}'.")
    if kind.startswith("Binary"):
        return MessageAttribute(kind, base64.b64encode(wanted).decode())
    _check_text(wanted, f"MessageAttributes.{name}")
    if kind.startswith("Number") and not _NUMBER.fullmatch(wanted):
        raise _bad(f"Could not cast message attribute '{name}' value to number.")
    return MessageAttribute(kind, wanted)


def _check_subject(subject: str) -> None:
    _check_text(subject, "Subject")
    if not subject or len(subject) > MAX_SUBJECT or any(ord(letter) < 32 or letter in "\x7f\x85\u2028\u2029" for letter in subject):
        raise invalid("Subject Reason: 1 to 100 characters, without line breaks and control characters")


def _check_text(text: str, member: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise invalid(f"{member} Reason: the text is not valid Unicode") from None


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key comes twice")
    return found


def _bad(message: str) -> InvalidParameterValueException:
    return InvalidParameterValueException(message)
