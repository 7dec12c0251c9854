"""The control plane of channels: make, show, change and delete them (reference of Lake, §3). Runs in the front, blocking, thread-safe.

Each change that concerns where events go is made together with the journal's position at that moment: ingestion, however late it reads,
sends each record where it was to go when it was written (`routes`).
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

from sqlalchemy.engine import Connection

from opentrail.clock import Clock
from opentrail.events.activity import DEFAULT_CHANNEL
from opentrail.journal.positions import Positions
from opentrail.lake import names
from opentrail.lake.channels import store, tags
from opentrail.lake.channels.channel import (
    CUSTOM,
    DEFAULT_NAME,
    MOST_CHANNELS,
    MOST_DESTINATIONS,
    SERVICE_LINKED,
    Channel,
    channel_arn,
    checked_name,
    checked_source,
    is_default,
)
from opentrail.lake.event_data_store import ENABLED
from opentrail.lake.families import Family
from opentrail.lake.faults import (
    ChannelAlreadyExistsException,
    ChannelMaxLimitExceededException,
    ChannelNotFoundException,
    EventDataStoreNotFoundException,
    InactiveEventDataStoreException,
    InvalidEventDataStoreCategoryException,
    InvalidParameterException,
    OperationNotPermittedException,
)
from opentrail.lake.names import Named, Place
from opentrail.lake.neighbours import Stores
from opentrail.lake.stores import attachments
from opentrail.storage.database import Database

ROUTES: Final = "lake-channel-routes"
"""Name under which the positions are saved at which routes began: the journal must never go on below them."""


class Channels:
    """The channels of every account and Region."""

    def __init__(
        self, database: Database, clock: Clock, *, stores: Stores, head: Callable[[], int], changed: Callable[[], None] = lambda: None
    ) -> None:
        """`head` gives the position of the newest record of the journal; `changed` hears when a change is durable, before the call that
        made it is answered."""
        self._database = database
        self._clock = clock
        self._stores = stores
        self._head = head
        self._changed = changed
        self._positions = Positions(database)
        database.create(store.METADATA)
        database.create(attachments.METADATA)

    def create(
        self, place: Place, name: str, source: str, destinations: Sequence[Mapping[str, Any]], given_tags: Sequence[Mapping[str, Any]] = ()
    ) -> Channel:
        """Keep a new channel. Raises what `checked_name`, `checked_source`, `tags.checked` and `_store_ids` raise,
        `ChannelAlreadyExistsException` and `ChannelMaxLimitExceededException`."""
        checked_name(name)
        checked_source(source)
        kept = tags.checked(given_tags)
        with self._changing() as connection:
            return self._add(connection, place, name, source, self._store_ids(place, destinations), kept)

    def ensure_default(self, place: Place, store_id: str | None) -> Channel | None:
        """The default channel of `place`, made where there is none yet; `None` where somebody has deleted it. One that has no store gets
        `store_id` for its events."""
        arn = channel_arn(place)
        with self._changing() as connection:
            found = store.channel(connection, arn)
            if found is None:
                if store.is_declined(connection, arn):
                    return None
                from_here = (store_id,) if store_id else ()
                return self._keep(connection, place, DEFAULT_CHANNEL, DEFAULT_NAME, CUSTOM, from_here, {})
            if not found.store_ids and store_id:
                self._turn(connection, found, (store_id,))
            return store.channel(connection, arn)

    def _add(
        self, connection: Connection, place: Place, name: str, source: str, store_ids: tuple[str, ...], kept: Mapping[str, str]
    ) -> Channel:
        there = store.channels_of(connection, place.account_id, place.region)
        if any(one.name == name for one in there):
            raise ChannelAlreadyExistsException(f"A channel named {name} exists already in this account and Region.")
        if source != CUSTOM and any(one.source == source for one in there):
            raise ChannelAlreadyExistsException(
                f"A channel for the source {source} exists already: one is allowed for each partner source."
            )
        if len(there) >= MOST_CHANNELS:
            raise ChannelMaxLimitExceededException(f"An account has at most {MOST_CHANNELS} channels in a Region: delete one first.")
        if is_default(name) and source != CUSTOM:
            raise InvalidParameterException(
                f"The channel named {name} is the one that programs use which name none: its source is {CUSTOM}."
            )
        channel_id = DEFAULT_CHANNEL if is_default(name) else str(uuid.uuid4())
        return self._keep(connection, place, channel_id, name, source, store_ids, kept)

    def _keep(
        self,
        connection: Connection,
        place: Place,
        channel_id: str,
        name: str,
        source: str,
        store_ids: tuple[str, ...],
        kept: Mapping[str, str],
    ) -> Channel:
        now = self._clock.time()
        made = Channel(
            arn=channel_arn(place, channel_id),
            id=channel_id,
            partition=place.partition,
            region=place.region,
            account_id=place.account_id,
            name=name,
            source=source,
            store_ids=store_ids,
            created_at=now,
            updated_at=now,
            tags=kept,
        )
        store.add_channel(connection, made)
        store.turn_route(connection, made.arn, store_ids, self._noted_head(connection))
        return made

    def update(
        self, place: Place, given: str, *, name: str | None = None, destinations: Sequence[Mapping[str, Any]] | None = None
    ) -> Channel:
        """Change only what is given; the source never changes. Raises as `create` does, `ChannelARNInvalidException`,
        `ChannelNotFoundException`, and `OperationNotPermittedException` for a service-linked channel."""
        if name is not None:
            checked_name(name)
        with self._changing() as connection:
            found = self._to_change(connection, place, given)
            values: dict[str, Any] = {"updated_at": self._clock.time()}
            if name is not None and name != found.name:
                if is_default(name) or is_default(found.name):
                    raise InvalidParameterException(
                        f"The name {DEFAULT_NAME} belongs to the channel with the id {DEFAULT_CHANNEL}: it is neither taken nor given away."
                    )
                if any(one.name == name for one in store.channels_of(connection, place.account_id, place.region)):
                    raise ChannelAlreadyExistsException(f"A channel named {name} exists already in this account and Region.")
                values["name"] = name
            store.change_channel(connection, found.arn, values)
            if destinations is not None:
                self._turn(connection, found, self._store_ids(place, destinations))
            return _read(connection, found.arn)

    def _turn(self, connection: Connection, found: Channel, store_ids: tuple[str, ...]) -> None:
        if store_ids != found.store_ids:
            store.change_channel(connection, found.arn, {"store_ids": list(store_ids)})
            store.turn_route(connection, found.arn, store_ids, self._noted_head(connection))

    def delete(self, place: Place, given: str) -> None:
        """Remove a channel. Events that were taken are kept. Raises as `update` does."""
        with self._changing() as connection:
            found = self._to_change(connection, place, given)
            store.remove_channel(connection, found.arn, declined=found.id == DEFAULT_CHANNEL)
            store.leave_route(connection, found.arn, self._clock.time())

    def get(self, place: Place, given: str) -> Channel:
        """One channel of `place`. Raises `ChannelARNInvalidException`, `ChannelNotFoundException`."""
        with self._database.read() as connection:
            return self._find(connection, place, given)

    def list(self, place: Place) -> list[Channel]:
        """The channels of `place`, in order of name."""
        with self._database.read() as connection:
            return store.channels_of(connection, place.account_id, place.region)

    def written_status(self, arn: str) -> store.Status:
        """What was written down of a channel's taking in (`status.Statuses` knows newer things)."""
        with self._database.read() as connection:
            return store.status(connection, arn)

    # what stores, and the operations that all resources share, need of channels

    def deliver_to(self, store_id: str) -> bool:
        """Whether a channel delivers to the store; asked within the transaction that deletes it (`ChannelExistsForEDSException`)."""
        with self._database.read() as connection:
            return any(store_id in one.store_ids for one in store.every_channel(connection))

    def exists(self, connection: Connection, named: Named) -> bool:
        """Whether the channel is there, within a transaction."""
        return store.channel(connection, named.arn) is not None

    def tags_of(self, arn: str) -> Mapping[str, str]:
        """The tags of a channel; none where there is no such channel."""
        with self._database.read() as connection:
            return attachments.tags(connection, arn)

    def _store_ids(self, place: Place, destinations: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
        """Where events are to go. Raises `InvalidParameterException`, `EventDataStoreARNInvalidException`,
        `EventDataStoreNotFoundException`, `InvalidEventDataStoreCategoryException`, `InactiveEventDataStoreException`."""
        if not 1 <= len(destinations) <= MOST_DESTINATIONS:
            raise InvalidParameterException(f"A channel has 1 to {MOST_DESTINATIONS} destinations; {len(destinations)} are given.")
        found: list[str] = []
        for destination in destinations:
            if destination["Type"] != "EVENT_DATA_STORE":
                raise InvalidParameterException(
                    "The type of a destination is EVENT_DATA_STORE; AWS_SERVICE is for channels that AWS services make."
                )
            named = names.event_data_store(destination["Location"], place)
            there = self._stores.get(named.id)
            if there is None or there.arn != named.arn or (there.account_id, there.region) != (place.account_id, place.region):
                raise EventDataStoreNotFoundException(
                    f"There is no event data store {destination['Location'][:200]} in this account and Region."
                )
            if there.family is not Family.ACTIVITY:
                raise InvalidEventDataStoreCategoryException(
                    f"The event data store {there.arn} does not hold events from outside AWS: a channel needs one with the category "
                    "ActivityAuditLog."
                )
            if there.status != ENABLED:
                raise InactiveEventDataStoreException(f"The event data store {there.arn} is not active; its status is {there.status}.")
            if there.id in found:
                raise InvalidParameterException(f"The event data store {there.arn} is named twice.")
            found.append(there.id)
        return tuple(found)

    def _to_change(self, connection: Connection, place: Place, given: str) -> Channel:
        found = self._find(connection, place, given)
        if found.source == SERVICE_LINKED:
            raise OperationNotPermittedException("The channel belongs to an AWS service, which alone may change it.")
        return found

    def _find(self, connection: Connection, place: Place, given: str) -> Channel:
        named = names.channel(given, place)
        found = store.channel(connection, named.arn)
        if found is None or (found.account_id, found.region) != (place.account_id, place.region):
            raise ChannelNotFoundException(f"There is no channel {given[:200]} in this account and Region.")
        return found

    @contextmanager
    def _changing(self) -> Iterator[Connection]:
        with self._database.begin() as connection:
            yield connection
        self._changed()

    def _noted_head(self, connection: Connection) -> int:
        head = self._head()
        self._positions.save(connection, ROUTES, head)
        return head


def _read(connection: Connection, arn: str) -> Channel:
    found = store.channel(connection, arn)
    if found is None:
        raise ChannelNotFoundException(f"There is no channel {arn}.")
    return found
