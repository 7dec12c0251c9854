"""Matchers and condition operators beside naive ones that are easy to believe; and hostile patterns, which must end soon."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from ipaddress import ip_address, ip_network
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opentrail.identity.policies import Policy, PolicyRequest, PolicySet, evaluate
from opentrail.identity.policies.conditions import compile_condition
from opentrail.identity.policies.patterns import arn_pattern, exact, pattern, resource_pattern
from opentrail.identity.policies.tokens import tokens
from opentrail.identity.principals import Principal

ALICE = Principal(type="IAMUser", account_id="111122223333", arn="arn:aws:iam::111122223333:user/alice", user_name="alice")


def nothing(_key: str) -> None:
    return None


# patterns

written_patterns = st.text(alphabet="ab:*?", max_size=12)


def glob(written: str, value: str, *, star: str = ".*", mark: str = ".") -> bool:
    expression = "".join({"*": star, "?": mark}.get(character, re.escape(character)) for character in written)
    return re.fullmatch(expression, value, re.DOTALL) is not None


def resource_reference(written: str, value: str) -> bool:
    """By the words of the user guide: behind the fifth colon anything; before it a `*` that ends its part, and no other wildcard, may
    match colons."""
    expression, colons = "", 0
    runs = re.findall(r"\*+|[^*]", written)
    for run, following in pairwise([*runs, ":"]):
        free = colons >= 5
        if run[0] == "*":
            expression += ".*" if free or following == ":" else "[^:]*"
        elif run == "?":
            expression += "." if free else "[^:]"
        else:
            expression += re.escape(run)
            colons += run == ":"
    return re.fullmatch(expression, value, re.DOTALL) is not None


@settings(max_examples=400)
@given(written_patterns, st.text(alphabet="ab:", max_size=14))
def test_wildcards_agree_with_regular_expressions(written: str, value: str) -> None:
    assert pattern(written)(value, nothing) is glob(written, value)


@settings(max_examples=600)
@given(st.text(alphabet="a:*?", max_size=12), st.text(alphabet="a:", max_size=14))
def test_resources_agree_with_the_words_of_the_guide(written: str, value: str) -> None:
    assert resource_pattern(written)(value, nothing) is resource_reference(written, value)


@settings(max_examples=400)
@given(written_patterns, st.text(alphabet="ab:", max_size=14))
def test_arns_are_compared_part_by_part(written: str, value: str) -> None:
    parts, pieces = written.split(":", 5), value.split(":", written.count(":") if written.count(":") < 5 else 5)
    expected = len(parts) == len(pieces) and all(glob(part, piece) for part, piece in zip(parts, pieces, strict=True))
    assert arn_pattern(written)(value, nothing) is expected


@given(st.text(alphabet="a*?:${}", max_size=12), st.text(alphabet="a*?:${}", max_size=12))
def test_equality_is_equality(written: str, value: str) -> None:
    assert exact(written)(value, nothing) is (written == value)


@given(st.text(alphabet="a*?:", max_size=12))
def test_everything_matches_itself_when_its_wildcards_are_variables(value: str) -> None:
    written = "".join(f"${{{character}}}" if character in "*?" else character for character in value)
    assert pattern(written, variables=True)(value, nothing)
    assert exact(written, variables=True)(value, nothing)


@given(written_patterns, st.text(alphabet="ab*?:", max_size=6), st.text(alphabet="ab:", max_size=6))
def test_what_a_variable_stands_for_is_plain_text(before: str, meant: str, after: str) -> None:
    quoted = "".join(f"${{{character}}}" if character in "*?" else character for character in meant)
    value = "".join(character for character in before if character not in "*?") + meant + after
    by_variable = pattern(before + "${aws:username}" + after, variables=True)(value, lambda _key: (meant,))
    assert by_variable is pattern(before + quoted + after, variables=True)(value, nothing)


@given(st.text(max_size=60))
def test_any_text_can_be_cut(written: str) -> None:
    assert isinstance(tokens(written, variables=True), list)
    assert "".join(part.text for part in tokens(written, variables=False, wildcards=False)) == written  # type: ignore[union-attr]


# operators

small_numbers = st.decimals(min_value=-3, max_value=3, places=1).map(str)
moments = st.integers(-3, 3).map(lambda seconds: datetime(2026, 1, 5, 10, tzinfo=UTC) + timedelta(seconds=seconds))
dates = st.one_of(
    moments.map(lambda moment: moment.isoformat().replace("+00:00", "Z")),
    moments.map(lambda moment: moment.astimezone(UTC).isoformat()),
    moments.map(lambda moment: str(int(moment.timestamp()))),
)
words = st.text(alphabet="aA*?", max_size=3)
arns = st.builds(lambda region, name: f"arn:aws:sns:{region}:1:{name}", st.sampled_from(["a", "b", "*", "?"]), words)
networks = st.sampled_from(["10.0.0.0/8", "10.1.0.0/16", "10.1.1.1", "2001:db8::/32", "2001:db8::1"])
addresses = st.sampled_from(["10.0.0.1", "10.1.1.1", "10.1.2.3", "192.0.2.1", "2001:db8::1", "2001:db9::1"])
booleans = st.sampled_from(["true", "false", "True", "FALSE"])

Compare = Callable[[str, str], bool]


def _moment(text: str) -> float:
    return float(text) if text.isdigit() else datetime.fromisoformat(text).timestamp()


COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "Equals": lambda found, limit: found == limit,
    "LessThan": lambda found, limit: found < limit,
    "LessThanEquals": lambda found, limit: found <= limit,
    "GreaterThan": lambda found, limit: found > limit,
    "GreaterThanEquals": lambda found, limit: found >= limit,
}

# operator, its negation if it has one, values of the policy and of the request, how one value of each compares
REFERENCE: list[tuple[str, str | None, st.SearchStrategy[str], st.SearchStrategy[str], Compare]] = [
    ("StringEquals", "StringNotEquals", words, words, lambda found, written: found == written),
    ("StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase", words, words, lambda found, written: found.lower() == written.lower()),
    ("StringLike", "StringNotLike", words, words, lambda found, written: glob(written, found)),
    ("ArnLike", "ArnNotLike", arns, arns, lambda found, written: glob(written, found, star="[^:]*", mark="[^:]")),
    ("ArnEquals", "ArnNotEquals", arns, arns, lambda found, written: glob(written, found, star="[^:]*", mark="[^:]")),
    ("IpAddress", "NotIpAddress", networks, addresses, lambda found, written: ip_address(found) in ip_network(written)),
    ("Bool", None, booleans, booleans, lambda found, written: found.lower() == written.lower()),
    *(
        (f"Numeric{way}", "NumericNotEquals" if way == "Equals" else None, small_numbers, small_numbers,
         lambda found, written, compare=compare: compare(Decimal(found), Decimal(written)))
        for way, compare in COMPARISONS.items()
    ),
    *(
        (f"Date{way}", "DateNotEquals" if way == "Equals" else None, dates, dates,
         lambda found, written, compare=compare: compare(_moment(found), _moment(written)))
        for way, compare in COMPARISONS.items()
    ),
]  # fmt: skip


def expected(quantifier: str, negated: bool, if_exists: bool, found: list[str] | None, written: list[str], compare: Compare) -> bool:
    """The words of the user guide, "condition operators" and "multivalued context keys", without a thought of speed."""
    if quantifier and found is not None and not any(found):
        found = None  # "a null dataset, such as an empty string"
    if not found:
        return True if quantifier == "ForAllValues" else if_exists if quantifier == "ForAnyValue" else negated or if_exists
    each = [any(compare(value, one) for one in written) != negated for value in found]
    if quantifier == "ForAllValues":
        return all(each)
    if quantifier == "ForAnyValue":
        return any(each)
    return all(each) if negated else any(each)


@pytest.mark.parametrize(("operator", "negation", "written", "values", "compare"), REFERENCE, ids=[row[0] for row in REFERENCE])
@settings(max_examples=60)
@given(data=st.data())
def test_operators_agree_with_the_words_of_the_guide(
    operator: str,
    negation: str | None,
    written: st.SearchStrategy[str],
    values: st.SearchStrategy[str],
    compare: Compare,
    data: st.DataObject,
) -> None:
    given_values = data.draw(st.lists(written, max_size=3))
    found = data.draw(st.none() | st.lists(values, max_size=3))
    quantifier = data.draw(st.sampled_from(["", "ForAllValues", "ForAnyValue"]))
    negated = negation is not None and data.draw(st.booleans())
    if_exists = data.draw(st.booleans())
    name = (negation if negated and negation else operator) + ("IfExists" if if_exists else "")
    test = compile_condition(f"{quantifier}:{name}" if quantifier else name, "Test:Key", given_values, variables=True)
    assert test(lambda key: found if key == "test:key" else None) is expected(quantifier, negated, if_exists, found, given_values, compare)


@given(st.none() | st.lists(words, max_size=2), st.lists(st.sampled_from(["true", "false", "TRUE", "x"]), max_size=2))
def test_null_agrees_with_the_words_of_the_guide(found: list[str] | None, written: list[str]) -> None:
    test = compile_condition("Null", "a:b", written, variables=True)
    assert test(lambda _key: found) is (str(not any(found or [])).lower() in [value.lower() for value in written])


every_operator = st.builds(
    lambda quantifier, operator, if_exists: quantifier + operator + if_exists,
    st.sampled_from(["", "ForAllValues:", "ForAnyValue:"]),
    st.sampled_from(sorted({name for row in REFERENCE for name in row[:2] if name} | {"BinaryEquals"})),
    st.sampled_from(["", "IfExists"]),
)
awkward = st.one_of(
    st.text(max_size=8),
    st.sampled_from(["${aws:username}", "${*}", "9" * 60, "1e5", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "::ffff:1.2.3.4",
                     "fe80::1%eth0", "10.0.0.0/99", "2026-13", "0000", "====", "TQ==", "NaN", "Infinity"]),
)  # fmt: skip


@settings(max_examples=400)
@given(every_operator, st.lists(awkward, max_size=3), st.none() | st.lists(awkward, max_size=3))
def test_no_value_makes_an_operator_fail(operator: str, written: list[str], found: list[str] | None) -> None:
    test = compile_condition(operator, "a:b", written, variables=True)
    assert test(lambda _key: found) in (True, False)


# time

HOSTILE = ("*a" * 3000 + "c", "*?a" * 1000 + "c", "*" + "a?" * 1500 + "c*", "a*" * 20_000, "*" * 60_000 + "c", "?" * 4002, "a*a:" * 3000)


def seconds(work: Callable[[], object]) -> float:
    begin = time.process_time()
    work()
    return time.process_time() - begin


@pytest.mark.parametrize("written", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_patterns_end(written: str) -> None:
    """Each of these would keep a backtracking matcher busy for longer than the universe lasts."""
    long = "a" * 4000 + "b"
    for matcher in (pattern, arn_pattern, resource_pattern):
        assert seconds(lambda matcher=matcher: matcher(written)(long, nothing)) < 1  # type: ignore[misc]
        assert not matcher(written)(long, nothing)


def test_hostile_policies_end() -> None:
    statements = [
        {
            "Effect": "Deny",
            "Action": "s3:" + "*a" * 400 + "*",
            "Resource": ["arn:aws:s3:::" + "*?a" * 300 + "x", "arn:" + "a*b" * 300 + ":x"],
            "Condition": {"StringLike": {"s3:prefix": ["*a" * 300 + "c", "${s3:prefix}" * 20]}, "ArnLike": {"s3:arn": "*a" * 300}},
        }
        for _ in range(10)
    ]
    hostile = Policy.parse(json.dumps({"Version": "2012-10-17", "Statement": statements}))
    request = PolicyRequest(
        principal=ALICE,
        action="s3:" + "a" * 2000,
        resource="arn:aws:s3:::" + "a" * 2000,
        context={"s3:prefix": ("a" * 2000,), "s3:arn": ("a:" * 1000,)},
    )
    assert seconds(lambda: evaluate(request, PolicySet(identity=(hostile,)))) < 2
