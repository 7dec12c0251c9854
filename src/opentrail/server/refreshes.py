"""Dashboards, the lake's half: refreshes start queries and follow them."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Final

from opentrail.clock import Clock
from opentrail.lake.dashboards.control import Dashboards
from opentrail.lake.dashboards.refreshing import Refresher
from opentrail.lake.neighbours import Stores
from opentrail.lake.queries import store
from opentrail.lake.queries.asking import Start
from opentrail.lake.queries.query import UNDER_WAY
from opentrail.lake.queries.runner import Queries
from opentrail.lake.sql.scanning import store_ids
from opentrail.storage.database import Database

_IDS: Final = uuid.UUID("6a5d3f0e-6d0c-4c0e-9a53-0d7a5f6f2b1c")
"""Ids of the queries of refreshes are made from it, so that one that is started again is started once."""


class QueriesOfRefreshes:
    """`RunsQueries` and `FollowsQueries` over the queries of the lake."""

    def __init__(self, database: Database, queries: Queries, head: Callable[[], int]) -> None:
        self._database = database
        self._queries = queries
        self._head = head

    def start(self, *, account_id: str, region: str, statement: str, alias: str | None = None, refresh_id: str | None = None) -> str:
        """Start a query as the CloudTrail service; that of the same widget in the same refresh only once. Faults as `StartQuery`."""
        query_id = str(uuid.uuid5(_IDS, f"{account_id}/{region}/{refresh_id}/{alias}") if refresh_id and alias else uuid.uuid4())
        asked = Start(
            query_id=query_id,
            account_id=account_id,
            region=region,
            owner_account_id=account_id,
            statement=statement,
            store_ids=store_ids(statement),
            at_least=self._head(),
            alias=alias,
            refresh_id=refresh_id,
        )
        self._queries.start(asked.as_dict())
        return query_id

    def ended(self, query_id: str) -> bool:
        """Whether the query has a terminal status, or is not known any more."""
        with self._database.read() as connection:
            found = store.get(connection, query_id)
        return found is None or found.status not in UNDER_WAY

    def find(self, *, account_id: str, region: str, alias: str, refresh_id: str) -> str | None:
        """Id of the query that was started with this alias for this refresh."""
        with self._database.read() as connection:
            found = store.by_alias(connection, account_id, region, alias, refresh_id)
        return found.id if found is not None else None


def refresher(database: Database, clock: Clock, *, stores: Stores, queries: Queries, head: Callable[[], int]) -> Refresher:
    """What refreshes the dashboards of all accounts."""
    runs = QueriesOfRefreshes(database, queries, head)
    return Refresher(Dashboards(database, clock, stores), clock, runs, runs)
