"""Notes of what was taken from another database, so that it is taken once although these are two.

Whoever hands something over keeps it until the other has it: dying in between, he hands it over again. The other notes a key of it in the
transaction that takes it, and takes nothing whose key is noted.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, Connection, Float, MetaData, String, Table, delete
from sqlalchemy.dialects.sqlite import insert

from opentrail.storage.database import Database

METADATA: Final = MetaData()

NOTES: Final = Table(
    "taken_once", METADATA, Column("key", String(1024), primary_key=True), Column("time", Float, nullable=False, index=True)
)

KEPT: Final = 30 * 86400.0
"""Seconds for which a note is kept; who hands over gives up long before."""


class Once:
    """The notes of one database."""

    def __init__(self, database: Database) -> None:
        database.create(METADATA)

    def is_first(self, connection: Connection, key: str, now: float) -> bool:
        """Note `key`, in the transaction that takes what it stands for; whether it was not noted before."""
        is_new = connection.execute(insert(NOTES).values(key=key, time=now).on_conflict_do_nothing()).rowcount == 1
        connection.execute(delete(NOTES).where(NOTES.c.time < now - KEPT, NOTES.c.key != key))
        return is_new
