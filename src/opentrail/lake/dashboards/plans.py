"""Which schedules new dashboards may have: custom ones any, Highlights its own (reference of Lake, §7). Pure."""

from __future__ import annotations

from opentrail.lake.dashboards.dashboard import Wanted
from opentrail.lake.dashboards.schedule import Schedule, checked
from opentrail.lake.faults import UnsupportedOperationException
from opentrail.wire.faults import ValidationException


def custom(wanted: Wanted) -> Schedule | None:
    """The schedule of a new custom dashboard, if it has one. Raises `ValidationException`."""
    return checked(wanted.refresh_schedule) if wanted.refresh_schedule is not None else None


def highlights(wanted: Wanted) -> Schedule:
    """That of a new Highlights dashboard. Raises `ValidationException`, `UnsupportedOperationException` for widgets."""
    if wanted.widgets:
        raise UnsupportedOperationException("The Highlights dashboard has widgets of its own: leave Widgets out.")
    if wanted.refresh_schedule is None:
        raise ValidationException("The Highlights dashboard needs a RefreshSchedule: every 6 HOURS, with the Status ENABLED.")
    plan = checked(wanted.refresh_schedule)
    require_highlights(plan)
    if not plan.enabled:
        raise ValidationException("The RefreshSchedule of the Highlights dashboard must be ENABLED when it is created.")
    return plan


def require_highlights(plan: Schedule) -> None:
    """Raises `ValidationException` for any other frequency than the one that Highlights has."""
    if (plan.unit, plan.value) != ("HOURS", 6):
        raise ValidationException("The Highlights dashboard refreshes every 6 HOURS: its frequency cannot be another.")
