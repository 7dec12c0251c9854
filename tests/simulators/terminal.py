"""A program at a terminal of its own, with somebody who types and reads."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Mapping, Sequence

UP = "\x1b[A"
CTRL_C = "\x03"
CTRL_D = "\x04"
PATIENCE = 120.0


class Terminal:
    """`command` runs in it at once; `close` ends it."""

    def __init__(self, command: Sequence[str], *, environment: Mapping[str, str], columns: int = 100, lines: int = 30) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self._process = subprocess.Popen(
            command,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            # Sizes in the environment are those of another terminal.
            env={**{name: value for name, value in environment.items() if name not in ("COLUMNS", "LINES")}, "TERM": "xterm"},
            start_new_session=True,
            preexec_fn=_take_terminal,
        )
        os.close(slave)
        self._unread = ""
        self.screen = ""
        """All that was printed so far."""

    def type(self, text: str) -> None:
        """As if on a keyboard."""
        os.write(self._master, text.encode())

    def read_to(self, text: str) -> str:
        """Wait until `text` is printed; what was printed before it since the last time."""
        end = time.monotonic() + PATIENCE
        while text not in self._unread:
            if not self._read(end):
                raise AssertionError(f"{text!r} was not printed, but:\n{self._unread}")
        found, _, self._unread = self._unread.partition(text)
        return found

    def interrupt_to(self, text: str) -> str:
        """Ctrl-C, once more each second until `text` is printed: Python's line editor does not wake for a signal that comes after it has
        printed its prompt and before it waits for keys.
        """
        end = time.monotonic() + PATIENCE
        while text not in self._unread and time.monotonic() < end:
            self.type(CTRL_C)
            again = time.monotonic() + 1.0
            while text not in self._unread and self._read(again):
                pass
        return self.read_to(text)

    def ended(self) -> int:
        """Wait for the end of the program; its exit code."""
        end = time.monotonic() + PATIENCE
        while self._read(end):
            pass
        return self._process.wait(PATIENCE)

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._master)

    def _read(self, end: float) -> bool:
        ready, _, _ = select.select([self._master], [], [], max(0.0, end - time.monotonic()))
        try:
            piece = os.read(self._master, 65536) if ready else b""
        except OSError:  # nobody has the other end any more
            return False
        text = piece.decode(errors="replace")
        self._unread = (self._unread + text).replace("\r\n", "\n")  # the two may have come apart
        self.screen += text
        return bool(piece)


def _take_terminal() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # who runs the tests in the background has it ignored; a terminal has not
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
