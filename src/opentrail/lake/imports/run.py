"""One import, from where it stands to its end: find the prefixes, read their files, have them converted, settle.

The thread of the importer goes through all of it; reading and converting happen ahead of it, in threads and processes of their own. It
holds a few batches in memory, and nothing that is not in the state database matters when the process ends.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Final

from opentrail.clock import Clock
from opentrail.lake import event_data_store as statuses
from opentrail.lake.event_data_store import EventDataStore
from opentrail.lake.faults import EventDataStoreNotFoundException, InactiveEventDataStoreException
from opentrail.lake.imports import finding, ledger, store
from opentrail.lake.imports.batches import Batch, Gathering
from opentrail.lake.imports.conversion import Came, Converts, Done, Task, WorkerDied, remove_drafts
from opentrail.lake.imports.layout import DAY, Scope
from opentrail.lake.imports.location import location
from opentrail.lake.imports.reading import ATTEMPTS, PAUSE, Wanted, readings
from opentrail.lake.imports.settling import Settling
from opentrail.lake.imports.source import ImportSource, Opens
from opentrail.lake.imports.values import COMPLETED, DIRECTORY, FAILED, IN_PROGRESS, INITIALIZING, ONGOING, Import
from opentrail.lake.neighbours import Stores, Tables
from opentrail.storage.database import Database
from opentrail.wire.faults import Fault

UNDER_WAY: Final = 4  # batches that are being converted, or wait for it
CHUNK: Final = 200
"""Names that are looked up, or kept, together."""
DEATHS: Final = 4
"""Workers that a file may take with it before it is given up."""

log = logging.getLogger("opentrail.lake")


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbourhood:
    """What an import needs of the others."""

    database: Database
    clock: Clock
    stores: Stores
    tables: Tables
    converts: Converts
    open: Opens


class Run:
    """One import being done. One thread."""

    def __init__(self, of: Import, near: Neighbourhood, stop: threading.Event, enough: Callable[[], bool]) -> None:
        """`stop` is set when the process ends; `enough` tells when it is another import's turn."""
        self._of = of
        self._near = near
        self._stop = stop
        self._enough = enough
        self._settling = Settling(near.database, near.clock, near.tables)
        self._prefix = location(of.location).prefix if of.kind != DIRECTORY else ""
        self._outstanding: Counter[str | None] = Counter()
        self._listed: set[str] = set()
        self._retried: frozenset[str] = frozenset()

    def work(self) -> None:
        """Go on until the import has ended, is stopped, or it is another's turn. Whatever it raises, the next attempt goes on where
        it was safe."""
        self._settling.recover()
        try:
            found = self._destination()
            source = self._near.open(self._of)
            scope = self._scope(found)
            if self._of.status == INITIALIZING:
                self._find_prefixes(source, scope)
            if not self._go_through(source, scope):
                return
        except Fault as fault:
            if not fault.sender:
                raise  # it may pass
            self._fail_whole(fault)
        self._end()

    def _destination(self) -> EventDataStore:
        found = self._near.stores.get(self._of.store_id)
        if found is None:
            raise EventDataStoreNotFoundException("The event data store is gone.")
        if found.status == statuses.PENDING_DELETION:
            raise InactiveEventDataStoreException("The event data store is about to be deleted.")
        return found

    def _scope(self, found: EventDataStore) -> Scope:
        return Scope(
            family=found.family,
            prefix=self._prefix,
            local=self._of.kind == DIRECTORY,
            start=self._of.start_event_time,
            end=self._of.end_event_time,
            oldest=self._near.clock.time() - found.retention_period * DAY,
        )

    def _find_prefixes(self, source: ImportSource, scope: Scope) -> None:
        near, now = self._near, self._near.clock.time()
        found = finding.prefixes(source, scope)
        any_found = False
        while some := list(islice(found, CHUNK)):
            any_found = True
            with near.database.begin() as connection:
                store.find_prefixes(connection, self._of.id, map(_plain, some), now)
        with near.database.begin() as connection:
            if any_found:
                store.mend(connection, self._of.id, self._of.location, now)
            else:
                message = "There are no files of CloudTrail here: name the prefix that holds them in the location."
                store.fail(connection, self._of.id, self._of.location, None, "NoFilesFound", message, now)
            current = store.find(connection, self._of.id)
            if current is not None and current.status == INITIALIZING:
                store.set_status(connection, self._of.id, IN_PROGRESS, now)

    def _go_through(self, source: ImportSource, scope: Scope) -> bool:
        """Every file that is left. Returns whether that was the end of it."""

        def known(sha256: bytes) -> object:
            with self._near.database.read() as connection:
                return ledger.known(connection, self._of.store_id, sha256)

        def part(where: str) -> bytes:
            with self._near.database.read() as connection:
                return ledger.part(connection, self._of.store_id, where)

        gathering = Gathering(known=known, part=part, oldest=scope.oldest, location=self._location)
        pool = ThreadPoolExecutor(UNDER_WAY, thread_name_prefix="import-batch")
        waiting: deque[tuple[Batch, str, Future[Done]]] = deque()
        halt = threading.Event()  # of this turn; `stop` is that of the process
        try:
            for batch in gathering.batches(readings(source, self._files(source, scope), halt)):
                waiting.append(self._begun(batch, scope, pool))
                if len(waiting) >= UNDER_WAY and not self._settle(gathering, *waiting.popleft()):
                    return False
                if self._stop.is_set() or self._enough():
                    return False
            while waiting:
                if self._stop.is_set() or not self._settle(gathering, *waiting.popleft()):
                    return False
            return self._settling.settle(self._of, "", (), (), self._completed())
        finally:
            halt.set()
            for _, _, future in waiting:
                future.cancel()
            pool.shutdown(wait=True, cancel_futures=True)
            for _, draft, _ in waiting:
                remove_drafts(draft)

    def _begun(self, batch: Batch, scope: Scope, pool: ThreadPoolExecutor) -> tuple[Batch, str, Future[Done]]:
        draft = self._draft()
        task = Task(family=scope.family, draft=draft, files=[file for _, file in batch.files])
        return batch, draft, pool.submit(self._converted, task)

    def _converted(self, task: Task) -> Done:
        """The task carried out; a file at which workers die is given up, without the others."""
        if not task.files:
            return Done(files=[], drafts=[])
        deaths = 0
        while True:
            try:
                return self._near.converts.convert(task)
            except WorkerDied as died:
                if self._stop.is_set():
                    raise
                deaths += 1
                log.warning("a worker died at %s files of the import %s: %s", len(task.files), self._of.id, died)
                remove_drafts(task.draft)
                if deaths >= DEATHS:
                    break
        if len(task.files) == 1:
            return Done(files=[Came(error=("UnreadableFile", "Whatever reads this file dies of it."))], drafts=[])
        middle = len(task.files) // 2
        parts = (
            Task(family=task.family, draft=self._draft(), files=task.files[:middle]),
            Task(family=task.family, draft=self._draft(), files=task.files[middle:]),
        )
        done = [self._converted(part) for part in parts]
        return Done(files=[one for part in done for one in part.files], drafts=[one for part in done for one in part.drafts])

    def _draft(self) -> str:
        return str(self._near.tables.draft(self._of.store_id))

    def _settle(self, gathering: Gathering, batch: Batch, draft: str, future: Future[Done]) -> bool:
        try:
            done = future.result()
            self._destination()
        except BaseException:
            remove_drafts(draft)
            raise
        for prefix in batch.prefixes:
            self._outstanding[prefix] -= 1
        outcomes = batch.outcomes(done.files, self._location)
        goes_on = self._settling.settle(self._of, batch.token, outcomes, done.drafts, self._completed())
        gathering.settled(batch)
        return goes_on

    def _completed(self) -> list[str]:
        done = [prefix for prefix in self._listed if self._outstanding[prefix] <= 0]
        self._listed.difference_update(done)
        return done

    def _files(self, source: ImportSource, scope: Scope) -> Iterator[Wanted]:
        """What is left to be read: first what is tried again, then what the prefixes have."""
        with self._near.database.read() as connection:
            failed = store.to_retry(connection, self._of.id)
            prefixes = store.open_prefixes(connection, self._of.id)
        self._retried = frozenset(key for _, key in failed if key is not None)
        for key in sorted(self._retried):
            yield self._wanted(key, None)
        for prefix in prefixes:
            if self._stop.is_set():
                return
            try:
                yield from self._files_of(source, scope, prefix)
            except Fault as fault:
                self._fail(self._location(prefix), fault.code, fault.message)
            else:
                self._listed.add(prefix)
                self._mend(self._location(prefix))

    def _files_of(self, source: ImportSource, scope: Scope, prefix: str) -> Iterator[Wanted]:
        keys = _persistent(lambda: finding.files(source, scope, prefix), self._stop)
        while some := list(islice(keys, CHUNK)):
            for key in some:
                if not _is_text(key):
                    self._fail(self._location(_plain(key)), "UnreadableFile", "Its name is not UTF-8: give it another one.")
            some = [key for key in some if _is_text(key) and key not in self._retried]
            with self._near.database.read() as connection:
                done = store.dealt_with(connection, self._of.id, some)
            for key in some:
                if key not in done:
                    yield self._wanted(key, prefix)

    def _wanted(self, key: str, prefix: str | None) -> Wanted:
        self._outstanding[prefix] += 1
        return Wanted(key=key, prefix=prefix)

    def _location(self, key: str) -> str:
        if self._of.kind == DIRECTORY:
            return f"{self._of.location.rstrip('/')}/{key}"
        return f"s3://{location(self._of.location).bucket}/{key}"

    def _fail(self, where: str, error_type: str, message: str) -> None:
        with self._near.database.begin() as connection:
            store.fail(connection, self._of.id, where, None, error_type, message, self._near.clock.time())

    def _mend(self, where: str) -> None:
        with self._near.database.begin() as connection:
            store.mend(connection, self._of.id, where, self._near.clock.time())

    def _fail_whole(self, fault: Fault) -> None:
        log.warning("the import %s has failed: %s", self._of.id, fault)
        self._fail(self._of.location, fault.code, fault.message)

    def _end(self) -> None:
        now = self._near.clock.time()
        with self._near.database.begin() as connection:
            current = store.find(connection, self._of.id)
            if current is not None and current.status in ONGOING:
                status = FAILED if current.statistics.failed_entries else COMPLETED
                store.set_status(connection, self._of.id, status, now)
                if status == COMPLETED:
                    store.forget_files(connection, self._of.id)


def _persistent(files: Callable[[], Iterator[str]], stop: threading.Event) -> Iterator[str]:
    """A list that is begun again, and gone through to where it was, when the source did not answer for a reason that may pass."""
    last = ""
    for left in reversed(range(ATTEMPTS)):
        try:
            for key in files():
                if not last or key.encode(errors="surrogateescape") > last.encode(errors="surrogateescape"):
                    last = key
                    yield key
            return
        except Fault as fault:
            if fault.sender or not left or stop.wait(PAUSE):
                raise


def _is_text(key: str) -> bool:
    try:
        key.encode()
    except UnicodeEncodeError:
        return False
    return True


def _plain(key: str) -> str:
    return key.encode(errors="backslashreplace").decode()
