"""A disk that is full for some statements."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event

from opentrail.storage.database import Database


@contextmanager
def full_disk(database: Database, statement: str) -> Iterator[None]:
    """Whatever begins with `statement` finds no room."""

    def refuse(_connection: Any, _cursor: Any, given: str, *_: object) -> None:
        if given.startswith(statement):
            raise OSError(28, "No space left on device")

    event.listen(database.engine, "before_cursor_execute", refuse)
    try:
        yield
    finally:
        event.remove(database.engine, "before_cursor_execute", refuse)
