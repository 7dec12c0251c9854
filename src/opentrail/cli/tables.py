"""Tables for people: fitted to the terminal; uncut where they go into a pipe or a file."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import IO

from rich.console import Console
from rich.table import Table

_UNCUT = 100_000
"""Columns of a line that nobody looks at in a terminal."""


def show(headings: Sequence[str], rows: Iterable[Sequence[str]], file: IO[str] | None = None) -> None:
    """Print a table to `file` (standard output). Only the last column is wrapped, and only in a terminal too narrow for it."""
    out = file or sys.stdout
    console = Console(file=out, width=None if out.isatty() else _UNCUT, highlight=False, markup=False, emoji=False)
    table = Table(box=None, pad_edge=False)
    for heading in headings[:-1]:
        table.add_column(heading, no_wrap=True)
    table.add_column(headings[-1], overflow="fold")
    for row in rows:
        table.add_row(*row)
    if out.isatty():
        console.print(table)
        return
    with console.capture() as printed:
        console.print(table)
    out.writelines(line.rstrip() + "\n" for line in printed.get().splitlines())
