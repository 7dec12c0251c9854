"""One piece of work that is tried again when it fails: at most one job of it at a time, and longer and longer pauses."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Generic, ParamSpec, TypeVar

from opentrail.clock import Clock

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
"""Seconds until what failed is tried again: doubled each time, up to the longest. A cure that goes by OpenTrail is noticed at once
(`forget`); the longest pause is for what is cured behind its back: a disk, a folder, a policy of another S3."""

_P = ParamSpec("_P")
_T = TypeVar("_T")


class Patience(Generic[_T]):
    """The state of one such piece of work. Used by one thread."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._job: Future[_T] | None = None
        self._pause = 0.0
        self._began = self._due = clock.monotonic()

    @property
    def is_busy(self) -> bool:
        """Whether a job is under way, or done and not collected."""
        return self._job is not None

    @property
    def is_due(self) -> bool:
        """Whether the time for the next job has come."""
        return self._job is None and self._clock.monotonic() >= self._due

    def begin(self, executor: Executor | None, job: Callable[_P, _T], *given: _P.args, **named: _P.kwargs) -> None:
        """Have the job done by `executor`, or now where there is none."""
        self._began = self._clock.monotonic()
        if executor is not None:
            self._job = executor.submit(job, *given, **named)
        else:
            self._job = Future()
            self._job.set_result(job(*given, **named))

    def collected(self) -> _T | None:
        """What the job gave, once it is done."""
        if self._job is None or not self._job.done():
            return None
        job, self._job = self._job, None
        return job.result()

    def heed(self, succeeded: bool) -> None:
        """Go on at once, or wait."""
        self._pause = 0.0 if succeeded else min(max(FIRST_PAUSE, self._pause * 2), LONGEST_PAUSE)
        self._due = self._clock.monotonic() + self._pause

    def forget(self) -> None:
        """Something may have been cured: try again now, but not sooner than `FIRST_PAUSE` after the last try began."""
        self._pause = 0.0
        self._due = min(self._due, self._began + FIRST_PAUSE)
