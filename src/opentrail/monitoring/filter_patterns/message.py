"""A log event's message, and what patterns see in it: read when first asked for, and once for all patterns. Pure."""

from __future__ import annotations

import re
from functools import cached_property
from typing import Any, Final

import orjson

from opentrail.monitoring.filter_patterns.scanner import BLANKS
from opentrail.monitoring.filter_patterns.selectors import ABSENT

_WORD: Final = re.compile(r"[^ \t\r\n]+")
_CLOSING: Final = {'"': '"', "[": "]"}


class Message:
    """One message. Not for several threads at once."""

    def __init__(self, text: str) -> None:
        self.text = text

    @cached_property
    def document(self) -> Any:
        """The JSON object or array that it is; `ABSENT` when it is none."""
        if self.text.lstrip(BLANKS)[:1] not in ("{", "["):
            return ABSENT
        try:
            return orjson.loads(self.text)
        except ValueError:  # also what is nested too deeply, or no Unicode
            return ABSENT

    @cached_property
    def fields(self) -> list[str]:
        """Its fields: what blanks part, text in `"…"` and in `[…]` being one field, without the quotes or brackets."""
        return [self.text[begin:end] for begin, end, _ in self.spans]

    @cached_property
    def spans(self) -> list[tuple[int, int, int]]:
        """Where each field begins and ends, and how many characters of delimiter stand on each side of it: 0 or 1."""
        text, at = self.text, 0
        found: list[tuple[int, int, int]] = []
        unclosed: set[str] = set()  # of these none comes any more: each is looked for in vain only once
        while (begins := _WORD.search(text, at)) is not None:
            closing = _CLOSING.get(text[begins.start()])
            end = -1 if closing is None or closing in unclosed else text.find(closing, begins.start() + 1)
            if end >= 0:
                found.append((begins.start() + 1, end, 1))
                at = end + 1
                continue
            if closing is not None:
                unclosed.add(closing)
            found.append((*begins.span(), 0))
            at = begins.end()
        return found
