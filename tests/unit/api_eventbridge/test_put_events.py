"""PutEvents: what becomes an event, and what is said of the rest."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest

from opentrail.rules import rows
from opentrail.rules.intake import Intake
from opentrail.rules.names import BusName
from opentrail.rules.values import NewEvent
from simulators.event_callers import ARN, EventCaller, EventHouse
from simulators.kms import ACCOUNT, REGION

BUS = f"{ARN}:event-bus/default"


def test_an_entry_becomes_the_event_that_rules_see(root: EventCaller, house: EventHouse) -> None:
    time = datetime(2026, 1, 5, 10, 11, 12, tzinfo=UTC)
    first, second = root.put({"Time": time, "Resources": ["arn:x"], "Detail": '{"a": [1.5, "é"]}'}, {})
    one, two = house.events()
    assert one.event == {
        "version": "0", "id": first["EventId"], "detail-type": "t", "source": "app", "account": ACCOUNT, "time": "2026-01-05T10:11:12Z",
        "region": REGION, "resources": ["arn:x"], "detail": {"a": [1.5, "é"]},
    }  # fmt: skip
    assert (one.bus_arn, two.event_id, two.event["resources"]) == (BUS, second["EventId"], [])
    assert one.position < two.position


@pytest.mark.parametrize(
    ("entry", "code", "said"),
    [
        ({"Source": ""}, "InvalidArgument", "Parameter Source is not valid. Reason: Source is a required argument."),
        ({"DetailType": None}, "InvalidArgument", "Parameter DetailType is not valid. Reason: DetailType is a required argument."),
        ({"Detail": None}, "InvalidArgument", "Parameter Detail is not valid. Reason: Detail is a required argument."),
        ({"Detail": "{"}, "MalformedDetail", "Detail is malformed."),
        ({"Detail": "[]"}, "MalformedDetail", "Detail is malformed."),
        ({"Detail": '{"a": NaN}'}, "MalformedDetail", "Detail is malformed."),
        ({"Detail": '{"a": 1e400}'}, "MalformedDetail", "Detail is malformed."),
        ({"Detail": '{"a": "\\ud800"}'}, "MalformedDetail", "Detail is malformed."),
        ({"Detail": '{"a":' * 300 + "1" + "}" * 300}, "MalformedDetail", "Detail is malformed."),
        ({"Detail": "[" * 100_000}, "MalformedDetail", "Detail is malformed."),
        ({"Source": "aws.s3"}, "NotAuthorizedForSourceException", "Not authorized for the source."),
        ({"EventBusName": "absent"}, "InvalidArgument", "Event bus absent does not exist."),
        ({"EventBusName": f"arn:aws:events:eu-west-3:{ACCOUNT}:event-bus/default"}, "InvalidArgument", "eu-west-3"),
    ],
)
def test_one_bad_entry_is_told_and_the_others_are_taken(
    entry: dict[str, Any], code: str, said: str, root: EventCaller, house: EventHouse
) -> None:
    before, bad, after = root.put({}, entry, {})
    assert bad["ErrorCode"] == code
    assert said in bad["ErrorMessage"]
    assert [event.event_id for event in house.events()] == [before["EventId"], after["EventId"]]


def test_how_much_one_request_can_hold(root: EventCaller, house: EventHouse) -> None:
    entry = {"Source": "app", "DetailType": "t", "Detail": "{}"}
    assert "equal to 10" in root.refused("ValidationException", "PutEvents", Entries=[entry] * 11)
    assert "equal to 1" in root.refused("ValidationException", "PutEvents", Entries=[])
    rest = len("app") + len("t") + len('{"a":""}')
    most = {"Detail": '{"a":"' + "x" * (256 * 1024 - rest) + '"}'}
    root.put(most)
    over = [{**entry, **most, "Time": datetime.now(UTC)}]
    assert "over the limit" in root.refused("ValidationException", "PutEvents", Entries=over)
    assert "global endpoints" in root.refused("ValidationException", "PutEvents", Entries=[entry], EndpointId="abc.xyz")
    assert len(house.events()) == 1


def test_positions_rise_also_when_the_newest_event_is_forgotten(root: EventCaller, house: EventHouse) -> None:
    root.put({}, {})
    newest = house.events()[-1].position
    with house.buses.store.add() as connection:
        rows.forget_events(connection, newest)
    assert (house.events(), house.buses.store.newest_event()) == ([], newest)
    root.put({})
    assert house.events()[-1].position > newest


def test_an_event_of_a_service_counts_once_while_it_is_on_its_way(house: EventHouse) -> None:
    event = {"id": "alarm-1", "source": "aws.cloudwatch", "detail-type": "CloudWatch Alarm State Change"}
    for _ in range(2):
        house.buses.intake.put(account_id=ACCOUNT, region=REGION, event=event)
    house.buses.intake.put(account_id=ACCOUNT, region="eu-west-3", event=event)
    assert [(one.event_id, one.bus_arn) for one in house.events()] == [
        ("alarm-1", BUS), ("alarm-1", f"arn:aws:events:eu-west-3:{ACCOUNT}:event-bus/default"),
    ]  # fmt: skip


def test_many_put_at_once_and_nothing_is_lost(house: EventHouse) -> None:
    others = Intake(house.buses.store, house.clock)
    bus = BusName(region=REGION, account_id=ACCOUNT).arn

    def put(number: int) -> None:
        intake = others if number % 2 else house.buses.intake
        intake.take([NewEvent(bus_arn=bus, event={"id": f"{number}-{part}"}) for part in range(3)])

    with ThreadPoolExecutor(16) as threads:
        list(threads.map(put, range(100)))
    found = [event.event_id for event in house.events()]
    assert sorted(found) == sorted(f"{number}-{part}" for number in range(100) for part in range(3))
    for number in range(100):  # what came together is together
        at = found.index(f"{number}-0")
        assert found[at : at + 3] == [f"{number}-{part}" for part in range(3)]


def test_whoever_puts_when_it_cannot_be_written_is_told(house: EventHouse) -> None:
    bus = BusName(region=REGION, account_id=ACCOUNT).arn
    with pytest.raises(TypeError):
        house.buses.intake.take([NewEvent(bus_arn=bus, event={"id": "1"}), NewEvent(bus_arn=bus, event={"id": "2", "x": object()})])
    assert house.events() == []
    house.buses.intake.take([NewEvent(bus_arn=bus, event={"id": "1"})])
    assert [event.event_id for event in house.events()] == ["1"]
