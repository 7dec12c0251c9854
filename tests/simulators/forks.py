"""Programs without their start-up: a process has a program imported, and forks for every command.

Importing is most of what a short command costs, and of what a server costs until it listens. A forked program knows nothing but its
words, its environment and its folder, as if begun afresh; it is started, waited for and killed like a `subprocess.Popen`.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import gc
import json
import os
import selectors
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import IO, Any, ClassVar, Final, NoReturn, Protocol

TESTS: Final = Path(__file__).resolve().parent.parent
_PATIENCE: Final = 120
"""Seconds for the imports, and for a fork."""


class Program(Protocol):
    """What is forked for every command."""

    descriptors: tuple[int, ...]
    """Open files that the forked process has in common with the one that forks."""

    def main(self) -> int | None:
        """One command, with `sys.argv` and the environment of that command. May raise `SystemExit`."""

    def learn(self) -> None:
        """Called before each fork, in the process that forks."""

    def environment(self, asked: Mapping[str, str]) -> Mapping[str, str]:
        """The environment of a command."""


class Forked:
    """A command under way: what of `subprocess.Popen` tests need."""

    def __init__(self, connection: socket.socket, words: Sequence[str]) -> None:
        self.args = list(words)
        self.returncode: int | None = None
        self._connection = connection
        (self.pid,) = struct.unpack("!i", self._connection.recv(4, socket.MSG_WAITALL))

    def poll(self) -> int | None:
        """How it ended; `None` while it runs."""
        return self._ended(0)

    def wait(self, timeout: float | None = None) -> int:
        """How it ended. Raises `subprocess.TimeoutExpired` after `timeout` seconds."""
        code = self._ended(timeout)
        if code is None:
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        return code

    def _ended(self, timeout: float | None) -> int | None:
        if self.returncode is None:
            with selectors.DefaultSelector() as waiting:
                waiting.register(self._connection, selectors.EVENT_READ)
                if not waiting.select(timeout):
                    return None
            self._connection.settimeout(_PATIENCE)
            (self.returncode,) = struct.unpack("!i", self._connection.recv(4, socket.MSG_WAITALL))
            # Until here it is a zombie, so that no other process gets its number; with the end of the connection it is gone.
            self._connection.sendall(b"!")
            assert self._connection.recv(1) == b""
            self._connection.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def start(module: str, words: Sequence[str], environment: Mapping[str, str], stdout: IO[bytes], stderr: IO[bytes]) -> Forked:
    """A command of the program in `module` (`serve` is its `__main__`), in a session and process group of its own.

    It ends with the process that started it, at the latest.
    """
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(_PATIENCE)
    connection.connect(str(_parent(module)))
    request = json.dumps({"words": list(words), "environment": dict(environment), "folder": str(Path.cwd())}).encode()
    socket.send_fds(connection, [struct.pack("!i", len(request))], [stdout.fileno(), stderr.fileno()])
    connection.sendall(request)
    return Forked(connection, words)


def run(module: str, words: Sequence[str], environment: Mapping[str, str], timeout: float = 120) -> subprocess.CompletedProcess[str]:
    """What the command said and how it ended. Raises `subprocess.TimeoutExpired` when it takes more than `timeout` seconds."""
    with tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as complained:
        command = start(module, words, environment, said, complained)
        try:
            returncode = command.wait(timeout)
        finally:
            command.kill()
        said.seek(0)
        complained.seek(0)
        return subprocess.CompletedProcess(list(words), returncode, said.read().decode(), complained.read().decode())


@functools.cache
def _parent(module: str) -> Path:
    """Where the process listens that forks; begun with the first command of this one, ended with it."""
    folder = Path(tempfile.mkdtemp(prefix="forks-"))
    path = folder / "socket"
    clean = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    clean["PYTHONPATH"] = os.pathsep.join(filter(None, (str(TESTS), clean.get("PYTHONPATH"))))
    clean["OPENBLAS_NUM_THREADS"] = "1"  # which would have threads at once
    process = subprocess.Popen([sys.executable, "-P", "-m", module, str(path)], stdin=subprocess.PIPE, env=clean)

    def end() -> None:
        process.communicate()
        shutil.rmtree(folder)

    atexit.register(end)
    deadline = time.monotonic() + _PATIENCE
    while not path.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            raise AssertionError(f"{module} could not be imported")
        time.sleep(0.01)
    return path


def serve(path: Path, program: Program) -> NoReturn:
    """Listen at `path` and fork for every command; never returns: it ends with the standard input, and the process at its other end."""
    listening = socket.socket(socket.AF_UNIX)
    made = path.with_suffix(".made")
    listening.bind(str(made))
    listening.listen(64)
    selector = selectors.DefaultSelector()
    selector.register(listening, selectors.EVENT_READ)
    selector.register(0, selectors.EVENT_READ)
    threads = {(task / "comm").read_text().strip() for task in Path("/proc/self/task").iterdir() if task.name != str(os.getpid())}
    assert threads <= {"jemalloc_bg_thd"}, "a process with threads is no good parent, but jemalloc knows of forks"
    gc.collect()
    gc.freeze()
    made.rename(path)
    while True:
        for key, _ in selector.select():
            if key.fileobj == 0:
                for command in _Command.under_way:
                    command.kill()
                os._exit(0)  # DuckDB would complain of being left as it is
            if key.data is not None:
                key.data()
                continue
            connection, _ = listening.accept()
            program.learn()
            asked, outputs = _request(connection)
            pid = os.fork()
            if pid == 0:
                os._exit(_one(program, asked, outputs, connection))
            for output in outputs:
                os.close(output)
            _Command(connection, pid, selector)


class _Command:
    """A forked process, and the connection of the one that wants to know of its end."""

    under_way: ClassVar[set[_Command]] = set()

    def __init__(self, connection: socket.socket, pid: int, selector: selectors.BaseSelector) -> None:
        self._connection = connection
        self._pid = pid
        self._pidfd = os.pidfd_open(pid)
        self._selector = selector
        self._heard = self._ended = False
        self.under_way.add(self)
        selector.register(connection, selectors.EVENT_READ, self._hear)
        selector.register(self._pidfd, selectors.EVENT_READ, self._end)

    def _end(self) -> None:
        """It has ended: say how. It stays a zombie until that is heard."""
        self._ended = True
        self.under_way.remove(self)
        how = os.waitid(os.P_PID, self._pid, os.WEXITED | os.WNOWAIT)
        assert how is not None
        self._selector.unregister(self._pidfd)
        os.close(self._pidfd)
        with contextlib.suppress(OSError):
            self._connection.sendall(struct.pack("!i", how.si_status if how.si_code == os.CLD_EXITED else -how.si_status))
        self._forget()

    def _hear(self) -> None:
        """Its end has been heard of, or nobody is there any more to hear of it."""
        self._heard = True
        with contextlib.suppress(OSError):
            self._connection.recv(1)
        self._selector.unregister(self._connection)
        self.kill()
        self._forget()

    def kill(self) -> None:
        """Kill it and what it has started."""
        if not self._ended:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)
                os.killpg(self._pid, signal.SIGKILL)

    def _forget(self) -> None:
        if self._ended and self._heard:
            os.waitpid(self._pid, 0)
            self._connection.close()


def _request(connection: socket.socket) -> tuple[Any, list[int]]:
    size, outputs, _, _ = socket.recv_fds(connection, 4, 2)
    request = b""
    while len(request) < int.from_bytes(size, "big"):
        request += connection.recv(1 << 20)
    return json.loads(request), outputs


def _one(program: Program, asked: Any, outputs: Sequence[int], connection: socket.socket) -> int:
    """Be the program, in the forked process; returns the exit code."""
    os.setsid()
    connection.sendall(struct.pack("!i", os.getpid()))  # from here on it has a process group, by which it can be killed
    for number, output in zip((1, 2), outputs, strict=True):
        os.dup2(output, number)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    lowest = 3
    for descriptor in (*sorted(program.descriptors), os.sysconf("SC_OPEN_MAX")):
        os.closerange(lowest, descriptor)
        lowest = descriptor + 1
    environment = program.environment(asked["environment"])
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(asked["folder"])
    sys.argv = asked["words"]
    sys.modules["__main__"] = ModuleType("__main__")  # where programs look for their name
    returncode = 1
    try:
        returncode = program.main() or 0
    except SystemExit as ending:
        match ending.code:
            case int() as returncode:
                pass
            case None:
                returncode = 0
            case message:
                print(message, file=sys.stderr)
    except BaseException:
        traceback.print_exc()
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
        sys.stderr.flush()
    return returncode & 0xFF
