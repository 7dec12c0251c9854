"""Event rules: what happened goes to the buses, and from there to the targets."""

from __future__ import annotations

from opentrail.server.watching.ground import Ground
from opentrail.server.watching.part import Part


def part(ground: Ground) -> Part:
    """What the watch runs of it."""
    return Part()
