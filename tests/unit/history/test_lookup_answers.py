"""Pages of events as LookupEvents prints them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.validate import ParamValidator

from opentrail.api.call import Call
from opentrail.api.cloudtrail.history import History
from opentrail.clock import ManualClock
from opentrail.eventstore import EventStore, EventStoreSettings
from opentrail.history import Lookup, answer
from opentrail.history.faults import InvalidNextTokenException
from opentrail.identity.principals import Principal
from opentrail.wire.faults import ServiceUnavailable
from opentrail.wire.http import Request
from simulators.event_journal import ACCOUNT, NOW, REGION, EventJournal, expected, made

REAL = Path(__file__).resolve().parents[4] / "shared/data/delivered-log-files"
WHEN = datetime.fromtimestamp(NOW, UTC)


@pytest.fixture
def journal() -> EventJournal:
    return EventJournal()


@pytest.fixture
def store(tmp_path: Path, journal: EventJournal) -> Iterator[EventStore]:
    made_store = EventStore(tmp_path / "lake", journal, ManualClock(at=float(NOW)), EventStoreSettings(warm_events=30, compaction_files=2))
    made_store.open()
    yield made_store
    made_store.close()


def page(store: EventStore, at_least: int = 0, **parameters: Any) -> dict[str, Any]:
    return answer(store, Lookup.from_parameters(parameters, ACCOUNT, REGION, WHEN), at_least=at_least)


def pages(store: EventStore, between: Callable[[], object] = lambda: None, **parameters: Any) -> list[str]:
    """Ids of all pages."""
    found = page(store, **parameters)
    ids = [event["EventId"] for event in found["Events"]]
    while "NextToken" in found:
        between()
        found = page(store, NextToken=found["NextToken"], **parameters)
        ids += [event["EventId"] for event in found["Events"]]
    return ids


def test_an_event_is_printed_with_its_derived_members(store: EventStore, journal: EventJournal) -> None:
    record = made(1)
    journal.append(record)
    assert page(store, at_least=1) == {
        "Events": [
            {
                "EventId": "event-1",
                "EventName": "CreateUser",
                "ReadOnly": "false",
                "AccessKeyId": "AKIAEXAMPLEKEY000002",
                "EventTime": NOW,
                "EventSource": "iam.amazonaws.com",
                "Username": "ana",
                "Resources": [{"ResourceType": "AWS::IAM::User", "ResourceName": "user-1"}],
                "CloudTrailEvent": record.decode(),
            }
        ]
    }


def test_members_without_a_value_are_left_out(store: EventStore, journal: EventJournal) -> None:
    identity = {"type": "AWSService", "invokedBy": "rds.amazonaws.com"}
    journal.append(made(1, userIdentity=identity, readOnly=None, requestParameters=None, resources=[{"ARN": "arn:aws:x:r:1:thing"}]))
    [event] = page(store, at_least=1)["Events"]
    assert event.keys() == {"EventId", "EventName", "EventTime", "EventSource", "Resources", "CloudTrailEvent"}
    assert event["Resources"] == [{"ResourceName": "arn:aws:x:r:1:thing"}, {"ResourceName": "thing"}]


def test_no_events_is_an_empty_page(store: EventStore) -> None:
    assert page(store) == {"Events": []}
    assert page(store, EventCategory="insight") == {"Events": []}


@pytest.mark.parametrize(("events", "size", "more"), [(4, 5, False), (5, 5, False), (6, 5, True), (50, 50, False), (51, 50, True)])
def test_there_is_a_token_only_when_there_is_more(store: EventStore, journal: EventJournal, events: int, size: int, more: bool) -> None:
    journal.append(*(made(number) for number in range(events)))
    found = page(store, at_least=events, MaxResults=size)
    assert len(found["Events"]) == min(events, size)
    assert ("NextToken" in found) is more


def test_pages_stay_the_same_while_everything_moves(store: EventStore, journal: EventJournal) -> None:
    journal.append(*(made(number, age=number // 4) for number in range(60)))
    store.catch_up()
    begun_with = expected(journal.records)
    steps = iter([store.commit, store.catch_up, store.commit, store.compact] * 10)

    def between() -> None:
        number = len(journal.records)
        journal.append(made(number, age=0), made(number + 1, age=7), made(number + 2, age=1000))
        store.catch_up()
        next(steps)()

    assert pages(store, between, MaxResults=7) == begun_with
    assert pages(store) == expected(journal.records)


def test_pages_with_an_attribute(store: EventStore, journal: EventJournal) -> None:
    journal.append(*(made(number, age=number % 9, eventName="CreateUser" if number % 3 else "DeleteUser") for number in range(90)))
    store.catch_up()
    store.commit()
    asked = [{"AttributeKey": "EventName", "AttributeValue": "DeleteUser"}]
    assert pages(store, LookupAttributes=asked, MaxResults=4) == expected(journal.records, lambda event: event["eventName"] == "DeleteUser")


def test_a_token_of_another_account_is_refused(store: EventStore, journal: EventJournal) -> None:
    journal.append(made(1), made(2))
    token = page(store, at_least=2, MaxResults=1)["NextToken"]
    with pytest.raises(InvalidNextTokenException):
        Lookup.from_parameters({"MaxResults": 1, "NextToken": token}, "444455556666", REGION, WHEN)


def test_rather_no_answer_than_one_that_lacks_events(store: EventStore, journal: EventJournal, monkeypatch: pytest.MonkeyPatch) -> None:
    journal.append(made(1), made(2))
    monkeypatch.setattr(store, "catch_up", lambda at_least, *, patience: False)
    with pytest.raises(ServiceUnavailable, match="2 records behind"):
        page(store, at_least=2)


def test_what_was_answered_before_is_found(store: EventStore, journal: EventJournal) -> None:
    """The whole way: the door asks over a wire of plain JSON, and names the journal's head."""
    wire: list[str] = []

    async def ask(name: str, question: Any) -> Any:
        wire.append(json.dumps(question))
        asked = json.loads(wire[-1])
        assert name == "lookup"
        return json.loads(json.dumps(answer(store, Lookup.from_dict(asked["lookup"]), at_least=asked["at_least"], secret=b"k")))

    history = History(ask, journal.head, secret=b"k")
    journal.append(*(made(number) for number in range(3)))
    first = asyncio.run(history.lookup_events(call({"MaxResults": 2})))
    assert isinstance(first, dict)
    assert [event["EventId"] for event in first["Events"]] == ["event-2", "event-1"]
    assert first["Events"][0]["EventTime"] == WHEN
    following = asyncio.run(history.lookup_events(call({"MaxResults": 2, "NextToken": first["NextToken"]})))
    assert isinstance(following, dict)
    assert [event["EventId"] for event in following["Events"]] == ["event-0"]
    shape = botocore.session.Session().get_service_model("cloudtrail").operation_model("LookupEvents").output_shape
    assert not ParamValidator().validate(first, shape).has_errors()
    assert list(history.operations) == ["LookupEvents"]


