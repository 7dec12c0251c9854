"""JSON values as text, in the record's own spelling. Pure."""

from __future__ import annotations

import re
from typing import Final

import msgspec

_SPACE: Final = re.compile(rb'("(?:[^"\\]|\\.)*")|[ \t\r\n]+', re.DOTALL)
_ESCAPE: Final = re.compile(rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)", re.DOTALL)
_objects = msgspec.json.Decoder(dict[str, msgspec.Raw])
_arrays = msgspec.json.Decoder(list[msgspec.Raw])
_strings = msgspec.json.Decoder(str)


class NotJSON(ValueError):
    """The bytes are not what they should be; the text says what is wrong."""


def mended(record: bytes) -> bytes:
    """`record` with each escape of half a surrogate pair, which stands for no character, as that of U+FFFD. The length stays the same."""
    return _ESCAPE.sub(lambda found: rb"\ufffd" if found[1] else found[0], record)


def as_object(value: bytes | msgspec.Raw) -> dict[str, msgspec.Raw]:
    """The members of a JSON object, each as it is spelled; of members with one name the last. Raises `NotJSON`."""
    try:
        return _objects.decode(value)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise NotJSON(str(error)) from error
    except RecursionError as error:
        raise NotJSON("it is nested too deeply") from error


def as_array(value: bytes | msgspec.Raw) -> list[msgspec.Raw]:
    """The elements of a JSON array, each as it is spelled. Raises `NotJSON`."""
    try:
        return _arrays.decode(value)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise NotJSON(str(error)) from error
    except RecursionError as error:
        raise NotJSON("it is nested too deeply") from error


def as_text(value: bytes | msgspec.Raw) -> str | None:
    """What a text column, or a map, says of a JSON value: a string its content, `null` nothing, the others as they are spelled, without
    the spaces between tokens. Escapes within objects and arrays stay as the record has them."""
    raw = bytes(value)
    if raw[:1] == b'"':
        return _strings.decode(raw)
    if raw == b"null":
        return None
    return compact(raw).decode()


def compact(raw: bytes) -> bytes:
    """`raw` without the spaces between its tokens."""
    return _SPACE.sub(rb"\1", raw)
