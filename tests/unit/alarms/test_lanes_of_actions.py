"""What an alarm sets off holds up nothing that another sets off, keeps its order, and is done once whatever dies."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from opentrail.monitoring.alarms.outbox import ActionOutbox
from opentrail.monitoring.alarms.transitions import EVENT, TOPIC
from opentrail.monitoring.lanes import AT_ONCE, FOR_SLOW, PER_PLACE, Lanes
from opentrail.rules import rows
from opentrail.rules.intake import Intake
from opentrail.rules.store import Store as RulesStore
from opentrail.rules.values import BusEvent
from opentrail.storage.database import Database
from simulators.alarms import ACCOUNT, ALARM, REGION, TOPIC_ARN, AlarmHouse, SimulatedTopics
from simulators.full_disk import full_disk


class Died(BaseException):
    """The process is gone."""


@pytest.fixture
def house(tmp_path: Path) -> AlarmHouse:
    return AlarmHouse(tmp_path)


class HangingTopics(SimulatedTopics):
    """Topics of which one hangs until it is let go."""

    def __init__(self, hanging: str) -> None:
        super().__init__()
        self.hanging = hanging
        self.let_go = threading.Event()
        self.hangs = threading.Event()
        self.news = threading.Condition()

    def publish(self, *, topic_arn: str, **told: Any) -> None:
        if topic_arn == self.hanging:
            self.hangs.set()
            assert self.let_go.wait(90)
        with self.news:
            super().publish(topic_arn=topic_arn, **told)
            self.news.notify_all()

    def wait(self, count: int) -> None:
        with self.news:
            assert self.news.wait_for(lambda: len(self.sent) >= count, 90)


def test_a_topic_that_hangs_delays_no_other_alarm(house: AlarmHouse) -> None:
    hanging = f"{TOPIC_ARN}-hanging"
    for number in range(30):
        house.alarms.put_metric_alarm({**_alarm(f"hangs-{number}"), "AlarmActions": [hanging]}, account_id=ACCOUNT, region=REGION)
        house.alarms.put_metric_alarm(_alarm(f"goes-{number}"), account_id=ACCOUNT, region=REGION)
    topics = HangingTopics(hanging)
    messages = ActionOutbox(house.alarms.store, house.clock, kind=TOPIC, topics=topics)
    house.put()
    house.evaluating.step()
    while house.evaluating.step():
        pass

    def work_until(done: Callable[[], bool]) -> None:
        while not done():
            messages.woken.clear()
            messages.step()
            if not done():
                assert messages.woken.wait(90)

    try:
        work_until(lambda: len(topics.sent) >= 30)
        assert topics.hangs.is_set()
        assert {one["topic"] for one in topics.sent} == {TOPIC_ARN}
        topics.let_go.set()
        work_until(lambda: len(topics.sent) >= 60)
    finally:
        topics.let_go.set()
        messages.close()
    assert sorted(one["message"]["AlarmName"] for one in topics.sent) == sorted(
        f"{what}-{number}" for what in ("hangs", "goes") for number in range(30)
    )


def test_one_alarm_tells_one_topic_in_order(house: AlarmHouse) -> None:
    house.alarm(OKActions=[TOPIC_ARN])
    states = ["ALARM", "OK", "ALARM", "OK"]
    house.topics.raising[TOPIC_ARN] = OSError("no route")
    for state in states:
        house.alarms.set_state(ACCOUNT, REGION, "root-usage", state=state, reason="", data=None)
        house.messages.step()
    assert house.topics.sent == []
    del house.topics.raising[TOPIC_ARN]
    house.clock.advance(600)
    house.messages.step()
    assert house.topics.states() == states


def test_a_full_disk_is_told_and_waited_out_and_nothing_is_told_twice(house: AlarmHouse, caplog: pytest.LogCaptureFixture) -> None:
    house.alarm()
    house.put()
    house.evaluating.step()
    attempts = 0
    with full_disk(house.database, "DELETE FROM alarm_actions"):
        for _ in range(100):
            attempts += house.messages.step()
            house.clock.elapsed += 1.0
    assert attempts < 10
    assert "No space left" in (house.messages.ails() or "")
    assert "carried out later" in caplog.text
    house.clock.elapsed += 60.0
    assert house.messages.step() == 1
    assert house.messages.ails() is None
    assert house.messages.step() == 0
    assert house.topics.states() == ["ALARM"]
    assert house.history("Action") == [f"Successfully executed action {TOPIC_ARN}"]


@pytest.fixture
def buses(tmp_path: Path) -> Iterator[RulesStore]:
    made = RulesStore(Database.at(tmp_path / "rules.db"))
    yield made
    made.database.close()


def test_who_dies_between_the_bus_and_the_note_puts_no_second_event(house: AlarmHouse, buses: RulesStore) -> None:
    def events() -> list[BusEvent]:
        with buses.read() as connection:
            return rows.events_after(connection, 0, 100)

    house.alarm()
    house.put()
    house.evaluating.step()
    outbox = ActionOutbox(house.alarms.store, house.clock, kind=EVENT, events=Intake(buses, house.clock), start=lambda call: call())

    def die(_connection: Any, _cursor: Any, statement: str, *_: object) -> None:
        if statement.startswith("DELETE FROM alarm_actions"):
            raise Died

    event.listen(house.database.engine, "before_cursor_execute", die)
    with pytest.raises(Died):
        outbox.step()
    event.remove(house.database.engine, "before_cursor_execute", die)
    (one,) = events()
    with buses.add() as connection:  # it goes to the rules meanwhile
        rows.forget_events(connection, one.position)
    again = ActionOutbox(house.alarms.store, house.clock, kind=EVENT, events=Intake(buses, house.clock), start=lambda call: call())
    assert again.step() == 1
    assert again.step() == 0
    assert events() == []


def test_lanes_leave_room_for_places_that_are_not_slow() -> None:
    lanes = Lanes()
    assert [lanes.take(f"a{number}", "a") for number in range(6)] == [True] * PER_PLACE + [False] * 2
    assert not lanes.take("a0", "b")
    lanes.give_back("a0")
    assert lanes.take("a0", "a")
    for number in range(AT_ONCE):
        lanes.give_back(f"a{number}")
        lanes.note(f"slow{number}", slow=True)
    assert [lanes.take(f"s{number}", f"slow{number}") for number in range(6)] == [True] * FOR_SLOW + [False] * 2
    assert [lanes.take(f"b{number}", f"b{number}") for number in range(6)] == [True] * (AT_ONCE - FOR_SLOW) + [False] * 2
    lanes.give_back("s0")
    lanes.note("slow5", slow=False)
    assert lanes.take("s5", "slow5")
    lanes.give_back("s1")
    lanes.note("slow0", slow=True)
    assert lanes.take("s0", "slow0")
    assert not lanes.take("s00", "slow0")


def _alarm(name: str) -> dict[str, Any]:
    return {**ALARM, "AlarmName": name}
