"""What targets are sent, and which inputs PutTargets refuses."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from opentrail.rules import json_paths
from opentrail.rules.transforming import Occasion, check_target_input, text_for
from opentrail.rules.values import InputTransformer, Target
from opentrail.wire.faults import ValidationException

RULE = "arn:aws:events:us-east-1:111122223333:rule/watch"
EVENT: dict[str, Any] = {
    "version": "0",
    "id": "e-1",
    "detail-type": "EC2 Instance State-change Notification",
    "source": "aws.ec2",
    "account": "111122223333",
    "time": "2026-01-05T10:11:12Z",
    "region": "us-east-1",
    "resources": ["arn:one", "arn:two"],
    "detail": {"instance-id": "i-0123", "state": "RUNNING", "code": 16, "said": 'a "word"\nand\\more', "tags": {"a": 1}, "none": None},
}


def target(**given: Any) -> Target:
    return Target(rule_arn=RULE, target_id="t", arn="arn:aws:sqs:us-east-1:111122223333:q", **given)


def sent(event: dict[str, Any] = EVENT, **given: Any) -> str:
    one = target(**given)
    check_target_input(one)
    return text_for(one, Occasion(event=event, rule_arn=RULE, rule_name="watch", ingestion_time="2026-01-05T10:11:13Z"))


def transformed(template: str, event: dict[str, Any] = EVENT, **paths: str) -> str:
    return sent(event, transformer=InputTransformer(template=template, paths=paths))


def test_without_anything_the_event_is_sent() -> None:
    assert json.loads(sent()) == EVENT


def test_input_takes_the_place_of_the_event() -> None:
    assert sent(input='{"fixed": true}') == '{"fixed": true}'


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("$", EVENT),
        ("$.detail.state", "RUNNING"),
        ("$.detail-type", EVENT["detail-type"]),
        ("$['detail-type']", EVENT["detail-type"]),
        ('$["detail"].code', 16),
        ("$.resources[1]", "arn:two"),
        ("$.resources[*]", ["arn:one", "arn:two"]),
        ("$.detail.tags.*", [1]),
        ("$.detail.none", None),
        ("$.resources[7]", None),
        ("$.detail.nothing.here", None),
    ],
)
def test_input_path_sends_a_part(path: str, expected: Any) -> None:
    assert json.loads(sent(input_path=path)) == expected


def test_text_with_placeholders_keeps_its_quotes() -> None:
    template = '"instance <instance> is in <state>"'
    assert transformed(template, instance="$.detail.instance-id", state="$.detail.state") == '"instance i-0123 is in RUNNING"'


def test_lines_of_text() -> None:
    assert transformed('"<a>"\n"second <b>"', a="$.detail.state", b="$.detail.code") == '"RUNNING"\n"second 16"'


def test_values_outside_of_quotes_are_json() -> None:
    template = '{"state": <state>, "quoted": "<state>", "code": <code>, "tags": <tags>, "all": <all>}'
    made = transformed(template, state="$.detail.state", code="$.detail.code", tags="$.detail.tags", all="$.resources")
    assert json.loads(made) == {"state": "RUNNING", "quoted": "RUNNING", "code": 16, "tags": {"a": 1}, "all": ["arn:one", "arn:two"]}


def test_what_would_break_a_string_is_escaped() -> None:
    assert json.loads(transformed('{"said": "it said <said>", "tags": "<tags>"}', said="$.detail.said", tags="$.detail.tags")) == {
        "said": 'it said a "word"\nand\\more',
        "tags": '{"a":1}',
    }


def test_a_path_that_leads_nowhere_leaves_no_text() -> None:
    assert json.loads(transformed('{"a": <x>, "b": "is <x>."}', x="$.detail.nothing")) == {"a": "", "b": "is ."}


def test_variables_that_every_template_has() -> None:
    template = (
        '{"arn": <aws.events.rule-arn>, "name": "<aws.events.rule-name>", "at": <aws.events.event.ingestion-time>, '
        '"event": <aws.events.event.json>, "head": <aws.events.event>}'
    )
    made = json.loads(transformed(template))
    assert made["event"] == EVENT
    assert made["head"] == {key: value for key, value in EVENT.items() if key != "detail"}
    assert (made["arn"], made["name"], made["at"]) == (RULE, "watch", "2026-01-05T10:11:13Z")


def test_an_escaped_quote_does_not_end_a_string() -> None:
    assert json.loads(transformed('"he said \\"<state>\\" <code>"', state="$.detail.state", code="$.detail.code")) == 'he said "RUNNING" 16'


@pytest.mark.parametrize(
    "given",
    [
        {"input": "{not json"},
        {"input": "NaN"},
        {"input": '"' + "x" * 8192 + '"'},
        {"input_path": "detail"},
        {"input_path": "$.detail..state"},
        {"input_path": "$." + "x" * 300},
        {"input": "1", "input_path": "$"},
        {"transformer": InputTransformer(template="instance <a>", paths={"a": "$.id"})},
        {"transformer": InputTransformer(template='"<a>"', paths={})},
        {"transformer": InputTransformer(template='{"a": <a>', paths={"a": "$.id"})},
        {"transformer": InputTransformer(template="", paths={"a": "$.id"})},
        {"transformer": InputTransformer(template="1", paths={"aws.x": "$.id"})},
        {"transformer": InputTransformer(template="1", paths={f"v{number}": "$.id" for number in range(101)})},
        {"transformer": InputTransformer(template='"<a>"', paths={"a": "id"})},
    ],
)
def test_inputs_that_cannot_be_made_are_refused(given: dict[str, Any]) -> None:
    with pytest.raises(ValidationException) as refused:
        check_target_input(target(**given))
    assert "target t" in refused.value.message


json_values = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats(allow_nan=False, allow_infinity=False) | some.text(),
    lambda inner: some.lists(inner, max_size=4) | some.dictionaries(some.text(), inner, max_size=4),
    max_leaves=12,
)


@given(value=json_values)
def test_whatever_is_in_the_event_the_result_is_json(value: Any) -> None:
    event = {**EVENT, "detail": {"x": value}}
    made = json.loads(transformed('{"bare": <x>, "within": "<x>", "\\"<x>": [<x>, 1]}', event, x="$.detail.x"))
    assert made["bare"] == value
    assert made["within"] == (value if isinstance(value, str) else json.dumps(value, separators=(",", ":"), ensure_ascii=False))


@given(text=some.text())
def test_any_text_is_a_path_or_says_why_not(text: str) -> None:
    with suppress(json_paths.NotAPath):
        assert json_paths.find({}, json_paths.path("$" + text)) in ([], [{}])


@given(names=some.lists(some.text("abc-_", min_size=1), max_size=5), value=json_values)
def test_a_path_of_members_finds_what_was_put_there(names: list[str], value: Any) -> None:
    event = value
    for name in reversed(names):
        event = {name: event}
    assert json_paths.value_at(event, json_paths.path("$" + "".join(f".{name}" for name in names))) == (True, value)


@given(template=some.text())
def test_any_template_is_refused_or_filled(template: str) -> None:
    one = target(transformer=InputTransformer(template=template, paths={"a": "$.detail"}))
    with suppress(ValidationException):
        check_target_input(one)
        assert text_for(one, Occasion(event=EVENT, rule_arn=RULE, rule_name="watch", ingestion_time="")).count("<a>") == 0
