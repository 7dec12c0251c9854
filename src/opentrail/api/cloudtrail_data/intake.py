"""Events from outside AWS become records: what fits the schema, each once; the rest is named with its error.

Used by PutAuditEvents and by the doors of integrations, on the event loop. Nothing is recorded here: who calls has the records kept, all or
none, and then calls `settled`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from opentrail.api.cloudtrail_data import entries
from opentrail.api.cloudtrail_data.channels import Named
from opentrail.api.cloudtrail_data.entries import Entry
from opentrail.api.cloudtrail_data.recent import Claim, RecentEvents, Turn
from opentrail.clock import Clock
from opentrail.events.activity import Problem
from opentrail.recorder.activity import ActivityRecords

UNDER_WAY = Problem("Throttling", "The same event is being taken in by another request; send it again.")


class Notes(Protocol):
    """Who keeps what became of the latest attempts: `lake.channels.status.Statuses`."""

    def note(self, arn: str, *, attempted: str, taken: str | None, error: str | None) -> None:
        """An attempt has ended. Microseconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What becomes of the events of one request."""

    successful: Sequence[Mapping[str, str]]
    """`id` and `eventID` of each that is recorded when `records` are, or was before."""
    failed: Sequence[Mapping[str, str]]
    records: Sequence[bytes]
    settled: Callable[[bool], None]
    """To be called once, on the event loop: whether `records` are on disk."""


class Intake:
    """Takes events in."""

    def __init__(self, recent: RecentEvents, notes: Notes, clock: Clock) -> None:
        self._recent = recent
        self._notes = notes
        self._clock = clock

    async def take(self, channel: Named, given: Sequence[Mapping[str, Any]], *, identities: Sequence[bytes] | None = None) -> Taken:
        """`given` are entries as botocore spells them. An event that has been sent before is known by its content, or by its identity where
        `identities` names one for each. Waits for the memory after a start."""
        await self._recent.ready()
        claim = self._recent.claim()
        try:
            return self._taken(channel, given, (None,) * len(given) if identities is None else identities, claim)
        except BaseException:
            self._recent.settle(claim, False)
            raise

    def _taken(self, channel: Named, given: Sequence[Mapping[str, Any]], identities: Sequence[bytes | None], claim: Claim) -> Taken:
        """The events are read one after the other, claimed together, then written down."""
        arn, account_id = channel.arn, channel.account_id
        found = [
            entries.read(asked, channel_arn=arn, account_id=account_id, identity=identity)
            for asked, identity in zip(given, identities, strict=True)
        ]
        turns = iter(claim.turns([(entry.number, entry.uid) for entry in found if type(entry) is Entry]))
        made = ActivityRecords(region=channel.region, account_id=account_id, channel_arn=arn, ingested=self._clock.time())
        records: list[bytes] = []
        successful: list[dict[str, str]] = []
        failed: list[dict[str, str]] = []
        for asked, entry in zip(given, found, strict=True):
            if isinstance(entry, Problem):
                failed.append({"id": asked["id"], "errorCode": entry.code, "errorMessage": entry.message})
                continue
            turn, original = next(turns)
            if turn is Turn.UNDER_WAY:
                failed.append({"id": entry.id, "errorCode": UNDER_WAY.code, "errorMessage": UNDER_WAY.message})
                continue
            event_id = entry.event_id
            successful.append({"id": entry.id, "eventID": event_id})
            if turn is Turn.RECORDED:
                records.append(made.record(entry.data, event_id, entry.event_time, original))
        last = found[-1]
        attempted = last.event_id if isinstance(last, Entry) else entries.event_id_of(arn, entries.octets(given[-1]))
        taken = successful[-1]["eventID"] if successful else None
        error = failed[-1]["errorCode"] if failed else None

        def settled(recorded: bool) -> None:
            self._recent.settle(claim, recorded)
            if recorded:
                self._notes.note(arn, attempted=attempted, taken=taken, error=error)
            else:
                self._notes.note(arn, attempted=attempted, taken=None, error="InternalFailure")

        return Taken(successful=successful, failed=failed, records=records, settled=settled)
