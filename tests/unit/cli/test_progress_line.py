"""The progress line: on a terminal only, with its total, out of the way of what is printed."""

from __future__ import annotations

import io

import pytest

from opentrail.cli import progress
from opentrail.cli.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    at = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: at[0])
    return at


def test_nothing_is_drawn_where_no_terminal_is(now: list[float]) -> None:
    log = io.StringIO()
    told = Progress("us-east-1", log)
    told.expect(3)
    now[0] = 9.0
    told.advance()
    told.print("a finding", log)
    told.erase()
    assert log.getvalue() == "a finding\n"


def test_what_is_done_of_what_is_known(now: list[float]) -> None:
    terminal = Terminal()
    told = Progress("us-east-1", terminal)
    told.expect(4)
    told.advance()
    assert terminal.getvalue() == ""
    now[0] = 1.0
    told.expect(2)
    told.advance()
    assert terminal.getvalue() == f"\r\x1b[Kus-east-1 [{'=' * 10}{' ' * 20}] 2/6 files"
    told.erase()
    told.erase()
    assert terminal.getvalue().endswith("files\r\x1b[K")
    assert terminal.getvalue().count("\x1b[K") == 2


def test_findings_on_the_terminal_stand_above_the_line_and_elsewhere_leave_it(now: list[float]) -> None:
    terminal, file = Terminal(), io.StringIO()
    told = Progress("us-east-1", terminal)
    now[0] = 1.0
    told.advance()
    drawn = terminal.getvalue()
    told.print("valid", file)
    assert (terminal.getvalue(), file.getvalue()) == (drawn, "valid\n")
    told.print("INVALID", terminal)
    assert terminal.getvalue() == drawn + "\r\x1b[KINVALID\n"
