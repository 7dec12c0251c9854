"""The lake is killed at random moments while it imports, and its workers by themselves: every event is in the table exactly once, and no
file lies about that is not the table's.

`OPENTRAIL_KILLS=100` makes it 100 rounds. What is killed is the real importer with real workers over the real tables, in a fork of a
process that has imported everything.
"""

from __future__ import annotations

import collections
import gzip
import json
import os
import random
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from opentrail.clock import SystemClock
from opentrail.config import JournalSettings
from opentrail.journal import Journal, Reader
from opentrail.lake.imports.control import Imports, Wanted
from opentrail.lake.imports.values import ONGOING, Import
from opentrail.lake.tables.settings import TableSettings
from opentrail.lake.tables.tables import StoreTables
from opentrail.storage.database import Database
from simulators.import_house import PLACE
from simulators.lake_imports import ACCOUNT, REGION, STORE, KnownStores, MemorySource, MemorySources, event, event_data_store, log_key
from simulators.running import wait_for

KILLS = int(os.environ.get("OPENTRAIL_KILLS", "6"))
FILES = 240
EVENTS = 30
"""Of a file."""

PROGRAM = r"""
import os, signal, sys, threading
from pathlib import Path
from opentrail.clock import SystemClock
from opentrail.journal import Reader
from opentrail.lake.imports import batches, importer, worker, workers
from opentrail.lake.imports.directory import DirectorySource
from opentrail.lake.imports.importer import Importer
from opentrail.lake.imports.run import Neighbourhood
from opentrail.lake.tables.settings import TableSettings
from opentrail.lake.tables.tables import StoreTables
from opentrail.storage.database import Database
from simulators.lake_imports import KnownStores, event_data_store

folder = Path(sys.argv[1])
batches.BATCH_FILES = 12
importer.IDLE = 0.02
importer.TROUBLE = 0.1

def work():
    database, stores, clock = Database.at(folder / "state.db"), KnownStores(event_data_store()), SystemClock()
    tables = StoreTables(folder / "stores", Reader(folder / "journal.db"), clock, database=database, stores=stores, keys=None,
                         settings=TableSettings())
    tables.open()
    converts = workers.Workers()
    near = Neighbourhood(database=database, clock=clock, stores=stores, tables=tables, converts=converts,
                         open=lambda of: DirectorySource(folder / "logs"))
    def tell():
        while True:
            (folder / "pids").write_text(" ".join(map(str, converts.pids())))
            threading.Event().wait(0.02)
    threading.Thread(target=tell, daemon=True).start()
    os.write(1, b"%d ready\n" % os.getpid())
    Importer(near).run(threading.Event())

for line in sys.stdin:
    child = os.fork()
    if not child:
        work()
    sys.stdin.readline()
    os.kill(child, signal.SIGKILL)
    os.write(1, b"%d\n" % os.waitpid(child, 0)[1])
"""


