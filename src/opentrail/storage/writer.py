"""One who writes to a database for many: what several callers want at once becomes one commit.

A commit waits for the disk; a hundred calls that share one wait once. Each job is a function of the connection. What it raises is told to
its caller, and what it had written by then is undone, without the others hearing of it. A caller is told of success only when the commit is
on disk.

    writer = Writer(database, name="queue-writer")
    number = writer.run(lambda connection: store.add(connection, row))

One for a database and process is enough: two would wait for each other's lock.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Final, TypeVar

from sqlalchemy import Connection

from opentrail.errors import OpenTrailError
from opentrail.storage.database import Database

T = TypeVar("T")
Job = Callable[[Connection], T]

MOST: Final = 256
"""Jobs in one commit."""


class Closed(OpenTrailError):
    """The database is closed: the server is stopping."""


class Writer:
    """A thread that carries out jobs in the order in which they come. It begins with the first job."""

    def __init__(self, database: Database, *, name: str) -> None:
        """`name` is that of the thread."""
        self._database = database
        self._name = name
        self._jobs: deque[tuple[Job[Any], Future[Any]]] = deque()
        self._change = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closed = False

    def submit(self, job: Job[T]) -> Future[T]:
        """Have `job` carried out; the future has its result once that is durable, or what it raised."""
        future: Future[T] = Future()
        with self._change:
            if self._closed:
                raise Closed
            self._jobs.append((job, future))
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name=self._name, daemon=True)
                self._thread.start()
            self._change.notify()
        return future

    def run(self, job: Job[T]) -> T:
        """The same for a caller that can wait."""
        return self.submit(job).result()

    def close(self) -> None:
        """Carry out what has been asked for, and take no more."""
        with self._change:
            self._closed = True
            self._change.notify()
        if self._thread is not None:
            self._thread.join()

    def _work(self) -> None:
        while True:
            with self._change:
                while not self._jobs and not self._closed:
                    self._change.wait()
                if not self._jobs:
                    return
                batch = [self._jobs.popleft() for _ in range(min(MOST, len(self._jobs)))]
            self._commit(batch)

    def _commit(self, batch: list[tuple[Job[Any], Future[Any]]]) -> None:
        batch = [(job, future) for job, future in batch if future.set_running_or_notify_cancel()]
        outcomes: list[tuple[Any, BaseException | None]] = []
        try:
            with self._database.begin() as connection:
                for job, _ in batch:
                    outcomes.append(_carried_out(connection, job))
        except BaseException as error:
            for _, future in batch:
                future.set_exception(error)
            return
        for (_, future), (result, failure) in zip(batch, outcomes, strict=True):
            if failure is not None:
                future.set_exception(failure)
            else:
                future.set_result(result)


def _carried_out(connection: Connection, job: Job[Any]) -> tuple[Any, BaseException | None]:
    connection.exec_driver_sql("SAVEPOINT job")
    try:
        result = job(connection)
    except Exception as error:
        connection.exec_driver_sql("ROLLBACK TO SAVEPOINT job")
        connection.exec_driver_sql("RELEASE SAVEPOINT job")
        return None, error
    connection.exec_driver_sql("RELEASE SAVEPOINT job")
    return result, None
