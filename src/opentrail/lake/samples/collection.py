"""The sample queries: TOML files in the folder `data/`, one per family and subject."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

from opentrail.lake.families import Family

STORE: Final = "$EDS_ID"
"""Stands in each sample where the ID of a store belongs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One sample query."""

    name: str
    description: str
    sql: str
    family: Family
    """Of the store that it asks."""
    words: str
    """Further words by which it is found."""


@cache
def samples() -> tuple[Sample, ...]:
    """Every sample, in the order of the names."""
    found: list[Sample] = []
    for file in (files(__package__) / "data").iterdir():
        if file.name.endswith(".toml"):
            data = tomllib.loads(file.read_text(encoding="utf-8"))
            family = Family(data["family"])
            found += [
                Sample(name=one["name"], description=one["description"], sql=one["sql"].strip(), family=family, words=one["words"])
                for one in data["samples"]
            ]
    return tuple(sorted(found, key=lambda one: one.name))
