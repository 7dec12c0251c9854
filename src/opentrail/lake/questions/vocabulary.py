"""The words of `vocabulary.toml`, compiled."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from re import Pattern

FILLING = frozenset((files(__package__) / "filling.txt").read_text(encoding="utf-8").split())
"""Words that may be left over: they say nothing that the query must know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Phrase:
    """Words that narrow events down."""

    words: Pattern[str]
    conditions: tuple[str, ...]
    group: tuple[str, str] | None
    """What it is about: the column and its name in the result."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Thing:
    """What calls are about."""

    words: str
    source: str
    verbs: Mapping[str, tuple[str, ...]]
    """Verb → patterns of event names."""
    any: tuple[str, ...]
    """Those without a verb."""
    verb_only: bool
    column: tuple[str, str] | None
    """What shows it, and under which name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dimension:
    """What events are told apart by."""

    words: str
    column: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """All of it."""

    services: tuple[tuple[Pattern[str], str], ...]
    dimensions: tuple[Dimension, ...]
    phrases: tuple[Phrase, ...]
    things: tuple[Thing, ...]
    verbs: Mapping[str, str]
    deeds: tuple[tuple[Pattern[str], tuple[str, ...]], ...]
    """Verbs without a thing → patterns of event names."""
    regions: tuple[tuple[Pattern[str], str], ...]


@cache
def vocabulary() -> Vocabulary:
    """The vocabulary; read once."""
    data = tomllib.loads((files(__package__) / "vocabulary.toml").read_text(encoding="utf-8"))
    return Vocabulary(
        services=tuple((whole(words), source) for words, source in sorted(data["services"].items(), key=lambda one: -len(one[0]))),
        dimensions=tuple(Dimension(words=words, column=column, name=name) for words, (column, name) in data["dimensions"].items()),
        phrases=tuple(
            Phrase(words=whole(one["words"]), conditions=tuple(one["conditions"]), group=_pair(one.get("group"))) for one in data["phrases"]
        ),
        things=tuple(_thing(one, data["verbs"]) for one in data["objects"]),
        verbs=data["verbs"],
        deeds=tuple(
            (whole(rf"(?:{words})(?: (?:anything|something|resources?|things?))?"), tuple(patterns))
            for words, patterns in data["deeds"].items()
        ),
        regions=tuple((whole(words), region) for words, region in data["regions"].items()),
    )


def whole(words: str) -> Pattern[str]:
    """A pattern that matches whole words only."""
    return re.compile(rf"(?<![\w.-])(?:{words})(?![\w-]|\.\w)", re.IGNORECASE)


def _thing(data: Mapping[str, object], verbs: Mapping[str, str]) -> Thing:
    def patterns(name: str) -> tuple[str, ...]:
        found = data.get(name, ())
        assert isinstance(found, list | tuple)
        return tuple(found)

    column = patterns("column")
    return Thing(
        words=str(data["words"]),
        source=str(data["source"]),
        verbs={verb: patterns(verb) for verb in verbs if verb in data},
        any=patterns("any"),
        verb_only=bool(data.get("verb_only", False)),
        column=(column[0], column[1]) if column else None,
    )


def _pair(found: list[str] | None) -> tuple[str, str] | None:
    return (found[0], found[1]) if found else None
