"""Insights: rates of calls and errors, and the events that tell when they are unusual."""

from __future__ import annotations

from opentrail.server.watching.ground import Ground
from opentrail.server.watching.part import Part


def part(ground: Ground) -> Part:
    """What the watch runs of it."""
    return Part()
