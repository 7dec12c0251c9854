"""Killed at any moment, the journal keeps every record it acknowledged, once, and its followers go on without a gap or a repeat.

Each round starts a program that appends with many callers and another one that follows, lets them run for a random moment, kills both
with SIGKILL, and looks at what is there. All rounds work on the same files.
"""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from opentrail.journal import Reader
from opentrail.journal.positions import Positions
from opentrail.storage.database import Database

ROUNDS = 50

OVERLAP = 1000
"""Records from before a round that are looked at again after it; the follower looks at all of them."""

PROGRAMS = r"""
import asyncio, os, signal, sys, threading
from pathlib import Path
from opentrail.clock import SystemClock
from opentrail.config import JournalSettings
from opentrail.journal import Journal, Reader, trim
from opentrail.journal.positions import Positions
from opentrail.storage.database import Database

folder = Path(sys.argv[1])

async def caller(journal, name):
    turn = 0
    while True:
        records = [f"{name}/{turn}/{part}/".encode() + b"x" * 700 * (turn % 5) for part in range(1 + turn % 3)]
        last = await journal.append(records)
        for offset, record in enumerate(reversed(records)):
            os.write(1, b"%d %s\n" % (last - offset, record.split(b"/x")[0].rstrip(b"/")))
        turn += 1

async def append(turn):
    settings = JournalSettings(min_free=0, max_bytes=1 << 30)
    journal = Journal.open(folder / "journal.db", settings=settings, clock=SystemClock())
    os.write(1, b"ready\n")
    await asyncio.gather(*(caller(journal, f"{turn}-{number}") for number in range(12)))

def writer(turn):
    asyncio.run(append(turn))

def follower(turn):
    reader, database = Reader(folder / "journal.db"), Database.at(folder / "state.db")
    positions, never, turns = Positions(database), threading.Event(), 0
    with database.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE IF NOT EXISTS effects (position INTEGER, name TEXT)")
    os.write(1, b"ready\n")
    after = positions.get("effects")
    while True:
        reader.wait(after, 60, never)
        entries = reader.read(after, 50)
        with database.begin() as connection:
            for entry in entries:
                name = entry.record.split(b"/x")[0].rstrip(b"/").decode()
                connection.exec_driver_sql("INSERT INTO effects VALUES (?, ?)", (entry.position, name))
            if entries:
                after = entries[-1].position
                positions.save(connection, "effects", after)
        turns += 1
        if turns % 5 == 0:
            trim(folder / "journal.db", after // 2)

for line in sys.stdin:
    what, name, number = line.split()
    if what == "start":
        child = os.fork()
        if not child:
            os.dup2(os.open(name, os.O_CREAT | os.O_TRUNC | os.O_WRONLY), 1)
            {"writer": writer, "follower": follower}[Path(name).name](number)
        print(child, flush=True)
    else:
        os.kill(int(number), signal.SIGKILL)
        print(os.waitpid(int(number), 0)[1], flush=True)
"""


class Machine:
    """Starts programs (forks of one that has imported everything, to be quick) and kills them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._errors = (folder / "errors").open("w+b")
        command = [sys.executable, "-c", PROGRAMS, str(folder)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors)

    def start(self, program: str, number: int = 0) -> Killed:
        """Start `writer` or `follower`; what it prints goes to a file of its name."""
        return Killed(self, self.folder / program, self._told("start", self.folder / program, number))

    def kill(self, number: int) -> int:
        """End the process without warning; its status as `wait` tells it."""
        return self._told("kill", "-", number)

    def complaints(self) -> str:
        """What was printed as errors."""
        self._errors.seek(0)
        return self._errors.read().decode()

    def close(self) -> None:
        """Stop."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()
        self._errors.close()

    def _told(self, *words: object) -> int:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(" ".join(map(str, words)).encode() + b"\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline() or self.complaints())


class Killed:
    """A program that runs until it is killed."""

    def __init__(self, machine: Machine, output: Path, number: int) -> None:
        self._machine = machine
        self._output = output
        self._number = number

    def ready(self) -> None:
        """Wait for its first line."""
        deadline = time.monotonic() + 120
        while not (self._output.exists() and self._output.read_bytes().startswith(b"ready\n")):
            assert time.monotonic() < deadline, self._machine.complaints()
            time.sleep(0.002)

    def kill(self) -> list[bytes]:
        """End it; what it had said, without a line that was cut."""
        assert self._machine.kill(self._number) == signal.SIGKILL, self._machine.complaints()
        said = self._output.read_bytes().split(b"\n")[1:-1]
        self._output.unlink()
        return said


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    opened = Machine(tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Database]:
    opened = Database.at(tmp_path / "state.db")
    yield opened
    opened.close()


def test_fifty_kills_lose_nothing_and_repeat_nothing(machine: Machine, tmp_path: Path, state: Database) -> None:
    moments = random.Random(20260105)
    path = tmp_path / "journal.db"
    acknowledged: dict[int, str] = {}
    seen: dict[int, str] = {}
    before = 0
    for number in range(ROUNDS):
        writer = machine.start("writer", number)
        follower = machine.start("follower")
        writer.ready()
        follower.ready()
        time.sleep(moments.uniform(0.0, 0.25))
        if number % 3 == 0:
            follower.kill()
            follower = machine.start("follower")
            follower.ready()
            time.sleep(moments.uniform(0.0, 0.05))
        answered = [line.decode().partition(" ") for line in writer.kill()]
        follower.kill()
        kept, first, head = _kept(path, before)
        assert list(kept) == list(range(first, head + 1)), f"round {number}: positions are not consecutive"
        assert max(acknowledged, default=0) <= before <= head
        for position, name in kept.items():
            assert seen.setdefault(position, name) == name, f"round {number}: position {position} changed"
        for position, _, name in answered:
            assert int(position) not in acknowledged, f"position {position} was given out twice"
            assert int(position) < first or kept.get(int(position)) == name, f"round {number}: {name} was acknowledged and lost"
            acknowledged[int(position)] = name
        before = head
    assert len(acknowledged) > ROUNDS  # however slow the machine is

    _finish(machine, state, head)
    with state.read() as connection:
        effects = connection.exec_driver_sql("SELECT position, name FROM effects ORDER BY rowid").fetchall()
    assert [position for position, _ in effects] == list(range(1, head + 1))
    assert max(Counter(name for _, name in effects).values()) == 1
    done = dict(effects)  # type: ignore[arg-type]
    assert all(done[position] == name for position, name in acknowledged.items())
    assert all(done[position] == name for position, name in seen.items())


def _kept(path: Path, before: int) -> tuple[dict[int, str], int, int]:
    """Positions and names of what is there from some positions below `before` on, the first of them, and the head."""
    reader = Reader(path)
    first, head = max(reader.first(), before - OVERLAP), reader.head()
    entries = list(reader.read(first - 1, 10_000_000))
    while entries and entries[-1].position < head:  # one read gives up to 16 MB
        entries += reader.read(entries[-1].position, 10_000_000)
    reader.close()
    return {entry.position: entry.record.split(b"/x")[0].rstrip(b"/").decode() for entry in entries}, first, head


def _finish(machine: Machine, state: Database, head: int) -> None:
    """Let a follower catch up, undisturbed."""
    follower = machine.start("follower")
    follower.ready()
    deadline = time.monotonic() + 120
    while Positions(state).get("effects") < head:
        assert time.monotonic() < deadline, machine.complaints()
        time.sleep(0.01)
    follower.kill()
