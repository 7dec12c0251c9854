"""The lake's side of the process of one query."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from opentrail.clock import Clock
from opentrail.lake.families import Family
from opentrail.lake.queries import frames
from opentrail.lake.queries.zygotes import STARTING, Zygote
from opentrail.lake.sql.wanted import Wanted
from opentrail.wire.faults import fault

CHECKING: Final = 30.0
"""Seconds that the check of a statement may take."""


class Child:
    """One process that runs one query. `kill` may be called from any thread, the rest is for one."""

    def __init__(self, channel: socket.socket, process_id: int, zygote: Zygote, ended: Callable[[], None]) -> None:
        """`ended` is called when it has been reaped."""
        self._channel = channel
        self._zygote = zygote
        self._tell_end = ended
        self._lock = threading.Lock()
        self._ended = False
        self._read_before: int | None = None
        """Bytes that it had read when it was told to run."""
        self.process_id = process_id

    @property
    def is_ready(self) -> bool:
        """Whether `ready` returns, or raises, at once."""
        asked = select.poll()
        asked.register(self._channel, select.POLLIN)
        return bool(asked.poll(0))

    def ready(self) -> None:
        """Wait until it can take a query. Raises `frames.Ended`, `TimeoutError`."""
        self._channel.settimeout(STARTING)
        if frames.receive(self._channel)[0] != frames.READY:
            raise frames.Ended

    def check(self, statement: str, families: Mapping[str, Family], enriched: Sequence[str]) -> tuple[tuple[str, ...], tuple[Wanted, ...]]:
        """The names of the result, where the statement can run, and what it wants of its stores.

        Raises `InvalidQueryStatementException` (by its code), `frames.Ended`, `TimeoutError`.
        """
        asked = {
            "statement": statement,
            "families": {store: family.value for store, family in families.items()},
            "enriched": list(enriched),
        }
        self._channel.settimeout(CHECKING)
        frames.send(self._channel, frames.CHECK, msgspec.msgpack.encode(asked))
        kind, payload = frames.receive(self._channel)
        if kind == frames.REFUSED:
            code, message = msgspec.msgpack.decode(payload, type=tuple[str, str])
            raise fault(code, message)
        if kind != frames.ACCEPTED:
            raise frames.Ended
        return msgspec.msgpack.decode(payload, type=tuple[tuple[str, ...], tuple[Wanted, ...]])

    def run(
        self, told: Mapping[str, Any], deadline: float, clock: Clock, started: Callable[[], None] = lambda: None
    ) -> Iterator[tuple[bytes, bytes]]:
        """Start the query; its frames. `started` is called while it begins. Raises `frames.Ended`, and `TimeoutError` at `deadline`
        (on the monotonic clock)."""
        self._wait(deadline, clock)
        self._read_before = self._read()
        frames.send(self._channel, frames.RUN, msgspec.msgpack.encode(told))
        started()
        while True:
            self._wait(deadline, clock)
            kind, payload = frames.receive(self._channel)
            yield kind, payload
            if kind in (frames.DONE, frames.FAILED):
                return

    @property
    def scanned(self) -> int:
        """Bytes that it has read since it runs its query, by the kernel's count; also once it has ended, until `end`."""
        with self._lock:
            return 0 if self._read_before is None or self._ended else max(self._read() - self._read_before, 0)

    def kill(self) -> None:
        """End the process at once. It is not reaped yet, so nobody else can have its id."""
        with self._lock:
            if not self._ended:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(self.process_id, signal.SIGKILL)

    def end(self) -> int | None:
        """Kill it if it has not ended, reap it; the signal that ended it, `None` when it ended by itself or nobody knows."""
        self._channel.close()
        with self._lock:
            if self._ended:
                return None
            self._ended = True
            # one that has ended by itself is a zombie, whose status a signal does not change
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.process_id, signal.SIGKILL)
            try:
                status = self._zygote.reap(self.process_id)
            except (frames.Ended, TimeoutError):
                return None
            finally:
                self._tell_end()
        return os.WTERMSIG(status) if os.WIFSIGNALED(status) else None

    def _read(self) -> int:
        """All bytes that it has read so far; 0 where the kernel does not tell."""
        try:
            return int(Path(f"/proc/{self.process_id}/io").read_text().split()[1])
        except (OSError, ValueError, IndexError):
            return 0

    def _wait(self, deadline: float, clock: Clock) -> None:
        left = deadline - clock.monotonic()
        if left <= 0:
            raise TimeoutError
        self._channel.settimeout(left)
