"""The running half of queries over simulated tables, for tests that ask it."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from opentrail.lake.queries import results, store
from opentrail.lake.queries.asking import Start
from opentrail.lake.queries.children import Children
from opentrail.lake.queries.query import UNDER_WAY, Query
from opentrail.lake.queries.runner import Queries
from opentrail.signing import SigningKeys
from opentrail.storage.database import Database
from simulators.query_tables import ACCOUNT, REGION, STORE, LakeTables, ResultBuckets
from simulators.running import wait_for


@dataclass
class Lake:
    """The running half of queries, over simulated tables."""

    queries: Queries
    database: Database
    tables: LakeTables
    bucket: ResultBuckets
    keys: SigningKeys
    folder: Path
    children: Children

    def start(self, statement: str, **more: Any) -> str:
        """Ask for a query; its id."""
        query_id: str = more.pop("query_id", None) or str(uuid4())
        values: dict[str, Any] = {
            "query_id": query_id,
            "account_id": ACCOUNT,
            "region": REGION,
            "owner_account_id": ACCOUNT,
            "statement": statement,
            "store_ids": (STORE,),
            "at_least": 7,
        }
        self.queries.start(Start(**{**values, **more}).as_dict())
        return query_id

    def get(self, query_id: str) -> Query:
        with self.database.read() as connection:
            found = store.get(connection, query_id)
        assert found is not None
        return found

    def ended(self, query_id: str) -> Query:
        """The query once it has ended."""
        found: Query = wait_for(lambda: None if (query := self.get(query_id)).status in UNDER_WAY else query, patience=120)
        return found

    def running(self, query_id: str) -> int:
        """The process of the query once it runs."""
        wait_for(lambda: self.get(query_id).status == "RUNNING", patience=120)
        return self.queries._under_way[query_id].child.process_id

    def kill(self, *stores: str) -> None:
        """Kill the zygote of queries on `stores`, or that of all, and wait until its spares are gone too."""
        root = self.children._root
        pool = self.children._nests[stores] if stores else root
        pools = [pool] if stores else [*self.children._nests.values(), root]
        waiting = [spare.process_id for one in pools for spare in one.spares]
        assert pool.zygote is not None
        os.kill(pool.zygote.process_id, signal.SIGKILL)
        for process in (pool.zygote.process_id, *waiting):
            wait_for(lambda: not is_running(process))  # noqa: B023 - called at once

    def rows(self, query_id: str, first: int = 0, limit: int = 1000) -> list[results.Row]:
        with self.database.read() as connection:
            kept = store.few_rows(connection, query_id) or self.folder / query_id
        return results.page(kept, first, limit, self.get(query_id).results).rows


def is_running(process_id: int) -> bool:
    """Whether there is such a process that has not ended; one that nobody has asked for how it ended, has."""
    try:
        return Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


Make = Callable[..., Lake]
