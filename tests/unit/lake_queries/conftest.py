"""The lake of a folder."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from opentrail.clock import Clock, SystemClock
from opentrail.config import LakeSettings
from opentrail.lake.queries.children import Children
from opentrail.lake.queries.delivery import Delivery
from opentrail.lake.queries.runner import Queries
from opentrail.lake.queries.vouching import Vouching
from opentrail.signing import SigningKeys
from opentrail.storage.database import Database
from simulators.query_lake import Lake, Make
from simulators.query_tables import LakeTables, ResultBuckets

ZYGOTE = (sys.executable, "-m", "simulators.query_zygote")


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Makes the lake of a folder, with these settings."""
    made: list[Lake] = []
    tests = str(Path(__file__).parents[2])
    os.environ["PYTHONPATH"] = os.pathsep.join([tests, *filter(None, [os.environ.get("PYTHONPATH")])])

    def lake(clock: Clock | None = None, tables: LakeTables | None = None, zygote: Sequence[str] = ZYGOTE, **settings: Any) -> Lake:
        clock = clock or SystemClock()
        database = Database.at(tmp_path / "state.db")
        tables = tables or LakeTables(tmp_path / "tables")
        bucket = ResultBuckets()
        keys = SigningKeys(database, tmp_path / "keys", clock)
        folder = tmp_path / "results"
        children = Children(zygote, spares=1)
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
