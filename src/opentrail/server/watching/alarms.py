"""Metrics and alarms: evaluation by the clock, and what a change of state sets off."""

from __future__ import annotations

from opentrail.server.watching.ground import Ground
from opentrail.server.watching.part import Part


def part(ground: Ground) -> Part:
    """What the watch runs of it."""
    return Part()
