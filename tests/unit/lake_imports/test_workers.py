"""Real worker processes: they convert, they are replaced when they die, and what they write is what the table takes."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from opentrail.lake.families import Family
from opentrail.lake.imports.conversion import File, Task, WorkerDied
from opentrail.lake.imports.workers import Workers
from simulators.lake_imports import event, log_file


@pytest.fixture
def workers() -> Iterator[Workers]:
    made = Workers(1)
    yield made
    made.rest()


def task(folder: Path, *bodies: bytes) -> Task:
    return Task(family=Family.EVENTS, draft=str(folder / "draft.parquet"), files=[File(body=body, oldest=0.0) for body in bodies])


@pytest.mark.timeout(120)
def test_a_worker_converts_and_is_replaced_when_it_dies(workers: Workers, tmp_path: Path) -> None:
    files = (log_file(event("a", "2026-01-04T23:59:59Z"), event("b", "2026-01-05T00:00:00Z")), b"no log file", log_file(event("c")))
    done = workers.convert(task(tmp_path, *files))
    assert [(one.events, one.error and one.error[0]) for one in done.files] == [(2, None), (0, "NotALogFile"), (1, None)]
    by_draft = [pq.read_table(draft)["eventid"].to_pylist() for draft in done.drafts]
    assert by_draft == [["a"], ["b", "c"]]  # a draft a day
    (pid,) = workers.pids()
    os.kill(pid, signal.SIGSTOP)
    os.kill(pid, signal.SIGKILL)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert workers.convert(task(tmp_path, log_file(event("d")))).files[0].events == 1
    assert workers.pids() != [pid]


@pytest.mark.timeout(120)
def test_who_waits_for_a_worker_hears_that_it_died(workers: Workers, tmp_path: Path) -> None:
    workers.convert(task(tmp_path))
    (pid,) = workers.pids()
    os.kill(pid, signal.SIGSTOP)
    heard: list[BaseException] = []

    def wait() -> None:
        try:
            workers.convert(task(tmp_path, log_file(event("e"))))
        except WorkerDied as died:
            heard.append(died)

    waiting = threading.Thread(target=wait)
    waiting.start()
    os.kill(pid, signal.SIGKILL)
    waiting.join(60)
    # It may have died before it was asked: then another one has answered.
    assert heard or workers.pids() != [pid]
