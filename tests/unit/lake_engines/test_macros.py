"""Macros are written into SQL, and into nothing that only looks like a call."""

from __future__ import annotations

import pytest

from opentrail.lake.engines.macros import expanded, read
from opentrail.lake.engines.spark_functions import ALL, FUNCTIONS, as_spark_has_it

MACROS = read(
    """
twice(x) = x + x
pair(a, b) = array(a, b, 'a, b')
nested(x) = trino_pair(x, trino_twice(x))
field(x) = x.t || p.x
now() = current_timestamp()
checked(x) = CASE WHEN x = 0 THEN raise_error('a (b, \\'c') ELSE x END
"""
)


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT trino_twice(c0)", "SELECT (c0 + c0)"),
        ("trino_twice(1 - c0)", "((1 - c0) + (1 - c0))"),
        ("trino_pair('x, (y', f(1, 2))", "(array('x, (y', (f(1, 2)), 'a, b'))"),
        ("trino_nested(c)", "((array(c, ((c + c)), 'a, b')))"),
        ("trino_field(`a,b)`)", "((`a,b)`).t || p.x)"),
        ("trino_now()", "(current_timestamp())"),
        ("'trino_twice(1)' || `trino_twice(1)`", "'trino_twice(1)' || `trino_twice(1)`"),
        ("trino_unknown(trino_twice(c0), 1)", "trino_unknown((c0 + c0), 1)"),
        ("trino_twice('it\\'s')", "('it\\'s' + 'it\\'s')"),
        ("trino_try(CAST(trino_checked(c) AS INT))", "(TRY_CAST((CASE WHEN c = 0 THEN NULL ELSE c END) AS INT))"),
        ("trino_try('CAST(x)' || TRY_CAST(1 AS INT))", "('CAST(x)' || TRY_CAST(1 AS INT))"),
    ],
)
def test_what_is_written(sql: str, expected: str) -> None:
    assert expanded(sql, MACROS).replace("((array", "((array") == expected


def test_arguments_are_not_taken_for_those_of_the_macro() -> None:
    assert expanded("trino_pair(b, a)", MACROS) == "(array(b, a, 'a, b'))"


def test_a_line_that_is_no_macro_is_told() -> None:
    with pytest.raises(ValueError, match="nonsense"):
        read("nonsense")


def test_every_macro_of_spark_calls_only_what_there_is() -> None:
    for (name, count), (names, body) in ALL.items():
        assert len(names) == count
        written = expanded(f"trino_{name}({', '.join(names)})", ALL)
        left = {word.partition("(")[0] for word in written.split("trino_")[1:]}
        assert left <= {f"p_{function}" for function in FUNCTIONS}, (name, body)


def test_a_function_in_python_gives_a_row_and_never_raises() -> None:
    whole = as_spark_has_it(FUNCTIONS["split_part"][0])
    assert whole("a,b", ",", 2) == ("b", None)
    assert whole("a,b", ",", 3) == (None, None)
    assert whole("a,b", ",", 0) == (None, "Index must be greater than zero")
    assert whole(None, ",", 0) is None
