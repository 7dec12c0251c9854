"""What became of the latest attempts to put events into each channel (`IngestionStatus`): in memory, and written down every second.

A crash takes a second of it at the most; what is then told is older, and true. Thread-safe.
"""

from __future__ import annotations

import threading
from dataclasses import asdict, replace

from opentrail.clock import Clock
from opentrail.lake.channels import store
from opentrail.lake.channels.store import Status
from opentrail.storage.database import Database


class Statuses:
    """Of all channels."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._lock = threading.Lock()
        self._newer: dict[str, Status] = {}
        """Not written down yet; `None`s are not known here."""
        database.create(store.METADATA)

    def note(self, arn: str, *, attempted: str, taken: str | None, error: str | None) -> None:
        """An attempt has ended: the id of its last event, of the last one that was taken, the code of the last error. Microseconds."""
        now = self._clock.time()
        with self._lock:
            known = self._newer.get(arn, _NOTHING)
            self._newer[arn] = Status(
                attempt_at=now,
                attempt_event_id=attempted,
                success_at=known.success_at if taken is None else now,
                success_event_id=known.success_event_id if taken is None else taken,
                error_code=known.error_code if error is None else error,
            )

    def of(self, arn: str) -> Status:
        """What is known now. Reads from the database."""
        newer = self._newer.get(arn, _NOTHING)
        with self._database.read() as connection:
            written = store.status(connection, arn)
        return replace(written, **_told(newer))  # type: ignore[arg-type]

    def save(self) -> None:
        """Write down what is new. Blocking; raises what the database raises, and forgets nothing then."""
        with self._lock:
            saved = dict(self._newer)
        if not saved:
            return
        with self._database.begin() as connection:
            for arn, status in saved.items():
                store.put_status(connection, arn, _told(status))
        with self._lock:
            for arn, status in saved.items():
                if self._newer.get(arn) is status:  # nothing has come since
                    del self._newer[arn]


_NOTHING = Status()


def _told(status: Status) -> dict[str, object]:
    return {name: value for name, value in asdict(status).items() if value is not None}
