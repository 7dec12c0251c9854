r"""The prompt of `opentrail sql`: a statement may take several lines and ends with a semicolon; `\?` tells the rest.

Lines are edited and remembered by the terminal's own line editor (`readline`), across sessions in the user's state folder.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

from opentrail.cli.formats import FORMATS, TEXTS
from opentrail.errors import OpenTrailError
from opentrail.lake.families import FAMILIES, Family
from opentrail.lake.schema import COLUMNS, as_trino

HISTORY_LINES: Final = 1000
HELP: Final = r"""A statement ends with a semicolon. Besides:
  \s            the event data stores
  \c [FAMILY]   the columns of a family of events: events (without a word), insights, configuration, evidence, activity
  \f FORMAT     give rows as table, lines, json, csv or (into a file) parquet
  \o [FILE]     write the rows of each statement to FILE, in place of what is in it; without one, print them again
  \q            leave (exit, quit and Ctrl-D do, too)
Ctrl-C cancels what is running, or forgets what is typed. $EDS_ID stands for the store that --store names, or the only one there is."""

Answer = Callable[[str, str, Path | None], None]
"""Asks a statement and writes its rows in a format, to a file or to standard output."""
LEAVING: Final = frozenset({"exit", "quit"})
"""What people type who know other prompts."""


class Prompt:
    """One session: what is typed so far, and how rows are wanted."""

    def __init__(self, answer: Answer, stores: Callable[[], Mapping[str, str]], *, form: str = "table", file: Path | None = None) -> None:
        self._answer = answer
        self._stores = stores
        self._form = form
        self._file = file
        self._typed: list[str] = []
        self.ended = False

    @property
    def sign(self) -> str:
        """What stands before the next line."""
        return "   -> " if self._typed else "lake> "

    def drop(self) -> None:
        """Forget what is typed so far (Ctrl-C)."""
        self._typed.clear()

    def line(self, text: str) -> None:
        """Take in one line; ask when it ends a statement. Failures are told, and the session goes on."""
        if not self._typed and text.lstrip().startswith("\\"):
            self._command(text.strip())
            return
        word = text.strip().rstrip(";").lower()
        if not self._typed and (not word or word in LEAVING):
            self.ended = word in LEAVING
            return
        if not self._typed and word == "help":
            print(HELP)
            return
        self._typed.append(text)
        if not text.rstrip().endswith(";"):
            return
        statement = "\n".join(self._typed)
        self.drop()
        try:
            self._answer(statement, self._form, self._file)
        except OpenTrailError as error:
            print(error, file=sys.stderr)
        except KeyboardInterrupt:
            print("\nThe query is cancelled.", file=sys.stderr)

    def _command(self, text: str) -> None:
        word, _, rest = text.partition(" ")
        rest = rest.strip()
        match word:
            case "\\q":
                self.ended = True
            case "\\s":
                self._print_stores()
            case "\\c":
                self._print_columns(rest or Family.EVENTS.value)
            case "\\f" if rest in TEXTS or (rest in FORMATS and self._file is not None):
                self._form = rest
            case "\\f":
                print(f"Formats are {', '.join(TEXTS)}; parquet once \\o names a file.", file=sys.stderr)
            case "\\o":
                self._file = Path(rest).expanduser() if rest else None
                if self._file is None and self._form not in TEXTS:
                    self._form = "table"
            case _:
                print(HELP)

    def _print_stores(self) -> None:
        try:
            found = self._stores()
        except OpenTrailError as error:
            print(error, file=sys.stderr)
            return
        for store_id, name in sorted(found.items(), key=lambda item: item[1]):
            print(f"{store_id}  {name}")
        if not found:
            print("There are none yet: aws cloudtrail create-event-data-store --name NAME")

    @staticmethod
    def _print_columns(word: str) -> None:
        families = {family.value: family for family in FAMILIES.values()}
        if word not in families:
            print(f"There is no family {word!r}: {', '.join(families)}.", file=sys.stderr)
            return
        for column in COLUMNS[families[word]]:
            print(f"{column.name:30} {as_trino(column.type)}")


def run(answer: Answer, stores: Callable[[], Mapping[str, str]], *, form: str = "table", file: Path | None = None) -> None:
    """Read lines from the terminal until the person leaves; rows go to `file` where one is given."""
    session = Prompt(answer, stores, form=form, file=file)
    print(r"Statements end with a semicolon; \? for help.")
    with _remembered(_history_file()):
        while not session.ended:
            try:
                session.line(input(session.sign))
            except KeyboardInterrupt:
                session.drop()
                print()
            except EOFError:
                print()
                return


def _history_file() -> Path:
    state = os.environ.get("XDG_STATE_HOME")
    return (Path(state) if state else Path.home() / ".local" / "state") / "opentrail" / "sql-history"


@contextlib.contextmanager
def _remembered(file: Path) -> Iterator[None]:
    """Lines of earlier sessions can be called back, and those of this one later. Only the owner may read them: they may name people."""
    try:
        editor = importlib.import_module("readline")
    except ImportError:  # a Python without it: lines are neither edited nor remembered
        yield
        return
    with contextlib.suppress(OSError):
        editor.read_history_file(file)
    editor.set_history_length(HISTORY_LINES)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(os.open(file, os.O_CREAT | os.O_WRONLY, 0o600))
            editor.write_history_file(file)
