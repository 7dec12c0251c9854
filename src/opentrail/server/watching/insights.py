"""Insights: rates of calls and errors, and the events that tell when they are unusual."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from opentrail.insights.announcer import Announcer
from opentrail.insights.follower import FOLLOWER, InsightsFollower
from opentrail.insights.learning import Learning
from opentrail.server.watching.analysed import Analysed
from opentrail.server.watching.ground import Ground
from opentrail.server.watching.part import Chore, Part
from opentrail.server.watching.past import Past, PastAnalysed

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
    past = Past(Path(ground.orders.link))
    learning = Learning(
        ground.insights,
        ground.clock,
        history=past,
        sources=PastAnalysed(Analysed(ground.state, ground.clock, ground.regions)),
        head=ground.reader().head,
    )
    announcer = Announcer(ground.insights, ground.state, ground.outbox)
    of = (ground.folder.insights,)
    return Part(
        followers={FOLLOWER: follower},
        chores={
            "insights-announcer": Chore(step=announcer.step, of=of, rest=lambda: IDLE),
            "insights-learning": Chore(step=lambda: learning.turn(ground.stop), of=of, rest=learning.rest),
        },
    )
