"""A line on the terminal that tells how far a verb is; gone when it is over, and never in the way of what is printed."""

from __future__ import annotations

import sys
import time
from typing import TextIO

PAUSE = 0.1
"""Seconds between two drawings."""
_WIDTH = 30
_ERASE = "\r\x1b[K"


class Progress:
    """How many files of those known so far are checked. Draws only where `terminal` is one."""

    def __init__(self, title: str, terminal: TextIO) -> None:
        self._title = title
        self._terminal = terminal if terminal.isatty() else None
        self._known = 0
        self._done = 0
        self._drawn = False
        self._words = "files"
        self._next = time.monotonic() + PAUSE

    def expect(self, files: int) -> None:
        """So many more files will be checked."""
        self._known += files

    def advance(self) -> None:
        """One more is checked."""
        self._done += 1
        if self._terminal is not None and time.monotonic() >= self._next:
            self._next = time.monotonic() + PAUSE
            self._draw(self._terminal)

    def measure(self, done: int, known: int, words: str) -> None:
        """So many are done of those known so far; `words` follow the numbers."""
        self._done, self._known, self._words = done, known, words
        if self._terminal is not None and time.monotonic() >= self._next:
            self._next = time.monotonic() + PAUSE
            self._draw(self._terminal)

    def print(self, line: str, stream: TextIO) -> None:
        """Print a line where it belongs, above the progress where both are on a terminal."""
        if stream.isatty():
            self.erase()
        print(line, file=stream)

    def erase(self) -> None:
        """Take the line off the terminal."""
        if self._drawn and self._terminal is not None:
            self._terminal.write(_ERASE)
            self._terminal.flush()
            self._drawn = False

    def _draw(self, terminal: TextIO) -> None:
        sys.stdout.flush()
        total = max(self._known, self._done)
        full = _WIDTH * self._done // max(1, total)
        terminal.write(f"{_ERASE}{self._title} [{'=' * full}{' ' * (_WIDTH - full)}] {self._done}/{total} {self._words}")
        terminal.flush()
        self._drawn = True
