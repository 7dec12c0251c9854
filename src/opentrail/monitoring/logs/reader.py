"""Every chunk in order of arrival, for those who follow (`monitoring.neighbours.LogReader`)."""

from __future__ import annotations

import logging
from typing import Any, Final

from sqlalchemy import select

from opentrail.monitoring.logs.gaps import Gap, event_id
from opentrail.monitoring.logs.sealing import Sealing
from opentrail.monitoring.logs.store import CHUNKS, GROUPS, STREAMS
from opentrail.monitoring.logs.values import Group
from opentrail.monitoring.values import Chunk, LogEvent
from opentrail.storage.database import Database
from opentrail.wire.faults import Fault

MOST_BYTES: Final = 8 << 20
"""Bytes of events that are given at once; a single chunk may be alone."""

_log = logging.getLogger(__name__)


class ChunkReader:
    """Thread-safe."""

    def __init__(self, database: Database, sealing: Sealing) -> None:
        self._database = database
        self._sealing = sealing

    def newest(self) -> int:
        """Position of the newest chunk; 0 when there was never one."""
        found = self._database.first("SELECT seq FROM sqlite_sequence WHERE name = 'log_chunks'", ())
        return 0 if found is None else int(found[0])

    def chunks(self, after: int, limit: int) -> list[Chunk]:
        """At most `limit` chunks above the position `after`, oldest first.

        Events whose key is out of reach are left out, and it is said in the log: the key was in reach when they were put, so whoever
        follows closely has seen them, and nobody is held up by somebody else's key.
        """
        query = (
            select(
                CHUNKS,
                *(column.label(f"group_{column.name}") for column in GROUPS.c if column.name != "id"),
                STREAMS.c.name.label("stream"),
            )
            .join(GROUPS, GROUPS.c.id == CHUNKS.c.group_id)
            .join(STREAMS, STREAMS.c.id == CHUNKS.c.stream_id)
            .where(CHUNKS.c.position > after)
            .order_by(CHUNKS.c.position)
            .limit(limit)
        )
        found: list[Chunk] = []
        size = 0
        with self._database.read() as connection:
            for row in connection.execute(query):
                size += row.bytes
                if found and size > MOST_BYTES:
                    break
                found.append(self._chunk(row))
        return found

    def _chunk(self, row: Any) -> Chunk:
        group = Group(
            id=row.group_id,
            account_id=row.group_account_id,
            region=row.group_region,
            partition=row.group_partition,
            name=row.group_name,
            log_group_class=row.group_log_group_class,
            kms_key_id=row.group_kms_key_id,
            retention_in_days=row.group_retention_in_days,
            deletion_protection=row.group_deletion_protection,
            creation_time=row.group_creation_time,
        )
        try:
            events = self._sealing.open(group, row.events, row.data_key)
        except Fault as fault:
            _log.warning("the events at %d of %s cannot be read: %s", row.position, group.arn, fault.message)
            events = []
        return Chunk(
            position=row.position,
            account_id=group.account_id,
            region=group.region,
            log_group=group.name,
            log_stream=row.stream,
            events=[
                LogEvent(
                    event_id=event_id(Gap(timestamp, row.position, index)),
                    timestamp=timestamp,
                    ingestion_time=row.ingestion_time,
                    message=message,
                )
                for index, (timestamp, message) in enumerate(events)
            ],
        )
