"""Threads that work ahead: `submit` gives a task whose `result` is waited for when its turn comes.

What is needed of `concurrent.futures`, without the import of `logging` that comes with it: `opentrail validate` is over before that pays.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Generic, ParamSpec, TypeVar

_P = ParamSpec("_P")
_T = TypeVar("_T")


class Task(Generic[_T]):
    """A call that some thread makes: one of the workers, or the one that asks for the result first."""

    __slots__ = ("_call", "_done", "_error", "_lock", "_result")

    def __init__(self, call: Callable[[], _T]) -> None:
        self._call = call
        self._lock = threading.Lock()
        self._done = False
        self._result: _T
        self._error: BaseException | None = None

    def run(self) -> None:
        """Make the call, unless it has been made; what it raises is kept for `result`."""
        with self._lock:
            if self._done:
                return
            try:
                self._result = self._call()
            except BaseException as error:
                self._error = error
            self._done = True

    def result(self) -> _T:
        """What the call returned, or raises what it raised; waits for it, or makes it where nobody has begun."""
        self.run()
        if self._error is not None:
            raise self._error
        return self._result


class Workers:
    """Up to `count` threads, started as they are needed; with none, each task is done when its result is asked for."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._waiting: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._closed = False

    def submit(self, function: Callable[_P, _T], *positional: _P.args, **keywords: _P.kwargs) -> Task[_T]:
        """Have `function` called with these arguments."""
        task = Task(lambda: function(*positional, **keywords))
        if self._count:
            self._waiting.put(task.run)
            if len(self._threads) < self._count:
                self._threads.append(threading.Thread(target=self._work, name="validate", daemon=True))
                self._threads[-1].start()
        return task

    def close(self) -> None:
        """Begin nothing more, and wait for what is under way."""
        self._closed = True
        for _ in self._threads:
            self._waiting.put(None)
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        while (run := self._waiting.get()) is not None and not self._closed:
            run()
