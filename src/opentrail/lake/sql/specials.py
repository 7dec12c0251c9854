"""Functions that take more than a template: their result or their SQL depends on a unit, a path, a format, or the types. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from opentrail.lake.sql.calls import ZONED, Calls, Matched
from opentrail.lake.sql.clocks import MYSQL
from opentrail.lake.sql.json_paths import for_duckdb, for_spark, steps
from opentrail.lake.sql.lambdas import LAMBDAS
from opentrail.lake.sql.meeting import as_varchar, coerced, instant, meet, zoned
from opentrail.lake.sql.operators import compared, computed, concatenated, free
from opentrail.lake.sql.printing import as_text
from opentrail.lake.sql.scanning import Refused
from opentrail.lake.sql.scopes import Value
from opentrail.lake.sql.tree import Written
from opentrail.lake.sql.types import BIGINT, BOOLEAN, JSON, VARCHAR, Kind, decimal, of_written

_UNITS: Final = ("millisecond", "second", "minute", "hour", "day", "week", "month", "quarter", "year")
_FIELDS: Final = {
    "year": "year",
    "quarter": "quarter",
    "month": "month",
    "week": "week",
    "day": "day",
    "day_of_month": "day",
    "day_of_week": "day_of_week",
    "dow": "day_of_week",
    "day_of_year": "day_of_year",
    "doy": "day_of_year",
    "year_of_week": "year_of_week",
    "yow": "year_of_week",
    "hour": "hour",
    "minute": "minute",
    "second": "second",
}


def _unit(matched: Matched) -> str:
    value = matched.values[0]
    unit = (value.text or "").lower()
    if value.text is None or unit not in _UNITS:
        raise Refused(f"{value.text or 'the unit'!r} is no unit of time: write one of {', '.join(_UNITS)} in quotes", matched.node.at)
    return unit


def _date_trunc(calls: Calls, matched: Matched) -> Value:
    unit, of = _unit(matched), matched.values[1]
    clock = f"date_trunc('{unit}', {of.sql})"
    if of.kind.name == ZONED:
        return calls.rezoned(clock, of)
    if of.kind.name == "date":
        clock = f"CAST({clock} AS DATE)"
    return Value(clock, of.kind, of.free)


def _date_add(calls: Calls, matched: Matched) -> Value:
    unit, (count, of) = _unit(matched), matched.values[1:]
    if calls.dialect.name == "spark":
        clock = f"timestampadd({unit}, CAST({count.sql} AS INT), {of.sql})"
    else:
        step, times = ("month", f"{count.sql} * 3") if unit == "quarter" else (unit, count.sql)
        clock = f"({of.sql} + INTERVAL 1 {step} * CAST({times} AS INTEGER))"
    if of.kind.name == ZONED:
        return calls.rezoned(clock, of)
    if of.kind.name == "date":
        clock = f"CAST({clock} AS DATE)"
    return Value(clock, of.kind, free(count, of))


def _date_diff(calls: Calls, matched: Matched) -> Value:
    unit, (start, end) = _unit(matched), matched.values[1:]
    engine = calls.dialect.type(Kind("timestamp"))
    a, b = (f"CAST({value.sql} AS {engine})" for value in (start, end))
    sql = f"date_sub('{unit}', {a}, {b})" if calls.dialect.name == "duckdb" else f"timestampdiff({unit}, {a}, {b})"
    return Value(sql, BIGINT, free(start, end))


def _extract(calls: Calls, matched: Matched) -> Value:
    field = matched.values[0].text or ""
    if field not in _FIELDS:
        raise Refused(f"{field!r} cannot be extracted: write one of {', '.join(sorted(_FIELDS))}", matched.node.at)
    templates = {
        "week": ("weekofyear({})", "weekofyear({})"),
        "day_of_week": ("isodow({})", "(weekday({}) + 1)"),
        "day_of_year": ("dayofyear({})", "dayofyear({})"),
        "year_of_week": ("isoyear({})", "extract(YEAROFWEEK FROM {})"),
    }
    name = _FIELDS[field]
    template = templates[name][calls.dialect.name == "spark"] if name in templates else name + "({})"
    return Value(template.format(matched.values[1].sql), BIGINT, matched.values[1].free)


def _mysql(calls: Calls, pattern: Value, at: int) -> str:
    """A format of `date_format` as `strftime` takes it."""
    if pattern.text is None:
        return f"trino_strftime({pattern.sql})"
    written, at_, text = "", 0, pattern.text
    while at_ < len(text):
        if text[at_] == "%" and at_ + 1 < len(text):
            if text[at_ + 1] in "DUuVwXx":
                raise Refused(f"%{text[at_ + 1]} is not supported in a date format", at)
            written += MYSQL.get(text[at_ + 1], text[at_ + 1])
            at_ += 2
        else:
            written += "%%" if text[at_] == "%" else text[at_]
            at_ += 1
    return calls.dialect.text(written)


def _date_format(calls: Calls, matched: Matched) -> Value:
    of, pattern = matched.values
    if calls.dialect.name == "spark":
        return Value(f"trino_date_format({of.sql}, {pattern.sql})", VARCHAR, free(of, pattern))
    return Value(f"strftime({of.sql}, {_mysql(calls, pattern, matched.node.at)})", VARCHAR, free(of, pattern))


def _date_parse(calls: Calls, matched: Matched) -> Value:
    of, pattern = matched.values
    kind = Kind("timestamp", precision=3)
    if calls.dialect.name == "spark":
        return Value(f"trino_date_parse({of.sql}, {pattern.sql})", kind, free(of, pattern))
    return Value(f"strptime({of.sql}, {_mysql(calls, pattern, matched.node.at)})", kind, free(of, pattern))


def _format_datetime(calls: Calls, matched: Matched) -> Value:
    of, pattern = matched.values
    zone = of.zoned[1] if of.zoned else "'UTC'"
    clock = f"CAST({of.sql} AS {calls.dialect.type(Kind('timestamp'))})"
    return Value(f"trino_format_datetime({clock}, {zone}, {pattern.sql})", VARCHAR, free(of, pattern))


def at_zone(calls: Calls, of: Value, zone: Value, at: int) -> Value:
    """`of AT TIME ZONE zone`"""
    if of.kind.name not in (ZONED, "timestamp"):
        raise Refused(f"AT TIME ZONE takes a timestamp, not {of.kind}", at)
    if zone.kind == Kind("interval day to second"):
        raise Refused("write the zone as a text: AT TIME ZONE '+02:00'", at)
    named = as_varchar(calls.dialect, zone, at, "AT TIME ZONE")
    moment = zoned(calls.dialect, of)
    parts = (instant(moment), f"trino_zone({named.sql})")
    return Value(calls.dialect.row(["t", "z"], parts), moment.kind, free(of, zone), zoned=parts)


def _element_at(calls: Calls, matched: Matched) -> Value:
    of, key = matched.values
    if key.text is not None and (own := of.keys.get(key.text)) is not None:
        return Value(own, matched.gives, free(of, key))
    sql = f"{of.sql}[{key.sql}]" if calls.dialect.name == "duckdb" else f"try_element_at({of.sql}, {key.sql})"
    return Value(sql, matched.gives, free(of, key))


def _path(calls: Calls, path: Value, at: int) -> str:
    if path.text is None:
        return f"trino_json_path({path.sql})"
    try:
        return calls.dialect.text(for_duckdb(path.text) if calls.dialect.name == "duckdb" else for_spark(path.text))
    except ValueError as fault:
        raise Refused(f'{fault}: write members as .name or ["name"], positions as [0]', at) from None


def _json(function: str, kind: Kind) -> Callable[[Calls, Matched], Value]:
    def special(calls: Calls, matched: Matched) -> Value:
        of, path = matched.values
        return Value(f"{function}({of.sql}, {_path(calls, path, matched.node.at)})", kind, free(of, path))

    return special


def _standard_json(calls: Calls, matched: Matched) -> Value:
    (of, path), options, name = matched.values, list(matched.node.options), matched.node.name.lower
    try:
        steps(path.text or "")
    except ValueError as fault:
        raise Refused(str(fault), matched.node.at) from None
    returning = next((option[10:] for option in options if option.startswith("RETURNING ")), "varchar")
    words = " ".join(option for option in options if not option.startswith("RETURNING "))
    if "DEFAULT" in words or "PASSING" in words:
        raise Refused("DEFAULT and PASSING are not available: use coalesce around it", matched.node.at)
    if name == "json_exists":
        return Value(f"trino_json_exists({of.sql}, {path.sql}, {calls.dialect.text(words)})", BOOLEAN, of.free)
    sql = f"trino_{name}({of.sql}, {path.sql}, {calls.dialect.text(words)})"
    kind = of_written(Written(returning, matched.node.at))
    return Value(sql if kind == VARCHAR else f"CAST({sql} AS {calls.dialect.type(kind)})", kind, of.free)


def _if(calls: Calls, matched: Matched) -> Value:
    condition, *branches = matched.values
    results, kind = meet(calls.dialect, [*branches, Value("NULL", Kind("unknown"))][:2], matched.node.at, "if")
    one, other = (coerced(calls.dialect, result, kind) for result in results)
    return Value(f"CASE WHEN {condition.sql} THEN {one.sql} ELSE {other.sql} END", kind, free(*matched.values))


def _all_alike(function: str) -> Callable[[Calls, Matched], Value]:
    def special(calls: Calls, matched: Matched) -> Value:
        values, kind = meet(calls.dialect, matched.values, matched.node.at, function)
        sqls = [coerced(calls.dialect, value, kind).sql for value in values]
        sql = f"{function}({', '.join(sqls)})" if len(sqls) > 1 or function == "coalesce" else sqls[0]
        if function != "coalesce" and len(sqls) > 1:
            sql = f"CASE WHEN {' AND '.join(f'{one} IS NOT NULL' for one in sqls)} THEN {sql} END"
        return Value(sql, kind, free(*values))

    return special


def _nullif(calls: Calls, matched: Matched) -> Value:
    one, other = matched.values
    same = compared(calls.dialect, "=", one, other, matched.node.at)
    return Value(f"CASE WHEN {same.sql} THEN NULL ELSE {one.sql} END", one.kind, free(one, other))


def _concat(calls: Calls, matched: Matched) -> Value:
    found = matched.values[0]
    for value in matched.values[1:]:
        found = concatenated(calls.dialect, found, value, matched.node.at)
    return found


def _array_join(calls: Calls, matched: Matched) -> Value:
    of, separator, *null = matched.values
    name = f"l{calls.depth + 1}j"
    text = as_text(calls.dialect, name, of.kind.of, calls.depth + 5)
    if null:
        text = f"coalesce({text}, {null[0].sql})"
    transform, join = ("list_transform", "trino_join") if calls.dialect.name == "duckdb" else ("transform", "array_join")
    return Value(f"{join}({transform}({of.sql}, {calls.dialect.function([name], text)}), {separator.sql})", VARCHAR, free(*matched.values))


def _round(calls: Calls, matched: Matched) -> Value:
    of = matched.values[0]
    kind = decimal(of.kind.precision - of.kind.scale + min(1, of.kind.scale), 0)
    return Value(f"CAST(round({of.sql}) AS {calls.dialect.type(kind)})", kind, of.free)


def _mod(calls: Calls, matched: Matched) -> Value:
    return computed(calls.dialect, "%", matched.values[0], matched.values[1], matched.node.at)


def _typeof(calls: Calls, matched: Matched) -> Value:
    return Value(calls.dialect.text(str(matched.values[0].kind)), VARCHAR, constant=True)


def _format(calls: Calls, matched: Matched) -> Value:
    pattern, *values = matched.values
    texts = [as_text(calls.dialect, value.sql, value.kind) for value in values]
    kinds = calls.dialect.text(" ".join(value.kind.name.split(" ")[0] for value in values))
    sql = f"trino_format({pattern.sql}, {kinds}, {calls.dialect.array(texts) if texts else calls.dialect.array(['NULL'])})"
    return Value(sql, VARCHAR, free(*matched.values))


def _at_timezone(calls: Calls, matched: Matched) -> Value:
    return at_zone(calls, matched.values[0], matched.values[1], matched.node.at)


SPECIALS: Final[Mapping[str, Callable[[Calls, Matched], Value]]] = {
    "date_trunc": _date_trunc,
    "date_add": _date_add,
    "date_diff": _date_diff,
    "extract": _extract,
    "date_format": _date_format,
    "date_parse": _date_parse,
    "format_datetime": _format_datetime,
    "at_timezone": _at_timezone,
    "element_at": _element_at,
    "json_extract": _json("trino_json_extract", JSON),
    "json_extract_scalar": _json("trino_json_extract_scalar", VARCHAR),
    "json_size": _json("trino_json_size", BIGINT),
    "json_value": _standard_json,
    "json_query": _standard_json,
    "json_exists": _standard_json,
    "if": _if,
    "coalesce": _all_alike("coalesce"),
    "greatest": _all_alike("greatest"),
    "least": _all_alike("least"),
    "nullif": _nullif,
    "concat": _concat,
    "array_join": _array_join,
    "round": _round,
    "mod": _mod,
    "typeof": _typeof,
    "format": _format,
    **LAMBDAS,
}
"""Name → how it is written."""
