"""What OpenTrail's EventBridge does not have: archives, replays, global endpoints and partner event sources.

There are none to list or to describe. What would make one is refused with a message that says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from opentrail.api.call import Call, Handler, Result
from opentrail.rules.faults import LimitExceededException, OperationDisabledException, ResourceNotFoundException

_LISTS: Final[Mapping[str, str]] = {
    "ListArchives": "Archives",
    "ListReplays": "Replays",
    "ListEndpoints": "Endpoints",
    "ListEventSources": "EventSources",
}
_NAMED: Final[Mapping[str, tuple[str, str]]] = {
    "DescribeArchive": ("ArchiveName", "Archive"),
    "UpdateArchive": ("ArchiveName", "Archive"),
    "DeleteArchive": ("ArchiveName", "Archive"),
    "DescribeReplay": ("ReplayName", "Replay"),
    "CancelReplay": ("ReplayName", "Replay"),
    "DescribeEndpoint": ("Name", "Endpoint"),
    "UpdateEndpoint": ("Name", "Endpoint"),
    "DeleteEndpoint": ("Name", "Endpoint"),
    "DescribeEventSource": ("Name", "Event source"),
    "ActivateEventSource": ("Name", "Event source"),
    "DeactivateEventSource": ("Name", "Event source"),
}
_MADE: Final[Mapping[str, str]] = {
    "CreateArchive": "OpenTrail keeps no archives of event buses: 0 are allowed. What happened is in the event history and in trails.",
    "StartReplay": "OpenTrail replays no events: 0 replays are allowed. Put the events again with PutEvents.",
    "CreateEndpoint": "OpenTrail has no global endpoints: 0 are allowed. Put events on the event bus of a Region.",
}
_PARTNERS: Final = (
    "CreatePartnerEventSource",
    "DeletePartnerEventSource",
    "DescribePartnerEventSource",
    "ListPartnerEventSources",
    "ListPartnerEventSourceAccounts",
    "PutPartnerEvents",
)


class AbsentOperations:
    """One handler for each of those operations."""

    def __init__(self) -> None:
        self.operations: Mapping[str, Handler] = {
            **dict.fromkeys(_LISTS, _list),
            **dict.fromkeys(_NAMED, _named),
            **dict.fromkeys(_MADE, _made),
            **dict.fromkeys(_PARTNERS, _partner),
        }


def _list(call: Call) -> Result:
    return {_LISTS[call.operation]: []}


def _named(call: Call) -> Result:
    member, what = _NAMED[call.operation]
    raise ResourceNotFoundException(f"{what} {call.parameters[member]} does not exist.")


def _made(call: Call) -> Result:
    raise LimitExceededException(_MADE[call.operation])


def _partner(call: Call) -> Result:
    raise OperationDisabledException("OpenTrail has no partner event sources. Put events with PutEvents.")
