"""Tables of the command line: whole in a pipe, fitted to a terminal."""

from __future__ import annotations

import io

import pytest

from opentrail.cli.tables import show

ROWS = [("2026-01-05 10:11:12", "CreateUser", "a" * 120), ("2026-01-05 10:11:13", "[bold]DeleteUser[/bold]", "")]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_pipe_gets_every_row_on_one_line_and_nothing_is_cut() -> None:
    out = io.StringIO()
    show(("Time (UTC)", "Event", "Resources"), ROWS, out)
    assert out.getvalue().splitlines() == [
        "Time (UTC)           Event                    Resources",
        f"2026-01-05 10:11:12  CreateUser               {'a' * 120}",
        "2026-01-05 10:11:13  [bold]DeleteUser[/bold]",
    ]


def test_a_terminal_gets_the_last_column_wrapped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "dumb")
    out = Terminal()
    show(("Time (UTC)", "Event", "Resources"), ROWS, out)
    lines = out.getvalue().splitlines()
    assert all(len(line) <= 80 for line in lines)
    assert sum(line.count("a") for line in lines[1:-1]) >= 120
    assert lines[1].startswith("2026-01-05 10:11:12  CreateUser ")
