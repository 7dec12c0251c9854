"""The imports as callers see them: start, start again, stop, describe (reference of Lake, §5).

Blocking and thread-safe. The work itself is done elsewhere (`importer`), which finds in the state database what there is to do.
"""

from __future__ import annotations

import binascii
import uuid
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.exc import IntegrityError

from opentrail.clock import Clock
from opentrail.lake import event_data_store as statuses
from opentrail.lake import names
from opentrail.lake.event_data_store import EventDataStore
from opentrail.lake.families import Family
from opentrail.lake.faults import (
    AccountHasOngoingImportException,
    EventDataStoreNotFoundException,
    ImportNotFoundException,
    InactiveEventDataStoreException,
    InvalidEventDataStoreCategoryException,
    InvalidEventDataStoreStatusException,
    InvalidNextTokenException,
    InvalidParameterException,
    OperationNotPermittedException,
)
from opentrail.lake.imports import store
from opentrail.lake.imports.location import check_region, location, role_account
from opentrail.lake.imports.source import ImportSources
from opentrail.lake.imports.values import DIRECTORY, FAILED, INITIALIZING, ONGOING, S3, STATUSES, STOPPED, Failure, Import, Statistics
from opentrail.lake.names import Place
from opentrail.lake.neighbours import Stores
from opentrail.storage.database import Database

IMPORTABLE = (Family.EVENTS, Family.INSIGHTS, Family.CONFIGURATION)
"""Families whose records are delivered as files."""
PAGE = 1000
"""Entries on one page when nothing is said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a new import is asked for."""

    destination: str
    """ARN or ID of the store."""
    location: str
    bucket_region: str = ""
    role_arn: str = ""
    start_event_time: float | None = None
    end_event_time: float | None = None


