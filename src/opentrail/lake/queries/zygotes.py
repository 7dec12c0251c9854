"""The lake's side of a zygote (`zygote`, `spark_zygote`): children are asked for, and reaped, over its socket."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec

from opentrail.lake.queries import frames

STARTING: Final = 60.0
"""Seconds that zygote or child may take to be ready."""
ZYGOTE: Final = (sys.executable, "-m", "opentrail.lake.queries.zygote")
SPARK_ZYGOTE: Final = (sys.executable, "-m", "opentrail.lake.queries.spark_zygote")
REMOTE: Final = "OPENTRAIL_SPARK_REMOTE"
"""Environment variable that names Spark's server to the children."""
_KEPT: Final = ("PATH", "PYTHONPATH", "PYTHONHOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "TMPDIR", "COVERAGE_PROCESS_START")
"""Of the environment; the rest may hold secrets."""


class Zygote:
    """A zygote that runs. Thread-safe."""

    def __init__(self, control: socket.socket, process_id: int, stop: Callable[[], None]) -> None:
        """`control` is this side's end of its socket; `stop` makes sure that it has ended, once that is closed."""
        self.process_id = process_id
        self._control = control
        self._control.settimeout(STARTING)
        self._stop = stop
        self._lock = threading.Lock()
        self.is_gone = False

    @classmethod
    def started(cls, command: Sequence[str], environment: Mapping[str, str]) -> Zygote:
        """A new one: `command`, with the number of its socket. `environment` is added to the few variables that it is given."""
        control, theirs = _pair()
        kept = {name: os.environ[name] for name in _KEPT if name in os.environ} | {"OPENBLAS_NUM_THREADS": "1"}
        with theirs:
            process = subprocess.Popen(
                [*command, str(theirs.fileno())], pass_fds=[theirs.fileno()], env={**kept, **environment}, stdin=subprocess.DEVNULL
            )

        def stop() -> None:
            process.kill()
            process.wait()

        return cls(control, process.pid, stop)

    def nest(self) -> Zygote:
        """A zygote forked from this one, which ends with it. Raises `frames.Ended`."""
        control, theirs = _pair()
        try:
            with theirs:
                process_id = self._ask(["nest"], theirs)
        except BaseException:
            control.close()
            raise
        return Zygote(control, process_id, lambda: self._end(process_id))

    def fork(self, channel: socket.socket) -> int:
        """A new child at the other end of `channel`; its process id. Raises `frames.Ended`, as do the others."""
        return self._ask(["fork"], channel)

    def reap(self, process_id: int) -> int:
        """How the child, which has ended, ended."""
        return self._ask(["reap", process_id])

    def show(self, files: Sequence[str]) -> None:
        """Have it read the footers of `files`: children that are forked from now on know them."""
        self._ask(["show", files])

    def close(self) -> None:
        """End it, and with it its children."""
        with self._lock:
            self.is_gone = True
            self._control.close()
        self._stop()

    def _end(self, inner: int) -> None:
        if not self.is_gone:  # with the outer one the kernel ends the inner one
            with contextlib.suppress(frames.Ended, ProcessLookupError):
                os.kill(inner, signal.SIGKILL)
                self.reap(inner)

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


def _pair() -> tuple[socket.socket, socket.socket]:
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
