"""From the journal and the buses into the outbox: which rules see what, and that nothing is lost or doubled when the process dies."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, insert, select

from opentrail.journal import Entry
from opentrail.rules import rows, spans, store
from opentrail.rules.names import BusName
from opentrail.rules.values import DISABLED, ENABLED_WITH_ALL, NewEvent, RuleState
from simulators.event_targets import ACCOUNT, BUS, REGION, Died, RulesWorld, queue, queue_target


@pytest.fixture
def world(tmp_path: Path) -> Iterator[RulesWorld]:
    made = RulesWorld(tmp_path)
    yield made
    made.database.close()


def names(world: RulesWorld, name: str = "jobs") -> list[str]:
    """Names of the calls that reached a queue."""
    return [json.loads(text)["detail"]["eventName"] for text in world.endpoint.texts(queue(name))]


def test_a_call_reaches_the_target_of_the_rule_that_matches(world: RulesWorld) -> None:
    world.rule("users", queue_target("users"))
    world.rule("buckets", queue_target("buckets", "other"), pattern='{"source":["aws.s3"]}')
    world.happens("CreateUser")
    world.happens("CreateBucket", eventSource="s3.amazonaws.com")
    world.settle()
    assert (names(world), names(world, "other")) == (["CreateUser"], ["CreateBucket"])
    assert world.following.position == 2
    assert world.woken == 1


def test_without_a_trail_nothing_reaches_a_bus(world: RulesWorld) -> None:
    world.rule("users", queue_target("users"))
    world.trails.unlogged = {1}
    world.happens("CreateUser")
    world.happens("DeleteUser")
    world.settle()
    assert names(world) == ["DeleteUser"]


@pytest.mark.parametrize(
    ("state", "expected"), [("ENABLED", ["CreateUser"]), (ENABLED_WITH_ALL, ["CreateUser", "ListUsers"]), (DISABLED, [])]
)
def test_states_decide_over_calls_that_read(world: RulesWorld, state: RuleState, expected: list[str]) -> None:
    world.rule("users", queue_target("users"), state=state)
    world.happens("CreateUser")
    world.happens("ListUsers", readOnly=True)
    world.settle()
    assert names(world) == expected


@pytest.mark.parametrize("place", [{"awsRegion": "eu-west-1"}, {"recipientAccountId": "999988887777"}])
def test_other_regions_and_accounts_have_buses_of_their_own(world: RulesWorld, place: dict[str, str]) -> None:
    world.rule("users", queue_target("users"))
    elsewhere = BusName(region=place.get("awsRegion", REGION), account_id=place.get("recipientAccountId", ACCOUNT))
    world.rule("users", queue_target("users", "elsewhere", bus=elsewhere), bus=elsewhere)
    world.happens("CreateUser", **place)
    world.settle()
    assert (names(world), names(world, "elsewhere")) == ([], ["CreateUser"])


def test_a_bus_that_is_not_the_default_one_gets_no_calls(world: RulesWorld) -> None:
    own = BusName(region=REGION, account_id=ACCOUNT, name="orders")
    world.rule("all", queue_target("all", bus=own), pattern='{"account":["111122223333"]}', bus=own)
    world.happens("CreateUser")
    world.settle()
    assert names(world) == []


def test_a_rule_counts_from_when_it_was_made(world: RulesWorld) -> None:
    world.happens("CreateUser")
    world.clock.advance(10)
    world.rule("users", queue_target("users"))
    world.happens("DeleteUser")
    world.settle()
    assert names(world) == ["DeleteUser"]


MORE = '{"detail":{"eventName":["TagUser"]}}'


@pytest.mark.parametrize("put", [False, True])
def test_each_event_is_judged_by_the_rules_that_were_there_when_it_came(world: RulesWorld, put: bool) -> None:
    """Nothing is read meanwhile: the watch is not running, or far behind."""

    def happens(name: str) -> None:
        if not put:
            return world.happens(name)
        event = put_event("Call", f"e-{name}") | {"source": "aws.iam", "detail": {"eventName": name}}
        return world.intake.take([NewEvent(bus_arn=BUS.arn, event=event)])

    happens("Early")
    world.rule("switched", queue_target("switched", "switched"), state=DISABLED)
    world.rule("altered", queue_target("altered", "altered"))
    world.rule("kept", queue_target("kept", "kept"))
    happens("CreateUser")
    world.rule("switched", queue_target("switched", "switched"))
    world.rule("altered", queue_target("altered", "altered"), pattern=MORE)
    world.rule("kept", queue_target("kept", "more", target_id="u"))
    happens("TagUser")
    happens("DeleteUser")
    world.rule("switched", queue_target("switched", "switched"), state=DISABLED)
    world.rule("altered", queue_target("altered", "altered"))
    happens("Late")
    world.restart()
    world.settle()
    assert names(world, "switched") == ["TagUser", "DeleteUser"]
    assert names(world, "altered") == ["CreateUser", "TagUser", "Late"]
    assert names(world, "kept") == ["CreateUser", "TagUser", "DeleteUser", "Late"]
    assert names(world, "more") == ["TagUser", "DeleteUser", "Late"]


def test_a_rule_made_anew_knows_nothing_of_the_old_one(world: RulesWorld) -> None:
    arn = world.rule("users", queue_target("users"))
    world.happens("CreateUser")
    with world.changing(arn) as connection:
        connection.execute(store.targets.delete())
        connection.execute(store.rules.delete())
    world.rule("users", queue_target("users"))
    world.happens("DeleteUser")
    world.restart()
    world.settle()
    assert names(world) == ["DeleteUser"]


def known_spans(world: RulesWorld) -> int:
    with world.store.read() as connection:
        return connection.execute(select(func.count()).select_from(spans.spans)).scalar_one()


def test_how_a_rule_stood_is_forgotten_when_everything_is_read(world: RulesWorld) -> None:
    world.rule("users", queue_target("users"))
    world.happens("CreateUser")
    world.intake.take([NewEvent(bus_arn=BUS.arn, event=put_event("Order", "e-1"))])
    for _ in range(3):
        world.rule("users", queue_target("users"))  # changes nothing
    world.rule("users", queue_target("users"), pattern=MORE)
    assert known_spans(world) == 2
    while world.following.step():
        pass
    assert known_spans(world) == 2  # what was put onto the bus is not read yet
    world.settle()
    world.follow()
    assert known_spans(world) == 1
    world.rule("users", queue_target("users"), state=DISABLED)
    world.settle()
    world.follow()
    assert known_spans(world) == 0


def test_rules_from_before_there_were_spans_hold(world: RulesWorld) -> None:
    world.rule("users", queue_target("users"))
    with world.store.write() as connection:
        connection.execute(spans.spans.delete())
    world.happens("CreateUser")
    world.restart()
    world.settle()
    assert names(world) == ["CreateUser"]


def test_two_changes_of_a_rule_at_once_leave_no_gap(world: RulesWorld) -> None:
    arn = world.rule("users", queue_target("users"))
    for number in range(3):
        world.happens(f"Call{number}")
    for record, state in ((3, DISABLED), (2, "ENABLED")):  # the second had looked at the journal first
        with world.store.write() as connection:
            connection.execute(store.rules.update().values(state=state))
            spans.change(connection, arn, spans.Point(record, 0))
    world.happens("Call3")
    world.restart()
    world.settle()
    assert names(world)[:3] == ["Call0", "Call1", "Call2"]
    assert names(world)[-1] == "Call3"


def test_a_clock_that_is_set_back_silences_no_rule(world: RulesWorld) -> None:
    world.rule("users", queue_target("users"))
    world.clock.at -= 3600
    world.happens("CreateUser")
    world.settle()
    assert names(world) == ["CreateUser"]


def test_changes_of_rules_count_at_once(world: RulesWorld) -> None:
    world.rule("users", queue_target("users"))
    world.happens("CreateUser")
    world.settle()
    world.rule("users", queue_target("users"), pattern='{"detail":{"eventName":["TagUser"]}}')
    world.happens("CreateUser")
    world.happens("TagUser")
    world.settle()
    world.rule("users", queue_target("users"), state=DISABLED)
    world.happens("TagUser")
    world.settle()
    assert names(world) == ["CreateUser", "TagUser"]


def test_events_that_were_put_reach_every_rule_of_their_bus(world: RulesWorld) -> None:
    own = BusName(region=REGION, account_id=ACCOUNT, name="orders")
    world.rule("new", queue_target("new", bus=own), pattern='{"detail-type":["Order"]}', bus=own)
    events = [put_event("Order", "e-1"), put_event("Invoice", "e-2"), put_event("Order", "e-3")]
    world.intake.take([NewEvent(bus_arn=own.arn, event=event) for event in events])
    world.settle()
    assert world.endpoint.ids(queue("jobs")) == ["e-1", "e-3"]
    with world.store.read() as connection:
        assert rows.events_after(connection, 0, 10) == []


def test_an_event_that_cannot_be_matched_holds_up_no_other(world: RulesWorld, caplog: pytest.LogCaptureFixture) -> None:
    world.rule("all", queue_target("all"), pattern='{"source":["app"]}')
    events = [{"id": str(number), "source": "app", "detail": {"said": said}} for number, said in enumerate(("fine", "\ud800", "fine"))]
    world.intake.take([NewEvent(bus_arn=BUS.arn, event=event) for event in events])
    world.settle()
    assert [json.loads(text)["detail"]["said"] for text in world.endpoint.texts(queue("jobs"))] == ["fine", "\ud800", "fine"]
    world.inbox._rules.matching = lambda *_: 1 / 0  # type: ignore[method-assign, assignment, return-value]
    world.intake.take([NewEvent(bus_arn=BUS.arn, event=events[0])])
    world.follow()
    assert "cannot be matched" in caplog.text
    assert not world.inbox.step()


def test_records_that_are_gone_are_passed_over(world: RulesWorld, caplog: pytest.LogCaptureFixture) -> None:
    world.rule("users", queue_target("users"))
    for _ in range(5):
        world.happens("CreateUser")
    world.journal.trimmed = 3
    world.settle()
    assert len(names(world)) == 2
    assert "1 to 3" in caplog.text


def test_one_commit_for_many_records_that_match_nothing(world: RulesWorld) -> None:
    for _ in range(3):
        world.happens("CreateUser")
    assert world.following.step()
    assert world.following.position == 0
    assert not world.following.step()
    assert world.following.position == 3


@pytest.mark.parametrize("place", ["promise", "match", "position", "commit"])
def test_dying_anywhere_loses_nothing_and_doubles_nothing(world: RulesWorld, place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    world.rule("users", queue_target("users"))
    for number in range(4):
        world.happens(f"Call{number}")

    def die(*_: Any, **__: Any) -> None:
        raise Died

    with monkeypatch.context() as patch:
        match place:
            case "promise":
                patch.setattr(world.following, "_promise", die)
            case "match":
                patch.setattr("opentrail.rules.following.outbox.put", die)
            case "position":
                patch.setattr(world.following._positions, "save", die)
            case "commit":
                patch.setattr(world.following, "_wake", die)
        with pytest.raises(Died):
            world.follow()
    world.restart()
    world.settle()
    assert names(world) == [f"Call{number}" for number in range(4)]


@pytest.mark.parametrize("place", ["outbox.put", "rows.forget_events"])
def test_dying_while_a_bus_is_followed(world: RulesWorld, place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    world.rule("new", queue_target("new"), pattern='{"detail-type":["Order"]}')
    world.intake.take([NewEvent(bus_arn=BUS.arn, event=put_event("Order", f"e-{number}")) for number in range(3)])

    def die(*_: Any) -> None:
        raise Died

    with monkeypatch.context() as patch:
        patch.setattr(f"opentrail.rules.following.{place}", die)
        with pytest.raises(Died):
            world.follow()
    world.restart()
    world.settle()
    assert world.endpoint.ids(queue("jobs")) == ["e-0", "e-1", "e-2"]


def test_ten_thousand_rules(world: RulesWorld) -> None:
    many = [
        {
            "arn": BUS.rule_arn(f"r{number}"),
            "bus_arn": BUS.arn,
            "account_id": ACCOUNT,
            "region": REGION,
            "bus": "default",
            "name": f"r{number}",
            "pattern": json.dumps({"detail": {"requestParameters": {"number": [number]}}}),
            "state": "ENABLED",
            "created_by": ACCOUNT,
            "created": 0.0,
            "tags": {},
        }
        for number in range(10_000)
    ]
    places = [
        {
            "rule_arn": rule["arn"],
            "target_id": "t",
            "bus_arn": BUS.arn,
            "arn": queue("jobs"),
            "attempts": 185,
            "max_age": 86_400,
            "retry_given": False,
            "created": 0.0,
        }
        for rule in many
    ]
    with world.store.write() as connection:
        connection.execute(insert(store.rules), many)
        connection.execute(insert(store.targets), places)
        spans.adopt(connection)
    for _ in range(50):
        world.happens("CreateUser")
    world.settle()
    numbers = [json.loads(text)["detail"]["requestParameters"]["number"] for text in world.endpoint.texts(queue("jobs"))]
    assert sorted(numbers) == list(range(1, 51))


def put_event(detail_type: str, event_id: str) -> dict[str, Any]:
    return {
        "version": "0",
        "id": event_id,
        "detail-type": detail_type,
        "source": "shop",
        "account": ACCOUNT,
        "time": "2026-01-05T10:11:12Z",
        "region": REGION,
        "resources": [],
        "detail": {},
    }


def test_while_there_is_no_rule_calls_are_passed_by_unread_and_the_first_rule_gets_what_comes_then(
    world: RulesWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.happens("Before")
    world.settle()
    reads: list[int] = []
    read = world.journal.read

    def noted(after: int, limit: int) -> Sequence[Entry]:
        reads.append(after)
        return read(after, limit)

    monkeypatch.setattr(world.journal, "read", noted)
    world.happens("Unwatched")
    world.settle()
    assert 1 not in reads
    assert world.following.position == 2
    world.rule("users", queue_target("users"))
    world.happens("CreateUser")
    world.settle()
    assert names(world) == ["CreateUser"]
    assert world.following.position == 3
