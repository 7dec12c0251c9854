"""What every row that matters to a statement must say: equalities by which whole files and row groups can be left unread. Pure.

A condition of a SELECT that reads one store, joined by AND with the others, holds for each row that gets any further. Where the statement
names the store nowhere else, rows that fail it can be left out from the start: they may as well not be there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, Final

from opentrail.lake.schema import ALIASES
from opentrail.lake.sql.tree import (
    Binary,
    Call,
    Expression,
    Field,
    From,
    Join,
    Lambda,
    Literal,
    Logical,
    Name,
    Query,
    Reference,
    Select,
    Table,
    Test,
    Unnest,
)

_LEAVES: Final = {
    ("eventid",): "eventid",
    ("requestid",): "requestid",
    ("useridentity", "accesskeyid"): "useridentity.accesskeyid",
}
"""Columns with a Bloom filter: names in SQL → the column's path in Parquet."""
_NAMES: Final = frozenset({path[0] for path in _LEAVES} | {"resources"})
_ARN: Final = "resources.list.element.arn"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Rows of the store that matter have one of `values` in the column `leaf` (a path in Parquet), somewhere in it where it repeats."""

    store_id: str
    leaf: str
    values: tuple[str, ...]


def wanted(query: Query) -> tuple[Wanted, ...]:
    """What `query`, which is allowed, wants of its stores."""
    nodes = list(_nodes(query))
    named = Counter(node.name.lower for node in nodes if isinstance(node, Table) and node.is_store)
    found: list[Wanted] = []
    for node in nodes:
        if isinstance(node, Select) and node.where is not None and node.source is not None:
            table = _only(node.source)
            if table is not None and named[table.name.lower] == 1:
                found += _of(node.where, table)
    return tuple(found)


def _nodes(node: Any) -> Iterator[Any]:
    if isinstance(node, tuple):
        for part in node:
            yield from _nodes(part)
    elif is_dataclass(node):
        yield node
        for one in fields(node):
            yield from _nodes(getattr(node, one.name))


def _only(source: From) -> Table | None:
    """The store that `source` reads, alone or with what is unnested of its rows."""
    aliases: list[Name | None] = []
    while isinstance(source, Join) and source.kind == "CROSS" and isinstance(source.right, Unnest):
        aliases.append(source.right.alias)
        source = source.left
    if not isinstance(source, Table) or not source.is_store or source.sample is not None or source.columns:
        return None
    # A name that means a table here and a column there is left alone.
    return source if _NAMES.isdisjoint(alias.lower for alias in (*aliases, source.alias) if alias is not None) else None


def _of(where: Expression, table: Table) -> Iterator[Wanted]:
    alias = (table.alias or table.name).lower
    for condition in conditions(where):
        said = _equality(condition)
        if said is not None and (path := _path(said[0])) is not None:
            leaf = _LEAVES.get(path[1:] if path[0] == alias else path)
            if leaf is not None:
                yield Wanted(store_id=table.name.lower, leaf=leaf, values=said[1])
        elif isinstance(condition, Call) and condition.name.lower == "any_match" and len(condition.parts) == 2:
            of, body = condition.parts
            if _path(of) in (("resources",), (alias, "resources")) and isinstance(body, Lambda):
                yield from (Wanted(store_id=table.name.lower, leaf=_ARN, values=values) for values in _arns(body))


def _arns(body: Lambda) -> Iterator[tuple[str, ...]]:
    for condition in conditions(body.body):
        said = _equality(condition)
        if said is not None and len(body.names) == 1 and _path(said[0]) == (body.names[0].lower, "arn"):
            yield said[1]


def conditions(condition: Expression) -> Iterator[Expression]:
    """What must hold, each by itself."""
    if isinstance(condition, Logical) and condition.operator == "AND":
        for part in condition.parts:
            yield from conditions(part)
    else:
        yield condition


def _equality(condition: Expression) -> tuple[Expression, tuple[str, ...]] | None:
    """`one = 'text'`, `'text' = one` or `one IN ('text', …)`: what is compared, and the texts."""
    match condition:
        case Binary("=", one, Literal("string", text)) | Binary("=", Literal("string", text), one):
            return one, (text,)
        case Test("in", one, parts, False) if (texts := _texts(parts)) is not None:
            return one, texts
    return None


def _texts(parts: Sequence[Expression]) -> tuple[str, ...] | None:
    texts = tuple(part.text for part in parts if isinstance(part, Literal) and part.kind == "string")
    return texts if len(texts) == len(parts) else None


def _path(of: Expression) -> tuple[str, ...] | None:
    """The names of `a.b.c`, as the columns have them."""
    names: list[str] = []
    while isinstance(of, Field):
        names.append(of.name.lower)
        of = of.of
    if not isinstance(of, Reference):
        return None
    names.append(of.name.lower)
    return tuple(ALIASES.get(name, name) for name in reversed(names))
