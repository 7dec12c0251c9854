"""Events of applications in the event store: kept like management events, never among them."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from opentrail.events.activity import deed
from opentrail.eventstore import EventStore, Question
from opentrail.eventstore.columns import Undecodable, extract
from simulators.event_journal import ACCOUNT, REGION, EventJournal, made

CATEGORY = "ActivityAuditLog"
CHANNEL = "arn:aws:cloudtrail:us-east-1:123456789012:channel/00000000-0000-4000-8000-000000000001"


def activity(number: int, **members: object) -> bytes:
    record = json.loads(made(number, eventCategory=CATEGORY, eventType="ActivityLog"))
    for name in ("userIdentity", "eventSource", "eventName", "requestParameters", "readOnly", "managementEvent"):
        del record[name]
    record["metadata"] = {"channelARN": CHANNEL}
    record["eventData"] = {
        "UID": f"uid-{number}",
        "userIdentity": {"type": "User", "principalId": "ana"},
        "eventSource": "orders.example.com",
        "eventName": "GET /orders/{id}",
        "requestParameters": {"resource": f"/orders/{number}"},
        "errorCode": "NotFound",
        **members,
    }
    return json.dumps(record).encode()


def test_what_an_application_said_is_found_by() -> None:
    event = extract(1, activity(7))
    assert (event.event_source, event.event_name, event.username) == ("orders.example.com", "GET /orders/{id}", "ana")
    assert (event.error_code, event.resources, event.category) == ("NotFound", (("", "/orders/7"),), CATEGORY)


@pytest.mark.parametrize("parameters", [None, "x", [], {"resource": 7}, {"resource": ["a"]}, {}])
def test_parameters_of_any_shape_are_no_hindrance(parameters: object) -> None:
    assert extract(1, activity(7, requestParameters=parameters)).resources == ()


def test_event_data_that_is_none_is_set_aside() -> None:
    with pytest.raises(Undecodable):
        extract(1, activity(1, userIdentity=7))


def test_they_are_kept_and_found_apart_from_management_events(opened: Callable[..., EventStore], journal: EventJournal) -> None:
    journal.append(made(1), activity(2), made(3), activity(4))
    store = opened()
    store.catch_up()

    def found(category: str) -> list[str]:
        return [event.event_id for event in store.find(Question(account_id=ACCOUNT, region=REGION, category=category))]

    assert found(CATEGORY) == ["event-4", "event-2"]
    assert found("Management") == ["event-3", "event-1"]
    store.commit()
    store = opened()
    assert found(CATEGORY) == ["event-4", "event-2"]


def test_the_newest_ids_are_told_from_memory_and_files(opened: Callable[..., EventStore], journal: EventJournal) -> None:
    store = opened()
    assert store.newest_ids(CATEGORY, 10) == []
    journal.append(*[activity(number, age=number) for number in range(4)], made(9))
    store.catch_up()
    store.commit()
    journal.append(activity(4), made(10), activity(5))
    store.catch_up()
    assert store.newest_ids(CATEGORY, 10) == [f"event-{number}" for number in (5, 4, 3, 2, 1, 0)]
    assert store.newest_ids(CATEGORY, 3) == ["event-5", "event-4", "event-3"]


def test_the_newest_deeds_are_told_from_memory_and_files(opened: Callable[..., EventStore], journal: EventJournal) -> None:
    store = opened()
    assert store.newest_activity(10) == []
    journal.append(*[activity(number, age=number) for number in range(4)], made(9))
    store.catch_up()
    store.commit()
    journal.append(activity(4, UID="uid-2"), made(10), activity(5))
    store.catch_up()
    found = store.newest_activity(10)
    assert [event_id for event_id, _ in found] == [f"event-{number}" for number in (5, 4, 3, 2, 1, 0)]
    deeds = dict(found)
    assert deeds["event-4"] == deeds["event-2"] == f"{deed(CHANNEL, 'uid-2'):032x}"
    assert len(set(deeds.values())) == 5
    assert [event_id for event_id, _ in store.newest_activity(3)] == ["event-5", "event-4", "event-3"]
