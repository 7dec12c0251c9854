"""Composite alarms: the language of their rules, and how they follow the alarms that they name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opentrail.monitoring.alarms.rule import rule
from opentrail.monitoring.metrics.faults import ValidationError
from simulators.alarms import ACCOUNT, REGION, TOPIC_ARN, AlarmHouse

STATES = {"a": "ALARM", "b": "OK", "two words": "INSUFFICIENT_DATA", 'q"': "OK"}


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("TRUE", True),
        ("FALSE", False),
        ("ALARM(a)", True),
        ('ALARM("a")', True),
        ("OK(a)", False),
        ('INSUFFICIENT_DATA("two words")', True),
        ('OK("q\\"")', True),
        ("NOT ALARM(a)", False),
        ("NOT NOT ALARM(a)", True),
        ("ALARM(a) OR ALARM(b) AND FALSE", True),
        ("(ALARM(a) OR ALARM(b)) AND FALSE", False),
        ("NOT ALARM(a) OR TRUE", True),
        ("NOT (ALARM(a) OR TRUE)", False),
        (" ( ( ALARM( a ) ) ) ", True),
        ("ALARM(none) OR OK(none) OR INSUFFICIENT_DATA(none)", False),
        ("NOT OK(none)", True),
    ],
)
def test_rules(text: str, holds: bool) -> None:
    assert rule(text).holds(STATES) is holds


@pytest.mark.parametrize(
    "text",
    ["", "ALARM", "ALARM()", 'ALARM("")', "ALARM(a", "ALARM(a) ALARM(b)", "AND", "a", "ALARM(a) OR", "(TRUE", "TRUE)", 'ALARM("a',
     "alarm(a)",
     "(" * 60 + "TRUE" + ")" * 60, " OR ".join(f"ALARM(a{n})" for n in range(101))],
)  # fmt: skip
def test_rules_that_are_none(text: str) -> None:
    with pytest.raises(ValidationError, match="AlarmRule is not valid"):
        rule(text)


@given(st.text(alphabet='ALRMOKNDTFSEU()" ab\\', max_size=60))
def test_any_text_is_a_rule_or_refused(text: str) -> None:
    try:
        read = rule(text)
    except ValidationError:
        return
    assert read.holds({}) in (True, False)


@pytest.fixture
def house(tmp_path: Path) -> AlarmHouse:
    made = AlarmHouse(tmp_path)
    made.alarm(AlarmName="a", AlarmActions=[], TreatMissingData="notBreaching")
    made.alarm(AlarmName="b", AlarmActions=[], TreatMissingData="notBreaching", Statistic="Average")
    return made


def test_a_composite_alarm_follows_those_it_names(house: AlarmHouse) -> None:
    made = house.composite("both", "ALARM(a) AND ALARM(b)", AlarmActions=[TOPIC_ARN], OKActions=[TOPIC_ARN])
    assert made.state == "OK"
    house.put()
    house.work()
    assert (house.state("a"), house.state("both")) == ("ALARM", "OK")
    house.pass_(63)
    assert (house.state("b"), house.state("both")) == ("ALARM", "ALARM")
    told = house.topics.sent[-1]["message"]
    assert (told["AlarmRule"], told["NewStateValue"], told["OldStateValue"]) == ("ALARM(a) AND ALARM(b)", "ALARM", "OK")
    assert [child["Arn"] for child in told["TriggeringChildren"]] == [house.get("b").arn]
    assert house.get("b").arn in told["NewStateReason"]
    assert json.loads(house.get("both").reason_data or "")["triggeringAlarms"][0]["state"]["value"] == "ALARM"
    house.alarms.delete(ACCOUNT, REGION, ["a"])
    house.work()
    assert house.state("both") == "OK"
    assert house.topics.states() == ["OK", "ALARM", "OK"]


def test_a_composite_alarm_may_name_another_but_not_itself(house: AlarmHouse) -> None:
    house.composite("one", f"ALARM({house.get('a').arn})")
    house.composite("two", "ALARM(one)")
    house.alarms.set_state(ACCOUNT, REGION, "a", state="ALARM", reason="", data=None)
    house.work()
    assert (house.state("one"), house.state("two")) == ("ALARM", "ALARM")
    for text in ("ALARM(two)", "NOT ALARM(one)"):
        with pytest.raises(ValidationError, match="depend on itself"):
            house.composite("one", text)
    with pytest.raises(ValidationError, match=r"\[none\] in the alarm rule do not exist"):
        house.composite("three", "ALARM(none)")
    with pytest.raises(ValidationError, match="another kind"):
        house.composite("a", "ALARM(b)")


def test_a_watch_that_starts_finds_composite_alarms_that_are_behind(house: AlarmHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    house.composite("one", "ALARM(a)", AlarmActions=[TOPIC_ARN])
    house.put()
    monkeypatch.setattr(house.evaluating, "_compose", lambda _: None)  # it dies before
    house.evaluating.step()
    assert (house.state("a"), house.state("one")) == ("ALARM", "OK")
    house.restart()
    house.work()
    assert house.topics.states() == ["ALARM"]