class Imports:
    """The control plane of imports."""

    def __init__(self, database: Database, clock: Clock, *, stores: Stores, sources: ImportSources) -> None:
        self._database = database
        self._clock = clock
        self._stores = stores
        self._sources = sources
        database.create(store.METADATA)

    def start(self, place: Place, wanted: Wanted) -> Import:
        """Ask for an import from a bucket.

        Raises `AccountHasOngoingImportException`, `InvalidImportSourceException`, `InvalidParameterException` for the window, and for the
        destination what `destination` raises."""
        found = self.destination(place, wanted.destination)
        _check_window(wanted)
        where = location(wanted.location)
        check_region(wanted.bucket_region)
        role_account(wanted.role_arn)
        self._require_no_other(place.account_id)
        self._sources.check(
            place=where,
            bucket_region=wanted.bucket_region,
            role_arn=wanted.role_arn,
            account_id=place.account_id,
            store_arn=found.arn,
        )
        return self._add(place, found, wanted, S3, str(uuid.uuid4()))

    def start_directory(self, place: Place, wanted: Wanted, import_id: str) -> Import:
        """Ask for an import from a directory of the server's machine: for the owner of the data folder only. The same `import_id` again
        is the same import. Raises as `start`, but nothing about the source."""
        with self._database.read() as connection:
            begun = store.find(connection, import_id)
        if begun is not None:
            return begun
        found = self.destination(place, wanted.destination)
        _check_window(wanted)
        return self._add(place, found, wanted, DIRECTORY, import_id)

    def destination(self, place: Place, given: str) -> EventDataStore:
        """The store that events are imported into.

        Raises `EventDataStoreARNInvalidException`, `EventDataStoreNotFoundException`, `InactiveEventDataStoreException` while its deletion
        is pending, `InvalidEventDataStoreStatusException`, `InvalidEventDataStoreCategoryException`, and `OperationNotPermittedException`
        for the store of an organization where somebody else than its management account asks."""
        named = names.event_data_store(given, place)
        found = self._stores.get(named.id)
        if found is None or found.region != place.region or (given.startswith("arn:") and found.arn != given):
            raise EventDataStoreNotFoundException(f"There is no event data store {given[:200]} in {place.region}.")
        if found.account_id != place.account_id:
            if found.organization_enabled:
                raise OperationNotPermittedException("Only the management account imports into the event data store of an organization.")
            raise EventDataStoreNotFoundException(f"There is no event data store {given[:200]} in this account.")
        if found.status == statuses.PENDING_DELETION:
            raise InactiveEventDataStoreException(f"The event data store {found.name} is about to be deleted: restore it first.")
        if found.family not in IMPORTABLE:
            raise InvalidEventDataStoreCategoryException(
                f"The event data store {found.name} takes no imports: only stores of CloudTrail events, Insights events and configuration "
                "items do."
            )
        if found.status not in (statuses.ENABLED, statuses.STOPPED_INGESTION):
            raise InvalidEventDataStoreStatusException(
                f"The event data store {found.name} is {found.status}: imports begin when it is ENABLED or STOPPED_INGESTION."
            )
        return found

    def retry(self, account_id: str, region: str, import_id: str) -> Import:
        """Try again what failed of an import, and go on where it ended.

        Raises `ImportNotFoundException`, `InvalidParameterException` unless it has failed, `AccountHasOngoingImportException`, and what
        `start` raises of its source and destination."""
        found = self.get(account_id, region, import_id)
        if found.kind == DIRECTORY:
            raise InvalidParameterException("This import read a directory of the server's machine: use `opentrail import` again.")
        if found.status != FAILED:
            raise InvalidParameterException(f"The import {import_id} is {found.status}: only one that is FAILED can be retried.")
        self._require_no_other(account_id)
        place = Place(partition=found.destination.split(":")[1], region=found.region, account_id=account_id)
        destination = self.destination(place, found.destination)
        self._sources.check(
            place=location(found.location),
            bucket_region=found.bucket_region,
            role_arn=found.role_arn,
            account_id=account_id,
            store_arn=destination.arn,
        )
        now = self._clock.time()
        try:
            with self._database.begin() as connection:
                current = store.find(connection, import_id)
                if current is None or current.status != FAILED:
                    raise AccountHasOngoingImportException
                store.retry(connection, import_id, now)
                store.set_status(connection, import_id, INITIALIZING, now)
        except IntegrityError:
            raise AccountHasOngoingImportException from None
        return self.get(account_id, region, import_id)

    def stop(self, account_id: str, region: str, import_id: str) -> Import:
        """Stop an ongoing import: what is in the store stays there. Stopping it again changes nothing.

        Raises `ImportNotFoundException`, and `InvalidParameterException` for one that has ended by itself."""
        found = self.get(account_id, region, import_id)
        with self._database.begin() as connection:
            current = store.find(connection, import_id) or found
            if current.status in ONGOING:
                store.set_status(connection, import_id, STOPPED, self._clock.time())
            elif current.status != STOPPED:
                raise InvalidParameterException(f"The import {import_id} has ended already: it is {current.status}.")
        return self.get(account_id, region, import_id)

    def get(self, account_id: str, region: str, import_id: str) -> Import:
        """One import. Raises `ImportNotFoundException`."""
        with self._database.read() as connection:
            found = store.find(connection, import_id)
        if found is None or found.account_id != account_id or found.region != region:
            raise ImportNotFoundException(f"There is no import {import_id[:36]} in {region}.")
        return found

    def list(
        self, place: Place, *, destination: str | None = None, status: str | None = None, size: int = PAGE, token: str | None = None
    ) -> tuple[Sequence[Import], str | None]:
        """A page of imports, newest first, and the token of the next one.

        Raises `EventDataStoreARNInvalidException`, `InvalidParameterException`, `InvalidNextTokenException`."""
        if status is not None and status not in STATUSES:
            raise InvalidParameterException(f"There is no import status {status[:64]}: use one of {', '.join(STATUSES)}.")
        _check_size(size)
        store_id = None if destination is None else names.event_data_store(destination, place).id
        filters = f"{place.account_id} {place.region} {store_id} {status}"
        before = _read(token, filters)
        if before and not before.isdecimal():
            raise InvalidNextTokenException
        with self._database.read() as connection:
            found = store.page(
                connection,
                place.account_id,
                place.region,
                store_id=store_id,
                status=status,
                before=int(before) if before else None,
                limit=size + 1,
            )
        shown = found[:size]
        return [one for _, one in shown], _token(filters, str(shown[-1][0])) if len(found) > size else None

    def failures(
        self, account_id: str, region: str, import_id: str, *, size: int = PAGE, token: str | None = None
    ) -> tuple[Sequence[Failure], str | None]:
        """A page of what failed, by location. Raises `InvalidParameterException`, for an import that is not there as well (the operation
        has no other fault for it), and `InvalidNextTokenException`."""
        _check_size(size)
        after = _read(token, import_id)
        try:
            self.get(account_id, region, import_id)
        except ImportNotFoundException as error:
            raise InvalidParameterException(error.message) from None
        with self._database.read() as connection:
            found = store.failures(connection, import_id, after=after, limit=size + 1)
        shown = found[:size]
        return shown, _token(import_id, shown[-1].location) if len(found) > size else None

    def has_ongoing_import(self, store_id: str) -> bool:
        """Whether an import into the store is under way: such a store is not deleted."""
        with self._database.read() as connection:
            return store.ongoing(connection, store_id=store_id) is not None

    def _require_no_other(self, account_id: str) -> None:
        with self._database.read() as connection:
            other = store.ongoing(connection, account_id=account_id)
        if other is not None:
            raise AccountHasOngoingImportException(
                f"The import {other} is running in the account already. Wait until it has ended, or stop it with StopImport."
            )

    def _add(self, place: Place, found: EventDataStore, wanted: Wanted, kind: str, import_id: str) -> Import:
        now = self._clock.time()
        made = Import(
            id=import_id,
            account_id=place.account_id,
            region=place.region,
            store_id=found.id,
            destination=found.arn,
            kind=kind,
            location=wanted.location,
            bucket_region=wanted.bucket_region,
            role_arn=wanted.role_arn,
            start_event_time=wanted.start_event_time,
            end_event_time=wanted.end_event_time,
            status=INITIALIZING,
            created_timestamp=now,
            updated_timestamp=now,
            statistics=Statistics(),
        )
        try:
            with self._database.begin() as connection:
                store.add(connection, made)
        except IntegrityError:
            self._require_no_other(place.account_id)
            raise AccountHasOngoingImportException from None
        return made


def _check_window(wanted: Wanted) -> None:
    start, end = wanted.start_event_time, wanted.end_event_time
    if start is not None and end is not None and start > end:
        raise InvalidParameterException("StartEventTime is after EndEventTime.")


def _check_size(size: int) -> None:
    if not 1 <= size <= PAGE:
        raise InvalidParameterException(f"MaxResults is between 1 and {PAGE}.")


def _token(filters: str, last: str) -> str:
    return urlsafe_b64encode(f"{filters}\n{last}".encode(errors="surrogatepass")).decode()


def _read(token: str | None, filters: str) -> str:
    """Where the last page ended. Raises `InvalidNextTokenException` for what is no token, or that of another question."""
    if token is None:
        return ""
    try:
        asked, _, last = urlsafe_b64decode(token.encode()).decode(errors="surrogatepass").partition("\n")
    except (binascii.Error, ValueError):
        raise InvalidNextTokenException from None
    if asked != filters:
        raise InvalidNextTokenException
    return last
