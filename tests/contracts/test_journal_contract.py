"""What every journal promises, whatever it is stored in. Another store joins by adding its name to `STORES`."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import pytest

from opentrail.clock import ManualClock
from opentrail.config import JournalSettings
from opentrail.errors import JournalTrimmed, JournalUnavailable
from opentrail.journal import Journal, Reader, trim


class Store(Protocol):
    """One journal, as a store keeps it."""

    def open(self, floor: int = 0) -> Journal: ...

    def reader(self) -> Reader: ...

    def trim(self, before: int) -> int: ...


class SQLite:
    """The journal in a file."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "journal.db"

    def open(self, floor: int = 0) -> Journal:
        return Journal.open(self._path, settings=JournalSettings(min_free=0), clock=ManualClock(), floor=floor)

    def reader(self) -> Reader:
        return Reader(self._path)

    def trim(self, before: int) -> int:
        return trim(self._path, before)


STORES: dict[str, Callable[[Path], Store]] = {"sqlite": SQLite}


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return STORES[request.param](tmp_path)


@pytest.fixture
def journal(store: Store) -> Iterator[Journal]:
    opened = store.open()
    yield opened
    opened.close()


@pytest.fixture
def reader(store: Store) -> Iterator[Reader]:
    opened = store.reader()
    yield opened
    opened.close()


def append(journal: Journal, *records: bytes) -> int:
    return asyncio.run(journal.append(records))


def numbered(first: int, last: int) -> list[bytes]:
    return [b"record %d" % number for number in range(first, last + 1)]


def contents(reader: Reader, after: int = 0, limit: int = 10_000) -> list[tuple[int, bytes]]:
    return [(entry.position, entry.record) for entry in reader.read(after, limit)]


def test_a_reader_of_a_journal_that_nobody_made_yet_finds_nothing(reader: Reader) -> None:
    assert (reader.head(), reader.first(), reader.read(0, 10)) == (0, 1, [])


def test_a_reader_that_came_first_sees_what_is_appended_later(store: Store, reader: Reader) -> None:
    assert reader.head() == 0
    journal = store.open()
    append(journal, b"one")
    assert contents(reader) == [(1, b"one")]
    journal.close()


def test_positions_count_from_one(journal: Journal, reader: Reader) -> None:
    assert journal.head == 0
    assert append(journal, b"a") == 1
    assert append(journal, b"b", b"c") == 3
    assert journal.head == reader.head() == 3
    assert contents(reader) == [(1, b"a"), (2, b"b"), (3, b"c")]


def test_no_records_answer_the_head(journal: Journal) -> None:
    assert append(journal) == 0
    append(journal, b"a", b"b")
    assert append(journal) == 2


def test_what_was_answered_is_seen_by_a_reader_at_once(journal: Journal, reader: Reader) -> None:
    for number in range(1, 50):
        assert append(journal, b"%d" % number) == number
        assert reader.head() == number
        assert contents(reader, number - 1) == [(number, b"%d" % number)]


@pytest.mark.parametrize("size", [0, 1, 1000, 70_000, 3_000_000], ids="{} bytes".format)
def test_records_of_any_size_come_back_byte_for_byte(journal: Journal, reader: Reader, size: int) -> None:
    records = [bytes([fill]) * size for fill in range(3)]
    append(journal, *records)
    assert [record for _, record in contents(reader)] == records


def test_concurrent_callers_get_their_own_consecutive_positions(journal: Journal, reader: Reader) -> None:
    answers: dict[bytes, int] = {}

    async def caller(name: int) -> None:
        for turn in range(20):
            records = [b"%d/%d/%d" % (name, turn, index) for index in range(1 + (name + turn) % 3)]
            last = await journal.append(records)
            answers.update({record: last - len(records) + 1 + index for index, record in enumerate(records)})

    async def everybody() -> None:
        await asyncio.gather(*(caller(name) for name in range(30)))

    asyncio.run(everybody())
    kept = contents(reader)
    assert [position for position, _ in kept] == list(range(1, len(answers) + 1))
    assert {record: position for position, record in kept} == answers


