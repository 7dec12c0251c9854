"""Filter policies: cases as data, and beside a plainer matcher."""

from __future__ import annotations

import fnmatch
import ipaddress
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opentrail.messaging.topics.faults import InvalidParameterException
from opentrail.messaging.topics.filtering import FilterPolicy
from opentrail.messaging.topics.globs import matches
from opentrail.messaging.topics.values import MessageAttribute

GOLDEN = Path(__file__).parents[2] / "golden" / "topics"


def lines(name: str) -> list[Any]:
    return [json.loads(line) for line in (GOLDEN / name).read_text().splitlines()]


@pytest.mark.parametrize("case", lines("filters.jsonl"), ids=lambda case: case["why"])
def test_a_subscription_gets_what_its_policy_wants(case: Any) -> None:
    policy = FilterPolicy.parse(json.dumps(case["policy"]), scope=case.get("scope", "MessageAttributes"))
    attributes = {name: MessageAttribute(one["Type"], one["Value"]) for name, one in case.get("attributes", {}).items()}
    body = case.get("body", "")
    assert policy.accepts(body if isinstance(body, str) else json.dumps(body), attributes) == case["wanted"]


@pytest.mark.parametrize("case", lines("filters_refused.jsonl"), ids=lambda case: case["policy"][:60])
def test_what_is_no_policy_is_refused_with_the_reason(case: Any) -> None:
    with pytest.raises(InvalidParameterException) as fault:
        FilterPolicy.parse(case["policy"], scope=case["scope"])
    assert fault.value.message.startswith("Invalid parameter: FilterPolicy: ")
    assert case["says"] in fault.value.message


# a plainer matcher: one condition, one value, told case by case

texts = st.text("ab1.", max_size=4)
numbers = st.integers(-3, 3) | st.sampled_from([0.5, 2.0])
addresses = st.sampled_from(["10.0.0.1", "10.1.0.1", "::1", "x"])
values = texts | numbers | st.booleans() | st.none() | addresses
conditions = (
    texts
    | numbers
    | st.booleans()
    | st.none()
    | st.fixed_dictionaries({"prefix": texts})
    | st.fixed_dictionaries({"suffix": texts})
    | st.fixed_dictionaries({"equals-ignore-case": texts})
    | st.fixed_dictionaries({"exists": st.booleans()})
    | st.fixed_dictionaries({"numeric": st.tuples(st.sampled_from(["=", "<", "<=", ">", ">="]), numbers).map(list)})
    | st.fixed_dictionaries({"cidr": st.sampled_from(["10.0.0.0/16", "::/8"])})
    | st.fixed_dictionaries({"anything-but": st.lists(texts | numbers, min_size=1, max_size=2)})
    | st.fixed_dictionaries({"anything-but": st.fixed_dictionaries({"prefix": texts})})
)


def same(one: Any, other: Any) -> bool:
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def plainly(condition: Any, value: Any) -> bool:
    if not isinstance(condition, dict):
        return same(condition, value)
    ((name, operand),) = condition.items()
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if name == "numeric":
        sign, bound = operand
        return number and bool(eval(f"a {'==' if sign == '=' else sign} b", {}, {"a": value, "b": bound}))
    if name == "anything-but":
        if isinstance(operand, dict):
            return not plainly(operand, value)
        return not any(same(one, value) for one in operand)
    if not isinstance(value, str):
        return False
    if name == "cidr":
        try:
            return ipaddress.ip_address(value) in ipaddress.ip_network(operand)
        except ValueError:
            return False
    if name == "equals-ignore-case":
        return value.lower() == str(operand).lower()
    return value.startswith(operand) if name == "prefix" else value.endswith(operand)


def plainly_taken(wanted: list[Any], message: dict[str, Any], key: str) -> bool:
    for condition in wanted:
        if isinstance(condition, dict) and "exists" in condition:
            if (key in message) == condition["exists"]:
                return True
        elif key in message:
            found = message[key] if isinstance(message[key], list) else [message[key]]
            if any(plainly(condition, value) for value in found):
                return True
    return False


@settings(max_examples=150, deadline=None)
@given(
    policy=st.dictionaries(st.sampled_from("abc"), st.lists(conditions, min_size=1, max_size=3), max_size=3),
    message=st.dictionaries(st.sampled_from("abc"), values | st.lists(values, max_size=3), max_size=3),
)
def test_a_body_is_taken_as_the_plain_matcher_takes_it(policy: dict[str, Any], message: dict[str, Any]) -> None:
    compiled = FilterPolicy.parse(json.dumps(policy), scope="MessageBody")
    assert compiled.accepts_body(json.dumps(message)) == all(plainly_taken(wanted, message, key) for key, wanted in policy.items())


@settings(max_examples=100, deadline=None)
@given(pattern=st.text("ab*", max_size=7), text=st.text("ab", max_size=8))
def test_stars_stand_for_any_text(pattern: str, text: str) -> None:
    assert matches(pattern, text) == fnmatch.fnmatchcase(text, pattern)


@settings(max_examples=100, deadline=None)
@given(
    text=st.text(max_size=30)
    | st.recursive(values, lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=4), inner)).map(json.dumps)
)
def test_no_text_whatever_it_holds_makes_the_parser_stumble(text: str) -> None:
    for scope in ("MessageAttributes", "MessageBody"):
        try:
            policy = FilterPolicy.parse(text, scope=scope)  # type: ignore[arg-type]
        except InvalidParameterException:
            continue
        policy.accepts(text, {"a": MessageAttribute("String.Array", text)})


def test_deeply_nested_bodies_are_refused_not_followed() -> None:
    policy = FilterPolicy.parse('{"a": ["x"]}', scope="MessageBody")
    assert not policy.accepts_body("[" * 100_000)
    assert not policy.accepts_body('{"a":' * 100_000)
