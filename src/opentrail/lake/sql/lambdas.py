"""Functions of arrays and maps that take their lambdas apart. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from opentrail.lake.sql.calls import Body, Calls, Matched
from opentrail.lake.sql.casting import cast
from opentrail.lake.sql.dialects import field_names
from opentrail.lake.sql.operators import free
from opentrail.lake.sql.scopes import Value
from opentrail.lake.sql.types import Kind


def _transform(calls: Calls, of: str, name: str, body: str) -> str:
    function = "list_transform" if calls.dialect.name == "duckdb" else "transform"
    return f"{function}({of}, {calls.dialect.function([name], body)})"


def _pair(calls: Calls, key: str, value: str) -> str:
    return calls.dialect.row(["key", "value"], [key, value])


def _placed(calls: Calls, body: Body, *sqls: str) -> str:
    """The body of a lambda with something else in place of its arguments; texts and quoted names stay as they are."""
    places = dict(zip(body.names, sqls, strict=True))
    text = r"'(?:[^']|'')*'" if calls.dialect.name == "duckdb" else r"'(?:[^'\\]|\\.)*'"
    words = re.compile(text + r"""|"(?:[^"]|"")*"|`(?:[^`]|``)*`|\b(?:""" + "|".join(body.names) + r")\b", re.DOTALL)
    return words.sub(lambda found: places.get(found[0], found[0]), body.value.sql)


def _entries(matched: Matched) -> tuple[str, Body]:
    return f"map_entries({matched.values[0].sql})", matched.bodies[len(matched.values) - 1]


def _map_filter(calls: Calls, matched: Matched) -> Value:
    entries, body = _entries(matched)
    name = f"l{calls.depth + 1}e"
    function = "list_filter" if calls.dialect.name == "duckdb" else "filter"
    kept = f"{function}({entries}, {calls.dialect.function([name], _placed(calls, body, f'{name}.key', f'{name}.value'))})"
    return Value(f"map_from_entries({kept})", matched.gives, free(*matched.values))


def _transform_values(calls: Calls, matched: Matched) -> Value:
    entries, body = _entries(matched)
    name = f"l{calls.depth + 1}e"
    pair = _pair(calls, f"{name}.key", _placed(calls, body, f"{name}.key", f"{name}.value"))
    return Value(f"map_from_entries({_transform(calls, entries, name, pair)})", matched.gives, free(*matched.values))


def _transform_keys(calls: Calls, matched: Matched) -> Value:
    entries, body = _entries(matched)
    name = f"l{calls.depth + 1}e"
    pair = _pair(calls, _placed(calls, body, f"{name}.key", f"{name}.value"), f"{name}.value")
    return Value(f"map_from_entries({_transform(calls, entries, name, pair)})", matched.gives, free(*matched.values))


def _map_zip_with(calls: Calls, matched: Matched) -> Value:
    one, other, body = matched.values[0].sql, matched.values[1].sql, matched.bodies[2]
    name = f"l{calls.depth + 1}k"
    keys = (
        f"trino_distinct(map_keys({one}) || map_keys({other}))"
        if calls.dialect.name == "duckdb"
        else f"array_union(map_keys({one}), map_keys({other}))"
    )
    pick = "{}[{}]" if calls.dialect.name == "duckdb" else "try_element_at({}, {})"
    pair = _pair(calls, name, _placed(calls, body, name, pick.format(one, name), pick.format(other, name)))
    return Value(f"map_from_entries({_transform(calls, keys, name, pair)})", matched.gives, free(*matched.values))


def _map_from_entries(calls: Calls, matched: Matched) -> Value:
    of = matched.values[0]
    first, second = field_names(of.kind.of)
    name = f"l{calls.depth + 1}e"
    quoted = calls.dialect.quoted
    pair = _pair(calls, f"{name}.{quoted(first)}", f"{name}.{quoted(second)}")
    return Value(f"map_from_entries({_transform(calls, of.sql, name, pair)})", matched.gives, of.free)


def _multimap_from_entries(calls: Calls, matched: Matched) -> Value:
    of = matched.values[0]
    first, second = map(calls.dialect.quoted, field_names(of.kind.of))
    outer, inner = f"l{calls.depth + 1}k", f"l{calls.depth + 1}e"
    keys = _transform(calls, of.sql, inner, f"{inner}.{first}")
    distinct = f"trino_distinct({keys})" if calls.dialect.name == "duckdb" else f"array_distinct({keys})"
    function = "list_filter" if calls.dialect.name == "duckdb" else "filter"
    kept = f"{function}({of.sql}, {calls.dialect.function([inner], f'{inner}.{first} = {outer}')})"
    pair = _pair(calls, outer, _transform(calls, kept, inner, f"{inner}.{second}"))
    return Value(f"map_from_entries({_transform(calls, distinct, outer, pair)})", matched.gives, of.free)


