"""A chore of the watch is done when it is woken or due, and what goes wrong is tried again, slower and slower."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from opentrail.clock import ManualClock
from opentrail.server.watching.part import Chore
from opentrail.server.watching.worker import Worker


class Deed:
    """Does as told; counts."""

    def __init__(self) -> None:
        self.calls = 0
        self.answers: list[object] = []
        self.called = threading.Event()

    def __call__(self) -> object:
        self.calls += 1
        self.called.set()
        answer = self.answers.pop(0) if self.answers else None
        if isinstance(answer, Exception):
            raise answer
        return answer


@contextmanager
def at_work(deed: Callable[[], object], rest: float, clock: ManualClock | None = None) -> Iterator[Worker]:
    stop = threading.Event()
    worker = Worker("deed", Chore(step=deed, rest=lambda: rest), clock or ManualClock(), stop)
    thread = threading.Thread(target=worker.run)
    thread.start()
    try:
        yield worker
    finally:
        stop.set()
        worker.wake()
        thread.join(90)
        assert not thread.is_alive()


def test_it_rests_for_as_long_as_it_says_and_not_while_there_is_more() -> None:
    deed = Deed()
    worker = Worker("deed", Chore(step=deed, rest=lambda: 7.0), ManualClock(), threading.Event())
    deed.answers = [True, False, 3, None]
    assert [worker.turn() for _ in range(4)] == [0.0, 7.0, 0.0, 7.0]


def test_it_is_woken_from_the_longest_rest() -> None:
    deed = Deed()
    with at_work(deed, rest=1e6) as worker:
        for _ in range(3):
            assert deed.called.wait(90)
            deed.called.clear()
            worker.wake()
        assert deed.called.wait(90)


def test_what_goes_wrong_again_and_again_is_tried_ever_more_rarely_and_told_until_it_goes_well(caplog: pytest.LogCaptureFixture) -> None:
    clock, deed = ManualClock(), Deed()
    worker = Worker("deed", Chore(step=deed, rest=lambda: 7.0), clock, threading.Event())
    assert worker.trouble is None
    deed.answers = [OSError(28, "No space left on device")] * 8
    pauses = []
    for _ in range(8):
        pauses.append(worker.turn())
        assert worker.trouble == "OSError: [Errno 28] No space left on device"
        clock.elapsed += pauses[-1]
    assert pauses == [2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0, 60.0]
    assert worker.turn() == 7.0
    assert worker.trouble is None
    assert "deed was interrupted" in caplog.text


def test_a_chore_in_trouble_is_not_called_again_by_what_others_commit() -> None:
    """A tight loop: each failure would be followed by the next as fast as news come."""
    clock, deed = ManualClock(), Deed()
    deed.answers = [OSError("full")] * 1000
    with at_work(deed, rest=0.0, clock=clock) as worker:
        assert deed.called.wait(90)
        for _ in range(1000):
            worker.wake()
        assert worker.trouble in (None, "OSError: full")
    assert deed.calls == 1


def test_a_locked_database_is_trouble_like_any_other(tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "locked.db", isolation_level=None)
    mine = sqlite3.connect(tmp_path / "locked.db", isolation_level=None, timeout=0.0)

    def write() -> None:
        try:
            mine.execute("CREATE TABLE t (x INTEGER)")
        except sqlite3.OperationalError as error:
            raise OperationalError("CREATE TABLE", (), error) from error

    worker = Worker("deed", Chore(step=write, rest=lambda: 7.0), ManualClock(), threading.Event())
    other.execute("BEGIN EXCLUSIVE")
    assert [worker.turn(), worker.turn()] == [2.0, 4.0]
    assert "database is locked" in (worker.trouble or "")
    other.execute("ROLLBACK")
    assert worker.turn() == 7.0
    assert worker.trouble is None
    other.close()
    mine.close()


def test_what_goes_wrong_beside_the_steps_is_told_too() -> None:
    worker = Worker("deed", Chore(step=Deed(), rest=lambda: 7.0, ails=lambda: "a lane waits"), ManualClock(), threading.Event())
    worker.turn()
    assert worker.trouble == "a lane waits"


def test_what_finds_few_without_end_lets_more_gather_and_what_finds_many_goes_on_at_once() -> None:
    """The pauses between steps, by how many each of them found."""
    clock, stop = ManualClock(), threading.Event()
    found = [3, 3, *[3] * 20, 500, 3, 0, 3]
    waited: list[float] = []

    class Stop:
        """Stands in for the event: notes the pauses, and what was found makes the time pass."""

        def is_set(self) -> bool:
            return not found or stop.is_set()

        def wait(self, seconds: float) -> bool:
            waited.append(seconds)
            return False

    worker = Worker("deed", Chore(step=lambda: found.pop(0), few=500, rest=lambda: 1.0), clock, Stop())  # type: ignore[arg-type]
    worker.wake()
    thread = threading.Thread(target=worker.run)
    thread.start()
    while thread.is_alive():  # an empty step waits to be woken
        worker.wake()
        thread.join(0.01)
    assert waited[:3] == pytest.approx([0.005, 0.01, 0.015])
    # After 500 there is none; an empty step waits to be woken, and by this clock no time has passed since.
    assert waited[9:] == pytest.approx([0.05] * 14 + [0.0, 0.05])
