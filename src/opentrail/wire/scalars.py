"""Text and JSON values of the wire → Python values, distrusting every one of them.

A reader takes one value and returns the Python value of its shape, or raises `Malformed` with a sentence fit for the client. Readers of
text serve query parameters, XML, headers, labels; readers of JSON values serve the JSON protocols. Bounds: `integer` has 32 bits and
`long` 64, as in Smithy; the texts follow what AWS's own services answer where that is known.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Callable
from typing import Any

from botocore.model import Shape

from opentrail.wire.malformed import Malformed
from opentrail.wire.timestamps import from_epoch, from_text

Reader = Callable[[Any], Any]
"""Wire value → Python value; raises `Malformed`."""

INTEGER_BITS = {"integer": 32, "long": 64}
SPECIAL_FLOATS = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}
_INTEGER = re.compile(r"[+-]?[0-9]{1,20}", re.ASCII)
_FLOAT = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,4})?", re.ASCII)
_BLANKS = re.compile(rb"[ \t\r\n]+")
_KINDS: dict[type, str] = {
    str: "STRING_VALUE",
    int: "NUMBER_VALUE",
    float: "NUMBER_VALUE",
    bool: "BOOLEAN_VALUE",
    bytes: "BLOB_VALUE",
    type(None): "NULL_VALUE",
}


def wrong_type(value: Any, wanted: str) -> Malformed:
    """The complaint about a value of a type that its shape does not take."""
    if isinstance(value, dict):
        return Malformed("Start of structure or map found where not expected.")
    if isinstance(value, list):
        return Malformed("Start of list found where not expected.")
    kind = _KINDS.get(type(value), "VALUE")
    return Malformed(f"{kind} can not be converted to {wanted}")


# -- text ---------------------------------------------------------------------------------------------------------------------------------


def string_text(text: str) -> str:
    """Text stays text."""
    return text


def boolean_text(text: str) -> bool:
    """`true` or `false`, in any case."""
    lowered = text.lower()
    if lowered == "true":
        return True
    if lowered == "false":
        return False
    raise Malformed("STRING_VALUE can not be converted to a Boolean")


def integer_text(bits: int) -> Callable[[str], int]:
    """A reader of decimal whole numbers that fit in `bits`."""
    bound = 1 << (bits - 1)
    wanted = "an Integer" if bits == 32 else "a Long"

    def read(text: str) -> int:
        if _INTEGER.fullmatch(text) is None:
            raise Malformed(f"STRING_VALUE can not be converted to {wanted}")
        number = int(text)
        if not -bound <= number < bound:
            raise Malformed(f"Number out of range: it can not be converted to {wanted}")
        return number

    return read


def float_text(text: str) -> float:
    """Decimal and scientific notation, and Smithy's three names for what is no finite number."""
    special = SPECIAL_FLOATS.get(text)
    if special is not None:
        return special
    if _FLOAT.fullmatch(text) is None:
        raise Malformed("STRING_VALUE can not be converted to a Double")
    return float(text)


def blob_text(text: str) -> bytes:
    """Base64 with its padding; blanks and line ends are skipped (MIME encoders put them in)."""
    try:
        raw = text.encode("ascii")
        if not raw.isalnum():
            raw = _BLANKS.sub(b"", raw)
        return binascii.a2b_base64(raw, strict_mode=True)
    except ValueError:
        raise Malformed("Invalid Base64: STRING_VALUE can not be converted to a Blob") from None


def text_reader(shape: Shape, *, timestamp_format: str) -> Reader:
    """The reader for a scalar `shape` written as text; `timestamp_format` counts where the shape names none."""
    kind = shape.type_name
    if kind in ("string", "character"):
        return string_text
    if kind == "boolean":
        return boolean_text
    if kind in INTEGER_BITS:
        return integer_text(INTEGER_BITS[kind])
    if kind in ("float", "double"):
        return float_text
    if kind == "blob":
        return blob_text
    if kind == "timestamp":
        style = str(shape.serialization.get("timestampFormat", timestamp_format)).lower()
        return lambda text: from_text(text, style)
    raise ValueError(f"{shape.name}: a {kind} is no scalar")


# -- JSON (and CBOR) values ---------------------------------------------------------------------------------------------------------------


def string_value(value: Any) -> str:
    """A JSON string."""
    if type(value) is not str:
        raise wrong_type(value, "a String")
    return value


def boolean_value(value: Any) -> bool:
    """`true` or `false` themselves; texts and numbers are not taken for them."""
    if value is True:
        return True
    if value is False:
        return False
    raise wrong_type(value, "a Boolean")


def integer_value(bits: int) -> Reader:
    """A reader of whole numbers that fit in `bits`."""
    bound = 1 << (bits - 1)
    wanted = "an Integer" if bits == 32 else "a Long"

    def read(value: Any) -> int:
        if type(value) is int:
            if -bound <= value < bound:
                return value
        elif type(value) is float and value.is_integer() and -bound <= value < bound:
            return int(value)
        raise wrong_type(value, wanted)

    return read


def float_value(value: Any) -> float:
    """A number, or one of Smithy's three names as a string."""
    if type(value) is float:
        return value
    if type(value) is int:
        return float(value)
    if type(value) is str and value in SPECIAL_FLOATS:
        return SPECIAL_FLOATS[value]
    raise wrong_type(value, "a Double")


def blob_value(value: Any) -> bytes:
    """A base64 string."""
    if type(value) is not str:
        raise wrong_type(value, "a Blob")
    return blob_text(value)


def timestamp_value(style: str) -> Reader:
    """A reader of epoch seconds; a text is read in the way the shape names, else as ISO 8601."""
    text_style = "iso8601" if style == "unixtimestamp" else style

    def read(value: Any) -> Any:
        kind = type(value)
        if kind is int or kind is float:
            return from_epoch(value)
        if kind is str:
            return from_text(value, text_style)
        raise wrong_type(value, "a Timestamp")

    return read


def json_reader(shape: Shape) -> Reader:
    """The reader for a scalar `shape` as a JSON value."""
    kind = shape.type_name
    if kind in ("string", "character"):
        return string_value
    if kind == "boolean":
        return boolean_value
    if kind in INTEGER_BITS:
        return integer_value(INTEGER_BITS[kind])
    if kind in ("float", "double"):
        return float_value
    if kind == "blob":
        return blob_value
    if kind == "timestamp":
        return timestamp_value(str(shape.serialization.get("timestampFormat", "unixTimestamp")).lower())
    raise ValueError(f"{shape.name}: a {kind} is no scalar")
