"""Expressions → SQL of an engine, with the type each has by Trino's rules. Pure.

The columns that an expression reads travel with it (`Value.free`), so that one pass tells what is not grouped.
"""

from __future__ import annotations

import re
from abc import abstractmethod
from dataclasses import replace

from opentrail.lake.sql.casting import cast
from opentrail.lake.sql.dialects import Dialect, field_names
from opentrail.lake.sql.meeting import as_varchar, coerced, comparable, meet, moment
from opentrail.lake.sql.operators import compared, computed, concatenated, free
from opentrail.lake.sql.scanning import Refused
from opentrail.lake.sql.scopes import Free, Scope, Value, among, field_of
from opentrail.lake.sql.tree import (
    ArrayOf,
    Binary,
    Call,
    Case,
    Cast,
    Expression,
    Field,
    Interval,
    Lambda,
    Literal,
    Logical,
    Reference,
    RowOf,
    Subscript,
    Test,
    Try,
    Unary,
    Written,
    Zoned,
)
from opentrail.lake.sql.types import (
    BINARY,
    BOOLEAN,
    DOUBLE,
    INTEGERS,
    JSON,
    MONTHS,
    NUMBERS,
    SECONDS,
    UNKNOWN,
    VARCHAR,
    Kind,
    array,
    becomes,
    common,
    decimal,
    of_written,
    row,
)

_UNITS = {"SECOND": "seconds", "MINUTE": "minutes", "HOUR": "hours", "DAY": "days", "MONTH": "months", "YEAR": "years"}


