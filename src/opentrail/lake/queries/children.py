"""The lake's side of the processes of queries: a zygote that is kept up, spares that are ready, one child per query."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from opentrail.clock import Clock
from opentrail.lake.families import Family
from opentrail.lake.queries import frames
from opentrail.lake.sql.wanted import Wanted
from opentrail.wire.faults import ServiceUnavailable, fault

SPARES: Final = 2
"""Processes that are ready before they are needed."""
STARTING: Final = 60.0
"""Seconds that zygote or child may take to be ready."""
CHECKING: Final = 30.0
"""Seconds that the check of a statement may take."""
ZYGOTE: Final = (sys.executable, "-m", "opentrail.lake.queries.zygote")
SPARK_ZYGOTE: Final = (sys.executable, "-m", "opentrail.lake.queries.spark_zygote")
REMOTE: Final = "OPENTRAIL_SPARK_REMOTE"
"""Environment variable that names Spark's server to the children."""
_KEPT: Final = ("PATH", "PYTHONPATH", "PYTHONHOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "TMPDIR", "COVERAGE_PROCESS_START")
"""Of the environment; the rest may hold secrets."""

log = logging.getLogger("opentrail.lake")


class Child:
    """One process that runs one query. `kill` may be called from any thread, the rest is for one."""

    def __init__(
        self, channel: socket.socket, process_id: int, zygote: _Zygote, ended: Callable[[], None] = lambda: None
    ) -> None:
        """`ended` is called when it has been reaped."""
        self._channel = channel
        self._zygote = zygote
        self._tell_end = ended
        self._lock = threading.Lock()
        self._ended = False
        self._read_before: int | None = None
        """Bytes that it had read when it was told to run."""
        self.process_id = process_id

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


class Children:
    """Hands out children. Thread-safe."""

    def __init__(self, command: Sequence[str] = ZYGOTE, *, spares: int = SPARES, environment: Mapping[str, str] | None = None) -> None:
        """`command` starts the zygote; the number of its socket is added. `environment` is added to the few variables that it is given."""
        self._command = tuple(command)
        self._environment = dict(environment or {})
        self._wanted = spares
        self._lock = threading.Lock()
        self._zygote: _Zygote | None = None
        self._spares: deque[Child] = deque()
        self._filling = threading.Event()
        self._closed = threading.Event()
        self._filler = threading.Thread(target=self._fill, name="spares", daemon=True)

    def open(self) -> None:
        """Begin to get spares ready."""
        self._filling.set()
        self._filler.start()

    def take(self) -> Child:
        """A child that is ready. Raises `ServiceUnavailable`.

        The next spare is made once a child has ended, unless this was the last one: it would take the processor from the query.
        """
        while True:
            with self._lock:
                spare = self._spares.popleft() if self._spares else None
                is_last = not self._spares
            if is_last:
                self._filling.set()
            if spare is None:
                break
            try:
                spare.ready()
            except (frames.Ended, TimeoutError):
                spare.end()
            else:
                return spare
        for _ in range(2):  # a zygote that has just died is replaced by the first attempt to use it
            try:
                child = self._fork()
                child.ready()
            except (frames.Ended, TimeoutError, OSError):
                log.warning("a process for a query could not be started", exc_info=True)
            else:
                return child
        raise ServiceUnavailable("No process for the query could be started at the moment. Try again later.")

    def close(self) -> None:
        """End the spares and the zygote, and with it every child."""
        self._closed.set()
        self._filling.set()
        if self._filler.ident is not None:
            self._filler.join()
        while self._spares:
            self._spares.popleft().end()
        with self._lock:
            zygote, self._zygote = self._zygote, None
        if zygote is not None:
            zygote.close()

    def _fill(self) -> None:
        while True:
            self._filling.wait()
            self._filling.clear()
            while len(self._spares) < self._wanted and not self._closed.is_set():
                try:
                    child = self._fork()
                except (frames.Ended, TimeoutError, OSError):
                    log.warning("a spare process for queries could not be started", exc_info=True)
                    break  # tried again when the next query comes
                with self._lock:
                    self._spares.append(child)
            if self._closed.is_set():
                return

    def _fork(self) -> Child:
        with self._lock:
            if self._closed.is_set():
                raise frames.Ended
            if self._zygote is None or self._zygote.is_gone:
                if self._zygote is not None:
                    self._zygote.close()
                self._zygote = _Zygote(self._command, self._environment)
            zygote = self._zygote
        ours, theirs = socket.socketpair()
        try:
            return Child(ours, zygote.fork(theirs), zygote, self._filling.set)
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()


class _Zygote:
    """The running zygote. Thread-safe."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._control.settimeout(STARTING)
        self._lock = threading.Lock()
        self.is_gone = False
        kept = {name: os.environ[name] for name in _KEPT if name in os.environ} | {"OPENBLAS_NUM_THREADS": "1"}
        with theirs:
            self._process = subprocess.Popen(
                [*command, str(theirs.fileno())], pass_fds=[theirs.fileno()], env={**kept, **environment}, stdin=subprocess.DEVNULL
            )

    def fork(self, channel: socket.socket) -> int:
        """A new child at the other end of `channel`; its process id."""
        return self._ask(["fork"], channel)

    def reap(self, process_id: int) -> int:
        """How the child, which has ended, ended."""
        return self._ask(["reap", process_id])

    def close(self) -> None:
        """End it."""
        with self._lock:
            self.is_gone = True
            self._control.close()
        self._process.kill()
        self._process.wait()

    def _ask(self, message: list[Any], channel: socket.socket | None = None) -> int:
        with self._lock:
            if self.is_gone:
                raise frames.Ended
            try:
                descriptors = [] if channel is None else [channel.fileno()]
                socket.send_fds(self._control, [msgspec.msgpack.encode(message)], descriptors)
                answer = self._control.recv(4096)
            except OSError as error:  # a time-out too: what is answered late would answer another question
                self.is_gone = True
                raise frames.Ended from error
            if not answer:
                self.is_gone = True
                raise frames.Ended
            return msgspec.msgpack.decode(answer, type=int)
