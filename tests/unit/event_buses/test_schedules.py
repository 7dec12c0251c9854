"""Schedule expressions: which are valid, and when they are due."""

from __future__ import annotations

import calendar
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opentrail.rules.schedules import Cron, Rate, parsed
from opentrail.wire.faults import ValidationException

MOMENTS = st.datetimes(min_value=datetime(2000, 1, 1), max_value=datetime(2100, 1, 1), timezones=st.just(UTC))
START = datetime(2026, 1, 1, tzinfo=UTC)


def times(expression: str, after: str, count: int = 3) -> list[str]:
    """The next times above a moment."""
    schedule, found = parsed(expression), [datetime.fromisoformat(after).replace(tzinfo=UTC)]
    for _ in range(count):
        due = schedule.after(found[-1], START)
        if due is None:
            break
        found.append(due)
    return [moment.strftime("%Y-%m-%d %H:%M") for moment in found[1:]]


@pytest.mark.parametrize(
    ("expression", "after", "expected"),
    [
        ("rate(1 minute)", "2026-01-01 00:00:30", ["2026-01-01 00:01", "2026-01-01 00:02", "2026-01-01 00:03"]),
        ("rate(2 days)", "2026-01-02 00:00", ["2026-01-03 00:00", "2026-01-05 00:00", "2026-01-07 00:00"]),
        ("cron(0 10 * * ? *)", "2026-01-01 10:00", ["2026-01-02 10:00", "2026-01-03 10:00", "2026-01-04 10:00"]),
        ("cron(15 12 ? * MON-FRI *)", "2026-01-02 12:15", ["2026-01-05 12:15", "2026-01-06 12:15", "2026-01-07 12:15"]),
        ("cron(0/15 8,9 * * ? *)", "2026-01-01 08:40", ["2026-01-01 08:45", "2026-01-01 09:00", "2026-01-01 09:15"]),
        ("cron(0 0 L * ? *)", "2026-01-31 00:00", ["2026-02-28 00:00", "2026-03-31 00:00", "2026-04-30 00:00"]),
        ("cron(0 0 31 * ? *)", "2026-01-31 00:00", ["2026-03-31 00:00", "2026-05-31 00:00", "2026-07-31 00:00"]),
        ("cron(0 0 15W * ? *)", "2026-02-01 00:00", ["2026-02-16 00:00", "2026-03-16 00:00", "2026-04-15 00:00"]),
        ("cron(0 0 1W 8 ? *)", "2026-01-01 00:00", ["2026-08-03 00:00", "2027-08-02 00:00", "2028-08-01 00:00"]),
        ("cron(0 0 ? * 6#3 *)", "2026-01-01 00:00", ["2026-01-16 00:00", "2026-02-20 00:00", "2026-03-20 00:00"]),
        ("cron(0 0 ? * 2#5 *)", "2026-01-01 00:00", ["2026-03-30 00:00", "2026-06-29 00:00", "2026-08-31 00:00"]),
        ("cron(0 0 ? * 5L *)", "2026-01-01 00:00", ["2026-01-29 00:00", "2026-02-26 00:00", "2026-03-26 00:00"]),
        ("cron(0 0 ? * L *)", "2026-01-01 00:00", ["2026-01-03 00:00", "2026-01-10 00:00", "2026-01-17 00:00"]),
        ("cron(0 0 29 FEB ? 2026-2030)", "2026-01-01 00:00", ["2028-02-29 00:00"]),
        ("cron(0 0 1 jan ? 2020)", "2026-01-01 00:00", []),
    ],
)  # fmt: skip
def test_when_a_schedule_is_due(expression: str, after: str, expected: list[str]) -> None:
    assert times(expression, after) == expected


@pytest.mark.parametrize(
    "expression",
    [
        "", "every day", "rate(0 minutes)", "rate(1 minutes)", "rate(2 minute)", "rate(1 second)", "rate(-5 minutes)", "rate(1.5 hours)",
        "rate(5minutes)", "rate(999999999 days)", "cron(* * * * *)", "cron(* * * * * *)", "cron(* * ? * ? *)", "cron(0 10 * * * *)",
        "cron(60 0 * * ? *)", "cron(0 24 * * ? *)", "cron(0 0 0 * ? *)", "cron(0 0 32 * ? *)", "cron(0 0 * 13 ? *)", "cron(0 0 * * ? 2200)",
        "cron(0 0 ? * 8 *)", "cron(0 0 ? * SOM *)", "cron(0 0 ? * 2#6 *)", "cron(5-1 0 * * ? *)", "cron(0/0 0 * * ? *)",
        "cron(, 0 * * ? *)",
        "cron(0 0 40W * ? *)", "cron(0 10 * * ? * )x", "cron(1/ 0 * * ? *)", "at(2026-01-01T00:00:00)",
    ],
)  # fmt: skip
def test_expressions_that_are_no_schedules(expression: str) -> None:
    with pytest.raises(ValidationException, match=r"Parameter ScheduleExpression is not valid\. Reason: .+"):
        parsed(expression)


@given(st.text(max_size=60) | st.builds("cron({})".format, st.text(alphabet="0123456789*?,-/LW#MONJA ", max_size=40)))
def test_any_text_is_a_schedule_or_refused(text: str) -> None:
    try:
        schedule = parsed(text)
    except ValidationException:
        return
    due = schedule.after(START, START)
    assert due is None or due > START


@given(st.integers(2, 500), st.sampled_from(["minutes", "hours", "days"]), MOMENTS)
def test_a_rate_is_due_once_in_each_of_its_spans(count: int, unit: str, moment: datetime) -> None:
    schedule = parsed(f"rate({count} {unit})")
    assert isinstance(schedule, Rate)
    since = datetime(1999, 1, 1, tzinfo=UTC)
    due = schedule.after(moment, since)
    assert due is not None
    assert timedelta() < due - moment <= timedelta(seconds=schedule.seconds)
    assert (due - since) % timedelta(seconds=schedule.seconds) == timedelta()


def _numbers(low: int, high: int) -> st.SearchStrategy[set[int]]:
    return st.sets(st.integers(low, high), min_size=1, max_size=4)


@given(_numbers(0, 59), _numbers(0, 23), _numbers(1, 28), _numbers(1, 12), MOMENTS)
def test_a_cron_is_due_at_the_first_minute_that_its_fields_name(
    minutes: set[int], hours: set[int], days: set[int], months: set[int], moment: datetime
) -> None:
    fields = [",".join(map(str, numbers)) for numbers in (minutes, hours, days, months)]
    schedule = parsed(f"cron({' '.join(fields)} ? *)")
    assert isinstance(schedule, Cron)
    due = schedule.after(moment, START)
    assert due is not None
    assert moment < due
    assert (due.minute, due.hour, due.day, due.month) in {(a, b, c, d) for a in minutes for b in hours for c in days for d in months}
    # No day between is one of them: the first of them is the one that is found.
    day = moment.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    while day.date() < due.date():
        assert day.day not in days or day.month not in months
        day += timedelta(days=1)


@given(_numbers(1, 7), MOMENTS)
def test_days_of_the_week_count_from_sunday(days: set[int], moment: datetime) -> None:
    due = parsed(f"cron(0 0 ? * {','.join(map(str, days))} *)").after(moment, START)
    assert due is not None
    assert due - moment <= timedelta(days=7)
    assert [*calendar.day_abbr][due.weekday()] in [("Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat")[day - 1] for day in days]
