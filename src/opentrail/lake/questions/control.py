"""GenerateQuery: a question about one store, its query, and the alias under which that can be started later."""

from __future__ import annotations

import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from opentrail.clock import Clock
from opentrail.lake import names
from opentrail.lake.dashboards import store as aliases
from opentrail.lake.event_data_store import PENDING_DELETION, EventDataStore
from opentrail.lake.families import Family
from opentrail.lake.faults import (
    EventDataStoreNotFoundException,
    GenerateResponseException,
    InactiveEventDataStoreException,
    InvalidParameterException,
)
from opentrail.lake.names import Place
from opentrail.lake.neighbours import Stores
from opentrail.lake.questions.answering import answer
from opentrail.lake.questions.endpoint import Endpoint
from opentrail.storage.database import Database

KEPT: Final = 90 * 86400.0
"""Seconds for which the alias of a generated query can be used."""
_PROMPT: Final = re.compile(r"[ -~\n]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A query for a question."""

    prompt: str
    statement: str
    store: EventDataStore
    foreign: bool
    """Whether a language model wrote it: it is to be checked before anybody is given it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Generated:
    """A query that was given out."""

    statement: str
    alias: str
    owner_account_id: str


class Questions:
    """Makes queries from questions; runs none. Blocking, thread-safe."""

    def __init__(self, database: Database, clock: Clock, stores: Stores, endpoint: Endpoint | None = None) -> None:
        self._database = database
        self._clock = clock
        self._stores = stores
        self._endpoint = endpoint
        database.create(aliases.METADATA)

    def draft(self, place: Place, given: Sequence[str], prompt: str) -> Draft:
        """A query for `prompt` over the one store in `given`.

        Raises `InvalidParameterException`, `EventDataStoreARNInvalidException`, `EventDataStoreNotFoundException`,
        `InactiveEventDataStoreException`, `GenerateResponseException`.
        """
        if len(given) != 1:
            raise InvalidParameterException(f"Give exactly one event data store; these are {len(given)}.")
        if not 3 <= len(prompt) <= 500 or not _PROMPT.fullmatch(prompt):
            raise InvalidParameterException("Prompt is not valid: 3 to 500 printable ASCII characters.")
        store = self._store(place, given[0])
        try:
            statement = answer(prompt, store.id, self._clock.now().date())
        except GenerateResponseException:
            if self._endpoint is None:
                raise
            return Draft(prompt=prompt, statement=self._endpoint.ask(prompt, store.id), store=store, foreign=True)
        return Draft(prompt=prompt, statement=statement, store=store, foreign=False)

    def keep(self, place: Place, draft: Draft) -> Generated:
        """Give the query of `draft` an alias, for the account that asked."""
        alias = f"AWSCloudTrail-{uuid.uuid4()}"
        now = self._clock.time()
        with self._database.begin() as connection:
            aliases.forget_generated(connection, now - KEPT)
            aliases.put_alias(
                connection,
                account_id=place.account_id,
                region=place.region,
                alias=alias,
                statement=draft.statement,
                made=now,
                prompt=draft.prompt,
            )
        return Generated(statement=draft.statement, alias=alias, owner_account_id=draft.store.account_id)

    def _store(self, place: Place, given: str) -> EventDataStore:
        named = names.event_data_store(given, place)
        found = self._stores.get(named.id)
        if found is None or found.region != place.region or (given.startswith("arn:") and found.arn != given):
            raise EventDataStoreNotFoundException(f"The event data store {given[:300]} was not found.")
        if found.status == PENDING_DELETION:
            raise InactiveEventDataStoreException(f"The event data store {found.id} is to be deleted: it cannot be queried.")
        if found.family is not Family.EVENTS:
            raise InvalidParameterException(
                f"Queries are generated for stores of CloudTrail events; {found.id} holds {found.family.value}."
            )
        return found
