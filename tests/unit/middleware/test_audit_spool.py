"""The spool: in order, each event once or counted, whatever dies in between."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from opentrail.middleware.event import Written
from opentrail.middleware.spool import Spool, adopt

LIMIT = 1 << 20


def event(number: int, size: int = 0) -> Written:
    return Written(f"id-{number}", b'{"n":%d,"x":"%b"}' % (number, b"x" * size))


def drained(spool: Spool, most: int = 100, size: int = 1 << 20) -> list[str]:
    found: list[str] = []
    while (batch := spool.peek(most, size)) is not None:
        found += [item.id for item in batch.events]
        spool.advance(batch)
    return found


def ids(*numbers: int) -> list[str]:
    return [f"id-{number}" for number in numbers]


def test_events_come_out_as_they_went_in(tmp_path: Path) -> None:
    spool = Spool.new(tmp_path, limit=LIMIT)
    assert spool.append([event(1), event(2)]) == 2
    assert spool.append([event(3)]) == 1
    batch = spool.peek(2, 1 << 20)
    assert batch is not None
    assert batch.events == (event(1), event(2))
    spool.advance(batch)
    assert drained(spool) == ids(3)
    assert spool.empty
    assert spool.size == 0


def test_a_batch_is_bounded_by_bytes_but_never_empty(tmp_path: Path) -> None:
    spool = Spool.new(tmp_path, limit=LIMIT)
    spool.append([event(1, 1000), event(2, 1000), event(3, 1000)])
    batch = spool.peek(100, 2500)
    assert batch is not None
    assert len(batch.events) == 2
    assert len(drained(spool, size=10)) == 3


def test_the_limit_holds_and_space_comes_back(tmp_path: Path) -> None:
    spool = Spool.new(tmp_path, limit=5000, segment=1000)
    taken = sum(spool.append([event(number, 400)]) for number in range(20))
    assert 8 <= taken < 20
    assert spool.size <= 5000
    batch = spool.peek(100, 1 << 20)
    assert batch is not None
    spool.advance(batch)
    assert spool.append([event(99, 400)]) == 1
    assert drained(spool) == ids(*range(len(batch.events), taken), 99)


def test_what_fits_of_several_is_taken(tmp_path: Path) -> None:
    spool = Spool.new(tmp_path, limit=1000)
    assert spool.append([event(number, 400) for number in range(5)]) == 2
    assert drained(spool) == ids(0, 1)


def test_only_the_owner_may_look(tmp_path: Path) -> None:
    spool = Spool.new(tmp_path / "a" / "b", limit=LIMIT)
    spool.append([event(1)])
    for path in spool.folder.rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(spool.folder.stat().st_mode) == 0o700


def test_a_living_process_keeps_its_spool(tmp_path: Path) -> None:
    spool = Spool.new(tmp_path, limit=LIMIT)
    spool.append([event(1)])
    assert list(adopt(tmp_path, limit=LIMIT)) == []


def test_what_a_dead_process_left_is_adopted_by_one(tmp_path: Path) -> None:
    dead = Spool.new(tmp_path, limit=LIMIT)
    dead.append([event(1), event(2)])
    batch = dead.peek(1, 1 << 20)
    assert batch is not None
    dead.advance(batch)
    dead.abandon()
    (adopted,) = adopt(tmp_path, limit=LIMIT)
    assert list(adopt(tmp_path, limit=LIMIT)) == []
    assert drained(adopted) == ids(2)
    adopted.close()
    assert list(tmp_path.iterdir()) == []


def test_a_spool_that_is_closed_empty_leaves_nothing(tmp_path: Path) -> None:
    spool = Spool.new(tmp_path, limit=LIMIT)
    spool.append([event(1)])
    drained(spool)
    spool.close()
    spool.close()
    assert list(tmp_path.iterdir()) == []


def test_a_spool_that_is_closed_in_use_waits_for_the_next(tmp_path: Path) -> None:
    spool = Spool.new(tmp_path, limit=LIMIT)
    spool.append([event(1)])
    spool.close()
    (adopted,) = adopt(tmp_path, limit=LIMIT)
    assert drained(adopted) == ids(1)


def test_strangers_in_the_folder_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / "folder").mkdir()
    (tmp_path / ".half-made").mkdir()
    assert list(adopt(tmp_path, limit=LIMIT)) == []
    assert list(adopt(tmp_path / "nowhere", limit=LIMIT)) == []


@pytest.mark.parametrize("cut", [1, 5, 20])
def test_a_torn_line_is_told_and_counted(tmp_path: Path, cut: int) -> None:
    spool = Spool.new(tmp_path, limit=LIMIT)
    spool.append([event(1), event(2)])
    (segment,) = spool.folder.glob("*.events")
    spool.abandon()
    os.truncate(segment, segment.stat().st_size - cut)
    (adopted,) = adopt(tmp_path, limit=LIMIT)
    batch = adopted.peek(100, 1 << 20)
    assert batch is not None
    assert ([item.id for item in batch.events], batch.damaged) == (ids(1), 1)
    adopted.advance(batch)
    assert adopted.empty


def test_a_damaged_line_costs_one_event(tmp_path: Path) -> None:
    spool = Spool.new(tmp_path, limit=LIMIT)
    spool.append([event(1), event(2), event(3)])
    (segment,) = spool.folder.glob("*.events")
    segment.write_bytes(segment.read_bytes().replace(b'"n":2', b'"n":7'))
    batch = spool.peek(100, 1 << 20)
    assert batch is not None
    assert ([item.id for item in batch.events], batch.damaged) == (ids(1, 3), 1)


def test_a_cursor_that_cannot_be_read_costs_a_repetition(tmp_path: Path) -> None:
    spool = Spool.new(tmp_path, limit=LIMIT)
    spool.append([event(1), event(2)])
    batch = spool.peek(1, 1 << 20)
    assert batch is not None
    spool.advance(batch)
    spool.abandon()
    (spool.folder / "cursor").write_text("nonsense")
    (adopted,) = adopt(tmp_path, limit=LIMIT)
    assert drained(adopted) == ids(1, 2)


def test_a_full_disk_leaves_no_half_of_an_event(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = Spool.new(tmp_path, limit=LIMIT)
    spool.append([event(1)])
    monkeypatch.setattr(os, "write", _half(os.write))
    with pytest.raises(OSError, match="No space"):
        spool.append([event(2), event(3)])
    monkeypatch.undo()
    spool.append([event(2), event(3)])
    assert drained(spool) == ids(1, 2, 3)


def test_nothing_is_appended_behind_what_is_torn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = Spool.new(tmp_path, limit=LIMIT)
    spool.append([event(1)])
    monkeypatch.setattr(os, "write", _half(os.write))
    monkeypatch.setattr(os, "ftruncate", _refused)
    with pytest.raises(OSError, match="No space"):
        spool.append([event(2, 100)])
    monkeypatch.undo()
    spool.append([event(2, 100), event(3)])
    assert drained(spool) == ids(1, 2, 3)
    assert len(list(spool.folder.glob("*.events"))) == 0


def test_a_disk_that_cannot_sync_is_no_place_for_events(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = Spool.new(tmp_path, limit=LIMIT)
    monkeypatch.setattr(os, "fdatasync", _refused)
    with pytest.raises(OSError, match="No space"):
        spool.append([event(1)])
    monkeypatch.undo()
    assert drained(spool) == []
    assert spool.append([event(1)]) == 1
    assert drained(spool) == ids(1)


def _refused(*_: object) -> None:
    raise OSError(28, "No space left on device")


def _half(write: Callable[[int, memoryview], int]) -> Callable[[int, memoryview], int]:
    calls: list[int] = []

    def half(file: int, data: memoryview) -> int:
        calls.append(len(data))
        if len(calls) > 1:
            _refused()
        return write(file, data[: len(data) // 2])

    return half


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.integers(1, 6), st.integers(0, 300)),
        st.tuples(st.just("send"), st.integers(1, 4), st.booleans()),
        st.tuples(st.just("crash"), st.integers(0, 60), st.just(0)),
    ),
    max_size=40,
)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(STEPS)
def test_each_event_comes_out_once_and_in_order_or_is_counted(steps: list[tuple[str, int, int]]) -> None:
    """`send` with True: the process dies after the answer, before the cursor is saved; `crash`: while it appends, `n` octets in.

    OpenTrail knows what it has; so an event that is sent twice counts once.
    """
    with TemporaryDirectory() as name:
        folder = Path(name)
        spools = [Spool.new(folder, limit=3000, segment=500)]
        number = damaged = 0
        kept: list[str] = []
        got: list[str] = []

        def die() -> None:
            for spool in spools:
                spool.abandon()
            spools[:] = [*adopt(folder, limit=3000), Spool.new(folder, limit=3000, segment=500)]
            # one process after the other: what the first left is older
            spools[:-1] = sorted(spools[:-1], key=lambda spool: min(int(item.id[3:]) for item in _all(spool)) if _all(spool) else -1)

        def send(most: int, *, dies: bool) -> None:
            nonlocal damaged
            for spool in spools:
                batch = spool.peek(most, 1 << 20)
                if batch is None:
                    continue
                got.extend(item.id for item in batch.events if item.id not in got)
                if dies:
                    die()
                else:
                    damaged += batch.damaged
                    spool.advance(batch)
                return

        for step, first, second in steps:
            if step == "append":
                events = [event(number + index, int(second)) for index in range(first)]
                number += len(events)
                taken = spools[-1].append(events)
                kept += [item.id for item in events[:taken]]
            elif step == "send":
                send(first, dies=bool(second))
            else:
                torn = event(number, 30)
                number += 1
                before = {path: path.stat().st_size for path in spools[-1].folder.glob("*.events")}
                if spools[-1].append([torn]):
                    newest = max(spools[-1].folder.glob("*.events"))
                    whole = newest.stat().st_size
                    os.truncate(newest, min(whole, before.get(newest, 0) + first))
                    if newest.stat().st_size == whole:
                        kept.append(torn.id)
                die()
        while any(spool.peek(1, 1 << 20) is not None for spool in spools):
            send(3, dies=False)
        assert got == kept
        assert damaged <= sum(step == "crash" for step, _, _ in steps)


def _all(spool: Spool) -> tuple[Written, ...]:
    batch = spool.peek(1000, 1 << 30)
    return batch.events if batch is not None else ()
