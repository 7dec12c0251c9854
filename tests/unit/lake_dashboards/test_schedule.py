"""Schedules: what can be asked for, and when the next refresh is due."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opentrail.lake.dashboards.schedule import Schedule, checked
from opentrail.wire.faults import ValidationException


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("unit", "value", "time_of_day", "after", "due"),
    [
        ("HOURS", 1, "00:00", "2026-01-05T10:11:12", "2026-01-05T11:00:00"),
        ("HOURS", 1, "07:30", "2026-01-05T10:11:12", "2026-01-05T10:30:00"),
        ("HOURS", 6, "00:00", "2026-01-05T10:11:12", "2026-01-05T12:00:00"),
        ("HOURS", 6, "00:15", "2026-01-05T12:15:00", "2026-01-05T18:15:00"),
        ("HOURS", 24, "13:05", "2026-01-05T10:11:12", "2026-01-06T00:05:00"),
        ("DAYS", 1, "13:05", "2026-01-05T10:11:12", "2026-01-05T13:05:00"),
        ("DAYS", 1, "08:00", "2026-01-05T10:11:12", "2026-01-06T08:00:00"),
    ],
)
def test_the_next_refresh_is_counted_from_midnight(unit: str, value: int, time_of_day: str, after: str, due: str) -> None:
    assert Schedule(unit=unit, value=value, status="ENABLED", time_of_day=time_of_day).next_due(at(after)) == at(due)


@given(
    st.sampled_from([("HOURS", 1), ("HOURS", 6), ("HOURS", 12), ("HOURS", 24), ("DAYS", 1)]),
    st.integers(0, 1439),
    st.floats(0, 4e9),
)
def test_the_next_refresh_is_later_and_at_most_one_period_away(every: tuple[str, int], minute: int, after: float) -> None:
    plan = Schedule(unit=every[0], value=every[1], status="ENABLED", time_of_day=f"{minute // 60:02d}:{minute % 60:02d}")
    due = plan.next_due(after)
    assert after < due <= after + plan.period
    assert plan.next_due(due) == due + plan.period


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"Frequency": {"Unit": "HOURS"}},
        {"Frequency": {"Unit": "HOURS", "Value": 2}},
        {"Frequency": {"Unit": "DAYS", "Value": 7}},
        {"Frequency": {"Unit": "WEEKS", "Value": 1}},
        {"Frequency": {"Unit": "HOURS", "Value": 6}, "Status": "PAUSED"},
        {"Frequency": {"Unit": "HOURS", "Value": 6}, "TimeOfDay": "24:00"},
        {"Frequency": {"Unit": "HOURS", "Value": 6}, "TimeOfDay": "8:00"},
    ],
)
def test_other_schedules_are_refused(given: dict[str, Any]) -> None:
    with pytest.raises(ValidationException):
        checked(given)


def test_what_a_change_leaves_out_stays() -> None:
    before = checked({"Frequency": {"Unit": "DAYS", "Value": 1}, "TimeOfDay": "08:00"})
    after = checked({"Status": "DISABLED"}, before)
    assert after.as_wire() == {"Frequency": {"Unit": "DAYS", "Value": 1}, "Status": "DISABLED", "TimeOfDay": "08:00"}
