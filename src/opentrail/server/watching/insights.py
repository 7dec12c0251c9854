"""Insights: rates of calls and errors, and the events that tell when they are unusual."""

from __future__ import annotations

from pathlib import Path

from opentrail.insights.announcer import Announcer
from opentrail.insights.follower import FOLLOWER, InsightsFollower
from opentrail.insights.learning import Learning
from opentrail.server.watching.analysed import Analysed
from opentrail.server.watching.ground import Ground
from opentrail.server.watching.part import Part
from opentrail.server.watching.past import Past, PastAnalysed


def part(ground: Ground) -> Part:
    """What the watch runs of it."""
    follower = InsightsFollower(
        ground.insights,
        ground.clock,
        journal=ground.reader(),
        sources=Analysed(ground.state, ground.clock, ground.regions),
        promise=ground.promise,
    )
    past = Past(Path(ground.orders.link))
    learning = Learning(
        ground.insights,
        ground.clock,
        history=past,
        sources=PastAnalysed(Analysed(ground.state, ground.clock, ground.regions)),
        head=ground.reader().head,
    )
    announcer = Announcer(ground.insights, ground.state, ground.outbox)
    return Part(followers={FOLLOWER: follower}, chores={"insights-announcer": announcer.run, "insights-learning": learning.run})
