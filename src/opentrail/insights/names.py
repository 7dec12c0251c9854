"""Who called, and with what, as attributions tell it (reference of records, §12)."""

from __future__ import annotations

import sys
from typing import Any, Final

NOTHING: Final = "null"
"""How an Insights record says that a value was absent: the string (reference of records, §12)."""
LONGEST: Final = 512
"""Characters of a value that are kept; user agents may be of any length."""
MOST_NAMES: Final = 10_000
"""ARNs that are remembered without their session, and user agents as they are told; not those that are longer than what is kept."""


class Callers(dict[str, str]):
    """ARN as a record has it → as attributions tell it."""

    def __missing__(self, raw: str) -> str:
        if len(raw) > LONGEST:
            return _without_session(raw)
        if len(self) >= MOST_NAMES:
            self.clear()
        told = self[raw] = _without_session(raw)
        return told


class Agents(dict[str | None, str]):
    """User agent as a record has it → as attributions tell it."""

    def __missing__(self, raw: str | None) -> str:
        name = (raw or NOTHING)[:LONGEST]
        if len(name) == LONGEST:
            return name
        if len(self) >= MOST_NAMES:
            self.clear()
        told = self[raw] = sys.intern(name)
        return told


def caller(who: Any) -> str:
    """The ARN in a `userIdentity`, or the service that acted; `null` for nobody."""
    return NOTHING if who is None else who.arn or who.invoked_by or NOTHING


def _without_session(arn: str) -> str:
    """`userIdentityArn` of an attribution: roles without the session name; services by their name."""
    if ":assumed-role/" in arn:
        beginning, _, _ = arn.rpartition("/")
        if not beginning.endswith(":assumed-role"):
            arn = beginning
    return arn[:LONGEST]
