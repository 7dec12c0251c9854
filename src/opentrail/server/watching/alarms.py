"""Metrics and alarms: evaluation by the clock, and what a change of state sets off."""

from __future__ import annotations

from opentrail.messaging.topics.service_publisher import ServicePublisher
from opentrail.monitoring.alarms import keeping
from opentrail.monitoring.alarms.evaluating import Evaluating
from opentrail.monitoring.alarms.keeping import HistoryKeeper
from opentrail.monitoring.alarms.outbox import ActionOutbox
from opentrail.monitoring.alarms.regions import region_names
from opentrail.monitoring.alarms.store import AlarmStore
from opentrail.monitoring.alarms.transitions import EVENT, TOPIC, Transitions
from opentrail.monitoring.metrics import expiry
from opentrail.monitoring.metrics.expiry import Expiry
from opentrail.monitoring.metrics.store import MetricStore
from opentrail.rules.intake import Intake
from opentrail.rules.store import Store
from opentrail.server.watching.ground import Ground
from opentrail.server.watching.part import Chore, Part


def part(ground: Ground) -> Part:
    """What the watch runs of it."""
    metrics, alarms = MetricStore(ground.monitoring, ground.clock), AlarmStore(ground.monitoring)
    publisher = ServicePublisher(
        ground.messages, ground.clock, keys=ground.kms.service_keys, service="cloudwatch.amazonaws.com", for_owner=True
    )
    messages = ActionOutbox(alarms, ground.clock, kind=TOPIC, topics=publisher)
    intake = Intake(Store(ground.rules), ground.clock)
    events = ActionOutbox(alarms, ground.clock, kind=EVENT, events=intake)

    def wake() -> None:
        messages.wake()
        events.wake()

    evaluating = Evaluating(metrics, alarms, ground.clock, transitions=Transitions(region_names()), on_transition=wake)

    def close() -> None:
        messages.close()
        events.close()
        intake.close()

    of = (ground.folder.monitoring,)
    return Part(
        chores={
            "alarms": Chore(step=evaluating.step, of=of, rest=evaluating.rest),
            "alarm-messages": Chore(step=messages.step, of=of, rest=messages.rest, woken=messages.woken, ails=messages.ails),
            "alarm-events": Chore(step=events.step, of=of, rest=events.rest, woken=events.woken, ails=events.ails),
            "alarm-history": Chore(step=HistoryKeeper(alarms, ground.clock).step, rest=lambda: keeping.EVERY),
            "metric-expiry": Chore(step=Expiry(metrics, ground.clock).step, rest=lambda: expiry.EVERY),
        },
        close=close,
    )
