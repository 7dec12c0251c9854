"""What every part of `make bench` hands over: lines of goal and result, and one JSON file. Also the folder it may work in."""

from __future__ import annotations

import argparse
import json
import os
import signal
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).resolve().parent / "results"


@dataclass(frozen=True, kw_only=True)
class Line:
    """One figure of the summary."""

    what: str
    reached: str
    """With its unit, as people read it."""
    ratio: str = ""
    """How many times what; every figure that has something to stand beside is given as a ratio, too."""
    goal: str = ""
    met: bool | None = None
    """`None`: there is no goal, the line is there for comparison."""
    limit: str = ""
    """What keeps it from being better, as far as this run shows."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """How a part was asked to run."""

    quick: bool
    out: Path | None


def options(description: str | None) -> Options:
    """Read `[--quick] [--out FILE]`, which every part takes; from here on, being told to stop ends the part in order, servers and all."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="short: shows that it works, the figures are rough")
    parser.add_argument("--out", type=Path, help="write the result here, as JSON")
    given = parser.parse_args()
    return Options(quick=given.quick, out=given.out)


def _stop(number: int, _: object) -> None:
    raise SystemExit(128 + number)


def finish(lines: Sequence[Line], figures: dict[str, Any], chosen: Options) -> None:
    """Print the lines; write them, and every figure behind them, where `--out` says."""
    for line in lines:
        verdict = {True: "met", False: "MISSED", None: ""}[line.met]
        print("  ".join(part for part in (f"{line.what}: {line.reached}", line.ratio, line.goal and f"goal {line.goal}", verdict) if part))
    if chosen.out is not None:
        chosen.out.parent.mkdir(parents=True, exist_ok=True)
        result = {"quick": chosen.quick, "lines": [asdict(line) for line in lines], "figures": figures}
        chosen.out.write_text(json.dumps(result, indent=1) + "\n")


def work_folder() -> tempfile.TemporaryDirectory[str]:
    """A folder on the disk of the checkout (the usual place for such may be memory), removed at the end."""
    RESULTS.mkdir(exist_ok=True)
    return tempfile.TemporaryDirectory(dir=RESULTS, prefix="work-")


def syncs(folder: Path, size: int, seconds: float) -> list[float]:
    """The plain limit of the disk: seconds that each of many serial appends of `size` bytes takes, with its fdatasync."""
    path = folder / "plain"
    file = os.open(path, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
    piece = os.urandom(size)
    times = []
    begin = now = time.perf_counter()
    while now - begin < seconds:
        os.write(file, piece)
        os.fdatasync(file)
        before, now = now, time.perf_counter()
        times.append(now - before)
    os.close(file)
    path.unlink()
    return times
