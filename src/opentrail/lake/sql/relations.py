"""FROM: stores, WITH queries, sub-queries, UNNEST and joins → SQL, and the columns they bring. Pure."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from opentrail.lake.families import Family
from opentrail.lake.schema import COLUMNS
from opentrail.lake.sql.calls import Calls
from opentrail.lake.sql.dialects import Dialect, field_names
from opentrail.lake.sql.operators import compared
from opentrail.lake.sql.rows import Output, Rows
from opentrail.lake.sql.scanning import Refused
from opentrail.lake.sql.scopes import Column, Relation, Scope, Value
from opentrail.lake.sql.tree import Derived, From, Join, Name, Query, Table, Unnest
from opentrail.lake.sql.types import BIGINT, Kind, of_column
from opentrail.lake.usual_keys import USUAL_KEYS

_TYPES: Mapping[Family, tuple[tuple[str, Kind], ...]] = {
    family: tuple((column.name, of_column(column.type)) for column in columns) for family, columns in COLUMNS.items()
}
_KEYS: Mapping[Family, Mapping[str, Mapping[str, str]]] = {
    family: {column: {key: own for own, (of, key) in USUAL_KEYS.get(family, {}).items() if of == column} for column, _ in columns}
    for family, columns in _TYPES.items()
}
"""Column of a family → the keys with columns of their own → their names."""


class Relations:
    """The tables of one statement."""

    def __init__(self, dialect: Dialect, families: Mapping[str, Family], enriched: Collection[str], *, keyed: bool) -> None:
        self.dialect = dialect
        self.withs: dict[str, tuple[str, tuple[Output, ...]]] = {}
        """Name of a WITH query → its table, and its columns."""
        self._families = families
        self._enriched = enriched
        self._keyed = keyed
        self._count = 0

    def number(self) -> int:
        """A number that nothing else of the statement has."""
        self._count += 1
        return self._count

    def fresh(self, letter: str) -> str:
        """A name that nothing else of the statement has."""
        return f"{letter}{self.number()}"

    @abstractmethod
    def query(self, node: Query, parent: Scope | None) -> Rows:
        """A query as SQL."""

    @abstractmethod
    def with_types(self, rows: Rows, kinds: Sequence[Kind], *, is_compared: bool) -> str:
        """`rows` as SQL, its columns in the types that they become. With `is_compared`, equal values are alike."""

    def source(self, node: From, values: Calls) -> str:
        """`node` as SQL; its relations are added to the scope."""
        match node:
            case Table():
                return self._table(node, values.scope)
            case Derived():
                return self._derived(node, values)
            case Unnest():
                return self._unnest(node, values)
            case Join():
                return self._join(node, values)

    def _table(self, node: Table, scope: Scope) -> str:
        alias = self.fresh("t")
        if not node.is_store:
            if node.name.lower not in self.withs:
                raise Refused(
                    f"table {node.name.text!r} does not exist: after FROM stands the ID of an event data store, or a WITH query", node.at
                )
            table, outputs = self.withs[node.name.lower]
            columns = [Column(one.name and one.name.lower(), one.kind, f"{alias}.c{at}", one.name or "") for at, one in enumerate(outputs)]
        else:
            family = self._families.get(node.name.lower)
            if family is None:
                raise Refused(f"event data store {node.name.text} is not among those that the query may read", node.at)
            table = self.dialect.quoted(f"store_{node.name.lower}")
            keys = _KEYS[family] if self._keyed else {}
            columns = [
                Column(
                    name,
                    kind,
                    f"{alias}.{self.dialect.quoted(name)}",
                    name,
                    name == "eventcontext" and node.name.lower not in self._enriched,
                    {key: f"{alias}.{self.dialect.quoted(own)}" for key, own in keys.get(name, {}).items()},
                )
                for name, kind in _TYPES[family]
            ]
        self._add(scope, node.alias or node.name, node.columns, columns, node.at)
        sample = f" TABLESAMPLE {node.sample.method} ({float(node.sample.percent)} PERCENT)" if node.sample else ""
        return f"{table} AS {alias}{sample}" if self.dialect.name == "duckdb" else f"{table}{sample} AS {alias}"

    def _add(self, scope: Scope, alias: Name | None, names: tuple[Name, ...], columns: list[Column], at: int) -> None:
        if names:
            shown = [column for column in columns if not column.hidden]
            if len(names) != len(shown):
                raise Refused(f"{len(names)} names are given to {len(shown)} columns", at)
            pairs = zip(names, shown, strict=True)
            columns = [Column(name.lower, column.kind, column.sql, name.text, keys=column.keys) for name, column in pairs]
        scope.relations.append(Relation(alias.lower if alias else None, tuple(columns)))

    def _derived(self, node: Derived, values: Calls) -> str:
        rows = self.query(node.query, values.scope if node.lateral else values.scope.parent)
        values.outer += [one for one in rows.free if one.scope != values.scope.number]
        alias = self.fresh("t")
        columns = [Column(one.name and one.name.lower(), one.kind, f"{alias}.c{at}", one.name or "") for at, one in enumerate(rows.outputs)]
        self._add(values.scope, node.alias, node.columns, columns, node.at)
        return f"{'LATERAL ' if node.lateral else ''}({rows.whole()}) AS {alias}"

    def _unnest(self, node: Unnest, values: Calls) -> str:
        alias = self.fresh("t")
        values.aggregates_refused = values.windows_refused = "UNNEST"
        parts = [values.value(part) for part in node.parts]
        values.aggregates_refused = values.windows_refused = ""
        values.outer += [one for part in parts for one in part.free if one.scope != values.scope.number]
        columns: list[Column] = []
        lists: list[str] = []
        for position, part in enumerate(parts):
            cell = f"{alias}.u{position}"
            if part.kind.name == "array":
                lists.append(part.sql)
                columns += self._of_element(part.kind.of, cell)
            elif part.kind.name == "map":
                lists.append(f"map_entries({part.sql})")
                columns += [Column(None, part.kind.parts[index], f"({cell}).{name}") for index, name in enumerate(("key", "value"))]
            else:
                raise Refused(f"UNNEST takes arrays and maps, not {part.kind}", node.at)
        if node.ordinality:
            columns.append(Column("ordinality", BIGINT, f"{alias}.n", "ordinality"))
        self._add_unnested(node, values.scope, columns, parts, alias)
        return f"LATERAL ({self._exploded(lists, node.ordinality)}) AS {alias}"

    def _of_element(self, kind: Kind, cell: str) -> list[Column]:
        if kind.name != "row":
            return [Column(None, kind, cell)]
        return [
            Column(name, part, f"({cell}).{self.dialect.quoted(field)}", name or "")
            for name, field, part in zip(kind.fields, field_names(kind), kind.parts, strict=True)
        ]

    def _add_unnested(self, node: Unnest, scope: Scope, columns: list[Column], parts: list[Value], alias: str) -> None:
        """As Trino has it, and as Lake's pages write it: the alias of one array of rows can also mean the row."""
        one_row = len(parts) == 1 and parts[0].kind.name == "array" and parts[0].kind.of.name == "row" and not node.ordinality
        if one_row and len(node.columns) == 1 and len(columns) != 1:
            only = node.columns[0]
            columns = [Column(only.lower, parts[0].kind.of, f"{alias}.u0", only.text)]
        elif one_row and node.alias and not node.columns:
            columns.append(Column(node.alias.lower, parts[0].kind.of, f"{alias}.u0", node.alias.text, True))
        elif node.alias and not node.columns and len(columns) == 1:
            columns = [Column(node.alias.lower, columns[0].kind, columns[0].sql, node.alias.text)]
        names = node.columns if len(node.columns) == len([column for column in columns if not column.hidden]) else ()
        if node.columns and not names:
            raise Refused(f"UNNEST brings {len(columns)} columns here, and {len(node.columns)} names are given", node.at)
        self._add(scope, node.alias, names, columns, node.at)

    def _exploded(self, lists: list[str], ordinality: bool) -> str:
        if self.dialect.name == "spark":
            if len(lists) == 1:
                number = "n0 + 1 AS n, " if ordinality else ""
                return f"SELECT {number}u0 FROM (SELECT posexplode({lists[0]}) AS (n0, u0))"
            named = ", ".join(f"z.`{position}` AS u{position}" for position in range(len(lists)))
            return (
                f"SELECT {'n0 + 1 AS n, ' if ordinality else ''}{named} FROM (SELECT posexplode(arrays_zip({', '.join(lists)})) AS (n0, z))"
            )
        cells = [f"unnest({one}) AS u{position}" for position, one in enumerate(lists)]
        if ordinality:
            lengths = ", ".join(f"coalesce(len({one}), 0)" for one in lists)
            cells.append(f"unnest(range(1, greatest({lengths}) + 1)) AS n")
        return f"SELECT {', '.join(cells)}"

    def _join(self, node: Join, values: Calls) -> str:
        scope = values.scope
        before = len(scope.relations)
        left = self.source(node.left, values)
        middle = len(scope.relations)
        right = self.source(node.right, values)
        if node.kind == "CROSS":
            return f"{left} CROSS JOIN {right}"
        if node.using:
            condition = self._using(node, scope, scope.relations[before:middle], scope.relations[middle:])
        else:
            assert node.on is not None
            values.aggregates_refused = values.windows_refused = "ON"
            inside = scope.relations
            scope.relations = inside[before:]
            found = values.condition(node.on, "ON")
            scope.relations = inside
            values.aggregates_refused = values.windows_refused = ""
            values.outer += [one for one in found.free if one.scope != scope.number]
            condition = found.sql
        return f"({left} {node.kind} JOIN {right} ON {condition})"

    def _using(self, node: Join, scope: Scope, left: list[Relation], right: list[Relation]) -> str:
        conditions: list[str] = []
        for name in node.using:
            sides: list[Any] = []
            for relations in (left, right):
                if relations is left and name.lower in scope.merged:
                    sides.append(scope.merged[name.lower])
                    continue
                found = [column for relation in relations for column in relation.columns if column.name == name.lower]
                if len(found) != 1:
                    raise Refused(f"column {name.text!r} of USING is not in both tables, or ambiguous", name.at)
                sides.append(found[0])
            one, other = (Value(column.sql, column.kind) for column in sides)
            conditions.append(compared(self.dialect, "=", one, other, name.at).sql)
            scope.merged[name.lower] = Column(name.lower, one.kind, f"coalesce({one.sql}, {other.sql})", name.text)
        return " AND ".join(conditions)
