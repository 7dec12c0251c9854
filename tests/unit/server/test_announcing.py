"""What services did by themselves is recorded exactly once, whenever the front dies."""

from __future__ import annotations

import asyncio
import json
import secrets
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opentrail.clock import ManualClock
from opentrail.config import JournalSettings
from opentrail.errors import JournalFull, JournalUnavailable
from opentrail.events.service_event import ServiceEvent
from opentrail.journal import Entry, Journal, Reader, trim
from opentrail.recorder import service_event
from opentrail.server.announcing import Announcing, present
from opentrail.storage.database import Database
from opentrail.storage.outbox import Outbox

ACCOUNT = "111122223333"


def rotation(number: int, **more: Any) -> ServiceEvent:
    return ServiceEvent(
        event_source="kms.amazonaws.com",
        event_name="RotateKey",
        account_id=ACCOUNT,
        region="us-west-2",
        time=1_767_607_872.0 + number,
        event_id=f"00000000-0000-4000-8000-{number:012d}",
        details={"rotationType": "AUTOMATIC", "keyId": f"key-{number}"},
        **more,
    )


class House:
    """One data folder; `front()` opens it as a front that has just started would."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.database = Database.at(folder / "state.db")
        self.outbox = Outbox(self.database)
        self.journal: Journal | None = None

    def open(self, **settings: Any) -> Announcing:
        self.close_journal()
        self.journal = Journal.open(
            self.folder / "journal.db", settings=JournalSettings(min_free=0, **settings), clock=ManualClock(), floor=0
        )
        return Announcing(outbox=self.outbox, journal=self.journal, reader=Reader(self.folder / "journal.db"))

    def close_journal(self) -> None:
        if self.journal is not None:
            self.journal.close()
            self.journal = None

    def put(self, *events: ServiceEvent) -> None:
        with self.database.begin() as connection:
            for event in events:
                self.outbox.put(connection, event)

    def happen(self, count: int = 1, size: int = 100) -> None:
        assert self.journal is not None
        asyncio.run(self.journal.append([json.dumps({"eventType": "AwsApiCall", "pad": secrets.token_hex(size)}).encode()] * count))

    @property
    def recorded(self) -> list[str]:
        reader = Reader(self.folder / "journal.db")
        entries = reader.read(reader.first() - 1, 10_000)
        found = [json.loads(entry.record) for entry in entries]
        return [record["eventID"] for record in found if record.get("eventType") == "AwsServiceEvent"]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    made.close_journal()
    made.database.close()


def rounds(announcing: Announcing) -> int:
    async def all_of_them() -> int:
        done = 0
        while count := await announcing.step():
            done += count
        return done

    return asyncio.run(all_of_them())


def test_what_waits_is_recorded_in_its_order_and_then_forgotten(house: House) -> None:
    announcing = house.open()
    house.put(rotation(2), rotation(1))
    assert rounds(announcing) == 2
    assert house.recorded == [rotation(1).event_id, rotation(2).event_id]
    assert house.outbox.pending() == []
    assert house.outbox.lowest_tried() is None
    entry = Reader(house.folder / "journal.db").read(0, 1)[0]
    assert entry.record == service_event(rotation(1))


def test_an_event_of_a_transaction_that_was_rolled_back_never_happened(house: House) -> None:
    woken: list[bool] = []
    house.outbox.on_put = lambda: woken.append(True)

    def break_off() -> None:
        with house.database.begin() as connection:
            house.outbox.put(connection, rotation(1))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        break_off()
    assert house.outbox.pending() == []
    assert woken == []
    house.put(rotation(1))
    assert woken == [True], "woken after the commit, when the event can be seen"


class Died(BaseException):
    """The process is gone: nothing after this line has happened."""


def test_dying_between_the_record_and_the_note_makes_no_second_record(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    announcing = house.open()
    house.happen(3)
    house.put(rotation(1), rotation(2))

    def die(_: Any) -> None:
        raise Died

    with monkeypatch.context() as patch:
        patch.setattr(house.outbox, "done", die)
        with pytest.raises(Died):
            rounds(announcing)
    assert len(house.recorded) == 2
    assert len(house.outbox.pending()) == 2
    announcing = house.open()
    house.happen(2)
    house.put(rotation(3))
    rounds(announcing)
    assert sorted(house.recorded) == [rotation(number).event_id for number in (1, 2, 3)]
    assert house.outbox.pending() == []


def test_dying_before_the_record_loses_no_event(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    announcing = house.open()
    house.put(rotation(1))
    assert house.journal is not None

    async def die(*_: Any) -> int:
        raise Died

    with monkeypatch.context() as patch:
        patch.setattr(house.journal, "append", die)
        with pytest.raises(Died):
            rounds(announcing)
    assert house.recorded == []
    assert house.outbox.lowest_tried() == 0
    announcing = house.open()
    house.happen(4)
    rounds(announcing)
    assert house.recorded == [rotation(1).event_id]


def test_a_killed_process_has_recorded_each_event_once_after_its_restart(house: House) -> None:
    house.put(*(rotation(number) for number in range(5)))
    program = textwrap.dedent(
        f"""
        import asyncio, os
        from pathlib import Path
        from opentrail.clock import ManualClock
        from opentrail.config import JournalSettings
        from opentrail.journal import Journal, Reader
        from opentrail.server.announcing import Announcing
        from opentrail.storage.database import Database
        from opentrail.storage.outbox import Outbox

        folder = Path({str(house.folder)!r})
        outbox = Outbox(Database.at(folder / "state.db"))
        outbox.done = lambda ids: os.kill(os.getpid(), 9)
        journal = Journal.open(folder / "journal.db", settings=JournalSettings(min_free=0), clock=ManualClock(), floor=0)
        asyncio.run(Announcing(outbox=outbox, journal=journal, reader=Reader(folder / "journal.db")).step())
        """
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == -9
    assert len(house.recorded) == 5
    rounds(house.open())
    assert len(house.recorded) == 5
    assert house.outbox.pending() == []


def test_what_may_be_in_the_journal_is_not_trimmed_before_it_is_known(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    announcing = house.open()
    house.happen(5)
    house.put(rotation(1))

    def die(_: Any) -> None:
        raise Died

    with monkeypatch.context() as patch:
        patch.setattr(house.outbox, "done", die)
        with pytest.raises(Died):
            rounds(announcing)
    house.happen(5)
    kept = house.outbox.lowest_tried()
    assert kept == 5
    trim(house.folder / "journal.db", kept + 1)
    announcing = house.open()
    rounds(announcing)
    assert house.recorded == [rotation(1).event_id]
    assert house.outbox.lowest_tried() is None


def test_another_journal_in_its_place_gets_the_event_again(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    announcing = house.open()
    house.happen(5)
    house.put(rotation(1))

    def die(_: Any) -> None:
        raise Died

    with monkeypatch.context() as patch:
        patch.setattr(house.outbox, "done", die)
        with pytest.raises(Died):
            rounds(announcing)
    house.close_journal()
    for file in house.folder.glob("journal.db*"):
        file.unlink()
    rounds(house.open())
    assert house.recorded == [rotation(1).event_id]


def test_a_full_journal_has_events_wait_and_is_not_kept_from_being_trimmed(house: House) -> None:
    announcing = house.open(max_bytes=1 << 20)
    house.put(rotation(1))

    def fill() -> None:
        for _ in range(200):
            house.happen(20, size=2000)

    with pytest.raises(JournalFull):
        fill()
    with pytest.raises(JournalFull):
        asyncio.run(announcing.step())
    assert house.outbox.lowest_tried() is None, "nothing was tried, so nothing is held back"
    assert len(house.outbox.pending()) == 1


def test_a_commit_that_failed_is_tried_again(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    announcing = house.open()
    house.put(rotation(1))
    assert house.journal is not None

    async def fail(*_: Any) -> int:
        raise JournalUnavailable("the disk is gone")

    with monkeypatch.context() as patch:
        patch.setattr(house.journal, "append", fail)
        for _ in range(2):
            with pytest.raises(JournalUnavailable):
                asyncio.run(announcing.step())
    rounds(announcing)
    assert house.recorded == [rotation(1).event_id]


def test_a_data_event_that_nobody_selected_is_forgotten(house: House) -> None:
    house.open()
    assert house.journal is not None
    reader = Reader(house.folder / "journal.db")
    house.put(rotation(1, data=True), rotation(2, data=True), rotation(3))
    announcing = Announcing(
        outbox=house.outbox, journal=house.journal, reader=reader, selected=lambda event: event.event_id == rotation(2).event_id
    )
    rounds(announcing)
    assert house.recorded == [rotation(2).event_id, rotation(3).event_id]
    assert house.outbox.pending() == []


def test_the_task_records_an_event_as_soon_as_it_is_put(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    announcing = house.open()
    house.outbox.on_put = announcing.wake
    monkeypatch.setattr("opentrail.server.announcing.IDLE", 600.0)

    async def story() -> None:
        recorded = asyncio.Event()
        done, loop = house.outbox.done, asyncio.get_running_loop()

        def tell(ids: Any) -> None:
            done(ids)
            loop.call_soon_threadsafe(recorded.set)

        monkeypatch.setattr(house.outbox, "done", tell)
        task = asyncio.create_task(announcing.run())
        await asyncio.sleep(0)
        await asyncio.to_thread(house.put, rotation(1))
        async with asyncio.timeout(90):
            await recorded.wait()
        task.cancel()

    asyncio.run(story())
    assert house.recorded == [rotation(1).event_id]


MADE = st.lists(st.tuples(st.integers(0, 20), st.sampled_from(["AwsServiceEvent", "AwsApiCall"]), st.booleans()))


@given(MADE, st.sets(st.integers(0, 20)))
def test_an_event_is_present_only_by_its_own_id(made: list[tuple[int, str, bool]], wanted: set[int]) -> None:
    entries = [
        Entry(position, json.dumps({"eventType": kind, "eventID" if own else "of": f"id-{number:03}"}).encode())
        for position, (number, kind, own) in enumerate(made)
    ]
    expected = {f"id-{number:03}" for number, kind, own in made if own and kind == "AwsServiceEvent" and number in wanted}
    assert present(entries, [f"id-{number:03}" for number in wanted]) == expected
