"""Queries → SQL: SELECT, set operations, WITH, and what ORDER BY sees. Pure.

Every result column is called `c0`, `c1` … and every table `t1`, `t2` …: names of the user are looked up here and never written.
"""

from __future__ import annotations

from collections.abc import Sequence

from opentrail.lake.sql.dialects import field_names
from opentrail.lake.sql.meeting import coerced, comparable, meet
from opentrail.lake.sql.relations import Relations
from opentrail.lake.sql.rows import Output, Rows
from opentrail.lake.sql.scanning import Refused
from opentrail.lake.sql.scopes import Column, Free, Relation, Scope, Value
from opentrail.lake.sql.selecting import SelectValues
from opentrail.lake.sql.tree import (
    Body,
    Combined,
    Expression,
    Field,
    Item,
    Literal,
    Order,
    Query,
    Reference,
    RowOf,
    Select,
)
from opentrail.lake.sql.tree import (
    Values as ValueRows,
)
from opentrail.lake.sql.types import Kind, common, orderable


class Queries(Relations):
    """The queries of one statement."""

    def query(self, node: Query, parent: Scope | None) -> Rows:
        """`node` as SQL. Raises `Refused`."""
        around = self.withs
        definitions: list[str] = []
        try:
            for name, columns, inner in node.withs:
                rows = self.query(inner, None)
                if columns and len(columns) != len(rows.outputs):
                    raise Refused(f"{name.text!r} names {len(columns)} columns, and its query has {len(rows.outputs)}", name.at)
                table = self.fresh("w")
                named: list[str | None] = [column.text for column in columns] or [output.name for output in rows.outputs]
                outputs = tuple(Output(text, output.kind) for text, output in zip(named, rows.outputs, strict=True))
                self.withs = {**self.withs, name.lower: (table, outputs)}
                definitions.append(f"{table} AS ({rows.whole()})")
            rows = self._body(node.body, parent, node.order)
            if node.with_ties:
                raise Refused("WITH TIES is not available: write ONLY, or use rank()", node.at)
        finally:
            self.withs = around
        bounds = ""
        if node.limit is not None:
            bounds += f" LIMIT {node.limit}"
        if node.offset:
            bounds += f" OFFSET {node.offset}"
        if rows.bounds and not bounds:
            bounds = rows.bounds
        elif rows.bounds:
            rows = Rows(rows.whole(), rows.outputs, free=rows.free)
        sql = rows.sql
        if definitions:
            sql = f"WITH {', '.join(definitions)} {sql}"
        return Rows(sql, rows.outputs, rows.order, bounds, rows.free)

    def _body(self, node: Body, parent: Scope | None, order: Sequence[Order]) -> Rows:
        match node:
            case Select():
                return self._select(node, parent, order)
            case Query():
                rows = self.query(node, parent)
                if not order:
                    return rows
                return self._over(Rows(rows.whole(), rows.outputs, free=rows.free), order)
            case ValueRows():
                return self._over(self._values(node, parent), order)
            case Combined():
                return self._over(self._combined(node, parent), order)

    def _over(self, rows: Rows, order: Sequence[Order]) -> Rows:
        """`rows`, sorted by columns of theirs."""
        if not order:
            return rows
        scope = Scope(self.number())
        table = self.fresh("t")
        columns = tuple(
            Column(output.name and output.name.lower(), output.kind, f"{table}.c{at}") for at, output in enumerate(rows.outputs)
        )
        scope.relations.append(Relation(None, columns))
        values = SelectValues(self, scope)
        values.aggregates_refused = values.windows_refused = "ORDER BY of a set operation"
        sorts, keys = self._sorts(values, order, [Value(column.sql, column.kind) for column in columns])
        names = [f"{table}.{name} AS {name}" for name in rows.names]
        return Rows(f"SELECT {', '.join(names + sorts)} FROM ({rows.whole()}) {table}", rows.outputs, keys, "", rows.free)

    def _sorts(self, values: SelectValues, order: Sequence[Order], outputs: Sequence[Value]) -> tuple[list[str], str]:
        """Columns to sort by, and the list after ORDER BY."""
        sorts: list[str] = []
        keys: list[str] = []
        for position, one in enumerate(order):
            ordinal = _ordinal(one.of, len(outputs), "ORDER BY")
            value = outputs[ordinal] if ordinal is not None else values.value(one.of)
            if not orderable(value.kind):
                raise Refused(f"values of type {value.kind} have no order", one.of.at)
            values.checked.append(value)
            sorts.append(f"{value.sql} AS s{position}")
            keys.append(f"s{position} {'DESC' if one.descending else 'ASC'} NULLS {'FIRST' if one.nulls_first else 'LAST'}")
        return sorts, ", ".join(keys)

    def _select(self, node: Select, parent: Scope | None, order: Sequence[Order]) -> Rows:
        scope = Scope(self.number(), parent=parent)
        scope.windows = {name.lower: window for name, window in node.windows}
        values = SelectValues(self, scope)
        source = self.source(node.source, values) if node.source is not None else ""
        where = self._where(values, node.where)
        groups = self._groups(node, values)
        columns = [column for item in node.items for column in self._item(item, values)]
        outputs = tuple(Output(name, value.kind) for name, value in columns)
        having = self._having(node, values)
        results = [value for _, value in columns]
        values.outputs = {name.lower(): value for name, value in reversed(columns) if name is not None}
        sorts, keys = self._sorts(values, order, results)
        if node.distinct:
            sorts, keys = self._distinct_sorts(sorts, keys, results, order)
        if values.aggregated or node.grouped or node.having is not None:
            for value in [*results, *([having] if having else []), *values.checked]:
                for one in value.free:
                    if one.scope == scope.number:
                        raise Refused(f"column {one.name!r} must be in GROUP BY, or inside an aggregate such as max or arbitrary", one.at)
        sqls = [comparable(self.dialect, value) if node.distinct else value.sql for value in results]
        written = [f"{sql} AS c{position}" for position, sql in enumerate(sqls)]
        sql = f"SELECT {'DISTINCT ' if node.distinct else ''}{', '.join(written + sorts)}"
        sql += f" FROM {source}" if source else ""
        sql += f" WHERE {where.sql}" if where else ""
        sql += f" GROUP BY {groups}" if groups else ""
        sql += f" HAVING {having.sql}" if having else ""
        everything = tuple(one for value in [*results, *values.checked, *([where] if where else [])] for one in value.free)
        outer = tuple(one for one in (*everything, *values.outer) if one.scope != scope.number)
        return Rows(sql, outputs, keys, "", outer)

    def _where(self, values: SelectValues, node: Expression | None) -> Value | None:
        if node is None:
            return None
        values.aggregates_refused = values.windows_refused = "WHERE"
        try:
            return values.filter(node)
        finally:
            values.aggregates_refused = values.windows_refused = ""

    def _having(self, node: Select, values: SelectValues) -> Value | None:
        if node.having is None:
            return None
        values.windows_refused = "HAVING"
        try:
            return values.condition(node.having, "HAVING")
        finally:
            values.windows_refused = ""

    def _distinct_sorts(self, sorts: list[str], keys: str, results: Sequence[Value], order: Sequence[Order]) -> tuple[list[str], str]:
        known = {value.sql: f"c{position}" for position, value in reversed(list(enumerate(results)))}
        for position, (sort, one) in enumerate(zip(sorts, order, strict=True)):
            name = known.get(sort.rpartition(" AS ")[0])
            if name is None:
                raise Refused("with SELECT DISTINCT, what is sorted by must be in the SELECT list", one.of.at)
            keys = keys.replace(f"s{position} ", f"{name} ", 1)
        return [], keys

    def _groups(self, node: Select, values: SelectValues) -> str:
        if not node.grouped:
            return ""
        values.aggregates_refused = values.windows_refused = "GROUP BY"
        known: set[str] = set()
        written: list[str] = []
        for group in node.groups:
            sets: list[str] = []
            for parts in group.sets:
                found = [self._grouped(part, node.items, values) for part in parts]
                known.update(value.sql for value in found)
                sqls = ", ".join(comparable(self.dialect, value) for value in found)
                sets.append(sqls if group.kind == "plain" else f"({sqls})")
            word = {"plain": "", "rollup": "ROLLUP ", "cube": "CUBE ", "sets": "GROUPING SETS "}[group.kind]
            written.append(f"{word}({', '.join(sets)})" if word else sets[0])
        values.aggregates_refused = values.windows_refused = ""
        values.scope.grouped = known
        return ", ".join(written)

    def _grouped(self, part: Expression, items: Sequence[Item], values: SelectValues) -> Value:
        ordinal = _ordinal(part, len(items), "GROUP BY")
        if ordinal is not None:
            chosen = items[ordinal].of
            if chosen is None or items[ordinal].all_of:
                raise Refused("an ordinal of GROUP BY cannot mean *", part.at)
            value = values.value(chosen)
        else:
            if isinstance(part, Reference) and values.scope.column(part.name) is None:
                for position, item in enumerate(items, 1):
                    if item.alias is not None and item.alias.lower == part.name.lower:
                        raise Refused(f"GROUP BY does not see the alias {part.name.text!r}: write GROUP BY {position}", part.at)
            value = values.value(part)
        return Value(f"CAST({value.sql} AS {self.dialect.type(value.kind)})", value.kind) if value.constant else value

    def _item(self, item: Item, values: SelectValues) -> list[tuple[str | None, Value]]:
        if item.of is None:
            if not values.scope.relations:
                raise Refused("SELECT * needs a FROM", item.at)
            merged = values.scope.merged
            found: list[tuple[str | None, Value]] = [(column.spelled or name, _of_column(column)) for name, column in merged.items()]
            for relation in values.scope.relations:
                found += [
                    (one.spelled or one.name, _of_column(one)) for one in relation.columns if not one.hidden and one.name not in merged
                ]
            return [(name, self._read(value, values.scope, item.at)) for name, value in found]
        if item.all_of:
            if isinstance(item.of, Reference) and (known := values.scope.relation(item.of.name)):
                scope, owner = known
                columns = [one for one in owner.columns if not one.hidden]
                return [(one.spelled or one.name, self._read(_of_column(one), scope, item.at)) for one in columns]
            of = values.value(item.of)
            if of.kind.name != "row":
                raise Refused("before .* stands the alias of a table, or a row", item.at)
            names = field_names(of.kind)
            return [
                (name, Value(f"({of.sql}).{self.dialect.quoted(field)}", kind, of.free))
                for name, field, kind in zip(of.kind.fields, names, of.kind.parts, strict=True)
            ]
        value = values.value(item.of)
        if item.alias is not None:
            return [(item.alias.text, value)]
        return [(item.of.name.text if isinstance(item.of, Reference | Field) else None, value)]

    def _read(self, value: Value, scope: Scope, at: int) -> Value:
        if scope.grouped is not None and value.sql in scope.grouped:
            return Value(comparable(self.dialect, value), value.kind, column=value.column)
        return Value(value.sql, value.kind, (Free(scope.number, value.column or "*", at),), column=value.column)

    def _values(self, node: ValueRows, parent: Scope | None) -> Rows:
        values = SelectValues(self, Scope(self.number(), parent=parent))
        values.aggregates_refused = values.windows_refused = "VALUES"
        rows = [[values.value(part) for part in (row.parts if isinstance(row, RowOf) else (row,))] for row in node.rows]
        if len({len(row) for row in rows}) != 1:
            raise Refused("the rows of VALUES have different numbers of columns", node.at)
        columns = [meet(self.dialect, column, node.at, "VALUES")[0] for column in zip(*rows, strict=True)]
        kinds = [meet(self.dialect, column, node.at, "VALUES")[1] for column in columns]
        written: list[str] = []
        for row in zip(*columns, strict=True):
            cells = [
                f"CAST({cell.sql} AS {self.dialect.type(kind)}) AS c{at}" for at, (cell, kind) in enumerate(zip(row, kinds, strict=True))
            ]
            written.append(f"SELECT {', '.join(cells)}")
        return Rows(" UNION ALL ".join(written), tuple(Output(None, kind) for kind in kinds))

    def _combined(self, node: Combined, parent: Scope | None) -> Rows:
        left, right = self._body(node.left, parent, ()), self._body(node.right, parent, ())
        if len(left.outputs) != len(right.outputs):
            raise Refused(
                f"{node.operator} combines queries of {len(left.outputs)} and {len(right.outputs)} columns: give both the same number",
                node.at,
            )
        outputs: list[Output] = []
        for position, (one, other) in enumerate(zip(left.outputs, right.outputs, strict=True), 1):
            kind = common(one.kind, other.kind)
            if kind is None:
                raise Refused(f"column {position} of {node.operator} has types {one.kind} and {other.kind}: write a CAST", node.at)
            outputs.append(Output(one.name, kind))
        whole = node.operator == "UNION" and node.every
        sides = [self.with_types(rows, [output.kind for output in outputs], is_compared=not whole) for rows in (left, right)]
        operator = f"{node.operator}{' ALL' if node.every else ''}"
        return Rows(f"({sides[0]}) {operator} ({sides[1]})", tuple(outputs), free=(*left.free, *right.free))

    def with_types(self, rows: Rows, kinds: Sequence[Kind], *, is_compared: bool) -> str:
        """`rows` as SQL, its columns in the types that they become. With `is_compared`, equal values are alike."""
        if [output.kind for output in rows.outputs] == list(kinds) and not (is_compared and any(kind.name == "map" for kind in kinds)):
            return rows.whole()
        columns = zip(rows.names, rows.outputs, kinds, strict=True)
        values = [(name, coerced(self.dialect, Value(f"u.{name}", output.kind), kind)) for name, output, kind in columns]
        cells = [f"{comparable(self.dialect, value) if is_compared else value.sql} AS {name}" for name, value in values]
        return f"SELECT {', '.join(cells)} FROM ({rows.whole()}) u"


def _ordinal(node: Expression, count: int, where: str) -> int | None:
    if not isinstance(node, Literal) or node.kind != "number":
        return None
    if not node.text.isdigit() or not 1 <= int(node.text) <= count:
        raise Refused(f"{where} {node.text[:20]} is no position in the SELECT list: it has {count}", node.at)
    return int(node.text) - 1


def _of_column(column: Column) -> Value:
    return Value(column.sql, column.kind, column=column.name)