def _map_entries(calls: Calls, matched: Matched) -> Value:
    name = f"l{calls.depth + 1}e"
    row = calls.dialect.row(["field0", "field1"], [f"{name}.key", f"{name}.value"])
    return Value(_transform(calls, f"map_entries({matched.values[0].sql})", name, row), matched.gives, matched.values[0].free)


def _zip(calls: Calls, matched: Matched) -> Value:
    names = [f"field{position}" for position in range(len(matched.values))]
    if calls.dialect.name == "spark":
        return Value(f"arrays_zip({', '.join(value.sql for value in matched.values)})", matched.gives, free(*matched.values))
    body = calls.dialect.row(names, [f"({value.sql})[l{calls.depth + 1}i]" for value in matched.values])
    return Value(_transform(calls, _positions(matched.values), f"l{calls.depth + 1}i", body), matched.gives, free(*matched.values))


def _positions(values: Sequence[Value]) -> str:
    lengths = ", ".join(f"len({value.sql})" for value in values)
    return f"trino_positions(greatest({lengths}), {' AND '.join(f'({value.sql}) IS NOT NULL' for value in values)})"


def _zip_with(calls: Calls, matched: Matched) -> Value:
    if calls.dialect.name == "spark":
        return Value(f"zip_with({', '.join(value.sql for value in matched.values)})", matched.gives, free(*matched.values))
    body, name = matched.bodies[2], f"l{calls.depth + 1}i"
    sql = _placed(calls, body, *(f"({value.sql})[{name}]" for value in matched.values[:2]))
    return Value(_transform(calls, _positions(matched.values[:2]), name, sql), matched.gives, free(*matched.values))


def _reduce(calls: Calls, matched: Matched) -> Value:
    of, start = matched.values[0], matched.values[1]
    state = matched.bound.filled(Kind("S"))
    begun = cast(calls.dialect, start.sql, start.kind, state) or start.sql
    begun = f"CAST({begun} AS {calls.dialect.type(state)})"
    step, finish = matched.bodies[2], matched.bodies[3]
    if calls.dialect.name == "spark":
        functions = ", ".join(calls.dialect.function(body.names, body.value.sql) for body in (step, finish))
        return Value(f"aggregate({of.sql}, {begun}, {functions})", matched.gives, free(*matched.values))
    kept = f"CAST({step.value.sql} AS {calls.dialect.type(state)})"
    if state == of.kind.of:
        reduced = f"list_reduce({of.sql}, {calls.dialect.function(step.names, kept)}, {begun})"
    else:
        reduced = _reduce_other(calls, of.sql, begun, step, kept)
    name = finish.names[0]
    return Value(f"{_transform(calls, f'[{reduced}]', name, finish.value.sql)}[1]", matched.gives, free(*matched.values))


def _reduce_other(calls: Calls, of: str, begun: str, step: Body, kept: str) -> str:
    """DuckDB's elements and state are of one type: both travel in one row."""
    name = f"l{calls.depth + 1}w"
    state, element = step.names
    wrapped = _transform(calls, of, name, f"struct_pack(s := {begun}, e := {name})")
    body = _placed(calls, Body(step.names, Value(kept, step.value.kind)), f"{state}.s", f"{element}.e")
    function = calls.dialect.function([state, element], f"struct_pack(s := {body}, e := {element}.e)")
    return (
        f"(CASE WHEN len({of}) = 0 THEN {begun} ELSE list_reduce({wrapped}, {function}, struct_pack(s := {begun}, e := ({of})[1])).s END)"
    )


def _map(calls: Calls, matched: Matched) -> Value:
    if not matched.values:
        return Value("MAP {}" if calls.dialect.name == "duckdb" else "map()", matched.gives)
    function = "trino_map" if calls.dialect.name == "duckdb" else "map_from_arrays"
    return Value(f"{function}({matched.values[0].sql}, {matched.values[1].sql})", matched.gives, free(*matched.values))


LAMBDAS: Final[Mapping[str, Callable[[Calls, Matched], Value]]] = {
    "map": _map,
    "map_filter": _map_filter,
    "transform_values": _transform_values,
    "transform_keys": _transform_keys,
    "map_zip_with": _map_zip_with,
    "map_from_entries": _map_from_entries,
    "multimap_from_entries": _multimap_from_entries,
    "map_entries": _map_entries,
    "zip": _zip,
    "zip_with": _zip_with,
    "reduce": _reduce,
}
"""Name → how it is written."""
