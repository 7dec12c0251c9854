"""The worker processes of the importer: started when there is something to do, replaced when they die, ended when there is nothing."""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from typing import Final

from opentrail.lake.imports import frames
from opentrail.lake.imports.conversion import Done, Task, WorkerDied, done_of, halves, task_as_dict

WORKERS: Final = 2
"""Files are converted by so many processes at the same time."""
SHARED: Final = 3 << 20
"""Bytes of files from which on two workers share a task, if there is no other for the second one: at the end of an import, above all."""


class Workers:
    """As many callers of `convert` as there are workers are served at the same time; others wait."""

    def __init__(self, number: int = WORKERS) -> None:
        self.number = number
        self._free: queue.LifoQueue[_Worker] = queue.LifoQueue()
        self._lock = threading.Lock()
        self._waiting = 0
        """Callers that wait for a worker."""
        self._seconds = ThreadPoolExecutor(number, thread_name_prefix="import-second")
        """For as long as the workers: a worker ends with the thread that has started it."""
        self._all = [_Worker() for _ in range(number)]
        for worker in self._all:
            self._free.put(worker)

    def convert(self, task: Task) -> Done:
        """See `Converts`."""
        worker, is_alone = self._taken()
        try:
            is_large = len(task.files) > 1 and sum(len(file.body) for file in task.files) >= SHARED
            second = self._idle() if is_alone and is_large else None
            return worker.convert(task) if second is None else self._shared(task, worker, second)
        finally:
            self._free.put(worker)

    def _taken(self) -> tuple[_Worker, bool]:
        """A worker, and whether nobody else waits for one."""
        with self._lock:
            self._waiting += 1
        worker = self._free.get()
        with self._lock:
            self._waiting -= 1
            return worker, not self._waiting

    def _idle(self) -> _Worker | None:
        with suppress(queue.Empty):
            return self._free.get_nowait()
        return None

    def _shared(self, task: Task, worker: _Worker, second: _Worker) -> Done:
        one, other = halves(task)
        rest = self._seconds.submit(second.convert, other)
        try:
            done = worker.convert(one)
        finally:
            wait([rest])
            self._free.put(second)
        return Done(files=[*done.files, *rest.result().files], drafts=[*done.drafts, *rest.result().drafts])

    def rest(self) -> None:
        """See `Converts`; also at the end, from any thread: who waits for an answer hears that the worker has died."""
        for worker in self._all:
            worker.end()
        idle: list[_Worker] = []
        with suppress(queue.Empty):
            while True:
                idle.append(self._free.get_nowait())
        for worker in idle:
            worker.close()
            self._free.put(worker)

    def pids(self) -> list[int]:
        """The processes that are running."""
        return [pid for worker in self._all if (pid := worker.pid()) is not None]


class _Worker:
    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def pid(self) -> int | None:
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    def convert(self, task: Task) -> Done:
        process = self._process
        if process is None or process.poll() is not None:
            self.close()
            process = self._process = _started()
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            frames.send(process.stdin, task_as_dict(task))
            return done_of(frames.receive(process.stdout))
        except (OSError, EOFError, ValueError) as error:
            process.kill()
            self.close()
            raise WorkerDied(f"it ended with {process.returncode}") from error

    def end(self) -> None:
        process = self._process
        if process is not None:
            process.kill()
            process.wait()

    def close(self) -> None:
        process = self._process
        if process is not None:
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    with suppress(OSError):  # what was not sent any more
                        pipe.close()
        self._process = None


def _started() -> subprocess.Popen[bytes]:
    # A process of its own command line: a child by multiprocessing would import everything that the role has.
    command = [sys.executable, "-m", "opentrail.lake.imports.worker", str(os.getpid())]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
