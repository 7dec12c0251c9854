"""The parameters of widgets: named values that are put, as text and by position, in place of each `?` (reference of Lake, §7). Pure.

The values of a refresh are checked by what they mean before they become text, so none can end a literal or begin a comment.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from opentrail.lake.faults import InvalidQueryStatementException
from opentrail.lake.names import Place, event_data_store
from opentrail.wire.faults import ValidationException

START_TIME: Final = "$StartTime$"
END_TIME: Final = "$EndTime$"
PERIOD: Final = "$Period$"
STORE: Final = "$EventDataStoreId$"
CUSTOM: Final = (START_TIME, END_TIME, PERIOD)
"""Names that widgets of custom dashboards may use."""
MANAGED: Final = (*CUSTOM, STORE)
PERIODS: Final = ("second", "minute", "hour", "day", "week", "month", "quarter", "year")
"""The units of Trino's `date_trunc`."""
WINDOW: Final = timedelta(hours=24)
"""What a refresh looks back on when nobody says more."""

EXAMPLES: Final[Mapping[str, str]] = {START_TIME: "2024-11-05T00:00:00Z", END_TIME: "2024-11-06T00:00:00Z", PERIOD: "hour"}
"""Values with which a statement is checked when its widget is made."""

_TIME: Final = re.compile(r"\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?Z?)?")


def substituted(statement: str, values: Sequence[str]) -> str:
    """`statement` with its question marks replaced one by one, wherever they stand, also between quotes.

    Raises `InvalidQueryStatementException` when there are not as many values as question marks.
    """
    parts = statement.split("?")
    if len(parts) - 1 != len(values):
        raise InvalidQueryStatementException(
            f"The query has {len(parts) - 1} question mark(s) and {len(values)} parameter(s): give one parameter for each question mark."
        )
    return parts[0] + "".join(value + part for value, part in zip(values, parts[1:], strict=True))


def named(statement: str, names: Sequence[str], values: Mapping[str, str]) -> str:
    """`statement` with the values of the parameters that stand for its question marks."""
    return substituted(statement, [values[name] for name in names])


def checked(given: Mapping[str, str], *, allowed: Sequence[str], place: Place, now: datetime) -> dict[str, str]:
    """Every parameter with a value: those `given` to a refresh, the last day for what is left out of the window.

    Raises `ValidationException`, and `EventDataStoreARNInvalidException` for a store that is none.
    """
    for name in given:
        if name not in allowed:
            raise ValidationException(f"{name[:128]!r} is no parameter of this dashboard: its parameters are {', '.join(allowed)}.")
    # Events have whole seconds, and the window ends before its end: the next second, or what has just happened would be left out.
    end = _time(END_TIME, given[END_TIME]) if END_TIME in given else now.astimezone(UTC).replace(microsecond=0) + timedelta(seconds=1)
    start = _time(START_TIME, given[START_TIME]) if START_TIME in given else end - WINDOW
    if start > end:
        raise ValidationException(f"{START_TIME} is later than {END_TIME}.")
    period = given.get(PERIOD) or _fitting(end - start)
    if period.lower() not in PERIODS:
        raise ValidationException(f"{PERIOD} is {period[:40]!r}: it is one of {', '.join(PERIODS)}.")
    found = {START_TIME: _text(start), END_TIME: _text(end), PERIOD: period.lower()}
    if STORE in given:
        found[STORE] = event_data_store(given[STORE], place).id
    return found


def _time(name: str, given: str) -> datetime:
    if not _TIME.fullmatch(given):
        raise ValidationException(f"{name} is {given[:128]!r}: write it as 2024-11-05T10:45:24Z.")
    try:
        found = datetime.fromisoformat(given)
    except ValueError:
        raise ValidationException(f"{name} is {given[:128]!r}: there is no such time.") from None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def _text(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ") if not at.microsecond else at.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def _fitting(window: timedelta) -> str:
    """The unit that cuts `window` into some ten to a hundred pieces."""
    bounds = ((timedelta(hours=2), "minute"), (timedelta(days=4), "hour"), (timedelta(days=120), "day"))
    return next((unit for most, unit in bounds if window <= most), "month")
