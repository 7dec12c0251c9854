"""Why an alarm is in its state: for people (`StateReason`) and for programs (`StateReasonData`). Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from opentrail.monitoring.alarms.settings import COMPARISONS, Watched
from opentrail.monitoring.alarms.verdict import ALARM, INSUFFICIENT_DATA
from opentrail.monitoring.metrics.names import UNITS

CREATED: Final = "Unchecked: Initial alarm creation"
SHOWN: Final = 10
"""Points that a reason lists; it may have 1,023 characters."""
LONGEST_DATA: Final = 4000
"""Characters of `StateReasonData`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """What a metric did in one period."""

    start: int
    value: float
    samples: float


def stamp(at: float) -> str:
    """`at` (epoch seconds) as alarms print times: `2026-01-05T10:11:12.345+0000`."""
    milliseconds = round(at * 1000)
    return datetime.fromtimestamp(milliseconds // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{milliseconds % 1000:03d}+0000"


def reason(watched: Watched, state: str, points: Sequence[Point | None]) -> str:
    """The sentence for `state`, which follows from `points`, one for each period looked at, oldest first."""
    real = [point for point in reversed(points) if point is not None][: watched.periods]
    missing = watched.periods - len(real)
    if state == INSUFFICIENT_DATA:
        return f"Insufficient Data: {_counted(watched.periods, 'datapoint')} {_were(watched.periods)} unknown."
    wanted = [point for point in real if watched.breaches(point.value) == (state == ALARM)]
    if not wanted:
        treated = "Breaching" if watched.treatment == "breaching" else "NonBreaching"
        return (
            f"Threshold Crossed: no datapoints were received for {_counted(missing, 'period')} and "
            f"{_counted(missing, 'missing datapoint')} {_were(missing)} treated as [{treated}]."
        )
    to_alarm = watched.to_alarm
    least, change = (to_alarm, "OK -> ALARM") if state == ALARM else (watched.periods - to_alarm + 1, "ALARM -> OK")
    listed = ", ".join(f"{point.value} ({_short(point.start)})" for point in wanted[:SHOWN]) + (", ..." if len(wanted) > SHOWN else "")
    return (
        f"Threshold Crossed: {len(wanted)} out of the last {watched.periods} datapoints [{listed}] {_were(len(wanted))} "
        f"{'' if state == ALARM else 'not '}{COMPARISONS[watched.comparison]} the threshold ({watched.threshold}) "
        f"(minimum {_counted(least, 'datapoint')} for {change} transition)."
    )


def reason_data(watched: Watched, points: Sequence[Point | None], now: float) -> str:
    """The same as JSON; the oldest points are left out where it would grow too long."""
    real = [point for point in points if point is not None]
    while True:
        told: dict[str, Any] = {
            "version": "1.0",
            "queryDate": stamp(now),
            **({"startDate": stamp(real[0].start)} if real else {}),
            **({"unit": watched.unit} if watched.unit in UNITS else {}),
            "statistic": watched.statistic.name,
            "period": watched.period,
            "recentDatapoints": [point.value for point in real],
            "threshold": watched.threshold,
            "evaluatedDatapoints": [
                {"timestamp": stamp(point.start), "sampleCount": point.samples, "value": point.value} for point in reversed(real)
            ],
        }
        text = json.dumps(told, separators=(",", ":"))
        if len(text) <= LONGEST_DATA:
            return text
        real = real[len(real) // 4 + 1 :]


def composite_reason(children: Mapping[str, tuple[str, float]], arn: str | None) -> str:
    """Why a composite alarm changed: the child (ARN → state and since when) that changed last."""
    if arn is None:
        return "No alarm that the rule names has changed; the rule itself decides."
    state, since = children[arn]
    when = datetime.fromtimestamp(since, UTC).strftime("%A %d %B, %Y %H:%M:%S UTC")
    return f"{arn} transitioned to {state} at {when}"


def composite_data(children: Mapping[str, tuple[str, float]], arn: str | None) -> str:
    """The same as JSON."""
    triggering = [] if arn is None else [{"arn": arn, "state": {"value": children[arn][0], "timestamp": stamp(children[arn][1])}}]
    return json.dumps({"triggeringAlarms": triggering}, separators=(",", ":"))


def _short(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%d/%m/%y %H:%M:%S")


def _counted(number: int, word: str) -> str:
    return f"{number} {word}" + ("" if number == 1 else "s")


def _were(number: int) -> str:
    return "was" if number == 1 else "were"
