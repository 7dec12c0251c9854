"""How often each call was made, by minute: the same from the tail, from cold files, and while some is in both."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from opentrail.clock import ManualClock
from opentrail.eventstore import EventStore
from simulators.event_journal import ACCOUNT, DAY, NOW, REGION, EventJournal, made

Opened = Callable[..., EventStore]
MINUTE = NOW // 60


def call(number: int, age: int, **members: Any) -> Any:
    return made(number, age=age, **{"readOnly": False, "eventType": "AwsApiCall", "eventCategory": "Management", **members})


def told(store: EventStore, start: int = NOW - 90 * DAY, end: int = NOW + 60) -> list[tuple[object, ...]]:
    return sorted(
        (found.event_name, found.error_code, found.read_only, list(zip(found.minutes, found.counts, strict=True)))
        for found in store.calls(start, end)
    )


def test_calls_are_told_by_kind_and_minute_wherever_they_lie(opened: Opened, journal: EventJournal) -> None:
    store = opened()
    journal.append(
        *(call(number, 3600 + number, eventName="Put") for number in range(3)),
        call(10, 3600, eventName="Get", readOnly=True),
        call(11, 3600, eventName="Get", readOnly=True, errorCode="AccessDenied"),
        call(12, 3600, eventName="Rotate", eventType="AwsServiceEvent"),
        call(13, 10 * DAY, eventName="Put"),
    )
    store.catch_up()
    hot = told(store)
    hours = store.call_sizes(0, NOW + 60)
    assert store.commit()
    assert told(store) == hot
    assert store.call_sizes(0, NOW + 60) == hours
    names = {row[0] for row in hot}
    assert names == {"Put", "Get"}
    (put,) = [row[3] for row in hot if row[0] == "Put"]
    assert isinstance(put, list)
    assert sum(count for _, count in put) == 4
    assert put == sorted(put)
    assert [row[1] for row in hot if row[0] == "Get"] == ["AccessDenied"]
    assert sum(size for _, size in hours) == sum(len(row[3]) for row in hot)  # type: ignore[arg-type, misc]
    journal.append(call(20, 3600, eventName="Put"))
    store.catch_up()
    (put,) = [row[3] for row in told(store) if row[0] == "Put"]
    assert isinstance(put, list)
    assert sum(count for _, count in put) == 5, "tail and cold files together"


def test_only_what_is_asked_for_and_within_the_retention_is_told(opened: Opened, journal: EventJournal, clock: ManualClock) -> None:
    store = opened(retention=30.0)
    journal.append(call(1, 31 * DAY), call(2, 2 * DAY), call(3, 0))
    store.catch_up()
    for _ in range(2):
        assert sum(sum(found.counts) for found in store.calls(0, NOW + 1)) == 2
        assert sum(sum(found.counts) for found in store.calls(NOW - 2 * DAY, NOW)) == 1
        assert store.calls(NOW + 1, NOW + DAY) == []
        (found,) = store.calls(NOW, NOW + 1)
        assert (found.account_id, found.region, found.minutes) == (ACCOUNT, REGION, [MINUTE])
        store.commit()


def test_an_empty_store_tells_nothing(opened: Opened) -> None:
    store = opened()
    assert store.calls(0, NOW) == []
    assert store.call_sizes(0, NOW) == []
