"""The JSON text of a pattern, token by token, with the place of each: what is wrong is said with line and column.

Places are those that the matcher behind the service reports: the place behind what was read last. Of a string only the opening quote is
read until its text is asked for; behind a name the first character of its value (or the whole value, when it is a number or a word) is
read already.
"""

from __future__ import annotations

import re
from json.decoder import JSONDecodeError, scanstring  # type: ignore[attr-defined]

from opentrail.rules.faults import InvalidEventPatternException

DEEPEST = 200
"""Objects and arrays within each other in a pattern; more is refused."""
SHOWN = 500
"""Characters of the pattern that an error repeats."""
_BLANK = re.compile(r"[ \t\r\n]*")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_WORD = re.compile(r"[\w$.+-]+")
_CLOSING = {"{": "}", "[": "]"}
_INSIDE = {"{": "Object entries", "[": "Array entries"}


class Reader:
    """Goes through the tokens once: `{`, `}`, `[`, `]`, `name`, `string`, `number`, `true`, `false`, `null`."""

    def __init__(self, source: str) -> None:
        self.source = source
        self._place = 0
        """Behind what was read last."""
        self._open: list[str] = []
        self._begun = False
        """Whether the innermost object or array has an entry already."""
        self._string: int | None = None
        """Where the text of a string begins that has not been read yet."""
        self._next: str | None = None
        """The value behind a name, which is known already."""
        self._text = ""
        self.name = ""
        """The name that was read last."""

    def next(self) -> str:
        """The next token; raises `InvalidEventPatternException` when the text is no JSON."""
        if self._next is not None:
            token, self._next = self._next, None
            return self._entered(token)
        self._complete()
        self._skip()
        if not self._open:
            return self._entered(self._value())
        around = self._open[-1]
        if self._peek() == _CLOSING[around]:
            self._place += 1
            self._open.pop()
            self._begun = True
            return _CLOSING[around]
        if self._begun:
            if self._peek() != ",":
                raise self._unexpected(f"was expecting comma to separate {_INSIDE[around]}")
            self._place += 1
            self._skip()
            self._peek()
        self._begun = True
        return self._name() if around == "{" else self._entered(self._value())

    @property
    def text(self) -> str:
        """The string, number or word that was read last, as text."""
        self._complete()
        return self._text

    def finish(self) -> None:
        """Raises `InvalidEventPatternException` when something follows the value."""
        self._skip()
        if self._place < len(self.source):
            raise self._unexpected("was expecting the end of the pattern")

    def fault(self, reason: str) -> InvalidEventPatternException:
        """What to raise: the pattern is not valid for `reason`, found here."""
        before = self.source[: self._place]
        line = before.count("\n") + 1
        column = self._place - (before.rfind("\n") + 1) + 1
        shown = re.sub(r"[\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f]", lambda found: f"\\u{ord(found[0]):04X}", self.source[:SHOWN])
        rest = len(self.source) - SHOWN
        source = f'"{shown}"' + (f"[truncated {rest} chars]" if rest > 0 else "")
        return InvalidEventPatternException(
            f"Event pattern is not valid. Reason: {reason} at [Source: (String){source}; line: {line}, column: {column}]"
        )

    def _entered(self, token: str) -> str:
        if token in _CLOSING:
            if len(self._open) >= DEEPEST:
                raise self.fault(f"Document nesting depth ({DEEPEST + 1}) exceeds the maximum allowed ({DEEPEST})")
            self._open.append(token)
            self._begun = False
        return token

    def _name(self) -> str:
        if self._peek() != '"':
            raise self._unexpected("was expecting double-quote to start field name")
        self._place += 1
        self._string = self._place
        self._complete()
        self.name = self._text
        self._skip()
        if self._peek() != ":":
            raise self._unexpected("was expecting a colon to separate field name and value")
        self._place += 1
        self._skip()
        self._next = self._value()
        return "name"

    def _value(self) -> str:
        first = self._peek()
        if first in _CLOSING:
            self._place += 1
            return first
        if first == '"':
            self._place += 1
            self._string = self._place
            return "string"
        found = _NUMBER.match(self.source, self._place)
        if found is not None:
            self._place, self._text = found.end(), found[0]
            return "number"
        word = _WORD.match(self.source, self._place)
        if word is None:
            raise self._unexpected("expected a valid value (JSON String, Number, Array, Object or token 'null', 'true' or 'false')")
        if word[0] not in ("true", "false", "null"):
            raise self.fault(
                f"Unrecognized token '{word[0]}': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')"
            )
        self._place = word.end()
        self._text = word[0]
        return word[0]

    def _complete(self) -> None:
        if self._string is None:
            return
        begin, self._string = self._string, None
        try:
            self._text, self._place = scanstring(self.source, begin, True)
        except JSONDecodeError as error:
            self._place = min(error.pos + 1, len(self.source))
            raise self.fault(f"{error.msg} in a string") from None

    def _skip(self) -> None:
        found = _BLANK.match(self.source, self._place)
        assert found is not None
        self._place = found.end()

    def _peek(self) -> str:
        if self._place >= len(self.source):
            where = f" within/between {_INSIDE[self._open[-1]]}" if self._open else ""
            raise self.fault(f"Unexpected end-of-input{where}")
        return self.source[self._place]

    def _unexpected(self, expected: str) -> InvalidEventPatternException:
        found = self.source[self._place]
        return self.fault(f"Unexpected character ('{found}' (code {ord(found)})): {expected}")
