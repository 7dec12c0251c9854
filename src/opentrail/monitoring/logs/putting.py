"""PutLogEvents: events into a stream, durable on return."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from opentrail.clock import Clock
from opentrail.monitoring.faults import ResourceNotFoundException
from opentrail.monitoring.logs import store
from opentrail.monitoring.logs.accepting import accept
from opentrail.monitoring.logs.sealing import Sealing
from opentrail.monitoring.logs.values import Batch, Group, Stream
from opentrail.storage.database import Database
from opentrail.storage.writer import Writer

NO_GROUP = "The specified log group does not exist."
NO_STREAM = "The specified log stream does not exist."


def the_group(connection: Connection, account_id: str, region: str, name: str) -> Group:
    """The group of this name. Raises `ResourceNotFoundException`."""
    found = store.group(connection, account_id, region, name)
    if found is None:
        raise ResourceNotFoundException(NO_GROUP)
    return found


def the_stream(connection: Connection, group: Group, name: str) -> Stream:
    """The stream of this name. Raises `ResourceNotFoundException`."""
    found = store.stream(connection, group.id, name)
    if found is None:
        raise ResourceNotFoundException(NO_STREAM)
    return found


def chunk(sealing: Sealing, group: Group, batch: Batch, now: int) -> dict[str, Any]:
    """The columns of a chunk that keeps `batch`. Raises faults of the key."""
    octets, data_key = sealing.seal(group, batch)
    return {
        "first": batch.first,
        "last": batch.last,
        "ingestion_time": now,
        "count": len(batch.events),
        "bytes": batch.bytes,
        "events": octets,
        "data_key": data_key,
    }


class Putting:
    """Thread-safe; blocks until the disk has it."""

    def __init__(self, database: Database, clock: Clock, sealing: Sealing, writer: Writer) -> None:
        self._database = database
        self._clock = clock
        self._sealing = sealing
        self._writer = writer

    def put(self, account_id: str, region: str, name: str, stream: str, events: Sequence[Mapping[str, Any]]) -> Mapping[str, int]:
        """Keep what can be kept; returns the `rejectedLogEventsInfo`.

        Raises `ResourceNotFoundException`, `InvalidParameterException`, `AccessDeniedException` for a key that is out of reach.
        """
        with self._database.read() as connection:
            group = the_group(connection, account_id, region, name)
            the_stream(connection, group, stream)
        now = int(self._clock.time() * 1000)
        accepted = accept(events, now, group.retention_in_days)
        if accepted.batch is not None:
            values = chunk(self._sealing, group, accepted.batch, now)

            def job(connection: Connection) -> None:
                store.add_chunk(connection, the_stream(connection, group, stream), values)

            self._writer.run(job)
        return accepted.rejected
