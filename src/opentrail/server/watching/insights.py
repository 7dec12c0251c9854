"""Insights: rates of calls and errors, and the events that tell when they are unusual."""

from __future__ import annotations

from typing import Final

from opentrail.insights.announcer import Announcer
from opentrail.insights.follower import FOLLOWER, InsightsFollower
from opentrail.server.watching.analysed import Analysed
from opentrail.server.watching.ground import Ground
from opentrail.server.watching.part import Chore, Part

IDLE: Final = 5.0
"""Seconds between two looks for events that wait to be recorded, should nobody say that there are any."""


def part(ground: Ground) -> Part:
    """What the watch runs of it."""
    follower = InsightsFollower(
        ground.insights,
        ground.clock,
        journal=ground.reader(),
        sources=Analysed(ground.state, ground.clock, ground.regions),
        promise=ground.promise,
    )
    announcer = Announcer(ground.insights, ground.state, ground.outbox)
    announcing = Chore(step=announcer.step, of=(ground.folder.insights,), rest=lambda: IDLE)
    return Part(followers={FOLLOWER: follower}, chores={"insights-announcer": announcing})
