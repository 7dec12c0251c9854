from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from opentrail.clock import Clock, SystemClock
from opentrail.config import LakeSettings
from opentrail.lake.queries import results, store
from opentrail.lake.queries.asking import Start
from opentrail.lake.queries.children import Children
from opentrail.lake.queries.delivery import Delivery
from opentrail.lake.queries.query import UNDER_WAY, Query
from opentrail.lake.queries.runner import Queries
from opentrail.lake.queries.vouching import Vouching
from opentrail.signing import SigningKeys
from opentrail.storage.database import Database
from simulators.lake_tables import ACCOUNT, REGION, STORE, LakeTables, ResultBuckets
from simulators.running import wait_for

ZYGOTE = (sys.executable, "-m", "simulators.query_zygote")


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
    opened: list[Queries] = field(default_factory=list)

    def start(self, statement: str, **more: Any) -> str:
        query_id = more.pop("query_id", None) or str(uuid4())
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
        return wait_for(lambda: None if (query := self.get(query_id)).status in UNDER_WAY else query, patience=120)

    def running(self, query_id: str) -> int:
        """The process of the query once it runs."""
        wait_for(lambda: self.get(query_id).status == "RUNNING", patience=120)
        return self.queries._under_way[query_id].child.process_id

    def rows(self, query_id: str, first: int = 0, limit: int = 1000) -> list[results.Row]:
        return results.page(self.folder / query_id, first, limit, self.get(query_id).results).rows


Make = Callable[..., Lake]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Makes the lake of a folder, with these settings."""
    made: list[Lake] = []
    tests = str(Path(__file__).parents[2])
    os.environ["PYTHONPATH"] = os.pathsep.join([tests, *filter(None, [os.environ.get("PYTHONPATH")])])

    def lake(clock: Clock | None = None, tables: LakeTables | None = None, **settings: Any) -> Lake:
        clock = clock or SystemClock()
        database = Database.at(tmp_path / "state.db")
        tables = tables or LakeTables(tmp_path / "tables")
        bucket = ResultBuckets()
        keys = SigningKeys(database, tmp_path / "keys", clock)
        folder = tmp_path / "results"
        children = Children(ZYGOTE, spares=1)
        queries = Queries(
            database,
            clock,
            stores=tables,
            tables=tables,
            children=children,
            delivery=Delivery(database, clock, bucket=bucket, folder=folder),
            vouching=Vouching(keys, clock),
            folder=folder,
            settings=LakeSettings(**settings),
        )
        queries.open()
        made.append(Lake(queries, database, tables, bucket, keys, folder, children))
        return made[-1]

    before = os.environ["PYTHONPATH"]
    try:
        yield lake
    finally:
        for one in made:
            one.queries.close()
            one.database.close()
        os.environ["PYTHONPATH"] = before.removeprefix(tests).removeprefix(os.pathsep)