def call(parameters: dict[str, Any]) -> Call:
    return Call(
        service="cloudtrail",
        operation="LookupEvents",
        parameters=parameters,
        caller=Principal(type="Root", account_id=ACCOUNT),
        account_id=ACCOUNT,
        region=REGION,
        request_id="r",
        source_ip="127.0.0.1",
        user_agent="test",
        time=WHEN,
        secure=False,
        request=Request(method="POST", path="/"),
    )


@pytest.mark.skipif(not REAL.is_dir(), reason="the real log files are not beside this repository")
def test_real_records_are_paged_newest_first_and_found_by_their_names(tmp_path: Path) -> None:
    records = [record for path in sorted(REAL.glob("*.json")) for record in json.loads(path.read_text())["Records"]]
    journal = EventJournal([json.dumps(record, separators=(",", ":")).encode() for record in records])
    now = max(datetime.fromisoformat(record["eventTime"]) for record in records)
    store = EventStore(tmp_path / "lake", journal, ManualClock(at=now.timestamp()), EventStoreSettings(warm_events=100, retention=400.0))
    store.open()
    store.catch_up()
    store.commit()
    account, region = records[0]["recipientAccountId"], "us-east-1"

    def all_pages(**parameters: Any) -> list[dict[str, Any]]:
        events: list[dict[str, Any]] = []
        token: dict[str, str] = {}
        while True:
            asked = Lookup.from_parameters({**parameters, **token}, account, region, now)
            found = answer(store, asked)
            events += found["Events"]
            if "NextToken" not in found:
                return events
            token = {"NextToken": found["NextToken"]}

    ours = [record for record in records if (record["recipientAccountId"], record["awsRegion"]) == (account, region)]
    everything = all_pages()
    assert sorted(event["EventId"] for event in everything) == sorted(record["eventID"] for record in ours)
    times = [event["EventTime"] for event in everything]
    assert times == sorted(times, reverse=True)
    for key, value, count in (
        ("EventName", "AssumeRole", sum(record["eventName"] == "AssumeRole" for record in ours)),
        ("ReadOnly", "false", sum(record.get("readOnly") is False for record in ours)),
        ("EventSource", "kms.amazonaws.com", sum(record["eventSource"] == "kms.amazonaws.com" for record in ours)),
        ("EventId", ours[5]["eventID"], 1),
    ):
        assert len(all_pages(LookupAttributes=[{"AttributeKey": key, "AttributeValue": value}])) == count
    store.close()
