"""The prompt of `opentrail sql` as somebody at a terminal has it: keys, pages, narrow windows, what stays for the next time."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from opentrail.cli.screen import pointed
from simulators.terminal import CTRL_D, UP, Terminal

PROGRAM = """
import sys, threading
from opentrail.cli import formats, prompt
from opentrail.cli.failures import CallFailed
from opentrail.cli.question import Reply
from opentrail.cli.screen import pointed

def answer(text, form, file):
    words = text.rstrip(";").split()
    if words[0] == "WAIT":
        print("waiting", flush=True)
        while True:
            threading.Event().wait(0.1)
    if words[0] == "SELEKT":
        raise CallFailed(pointed("line 1:1: SELEKT is not known.", text))
    rows = tuple((f"row-{number}", "x" * int(words[2])) for number in range(int(words[1])))
    formats.write(Reply(query_id="q", columns=("name", "value"), rows=rows, statistics={}), form, file)
    print(len(rows), "rows", file=sys.stderr)

prompt.run(answer, lambda: {"1": "first"})
"""

Opened = Callable[..., Terminal]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Opened]:
    terminals: list[Terminal] = []

    def open_terminal(**more: int) -> Terminal:
        environment = {**os.environ, "XDG_STATE_HOME": str(tmp_path), "PAGER": "sed s/^/page:/"}
        environment |= {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        terminals.append(Terminal([sys.executable, "-c", PROGRAM], environment=environment, **more))
        terminals[-1].read_to("lake> ")
        return terminals[-1]

    yield open_terminal
    for terminal in terminals:
        terminal.close()


def test_ctrl_c_cancels_what_runs_or_what_is_typed_and_ctrl_d_leaves(opened: Opened) -> None:
    terminal = opened()
    terminal.type("WAIT;\n")
    terminal.read_to("waiting\n")
    terminal.interrupt_to("The query is cancelled.\n")
    terminal.read_to("lake> ")
    terminal.type("SELECT 1\n")
    terminal.read_to("   -> ")
    terminal.interrupt_to("lake> ")
    terminal.type("SELECT 1 1;\n")
    terminal.read_to("1 rows\n")
    terminal.read_to("lake> ")
    terminal.type(CTRL_D)
    assert terminal.ended() == 0


def test_lines_are_remembered_also_by_the_next_session(opened: Opened, tmp_path: Path) -> None:
    first = opened()
    first.type("SELECT 3 1;\n")
    first.read_to("3 rows\n")
    first.read_to("lake> ")
    first.type(UP + "\n")
    first.read_to("3 rows\n")
    first.read_to("lake> ")
    first.type("exit\n")
    assert first.ended() == 0
    assert (tmp_path / "opentrail" / "sql-history").stat().st_mode & 0o77 == 0
    second = opened()
    second.type(UP + UP + "\n")
    second.read_to("3 rows\n")


def test_long_results_come_in_pages_and_wide_ones_in_lines(opened: Opened) -> None:
    terminal = opened(columns=60, lines=10)
    terminal.type("SELECT 2 5;\n")
    assert "page:" not in terminal.read_to("2 rows\n")
    terminal.type("SELECT 20 5;\n")
    assert terminal.read_to("20 rows\n").count("page:row-") == 20
    terminal.type("\\f csv\nSELECT 12 1;\n")
    assert terminal.read_to("12 rows\n").count("page:row-") == 12
    terminal.type("\\f lines\nSELECT 1 1;\n")
    assert "-[ 1 ]-----" in terminal.read_to("1 rows\n")
    narrow = opened(columns=25)
    narrow.type("SELECT 2 70;\n")
    told = narrow.read_to("2 rows\n")
    assert "-[ 2 ]-----" in told
    assert "\nname   row-1\n" in told


def test_an_error_points_at_its_place_and_the_prompt_goes_on(opened: Opened, tmp_path: Path) -> None:
    terminal = opened()
    terminal.type("SELEKT 1;\n")
    terminal.read_to("line 1:1: SELEKT is not known.\n  SELEKT 1;\n  ^\n")
    terminal.type("\\f parquet\n")
    terminal.read_to("parquet once \\o names a file.\n")
    terminal.type(f"\\o {tmp_path}/rows.parquet\n\\f parquet\nSELECT 4 1;\n")
    terminal.read_to("4 rows\n")
    assert (tmp_path / "rows.parquet").read_bytes()[:4] == b"PAR1"
    terminal.type("help\n")
    terminal.read_to("Ctrl-C cancels")


def test_a_place_far_to_the_right_is_shown_with_what_is_around_it() -> None:
    statement = "SELECT\n\t" + "a, " * 100 + "wrong, " + "b, " * 100
    shown = pointed("line 2:302: no such column.", statement).split("\n")
    assert shown[0] == "line 2:302: no such column."
    assert len(shown[1]) <= 78
    assert shown[1][shown[2].index("^") :].startswith("wrong")
    assert pointed("line 9:1: x", "SELECT") == "line 9:1: x"
    assert pointed("no place", "SELECT") == "no place"
