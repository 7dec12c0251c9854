"""`ERROR -"two words" ?A %\\d+%`: patterns of terms, for messages of any form. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from opentrail.monitoring.filter_patterns import regexes
from opentrail.monitoring.filter_patterns.message import Message
from opentrail.monitoring.filter_patterns.scanner import BLANKS, Scanner

Search = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class _Term:
    sign: str
    """`-`: must not be there; `?`: one of several; empty: must be there."""
    search: Search
    regex: bool
    blank: bool


class Terms:
    """A pattern of terms, compiled."""

    references: tuple[str, ...] = ()

    def __init__(self, scanner: Scanner) -> None:
        """Reads the whole pattern. Raises `InvalidParameterException`."""
        terms = []
        while not scanner.done:
            terms.append(_term(scanner))
        if len(terms) == 1 and terms[0].blank:
            terms = []
        self.regexes = sum(term.regex for term in terms)
        self._wanted = [term.search for term in terms if not term.sign]
        self._unwanted = [term.search for term in terms if term.sign == "-"]
        # Optional terms say something only among themselves (user guide, "Filter pattern syntax": mixed, they are ignored).
        self._optional = [] if self._wanted or self._unwanted else [term.search for term in terms]

    def matches(self, message: Message) -> bool:
        """Whether the message's text has what is wanted, and nothing that is not."""
        text = message.text
        if self._optional:
            return any(search(text) for search in self._optional)
        return all(search(text) for search in self._wanted) and not any(search(text) for search in self._unwanted)


def _term(scanner: Scanner) -> _Term:
    sign = scanner.take("-", "?") or ""
    if scanner.peek("%"):
        return _Term(sign, regexes.searcher(scanner.regex()), regex=True, blank=False)
    if scanner.peek('"'):
        text = scanner.quoted()
        return _Term(sign, _contains(text), regex=False, blank=not sign and not text.strip(BLANKS))
    begin = scanner.at
    while scanner.at < len(scanner.text) and scanner.text[scanner.at] not in BLANKS:
        scanner.at += 1
    text = scanner.text[begin : scanner.at]
    if not text or not all(letter.isalnum() or letter == "_" for letter in text):
        scanner.at = begin
        raise scanner.wrong(f"Invalid character(s) in term '{sign}{text}' (put what is not a letter, a digit or _ into quotes)")
    return _Term(sign, _contains(text), regex=False, blank=False)


def _contains(text: str) -> Search:
    return lambda message: text in message
