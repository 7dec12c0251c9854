"""Lists in UTF-8 byte order, with prefixes rolled up at a delimiter by jumping over what they cover.

A page costs as many rows as it has entries, plus a look-up for each common prefix, however many keys the prefixes hold.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from opentrail.buckets.faults import InvalidArgument


class Keyed(Protocol):
    """Something that is listed by key."""

    @property
    def key(self) -> str:
        """The key."""


_T = TypeVar("_T", bound=Keyed)


@dataclass(frozen=True, slots=True)
class Position:
    """Where a list goes on: behind the key `text`, or behind every key that starts with it (`whole_prefix`)."""

    text: str
    whole_prefix: bool = False

    def token(self) -> str:
        """As an opaque continuation token."""
        return urlsafe_b64encode((b"p" if self.whole_prefix else b"k") + self.text.encode()).decode("ascii")

    @classmethod
    def of_token(cls, token: str) -> Position:
        """Raises `InvalidArgument` for what is not a token."""
        try:
            raw = urlsafe_b64decode(token.encode("ascii"))
            if raw[:1] not in (b"p", b"k"):
                raise ValueError(token)
            return cls(raw[1:].decode(), raw[:1] == b"p")
        except (Base64Error, ValueError):
            raise InvalidArgument(
                "The continuation token provided is incorrect", ArgumentName="continuation-token", ArgumentValue=token
            ) from None


@dataclass(frozen=True, slots=True)
class Page(Generic[_T]):
    """One page: entries and common prefixes, and where the next one starts when there is more."""

    entries: Sequence[_T]
    prefixes: Sequence[str] = ()
    next: Position | None = None
    count: int = field(default=0)
    """Entries and prefixes together."""


Scan = Callable[[bytes, bool, _T | None, bytes | None, int], Sequence[_T]]
"""`scan(start, inclusive, last, end, limit)`: entries in key order from `start` (or behind it, and then behind the entry `last` if given),
before `end`."""


def page(scan: Scan[_T], *, prefix: str = "", delimiter: str = "", after: Position | None = None, limit: int = 1000) -> Page[_T]:
    """The next `limit` entries and common prefixes behind `after`."""
    if limit <= 0:
        return Page([])
    start, inclusive = prefix.encode(), True
    end = behind(start)
    if after is not None:
        text = after.text.encode()
        # A marker that is itself a common prefix stands for all it covers: that is how a client goes on from NextMarker.
        whole = after.whole_prefix or (delimiter != "" and _rolled(after.text, prefix, delimiter) == after.text)
        position = (behind(text), True) if whole else (text, False)
        if position[0] is None:
            return Page([])
        if position[0] >= start:
            start, inclusive = position[0], position[1]
    entries: list[_T] = []
    prefixes: list[str] = []
    last: Position | None = None
    seen: _T | None = None
    step = limit + 1
    while True:
        found = scan(start, inclusive, seen, end, step)
        rolled = None
        for entry in found:
            if rolled is not None and entry.key.startswith(rolled):
                continue
            rolled = _rolled(entry.key, prefix, delimiter)
            if len(entries) + len(prefixes) == limit:
                return Page(entries, prefixes, last, limit)
            if rolled is None:
                entries.append(entry)
                last = Position(entry.key)
            else:
                prefixes.append(rolled)
                last = Position(rolled, True)
        if len(found) < step:
            return Page(entries, prefixes, None, len(entries) + len(prefixes))
        if rolled is None:
            seen = found[-1]
            start, inclusive = seen.key.encode(), False
            step = min(step * 4, limit + 1)
        else:
            jump = behind(rolled.encode())
            if jump is None:
                return Page(entries, prefixes, None, len(entries) + len(prefixes))
            start, inclusive, seen = jump, True, None
            step = 2  # where prefixes follow each other, more rows would only be skipped


def behind(prefix: bytes) -> bytes | None:
    """The first string behind every one that starts with `prefix`; `None`: there is none (also for an empty prefix)."""
    stripped = prefix.rstrip(b"\xff")
    return stripped[:-1] + bytes([stripped[-1] + 1]) if stripped else None


def _rolled(key: str, prefix: str, delimiter: str) -> str | None:
    """The common prefix that covers `key`, if any."""
    if not delimiter or not key.startswith(prefix):
        return None
    at = key.find(delimiter, len(prefix))
    return None if at < 0 else key[: at + len(delimiter)]
