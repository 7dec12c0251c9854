"""What a message may hold, how large it is, and the MD5 sums that SDKs verify. Pure."""

from __future__ import annotations

import hashlib
import re
import struct
from collections.abc import Iterable, Mapping
from typing import Any, Final

from opentrail.messaging.queues.faults import InvalidMessageContents, InvalidParameterValue, MissingParameter, UnsupportedOperation
from opentrail.messaging.queues.values import Attribute

MAX_ATTRIBUTES: Final = 10
"""Message attributes of one message."""
MAX_BATCH_BYTES: Final = 1_048_576
"""Bytes of all messages of one batch."""
TRACE_HEADER: Final = "AWSTraceHeader"
"""The one system attribute that a sender can set."""

_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,256}\Z")
_TYPE = re.compile(r"(String|Number|Binary)(\.[A-Za-z0-9_.-]{1,250})?\Z")
_NUMBER = re.compile(r"[+-]?([0-9]{1,128}(\.[0-9]{0,128})?|\.[0-9]{1,128})([eE][+-]?[0-9]{1,3})?\Z")
_TOKEN = re.compile(r"[A-Za-z0-9!\"#$%&'()*+,./:;<=>?@\[\\\]^_`{|}~-]{1,128}\Z")


def check_body(body: str) -> None:
    """Raises `MissingParameter` for an empty body, `InvalidMessageContents` for characters that XML 1.0 does not have."""
    if not body:
        raise MissingParameter("The request must contain the parameter MessageBody.")
    check_text(body)


def check_text(text: str) -> None:
    """Raises `InvalidMessageContents`."""
    if _FORBIDDEN.search(text):
        raise InvalidMessageContents


def token(name: str, value: str) -> str:
    """`value`, when it can be a group id, a deduplication id, an attempt id. Raises `InvalidParameterValue`."""
    if not _TOKEN.match(value):
        raise InvalidParameterValue(
            f"Value {value[:200]} for parameter {name} is invalid. Reason: It can only include alphanumeric characters and "
            "punctuation. 1 to 128 in length."
        )
    return value


def attributes(given: Mapping[str, Mapping[str, Any]]) -> dict[str, Attribute]:
    """The message attributes of a request (`MessageAttributes`). Raises `InvalidParameterValue`, `UnsupportedOperation`."""
    if len(given) > MAX_ATTRIBUTES:
        raise InvalidParameterValue(f"Number of message attributes [{len(given)}] exceeds the allowed maximum [{MAX_ATTRIBUTES}].")
    found = {}
    for name, value in given.items():
        _check_attribute_name(name)
        found[name] = _attribute(name, value)
    return found


def trace_header(given: Mapping[str, Mapping[str, Any]]) -> str | None:
    """The value of `AWSTraceHeader` in `MessageSystemAttributes`. Raises `InvalidParameterValue` for any other one."""
    for name, value in given.items():
        if name != TRACE_HEADER:
            raise InvalidParameterValue(f"Message system attribute name '{name[:100]}' is invalid.")
        found = _attribute(name, value)
        if found.data_type != "String":
            raise InvalidParameterValue(f"The message system attribute '{name}' must use the String data type.")
        return found.text
    return None


def size(body: str, attributes: Mapping[str, Attribute]) -> int:
    """Bytes that count against `MaximumMessageSize`: the body, and name, type and value of each attribute."""
    total = len(body.encode())
    for name, value in attributes.items():
        total += len(name.encode()) + len(value.data_type.encode()) + len(_octets(value))
    return total


def md5_of(body: str) -> str:
    """`MD5OfMessageBody`"""
    return hashlib.md5(body.encode(), usedforsecurity=False).hexdigest()


def md5_of_attributes(attributes: Mapping[str, Attribute]) -> str | None:
    """`MD5OfMessageAttributes` (SQS developer guide, "Calculating the MD5 message digest for message attributes"); `None` for none."""
    if not attributes:
        return None
    digest = hashlib.md5(usedforsecurity=False)
    for name in sorted(attributes):
        value = attributes[name]
        digest.update(_measured(name.encode()) + _measured(value.data_type.encode()))
        digest.update(b"\x02" if value.binary is not None else b"\x01")
        digest.update(_measured(_octets(value)))
    return digest.hexdigest()


def md5_of_trace_header(text: str | None) -> str | None:
    """`MD5OfMessageSystemAttributes`"""
    return None if text is None else md5_of_attributes({TRACE_HEADER: Attribute("String", text)})


def selected(attributes: Mapping[str, Attribute], names: Iterable[str]) -> dict[str, Attribute]:
    """Those that `MessageAttributeNames` asks for: a name, `All`, `.*`, or a prefix with `.*`."""
    wanted = frozenset(names)
    if wanted & {"All", ".*"}:
        return dict(attributes)
    prefixes = tuple(name[:-1] for name in wanted if name.endswith(".*"))
    return {name: value for name, value in attributes.items() if name in wanted or (prefixes and name.startswith(prefixes))}


def _measured(octets: bytes) -> bytes:
    return struct.pack(">I", len(octets)) + octets


def _octets(value: Attribute) -> bytes:
    return value.binary if value.binary is not None else (value.text or "").encode()


def _check_attribute_name(name: str) -> None:
    if not _NAME.match(name) or name.startswith(".") or name.endswith(".") or ".." in name or name.lower().startswith(("aws.", "amazon.")):
        raise InvalidParameterValue(
            f"Message attribute name '{name[:300]}' is invalid. It can only contain alphanumeric characters, hyphens, underscores, single "
            "periods between them, up to 256, and must not begin with AWS. or Amazon."
        )


def _attribute(name: str, given: Mapping[str, Any]) -> Attribute:
    data_type = given.get("DataType") or ""
    if given.get("StringListValues") or given.get("BinaryListValues"):
        raise UnsupportedOperation("Message attribute list values in SendMessage operation are not supported.")
    if not data_type:
        raise InvalidParameterValue(f"The message attribute '{name}' must contain a non-empty message attribute type.")
    if not _TYPE.match(data_type):
        raise InvalidParameterValue(
            f"The type of message attribute '{name}' is invalid. You must use only the following supported type prefixes: Binary, Number, "
            "String."
        )
    text, binary = given.get("StringValue"), given.get("BinaryValue")
    if text is not None and binary is not None:
        raise InvalidParameterValue(f"Message attribute '{name}' has multiple values.")
    if data_type.startswith("Binary"):
        if not binary:
            raise _without_value(name, data_type)
        return Attribute(data_type, None, binary)
    if not text:
        raise _without_value(name, data_type)
    check_text(text)
    if data_type.startswith("Number") and not _NUMBER.match(text):
        raise InvalidParameterValue(f"Can't cast the value of message (user) attribute '{name}' to a number.")
    return Attribute(data_type, text, None)


def _without_value(name: str, data_type: str) -> InvalidParameterValue:
    member = "BinaryValue" if data_type.startswith("Binary") else "StringValue"
    return InvalidParameterValue(
        f"The message attribute '{name}' with type '{data_type}' must use field '{member}', which must not be empty."
    )
