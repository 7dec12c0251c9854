"""Verdicts: the rows that AWS documents, and what holds for all others."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opentrail.monitoring.alarms.verdict import TREATMENTS, verdict

GOLDEN = Path(__file__).parents[2] / "golden" / "alarm_verdicts.txt"
SIGNS = {"X": True, "0": False, "-": None}


def _cases() -> list[tuple[str, int, int, str, str | None]]:
    cases = []
    for line in GOLDEN.read_text().splitlines():
        if line.startswith("#"):
            continue
        range_, sizes, *states = (part.strip() for part in line.split("|"))
        periods, to_alarm = map(int, sizes.split(","))
        cases += [
            (range_, periods, to_alarm, treatment, None if state == "keep" else state)
            for treatment, state in zip(TREATMENTS, states, strict=True)
        ]
    return cases


@pytest.mark.parametrize(("range_", "periods", "to_alarm", "treatment", "state"), _cases())
def test_documented_rows(range_: str, periods: int, to_alarm: int, treatment: str, state: str | None) -> None:
    points = [SIGNS[sign] for sign in range_.split()]
    assert verdict(points, periods=periods, to_alarm=to_alarm, treatment=treatment) == state


@st.composite
def ranges(draw: st.DrawFn) -> tuple[list[bool | None], int, int]:
    periods = draw(st.integers(1, 6))
    points = draw(st.lists(st.sampled_from([True, False, None]), min_size=periods + 2, max_size=periods + 2))
    return points, periods, draw(st.integers(1, periods))


@given(ranges(), st.sampled_from(TREATMENTS))
def test_whole_ranges_are_judged_by_the_newest_points_alone(case: tuple[list[bool | None], int, int], treatment: str) -> None:
    points, periods, to_alarm = case
    whole = [bool(point) for point in points]
    state = verdict(whole, periods=periods, to_alarm=to_alarm, treatment=treatment)
    assert state == ("ALARM" if sum(whole[-periods:]) >= to_alarm else "OK")


@given(ranges())
def test_missing_data_matter_only_as_they_are_treated(case: tuple[list[bool | None], int, int]) -> None:
    points, periods, to_alarm = case
    said = {one: verdict(points, periods=periods, to_alarm=to_alarm, treatment=one) for one in TREATMENTS}
    assert said["breaching"] in ("OK", "ALARM")
    assert said["notBreaching"] in ("OK", "ALARM")
    if said["notBreaching"] == "ALARM":
        assert set(said.values()) == {"ALARM"}
    if said["breaching"] == "OK":
        assert set(said.values()) == {"OK"}
    if any(point is not None for point in points):
        assert "INSUFFICIENT_DATA" not in said.values()
    else:
        assert (said["missing"], said["ignore"]) == ("INSUFFICIENT_DATA", None)
