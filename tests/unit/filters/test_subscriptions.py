"""Subscription filters at work: what is delivered, in which order, and what becomes of it when a destination is out of reach."""

from __future__ import annotations

from typing import Any

import pytest

from opentrail.monitoring.faults import AccessDeniedException, InvalidParameterException
from opentrail.monitoring.filters.delivering import ENOUGH, GIVE_UP, LONGEST_PAUSE, LONGEST_REST
from opentrail.monitoring.filters.destinations import MOST_BYTES
from opentrail.monitoring.filters.subscribing import GATHER
from opentrail.monitoring.neighbours import Throttled, TooLarge
from simulators.filtered_logs import ACCOUNT, GROUP, KINESIS, LAMBDA, NOW, REGION, ROLE, FilteredLogs
from simulators.full_disk import full_disk


def test_the_control_message_comes_first_then_what_matches(house: FilteredLogs) -> None:
    house.put("ERROR before")
    house.subscription("ERROR")
    house.put("ERROR 1", "fine", "ERROR 2")
    house.deliver()
    (_, control), (_, data) = house.destinations.taken
    assert control["messageType"] == "CONTROL_MESSAGE"
    assert control["logEvents"][0]["message"] == "CWL CONTROL MESSAGE: Checking health of destination Lambda function."
    events = data.pop("logEvents")
    assert data == {
        "messageType": "DATA_MESSAGE",
        "owner": ACCOUNT,
        "logGroup": GROUP,
        "logStream": "s",
        "subscriptionFilters": ["s"],
    }
    assert [(one["timestamp"], one["message"]) for one in events] == [(NOW * 1000, "ERROR 1"), (NOW * 1000, "ERROR 2")]
    assert all(set(one) == {"id", "timestamp", "message"} for one in events)


def test_much_goes_in_several_payloads(house: FilteredLogs) -> None:
    house.subscription("")
    house.put(*("x" * 50_000 for _ in range(10)))
    house.deliver()
    sizes = [sum(len(event["message"]) for event in one["logEvents"]) for _, one in house.destinations.taken[1:]]
    assert len(sizes) > 1
    assert max(sizes) <= MOST_BYTES
    assert sum(sizes) == 500_000


def test_in_order_with_a_pause_that_grows(house: FilteredLogs) -> None:
    house.subscription("")
    for number in range(3):
        house.put(str(number))
    house.destinations.trouble[LAMBDA] = ConnectionError()
    house.deliver()
    house.clock.advance(1)
    house.deliver()  # the second attempt; the third is due after two seconds
    del house.destinations.trouble[LAMBDA]
    house.clock.advance(1)
    house.deliver()
    assert house.destinations.messages(LAMBDA) == []
    house.clock.advance(1)
    house.deliver()
    assert house.destinations.messages(LAMBDA) == ["0", "1", "2"]


def test_one_out_of_reach_delays_no_other_and_no_metric(house: FilteredLogs) -> None:
    house.metric_filter("")
    house.subscription("", name="a")
    house.subscription("", KINESIS, name="b", roleArn=ROLE)
    house.destinations.trouble[LAMBDA] = ConnectionError()
    house.put("1")
    house.deliver()
    assert house.destinations.messages(KINESIS) == ["1"]
    assert [one["sum"] for one in house.follow()] == [1.0]


def test_after_a_restart_it_goes_on(house: FilteredLogs) -> None:
    house.subscription("")
    house.put("1")
    house.destinations.trouble[LAMBDA] = ConnectionError()
    house.deliver()
    house.restart()
    del house.destinations.trouble[LAMBDA]
    house.put("2")
    house.clock.advance(2)
    house.deliver()
    assert house.destinations.messages(LAMBDA) == ["1", "2"]


def test_a_clock_that_goes_back_far_makes_nothing_wait(house: FilteredLogs) -> None:
    house.subscription("")
    house.put("1")
    house.destinations.trouble[LAMBDA] = ConnectionError()
    house.deliver()
    house.clock.at -= 5 * 3600
    del house.destinations.trouble[LAMBDA]
    house.put("2")
    house.clock.advance(5)
    house.deliver()
    assert house.destinations.messages(LAMBDA) == ["1", "2"]