class Values:
    """The expressions of one SELECT."""

    def __init__(self, dialect: Dialect, scope: Scope) -> None:
        self.dialect = dialect
        self.scope = scope
        self.outputs: dict[str, Value] = {}
        """Names of the result that ORDER BY may use."""
        self.arguments: dict[str, Value] = {}
        """Arguments of the lambdas around."""
        self.outer: list[Free] = []
        """Columns of queries around that FROM reads."""
        self.depth = 0
        self._inside = ""
        """The aggregate around."""

    def value(self, node: Expression) -> Value:
        """`node` as SQL. Raises `Refused`."""
        found = self._value(node)
        if found.free and any(scope.grouped is not None and found.sql in scope.grouped for scope in self.scope.chain()):
            return replace(found, sql=found.sql if self._inside else comparable(self.dialect, found), free=(), keys={})
        return found

    def _value(self, node: Expression) -> Value:
        match node:
            case Reference():
                return self._reference(node)
            case Field():
                return self._field(node)
            case Literal():
                return self._literal(node)
            case Binary():
                left, right = self.value(node.left), self.value(node.right)
                if node.operator == "||":
                    return concatenated(self.dialect, left, right, node.at)
                if node.operator in "+-*/%":
                    return computed(self.dialect, node.operator, left, right, node.at)
                return compared(self.dialect, node.operator, left, right, node.at)
            case Logical():
                parts = [self.condition(part, node.operator) for part in node.parts]
                return Value(f"({f' {node.operator} '.join(part.sql for part in parts)})", BOOLEAN, free(*parts))
            case Unary():
                return self._unary(node)
            case Test():
                return self._test(node)
            case Call():
                return self.call(node)
            case Cast():
                return self._cast(node)
            case Case():
                return self._case(node)
            case Subscript():
                return self._subscript(node)
            case RowOf():
                parts = [self.value(part) for part in node.parts]
                kind = row(*((None, part.kind) for part in parts))
                return Value(self.dialect.row(field_names(kind), [part.sql for part in parts]), kind, free(*parts))
            case ArrayOf():
                parts, element = meet(self.dialect, [self.value(part) for part in node.parts], node.at, "an array")
                kind = array(element)
                parts = [coerced(self.dialect, part, element) for part in parts]
                sql = self.dialect.array([part.sql for part in parts])
                return Value(f"CAST({sql} AS {self.dialect.type(kind)})", kind, free(*parts))
            case Interval():
                return self._interval(node)
            case Try():
                of = self.value(node.of)
                return Value(f"TRY({of.sql})" if self.dialect.name == "duckdb" else f"trino_try({of.sql})", of.kind, of.free)
            case Zoned():
                return self.zone(self.value(node.of), self.value(node.zone), node.at)
            case Lambda():
                raise Refused("a lambda is only an argument of a function such as transform or filter", node.at)
        return self.query_value(node)

    @abstractmethod
    def call(self, node: Call) -> Value:
        """A call of a function."""

    @abstractmethod
    def query_value(self, node: Expression) -> Value:
        """A value that has a query in it."""

    @abstractmethod
    def zone(self, of: Value, zone: Value, at: int) -> Value:
        """`of AT TIME ZONE zone`"""

    def condition(self, node: Expression, where: str) -> Value:
        """A boolean; raises `Refused` for anything else."""
        found = self.value(node)
        if found.kind.name not in ("boolean", "unknown"):
            raise Refused(f"{where} takes a condition, not a value of type {found.kind}", node.at)
        return found

    def _reference(self, node: Reference) -> Value:
        name = node.name
        if name.lower in self.arguments:
            return self.arguments[name.lower]
        if name.lower in self.outputs:
            return self.outputs[name.lower]
        found = self.scope.column(name)
        if found is None:
            if self.scope.relation(name):
                raise Refused(f"{name.text!r} is a table: write one of its columns after it, as in {name.text}.eventName", name.at)
            raise Refused(f"column {name.text!r} does not exist{self.scope.nearest(name)}", name.at)
        scope, column = found
        return Value(column.sql, column.kind, (Free(scope.number, name.text, name.at),), column=column.name, keys=column.keys)

    def _field(self, node: Field) -> Value:
        if isinstance(node.of, Reference) and node.of.name.lower not in self.arguments:
            relation = self.scope.relation(node.of.name)
            if relation is not None:
                scope, owner = relation
                shadowing = self.scope.column(node.of.name)
                if shadowing is None or any(column.name == node.name.lower for column in owner.columns):
                    column = among(owner, node.name)
                    free_ = (Free(scope.number, node.name.text, node.at),)
                    return Value(column.sql, column.kind, free_, column=column.name, keys=column.keys)
        of = self.value(node.of)
        position = field_of(of.kind, node.name)
        field = self.dialect.quoted(field_names(of.kind)[position])
        return Value(f"({of.sql}).{field}", of.kind.parts[position], of.free)

    def _literal(self, node: Literal) -> Value:
        match node.kind:
            case "string":
                return Value(self.dialect.text(node.text), VARCHAR, text=node.text, constant=True)
            case "number":
                return self._number(node)
            case "boolean":
                return Value(node.text, BOOLEAN, constant=True)
            case "null":
                return Value("NULL", UNKNOWN, constant=True)
            case "binary":
                digits = re.sub(r"\s", "", node.text)
                if not re.fullmatch(r"([0-9a-fA-F]{2})*", digits):
                    raise Refused("X'…' takes pairs of hexadecimal digits", node.at)
                return Value(f"unhex('{digits}')", BINARY, constant=True)
            case "timestamp" | "date":
                return self._moment(node)
            case "json":
                return Value(f"trino_json_parse({self.dialect.text(node.text)})", JSON, constant=True)
            case "decimal":
                return self._number(Literal("number", node.text.lstrip("+-").strip(), node.at), negative=node.text.startswith("-"))
        kind = of_written_name(node)
        sql = cast(self.dialect, self.dialect.text(node.text), VARCHAR, kind)
        if sql is None:
            raise Refused(f"a literal of type {node.kind} is not available", node.at)
        return Value(sql, kind, constant=True)

    def _number(self, node: Literal, negative: bool = False) -> Value:
        text = node.text.replace("_", "")
        sign = "-" if negative else ""
        if re.fullmatch(r"\d+", text):
            number = int(text)
            if number >= 2**63:
                raise Refused(f"{text[:40]} is larger than a bigint can be", node.at)
            return Value(f"{sign}{number}", Kind("integer" if number < 2**31 else "bigint"), constant=True)
        if "e" in text.lower():
            if self.dialect.name == "spark":
                return Value(f"{sign}{text}D", DOUBLE, constant=True)
            return Value(f"CAST({sign}{text} AS DOUBLE)", DOUBLE, constant=True)
        whole, _, fraction = text.partition(".")
        whole = whole.lstrip("0")
        if not re.fullmatch(r"\d*\.?\d*", text) or len(whole) + len(fraction) > 38 or not (whole + fraction or text):
            raise Refused(f"{node.text[:40]!r} is no number with at most 38 digits", node.at)
        kind = decimal(max(len(whole) + len(fraction), 1), len(fraction))
        return Value(f"CAST({sign}{whole or '0'}.{fraction or '0'} AS {self.dialect.type(kind)})", kind, constant=True)

    def _moment(self, node: Literal) -> Value:
        match = re.fullmatch(r"(.*\d) ([A-Za-z][\w/+-]*|[+-]\d\d:\d\d)", node.text.strip())
        text, zone = (match[1], match[2]) if match else (node.text, None)
        found = moment(text)
        if found is None or (node.kind == "date" and (not found[1] or zone)):
            example = "DATE '2024-01-31'" if node.kind == "date" else "TIMESTAMP '2024-01-31 10:00:00'"
            raise Refused(f"{node.text[:60]!r} is no {node.kind}: write {example}", node.at)
        stamp, _, suffix = found
        if node.kind == "date":
            return Value(f"DATE '{stamp[:10]}'", Kind("date"), constant=True)
        fraction = re.search(r"\.(\d{1,6})", text)
        precision = len(fraction[1]) if fraction else 0
        zone = zone or suffix
        if zone is None:
            return Value(self.dialect.timestamp(stamp), Kind("timestamp", precision=precision), constant=True)
        parts = (f"trino_instant({self.dialect.timestamp(stamp)}, {self.dialect.text(zone)})", f"trino_zone({self.dialect.text(zone)})")
        return Value(self.dialect.row(["t", "z"], parts), Kind("timestamp with time zone", precision=precision), zoned=parts, constant=True)

    def _unary(self, node: Unary) -> Value:
        if node.operator == "NOT":
            of = self.condition(node.of, "NOT")
            return Value(f"(NOT {of.sql})", BOOLEAN, of.free)
        of = self.value(node.of)
        if of.kind.name not in (*NUMBERS, "unknown") and of.kind not in (MONTHS, SECONDS):
            raise Refused(f"a sign before a value of type {of.kind} is not possible", node.at)
        return of if node.operator == "+" else Value(f"(-({of.sql}))", of.kind, of.free, constant=of.constant)

    def _test(self, node: Test) -> Value:
        of = self.value(node.of)
        negation = "NOT " if node.negated else ""
        if node.kind == "null":
            return Value(f"({of.sql} IS {negation}NULL)", BOOLEAN, of.free)
        parts = [self.value(part) for part in node.parts]
        if node.kind == "distinct":
            found = compared(self.dialect, "distinct", of, parts[0], node.at)
            return Value(f"(NOT {found.sql})", BOOLEAN, found.free) if node.negated else found
        if node.kind == "like":
            texts = [as_varchar(self.dialect, value, node.at, "LIKE") for value in (of, *parts)]
            escape = f" ESCAPE {texts[2].sql}" if len(texts) == 3 else ""
            if self.dialect.name == "spark" and not escape:
                escape = " ESCAPE '\\u0001'"
            return Value(f"({texts[0].sql} {negation}LIKE {texts[1].sql}{escape})", BOOLEAN, free(of, *parts))
        if node.kind == "between":
            low = compared(self.dialect, ">=", of, parts[0], node.at)
            high = compared(self.dialect, "<=", of, parts[1], node.at)
            return Value(f"({negation}({low.sql} AND {high.sql}))", BOOLEAN, free(low, high))
        values, kind = meet(self.dialect, [of, *parts], node.at, "IN")
        if kind.name == "timestamp with time zone":
            either = [compared(self.dialect, "=", of, part, node.at).sql for part in parts]
            return Value(f"({negation}({' OR '.join(either)}))", BOOLEAN, free(of, *parts))
        one, *others = (comparable(self.dialect, value) for value in values)
        return Value(f"({one} {negation}IN ({', '.join(others)}))", BOOLEAN, free(of, *parts))

    def _cast(self, node: Cast) -> Value:
        of, kind = self.value(node.of), of_written(node.to)
        sql = cast(self.dialect, of.sql, of.kind, kind)
        if sql is None:
            raise Refused(f"a value of type {of.kind} cannot be cast to {kind}", node.at)
        if kind == VARCHAR and node.to.numbers:
            sql = f"substr({sql}, 1, {node.to.numbers[0]})"
        if node.trying:
            sql = f"TRY({sql})" if self.dialect.name == "duckdb" else f"trino_try({sql})"
        if of.text is not None and kind.name in ("timestamp", "date") and not node.trying and (found := moment(of.text)) and not found[2]:
            stamp = found[0]
            sql = f"DATE '{stamp[:10]}'" if kind.name == "date" else self.dialect.timestamp(stamp)
        return Value(sql, kind, of.free, constant=of.constant)

    def _case(self, node: Case) -> Value:
        conditions: list[Value] = []
        of = self.value(node.of) if node.of is not None else None
        for when, _ in node.branches:
            conditions.append(self.condition(when, "WHEN") if of is None else compared(self.dialect, "=", of, self.value(when), when.at))
        results = [self.value(then) for _, then in node.branches]
        results.append(self.value(node.otherwise) if node.otherwise is not None else Value("NULL", UNKNOWN))
        results, kind = meet(self.dialect, results, node.at, "CASE")
        results = [coerced(self.dialect, result, kind) for result in results]
        whens = " ".join(f"WHEN {when.sql} THEN {then.sql}" for when, then in zip(conditions, results[:-1], strict=True))
        return Value(f"CASE {whens} ELSE {results[-1].sql} END", kind, free(*conditions, *results))

    def _subscript(self, node: Subscript) -> Value:
        of, index = self.value(node.of), self.value(node.index)
        everything = free(of, index)
        if of.kind.name == "array" and index.kind.name in INTEGERS:
            return Value(f"trino_subscript({of.sql}, {index.sql})", of.kind.of, everything)
        if of.kind.name == "map":
            key, wanted = self.map_key(of.kind, index, node.at)
            return Value(f"trino_at({of.sql}, {key})", wanted.parts[1], everything)
        if of.kind.name == "row" and index.constant and index.sql.isdigit() and 1 <= int(index.sql) <= len(of.kind.parts):
            position = int(index.sql) - 1
            return Value(f"({of.sql}).{self.dialect.quoted(field_names(of.kind)[position])}", of.kind.parts[position], everything)
        raise Refused(f"a value of type {of.kind} has no [{index.kind}]", node.at)

    def map_key(self, kind: Kind, key: Value, at: int) -> tuple[str, Kind]:
        """`key` as the type of a map's keys."""
        if common(kind.parts[0], key.kind) is None or not becomes(key.kind, kind.parts[0]):
            raise Refused(f"the keys of the map are {kind.parts[0]}, not {key.kind}", at)
        return coerced(self.dialect, key, kind.parts[0]).sql, kind

    def _interval(self, node: Interval) -> Value:
        match = re.fullmatch(r"(-?)(\d{1,9})(?:\.(\d{1,3}))?", node.text.strip())
        if node.to is None and match and (not match[3] or node.unit == "SECOND"):
            kind = MONTHS if node.unit in ("MONTH", "YEAR") else SECONDS
            if match[3]:
                milliseconds = int(match[1] + match[2]) * 1000 + int(match[1] + match[3].ljust(3, "0"))
                return Value(f"(INTERVAL '1' millisecond * {milliseconds})", kind, constant=True)
            return Value(f"INTERVAL '{match[1]}{match[2]}' {node.unit}", kind, constant=True)
        found = re.fullmatch(r"(-?)(\d{1,6})-(\d{1,2})", node.text.strip())
        if (node.unit, node.to) == ("YEAR", "MONTH") and found:
            return Value(f"INTERVAL '{found[1]}{int(found[2]) * 12 + int(found[3])}' MONTH", MONTHS, constant=True)
        found = re.fullmatch(r"(-?)(?:(\d{1,6}) )?(\d{1,9})(?::(\d{1,2}))?(?::(\d{1,2})(?:\.(\d{1,3}))?)?", node.text.strip())
        units = ["DAY", "HOUR", "MINUTE", "SECOND"]
        if found and node.unit in units and node.to in units and units.index(node.unit) < units.index(node.to or ""):
            numbers = [part for part in found.groups()[1:5] if part is not None]
            wanted = units[units.index(node.unit) : units.index(node.to or "") + 1]
            if len(numbers) == len(wanted):
                sizes = {"DAY": 86_400, "HOUR": 3_600, "MINUTE": 60, "SECOND": 1}
                total = 1000 * sum(int(number) * sizes[unit] for number, unit in zip(numbers, wanted, strict=True))
                total += int((found[6] or "0").ljust(3, "0"))
                return Value(f"(INTERVAL '1' millisecond * {found[1]}{total})", SECONDS, constant=True)
        raise Refused(
            f"{node.text[:40]!r} is no interval of {node.unit}{' TO ' + node.to if node.to else ''}: write INTERVAL '1' DAY", node.at
        )


def of_written_name(node: Literal) -> Kind:
    """The type that stands before a literal."""
    return of_written(Written(node.kind, node.at))
