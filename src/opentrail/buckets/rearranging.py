"""Changes of the rows and the files of versions, as one: a transaction that knows which names of files come and which go with it.

    with files.claiming():
        result = carry_out(database, files, work)

`work(connection, files)` runs in a write transaction. A version whose data change place needs a second name for them first, which takes the
disk; that is done outside the transaction, which is then begun anew, so that other writers wait for none of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Connection

from opentrail.buckets import store
from opentrail.buckets.faults import InternalError
from opentrail.buckets.files import Files, Intent
from opentrail.buckets.values import StoredObject
from opentrail.buckets.version_store import is_there
from opentrail.storage.database import Database

_T = TypeVar("_T")


class NotPrepared(Exception):
    """Data have to be linked before the transaction can go on."""


class Names:
    """The names of files that come and go with one transaction."""

    def __init__(self, files: Files, placed: Intent | None) -> None:
        self._files = files
        self._placed = placed
        self._linked: dict[int, Intent] = {}
        self._used: set[int] = set()
        self._wanted: dict[int, tuple[StoredObject, bool]] = {}
        self._doomed: list[Intent] = []

    def moved(self, stored: StoredObject, *, current: bool) -> str:
        """The file of the data of `stored` once they have changed place; their old name goes with the transaction."""
        if stored.marker:
            return ""
        linked = self._linked.get(stored.sequence)
        if linked is None:
            self._wanted[stored.sequence] = (stored, current)
            return ""
        self._used.add(stored.sequence)
        self.gone(stored)
        return linked.file if current else linked.file.partition("/")[2]

    def gone(self, stored: StoredObject) -> None:
        """The name of the data of `stored` goes with the transaction."""
        if not stored.marker and not self._is_placed(stored):
            self._doomed.append(self._files.intend(*stored.place))

    def check(self) -> None:
        """At the end of the transaction. Raises `NotPrepared`."""
        if self._wanted:
            raise NotPrepared

    def prepare(self, is_there: Callable[[int], bool]) -> None:
        """After `NotPrepared`: link what was missing, durably. Raises `InternalError` for data that are not there though their row is."""
        self._again()
        made: list[Intent] = []
        for stored, current in self._wanted.values():
            try:
                if self._is_placed(stored):
                    raise FileNotFoundError
                made.append(self._files.link_version(stored, current=current))
            except FileNotFoundError:
                if is_there(stored.sequence):
                    missing = "/".join(stored.place)
                    raise InternalError(f"The file with the data of this object is missing from the data folder: {missing}") from None
                continue
            self._linked[stored.sequence] = made[-1]
        self._wanted.clear()
        self._files.sync(made)

    def end(self) -> None:
        """The transaction is committed."""
        if self._placed is not None:
            self._files.settle(self._placed)
        for sequence, intent in self._linked.items():
            if sequence in self._used:
                self._files.settle(intent)
            else:
                self._files.withdraw(intent)
        for intent in self._doomed:
            self._files.withdraw(intent)

    def undo(self, referenced: Callable[[str, str], bool]) -> None:
        """The transaction failed, or nobody knows: whichever file no row refers to goes."""
        placed = [] if self._placed is None else [self._placed]
        for intent in (*placed, *self._linked.values(), *self._doomed):
            if referenced(intent.bucket, intent.file):
                self._files.settle(intent)
            else:
                self._files.withdraw(intent)

    def _is_placed(self, stored: StoredObject) -> bool:
        """Whether new data have the name of those of `stored`, which a foreign hand must have removed."""
        return self._placed is not None and stored.place == (self._placed.bucket, self._placed.file)

    def _again(self) -> None:
        for intent in self._doomed:
            self._files.settle(intent)
        self._doomed.clear()
        self._used.clear()


def carry_out(database: Database, files: Files, work: Callable[[Connection, Names], _T], placed: Intent | None = None) -> _T:
    """Run `work` in a transaction, call it inside `files.claiming()`; `placed` is a file that it makes an object's.

    Whatever `work` raises undoes everything; what it has done besides to the database, too. It may be called several times.
    """
    names = Names(files, placed)
    try:
        while True:
            try:
                with database.begin() as connection:
                    result = work(connection, names)
                    names.check()
                break
            except NotPrepared:
                names.prepare(lambda sequence: is_there(database, sequence))
    except BaseException:
        with database.read() as connection:  # when even that cannot be told, the next sweep decides
            names.undo(lambda bucket, file: store.referenced(connection, bucket, file))
        raise
    names.end()
    return result
