"""What is set aside is there once, whatever a crash left behind."""

from __future__ import annotations

import shutil
from pathlib import Path

import pyarrow as pa
import pytest

from opentrail.lake.columns import ARROW, to_table
from opentrail.lake.families import Family
from opentrail.lake.tables.waiting import MOST_SMALL, Waiting
from simulators.event_journal import DAY, NOW, made

SCHEMA = ARROW[Family.EVENTS]


def opened(folder: Path, after: int = 0) -> Waiting:
    return Waiting(folder / "waiting", SCHEMA, after=after)


def events(*numbers: int, age: int = 0) -> pa.Table:
    return to_table(Family.EVENTS, [made(number, age=age) for number in numbers], numbers).table.cast(SCHEMA)


def names(waiting: Waiting) -> list[str]:
    return [name for parts in waiting.groups(5) for name in waiting.read(parts)["eventid"].to_pylist()]


def test_files_are_found_again_in_order(tmp_path: Path) -> None:
    waiting = opened(tmp_path)
    assert (waiting.position, waiting.rows, names(waiting)) == (0, 0, [])
    waiting.keep(events(3, 9), after=2, position=9)
    waiting.keep(events(10), after=9, position=100)
    (tmp_path / "waiting" / "draft").write_bytes(b"half")
    again = opened(tmp_path)
    assert (again.position, again.rows, names(again)) == (100, 3, ["event-3", "event-9", "event-10"])
    assert len(list((tmp_path / "waiting").iterdir())) == 2


def test_what_the_table_has_already_is_forgotten(tmp_path: Path) -> None:
    waiting = opened(tmp_path)
    waiting.keep(events(1), after=0, position=1)
    waiting.keep(events(2), after=1, position=2)
    assert names(opened(tmp_path, after=1)) == ["event-2"]  # the process died after the commit
    assert names(opened(tmp_path, after=2)) == []
    assert list((tmp_path / "waiting").iterdir()) == []


@pytest.mark.parametrize("left", [1, MOST_SMALL - 1, MOST_SMALL])
def test_a_death_while_files_are_joined_doubles_nothing(tmp_path: Path, left: int) -> None:
    waiting, apart = opened(tmp_path), tmp_path / "apart"
    for number in range(1, MOST_SMALL + 1):
        waiting.keep(events(number), after=number - 1, position=number)
        opened(apart / str(number)).keep(events(number), after=number - 1, position=number)
    (joined,) = (tmp_path / "waiting").iterdir()
    for number in range(MOST_SMALL - left + 1, MOST_SMALL + 1):  # these were not deleted yet
        shutil.copytree(apart / str(number) / "waiting", tmp_path / "waiting", dirs_exist_ok=True)
    assert len(list((tmp_path / "waiting").iterdir())) == 1 + left
    assert names(opened(tmp_path)) == names(waiting) == [f"event-{number}" for number in range(1, MOST_SMALL + 1)]
    assert list((tmp_path / "waiting").iterdir()) == [joined]


def test_what_outlived_the_retention_goes_but_for_the_last(tmp_path: Path) -> None:
    waiting = opened(tmp_path)
    waiting.keep(events(1, age=9 * DAY), after=0, position=1)
    waiting.keep(events(2), after=1, position=2)
    waiting.keep(events(3, age=9 * DAY), after=2, position=3)
    assert waiting.drop_expired(NOW - 7 * DAY)
    assert (names(waiting), waiting.position) == (["event-2", "event-3"], 3)
    assert not waiting.drop_expired(NOW - 7 * DAY)
    assert opened(tmp_path).position == 3
