"""The parts of a pattern: text, wildcards and variables."""

from __future__ import annotations

import re
from typing import NamedTuple

_TOKEN = re.compile(r"\$\{([^{}]{1,512})\}|\*+|\?")
_WILDCARD = re.compile(r"\*+|\?")
_VARIABLE = re.compile(r"\$\{([^{}]{1,512})\}")
_NAME = re.compile(r"\s*([^,]*[^,\s])\s*(?:,\s*'([^']*)'\s*)?\Z")
"""Keys of tags may hold blanks, but no commas."""


class Literal(NamedTuple):
    """Text that stands for itself."""

    text: str


class Variable(NamedTuple):
    """`${key}` or `${key, 'default'}`."""

    key: str
    default: str | None


class Many(NamedTuple):
    """`*`: any text, also none."""


class One(NamedTuple):
    """`?`: any one character."""


class ManyInPart(NamedTuple):
    """`*` that stays within its colon-separated part."""


class OneInPart(NamedTuple):
    """`?` that is no colon."""


Token = Literal | Variable | Many | One | ManyInPart | OneInPart


def tokens(text: str, *, variables: bool, wildcards: bool = True) -> list[Token]:
    """Cut a pattern into its parts. `${*}`, `${?}` and `${$}` are those characters themselves.

    Without `variables` `${` is plain text, without `wildcards` `*` and `?` are.
    """
    if not wildcards and not variables:
        return [Literal(text)]
    found: list[Token] = []
    at = 0
    for match in ((_TOKEN if wildcards else _VARIABLE) if variables else _WILDCARD).finditer(text):
        if match.start() > at:
            found.append(Literal(text[at : match.start()]))
        at = match.end()
        written = match.group()
        if written.startswith("$"):
            found.append(_variable(match.group(1), written))
        else:
            found.append(One() if written == "?" else Many())
    if at < len(text):
        found.append(Literal(text[at:]))
    return found


def _variable(name: str, written: str) -> Token:
    if name in ("*", "?", "$"):
        return Literal(name)
    match = _NAME.match(name)
    return Variable(match.group(1).lower(), match.group(2)) if match else Literal(written)
