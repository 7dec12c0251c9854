"""What is handed over from one database to another is taken once, whatever dies in between."""

from __future__ import annotations

from pathlib import Path

import pytest

from opentrail.storage.database import Database
from opentrail.storage.once import KEPT, Once


def test_a_key_is_taken_once_and_not_at_all_when_the_transaction_is_not(tmp_path: Path) -> None:
    database = Database.at(tmp_path / "other.db")
    once = Once(database)
    found: list[bool] = []

    def die() -> None:
        with database.begin() as connection:
            found.append(once.is_first(connection, "a", 100.0))
            raise OSError("died")

    with pytest.raises(OSError, match="died"):
        die()
    assert found == [True]
    with database.begin() as connection:
        assert once.is_first(connection, "a", 100.0)
        assert not once.is_first(connection, "a", 100.0)
        assert once.is_first(connection, "b", 100.0)
    again = Once(database)
    with database.begin() as connection:
        assert not again.is_first(connection, "a", 100.0 + 2 * KEPT)  # what is asked for is not forgotten
        assert again.is_first(connection, "b", 100.0 + 2 * KEPT)
    database.close()
