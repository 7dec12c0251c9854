"""`make bench`: every part in its own process, one after the other; one summary at the end.

    python bench/run.py                     everything (some twelve minutes on two cores)
    python bench/run.py --only calls        one part (may be repeated)
    python bench/run.py --quick             short ones: that it works, not how fast it is
    python bench/run.py --markdown          measure nothing; print the results that are there as the table of docs/reference/benchmarks.md

The result of each part lies in bench/results/PART.json. All servers listen on 127.0.0.1 and are stopped at the end. Exit code 1 when a goal
was missed or a part failed.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from part import RESULTS, Line
from rich.console import Console
from rich.table import Table
from servers import HERE, environment

LIMIT = 900.0
"""Seconds after which a part is told to stop."""
_RATIO = re.compile(r"(?P<verdict>ok|MISS) +(?P<name>.+): (?P<value>[\d.]+) \(goal (?P<sign>[<>]=) (?P<goal>[\d.e+]+)\)")
"""What `measure.ratio` prints."""


@dataclass(frozen=True)
class Part:
    """One measuring program. Those without `--out` are understood by the lines that `measure.ratio` prints."""

    name: str
    title: str
    takes_options: bool = True
    quick: tuple[str, ...] = ()
    limit: str = ""


PARTS = (
    Part("calls", "Calls per second, each on disk"),
    Part("proxy", "What the proxy adds"),
    Part("visible", "From answer to visible"),
    Part("replication", "A trail in every Region"),
    Part("memory", "Memory while 100 MB stream"),
    Part("sealed", "What the encryption of objects costs"),
    Part("history", "LookupEvents"),
    Part("policies", "Policy evaluations per second"),
    Part("rules", "Events through event rules"),
    Part("filters", "Records through filter patterns"),
    Part("selection", "What data events cost", takes_options=False),
    Part("recording", "What recording costs"),
    Part("delivery", "Events delivered per second"),
    Part("queues", "Messages through a queue"),
    Part("watch", "From a call to a webhook"),
    Part("log_groups", "Events into log groups"),
    Part("insights", "What Insights cost per event"),
    Part("middleware", "What the middleware adds to a request"),
    Part("audit_events", "Audit events put per second"),
    Part("idle", "What trails cost that have nothing to do"),
    Part("insights_streams", "What Insights find, and what they tell for nothing"),
    Part("insights_nab", "The method of Insights on the Numenta Anomaly Benchmark"),
    Part("lake_import", "Log files into the Lake"),
    Part("lake_tables", "Events into a store's table"),
    Part("lake_queries", "Queries of the Lake"),
    Part(
        "validate",
        "opentrail validate beside aws cloudtrail validate-logs",
        takes_options=False,
        quick=("--log-files", "20", "--rounds", "1"),
        limit="see the floors that the part prints",
    ),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", choices=[part.name for part in PARTS], help="run this part")
    parser.add_argument("--quick", action="store_true", help="short runs; the figures are rough")
    parser.add_argument("--markdown", action="store_true", help="measure nothing, print the last results as a Markdown table")
    given = parser.parse_args()
    parts = [part for part in PARTS if not given.only or part.name in given.only]
    if given.markdown:
        markdown(parts)
        return
    began = time.monotonic()
    RESULTS.mkdir(exist_ok=True)
    failed = [part.name for part in parts if not _run(part, given.quick)]
    print(f"\n{time.monotonic() - began:.0f} s in all\n")
    results = {part: _result(part) for part in parts if part.name not in failed}
    summary(results)
    for name in failed:
        print(f"{name}: FAILED")
    missed = any(line.met is False for _, lines in results.values() for line in lines)
    raise SystemExit(1 if failed or (missed and not given.quick) else 0)


def _run(part: Part, quick: bool) -> bool:
    """Run one part and show what it prints; whether it came to an end. Its result is then in its file."""
    print(f"\n=== {part.title} ({part.name})", flush=True)
    out = RESULTS / f"{part.name}.json"
    out.unlink(missing_ok=True)
    command = [sys.executable, str(HERE / f"{part.name}.py")]
    if part.takes_options:
        command += ["--out", str(out), *(["--quick"] if quick else [])]
    elif quick:
        command += part.quick
    began = time.monotonic()
    printed = []
    with _process(command) as process:
        assert process.stdout is not None
        for line in process.stdout:
            print(line, end="", flush=True)
            printed.append(line)
        code = process.wait()
    if not part.takes_options:
        lines = list(_ratios(part, printed))
        if code not in (0, 1) or not lines:  # 1: a goal was missed
            return False
        _write(out, {"quick": quick, "lines": [vars(line) for line in lines], "figures": {"printed": printed}})
    print(f"({time.monotonic() - began:.0f} s)", flush=True)
    return out.exists()


@contextlib.contextmanager
def _process(command: Sequence[str]) -> Iterator[subprocess.Popen[str]]:
    """The part in a process group of its own. When we are stopped, or after `LIMIT`, it is told to stop, and then stops its servers."""
    command = ["timeout", "--signal=INT", "--kill-after=60", str(LIMIT), *command]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment(PYTHONUNBUFFERED="1"), start_new_session=True)
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGINT)
        process.wait()


def _ratios(part: Part, printed: Sequence[str]) -> Iterator[Line]:
    for text in printed:
        found = _RATIO.match(text.strip())
        if found is not None:
            sign = found["sign"].replace(">=", "at least").replace("<=", "at most")
            yield Line(
                what=found["name"],
                reached=f"{found['value']} x",
                ratio=f"{found['value']} x",
                goal=f"{sign} {found['goal']} x",
                met=found["verdict"] == "ok",
                limit=part.limit,
            )


def _write(path: Path, result: dict[str, Any]) -> None:
    path.write_text(json.dumps(result, indent=1) + "\n")


def _result(part: Part) -> tuple[bool, list[Line]]:
    """Whether it was a quick run, and its lines; raises `OSError` when there is no result."""
    found = json.loads((RESULTS / f"{part.name}.json").read_text())
    names = {field.name for field in fields(Line)}
    return found["quick"], [Line(**{name: value for name, value in line.items() if name in names}) for line in found["lines"]]


def summary(results: dict[Part, tuple[bool, list[Line]]]) -> None:
    """Print everything in one table."""
    table = Table(title="OpenTrail, measured", show_lines=True)
    for column in ("what", "goal", "reached", "ratio", "", "limit"):
        table.add_column(column, overflow="fold")
    for quick, lines in results.values():
        for line in lines:
            verdict = {True: "[green]met[/]", False: "[red]missed[/]", None: ""}[line.met]
            table.add_row(line.what, line.goal, line.reached, line.ratio, verdict + (" (quick)" if quick else ""), line.limit)
    Console(width=None if sys.stdout.isatty() else 200).print(table)


def markdown(parts: Sequence[Part]) -> None:
    """Print the results that are there as a Markdown table."""
    print("| What | Goal | Reached | Ratio | | Limit |\n|---|---|---|---|---|---|")
    for part in parts:
        try:
            quick, lines = _result(part)
        except OSError:
            continue
        for line in lines:
            verdict = {True: "met", False: "**missed**", None: ""}[line.met] + (" (quick run)" if quick else "")
            cells = (line.what, line.goal, line.reached, line.ratio, verdict, line.limit)
            print("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")


if __name__ == "__main__":
    main()
