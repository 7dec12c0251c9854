"""Which events are kept (PutLogEvents), and that they are."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opentrail.monitoring.faults import InvalidParameterException, ResourceNotFoundException
from opentrail.monitoring.logs.accepting import AHEAD, BEHIND, DAY, MOST_BYTES, MOST_EVENTS, SPAN, accept
from simulators.log_groups import HERE, LogHouse

NOW = 1_767_607_872_000


def events(*offsets: int) -> list[dict[str, object]]:
    return [{"timestamp": NOW + offset, "message": str(offset)} for offset in offsets]


def test_what_is_too_old_or_too_new_is_left_out_and_the_rest_kept() -> None:
    found = accept(events(-BEHIND - 1, -BEHIND, -BEHIND + 1), NOW, None)
    assert found.rejected == {"tooOldLogEventEndIndex": 1}
    assert found.batch is not None
    assert [message for _, message in found.batch.events] == [str(-BEHIND), str(-BEHIND + 1)]
    found = accept(events(0, AHEAD, AHEAD + 1), NOW, None)
    assert found.rejected == {"tooNewLogEventStartIndex": 2}
    assert found.batch is not None
    assert len(found.batch.events) == 2


def test_what_is_past_the_retention_has_expired() -> None:
    found = accept(events(-BEHIND - 5, -DAY - 1, -DAY, 0), NOW, 1)
    assert found.rejected == {"tooOldLogEventEndIndex": 1, "expiredLogEventEndIndex": 2}
    assert found.batch is not None
    assert [message for _, message in found.batch.events] == [str(-DAY), "0"]


def test_nothing_may_be_left() -> None:
    found = accept(events(AHEAD + 1), NOW, None)
    assert (found.batch, found.rejected) == (None, {"tooNewLogEventStartIndex": 0})


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (events(1, 0), "chronological"),
        (events(-SPAN - 1, 0), "24 hours"),
        (events(*([0] * (MOST_EVENTS + 1))), "10000"),
        ([{"timestamp": NOW, "message": "x" * (MOST_BYTES - 25)}], "Log event too large"),
        (
            [{"timestamp": NOW, "message": "ü" * (MOST_BYTES // 4)}, {"timestamp": NOW, "message": "ü" * (MOST_BYTES // 4)}],
            "Upload too large",
        ),
        ([{"timestamp": NOW, "message": ""}], "length"),
        ([{"timestamp": -1, "message": "x"}], "1970"),
        ([], "length"),
        ([{"timestamp": NOW, "message": "x"}, {"timestamp": NOW}], "logEvents.2.member.message"),
        ([{"timestamp": NOW, "message": "x"}, {"message": "x"}], "logEvents.2.member.timestamp"),
    ],
)
def test_what_cannot_be_put_at_all(given: list[dict[str, object]], said: str) -> None:
    with pytest.raises(InvalidParameterException, match=said):
        accept(given, NOW, None)


def test_a_batch_of_exactly_the_limit_is_taken() -> None:
    found = accept([{"timestamp": NOW, "message": "x" * (MOST_BYTES - 26)}], NOW, None)
    assert found.batch is not None
    assert found.batch.bytes == MOST_BYTES


@given(st.lists(st.integers(-2 * BEHIND, 2 * AHEAD), min_size=1), st.sampled_from([None, 1, 3, 14, 30]))
def test_every_event_is_kept_or_told_of(offsets: list[int], retention: int | None) -> None:
    offsets.sort()
    try:
        found = accept(events(*offsets), NOW, retention)
    except InvalidParameterException:
        return
    begin = max(found.rejected.get("tooOldLogEventEndIndex", 0), found.rejected.get("expiredLogEventEndIndex", 0))
    end = found.rejected.get("tooNewLogEventStartIndex", len(offsets))
    kept = [] if found.batch is None else [message for _, message in found.batch.events]
    assert kept == [str(offset) for offset in offsets[begin:end]]
    least = -BEHIND if retention is None else max(-BEHIND, -retention * DAY)
    assert kept == [str(offset) for offset in offsets if least <= offset <= AHEAD]


def test_what_was_put_survives_a_restart(house: LogHouse) -> None:
    house.group()
    assert house.put([(0, "one"), (1, "two")]) == {}
    assert house.reopened().all() == ["one", "two"]


def test_many_at_once_are_all_kept_in_few_commits(house: LogHouse) -> None:
    house.group("g", *(f"s{number}" for number in range(8)))

    def work(stream: str) -> None:
        for number in range(20):
            house.put([(number, f"{stream}-{number}")], stream=stream)

    threads = [threading.Thread(target=work, args=(f"s{number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(house.all()) == sorted(f"s{stream}-{number}" for stream in range(8) for number in range(20))


def test_one_without_a_stream_is_told_alone(house: LogHouse) -> None:
    with pytest.raises(ResourceNotFoundException, match="log group"):
        house.put([(0, "x")])
    house.group()
    with pytest.raises(ResourceNotFoundException, match="log stream"):
        house.put([(0, "x")], stream="none")
    house.logs.control.delete_group(*HERE, "g")
    with pytest.raises(ResourceNotFoundException, match="log group"):
        house.put([(0, "x")])
