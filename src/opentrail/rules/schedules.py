"""Schedule expressions of rules: `rate(…)` and `cron(…)`, and when they are due. Pure; all times are UTC.

Source: "Schedule expressions" of the EventBridge guide. The fields of cron are minutes, hours, day of month, month,
day of week (1 is Sunday) and year.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from opentrail.wire.faults import ValidationException

_RATE: Final = re.compile(r"rate\(([1-9][0-9]{0,8}) (minute|hour|day)(s?)\)")
_CRON: Final = re.compile(r"cron\(([^()]*)\)")
_UNITS: Final = {"minute": 60, "hour": 3_600, "day": 86_400}
_MONTHS: Final = {name.upper(): number for number, name in enumerate(calendar.month_abbr) if name}
_DAYS: Final = {name: number for number, name in enumerate(("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"), 1)}
_FIRST_YEAR: Final = 1970
_LAST_YEAR: Final = 2199
_MOST_SECONDS: Final = 366 * 86_400 * 200

Days = Callable[[int, int], frozenset[int]]
"""Year and month → days of the month."""


@dataclass(frozen=True, slots=True)
class Rate:
    """Every so many seconds, counted from when the rule was made."""

    seconds: int

    def after(self, moment: datetime, since: datetime) -> datetime | None:
        """The first time above `moment`; `since` is when the counting began."""
        passed = (moment - since) // timedelta(seconds=self.seconds)
        return since + (max(passed, 0) + 1) * timedelta(seconds=self.seconds)


@dataclass(frozen=True, slots=True)
class Cron:
    """At certain minutes."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: Days
    months: frozenset[int]
    years: tuple[int, ...]

    def after(self, moment: datetime, since: datetime) -> datetime | None:
        """The first time above `moment`; `None` when there is none any more."""
        start = moment.replace(second=0, microsecond=0) + timedelta(minutes=1)
        for year, month in self._months_from(start):
            for day in sorted(self.days(year, month)):
                if (year, month, day) < (start.year, start.month, start.day):
                    continue
                found = self._on(datetime(year, month, day, tzinfo=UTC), start)
                if found is not None:
                    return found
        return None

    def _months_from(self, start: datetime) -> Iterator[tuple[int, int]]:
        for year in self.years:
            if year < start.year:
                continue
            for month in sorted(self.months):
                if (year, month) >= (start.year, start.month):
                    yield year, month

    def _on(self, day: datetime, start: datetime) -> datetime | None:
        for hour in self.hours:
            for minute in self.minutes:
                moment = day.replace(hour=hour, minute=minute)
                if moment >= start:
                    return moment
        return None


Schedule = Rate | Cron


def parsed(expression: str) -> Schedule:
    """The schedule that an expression tells. Raises `ValidationException`."""
    rate = _RATE.fullmatch(expression)
    if rate is not None:
        count, seconds = int(rate[1]), int(rate[1]) * _UNITS[rate[2]]
        if (count == 1) != (rate[3] == "") or seconds > _MOST_SECONDS:
            raise _invalid("rate(1 minute) is written with a unit in the singular, rate(5 minutes) in the plural.")
        return Rate(seconds)
    cron = _CRON.fullmatch(expression)
    if cron is None:
        raise _invalid("Write rate(5 minutes) or cron(0 12 * * ? *).")
    fields = cron[1].split()
    if len(fields) != 6:
        raise _invalid("A cron expression has six fields: minutes, hours, day of month, month, day of week, year.")
    return _cron(*(field.upper() for field in fields))


def _cron(minutes: str, hours: str, day: str, months: str, weekday: str, years: str) -> Cron:
    if (day == "?") == (weekday == "?"):
        raise _invalid("One of day of month and day of week is ?, and the other is not.")
    return Cron(
        minutes=tuple(sorted(_numbers(minutes, 0, 59))),
        hours=tuple(sorted(_numbers(hours, 0, 23))),
        days=_by_weekday(weekday) if day == "?" else _by_day(day),
        months=frozenset(_numbers(months, 1, 12, _MONTHS)),
        years=tuple(sorted(_numbers(years, _FIRST_YEAR, _LAST_YEAR))),
    )


def _by_day(field: str) -> Days:
    if field == "L":
        return lambda year, month: frozenset({calendar.monthrange(year, month)[1]})
    nearest = re.fullmatch(r"([0-9]{1,2})W", field)
    if nearest is not None:
        wanted = int(nearest[1])
        if not 1 <= wanted <= 31:
            raise _invalid("Days of the month are 1 to 31.")
        return lambda year, month: _nearest_weekday(year, month, wanted)
    numbers = frozenset(_numbers(field, 1, 31))
    return lambda year, month: frozenset(day for day in numbers if day <= calendar.monthrange(year, month)[1])


def _nearest_weekday(year: int, month: int, wanted: int) -> frozenset[int]:
    last = calendar.monthrange(year, month)[1]
    if wanted > last:
        return frozenset()
    match calendar.weekday(year, month, wanted):
        case calendar.SATURDAY:
            return frozenset({wanted - 1 if wanted > 1 else wanted + 2})
        case calendar.SUNDAY:
            return frozenset({wanted + 1 if wanted < last else wanted - 2})
    return frozenset({wanted})


def _by_weekday(field: str) -> Days:
    ordinal = re.fullmatch(r"([A-Z]{3}|[1-7])#([1-5])", field)
    if ordinal is not None:
        wanted, number = _number(ordinal[1], 1, 7, _DAYS), int(ordinal[2])
        return lambda year, month: frozenset(_on_weekdays(year, month, {wanted})[number - 1 : number])
    last = re.fullmatch(r"([A-Z]{3}|[1-7])?L", field)
    if last is not None:
        wanted = _number(last[1] or "7", 1, 7, _DAYS)
        of_month = last[1] is not None
        return lambda year, month: frozenset(_on_weekdays(year, month, {wanted})[-1:] if of_month else _on_weekdays(year, month, {wanted}))
    numbers = _numbers(field, 1, 7, _DAYS)
    return lambda year, month: frozenset(_on_weekdays(year, month, numbers))


def _on_weekdays(year: int, month: int, wanted: set[int]) -> list[int]:
    """Days of the month that fall on the days of the week `wanted`, in order."""
    days = calendar.monthrange(year, month)[1]
    return [day for day in range(1, days + 1) if (calendar.weekday(year, month, day) + 1) % 7 + 1 in wanted]


def _numbers(field: str, low: int, high: int, names: dict[str, int] | None = None) -> set[int]:
    found: set[int] = set()
    for part in field.split(","):
        span, slash, step_text = part.partition("/")
        if slash and not re.fullmatch(r"[1-9][0-9]{0,3}", step_text):
            raise _invalid(f"{part} has no step of 1 or more after the slash.")
        step = int(step_text) if slash else 1
        start, dash, end = span.partition("-")
        if span == "*":
            first, last = low, high
        else:
            first = _number(start, low, high, names)
            last = _number(end, low, high, names) if dash else high if slash else first
        if first > last:
            raise _invalid(f"{part} ends before it begins.")
        found.update(range(first, last + 1, step))
    return found


def _number(text: str, low: int, high: int, names: dict[str, int] | None) -> int:
    number = (names or {}).get(text)
    if number is None and re.fullmatch(r"[0-9]{1,4}", text):
        number = int(text)
    if number is None or not low <= number <= high:
        raise _invalid(f"{text[:20]} is not one of {low} to {high}.")
    return number


def _invalid(reason: str) -> ValidationException:
    return ValidationException(f"Parameter ScheduleExpression is not valid. Reason: {reason}")
