"""Dying at any step of a commit, a compaction or the tidying loses no event and doubles none."""

from __future__ import annotations

import inspect
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from opentrail.clock import ManualClock
from opentrail.eventstore import EventStore, EventStoreSettings, Question, cold, entries, files, parquet
from simulators.event_journal import ACCOUNT, DAY, NOW, REGION, EventJournal, expected, made

SETTINGS = EventStoreSettings(warm_events=3, compaction_files=2, hot_rows=10_000)


class Died(BaseException):
    """The process is gone: no handler of ours may run after this."""


def found(store: EventStore) -> list[str]:
    question = Question(account_id=ACCOUNT, region=REGION, category="Management", limit=10_000)
    return [event.event_id for event in store.find(question)]


def opened(folder: Path, journal: EventJournal) -> EventStore:
    store = EventStore(folder, journal, ManualClock(at=float(NOW)), SETTINGS)
    store.open()
    store.catch_up()
    return store


def fill(journal: EventJournal, store: EventStore, commits: int) -> None:
    for _ in range(commits):
        first = len(journal.records)
        journal.append(*(made(number, age=number % 2 * DAY) for number in range(first, first + 6)))
        store.catch_up()
        store.commit()


PLACES: dict[str, tuple[Any, str]] = {
    "while a data file is written": (parquet, "write"),
    "before a data file is synced": (parquet, "sync_file"),
    "before the directory of a data file is synced": (parquet, "sync_directory"),
    "before the files are described": (entries.Entries, "of"),
    "before a metadata file is made": (files._File, "create"),
    "before a metadata file is synced": (files._Output, "close"),
    "before the catalog turns over": (cold.SqlCatalog, "_write_metadata"),
    "when the catalog is asked to commit": (cold.SqlCatalog, "commit_table"),
    "when old metadata is deleted": (files.DurableFiles, "delete"),
    "before snapshots are expired": (cold.ColdStore, "expire"),
    "while expired metadata is deleted": (cold.ColdStore, "_metadata_of"),
    "before removed files are deleted": (cold.ColdStore, "delete_removed"),
}


COMMIT = "when the catalog is asked to commit"
TROUBLE = [
    *((place, "before", kind) for place in PLACES for kind in (Died, OSError)),
    ("while a data file is written", "after", Died),
    (COMMIT, "after", Died),
    (COMMIT, "after", OSError),  # it has happened, but we are told that it has not
]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # the dead leave their files open
@pytest.mark.parametrize(("place", "when", "kind"), TROUBLE)
def test_each_event_is_there_once_after_trouble(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, when: str, kind: type[BaseException]
) -> None:
    monkeypatch.setattr(cold, "_MOST_SNAPSHOTS", 2)
    monkeypatch.setattr(cold, "_KEPT_SNAPSHOTS", 1)
    monkeypatch.setitem(cold._PROPERTIES, "write.metadata.previous-versions-max", "1")
    journal = EventJournal()
    store = opened(tmp_path / "lake", journal)
    fill(journal, store, 2)
    where, name = PLACES[place]
    original = getattr(where, name)
    calls = 0

    def troubled(*arguments: Any, **keywords: Any) -> Any:
        nonlocal calls
        calls += 1
        fatal = calls == 2  # the first call succeeds, so that things are half done
        if fatal and when == "before":
            raise kind
        result = original(*arguments, **keywords)
        if fatal:
            raise kind
        return result

    static = isinstance(inspect.getattr_static(where, name), staticmethod)
    monkeypatch.setattr(where, name, staticmethod(troubled) if static else troubled)
    journal.append(*(made(number, age=number % 2 * DAY) for number in range(100, 108)))
    store.catch_up()
    for act in (store.commit, store.compact, store.compact, store.commit):
        try:
            act()
        except kind:
            if kind is Died:
                break
        assert found(store) == expected(journal.records)  # an error shows in no answer
    assert calls >= 2, "the trouble never came"
    durable = store.durable_position
    monkeypatch.undo()
    store.close()

    journal.trim(durable + 1)  # what it said was durable may be gone from the journal
    store = opened(tmp_path / "lake", journal)
    assert found(store) == expected(journal.records)
    fill(journal, store, 1)
    while store.compact():
        pass
    assert found(store) == expected(journal.records)
    assert store.status().hot_events == 0
    data = {path for path in (tmp_path / "lake/events/data").rglob("*") if path.is_file()}
    assert all(path.suffix == ".parquet" for path in data)
    store.close()


FOLLOWER = """
import sys
from pathlib import Path
from simulators.event_journal import EventJournal, NOW
from opentrail.clock import ManualClock
from opentrail.eventstore import EventStore, EventStoreSettings

records = Path(sys.argv[2]).read_bytes().splitlines()
journal = EventJournal()
settings = EventStoreSettings(warm_events=50, compaction_files=3, read_batch=20)
store = EventStore(Path(sys.argv[1]), journal, ManualClock(at=float(NOW)), settings)
journal.append(*records)
store.open()
print("open", flush=True)
while store.position < len(records):
    del journal.records[store.position + 20:]
    journal.append(*records[len(journal.records): store.position + 20])
    store.catch_up()
    store.commit()
    store.compact()
    print(store.durable_position, flush=True)
store.close()
"""


def test_killed_again_and_again(tmp_path: Path) -> None:
    records = [made(number, age=(number % 5) * 3600) for number in range(2_000)]
    (tmp_path / "records").write_bytes(b"\n".join(records))
    tests = str(Path(__file__).parents[2])
    pick = random.Random(5)
    durable = 0
    for _ in range(3):
        command = [sys.executable, "-c", FOLLOWER, str(tmp_path / "lake"), str(tmp_path / "records")]
        with subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": tests}, text=True) as follower:
            assert follower.stdout is not None
            assert follower.stdout.readline() == "open\n"
            for _ in range(pick.randrange(1, 6)):
                durable = int(follower.stdout.readline())
            if pick.random() < 0.8:  # somewhere inside the next commit
                end = time.monotonic() + pick.random() * 0.08
                while time.monotonic() < end:
                    pass
            follower.send_signal(signal.SIGKILL)
        journal = EventJournal(list(records))
        journal.trim(durable + 1)
        store = EventStore(tmp_path / "lake", journal, ManualClock(at=float(NOW)), SETTINGS)
        store.open()
        assert store.durable_position >= durable
        store.catch_up()
        assert found(store) == expected(records)
        store.close()


def test_a_position_is_never_ahead_of_its_events(tmp_path: Path) -> None:
    """What other engines see: the snapshot that names a position holds exactly the events up to it."""
    journal = EventJournal()
    store = opened(tmp_path / "lake", journal)
    fill(journal, store, 4)
    table = store._cold._table
    for snapshot in table.metadata.snapshots:
        assert snapshot.summary is not None
        position = int(snapshot.summary.additional_properties[cold.POSITION])
        held = sum(task.file.record_count for task in table.scan(snapshot_id=snapshot.snapshot_id).plan_files())
        assert held == position
    ids = [json.loads(text)["eventID"] for text in table.scan(selected_fields=("record",)).to_arrow()["record"].to_pylist()]
    assert sorted(ids) == sorted(expected(journal.records))
    store.close()
