"""Queries that the CloudTrail service starts itself, for an account: refreshes of dashboards. `neighbours.RunsQueries`, in the lake."""

from __future__ import annotations

import uuid
from collections.abc import Callable

from opentrail.lake.queries.asking import Start
from opentrail.lake.queries.runner import Queries


class ServiceQueries:
    """Starts queries on the account's own stores. Blocking, thread-safe."""

    def __init__(self, queries: Queries, *, store_ids: Callable[[str], tuple[str, ...]], head: Callable[[], int]) -> None:
        """`store_ids` tells the stores that a statement names, `head` the journal's newest position."""
        self._queries = queries
        self._store_ids = store_ids
        self._head = head

    def start(self, *, account_id: str, region: str, statement: str, alias: str | None = None, refresh_id: str | None = None) -> str:
        """As `RunsQueries.start`. Whether the stores' policies let the service do this is for who calls to ask."""
        asked = Start(
            query_id=str(uuid.uuid4()),
            account_id=account_id,
            region=region,
            owner_account_id=account_id,
            statement=statement,
            store_ids=self._store_ids(statement),
            at_least=self._head(),
            alias=alias,
            refresh_id=refresh_id,
        )
        self._queries.start(asked.as_dict())
        return asked.query_id
