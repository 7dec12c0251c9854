"""Reads the text of a pattern from left to right. Pure."""

from __future__ import annotations

import re
from typing import Final

from opentrail.monitoring.faults import InvalidParameterException

BLANKS: Final = " \t\r\n"


class Scanner:
    """A text and how far it has been read."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def blanks(self) -> None:
        """Skip blanks."""
        while self.at < len(self.text) and self.text[self.at] in BLANKS:
            self.at += 1

    def peek(self, *tokens: str) -> str | None:
        """The one of `tokens` that comes next, if any."""
        return next((token for token in tokens if self.text.startswith(token, self.at)), None)

    def take(self, *tokens: str) -> str | None:
        """Step over the one of `tokens` that comes next, if any; the longer of two that begin alike must be named first."""
        token = self.peek(*tokens)
        if token is not None:
            self.at += len(token)
        return token

    def expect(self, token: str) -> None:
        """Step over blanks and `token`. Raises `InvalidParameterException` when it is not there."""
        self.blanks()
        if self.take(token) is None:
            raise self.wrong(f"'{token}' is expected")

    def match(self, form: re.Pattern[str]) -> str | None:
        """Step over what fits `form` here, if anything does."""
        found = form.match(self.text, self.at)
        if found is None or not found.group():
            return None
        self.at = found.end()
        return found.group()

    def quoted(self, quote: str = '"', *, keep: str = "") -> str:
        """Step over a quoted text whose opening quote comes next. A backslash takes the meaning from the quote or backslash behind it.

        Before a character of `keep` it stays, with that character: its meaning is for whoever reads the value.
        """
        begin = self.at
        letters: list[str] = []
        self.at += 1
        while self.at < len(self.text):
            letter = self.text[self.at]
            following = self.text[self.at + 1 : self.at + 2]
            if letter == quote:
                self.at += 1
                return "".join(letters)
            if letter == "\\" and following and following in quote + "\\" + keep:
                letters.append(letter + following if following in keep else following)
                self.at += 1
            else:
                letters.append(letter)
            self.at += 1
        self.at = begin
        raise self.wrong(f"the quote {quote} is not closed")

    def regex(self) -> str:
        """Step over `%…%`, whose opening sign comes next; what is between."""
        end = self.text.find("%", self.at + 1)
        if end < 0:
            raise self.wrong("the regular expression is not closed by %")
        found, self.at = self.text[self.at + 1 : end], end + 1
        return found

    @property
    def done(self) -> bool:
        """Whether nothing but blanks follows; steps over them."""
        self.blanks()
        return self.at == len(self.text)

    def wrong(self, why: str) -> InvalidParameterException:
        """The fault that says what is wrong here."""
        return InvalidParameterException(f"Invalid filter pattern: {why} at character {self.at + 1}.")
