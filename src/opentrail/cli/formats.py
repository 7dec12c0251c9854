"""Rows of a query in the form that somebody wants them: tables and lines for people, JSON and CSV for programs, Parquet for engines."""

from __future__ import annotations

import csv
import importlib
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Final

from opentrail.cli import screen
from opentrail.cli.question import Reply, names_once
from opentrail.cli.tables import fits, show, show_lines
from opentrail.errors import SettingError


def table(reply: Reply, file: IO[str]) -> None:
    """Columns beside each other; in a terminal that is too narrow for them, lines."""
    cells = _texts(reply)
    if cells and file.isatty() and not fits(reply.columns, cells):
        show_lines(reply.columns, cells, file)
    elif cells:
        show(reply.columns, cells, file)


def lines(reply: Reply, file: IO[str]) -> None:
    """A line for each cell."""
    show_lines(reply.columns, _texts(reply), file)


def as_json(reply: Reply, file: IO[str]) -> None:
    """A list of objects; a repeated column name is numbered."""
    names = names_once(reply.columns)
    json.dump([dict(zip(names, row, strict=True)) for row in reply.rows], file, indent=2, ensure_ascii=False)
    file.write("\n")


def as_csv(reply: Reply, file: IO[str]) -> None:
    """A line of names, then the rows. Nothing and the empty text are alike in it."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(reply.columns)
    writer.writerows(reply.rows)


def _texts(reply: Reply) -> list[list[str]]:
    return [[cell if cell is not None else "" for cell in row] for row in reply.rows]


TEXTS: Final[Mapping[str, Callable[[Reply, IO[str]], None]]] = {"table": table, "lines": lines, "json": as_json, "csv": as_csv}
FORMATS: Final = (*TEXTS, "parquet")


def write(reply: Reply, wanted: str, output: Path | None) -> None:
    """Print `reply`, or write it to the file `output`.

    Raises `SettingError` for Parquet without a file, and for a file that cannot be written.
    """
    if output is None:
        if wanted not in TEXTS:
            raise SettingError("Parquet goes into a file: name it with --output.")
        if sys.stdout.isatty():
            TEXTS[wanted](reply, sheet := screen.Sheet())
            screen.show(sheet)
        else:
            TEXTS[wanted](reply, sys.stdout)
        return
    try:
        if wanted == "parquet":
            _parquet(reply, output)
            return
        with output.open("w", encoding="utf-8", newline="") as file:
            TEXTS[wanted](reply, file)
    except OSError as error:
        raise SettingError(f"{output} cannot be written: {error.strerror}.") from error


def _parquet(reply: Reply, output: Path) -> None:
    arrow = importlib.import_module("pyarrow")  # half a second to load, and only this format needs it
    columns = [arrow.array([row[at] for row in reply.rows], arrow.string()) for at in range(len(reply.columns))]
    importlib.import_module("pyarrow.parquet").write_table(arrow.table(columns, names=names_once(reply.columns)), output)
