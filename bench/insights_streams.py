"""How well the detector of Insights tells planted bursts, falls and errors from the usual life of an account.

    python bench/insights_streams.py [--quick] [--out FILE]

Accounts of 100 series each over five weeks (see `insights_made.py` for the kinds and what is planted), made from seeds. Two sets: the one
that was looked at while the detector was written, and one kept aside. A planted anomaly is found when an episode of its direction is told
between its begin and five minutes after its end; every other episode is a false alarm, also a new service that is told once.
"""

from __future__ import annotations

import statistics
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field

from insights_made import DAY, WEEKS, account
from part import Line, finish, options

from opentrail.insights.detector import State, Turn, advance, step

LOOKED_AT = range(300, 302)
KEPT_ASIDE = range(77000, 77002)


@dataclass
class Tally:
    found: Counter[str] = field(default_factory=Counter)
    missed: Counter[str] = field(default_factory=Counter)
    false: Counter[str] = field(default_factory=Counter)
    """By kind of series and week."""
    repeated: int = 0
    """Further episodes within one planted anomaly."""
    minutes: list[int] = field(default_factory=list)
    steps: int = 0
    seconds: float = 0.0
    calls: int = 0
    bytes: list[int] = field(default_factory=list)
    accounts: int = 0


def measured(seed: int) -> Tally:
    tally = Tally(accounts=1)
    for series in account(seed):
        state = State.new(0, errors=series.errors)
        turns: list[Turn] = []
        begin = time.process_time()
        for minute, count in series.counts:
            turns += step(state, minute, count)
        turns += advance(state, WEEKS * 7 * DAY - 1)
        tally.seconds += time.process_time() - begin
        tally.steps += len(series.counts)
        tally.calls += sum(count for _, count in series.counts)
        tally.bytes.append(len(state.encoded()))
        starts = [turn for turn in turns if turn.state == "Start"]
        used: set[int] = set()
        for planted in series.planted:
            hits = [turn for turn in starts if planted.begin <= turn.told <= planted.end + 5 and (turn.direction == planted.direction)]
            used |= {turn.told for turn in hits}
            tally.repeated += max(0, len(hits) - 1)
            if hits:
                tally.found[f"{planted.what}, {series.kind}"] += 1
                tally.minutes.append(hits[0].told - planted.begin + 1)
            else:
                tally.missed[f"{planted.what}, {series.kind}"] += 1
        for turn in starts:
            if turn.told not in used:
                tally.false[f"{series.kind}, {turn.direction}, week {turn.told // (7 * DAY) + 1}"] += 1
    return tally


def summed(tallies: list[Tally]) -> Tally:
    whole = Tally()
    for each in tallies:
        for name in ("found", "missed", "false"):
            getattr(whole, name).update(getattr(each, name))
        for name in ("repeated", "minutes", "steps", "seconds", "calls", "bytes", "accounts"):
            setattr(whole, name, getattr(whole, name) + getattr(each, name))
    return whole


def main() -> None:
    chosen = options(__doc__)
    lines: list[Line] = []
    figures: dict[str, object] = {}
    for name, seeds in (("looked at", LOOKED_AT), ("kept aside", KEPT_ASIDE)):
        with ProcessPoolExecutor(1 if chosen.quick else 2) as pool:
            tally = summed(list(pool.map(measured, seeds[:1] if chosen.quick else seeds)))
        found, missed = tally.found.total(), tally.missed.total()
        first = sum(number for what, number in tally.false.items() if what.endswith("week 1"))
        later = tally.false.total() - first
        recall = found / (found + missed)
        false_alarms = later / (tally.accounts * (WEEKS - 1))
        lines += [
            Line(what=f"recall ({name})", reached=f"{recall:.1%} of {found + missed}", goal="over 95 %", met=recall > 0.95),
            Line(what=f"precision ({name})", reached=f"{found / (found + later):.1%}"),
            Line(
                what=f"false alarms per account-week from the second week on ({name})",
                reached=f"{false_alarms:.2f}",
                goal="under 1",
                met=false_alarms < 1,
            ),
            Line(what=f"false alarms of an account's first week ({name})", reached=f"{first / tally.accounts:.1f}"),
            Line(
                what=f"minutes from the first unusual minute until told, that included ({name})",
                reached=f"median {statistics.median(tally.minutes):g}, 95th percentile {statistics.quantiles(tally.minutes, n=20)[-1]:g}",
            ),
            Line(
                what=f"a step ({name})",
                reached=f"{tally.seconds / tally.steps * 1e6:.1f} us, {tally.seconds / tally.calls * 1e6:.2f} us per call",
            ),
            Line(what=f"state of a series ({name})", reached=f"{statistics.mean(tally.bytes):.0f} bytes, at most {max(tally.bytes)}"),
        ]
        figures[name] = {
            "found": dict(tally.found),
            "missed": dict(tally.missed),
            "false": dict(tally.false),
            "repeated": tally.repeated,
            "accounts": tally.accounts,
        }
    finish(lines, figures, chosen)


if __name__ == "__main__":
    main()