class Victim:
    """The importer, begun and killed again and again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._errors = (folder / "errors").open("w+b")
        tests = str(Path(__file__).parents[1])
        environment = os.environ | {"PYTHONPATH": os.pathsep.join([tests, *filter(None, [os.environ.get("PYTHONPATH")])])}
        command = [sys.executable, "-c", PROGRAM, str(folder)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors, env=environment)

    def begin(self) -> None:
        """Start; returns when it works."""
        assert b"ready" in self._ask(), self.complaints()

    def kill(self) -> None:
        """End it without warning."""
        assert int(self._ask()) == signal.SIGKILL, self.complaints()

    def kill_worker(self, dice: random.Random) -> bool:
        """End one of its workers without warning; whether there was one."""
        try:
            pids = [int(pid) for pid in (self.folder / "pids").read_text().split()]
            os.kill(dice.choice(pids), signal.SIGKILL)
        except (OSError, IndexError):
            return False
        return True

    def complaints(self) -> str:
        self._errors.seek(0)
        return self._errors.read().decode(errors="replace")[-4000:]

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.kill()
        self._process.wait()
        self._errors.close()

    def _ask(self) -> bytes:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(b"\n")
        self._process.stdin.flush()
        return self._process.stdout.readline()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    Journal.open(tmp_path / "journal.db", settings=JournalSettings(min_free=0), clock=SystemClock()).close()
    (tmp_path / "logs").mkdir()
    return tmp_path


@pytest.fixture
def database(folder: Path) -> Iterator[Database]:
    opened = Database.at(folder / "state.db")
    yield opened
    opened.close()


@pytest.fixture
def victim(folder: Path) -> Iterator[Victim]:
    made = Victim(folder)
    yield made
    made.close()


@pytest.mark.timeout(240 + 10 * KILLS)
def test_whatever_is_killed_every_event_is_imported_once(folder: Path, database: Database, victim: Victim) -> None:
    imports = Imports(database, SystemClock(), stores=KnownStores(event_data_store()), sources=MemorySources(MemorySource()))
    dice = random.Random(20260105)
    expected: list[str] = []
    ids: list[str] = []
    kills = worker_kills = 0

    def ended() -> Import | None:
        found = imports.get(ACCOUNT, REGION, ids[-1])
        return None if found.status in ONGOING else found

    while kills < KILLS:
        day = f"2026/01/{len(ids) % 28 + 1:02}"
        expected += _write_logs(folder / "logs", day, len(ids))
        ids.append(str(uuid.UUID(int=dice.getrandbits(128))))
        imports.start_directory(PLACE, Wanted(destination=STORE, location=(folder / "logs").as_uri()), ids[-1])
        while ended() is None and kills < KILLS:
            victim.begin()
            time.sleep(dice.choice((0.3, 1.0, 2.5)) * dice.random())
            if dice.random() < 0.4:
                worker_kills += victim.kill_worker(dice)
                time.sleep(0.3 * dice.random())
            victim.kill()
            kills += 1
        victim.begin()
        found = wait_for(ended, patience=120)
        victim.kill()
        assert found.status == "COMPLETED", imports.failures(ACCOUNT, REGION, ids[-1])
        assert found.statistics.events_completed == FILES * EVENTS
        assert found.statistics.files_completed == FILES * len(ids)

    # What the last one of them left behind is swept when the tables are opened.
    tables = StoreTables(
        folder / "stores",
        Reader(folder / "journal.db"),
        SystemClock(),
        database=database,
        stores=KnownStores(event_data_store()),
        keys=_NoKeys(),
        settings=TableSettings(),
    )
    tables.open()
    snapshot = tables.snapshot([STORE], at_least=0, patience=90.0)
    (source,) = snapshot.sources
    counted = collections.Counter(one for file in source.files for one in pq.read_table(file, columns=["eventid"])[0].to_pylist())
    assert [one for one, times in counted.items() if times > 1] == []
    assert set(counted) == set(expected)
    lying = (folder / "stores" / STORE).rglob("*.parquet")
    assert {path.resolve() for path in lying} == {path.resolve() for path in source.files}
    snapshot.release()
    tables.close()
    print(f"{len(counted)} events of {len(ids)} imports, {kills} kills of the importer, {worker_kills} of workers")


class _NoKeys:
    def check(self, *, kms_key_id: str, account_id: str, region: str, partition: str) -> str:
        raise NotImplementedError

    def usable(self, key_arn: str) -> bool:
        return True


def _write_logs(folder: Path, day: str, number: int) -> list[str]:
    made = []
    for file in range(FILES):
        ids = [f"{number}-{file}-{one}" for one in range(EVENTS)]
        path = folder / log_key(file, day=day)
        path.parent.mkdir(parents=True, exist_ok=True)
        records = [event(one, f"{day.replace('/', '-')}T10:11:12Z") for one in ids]
        path.write_bytes(gzip.compress(json.dumps({"Records": records}).encode(), 1))
        made += ids
    return made
