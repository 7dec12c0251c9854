"""`POST /moto-api/reset`: back to the first start, for test suites that expect an empty AWS before each test.

There only with `testing.reset_door=true`, which takes loopback listeners. Removed is what clients can make: every row of the state, in one
transaction per database, and the data of the buckets. Kept are the things that are no client's: positions in the journal, signing keys,
events that are still to be recorded, and the counters by which processes see that something has changed; these go up. The journal and the
event history stay as well: nothing that happened is unmade.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from sqlalchemy import Connection, Integer, MetaData, delete, update

from opentrail.api.arrival import Arrival
from opentrail.api.asgi import Door
from opentrail.storage.database import Database
from opentrail.wire.http import Response

PATH: Final = "/moto-api/reset"
KEPT: Final = frozenset({"followers", "signing_keys", "outbox"})
"""Tables that are no client's."""
COUNTERS: Final = ("_generation", "_changes")
"""How the tables are called that count changes."""

_JSON: Final = (("content-type", "application/json"),)


class ResetDoor:
    """Empties `databases`, then calls `then`, one after the other, in a worker thread: for what is in memory or in files."""

    def __init__(self, databases: Sequence[Database], *then: Callable[[], object]) -> None:
        self._databases = tuple(databases)
        self._then = then

    def by_path(self) -> Mapping[str, Door]:
        """The door, for `asgi.Application`."""
        return {PATH: self.answer}

    async def answer(self, arrival: Arrival) -> Response:
        """200 when everything is gone."""
        if arrival.request.method != "POST":
            return Response(status=405, headers=(("allow", "POST"),), body=b"")
        await asyncio.to_thread(self.reset)
        return Response(status=200, headers=_JSON, body=b'{"status":"ok"}')

    def reset(self) -> None:
        """Remove everything that clients have made."""
        for database in self._databases:
            with database.begin() as connection:
                empty(connection)
        for step in self._then:
            step()


def empty(connection: Connection) -> None:
    """Remove the rows of every table but the kept ones; counters go up."""
    there = MetaData()
    there.reflect(connection)
    for table in reversed(there.sorted_tables):
        if table.name.endswith(COUNTERS):
            counts = [column for column in table.columns if isinstance(column.type, Integer) and not column.primary_key]
            connection.execute(update(table).values({column: column + 1 for column in counts}))
        elif table.name not in KEPT:
            connection.execute(delete(table))
