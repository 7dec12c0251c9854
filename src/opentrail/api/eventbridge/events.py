"""PutEvents."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from opentrail.api.call import Call, Handler, Need, Result
from opentrail.api.eventbridge.needs import Needs
from opentrail.rules import put_events
from opentrail.rules.control import EventBuses
from opentrail.rules.names import BusName
from opentrail.rules.put_events import Refused
from opentrail.rules.values import NewEvent
from opentrail.wire.faults import Fault, ValidationException


class Check(Protocol):
    """`Authorisation.check` for EventBridge's protocol."""

    def __call__(self, call: Call, needs: Sequence[Need]) -> None:
        """Raise `AccessDeniedException` for the first of `needs` that the caller does not have."""


class EventOperations:
    """The handler of PutEvents: what is answered with an id is on disk."""

    def __init__(self, buses: EventBuses, check: Check, needs: Needs) -> None:
        self._buses = buses.buses
        self._intake = buses.intake
        self._check = check
        self._needs = needs
        self.operations: Mapping[str, Handler] = {"PutEvents": self.put_events}

    def put_events(self, call: Call) -> Result:
        if call.parameters.get("EndpointId"):
            raise ValidationException("Parameter EndpointId is not valid. Reason: OpenTrail has no global endpoints. Leave it out.")
        entries = call.parameters["Entries"]
        put_events.check_size(entries)
        known: dict[BusName, bool] = {}
        outcomes = [self._outcome(call, entry, known) for entry in entries]
        self._intake.take([one for one in outcomes if isinstance(one, NewEvent)])
        return {
            "FailedEntryCount": sum(isinstance(one, Refused) for one in outcomes),
            "Entries": [_told(one) for one in outcomes],
        }

    def _outcome(self, call: Call, entry: Mapping[str, Any], known: dict[BusName, bool]) -> NewEvent | Refused:
        bus = put_events.bus_named(entry.get("EventBusName"), account_id=call.account_id, region=call.region)
        if bus.region != call.region:
            return Refused("InvalidArgument", f"Parameter EventBusName is not valid. Reason: The event bus is in {bus.region}.")
        if bus.account_id != call.account_id:
            try:
                self._check(call, [self._needs.put_event(call, entry, bus)])
            except Fault as fault:
                return Refused(fault.code, fault.message)
        if bus not in known:
            known[bus] = self._buses.find(bus) is not None
        if not known[bus]:
            return Refused("InvalidArgument", f"Parameter EventBusName is not valid. Reason: Event bus {bus.name} does not exist.")
        return put_events.made(entry, bus, event_id=str(uuid.uuid4()), account_id=call.account_id, now=call.time)


def _told(outcome: NewEvent | Refused) -> dict[str, str]:
    if isinstance(outcome, Refused):
        return {"ErrorCode": outcome.code, "ErrorMessage": outcome.message}
    return {"EventId": outcome.event_id}
