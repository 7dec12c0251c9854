"""Whatever happens between two questions (commits, compactions, restarts, late events), pages add up to what a plain list gives."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from opentrail.clock import ManualClock
from opentrail.eventstore import EventStore, EventStoreSettings, Question
from opentrail.eventstore.query import Attribute
from simulators.event_journal import ACCOUNT, DAY, NOW, REGION, EventJournal, expected, made

SETTINGS = EventStoreSettings(warm_events=12, compaction_files=3, read_batch=7)

EVENTS = st.lists(
    st.tuples(
        st.sampled_from([0, 0, 1, 2, 2, 3, 60, DAY, DAY + 1, 3 * DAY, 91 * DAY]),  # age
        st.sampled_from(["CreateUser", "DeleteUser"]),
        st.sampled_from(["ana", "bob"]),
        st.sampled_from([True, False, None]),
        st.sampled_from([REGION, REGION, "eu-west-1"]),
    ),
    max_size=25,
)
ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("append"), EVENTS),
        st.sampled_from([("commit", None), ("compact", None), ("restart", None), ("drop", None)]),
        st.tuples(st.just("page"), st.tuples(st.integers(0, 7), st.integers(1, 9))),
    ),
    min_size=4,
    max_size=14,
)
QUESTIONS: tuple[dict[str, Any], ...] = (
    {},
    {"start": NOW - 60, "end": NOW - 1},
    {"attribute": "event_name", "value": "DeleteUser"},
    {"attribute": "username", "value": "bob", "start": NOW - DAY},
    {"attribute": "read_only", "value": True},
    {"attribute": "resource_name", "value": "user-3"},
    {"attribute": "event_id", "value": "event-5"},
    {"attribute": "resource_type", "value": "AWS::IAM::User", "end": NOW - 2},
)


def _matches(question: dict[str, Any], event: dict[str, Any], age: int) -> bool:
    time = NOW - age
    fields: dict[Attribute, Any] = {
        "event_name": event["eventName"],
        "username": event["userIdentity"]["userName"],
        "read_only": event["readOnly"],
        "event_id": event["eventID"],
        "resource_name": event["requestParameters"]["userName"],
        "resource_type": "AWS::IAM::User",
    }
    return (
        event["awsRegion"] == REGION
        and age <= 90 * DAY
        and question.get("start", 0) <= time <= question.get("end", NOW)
        and ("attribute" not in question or fields[question["attribute"]] == question["value"])
    )


@given(actions=ACTIONS)
@settings(max_examples=15, deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow])
def test_pages_are_what_a_plain_list_gives(actions: list[tuple[str, Any]]) -> None:
    journal = EventJournal()
    ages: dict[str, int] = {}
    with tempfile.TemporaryDirectory() as folder:

        def opened() -> EventStore:
            store = EventStore(Path(folder), journal, ManualClock(at=float(NOW)), SETTINGS)
            store.open()
            store.catch_up()
            return store

        store = opened()
        listings: list[tuple[dict[str, Any], int, int, list[str], tuple[int, int] | None]] = []
        for action, detail in [*actions, ("restart", None), *(("page", (number, 5)) for number in range(len(QUESTIONS)))]:
            if action == "append":
                for age, name, user, read_only, region in detail:
                    number = len(journal.records)
                    ages[f"event-{number}"] = age
                    identity = {"type": "IAMUser", "userName": user}
                    journal.append(made(number, age=age, eventName=name, readOnly=read_only, awsRegion=region, userIdentity=identity))
                store.catch_up()
            elif action == "commit":
                store.commit()
            elif action == "compact":
                store.compact()
            elif action == "drop":
                store.drop_expired()
            elif action == "restart":
                store.close()
                store = opened()
            else:
                listings.append((QUESTIONS[detail[0]], detail[1], journal.head(), [], None))
            # Each listing that has begun goes on by one page: it must not mind what happened since.
            listings = [_one_page_on(store, listing) for listing in listings]
        for _ in range(400):
            if all(listing[4] == (0, 0) for listing in listings):
                break
            listings = [_one_page_on(store, listing) for listing in listings]
        store.close()
    for question, _, up_to, found, _ in listings:
        model = expected(
            journal.records[:up_to],
            lambda event, question=question: _matches(question, event, ages[event["eventID"]]),
        )
        assert found == model, json.dumps(question)


def _one_page_on(store: EventStore, listing: tuple[dict[str, Any], int, int, list[str], tuple[int, int] | None]) -> Any:
    question, limit, up_to, found, before = listing
    if before == (0, 0):
        return listing
    events = store.find(
        Question(account_id=ACCOUNT, region=REGION, category="Management", before=before, up_to=up_to, limit=limit, **question)
    )
    following = events[-1].key if len(events) == limit else (0, 0)
    return question, limit, up_to, [*found, *(event.event_id for event in events)], following
