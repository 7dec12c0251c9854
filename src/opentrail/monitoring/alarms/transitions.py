"""A change of state: the state, its entry in the history, and what it sets off, in one transaction."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import Connection, insert

from opentrail.monitoring.alarms import notices
from opentrail.monitoring.alarms.reasons import stamp
from opentrail.monitoring.alarms.store import Alarm, actions, alarms, count_change, history

OF_STATE: Final = {"OK": "OKActions", "ALARM": "AlarmActions", "INSUFFICIENT_DATA": "InsufficientDataActions"}
EVENT: Final = "event"
TOPIC: Final = "sns"


class Transitions:
    """Writes them. `region_names` gives the long name of a Region (`US East (N. Virginia)`)."""

    def __init__(self, region_names: Mapping[str, str]) -> None:
        self._region_names = region_names

    def make(self, connection: Connection, alarm: Alarm, state: str, *, reason: str, data: str | None, now: float) -> bool:
        """Take `alarm`, as it was read in this transaction, into `state`; whether that is another one than it was in.

        A new reason for the same state changes the reason, and nothing is set off by it."""
        moved = state != alarm.state
        changed = count_change(connection)
        after = replace(
            alarm,
            state=state,
            reason=reason,
            reason_data=data,
            updated=now,
            transitioned=now if moved else alarm.transitioned,
            changed=changed,
        )
        connection.execute(
            alarms.update()
            .where(alarms.c.number == alarm.number)
            .values(state=state, reason=reason, reason_data=data, updated=after.updated, transitioned=after.transitioned, changed=changed)
        )
        if not moved:
            return False
        note(
            connection,
            after,
            "StateUpdate",
            f"Alarm updated from {alarm.state} to {state}",
            {"version": "1.0", "oldState": _state(alarm), "newState": _state(after)},
            now,
        )
        self._act(connection, after, alarm, now)
        return True

    def _act(self, connection: Connection, alarm: Alarm, before: Alarm, now: float) -> None:
        name = self._region_names.get(alarm.region, alarm.region)
        rows: list[dict[str, Any]] = [
            _row(alarm, EVENT, "", None, json.dumps(notices.event(alarm, before), ensure_ascii=False, separators=(",", ":")), now)
        ]
        if alarm.settings.get("ActionsEnabled", True):
            subject, message = notices.subject(alarm, name), notices.message(alarm, before.state, name)
            rows += [_row(alarm, TOPIC, address, subject, message, now) for address in alarm.settings.get(OF_STATE[alarm.state]) or ()]
        connection.execute(insert(actions), rows)


def note(connection: Connection, alarm: Alarm, item: str, summary: str, data: Mapping[str, Any], now: float) -> None:
    """An entry in the history of `alarm`; `item` is `ConfigurationUpdate`, `StateUpdate` or `Action`."""
    connection.execute(
        insert(history).values(
            account_id=alarm.account_id,
            region=alarm.region,
            name=alarm.name,
            kind=alarm.kind,
            time=now,
            item=item,
            summary=summary,
            data=json.dumps(data, ensure_ascii=False, separators=(",", ":")),
        )
    )


def _row(alarm: Alarm, kind: str, address: str, subject: str | None, message: str, now: float) -> dict[str, Any]:
    return {
        "lane": f"{alarm.arn} {kind} {address}",
        "kind": kind,
        "account_id": alarm.account_id,
        "region": alarm.region,
        "name": alarm.name,
        "alarm_kind": alarm.kind,
        "address": address,
        "subject": subject,
        "message": message,
        "made": now,
        "attempts": 0,
        "due": now,
    }


def _state(alarm: Alarm) -> dict[str, Any]:
    told: dict[str, Any] = {"stateValue": alarm.state, "stateReason": alarm.reason}
    if alarm.reason_data is not None:
        try:
            told["stateReasonData"] = json.loads(alarm.reason_data)
        except (ValueError, RecursionError):
            told["stateReasonData"] = alarm.reason_data
    return told | {"stateTransitionedTimestamp": stamp(alarm.transitioned)}
