"""The expressions of one SELECT, those with queries in them too. Pure."""

from __future__ import annotations

from opentrail.lake.sql.calls import Calls, Matched
from opentrail.lake.sql.meeting import coerced, comparable
from opentrail.lake.sql.operators import compared, free
from opentrail.lake.sql.relations import Relations
from opentrail.lake.sql.rows import Rows
from opentrail.lake.sql.scanning import Refused
from opentrail.lake.sql.scopes import Scope, Value
from opentrail.lake.sql.specials import SPECIALS, at_zone
from opentrail.lake.sql.tree import Call, Exists, Expression, InQuery, Quantified, Query, Scalar
from opentrail.lake.sql.types import BOOLEAN, UNKNOWN, common
from opentrail.lake.sql.wanted import conditions

_ANY = "trino_any("
"""How DuckDB is told of `any_match`; it takes the list apart several times, since the answer can be NULL."""


class SelectValues(Calls):
    """The expressions of one SELECT, sub-queries among them."""

    def __init__(self, queries: Relations, scope: Scope) -> None:
        super().__init__(queries.dialect, scope)
        self.queries = queries
        self.checked: list[Value] = []
        """What ORDER BY sorts by."""

    def filter(self, node: Expression) -> Value:
        """The condition of WHERE, for which NULL is as good as false: parts of it are written shorter than they would be as values."""
        parts = list(conditions(node))
        found = [self._filter(part, "AND" if len(parts) > 1 else "WHERE") for part in parts]
        return Value(f"({' AND '.join(value.sql for value in found)})", BOOLEAN, free(*found))

    def _filter(self, node: Expression, where: str) -> Value:
        value = self.condition(node, where)
        if isinstance(node, Call) and node.name.lower == "any_match" and value.sql.startswith(_ANY):
            return Value(f"list_contains({value.sql.removeprefix(_ANY)[:-1]}, true)", BOOLEAN, value.free)
        return value

    def special(self, name: str, matched: Matched) -> Value:
        return SPECIALS[name](self, matched)

    def zone(self, of: Value, zone: Value, at: int) -> Value:
        return at_zone(self, of, zone, at)

    def query_value(self, node: Expression) -> Value:
        match node:
            case Scalar():
                rows = self._single(node.query, node.at)
                return Value(f"({rows.whole()})", rows.outputs[0].kind, rows.free)
            case Exists():
                rows = self.queries.query(node.query, self.scope)
                return Value(f"EXISTS (SELECT 1 FROM ({rows.whole()}) e)", BOOLEAN, rows.free)
            case InQuery():
                of, rows = self.value(node.of), self._single(node.query, node.at)
                one, other = self._both(of, rows, node.at)
                return Value(f"({one} {'NOT ' if node.negated else ''}IN ({other}))", BOOLEAN, (*of.free, *rows.free))
            case Quantified():
                of, rows = self.value(node.of), self._single(node.query, node.at)
                one, other = self._both(of, rows, node.at)
                if self.dialect.name == "spark":
                    raise Refused("ALL and ANY before a query are not available on Spark: compare with max or min", node.at)
                return Value(f"({one} {node.operator} {'ALL' if node.every else 'ANY'} ({other}))", BOOLEAN, (*of.free, *rows.free))
        raise Refused("this is no value", node.at)

    def _single(self, query: Query, at: int) -> Rows:
        rows = self.queries.query(query, self.scope)
        if len(rows.outputs) != 1:
            raise Refused(f"a sub-query in the place of a value has one column, not {len(rows.outputs)}", at)
        return rows

    def _both(self, of: Value, rows: Rows, at: int) -> tuple[str, str]:
        compared(self.dialect, "=", of, Value("c0", rows.outputs[0].kind), at)
        kind = common(of.kind, rows.outputs[0].kind) or UNKNOWN
        return comparable(self.dialect, coerced(self.dialect, of, kind)), self.queries.with_types(rows, [kind], is_compared=True)
