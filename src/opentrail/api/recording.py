"""Which records a call makes, for which accounts, and that they are on disk before its answer leaves.

Management events are always recorded, but for the few calls that CloudTrail does not know (`events.categories.UNRECORDED`). Data events and
network activity events only when a trail that is logging selects them, in the account whose record it is: `expects` asks that once before
the call (nobody: no room in the journal, no record, microseconds), `keep` of the finished records. All records of one call are appended
together: either all of them are there or none.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Protocol

from opentrail.api.call import Inner
from opentrail.errors import JournalError
from opentrail.events.categories import DATA, FOLLOWED_BY, MANAGEMENT, NETWORK_ACTIVITY, UNRECORDED
from opentrail.events.names import S3_SOURCES
from opentrail.events.service_event import ServiceEvent
from opentrail.journal import Journal, Reservation
from opentrail.recorder import Observation, Recorder, service_event

RECORD_ROOM = 256 << 10
"""Bytes of journal that are kept for each record that a call may have: the largest record CloudTrail makes."""
EVENT_ROOM = 4 << 10
"""Bytes kept for each event that follows a call, in both accounts."""
SMALLEST_STEP = 30
"""Bytes that a request takes at least to name one thing (`<Object><Key>k</Key></Object>`)."""
MOST_EVENTS = 1000
"""Events that follow one call at most."""
MANY = 32
"""Events from which the records are made in a thread, so that other calls do not wait for them."""

log = logging.getLogger("opentrail.endpoint")


class Selection(Protocol):
    """Who selects data events and network activity events: `trails.selection.Selection`."""

    def may(self, category: str, source: str, name: str) -> bool:
        """Whether anybody could want an event of this category, source and name. Microseconds."""

    def may_in(self, account_id: str, category: str, source: str, name: str) -> bool:
        """The same in one account."""

    def takes(self, account_id: str, record: bytes) -> bool:
        """Whether somebody takes this record of the account."""


class Recording:
    """Makes the records of calls and keeps them. Used on the event loop."""

    def __init__(
        self,
        *,
        recorder: Recorder,
        journal: Journal,
        selection: Selection,
        is_account: Callable[[str], bool],
        pass_on_failure: bool = False,
    ) -> None:
        """`is_account` tells whether an account exists here; it may read from disk. `pass_on_failure`: calls go on without records when
        the journal cannot take them."""
        self._recorder = recorder
        self._journal = journal
        self._selection = selection
        self._is_account = is_account
        self._pass = pass_on_failure

    def expects(self, service: str, operation: str, *, by_endpoint: bool = False) -> bool:
        """Whether a call may make a record. `by_endpoint`: it came through a VPC endpoint."""
        known = self._recorder.operation(service, operation)
        if known.category == MANAGEMENT and (known.source, known.name) not in UNRECORDED:
            return True
        may = self._selection.may
        for source in S3_SOURCES if service == "s3" else (known.source,):
            if may(DATA, source, known.name) or (by_endpoint and may(NETWORK_ACTIVITY, source, known.name)):
                return True
        source = known.source
        following = FOLLOWED_BY.get((source, known.name))
        return following is not None and may(DATA, source, following)

    def room(self, service: str, operation: str | None, size: int | None) -> AbstractContextManager[Reservation | None]:
        """Room in the journal for the records of a call whose request has `size` bytes (`None`: nobody knows). Raises `JournalError`."""
        known = self._recorder.operation(service, operation)
        # What has resources may be about one of another account, which then has a record too.
        wanted = RECORD_ROOM if known.resources is None else 2 * RECORD_ROOM
        if (known.source, known.name) in FOLLOWED_BY:
            wanted += EVENT_ROOM * (MOST_EVENTS if size is None else min(MOST_EVENTS, size // SMALLEST_STEP))
        try:
            return self._journal.reserve(wanted)
        except JournalError:
            if not self._pass:
                raise
            return nullcontext()

    async def keep(
        self,
        observation: Observation,
        *,
        owner: str | None = None,
        forwarded: bool = False,
        events: Sequence[ServiceEvent] = (),
        within: Sequence[Inner] = (),
        passed_endpoint: bool | None = None,
        ready: Sequence[bytes] = (),
        settled: Callable[[bool], None] | None = None,
        reservation: Reservation | None = None,
    ) -> None:
        """Have every record of a call on disk: for the caller's account, the account `owner` of the resource, the owner of the VPC
        endpoint, and what the service did besides: `events`, and calls to other services (`within`). Records that are `ready` are the deed
        itself: without them the call has not happened, whatever `pass_on_failure` says; `settled` hears whether they are on disk.

        `passed_endpoint`: whether the policy of the VPC endpoint let the call through, `None` when nobody asked it. What it refused, and
        would have been allowed otherwise, is told to the owner of the endpoint only (KMS developer guide, "Logging requests that use a
        VPC endpoint").

        `forwarded`: who owns the resource is to be seen from what was asked and answered. Raises `JournalError`.
        """
        kept = False
        try:
            if forwarded:
                owner = self._recorder.owner(observation)
                if owner is not None and not self._is_account(owner):
                    owner = None
            if len(events) < MANY:
                records = self._records(observation, owner, events, passed_endpoint)
            else:
                records = await asyncio.to_thread(self._records, observation, owner, events, passed_endpoint)
            for inner in within:
                records += [self._described(copy) for copy in self._recorder.copies(inner.observation, inner.owner)]
            records += ready
            if records:
                await self._journal.append(records, reservation)
            kept = True
        except JournalError:
            if ready or not self._pass:
                raise
            log.exception("a record was lost (journal.on_failure=pass)")
        finally:
            # Whatever went wrong: who waits to hear of it must hear of it.
            if settled is not None:
                settled(kept)

    def _records(
        self, observation: Observation, owner: str | None, events: Sequence[ServiceEvent], passed_endpoint: bool | None
    ) -> list[bytes]:
        copies = self._recorder.copies(observation, owner)
        operation = self._recorder.operation_of(observation)
        records = []
        unrecorded = passed_endpoint is False or (operation.source, operation.name) in UNRECORDED
        for copy in () if unrecorded else copies:
            if operation.category == MANAGEMENT:
                records.append(self._described(copy))
            elif self._selection.may_in(copy.account_id, DATA, operation.source, operation.name):
                record = self._described(copy)
                if self._selection.takes(copy.account_id, record):
                    records.append(record)
        endpoint_owner = observation.vpc_endpoint_account_id if passed_endpoint is not None else None
        if endpoint_owner and self._selection.may_in(endpoint_owner, NETWORK_ACTIVITY, operation.source, operation.name):
            record = self._recorder.describe_network(copies[0], denied=not passed_endpoint)
            if self._selection.takes(endpoint_owner, record):
                records.append(record)
        for event in events:
            records += self._of_event(event, [copy.account_id for copy in copies])
        return records

    def _of_event(self, event: ServiceEvent, accounts: Sequence[str]) -> list[bytes]:
        """The records of what a service did besides: a management event where it happened, a data event where it is selected."""
        if not event.data:
            return [service_event(event)]
        shared = self._recorder.new_event_id() if len(accounts) > 1 else None
        records = []
        for account_id in accounts:
            if not self._selection.may_in(account_id, DATA, event.event_source, event.event_name):
                continue
            own = event if account_id == event.account_id else replace(event, account_id=account_id, event_id=self._recorder.new_event_id())
            record = service_event(replace(own, shared_event_id=shared) if shared else own)
            if self._selection.takes(account_id, record):
                records.append(record)
        return records

    def _described(self, observation: Observation) -> bytes:
        try:
            return self._recorder.describe(observation)
        except Exception:
            # The call has been carried out: it is recorded by what is surely known of it.
            log.exception("describing %s.%s failed", observation.service, observation.operation)
            return self._recorder.describe(replace(observation, parameters=None, result=None))
