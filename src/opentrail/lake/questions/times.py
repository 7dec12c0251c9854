"""Stretches of time in words → conditions on `eventTime`. Pure.

What is relative stays relative (`current_timestamp`), so that the query means the same whenever it is run; "last week" is the seven
days up to now.
"""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Final

from opentrail.lake.questions.text import Text
from opentrail.lake.questions.vocabulary import whole

_NUMBERS: Final = {
    "a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
    "twelve": 12, "couple of": 2, "few": 3,
}  # fmt: skip
_UNIT: Final = r"(minute|hour|day|week|fortnight|month|quarter|year)s?"
_ROLLING: Final = whole(
    rf"(?:(?:in|over|during|within|for|from|of|since)? ?(?:the )?(?:last|past|previous|preceding)"
    rf"(?: (\d{{1,4}}|{'|'.join(_NUMBERS)}))? {_UNIT}"
    rf"|within (\d{{1,4}}) {_UNIT}|in (\d{{1,4}}) {_UNIT})"
)
_AGO: Final = whole(rf"(?:since|from) (\d{{1,4}}|{'|'.join(_NUMBERS)}) {_UNIT} ago")
_THIS: Final = whole(r"(?:so far )?(?:in |during )?this (hour|day|week|month|quarter|year)(?: so far)?")
_TODAY: Final = whole(r"(?:since |from |of )?today(?:'s)?(?: so far)?")
_YESTERDAY: Final = whole(r"(?:from |of |on )?yesterday(?:'s)?")
_DATE: Final = r"(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2})?)Z?)?"
_BETWEEN: Final = whole(rf"(?:between|from) {_DATE} (?:and|to|until|till) {_DATE}")
_SINCE: Final = whole(rf"(?:since|after|from|starting) {_DATE}")
_BEFORE: Final = whole(rf"(?:before|until|till|up to) {_DATE}")
_ON: Final = whole(rf"(?:on |of |for |during )?{_DATE}")
_MONTHS: Final = ["january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december"]
_MONTH: Final = whole(rf"(?:in|during|of|for|since) ({'|'.join(_MONTHS)})(?:,? (?:of )?(\d{{4}}))?")
_YEAR: Final = whole(r"(?:in|during) (?:the year )?(20\d{2})")


def take(text: Text, today: date) -> tuple[str, ...]:
    """The conditions of the stretch of time that `text` names; none when it names none. `today` tells which March "in March" is."""
    if found := text.take(_BETWEEN):
        return (_at_least(found[1], found[2]), _below(found[3], found[4]))
    for pattern in (_SINCE, _BEFORE):
        if found := text.take(pattern):
            return (_at_least(found[1], found[2]) if pattern is _SINCE else f"eventTime < '{_moment(found[1], found[2])}'",)
    if found := text.take(_ON):
        if found[2]:
            return (f"eventTime = '{_moment(found[1], found[2])}'",)
        return (_at_least(found[1], None), _below(found[1], None))
    if found := text.take(_AGO):
        return (_rolling(_number(found[1]), found[2]),)
    if found := text.take(_ROLLING):
        count, unit = (found[1], found[2]) if found[2] else (found[3] or found[5], found[4] or found[6])
        return (_rolling(_number(count), unit),)
    if found := text.take(_THIS):
        return (f"eventTime >= date_trunc('{found[1].lower()}', current_timestamp)",)
    if text.take(_YESTERDAY):
        return (
            "eventTime >= date_add('day', -1, date_trunc('day', current_timestamp))",
            "eventTime < date_trunc('day', current_timestamp)",
        )
    if text.take(_TODAY):
        return ("eventTime >= date_trunc('day', current_timestamp)",)
    if found := text.take(_MONTH):
        return _month(found[1].lower(), found[2], today)
    if found := text.take(_YEAR):
        return (f"eventTime >= '{found[1]}-01-01 00:00:00'", f"eventTime < '{int(found[1]) + 1}-01-01 00:00:00'")
    return ()


def _month(name: str, year: str | None, today: date) -> tuple[str, ...]:
    number = _MONTHS.index(name) + 1
    of = int(year) if year else today.year - (number > today.month)
    end = date(of + number // 12, number % 12 + 1, 1)
    return (f"eventTime >= '{of}-{number:02d}-01 00:00:00'", f"eventTime < '{end.isoformat()} 00:00:00'")


def _rolling(count: int, unit: str) -> str:
    unit = unit.lower()
    if unit in ("week", "fortnight"):
        count, unit = count * (7 if unit == "week" else 14), "day"
    if unit == "quarter":
        count, unit = count * 3, "month"
    return f"eventTime > date_add('{unit}', -{count}, current_timestamp)"


def _number(text: str | None) -> int:
    return 1 if text is None else _NUMBERS.get(text.lower()) or int(text)


def _at_least(day: str, time: str | None) -> str:
    return f"eventTime >= '{_moment(day, time)}'"


def _below(day: str, time: str | None) -> str:
    """Up to the moment; up to the end of the day where no time is said."""
    if time:
        return f"eventTime <= '{_moment(day, time)}'"
    return f"eventTime < '{_moment((date.fromisoformat(day) + timedelta(days=1)).isoformat(), None)}'"


def _moment(day: str, time: str | None) -> str:
    date.fromisoformat(day)  # raises ValueError where there is no such day
    return f"{day} {(time or '00:00') + ':00' if not time or re.fullmatch('[0-9]{2}:[0-9]{2}', time) else time}"
