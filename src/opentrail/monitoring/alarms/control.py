"""Alarms from a client's side: put, described, switched, set and deleted. The state that the data give is the watch's business."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection, delete, insert, select

from opentrail.clock import Clock
from opentrail.monitoring.alarms import settings, store
from opentrail.monitoring.alarms.composing import reaches
from opentrail.monitoring.alarms.reasons import CREATED, LONGEST_DATA
from opentrail.monitoring.alarms.rule import rule
from opentrail.monitoring.alarms.store import COMPOSITE, METRIC, Alarm, AlarmStore, alarm_of, alarms, history, plain
from opentrail.monitoring.alarms.tags import joined
from opentrail.monitoring.alarms.transitions import Transitions, note
from opentrail.monitoring.alarms.verdict import INSUFFICIENT_DATA, STATES
from opentrail.monitoring.metrics.faults import (
    InvalidFormatFault,
    InvalidParameterValueException,
    LimitExceededFault,
    ResourceNotFound,
    ResourceNotFoundException,
    ValidationError,
)
from opentrail.storage.database import Database

MOST_ALARMS: Final = 50_000
"""In one account and Region."""
COMPOSITE_SETTINGS: Final = frozenset({*settings.ACTION_LISTS, "ActionsEnabled", "AlarmDescription", "AlarmRule"})
COMPOSITE_UNSERVED: Final = ("ActionsSuppressor", "ActionConfiguration")


class Alarms:
    """What the front does with alarms; any process may use one."""

    def __init__(self, database: Database, clock: Clock, *, region_names: Mapping[str, str]) -> None:
        """`database` is `DataFolder.monitoring`; `region_names`: the long names (`US East (N. Virginia)`)."""
        self.store = AlarmStore(database)
        self._database = database
        self._clock = clock
        self._transitions = Transitions(region_names)

    def put_metric_alarm(self, given: Mapping[str, Any], *, account_id: str, region: str) -> None:
        """Make an alarm, or give another one all new settings; its state stays. Raises the fault that says what is wrong."""
        name = _name(given)
        kept = settings.checked(given, account_id=account_id, region=region)
        self._put(account_id, region, name, METRIC, kept, given.get("Tags") or ())

    def put_composite_alarm(self, given: Mapping[str, Any], *, account_id: str, region: str) -> None:
        """The same for an alarm on alarms. They must exist, and none may depend on this one."""
        name = _name(given)
        for member in COMPOSITE_UNSERVED:
            if given.get(member):
                raise ValidationError(f"OpenTrail has no {member}. Leave it out.")
        kept = {member: value for member, value in given.items() if member in COMPOSITE_SETTINGS and value is not None}
        kept["ActionsEnabled"] = given.get("ActionsEnabled", True)
        for list_ in settings.ACTION_LISTS:
            kept[list_] = settings.actions(list_, given.get(list_) or (), region)
        read = rule(kept["AlarmRule"])
        with self._database.read() as connection:
            there = store.states(connection, account_id, region, read.names)
            missing = sorted(read.names - there.keys() - {name})
            if missing:
                raise ValidationError(
                    f"Could not save the composite alarm as alarms [{', '.join(missing)}] in the alarm rule do not exist."
                )
            if reaches(connection, account_id, region, read.names, name):
                raise ValidationError("AlarmRule is not valid: the alarm would depend on itself.")
        self._put(account_id, region, name, COMPOSITE, kept, given.get("Tags") or ())

    def get(self, account_id: str, region: str, name: str) -> Alarm | None:
        """The alarm of that name."""
        with self._database.read() as connection:
            return store.find(connection, account_id, region, name)

    def list(
        self,
        account_id: str,
        region: str,
        *,
        kinds: Sequence[str] = (METRIC,),
        names: Sequence[str] | None = None,
        prefix: str = "",
        state: str | None = None,
        action_prefix: str | None = None,
        after: str = "",
        limit: int,
    ) -> list[Alarm]:
        """Alarms in order of their names, above the name `after`."""
        wanted = [alarms.c.account_id == account_id, alarms.c.region == region, alarms.c.kind.in_(kinds)]
        if state is not None:
            wanted.append(alarms.c.state == state)
        if names is not None:
            wanted.append(alarms.c.name.in_(names))
        found: list[Alarm] = []
        with self._database.read() as connection:
            while len(found) < limit:
                beyond = (alarms.c.name > after,) if after else ()
                start = (alarms.c.name >= prefix,) if prefix else ()
                rows = connection.execute(select(alarms).where(*wanted, *beyond, *start).order_by(alarms.c.name).limit(500)).all()
                for row in rows:
                    alarm = alarm_of(row)
                    if not alarm.name.startswith(prefix):
                        return found
                    if action_prefix is None or _acts(alarm, action_prefix):
                        found.append(alarm)
                if len(rows) < 500:
                    break
                after = rows[-1].name
        return found[:limit]

    def on_metric(self, account_id: str, region: str) -> Sequence[Alarm]:
        """All metric alarms of an account and Region."""
        return self.list(account_id, region, limit=MOST_ALARMS)

    def parents(self, account_id: str, region: str, name: str) -> Sequence[Alarm]:
        """The composite alarms that name this one."""
        found = self.list(account_id, region, kinds=(COMPOSITE,), limit=MOST_ALARMS)
        return [alarm for alarm in found if name in {plain(one) for one in rule(alarm.settings["AlarmRule"]).names}]

    def children(self, parent: Alarm) -> Sequence[Alarm]:
        """The alarms that a composite one names."""
        if parent.kind != COMPOSITE:
            return []
        with self._database.read() as connection:
            names = sorted({plain(name) for name in rule(parent.settings["AlarmRule"]).names})
            found = (store.find(connection, parent.account_id, parent.region, name) for name in names)
            return [alarm for alarm in found if alarm is not None]

    def history(
        self,
        account_id: str,
        region: str,
        *,
        name: str | None = None,
        kinds: Sequence[str] = (METRIC,),
        item: str | None = None,
        start: float | None = None,
        end: float | None = None,
        oldest_first: bool = False,
        after: int | None = None,
        limit: int,
    ) -> Sequence[Mapping[str, Any]]:
        """What happened to alarms, those deleted too; `after` is the number of the last entry of the page before."""
        wanted = [history.c.account_id == account_id, history.c.region == region, history.c.kind.in_(kinds)]
        for column, value in ((history.c.name, name), (history.c.item, item)):
            if value is not None:
                wanted.append(column == value)
        if start is not None:
            wanted.append(history.c.time >= start)
        if end is not None:
            wanted.append(history.c.time <= end)
        if after is not None:
            wanted.append(history.c.number > after if oldest_first else history.c.number < after)
        order = history.c.number.asc() if oldest_first else history.c.number.desc()
        with self._database.read() as connection:
            return [dict(row._mapping) for row in connection.execute(select(history).where(*wanted).order_by(order).limit(limit))]

    def enable_actions(self, account_id: str, region: str, names: Sequence[str], *, enabled: bool) -> None:
        """Switch the actions of alarms on or off; names of none are passed over."""
        now = self._clock.time()
        with self._database.begin() as connection:
            for name in dict.fromkeys(names):
                alarm = store.find(connection, account_id, region, name)
                if alarm is None or alarm.settings.get("ActionsEnabled", True) == enabled:
                    continue
                kept = {**alarm.settings, "ActionsEnabled": enabled}
                store.change(connection, alarm.number, settings=kept, configured=now)
                _note_configuration(connection, alarm, "Update", kept, now)

    def set_state(self, account_id: str, region: str, name: str, *, state: str, reason: str, data: str | None) -> None:
        """Have an alarm be in `state` until it is looked at the next time. Raises `ResourceNotFound`, `InvalidFormat`."""
        if state not in STATES:
            raise ValidationError(f"The value of StateValue is not valid. Choose of {', '.join(STATES)}.")
        if data is not None:
            if len(data) > LONGEST_DATA:
                raise ValidationError(f"StateReasonData must not have more than {LONGEST_DATA} characters.")
            try:
                json.dumps(json.loads(data), allow_nan=False, ensure_ascii=False).encode()
            except (ValueError, RecursionError):
                raise InvalidFormatFault("StateReasonData was not syntactically valid JSON.") from None
        with self._database.begin() as connection:
            alarm = store.find(connection, account_id, region, name)
            if alarm is None:
                raise ResourceNotFound(f"The alarm {name} does not exist.")
            self._transitions.make(connection, alarm, state, reason=reason, data=data, now=self._clock.time())

    def delete(self, account_id: str, region: str, names: Sequence[str]) -> None:
        """Delete alarms, all of them or none. Raises `ResourceNotFound`, and `ValidationError` for a composite one beside others."""
        now = self._clock.time()
        with self._database.begin() as connection:
            found = [(name, store.find(connection, account_id, region, name)) for name in dict.fromkeys(names)]
            missing = [name for name, alarm in found if alarm is None]
            if missing:
                raise ResourceNotFound(f"Some of the alarms in the list do not exist: {', '.join(missing)}")
            there = [alarm for _, alarm in found if alarm is not None]
            if len(there) > 1 and sum(alarm.kind == COMPOSITE for alarm in there) > 1:
                raise ValidationError("A call can delete only one composite alarm.")
            for alarm in there:
                connection.execute(delete(alarms).where(alarms.c.number == alarm.number))
                _note_configuration(connection, alarm, "Delete", alarm.settings, now)
            store.count_change(connection)

    def tags(self, account_id: str, region: str, arn: str) -> Mapping[str, str]:
        """The tags of the alarm with that ARN. Raises `ResourceNotFoundException`."""
        with self._database.read() as connection:
            return _by_arn(connection, account_id, region, arn).tags

    def tag(self, account_id: str, region: str, arn: str, given: Sequence[Mapping[str, Any]]) -> None:
        """Add tags, or give those that are there new values."""
        with self._database.begin() as connection:
            alarm = _by_arn(connection, account_id, region, arn)
            store.change(connection, alarm.number, tags=joined(alarm.tags, given))

    def untag(self, account_id: str, region: str, arn: str, keys: Sequence[str]) -> None:
        """Remove tags; keys that are not there are passed over."""
        with self._database.begin() as connection:
            alarm = _by_arn(connection, account_id, region, arn)
            store.change(connection, alarm.number, tags={key: value for key, value in alarm.tags.items() if key not in keys})

    def _put(self, account_id: str, region: str, name: str, kind: str, kept: Mapping[str, Any], tags: Sequence[Mapping[str, Any]]) -> None:
        now = self._clock.time()
        new_tags = joined({}, tags)
        with self._database.begin() as connection:
            there = store.find(connection, account_id, region, name)
            if there is not None and there.kind != kind:
                raise ValidationError(f"There is already an alarm called {name} of another kind ({there.kind}). Choose another name.")
            if there is not None:
                # Tags of an alarm that exists are changed by TagResource only, as the API reference says.
                store.change(connection, there.number, settings=kept, version=there.version + 1, configured=now)
                _note_configuration(connection, there, "Update", kept, now)
                return
            count = select(alarms.c.number).where(alarms.c.account_id == account_id, alarms.c.region == region).limit(MOST_ALARMS)
            if len(connection.execute(count).all()) >= MOST_ALARMS:
                raise LimitExceededFault(f"There are {MOST_ALARMS} alarms in this Region already. Delete some.")
            made: dict[str, Any] = {
                "account_id": account_id,
                "region": region,
                "name": name,
                "kind": kind,
                "settings": kept,
                "tags": new_tags,
                "version": 1,
                "configured": now,
                "state": INSUFFICIENT_DATA,
                "reason": CREATED,
                "reason_data": None,
                "updated": now,
                "transitioned": now,
                "changed": store.count_change(connection),
            }
            number = connection.execute(insert(alarms).values(**made).returning(alarms.c.number)).scalar_one()
            _note_configuration(connection, Alarm(number=number, **made), "Create", kept, now)


def _name(given: Mapping[str, Any]) -> str:
    name: str = given["AlarmName"]
    if not name.isascii() or not name.isprintable() or not name.strip():
        raise InvalidParameterValueException("AlarmName must have 1 to 255 ASCII characters that can be printed.")
    return name


def _acts(alarm: Alarm, prefix: str) -> bool:
    return any(arn.startswith(prefix) for list_ in settings.ACTION_LISTS for arn in alarm.settings.get(list_) or ())


def _by_arn(connection: Connection, account_id: str, region: str, arn: str) -> Alarm:
    alarm = store.find(connection, account_id, region, plain(arn))
    if alarm is None or alarm.arn != arn:
        raise ResourceNotFoundException("The alarm does not exist.", ResourceType="Alarm", ResourceId=arn)
    return alarm


def _note_configuration(connection: Connection, alarm: Alarm, kind: str, kept: Mapping[str, Any], now: float) -> None:
    done = {"Create": "created", "Update": "updated", "Delete": "deleted"}[kind]
    described = {"alarmName": alarm.name, "alarmArn": alarm.arn, **{name[0].lower() + name[1:]: value for name, value in kept.items()}}
    data = {"version": "1.0", "type": kind, f"{done}Alarm": described}
    note(connection, alarm, "ConfigurationUpdate", f'Alarm "{alarm.name}" {done}', data, now)