def test_a_destination_in_unexpected_trouble_is_left_alone_for_a_while(house: FilteredLogs) -> None:
    house.subscription("")
    house.put("1")
    tried = []

    def deliver(**given: Any) -> None:
        tried.append(given)
        raise RuntimeError("nobody thought of this")

    plain, house.destinations.deliver = house.destinations.deliver, deliver  # type: ignore[method-assign]
    house.deliver()
    for _ in range(100):
        house.clock.advance(0.1)
        house.delivering.step()
    assert len(tried) == 3  # at once, after 2 seconds, after 4 more
    house.destinations.deliver = plain  # type: ignore[method-assign]
    house.clock.advance(10)
    house.deliver()
    assert house.destinations.messages(LAMBDA) == ["1"]


def attempts(house: FilteredLogs, count: int) -> None:
    """Let so many attempts be due."""
    for _ in range(count):
        house.clock.advance(LONGEST_PAUSE)
        house.deliver()


@pytest.mark.parametrize("trouble", [AccessDeniedException("no"), ConnectionError(), Throttled("slow down")])
def test_given_up_after_a_day(house: FilteredLogs, trouble: Exception, caplog: pytest.LogCaptureFixture) -> None:
    house.subscription("")
    house.put("1")
    house.destinations.trouble[LAMBDA] = trouble
    house.deliver()
    house.put("2")
    attempts(house, ENOUGH)
    assert house.delivering.counts() == {
        "subscription_payloads_waiting": 2, "subscription_filters_failing": 1, "subscription_payloads_given_up": 0,
    }  # fmt: skip
    house.clock.advance(GIVE_UP)
    house.deliver()  # both are as old as that
    house.put("3")
    house.deliver()
    assert "given up" in caplog.text
    del house.destinations.trouble[LAMBDA]
    attempts(house, 1)
    assert house.destinations.messages(LAMBDA) == ["3"]
    assert house.delivering.counts() == {
        "subscription_payloads_waiting": 0, "subscription_filters_failing": 0, "subscription_payloads_given_up": 2,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("trouble", "name"),
    [
        (AccessDeniedException("no"), "DeliveryErrors"),
        (InvalidParameterException("gone"), "DeliveryErrors"),
        (ConnectionError(), "DeliveryErrors"),
        (Throttled("slow down"), "DeliveryThrottling"),
    ],
)
def test_a_destination_that_refuses_loses_nothing(house: FilteredLogs, trouble: Exception, name: str) -> None:
    house.subscription("")
    house.put("1")
    house.destinations.trouble[LAMBDA] = trouble
    house.deliver()
    assert house.told.names == [f"AWS/Logs/{name} {GROUP} s Lambda"]
    attempts(house, 5)
    assert house.delivering.counts()["subscription_filters_failing"] == 1
    house.restart()
    del house.destinations.trouble[LAMBDA]
    house.put("2")
    attempts(house, 1)
    assert house.destinations.messages(LAMBDA) == ["1", "2"]
    assert house.delivering.counts()["subscription_filters_failing"] == 0


def test_what_goes_out_is_measured(house: FilteredLogs) -> None:
    house.subscription("")
    house.put("1", "2", "3")
    house.deliver()
    house.put("4")
    house.deliver()
    assert house.told.values["ForwardedLogEvents"] == 4
    assert house.told.values["ForwardedBytes"] > 0
    assert set(house.told.names) == {f"AWS/Logs/{name} {GROUP} s Lambda" for name in ("ForwardedBytes", "ForwardedLogEvents")}


def test_what_is_too_large_holds_up_nothing(house: FilteredLogs) -> None:
    house.subscription("")
    house.put("1")
    house.destinations.trouble[LAMBDA] = TooLarge("413")
    house.deliver()
    del house.destinations.trouble[LAMBDA]
    house.put("2")
    house.deliver()
    assert house.destinations.messages(LAMBDA) == ["2"]
    assert house.delivering.counts()["subscription_payloads_given_up"] == 1


def test_what_waits_is_bounded(house: FilteredLogs, monkeypatch: pytest.MonkeyPatch) -> None:
    house.subscription("")
    house.destinations.trouble[LAMBDA] = ConnectionError()
    for number in range(10):
        house.put(str(number))
        house.deliver()
    monkeypatch.setattr("opentrail.monitoring.filters.delivering.MOST_WAITING", 1000)
    attempts(house, 1)
    del house.destinations.trouble[LAMBDA]
    attempts(house, 1)
    kept = house.destinations.messages(LAMBDA)
    assert 0 < len(kept) < 10
    assert kept == [str(number) for number in range(10 - len(kept), 10)]  # the newest, in order
    assert house.delivering.counts()["subscription_payloads_given_up"] == 10 - len(kept)


