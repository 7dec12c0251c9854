"""Which function a call means: signatures read from the catalog, and matched to the types of arguments. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from opentrail.lake.sql.catalog.aggregates import AGGREGATES, WINDOWS
from opentrail.lake.sql.catalog.collections import COLLECTIONS
from opentrail.lake.sql.catalog.json import JSON_FUNCTIONS
from opentrail.lake.sql.catalog.numbers import NUMBERS as NUMBER_FUNCTIONS
from opentrail.lake.sql.catalog.texts import TEXTS
from opentrail.lake.sql.catalog.times import TIMES
from opentrail.lake.sql.types import INTEGERS, NUMBERS, UNKNOWN, Kind, becomes, common

_LINE: Final = re.compile(r"(\w+)\((.*?)\) ([a-z].*?|[A-Z]) = (.+?)(?: ~ (.+))?")
_TYPE: Final = re.compile(r"\s*(timestamp with time zone|interval \w+ to \w+|[a-z_]+|[A-Z]|->|[(),…])")
_ZONED: Final = "timestamp with time zone"
_MOMENTS: Final = ("date", "timestamp", _ZONED)


@dataclass(frozen=True, slots=True)
class Signature:
    """One way to call a function."""

    name: str
    takes: tuple[Kind, ...]
    gives: Kind
    sql: Mapping[str, str]
    """Dialect → template, or `special`."""
    open: bool = False
    """The last type may come any number of times."""

    def __str__(self) -> str:
        return f"{self.name}({', '.join(map(str, self.takes))}{', …' if self.open else ''})"


@dataclass(slots=True)
class Bound:
    """What the variables of a signature stand for in a call."""

    kinds: dict[str, Kind] = field(default_factory=dict)

    def accepts(self, wanted: Kind, given: Kind) -> bool:
        """Whether `given` may stand for `wanted`; learns what variables stand for."""
        if wanted.name == "function" or given.name == "function":
            return wanted.name == "function" and given.name == "function" and len(given.parts) + 1 == len(wanted.parts)
        if wanted.name == "A":
            return True
        if len(wanted.name) == 1:
            return self._variable(wanted.name, given)
        if wanted.name == "decimal":
            return given.name == "decimal"
        if wanted.name in ("array", "map", "row"):
            if given.name == "unknown":
                return True
            return given.name == wanted.name and len(given.parts) == len(wanted.parts) and all(map(self.accepts, wanted.parts, given.parts))
        return becomes(given, wanted) or (given.name == wanted.name)

    def _variable(self, name: str, given: Kind) -> bool:
        if given.name != "unknown" and (
            (name == "N" and given.name not in NUMBERS)
            or (name == "I" and given.name not in INTEGERS)
            or (name == "M" and given.name not in _MOMENTS)
        ):
            return False
        known = common(self.kinds.get(name, UNKNOWN), given)
        if known is None:
            return False
        self.kinds[name] = known
        return True

    def filled(self, kind: Kind) -> Kind:
        """`kind` with what its variables stand for."""
        if len(kind.name) == 1:
            return self.kinds.get(kind.name, UNKNOWN)
        if not kind.parts:
            return Kind(kind.name, precision=3) if kind.name in ("timestamp", _ZONED) else kind
        return Kind(kind.name, tuple(map(self.filled, kind.parts)), kind.fields)


def match(signature: Signature, given: list[Kind]) -> Bound | None:
    """The variables' meanings when a call with arguments of these types fits, else `None`."""
    takes = signature.takes
    if signature.open and len(given) >= len(takes) - 1:
        takes = (*takes[:-1], *(takes[-1:] * (len(given) - len(takes) + 1)))
    if len(takes) != len(given):
        return None
    bound = Bound()
    return bound if all(map(bound.accepts, takes, given)) else None


def _read(lines: str) -> dict[str, list[Signature]]:
    found: dict[str, list[Signature]] = {}
    for line in lines.strip().splitlines():
        parts = _LINE.fullmatch(line)
        if parts is None:
            raise ValueError(line)
        name, takes, gives, sql, spark = parts.groups()
        tokens = [token for token in _TYPE.findall(takes) if token]
        kinds: list[Kind] = []
        while tokens and tokens[0] != "…":
            kinds.append(_kind(tokens))
            if tokens[:1] == [","]:
                tokens.pop(0)
        templates = {"duckdb": sql, "spark": spark or sql}
        found.setdefault(name, []).append(Signature(name, tuple(kinds), _kind(_TYPE.findall(gives)), templates, bool(tokens)))
    return found


def _kind(tokens: list[str]) -> Kind:
    name = tokens.pop(0)
    if name == "(":
        takes = _list(tokens)
        tokens.pop(0)  # ->
        return Kind("function", (*takes, _kind(tokens)))
    if tokens[:1] == ["("]:
        tokens.pop(0)
        parts = _list(tokens)
        return Kind(name, tuple(parts), (None,) * len(parts) if name == "row" else ())
    return Kind(name)


def _list(tokens: list[str]) -> list[Kind]:
    parts = [_kind(tokens)]
    while tokens.pop(0) == ",":
        parts.append(_kind(tokens))
    return parts


SCALARS: Final[Mapping[str, list[Signature]]] = _read(
    "\n".join([TEXTS.strip(), NUMBER_FUNCTIONS.strip(), TIMES.strip(), COLLECTIONS.strip()]) + JSON_FUNCTIONS
)
AGGREGATE_FUNCTIONS: Final[Mapping[str, list[Signature]]] = _read(AGGREGATES)
WINDOW_FUNCTIONS: Final[Mapping[str, list[Signature]]] = _read(WINDOWS)
"""Name → signatures."""
