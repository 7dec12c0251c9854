"""Log groups: trails stream to them, metric filters and subscription filters read them."""

from __future__ import annotations

from opentrail.server.watching.ground import Ground
from opentrail.server.watching.part import Part


def part(ground: Ground) -> Part:
    """What the watch runs of it."""
    return Part()
