"""What a name can mean at a place in a query: columns of tables and sub-queries, arguments of lambdas, names of the result. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches

from opentrail.lake.schema import ALIASES
from opentrail.lake.sql.scanning import Refused
from opentrail.lake.sql.tree import Name, Window
from opentrail.lake.sql.types import Kind


@dataclass(frozen=True, slots=True)
class Free:
    """A column that an expression reads for each row, and is neither grouped nor inside an aggregate."""

    scope: int
    name: str
    at: int


@dataclass(frozen=True, slots=True)
class Value:
    """An expression as the engine reads it."""

    sql: str
    kind: Kind
    free: tuple[Free, ...] = ()
    text: str | None = None
    """What a text literal says."""
    zoned: tuple[str, str] | None = None
    """Of a timestamp with time zone: the instant in UTC, and the zone, as SQL."""
    column: str | None = None
    """The column's name, when it is nothing but a column."""
    constant: bool = False
    keys: Mapping[str, str] = field(default_factory=dict, hash=False)
    """Of a map that is nothing but a column of a store: `Column.keys`."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a relation; `name` None when it cannot be named."""

    name: str | None
    kind: Kind
    sql: str
    spelled: str = ""
    hidden: bool = False
    """Can be named, but `*` leaves it out."""
    keys: Mapping[str, str] = field(default_factory=dict, hash=False)
    """Of a map: keys with a column of their own, which says what `element_at` says; as SQL."""


@dataclass(frozen=True, slots=True)
class Relation:
    """One of FROM: what its alias is, and its columns in order."""

    alias: str | None
    columns: tuple[Column, ...]


@dataclass(slots=True)
class Scope:
    """Where names are looked up: here first, then around."""

    number: int
    relations: list[Relation] = field(default_factory=list)
    parent: Scope | None = None
    merged: dict[str, Column] = field(default_factory=dict)
    """Columns of JOIN … USING."""
    grouped: set[str] | None = None
    """The expressions of GROUP BY, as SQL."""
    windows: dict[str, Window] = field(default_factory=dict)

    def chain(self) -> Iterator[Scope]:
        scope: Scope | None = self
        while scope is not None:
            yield scope
            scope = scope.parent

    def column(self, name: Name) -> tuple[Scope, Column] | None:
        """The column called `name`; raises `Refused` when several relations have it."""
        for scope in self.chain():
            wanted = ALIASES.get(name.lower, name.lower)
            if wanted in scope.merged:
                return scope, scope.merged[wanted]
            found = [column for relation in scope.relations for column in relation.columns if column.name == wanted]
            if len(found) > 1:
                raise Refused(f"column {name.text!r} is ambiguous: write the alias of its table before it", name.at)
            if found:
                return scope, found[0]
        return None

    def relation(self, name: Name) -> tuple[Scope, Relation] | None:
        """The relation with this alias."""
        for scope in self.chain():
            found = [relation for relation in scope.relations if relation.alias == name.lower]
            if len(found) > 1:
                raise Refused(f"{name.text!r} is the name of several tables: give them different aliases", name.at)
            if found:
                return scope, found[0]
        return None

    def nearest(self, name: Name) -> str:
        """A hint with a column of a similar name, or nothing."""
        known = [column.name for scope in self.chain() for relation in scope.relations for column in relation.columns if column.name]
        close = get_close_matches(name.lower, known, 1)
        return f" (is {close[0]!r} meant?)" if close else ""


def among(relation: Relation, name: Name) -> Column:
    """The column `name` of `relation`; raises `Refused`."""
    wanted = ALIASES.get(name.lower, name.lower)
    found = [column for column in relation.columns if column.name == wanted]
    if len(found) > 1:
        raise Refused(f"column {name.text!r} is ambiguous in {relation.alias!r}", name.at)
    if not found:
        raise Refused(f"column {name.text!r} does not exist in {relation.alias!r}", name.at)
    return found[0]


def field_of(kind: Kind, name: Name) -> int:
    """The position of a row's field `name`; raises `Refused`."""
    wanted = ALIASES.get(name.lower, name.lower)
    if kind.name != "row":
        hint = "; write element_at(…, 'key') for a value of a map" if kind.name == "map" else ""
        raise Refused(f"a value of type {kind.name} has no field {name.text!r}{hint}", name.at)
    if wanted not in kind.fields:
        known = ", ".join(found for found in kind.fields if found)
        raise Refused(f"the row has no field {name.text!r}; it has {known or 'no named fields'}", name.at)
    return kind.fields.index(wanted)
