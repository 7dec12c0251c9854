"""When a dashboard refreshes itself (reference of Lake, §7, `RefreshSchedule`). Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from opentrail.wire.faults import ValidationException

ENABLED: Final = "ENABLED"
DISABLED: Final = "DISABLED"
HOUR: Final = 3600
DAY: Final = 24 * HOUR
_HOURS: Final = (1, 6, 12, 24)
_TIME: Final = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """A checked schedule."""

    unit: str
    """`HOURS` or `DAYS`."""
    value: int
    status: str
    time_of_day: str
    """`HH:MM`, UTC; of an hourly schedule only the minutes count."""

    @property
    def enabled(self) -> bool:
        return self.status == ENABLED

    @property
    def period(self) -> int:
        """Seconds from one refresh to the next."""
        return self.value * (HOUR if self.unit == "HOURS" else DAY)

    def next_due(self, after: float) -> float:
        """The first moment later than `after` (both epoch seconds) at which a refresh is due. Counted from midnight UTC, so that it is the
        same whoever asks and however often the program was started anew."""
        hours, minutes = (int(part) for part in self.time_of_day.split(":"))
        offset = minutes * 60 + (hours * HOUR if self.unit == "DAYS" else 0)
        return float(((int(after) - offset) // self.period + 1) * self.period + offset)

    def as_wire(self) -> dict[str, Any]:
        """In botocore's spelling."""
        frequency = {"Unit": self.unit, "Value": self.value}
        return {"Frequency": frequency, "Status": self.status, "TimeOfDay": self.time_of_day}


HIGHLIGHTS: Final = Schedule(unit="HOURS", value=6, status=ENABLED, time_of_day="00:00")
"""The one that the Highlights dashboard has."""


def checked(given: Mapping[str, Any], before: Schedule | None = None) -> Schedule:
    """The schedule of a request; what it leaves out stays as it was `before`. Raises `ValidationException`."""
    frequency = given.get("Frequency") or {}
    unit = frequency.get("Unit") or (before.unit if before else None)
    value = frequency.get("Value") or (before.value if before else None)
    if unit is None or value is None:
        raise ValidationException("RefreshSchedule needs a Frequency with Unit and Value: 1, 6, 12 or 24 HOURS, or 1 DAYS.")
    if (unit == "HOURS" and value not in _HOURS) or (unit == "DAYS" and value != 1) or unit not in ("HOURS", "DAYS"):
        raise ValidationException(f"A dashboard cannot refresh every {value} {unit}: choose 1, 6, 12 or 24 HOURS, or 1 DAYS.")
    status = given.get("Status") or (before.status if before else ENABLED)
    if status not in (ENABLED, DISABLED):
        raise ValidationException(f"RefreshSchedule has the Status {str(status)[:40]!r}: it is ENABLED or DISABLED.")
    time_of_day = given.get("TimeOfDay") or (before.time_of_day if before else "00:00")
    if not _TIME.fullmatch(time_of_day):
        raise ValidationException(f"TimeOfDay is {str(time_of_day)[:40]!r}: write the UTC time of day as HH:MM.")
    return Schedule(unit=unit, value=value, status=status, time_of_day=time_of_day)
