"""Tables for people: fitted to the terminal; uncut where they go into a pipe or a file."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable, Sequence
from typing import IO

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table

_UNCUT = 100_000
"""Columns of a line that nobody looks at in a terminal."""
_NARROWEST = 20
"""Columns below which a cell is not wrapped."""


def fits(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Whether a table can be read in this terminal: at most its last column has to be wrapped."""
    widths = [
        max(map(cell_len, [heading, *(line for row in rows for line in row[at].splitlines())])) for at, heading in enumerate(headings)
    ]
    return sum(widths[:-1]) + 2 * (len(widths) - 1) + min(widths[-1], _NARROWEST) <= shutil.get_terminal_size().columns


def show_lines(headings: Sequence[str], rows: Iterable[Sequence[str]], file: IO[str]) -> None:
    """Print each row as lines of its own, one for a cell."""
    width = max(map(cell_len, headings), default=0)
    for number, row in enumerate(rows, 1):
        file.write(f"-[ {number} ]".ljust(width + _NARROWEST, "-") + "\n")
        for heading, cell in zip(headings, row, strict=True):
            first, *more = cell.split("\n")
            file.write(f"{heading}{' ' * (width - cell_len(heading))}  {first}".rstrip() + "\n")
            file.writelines(" " * (width + 2) + line + "\n" for line in more)


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
