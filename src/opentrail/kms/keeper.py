"""What falls due with time: keys whose waiting period is over are deleted, keys under a standing order are rotated."""

from __future__ import annotations

from sqlalchemy import Connection, select, update

from opentrail.kms.keys import rotation_columns
from opentrail.kms.rotation import Rotations, event
from opentrail.kms.store import Store, erase, find_key, keys
from opentrail.kms.values import Key
from opentrail.storage.outbox import Outbox

_TO_DELETE = select(keys.c.key_id)
_TO_ROTATE = select(keys.c.key_id).where(keys.c.state == "Enabled")  # one that is switched off is rotated when it is on again


class Keeper:
    """Works when it is called; one transaction for each key, with the event of the deed in it. May be called from several processes."""

    def __init__(self, store: Store, rotations: Rotations, outbox: Outbox) -> None:
        self._store = store
        self._rotations = rotations
        self._outbox = outbox

    def work(self, now: float) -> int:
        """Do what is due at `now` (seconds since the epoch); returns the number of keys that were deleted or rotated.

        What fails with one key is raised when the others are done.
        """
        with self._store.read() as connection:
            due = [
                *((key_id, self._delete) for key_id in connection.execute(_TO_DELETE.where(keys.c.deletion <= now)).scalars()),
                *((key_id, self._rotate) for key_id in connection.execute(_TO_ROTATE.where(keys.c.rotation_due <= now)).scalars()),
            ]
        done, failed = 0, list[Exception]()
        for key_id, deed in due:
            try:
                with self._store.write() as connection:
                    key = find_key(connection, key_id)
                    done += key is not None and deed(connection, key, now)
            except Exception as error:
                failed.append(error)
        if failed:
            raise failed[0]
        return done

    def _delete(self, connection: Connection, key: Key, now: float) -> bool:
        if key.state != "PendingDeletion" or key.deletion is None or key.deletion > now:
            return False
        erase(connection, key.key_id)
        self._outbox.put(connection, event(key, "DeleteKey", now))
        return True

    def _rotate(self, connection: Connection, key: Key, now: float) -> bool:
        if key.state != "Enabled" or key.rotation is None or key.rotation.due > now:
            return False
        self._rotations.carry_out(connection, key, "AUTOMATIC", now)
        # Counted from today: a server that was off for years does not make up for what it missed.
        connection.execute(update(keys).where(keys.c.key_id == key.key_id).values(**rotation_columns(key.rotation.days, now)))
        return True
