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
from opentrail.lake.imports import workers as rooms
from opentrail.lake.imports.conversion import File, Task, WorkerDied, halves, remove_drafts
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


@pytest.mark.parametrize(
    ("sizes", "first"), [((5, 5), 1), ((1, 9), 1), ((9, 1), 1), ((3, 3, 3), 2), ((1, 1, 1, 1, 9), 4), ((9, 1, 1, 1), 1), ((0, 0), 1)]
)
def test_halves_have_all_files_and_neither_has_none(sizes: tuple[int, ...], first: int, tmp_path: Path) -> None:
    whole = task(tmp_path, *(b"x" * size for size in sizes))
    one, other = halves(whole)
    assert [*one.files, *other.files] == list(whole.files)
    assert (len(one.files), one.draft, other.draft != whole.draft) == (first, whole.draft, True)


@pytest.mark.timeout(120)
def test_two_workers_share_a_task_when_there_is_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rooms, "SHARED", 1)
    both = Workers(2)
    try:
        shared = task(tmp_path, log_file(event("a")), b"no log file", log_file(event("b")), log_file(event("c"), event("d")))
        done = both.convert(shared)
        assert [(one.events, one.error is None) for one in done.files] == [(1, True), (0, False), (1, True), (2, True)]
        assert [name for draft in done.drafts for name in pq.read_table(draft)["eventid"].to_pylist()] == ["a", "b", "c", "d"]
        assert len(both.pids()) == 2
        remove_drafts(shared.draft)
        assert list(tmp_path.iterdir()) == []
        for pid in both.pids():
            os.kill(pid, signal.SIGKILL)
            os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        assert [one.events for one in both.convert(shared).files] == [1, 0, 1, 2]  # both are back, and replaced
    finally:
        both.rest()
