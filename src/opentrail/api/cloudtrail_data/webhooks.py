"""The door of webhooks: `POST /_opentrail/webhooks/<name of an integration>`. There is none where no integration of that name is set up.

Nobody gets in without the secret of the integration: a signed body (GitHub), or a bearer token (Kubernetes), which must come over TLS or
from this machine. Events are on disk before the answer; one that comes again is known.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol

from opentrail.api.arrival import Arrival, IncompleteBody, RequestEntityTooLarge
from opentrail.api.authorisation import is_local
from opentrail.api.cloudtrail_data.channels import Channels, Named, named
from opentrail.api.cloudtrail_data.intake import Intake
from opentrail.clock import Clock
from opentrail.errors import JournalError
from opentrail.lake.integrations import webhooks
from opentrail.lake.integrations.integration import Integration
from opentrail.lake.integrations.mapping import Unmapped, built_in
from opentrail.lake.integrations.pulling import written
from opentrail.lake.integrations.webhooks import NotAllowed, NotReadable
from opentrail.wire.http import Response

PREFIX: Final = "/_opentrail/webhooks/"
MAX_BODY: Final = 25 << 20
"""Bytes of one delivery: GitHub's own limit."""
AT_ONCE: Final = 4
"""Deliveries whose bodies are in memory at the same time; more are asked to come again."""
PASSING: Final = frozenset({"Throttling", "InternalFailure"})

log = logging.getLogger("opentrail.webhooks")


class Integrations(Protocol):
    """The integrations there are: `lake.integrations.store.IntegrationStore`."""

    def changes(self) -> int:
        """How often integrations were added and removed. Must not block long."""

    def all(self) -> Sequence[Integration]:
        """Every integration."""

    def came(self, name: str, *, taken: int, refused: int, at: float, cursor: Mapping[str, Any] | None = None) -> None:
        """Events have come."""


class Journal(Protocol):
    """Where records become durable."""

    async def append(self, records: Sequence[bytes]) -> int:
        """Keep records, all or none. Raises `JournalError`."""


class WebhookDoor:
    """The door. For one event loop."""

    def __init__(self, integrations: Integrations, channels: Channels, intake: Intake, journal: Journal, clock: Clock) -> None:
        self._integrations = integrations
        self._channels = channels
        self._intake = intake
        self._journal = journal
        self._clock = clock
        self._read: tuple[int, Mapping[str, Integration]] = (-1, {})
        self._inside = 0
        self._chores: set[asyncio.Task[None]] = set()

    async def answer(self, arrival: Arrival) -> Response:
        """200 when every event is on disk or was before; 4xx and nothing kept, 5xx: come again."""
        integration = self._current().get(arrival.request.path.removeprefix(PREFIX))
        if integration is None or not integration.kind.is_webhook:
            return _said(404, "There is no such webhook.")
        if arrival.request.method != "POST":
            return _said(405, "Deliveries are sent with POST.", ("allow", "POST"))
        if self._inside >= AT_ONCE:
            return _said(503, "Too many deliveries at once: come again.", ("retry-after", "1"))
        self._inside += 1
        try:
            return await self._taken(integration, arrival)
        except NotAllowed as refused:
            log.warning("a delivery for %s from %s was refused: %s", integration.name, arrival.source_ip, refused)
            return _said(401, str(refused))
        except (NotReadable, Unmapped) as unfit:
            return _said(400, str(unfit))
        except RequestEntityTooLarge as large:
            return _said(413, large.message)
        except IncompleteBody as broken:
            return _said(400, broken.message)
        except JournalError as error:
            log.error("a delivery for %s could not be kept: %s", integration.name, error)
            return _said(503, "The events cannot be kept at the moment: come again.", ("retry-after", "5"))
        finally:
            self._inside -= 1

    async def _taken(self, integration: Integration, arrival: Arrival) -> Response:
        headers = arrival.request.headers
        if integration.kind.name in webhooks.GUARDED_BY_TOKEN and not (arrival.secure or is_local(arrival.source_ip)):
            return _said(403, "A token must not be sent in the open: let the sender use https://.")
        webhooks.allow_head(integration, headers)
        body = await arrival.whole_body(MAX_BODY)
        webhooks.allow_body(integration, headers, body)
        now = self._clock.time()
        sent, texts, unmapped = await asyncio.to_thread(self._mapped, integration, lambda: webhooks.read(integration, headers, body, now))
        if unmapped and not texts:
            return _said(422, unmapped[-1])
        if not texts:
            return _counts(0, 0)
        channel = _channel(integration)
        known = await self._channels.prepared(channel.place, channel.id)
        if known is None or not known.takes_activity:
            return _said(410, f"The channel {channel.arn} of the integration takes no events any more.")
        entries = [{"id": str(number), "eventData": text} for number, text in enumerate(texts)]
        taken = await self._intake.take(channel, entries, identities=sent.identities)
        kept = False
        try:
            if taken.records:
                await self._journal.append(taken.records)
            kept = True
        finally:
            taken.settled(kept)
        if any(failed["errorCode"] in PASSING for failed in taken.failed):
            return _said(503, "The same delivery is being taken in by another request: come again.", ("retry-after", "1"))
        refused = len(taken.failed) + len(unmapped)
        self._note(integration, len(taken.successful), refused, now)
        if refused and not taken.successful:
            return _said(422, taken.failed[-1]["errorMessage"])
        return _counts(len(taken.successful), refused)

    def _mapped(self, integration: Integration, read: Callable[[], webhooks.Sent]) -> tuple[webhooks.Sent, list[str], list[str]]:
        """In a thread: a list may have hundreds of events."""
        sent, mapped = read(), built_in(integration.kind.mapping)
        texts, unmapped = [], []
        for event in sent.events:
            try:
                texts.append(written(mapped.event_data(event, account_id=integration.account_id)))
            except Unmapped as error:
                unmapped.append(str(error))
        return sent, texts, unmapped

    def _note(self, integration: Integration, taken: int, refused: int, at: float) -> None:
        """How many came is written down beside: for people, no sender waits for it."""
        chore = asyncio.create_task(asyncio.to_thread(self._came, integration.name, taken, refused, at))
        self._chores.add(chore)
        chore.add_done_callback(self._chores.discard)

    def _came(self, name: str, taken: int, refused: int, at: float) -> None:
        try:
            self._integrations.came(name, taken=taken, refused=refused, at=at)
        except Exception:
            log.exception("what came for %s could not be counted", name)

    def _current(self) -> Mapping[str, Integration]:
        changes = self._integrations.changes()
        if changes != self._read[0]:
            self._read = (changes, {one.name: one for one in self._integrations.all()})
        return self._read[1]


def _channel(integration: Integration) -> Named:
    return named(integration.channel_arn, partition="aws", region="", account_id="")


def _said(status: int, text: str, *headers: tuple[str, str]) -> Response:
    return Response(status=status, headers=(("content-type", "text/plain; charset=utf-8"), *headers), body=f"{text}\n".encode())


def _counts(taken: int, refused: int) -> Response:
    return Response(
        status=200, headers=(("content-type", "application/json"),), body=json.dumps({"taken": taken, "refused": refused}).encode()
    )
