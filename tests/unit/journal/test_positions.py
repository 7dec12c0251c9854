"""Follower positions: kept with the effect, only ever onwards."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.exc import IntegrityError

from opentrail.journal.positions import FOLLOWERS, Positions
from opentrail.storage.database import Database


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database.at(tmp_path / "state.db")
    yield opened
    opened.close()


SAVES = [
    ([], 0),
    ([0], 0),
    ([5], 5),
    ([5, 9], 9),
    ([9, 5], 9),
    ([5, 5], 5),
    ([0, 3, 0], 3),
]


@pytest.mark.parametrize(("saved", "expected"), SAVES)
def test_a_position_never_moves_backwards(database: Database, saved: list[int], expected: int) -> None:
    positions = Positions(database)
    for position in saved:
        with database.begin() as connection:
            positions.save(connection, "trails", position)
    assert positions.get("trails") == expected
    assert positions.all() == ({"trails": expected} if saved else {})


def test_reset_goes_back(database: Database) -> None:
    positions = Positions(database)
    for change, position in ((positions.save, 9), (positions.reset, 4), (positions.save, 3)):
        with database.begin() as connection:
            change(connection, "trails", position)
    assert positions.get("trails") == 4


def test_a_position_is_saved_with_the_callers_transaction_or_not_at_all(database: Database) -> None:
    positions = Positions(database)

    def failing() -> None:
        with database.begin() as connection:
            positions.save(connection, "trails", 3)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        failing()
    assert positions.get("trails") == 0


def test_followers_do_not_touch_each_other_and_another_process_sees_them(database: Database, tmp_path: Path) -> None:
    positions = Positions(database)
    with database.begin() as connection:
        positions.save(connection, "trails", 3)
        positions.save(connection, "history", 8)
    other = Database.at(tmp_path / "state.db")
    assert Positions(other).all() == {"history": 8, "trails": 3}
    other.close()


def test_a_negative_position_is_refused(database: Database) -> None:
    positions = Positions(database)
    for change in (positions.save, positions.reset):
        with pytest.raises(ValueError, match="never negative"), database.begin() as connection:
            change(connection, "trails", -1)
    with pytest.raises(IntegrityError), database.begin() as connection:
        connection.execute(FOLLOWERS.insert().values(name="x", position=-1))
