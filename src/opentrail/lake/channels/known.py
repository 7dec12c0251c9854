"""What the door of PutAuditEvents asks of channels, answered from memory: it is asked for every request, on the event loop.

Channels are changed by this process only (`changed`, before the change is answered) and by the door that empties everything, which calls it
as well; so nothing has to be asked of the database in between.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import Final, Protocol

from opentrail.clock import Clock
from opentrail.errors import OpenTrailError
from opentrail.events.activity import DEFAULT_CHANNEL
from opentrail.lake.channels import store
from opentrail.lake.channels.channel import DEFAULT_NAME, Channel, channel_arn
from opentrail.lake.channels.control import Channels
from opentrail.lake.names import Place
from opentrail.storage.database import Database
from opentrail.wire.faults import Fault

AGAIN: Final = 60.0
"""Seconds after which a store for a default channel that has none is tried to be made again."""

log = logging.getLogger("opentrail.channels")


class ActivityStores(Protocol):
    """Who makes event data stores."""

    def ensure(self, place: Place, name: str) -> str:
        """The id of the enabled `ActivityAuditLog` store of this name, made where there is none. Blocking.

        Raises a `Fault` where it cannot be made: the account has as many as it may have, the name is another store's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the door needs to know of a channel."""

    arn: str
    policy: str | None
    takes_activity: bool
    has_store: bool


class KnownChannels:
    """The channels there are. `stores`, where there is one, makes the stores of default channels."""

    def __init__(self, database: Database, channels: Channels, clock: Clock, *, stores: ActivityStores | None = None) -> None:
        self._database = database
        self._channels = channels
        self._clock = clock
        self._stores = stores
        self._stale = True
        self._known: dict[str, Known] = {}
        self._preparing: dict[str, asyncio.Task[None]] = {}
        self._next_try: dict[str, float] = {}

    def changed(self) -> None:
        """Something is different now: look before the next answer. Any thread."""
        self._stale = True

    def find(self, arn: str) -> Known | None:
        """The channel with this ARN. Reads from the database only after a change."""
        if self._stale:
            self._stale = False  # before reading: a change that comes meanwhile is seen the next time
            with self._database.read() as connection:
                self._known = {one.arn: _known(one) for one in store.every_channel(connection)}
        return self._known.get(arn)

    async def prepared(self, place: Place, channel_id: str) -> Known | None:
        """The channel of `place`; a default channel is made at its first need, with a store for its events.

        Where the store cannot be made the channel is there without one: its events are kept in the event history, as all are, and the
        store is tried again later."""
        arn = channel_arn(place, channel_id)
        found = self.find(arn)
        if channel_id != DEFAULT_CHANNEL or (found is not None and (found.has_store or not self._is_due(arn))):
            return found
        task = self._preparing.get(arn)
        if task is None:
            task = self._preparing[arn] = asyncio.create_task(asyncio.to_thread(self._prepare, place))
            task.add_done_callback(lambda _: self._preparing.pop(arn, None))
        await asyncio.shield(task)
        return self.find(arn)

    def _is_due(self, arn: str) -> bool:
        return self._stores is not None and self._clock.monotonic() >= self._next_try.get(arn, 0.0)

    def _prepare(self, place: Place) -> None:
        arn = channel_arn(place)
        self._next_try[arn] = self._clock.monotonic() + AGAIN
        store_id: str | None = None
        if self._stores is not None and not self._is_declined(arn):
            try:
                store_id = self._stores.ensure(place, DEFAULT_NAME)
            except (Fault, OpenTrailError) as error:
                log.warning("no event data store for %s: its events are in the event history only (%s)", arn, error)
        self._channels.ensure_default(place, store_id)

    def _is_declined(self, arn: str) -> bool:
        with self._database.read() as connection:
            return store.is_declined(connection, arn)


def _known(channel: Channel) -> Known:
    return Known(arn=channel.arn, policy=channel.resource_policy, takes_activity=channel.takes_activity, has_store=bool(channel.store_ids))
