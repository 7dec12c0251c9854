"""The client with its thread: never in the way, never silent about what is gone, sound across forks and the end of the process."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

import opentrail
from opentrail.middleware import AuditClient, AuditEvent, AuditSettings, Keys, Who
from opentrail.middleware.delivery import Outcome
from opentrail.middleware.event import Written
from simulators.audit_door import AuditDoor, away, up

PATIENCE = 30.0
ANA = Who(principal_id="ana")

Make = Callable[..., AuditClient]


@pytest.fixture
def door() -> AuditDoor:
    return AuditDoor()


@pytest.fixture
def make(tmp_path: Path, door: AuditDoor) -> Iterator[Make]:
    """Makes clients that are stopped at the end."""
    made: list[AuditClient] = []

    def client(on_dropped: Any = None, **changes: Any) -> AuditClient:
        settings = AuditSettings(
            endpoint="http://127.0.0.1:1", keys=Keys("k", "s"), source="x", spool=tmp_path / "spool", flush_interval=0.01
        )
        made.append(AuditClient(settings.with_changes(**changes), door=door, on_dropped=on_dropped))
        return made[-1]

    yield client
    for each in made:
        each.close(0.0)


def event(name: object) -> AuditEvent:
    return AuditEvent(name=str(name), who=ANA)


def test_events_get_through_in_the_background(make: Make, door: AuditDoor) -> None:
    client = make()
    assert all(client.put(event(number)) for number in range(250))
    assert client.flush(PATIENCE)
    assert door.names == [str(number) for number in range(250)]
    figures = client.figures
    assert (figures.sent, figures.queued, figures.spooled, figures.dropped, figures.trouble) == (250, 0, 0, {}, "")


def test_putting_never_waits_for_the_network(make: Make, door: AuditDoor) -> None:
    """The thread hangs in the network; whoever puts does not notice, and what has no room is counted."""
    go_on = threading.Event()

    def hangs(door: AuditDoor, events: Sequence[Written]) -> Outcome:
        assert go_on.wait(PATIENCE)
        return up(door, events)

    told: list[Mapping[str, int]] = []
    door.behaviour = hangs
    client = make(queue_events=10, on_dropped=told.append)
    client.put(event("first"))
    assert door.entered.wait(PATIENCE)
    assert [client.put(event(number)) for number in range(13)] == [True] * 10 + [False] * 3
    assert client.dropped == 3
    assert told == []
    go_on.set()
    assert client.flush(PATIENCE)
    assert door.names == ["first", *[str(number) for number in range(10)]]
    assert door.reports[0]["count"] == 3
    assert told == [{"queue_full": 3}]


def test_an_event_that_cannot_be_written_is_counted(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    class Odd:
        def __str__(self) -> str:
            raise RuntimeError("swordfish")

    client = make()
    assert not client.put(AuditEvent(name="N", who=ANA, additional={"odd": Odd()}))
    assert not client.put(AuditEvent(name=None, who=ANA))  # type: ignore[arg-type]
    assert client.figures.dropped == {"unwritable": 2}
    assert "swordfish" not in caplog.text


def test_a_callback_that_fails_does_no_harm(make: Make, door: AuditDoor) -> None:
    def broken(counts: Mapping[str, int]) -> None:
        raise RuntimeError

    client = make(queue_size=1, on_dropped=broken)
    assert not client.put(event(1))
    client._buffer._bound = 1 << 20
    client.put(event(2))
    assert client.flush(PATIENCE)
    assert door.names == ["2"]
    assert len(door.reports) == 1


def test_closing_sends_what_waits_and_a_later_event_begins_anew(make: Make, door: AuditDoor, tmp_path: Path) -> None:
    client = make(flush_interval=1000.0)
    client.put(event(1))
    assert client.close(PATIENCE)
    assert door.names == ["1"]
    client.put(event(2))
    assert client.close(PATIENCE)
    assert door.names == ["1", "2"]
    assert not list(tmp_path.glob("spool/*/*"))
    assert client.close()


def test_closing_while_opentrail_is_away_puts_everything_on_disk(make: Make, door: AuditDoor) -> None:
    door.behaviour = away
    client = make()
    client.put(event(1))
    assert not client.flush(0.2)
    client.put(event(2))
    assert not client.close(0.2)
    assert client.figures.queued == 0
    door.behaviour = up
    other = make()
    other.start()
    assert other.flush(PATIENCE)
    assert door.names == ["1", "2"]


def test_flushing_nothing_is_soon_done(make: Make) -> None:
    assert make().flush(PATIENCE)


FORKING = """
import os, sys
from opentrail.middleware import AuditClient, AuditEvent, AuditSettings, Keys, Who
from opentrail.middleware.delivery import Outcome

class Door:
    def send(self, events):
        file = os.open(sys.argv[1], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        for event in events:
            os.write(file, event.text + b"\\n")
        os.close(file)
        return Outcome(taken=frozenset(event.id for event in events))
    def close(self): pass
    def abandon(self): pass

settings = AuditSettings(endpoint="http://127.0.0.1:1", keys=Keys("k", "s"), source="x", spool=None, flush_interval=1000.0)
client = AuditClient(settings, door=Door())
def put(name):
    assert client.put(AuditEvent(name=name, who=Who(principal_id="ana")))
put("before")
for number in range(3):
    child = os.fork()
    if child == 0:
        put(f"child-{number}")
        sys.exit(0)
    assert os.waitpid(child, 0)[1] == 0
put("after")
"""


def test_each_process_after_a_fork_sends_its_own_events_once(tmp_path: Path) -> None:
    """As under a server that loads the application and then forks its workers; at the end of each process all of it is sent."""
    told = tmp_path / "events"
    done = subprocess.run([sys.executable, "-c", FORKING, str(told)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    names = [json.loads(line)["eventName"] for line in told.read_text().splitlines()]
    assert sorted(names) == ["after", "before", "child-0", "child-1", "child-2"]


def test_it_runs_in_a_program_that_has_nothing_but_the_standard_library() -> None:
    program = (
        "import sys, opentrail.middleware\n"
        "ours = {name for name in sys.modules if name.startswith('opentrail.')}\n"
        "others = {name.partition('.')[0] for name in sys.modules} - set(sys.stdlib_module_names) - {'opentrail', '__main__'}\n"
        "import json; print(json.dumps([sorted(ours), sorted(others)]))"
    )
    done = subprocess.run([sys.executable, "-S", "-c", program], capture_output=True, text=True, timeout=120, env={"PYTHONPATH": _source()})
    assert done.returncode == 0, done.stderr
    ours, others = json.loads(done.stdout)
    assert not [name for name in others if not name.startswith("_")]
    floor = ("opentrail.middleware", "opentrail.wire", "opentrail.events", "opentrail.clock", "opentrail.errors", "opentrail.config")
    assert all(name.startswith(floor) for name in ours)


def _source() -> str:
    return str(Path(opentrail.__file__).parents[1])
