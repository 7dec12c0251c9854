"""Composite alarms: their state follows from the states of others."""

from __future__ import annotations

from sqlalchemy import Connection

from opentrail.monitoring.alarms import store
from opentrail.monitoring.alarms.reasons import composite_data, composite_reason
from opentrail.monitoring.alarms.rule import rule
from opentrail.monitoring.alarms.store import COMPOSITE, Alarm, plain
from opentrail.monitoring.alarms.transitions import Transitions
from opentrail.monitoring.alarms.verdict import ALARM, OK


def judge(connection: Connection, transitions: Transitions, alarm: Alarm, now: float) -> bool:
    """Take a composite alarm, as read in this transaction, into the state that its rule gives; whether that is another one."""
    read = rule(alarm.settings["AlarmRule"])
    state = ALARM if read.holds(store.states(connection, alarm.account_id, alarm.region, read.names)) else OK
    if state == alarm.state:
        return False
    children = {}
    for name in sorted(read.names):
        child = store.find(connection, alarm.account_id, alarm.region, plain(name))
        if child is not None:
            children[child.arn] = (child.state, child.transitioned)
    last = max(children, key=lambda arn: (children[arn][1], arn), default=None)
    reason, data = composite_reason(children, last), composite_data(children, last)
    return transitions.make(connection, alarm, state, reason=reason, data=data, now=now)


def reaches(connection: Connection, account_id: str, region: str, names: frozenset[str], name: str) -> bool:
    """Whether one of the alarms `names` depends on the alarm `name`: then the latter cannot depend on them."""
    waiting, seen = [plain(one) for one in names], set()
    while waiting:
        one = waiting.pop()
        if one == name:
            return True
        if one in seen:
            continue
        seen.add(one)
        alarm = store.find(connection, account_id, region, one)
        if alarm is not None and alarm.kind == COMPOSITE:
            waiting += [plain(other) for other in rule(alarm.settings["AlarmRule"]).names]
    return False
