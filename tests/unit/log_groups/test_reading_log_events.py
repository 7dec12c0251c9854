"""Pages of events: whole, in order, once each, in either direction, however chunks overlap."""

from __future__ import annotations

from random import Random

import pytest

from opentrail.monitoring.faults import InvalidParameterException, ResourceNotFoundException
from opentrail.monitoring.logs import scanning
from opentrail.monitoring.logs.reading import Range
from simulators.log_groups import HERE, LogHouse


def filled(house: LogHouse, seed: int, chunks: int = 40) -> list[str]:
    """Chunks of three streams that overlap; returns the messages in order of time."""
    random = Random(seed)
    house.group("g", "a", "b", "c")
    made: list[tuple[int, int, str]] = []
    for chunk in range(chunks):
        stamps = sorted(random.randrange(-5000, 0) for _ in range(random.randrange(1, 9)))
        batch = [(stamp, f"{chunk}.{number}") for number, stamp in enumerate(stamps)]
        house.put(batch, stream=random.choice("abc"))
        made += [(stamp, chunk * 100 + number, message) for number, (stamp, message) in enumerate(batch)]
    return [message for _, _, message in sorted(made)]


@pytest.mark.parametrize("limit", [1, 3, 50, 10_000])
@pytest.mark.parametrize("newest_first", [False, True])
def test_pages_give_every_event_once_in_order(house: LogHouse, limit: int, newest_first: bool) -> None:
    expected = filled(house, seed=limit)
    assert house.all(limit=limit, newest_first=newest_first) == (expected[::-1] if newest_first else expected)


@pytest.mark.parametrize("newest_first", [False, True])
def test_a_page_may_end_before_it_is_full(house: LogHouse, newest_first: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Much is looked through and little found: empty pages carry on."""
    expected = filled(house, seed=7)
    monkeypatch.setattr(scanning, "MOST_SCANNED", 200)
    events, token = house.logs.reading.filter(*HERE, "g", Range(), pattern='"39."', from_head=not newest_first)
    assert len(events) < 9
    assert token is not None
    matching = [message for message in expected if "39." in message]
    assert house.all(pattern='"39."', newest_first=newest_first) == (matching[::-1] if newest_first else matching)


def test_a_page_has_a_megabyte_at_most(house: LogHouse) -> None:
    house.group()
    for number in range(3):
        house.put([(number, str(number) * 600_000)])
    events, token = house.logs.reading.filter(*HERE, "g", Range())
    assert len(events) == 1
    assert token is not None
    assert [message[0] for message in house.all()] == ["0", "1", "2"]


def test_get_walks_forward_and_back(house: LogHouse) -> None:
    house.group()
    house.put([(number, str(number)) for number in range(10)])

    def get(token: str | None = None, *, limit: int = 4, from_head: bool = False) -> tuple[str, str, str]:
        events, forward, backward = house.logs.reading.get(*HERE, "g", "s", Range(), token=token, limit=limit, from_head=from_head)
        return "".join(event.message for event in events), forward, backward

    shown, forward, backward = get()
    assert shown == "6789"  # the newest, when nothing else is said
    assert get(forward)[:2] == ("", forward)
    shown, forward, backward = get(backward)
    assert shown == "2345"
    assert get(forward)[0] == "6789"
    shown, _, first = get(backward)
    assert shown == "01"
    assert get(first)[0] == ""
    assert get(first)[2] == first
    assert get(from_head=True)[0] == "0123"
    house.put([(20, "!")])
    assert get(get(limit=3, from_head=True)[1], limit=100)[0] == "3456789!"


def test_whoever_waits_at_an_empty_stream_hears_what_comes(house: LogHouse) -> None:
    house.group()
    _, forward, _ = house.logs.reading.get(*HERE, "g", "s", Range(), token=None, limit=10, from_head=False)
    house.put([(-1000, "late")])
    events, _, _ = house.logs.reading.get(*HERE, "g", "s", Range(), token=forward, limit=10, from_head=False)
    assert [event.message for event in events] == ["late"]


def test_ranges_streams_and_patterns(house: LogHouse) -> None:
    house.group("g", "web-1", "web-2", "db")
    for number, stream in enumerate(("web-1", "web-2", "db")):
        house.put([(number, f"{stream} ERROR"), (number + 10, f"{stream} fine")], stream=stream)
    assert house.all(pattern="ERROR", prefix="web") == ["web-1 ERROR", "web-2 ERROR"]
    found, _ = house.logs.reading.filter(*HERE, "g", Range(start=house.now + 1, end=house.now + 11), streams=["web-2", "web-1"])
    assert [event.message for event in found] == ["web-2 ERROR", "web-1 fine"]
    with pytest.raises(ResourceNotFoundException):
        house.logs.reading.filter(*HERE, "g", Range(), streams=["none"])
    with pytest.raises(InvalidParameterException):
        house.logs.reading.filter(*HERE, "g", Range(), pattern="{ $.x = ")


def test_tokens_belong_to_their_question_and_end_after_a_day(house: LogHouse) -> None:
    filled(house, seed=1)
    _, token = house.logs.reading.filter(*HERE, "g", Range(), limit=5)
    assert token is not None
    with pytest.raises(InvalidParameterException, match="invalid"):
        house.logs.reading.filter(*HERE, "g", Range(), pattern="x", token=token)
    for nonsense in ("", "x", token[:-3], "f/1/2", "é"):
        with pytest.raises(InvalidParameterException, match="invalid"):
            house.logs.reading.filter(*HERE, "g", Range(), token=nonsense)
        with pytest.raises(InvalidParameterException, match="invalid"):
            house.logs.reading.get(*HERE, "g", "a", Range(), token=nonsense, limit=1, from_head=True)
    _, forward, _ = house.logs.reading.get(*HERE, "g", "a", Range(), token=None, limit=1, from_head=True)
    house.clock.advance(24 * 3600 + 2)
    with pytest.raises(InvalidParameterException, match="expired"):
        house.logs.reading.filter(*HERE, "g", Range(), token=token)
    with pytest.raises(InvalidParameterException, match="expired"):
        house.logs.reading.get(*HERE, "g", "a", Range(), token=forward, limit=1, from_head=True)


def test_followers_read_chunks_in_order_of_arrival(house: LogHouse) -> None:
    reader = house.logs.reader
    assert reader.newest() == 0
    house.group("g", "a", "b")
    house.put([(5, "first")], stream="b")
    house.put([(0, "second"), (1, "third")], stream="a")
    one, two = reader.chunks(0, 10)
    assert (one.log_group, one.log_stream, [event.message for event in one.events]) == ("g", "b", ["first"])
    assert [event.message for event in two.events] == ["second", "third"]
    assert (one.position, two.position) == (reader.newest() - 1, reader.newest())
    assert reader.chunks(one.position, 10) == [two]
    events = [*one.events, *two.events]
    assert [event.message for event in sorted(events, key=lambda event: event.event_id)] == ["second", "third", "first"]
