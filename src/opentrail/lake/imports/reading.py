"""Files of an import, read ahead of their turn: the order is kept, the waiting for disk or network is shared."""

from __future__ import annotations

import hashlib
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from opentrail.lake.imports.source import ImportSource
from opentrail.wire.faults import Fault

READERS: Final = 8
AHEAD: Final = 16
"""Files that are read, or being read, before it is their turn."""
ATTEMPTS: Final = 3
PAUSE: Final = 0.5
"""Seconds before a file is tried again that could not be read for a reason that may pass."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A file to be read."""

    key: str
    prefix: str | None
    """The prefix in which it was found; `None` for one that is tried again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A file that was read, or what stood against it."""

    wanted: Wanted
    body: bytes = b""
    sha256: bytes = b""
    """Of `body`."""
    error: tuple[str, str] | None = None


def readings(source: ImportSource, files: Iterable[Wanted], stop: threading.Event) -> Iterator[Reading]:
    """Each of `files`, read, in their order. Ends early when `stop` is set. Raises what `files` raises, once it is its turn."""
    ahead: deque[Future[Reading]] = deque()
    pool = ThreadPoolExecutor(READERS, thread_name_prefix="import-reader")
    try:
        for wanted in files:
            if stop.is_set():
                return
            ahead.append(pool.submit(_read, source, wanted, stop))
            if len(ahead) >= AHEAD:
                yield ahead.popleft().result()
        while ahead and not stop.is_set():
            yield ahead.popleft().result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _read(source: ImportSource, wanted: Wanted, stop: threading.Event) -> Reading:
    for left in reversed(range(ATTEMPTS)):
        try:
            body = source.read(wanted.key)
        except Fault as fault:
            error = (fault.code, fault.message)
            if fault.sender or not left or stop.wait(PAUSE):
                break
        except Exception as trouble:  # of one file; the others are read all the same
            error = ("UnreadableFile", f"It could not be read: {type(trouble).__name__}: {trouble}")
            break
        else:
            return Reading(wanted=wanted, body=body, sha256=hashlib.sha256(body).digest())
    return Reading(wanted=wanted, error=error)
