"""The one in this process who puts events: what many callers want at once becomes one commit.

A commit waits for the disk; a hundred puts that share one wait once. What one of them raises is told to its caller alone, and a caller is
told of success only when the commit is on disk.
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

MOST: Final = 128
"""Jobs in one commit."""


class Closed(OpenTrailError):
    """The log groups are closed: the server is stopping."""


class Writer:
    """A thread that carries out jobs in the order in which they come. It begins with the first job."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._jobs: deque[tuple[Job[Any], Future[Any]]] = deque()
        self._change = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closed = False

    def run(self, job: Job[T]) -> T:
        """Have `job` carried out; returns what it does once that is durable, or raises what it raised, with nothing of it done."""
        future: Future[T] = Future()
        with self._change:
            if self._closed:
                raise Closed
            self._jobs.append((job, future))
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="log-writer", daemon=True)
                self._thread.start()
            self._change.notify()
        return future.result()

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
        outcomes: list[tuple[Any, Exception | None]] = []
        try:
            with self._database.begin() as connection:
                for job, _ in batch:
                    outcomes.append(_carried_out(connection, job))
        except BaseException as error:
            for _, future in batch:
                future.set_exception(error)
            return
        for (_, future), (result, failure) in zip(batch, outcomes, strict=True):
            if failure is None:
                future.set_result(result)
            else:
                future.set_exception(failure)


def _carried_out(connection: Connection, job: Job[Any]) -> tuple[Any, Exception | None]:
    connection.exec_driver_sql("SAVEPOINT job")
    try:
        result = job(connection)
    except Exception as error:
        connection.exec_driver_sql("ROLLBACK TO SAVEPOINT job")
        connection.exec_driver_sql("RELEASE SAVEPOINT job")
        return None, error
    connection.exec_driver_sql("RELEASE SAVEPOINT job")
    return result, None
