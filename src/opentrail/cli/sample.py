"""`opentrail sample`: write sample log files to try things on."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from opentrail.cli.progress import Progress
from opentrail.clock import SystemClock
from opentrail.lake.sample import MANIFEST, BadPlan, Plan, write


def sample(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new folder for the files.")],
    days: Annotated[int, typer.Option("--days", help="How many days the events span.")] = 3,
    events: Annotated[int, typer.Option("--events", help="How many events; those of the incident come on top.")] = 20_000,
    accounts: Annotated[int, typer.Option("--accounts", help="How many accounts deliver, at most 9.")] = 3,
    files: Annotated[int | None, typer.Option("--files", help="How many log files; by default as many as the events ask for.")] = None,
    seed: Annotated[int, typer.Option("--seed", help="The same seed and dates give the same files.")] = 0,
    until: Annotated[str | None, typer.Option("--until", metavar="DATE", help="The last day (UTC); by default yesterday.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Write a few days of delivered log files of an invented organization, with an incident in them.

    They lie in DIR as CloudTrail lays them out in a bucket. What there is to find is in DIR/sample.json.
    """
    plan = Plan(until=_midnight_after(until), days=days, events=events, accounts=accounts, files=files, seed=seed)
    progress = Progress("sample", sys.stderr)
    progress.expect(len(plan.slots()))
    try:
        summary = write(folder, plan, progress.advance)
    finally:
        progress.erase()
    if as_json:
        print(json.dumps(asdict(summary)))
        return
    print(f"{summary.events} events in {summary.files} log files below {folder / 'AWSLogs'}; what there is to find: {folder / MANIFEST}")


def _midnight_after(day: str | None) -> datetime:
    if day is None:
        return SystemClock().now().replace(hour=0, minute=0, second=0, microsecond=0)
    try:
        return datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=UTC) + timedelta(days=1)
    except (ValueError, OverflowError):
        raise BadPlan(f"--until {day!r} is not a date as 2026-01-31.") from None
