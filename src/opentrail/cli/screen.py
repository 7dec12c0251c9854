"""What a person sees of a query at a terminal: long results a page at a time, errors with their place, a query that takes its time."""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Final

PATIENCE: Final = 1.0
"""Seconds after which a query that runs is told of."""
_WINDOW: Final = 76
"""Characters that are shown of a line with an error in it."""
_PLACE: Final = re.compile(r"\bline (\d+):(\d+): ")
_ERASE: Final = "\r\x1b[K"


class Sheet(io.StringIO):
    """Text for a terminal, before it is known whether it needs pages."""

    def isatty(self) -> bool:
        return True


def show(sheet: Sheet) -> None:
    """Print to standard output, through the pager (`PAGER`, else less) where it is more than one screen and somebody can turn pages."""
    text = sheet.getvalue()
    words = shlex.split(os.environ.get("PAGER", "less"))
    fits = text.count("\n") < shutil.get_terminal_size().lines
    if fits or not words or words == ["cat"] or shutil.which(words[0]) is None or not sys.stdin.isatty():
        sys.stdout.write(text)
        return
    sys.stdout.flush()
    # Plain less would wrap wide rows and show the codes of bold headings as text.
    environment = {"LESS": "FRSX"} | dict(os.environ)
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the pager's while it has the terminal
    try:
        with subprocess.Popen(words, stdin=subprocess.PIPE, env=environment) as pager:
            pager.communicate(text.encode())
    finally:
        signal.signal(signal.SIGINT, before)


def pointed(message: str, statement: str) -> str:
    """`message`, and below it the line of the statement that it is about with a mark at the place, where it names one."""
    found = _PLACE.search(message)
    lines = statement.split("\n")
    if found is None or not 1 <= int(found[1]) <= len(lines):
        return message
    line, at = lines[int(found[1]) - 1].expandtabs(1), int(found[2]) - 1
    start = max(0, min(at - _WINDOW // 2, len(line) - _WINDOW))
    return f"{message}\n  {line[start : start + _WINDOW]}\n  {' ' * (at - start)}^"


class Patience:
    """Waits for a query, and says so where it takes long and standard error is a terminal."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._told = False

    def pause(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)
        passed = time.monotonic() - self._began
        if passed >= PATIENCE and sys.stderr.isatty():
            self._told = True
            print(f"{_ERASE}The query is running, {passed:.0f} s; Ctrl-C cancels it.", end="", file=sys.stderr, flush=True)

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """What was told is gone afterwards."""
        try:
            yield
        finally:
            if self._told:
                print(_ERASE, end="", file=sys.stderr, flush=True)
