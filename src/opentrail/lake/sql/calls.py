"""Calls of functions: which one is meant, its arguments in the types it takes, aggregates and windows. Pure."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches

from opentrail.lake.sql.meeting import coerced, comparable, zoned
from opentrail.lake.sql.operators import free
from opentrail.lake.sql.scanning import Refused
from opentrail.lake.sql.scopes import Value
from opentrail.lake.sql.signatures import AGGREGATE_FUNCTIONS, SCALARS, WINDOW_FUNCTIONS, Bound, Signature, match
from opentrail.lake.sql.tree import Call, Lambda, Order, Window
from opentrail.lake.sql.types import BIGINT, NUMBERS, UNKNOWN, Kind, as_decimal, decimal, orderable
from opentrail.lake.sql.values import Values

ZONED = "timestamp with time zone"
_PLAIN = re.compile(r"\b(\w+)\((\$1[^()]*|\*|)\)")


@dataclass(frozen=True, slots=True)
class Body:
    """A lambda: the names of its arguments, and what it gives."""

    names: tuple[str, ...]
    value: Value


@dataclass(frozen=True, slots=True)
class Matched:
    """A call whose function is known."""

    node: Call
    signature: Signature
    bound: Bound
    values: list[Value]
    bodies: Mapping[int, Body]

    @property
    def gives(self) -> Kind:
        return self.bound.filled(self.signature.gives)


class Calls(Values):
    """Values that are calls."""

    aggregates_refused = ""
    """Why there can be no aggregates here; empty when there can."""
    windows_refused = ""
    aggregated = False
    """Whether an aggregate was seen."""

    @abstractmethod
    def special(self, name: str, matched: Matched) -> Value:
        """A function that takes more than a template."""

    def call(self, node: Call) -> Value:
        name = node.name.lower
        if name == "grouping":
            parts = [self.value(part) for part in node.parts]
            function = "GROUPING" if self.dialect.name == "duckdb" else "grouping_id"
            return Value(f"{function}({', '.join(part.sql for part in parts)})", BIGINT)
        if node.over is not None:
            return self._windowed(node, node.over)
        if name in AGGREGATE_FUNCTIONS:
            return self._aggregate(node)
        if name in WINDOW_FUNCTIONS:
            raise Refused(f"{node.name.text} is a window function: write OVER (…) after it", node.at)
        if name not in SCALARS:
            close = get_close_matches(name, [*SCALARS, *AGGREGATE_FUNCTIONS, *WINDOW_FUNCTIONS], 1)
            hint = f" (is {close[0]} meant?)" if close else ": only functions of Trino can be used"
            raise Refused(f"function {node.name.text!r} does not exist{hint}", node.at)
        if node.distinct or node.order or node.filter is not None or node.star or node.ignore_nulls:
            raise Refused(f"{node.name.text} is no aggregate: DISTINCT, *, ORDER BY and FILTER do not fit", node.at)
        matched = self.matched(node, SCALARS[name])
        template = matched.signature.sql[self.dialect.name]
        if template == "special":
            return self.special(name, matched)
        return self._filled(matched, template)

    def matched(self, node: Call, signatures: Sequence[Signature]) -> Matched:
        """The signature that fits, and the arguments. Raises `Refused`."""
        given = [
            Value("", Kind("function", (UNKNOWN,) * len(part.names))) if isinstance(part, Lambda) else self.value(part)
            for part in node.parts
        ]
        kinds = [value.kind for value in given]
        for signature in signatures:
            bound = match(signature, kinds)
            if bound is not None:
                break
        else:
            known = "; ".join(map(str, signatures[:4]))
            raise Refused(f"{node.name.text} cannot be called with ({', '.join(map(str, kinds))}); there is {known}", node.at)
        bodies: dict[int, Body] = {}
        for index, part in enumerate(node.parts):
            if isinstance(part, Lambda):
                wanted = signature.takes[index]
                body = self._body(part, [bound.filled(kind) for kind in wanted.parts[:-1]])
                if not bound.accepts(wanted.parts[-1], body.value.kind):
                    expected = bound.filled(wanted.parts[-1])
                    raise Refused(f"the lambda gives {body.value.kind}, and {node.name.text} takes one that gives {expected}", part.at)
                bodies[index] = body
                sql = self.dialect.function(body.names, body.value.sql)
                given[index] = Value(sql, Kind("function", (body.value.kind,)), body.value.free)
        takes = [signature.takes[min(index, len(signature.takes) - 1)] for index in range(len(given))]
        values = [self._argument(value, wanted, bound) for value, wanted in zip(given, takes, strict=True)]
        return Matched(node, signature, bound, values, bodies)

    def _body(self, node: Lambda, kinds: Sequence[Kind]) -> Body:
        around, self.depth = self.arguments, self.depth + 1
        names = tuple(f"l{self.depth}{'abc'[index]}" for index in range(len(node.names)))
        inside = {name.lower: Value(sql, kind) for name, sql, kind in zip(node.names, names, kinds, strict=True)}
        self.arguments = {**around, **inside}
        try:
            return Body(names, self.value(node.body))
        finally:
            self.arguments, self.depth = around, self.depth - 1

    def _argument(self, value: Value, wanted: Kind, bound: Bound) -> Value:
        filled = bound.filled(wanted)
        if value.kind.name == "function" or filled.name == "unknown":
            return value
        if value.kind.name == "unknown":
            return Value(f"CAST(NULL AS {self.dialect.type(filled)})", filled, constant=True)
        if wanted.name == "M" and filled.name == ZONED:
            return self.local(zoned(self.dialect, value))
        if wanted.name == "decimal" or (wanted.name in NUMBERS and wanted.name not in ("double", "real") and value.kind.name in NUMBERS):
            return value
        return coerced(self.dialect, value, filled)

    def local(self, value: Value) -> Value:
        """A timestamp with time zone as the clock of its zone shows it; `zoned` is kept, for `rezoned`."""
        instant, zone = value.zoned or (f"({value.sql}).t", f"({value.sql}).z")
        sql = instant if zone == "'UTC'" else f"trino_clock({instant}, {zone})"
        return Value(sql, value.kind, value.free, zoned=(instant, zone))

    def rezoned(self, clock: str, like: Value) -> Value:
        """What `clock` shows, in the zone of `like`, as an instant with that zone."""
        zone = like.zoned[1] if like.zoned else "'UTC'"
        instant = clock if zone == "'UTC'" else f"trino_instant({clock}, {zone})"
        return Value(self.dialect.row(["t", "z"], [instant, zone]), like.kind, like.free, zoned=(instant, zone))

    def _filled(self, matched: Matched, template: str) -> Value:
        everything = free(*matched.values)
        gives = matched.gives
        if gives.name == ZONED and " @ " in template:
            instant, zone = (self.fill(matched, part) for part in template.split(" @ "))
            return Value(self.dialect.row(["t", "z"], [instant, zone]), gives, everything, zoned=(instant, zone))
        return Value(self.fill(matched, template), gives, everything)

    def fill(self, matched: Matched, template: str) -> str:
        """`template` with the arguments in it."""

        def one(found: re.Match[str]) -> str:
            mark = found[1]
            if mark == "*":
                return ", ".join(value.sql for value in matched.values)
            if mark.isdigit():
                return matched.values[int(mark) - 1].sql
            return self.dialect.type(matched.bound.filled(Kind(mark)))

        return re.sub(r"\$(\d|\*|[A-Z])", one, template)

    def _aggregate(self, node: Call) -> Value:
        if self.aggregates_refused:
            raise Refused(f"{node.name.text} is an aggregate: it does not fit in {self.aggregates_refused}", node.at)
        if self._inside:
            raise Refused(f"{node.name.text} is an aggregate inside the aggregate {self._inside}: compute it in a sub-query", node.at)
        if self.arguments:
            raise Refused(f"{node.name.text} is an aggregate: it does not fit in a lambda", node.at)
        self.aggregated = True
        self._inside = node.name.text
        try:
            found = self._aggregated(node, AGGREGATE_FUNCTIONS, "")
        finally:
            self._inside = ""
        outer = tuple(one for one in found.free if one.scope != self.scope.number)
        return Value(found.sql, found.kind, outer)

    def _aggregated(self, node: Call, functions: Mapping[str, Sequence[Signature]], over: str) -> Value:
        if node.star:
            if node.name.lower != "count":
                raise Refused("only count takes *", node.at)
            condition = [self.condition(node.filter, "FILTER")] if node.filter is not None else []
            count = f"count(CASE WHEN {condition[0].sql} THEN 1 END)" if condition else "count(*)"
            return Value(f"{count}{over}", BIGINT, free(*condition))
        matched = self.matched(node, functions[node.name.lower])
        if node.name.lower in ("min", "max") and not orderable(matched.values[0].kind):
            raise Refused(f"values of type {matched.values[0].kind} have no order", node.at)
        template = matched.signature.sql[self.dialect.name]
        plain = _PLAIN.search(template)
        macro = plain is None or plain[1].startswith("trino_")
        everything = list(matched.values)
        inside = after = ""
        if node.order:
            inside = " ORDER BY " + self.ordered(node.order, everything)
            if self.dialect.name == "spark" and node.name.lower == "listagg":
                inside, after = "", f" WITHIN GROUP ({inside.strip()})"
        if node.ignore_nulls:
            inside, after = (inside + " IGNORE NULLS", after) if self.dialect.name == "duckdb" else (inside, " IGNORE NULLS")
        if macro and (inside or over or (node.distinct and matched.values)):
            raise Refused(f"{node.name.text} takes no DISTINCT, ORDER BY or OVER here", node.at)
        if node.filter is not None:
            condition_ = self.condition(node.filter, "FILTER")
            everything.append(condition_)
            if macro or plain is None or template != plain[0]:
                matched.values[:] = [
                    Value(f"CASE WHEN {condition_.sql} THEN {value.sql} END", value.kind, value.free) for value in matched.values
                ]
            else:
                after += f" FILTER (WHERE {condition_.sql})"
        if node.distinct:
            matched.values[:] = [replace(value, sql=comparable(self.dialect, value)) for value in matched.values]
        if plain is not None and (inside or after or over or node.distinct):
            changed = f"{plain[1]}({'DISTINCT ' if node.distinct else ''}{plain[2]}{inside}){after}{over}"
            template = template.replace(plain[0], changed, 1)
        gives = matched.gives
        if matched.signature.takes[:1] and matched.signature.takes[0].name == "decimal":
            given = as_decimal(matched.values[0].kind)
            gives = decimal(38, given.scale) if node.name.lower == "sum" else given
            template = f"CAST({template} AS {self.dialect.type(gives)})"
        return Value(self.fill(matched, template), gives, free(*everything))

    def ordered(self, order: Sequence[Order], everything: list[Value]) -> str:
        """The list after ORDER BY; its values are added to `everything`."""
        written: list[str] = []
        for one in order:
            value = self.value(one.of)
            if not orderable(value.kind):
                raise Refused(f"values of type {value.kind} have no order", one.of.at)
            everything.append(value)
            written.append(f"{value.sql} {'DESC' if one.descending else 'ASC'} NULLS {'FIRST' if one.nulls_first else 'LAST'}")
        return ", ".join(written)

    def _windowed(self, node: Call, window: Window) -> Value:
        if self.windows_refused or self.arguments or self._inside:
            raise Refused(f"a window function does not fit in {self.windows_refused or 'a lambda or an aggregate'}", node.at)
        functions = {**AGGREGATE_FUNCTIONS, **WINDOW_FUNCTIONS}
        if node.name.lower not in functions:
            raise Refused(f"{node.name.text} is neither an aggregate nor a window function: OVER does not fit", node.at)
        everything: list[Value] = []
        refused, self.windows_refused = self.windows_refused, "a window function"
        try:
            over = f" OVER ({self._window(window, everything)})"
            found = self._aggregated(node, functions, over)
        finally:
            self.windows_refused = refused
        return Value(found.sql, found.kind, free(found, *everything))

    def _window(self, window: Window, everything: list[Value]) -> str:
        window = self._named(window, 0)
        written: list[str] = []
        if window.partition:
            parts = [self.value(part) for part in window.partition]
            everything.extend(parts)
            written.append("PARTITION BY " + ", ".join(comparable(self.dialect, part) for part in parts))
        if window.order:
            written.append("ORDER BY " + self.ordered(window.order, everything))
        if window.frame is not None:
            unit, start, end = window.frame
            bounds: list[str] = []
            for bound in (start, end):
                if bound is not None:
                    value = self.value(bound.of) if bound.of is not None else None
                    everything.extend([value] if value else [])
                    bounds.append(f"{value.sql} {bound.kind}" if value else bound.kind)
            written.append(f"{unit} BETWEEN {' AND '.join(bounds)}" if end else f"{unit} {bounds[0]}")
        return " ".join(written)

    def _named(self, window: Window, count: int) -> Window:
        if window.base is None:
            return window
        known = self.scope.windows.get(window.base.lower)
        if known is None or count > 20:
            raise Refused(f"window {window.base.text!r} does not exist", window.at)
        known = self._named(known, count + 1)
        return Window(None, window.partition or known.partition, window.order or known.order, window.frame or known.frame, window.at)