@pytest.mark.parametrize("jump", [-30 * 86_400.0, 30 * 86_400.0])
def test_a_clock_that_is_set_loses_nothing_and_delays_nothing(house: FilteredLogs, jump: float) -> None:
    house.subscription("")
    house.destinations.trouble[LAMBDA] = ConnectionError()
    house.put("1")
    house.deliver()
    house.clock.at += jump
    house.deliver()
    del house.destinations.trouble[LAMBDA]
    attempts(house, 2)
    assert house.destinations.messages(LAMBDA) == ["1"]


def payloads(house: FilteredLogs) -> list[tuple[str, list[str]]]:
    """Stream and messages of each payload that has come."""
    return [(one["logStream"], [event["message"] for event in one["logEvents"]]) for _, one in house.destinations.taken if one["logGroup"]]


def test_small_puts_to_a_stream_are_joined(house: FilteredLogs) -> None:
    house.subscription("")
    house.put("0")
    house.deliver()
    for number in range(1, 5):
        house.put(str(number))
        house.put(f"other {number}", stream="t")
        house.deliver(after=0)
    assert payloads(house) == [("s", ["0"])]  # the first came at once, the others are gathered
    house.deliver(after=GATHER)
    assert payloads(house)[1:] == [("s", ["1", "2", "3", "4"]), ("t", ["other 1", "other 2", "other 3", "other 4"])]


def test_much_is_gathered_no_longer(house: FilteredLogs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("opentrail.monitoring.filters.subscribing.MOST_GATHERED", 10)
    house.subscription("")
    house.put("0")
    house.deliver()
    house.put("1")
    house.deliver(after=0)
    assert len(payloads(house)) == 1
    house.put("x" * 10)
    house.deliver(after=0)
    assert payloads(house)[1:] == [("s", ["1", "x" * 10])]


def test_what_is_gathered_outlives_the_process(house: FilteredLogs) -> None:
    house.subscription("")
    house.put("0")
    house.deliver()
    house.put("1")
    house.deliver(after=0)
    house.restart()
    house.put("2")
    house.deliver()
    assert house.destinations.messages(LAMBDA) == ["0", "1", "2"]


def test_what_a_replaced_filter_has_matched_is_still_delivered(house: FilteredLogs) -> None:
    house.subscription("")
    house.put("1")
    house.destinations.trouble[LAMBDA] = ConnectionError()
    house.deliver()
    del house.destinations.trouble[LAMBDA]
    house.subscription("", KINESIS, roleArn=ROLE)
    house.put("2")
    house.deliver()
    house.clock.advance(10)
    house.deliver()
    assert house.destinations.messages(LAMBDA) == ["1"]
    assert house.destinations.messages(KINESIS) == ["2"]


def test_nothing_goes_out_for_a_group_that_is_gone(house: FilteredLogs) -> None:
    house.subscription("")
    house.put("1")
    house.destinations.trouble[LAMBDA] = ConnectionError()
    house.deliver()
    del house.destinations.trouble[LAMBDA]
    house.logs.control.delete_group(ACCOUNT, REGION, GROUP)
    house.clock.advance(10)
    house.deliver()
    house.deliver()
    assert house.destinations.messages(LAMBDA) == []
    assert house.database.first("SELECT count(*) FROM subscription_deliveries", ()) == (0,)
    assert house.database.first("SELECT count(*) FROM subscription_filters", ()) == (0,)


def test_a_full_disk_makes_no_storm_of_payloads(house: FilteredLogs, caplog: pytest.LogCaptureFixture) -> None:
    house.subscription("")
    house.put("one")
    taken = len(house.destinations.taken)
    with full_disk(house.database, "DELETE FROM subscription_deliveries"):
        for _ in range(300):
            while house.subscribing.step():
                pass
            house.delivering.step()
            house.clock.elapsed += 0.1
    assert 1 < len(house.destinations.taken) - taken < 10
    assert "No space left" in (house.delivering.ails() or "")
    assert "it is made again" in caplog.text
    house.clock.elapsed += 60.0
    house.deliver()
    assert house.delivering.ails() is None
    assert house.delivering.rest() == LONGEST_REST
