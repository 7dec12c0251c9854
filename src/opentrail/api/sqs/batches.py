"""Batches: up to ten entries, each with an id of its own, each of which can fail by itself."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from opentrail.api.call import Call
from opentrail.messaging.queues.faults import (
    BatchEntryIdsNotDistinct,
    EmptyBatchRequest,
    InvalidBatchEntryId,
    TooManyEntriesInBatchRequest,
)
from opentrail.wire.faults import Fault

MOST: Final = 10
"""Entries of one batch."""
_ID = re.compile(r"[A-Za-z0-9_-]{1,80}\Z")


def entries(call: Call) -> Sequence[Mapping[str, Any]]:
    """The entries of a batch. Raises `EmptyBatchRequest`, `TooManyEntriesInBatchRequest`, `InvalidBatchEntryId`,
    `BatchEntryIdsNotDistinct`."""
    found: Sequence[Mapping[str, Any]] = call.parameters.get("Entries") or ()
    if not found:
        raise EmptyBatchRequest(f"There should be at least one {call.operation}RequestEntry in the request.")
    if len(found) > MOST:
        raise TooManyEntriesInBatchRequest(f"Maximum number of entries per request are {MOST}. You have sent {len(found)}.")
    seen: set[str] = set()
    for entry in found:
        name = entry.get("Id") or ""
        if not _ID.match(name):
            raise InvalidBatchEntryId
        if name in seen:
            raise BatchEntryIdsNotDistinct(f"Id {name} repeated.")
        seen.add(name)
    return found


def result(successful: Sequence[Mapping[str, Any]], failed: Mapping[str, Fault]) -> dict[str, Any]:
    """How a batch went: the entries that succeeded, and what is wrong with the others, by their ids."""
    told = [{"Id": name, "SenderFault": fault.sender, "Code": fault.code, "Message": fault.message} for name, fault in failed.items()]
    return {"Successful": list(successful), "Failed": told}
