"""Log groups and their streams: create, change, delete, describe, tag.

Thread-safe; every method takes the account and Region of the call.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from sqlalchemy import Connection

from opentrail.clock import Clock
from opentrail.monitoring.faults import (
    InvalidParameterException,
    OperationAbortedException,
    ResourceAlreadyExistsException,
    TooManyTagsException,
)
from opentrail.monitoring.logs import names, store
from opentrail.monitoring.logs.putting import the_group, the_stream
from opentrail.monitoring.logs.sealing import Sealing
from opentrail.monitoring.logs.values import Group, Stream
from opentrail.storage.database import Database

RETENTIONS: Final = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653)
"""Days for which events can be kept (API reference, PutRetentionPolicy)."""
CLASSES: Final = ("STANDARD", "INFREQUENT_ACCESS")
MOST_TAGS: Final = 50

Dropped = Callable[[Connection, Group], None]


class Control:
    """The control plane of log groups."""

    def __init__(self, database: Database, clock: Clock, sealing: Sealing, *, dropped: Sequence[Dropped] = ()) -> None:
        """`dropped` are called in the transaction in which a group is deleted: what hangs on it goes with it (filters)."""
        self._database = database
        self._clock = clock
        self._sealing = sealing
        self._dropped = tuple(dropped)

    def create_group(
        self,
        account_id: str,
        region: str,
        name: str,
        *,
        partition: str,
        log_group_class: str = "STANDARD",
        kms_key_id: str | None = None,
        tags: Mapping[str, str] | None = None,
        deletion_protection: bool = False,
    ) -> Group:
        """Raises `ResourceAlreadyExistsException`, `InvalidParameterException`, faults of the key."""
        names.check_group_name(name)
        if log_group_class not in CLASSES:
            raise InvalidParameterException(f"Log groups of the class {log_group_class} are not served here: use STANDARD.")
        check_tags(tags or {})
        group = Group(
            id=0,
            account_id=account_id,
            region=region,
            partition=partition,
            name=name,
            log_group_class=log_group_class,
            kms_key_id=None,
            retention_in_days=None,
            deletion_protection=deletion_protection,
            creation_time=self._now(),
        )
        with self._database.read() as connection:
            _check_free(connection, group)
        key_arn = self._sealing.check(group, kms_key_id) if kms_key_id else None
        with self._database.begin() as connection:
            _check_free(connection, group)
            made = store.add_group(
                connection,
                {
                    "account_id": account_id,
                    "region": region,
                    "partition": partition,
                    "name": name,
                    "log_group_class": log_group_class,
                    "kms_key_id": key_arn,
                    "deletion_protection": deletion_protection,
                    "creation_time": group.creation_time,
                },
            )
            if tags:
                store.put_tags(connection, made.id, tags)
        return made

    def delete_group(self, account_id: str, region: str, name: str) -> None:
        """The group and all in it are gone on return. Raises `ResourceNotFoundException`, and
        `InvalidParameterException` when it is protected."""
        with self._database.begin() as connection:
            group = the_group(connection, account_id, region, name)
            if group.deletion_protection:
                raise InvalidParameterException(
                    f"The log group {name} is protected from deletion. Switch that off with PutLogGroupDeletionProtection first."
                )
            for told in self._dropped:
                told(connection, group)
            store.drop_group(connection, group.id)

    def protect(self, account_id: str, region: str, name: str, *, protected: bool) -> None:
        """Whether DeleteLogGroup is refused. Raises `ResourceNotFoundException`."""
        self._change(account_id, region, name, {"deletion_protection": protected})

    def set_retention(self, account_id: str, region: str, name: str, days: int | None) -> None:
        """`None` keeps events for ever. Raises `ResourceNotFoundException`, `InvalidParameterException`."""
        if days is not None and days not in RETENTIONS:
            raise InvalidParameterException(
                "1 validation error detected: Value at 'retentionInDays' failed to satisfy constraint: "
                f"Member must satisfy enum value set: [{', '.join(map(str, RETENTIONS))}]"
            )
        self._change(account_id, region, name, {"retention_in_days": days})

    def set_key(self, account_id: str, region: str, name: str, key_id: str | None) -> None:
        """What comes in from now on is sealed with this key; what lies there stays as it is. Raises faults of the key."""
        with self._database.read() as connection:
            group = the_group(connection, account_id, region, name)
        key_arn = self._sealing.check(group, key_id) if key_id else None
        with self._database.begin() as connection:
            if the_group(connection, account_id, region, name).id != group.id:
                raise OperationAbortedException
            store.change_group(connection, group.id, {"kms_key_id": key_arn})

    def groups(
        self, account_id: str, region: str, *, prefix: str = "", contains: str = "", after: str = "", limit: int
    ) -> tuple[list[Group], dict[int, int]]:
        """At most `limit` groups behind the name `after`, and what the events in each count, by id."""
        with self._database.read() as connection:
            found = store.groups(connection, account_id, region, prefix=prefix, contains=contains, after=after, limit=limit)
            return found, store.stored_bytes(connection, [group.id for group in found])

    def group(self, account_id: str, region: str, name: str) -> Group:
        """One group. Raises `ResourceNotFoundException`."""
        with self._database.read() as connection:
            return the_group(connection, account_id, region, name)

    def create_stream(self, account_id: str, region: str, name: str, stream: str) -> None:
        """Raises `ResourceNotFoundException`, `ResourceAlreadyExistsException`, `InvalidParameterException`."""
        names.check_stream_name(stream)
        with self._database.begin() as connection:
            group = the_group(connection, account_id, region, name)
            if store.stream(connection, group.id, stream) is not None:
                raise ResourceAlreadyExistsException("The specified log stream already exists")
            store.add_stream(connection, group.id, stream, self._now())

    def delete_stream(self, account_id: str, region: str, name: str, stream: str) -> None:
        """The stream and its events are gone on return. Raises `ResourceNotFoundException`."""
        with self._database.begin() as connection:
            store.drop_stream(connection, the_stream(connection, the_group(connection, account_id, region, name), stream).id)

    def streams(
        self, account_id: str, region: str, name: str, *, prefix: str = "", by_last_event: bool = False, descending: bool = False
    ) -> tuple[Group, list[Stream]]:
        """The streams of a group, in order of their names or of their latest events (never an event: the earliest)."""
        with self._database.read() as connection:
            group = the_group(connection, account_id, region, name)
            found = store.streams(connection, group.id, prefix)
        if by_last_event:
            found.sort(key=lambda stream: (stream.last_event or 0, stream.name))
        return group, found[::-1] if descending else found

    def tags(self, account_id: str, region: str, name: str) -> dict[str, str]:
        """Raises `ResourceNotFoundException`."""
        with self._database.read() as connection:
            return store.tags(connection, the_group(connection, account_id, region, name).id)

    def tag(self, account_id: str, region: str, name: str, given: Mapping[str, str]) -> None:
        """Raises `ResourceNotFoundException`, `InvalidParameterException`, `TooManyTagsException`."""
        check_tags(given)
        with self._database.begin() as connection:
            group = the_group(connection, account_id, region, name)
            if len(store.tags(connection, group.id).keys() | given.keys()) > MOST_TAGS:
                raise TooManyTagsException(resource=group.arn)
            store.put_tags(connection, group.id, given)

    def untag(self, account_id: str, region: str, name: str, keys: Sequence[str]) -> None:
        """Raises `ResourceNotFoundException`."""
        with self._database.begin() as connection:
            store.remove_tags(connection, the_group(connection, account_id, region, name).id, keys)

    def _change(self, account_id: str, region: str, name: str, values: Mapping[str, object]) -> None:
        with self._database.begin() as connection:
            store.change_group(connection, the_group(connection, account_id, region, name).id, values)

    def _now(self) -> int:
        return int(self._clock.time() * 1000)


def check_tags(tags: Mapping[str, str]) -> None:
    """Raises `InvalidParameterException` for keys that are AWS's own; the model has checked lengths and characters."""
    for key in tags:
        if key.lower().startswith("aws:"):
            raise InvalidParameterException("aws: prefixed tag key names are not allowed for external use.")


def _check_free(connection: Connection, group: Group) -> None:
    if store.group(connection, group.account_id, group.region, group.name) is not None:
        raise ResourceAlreadyExistsException("The specified log group already exists")
