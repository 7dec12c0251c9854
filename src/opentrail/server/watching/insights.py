"""Insights: rates of calls and errors, and the events that tell when they are unusual."""

from __future__ import annotations

from opentrail.insights.announcer import Announcer
from opentrail.insights.follower import FOLLOWER, InsightsFollower
from opentrail.server.watching.analysed import Analysed
from opentrail.server.watching.ground import Ground
from opentrail.server.watching.part import Part


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
    return Part(followers={FOLLOWER: follower}, chores={"insights-announcer": announcer.run})
