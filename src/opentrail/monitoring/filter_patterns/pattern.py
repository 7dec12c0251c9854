"""One filter pattern of CloudWatch Logs, compiled: terms, JSON or space-delimited, as its first character says. Pure."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Final

from opentrail.monitoring.faults import InvalidParameterException
from opentrail.monitoring.filter_patterns.lines import Lines
from opentrail.monitoring.filter_patterns.message import Message
from opentrail.monitoring.filter_patterns.objects import Objects
from opentrail.monitoring.filter_patterns.scanner import Scanner
from opentrail.monitoring.filter_patterns.terms import Terms

LONGEST: Final = 1024
"""Characters of a pattern."""

Reader = Callable[[Message], str | None]


class FilterPattern:
    """A pattern; made by `compiled`. Any thread."""

    def __init__(self, text: str, form: Terms | Objects | Lines) -> None:
        self.text = text
        self.form = form
        self.regexes = form.regexes
        """How many regular expressions stand in it."""
        self.matches: Callable[[Message], bool] = form.matches
        """Whether a message is as the pattern wants it."""

    def extracted(self, message: Message) -> dict[str, str]:
        """What the pattern's selectors and fields find in a message that matches: `{"$.eventName": …}`, `{"$w1": …}`; none for terms."""
        return {} if isinstance(self.form, Terms) else self.form.extracted(message)

    def reader(self, reference: str) -> Reader:
        """What reads `$.field` or `$field` in a message that matches, as text; `None` where there is nothing to read.

        Raises `InvalidParameterException` when the pattern has no such thing.
        """
        if isinstance(self.form, Terms):
            raise InvalidParameterException(f"{reference} cannot be read: only JSON and space-delimited patterns have fields.")
        return self.form.reader(reference)


@lru_cache(maxsize=4096)
def compiled(text: str) -> FilterPattern:
    """Compile a pattern. Raises `InvalidParameterException` that says what is wrong and where."""
    if len(text) > LONGEST:
        raise InvalidParameterException(f"Invalid filter pattern: it has {len(text)} characters; at most {LONGEST} are allowed.")
    scanner = Scanner(text)
    scanner.blanks()
    match scanner.peek("{", "["):
        case "{":
            return FilterPattern(text, Objects(scanner))
        case "[":
            return FilterPattern(text, Lines(scanner))
        case _:
            return FilterPattern(text, Terms(scanner))