def test_several_event_loops_share_a_journal(journal: Journal, reader: Reader) -> None:
    def loop(name: int) -> None:
        async def calls() -> None:
            await asyncio.gather(*(journal.append([b"%d/%d" % (name, turn)]) for turn in range(50)))

        asyncio.run(calls())

    threads = [threading.Thread(target=loop, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    kept = contents(reader)
    assert [position for position, _ in kept] == list(range(1, 201))
    assert {record for _, record in kept} == {b"%d/%d" % (name, turn) for name in range(4) for turn in range(50)}


def test_a_caller_that_is_cancelled_does_not_disturb_the_others(journal: Journal, reader: Reader) -> None:
    async def calls() -> None:
        impatient = asyncio.ensure_future(journal.append([b"impatient"]))
        await asyncio.sleep(0)
        impatient.cancel()
        await journal.append([b"patient"])
        with pytest.raises(asyncio.CancelledError):
            await impatient

    asyncio.run(calls())
    assert contents(reader) == [(1, b"impatient"), (2, b"patient")]


@pytest.mark.parametrize(("after", "limit"), [(0, 1), (0, 4), (2, 3), (3, 2), (4, 100), (9, 1), (10, 5), (0, 0)])
def test_reading_any_stretch(journal: Journal, reader: Reader, after: int, limit: int) -> None:
    append(journal, *numbered(1, 3))
    append(journal, *numbered(4, 4))
    append(journal, *numbered(5, 10))
    expected = list(zip(range(1, 11), numbered(1, 10), strict=True))[after:][:limit]
    assert contents(reader, after, limit) == expected


def test_a_read_of_large_records_ends_early_but_goes_on(journal: Journal, reader: Reader) -> None:
    for _ in range(4):
        append(journal, bytes(9 << 20))
    sizes = []
    while entries := reader.read(sum(sizes), 1000):
        sizes.append(len(entries))
    assert sizes == [2, 2]


@pytest.mark.parametrize(("after", "limit"), [(-1, 1), (0, -1)])
def test_negative_numbers_are_refused(reader: Reader, after: int, limit: int) -> None:
    with pytest.raises(ValueError, match="negative"):
        reader.read(after, limit)


def test_everything_is_there_after_a_restart(store: Store, reader: Reader) -> None:
    for start in range(1, 30, 3):
        journal = store.open()
        assert journal.head == start - 1
        append(journal, *numbered(start, start + 2))
        journal.close()
    assert [record for _, record in contents(reader)] == numbered(1, 30)


def test_a_closed_journal_refuses(store: Store) -> None:
    journal = store.open()
    journal.close()
    journal.close()
    with pytest.raises(JournalUnavailable):
        append(journal, b"late")
    with pytest.raises(JournalUnavailable):
        journal.check()


def test_closing_writes_what_waits(store: Store, reader: Reader) -> None:
    journal = store.open()

    async def calls() -> list[int]:
        waiting = [asyncio.ensure_future(journal.append([record])) for record in numbered(1, 20)]
        await asyncio.sleep(0)
        journal.close()
        return await asyncio.gather(*waiting)

    assert asyncio.run(calls()) == list(range(1, 21))
    assert [record for _, record in contents(reader)] == numbered(1, 20)


def test_only_one_appends_at_a_time(store: Store, journal: Journal) -> None:
    with pytest.raises(JournalUnavailable, match="Another process"):
        store.open()
    append(journal, b"undisturbed")


def test_trimming_never_goes_beyond_what_was_passed(store: Store, journal: Journal, reader: Reader) -> None:
    for number in range(1, 11):
        append(journal, b"record %d" % number)
    assert store.trim(4) == reader.first() == 4
    assert contents(reader, 3) == list(zip(range(4, 11), numbered(4, 10), strict=True))
    assert store.trim(4) == store.trim(1) == 4


def test_trimming_keeps_a_batch_that_is_still_needed(store: Store, journal: Journal, reader: Reader) -> None:
    append(journal, *numbered(1, 5))
    append(journal, *numbered(6, 10))
    assert store.trim(8) == 6
    assert contents(reader, 7) == list(zip(range(8, 11), numbered(8, 10), strict=True))


def test_trimmed_positions_are_missed_by_name(store: Store, journal: Journal, reader: Reader) -> None:
    for number in range(1, 11):
        append(journal, b"record %d" % number)
    store.trim(6)
    with pytest.raises(JournalTrimmed, match="Positions 3 to 5"):
        reader.read(2, 100)
    store.trim(11)
    with pytest.raises(JournalTrimmed, match="Positions 3 to 10"):
        reader.read(2, 100)
    assert reader.read(10, 100) == []


def test_a_position_beyond_the_head_is_not_taken_for_patience(journal: Journal, reader: Reader) -> None:
    append(journal, b"one")
    with pytest.raises(JournalTrimmed, match="ends at 1"):
        reader.read(2, 1)


def test_positions_go_on_after_the_journal_was_trimmed_empty(store: Store, reader: Reader) -> None:
    journal = store.open()
    append(journal, *numbered(1, 7))
    assert store.trim(1000) == 8
    journal.close()
    journal = store.open()
    assert (journal.head, reader.head(), reader.first()) == (7, 7, 8)
    assert append(journal, b"record 8") == 8
    assert contents(reader, 7) == [(8, b"record 8")]
    journal.close()


def test_positions_go_on_above_the_floor(store: Store, reader: Reader) -> None:
    """As after a power cut under journal.sync=normal: followers had seen 9, the journal kept 4."""
    journal = store.open()
    append(journal, *numbered(1, 4))
    journal.close()
    journal = store.open(floor=9)
    assert journal.head == 9
    assert contents(reader, 2) == [(3, b"record 3"), (4, b"record 4")]
    assert contents(reader, 4) == contents(reader, 9) == []
    assert not reader.wait(4, 0.0, threading.Event())
    assert append(journal, b"record 10") == 10
    assert contents(reader, 2) == [(3, b"record 3"), (4, b"record 4"), (10, b"record 10")]
    assert contents(reader, 4, 1) == contents(reader, 6, 1) == contents(reader, 9, 1) == [(10, b"record 10")]
    assert store.trim(10) == 10
    journal.close()


def test_a_floor_below_the_head_changes_nothing(store: Store, reader: Reader) -> None:
    journal = store.open()
    append(journal, *numbered(1, 4))
    journal.close()
    journal = store.open(floor=2)
    assert append(journal, b"record 5") == 5
    assert [record for _, record in contents(reader)] == numbered(1, 5)
    journal.close()


def test_trimming_reading_and_appending_at_the_same_time(store: Store, journal: Journal) -> None:
    """A follower reads, trims behind itself, and still sees every record once while others append."""
    total = 3000
    seen: list[bytes] = []
    broken: list[BaseException] = []

    def follow() -> None:
        reader, stop, after = store.reader(), threading.Event(), 0
        try:
            while after < total and reader.wait(after, 60, stop):
                for entry in reader.read(after, 37):
                    assert entry.position == after + 1
                    seen.append(entry.record)
                    after = entry.position
                store.trim(after + 1)
        except BaseException as error:
            broken.append(error)
        finally:
            reader.close()

    async def calls() -> None:
        async def caller(name: int) -> None:
            for turn in range(total // 30):
                await journal.append([b"%d/%d" % (name, turn) + bytes(500)])

        await asyncio.gather(*(caller(name) for name in range(30)))

    follower = threading.Thread(target=follow)
    follower.start()
    asyncio.run(calls())
    follower.join()
    assert not broken
    assert len(seen) == len(set(seen)) == total


def test_waiting_ends_with_a_record_a_timeout_or_a_stop(journal: Journal, reader: Reader) -> None:
    stop = threading.Event()
    assert not reader.wait(0, 0.02, stop)
    append(journal, b"one")
    assert reader.wait(0, 0.0, stop)
    assert not reader.wait(1, 0.0, stop)
    later = threading.Timer(0.03, append, (journal, b"two"))
    later.start()
    assert reader.wait(1, 60, stop)
    later.join()
    stopping = threading.Timer(0.03, stop.set)
    stopping.start()
    assert not reader.wait(2, 60, stop)
    stopping.join()
