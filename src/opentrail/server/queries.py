"""Queries put together: the half that runs them, in the lake, and the half that answers for them, in the front."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from opentrail.api.cloudtrail.queries import Ask, QueryOperations
from opentrail.clock import Clock
from opentrail.config import LakeSettings
from opentrail.lake.neighbours import Aliases, ResultBucket, Stores, Tables
from opentrail.lake.queries.children import Children
from opentrail.lake.queries.delivery import Delivery
from opentrail.lake.queries.runner import Queries
from opentrail.lake.queries.vouching import Vouching
from opentrail.lake.sql.scanning import store_ids
from opentrail.server.folder import DataFolder
from opentrail.signing import SigningKeys
from opentrail.storage.database import Database


def results_folder(folder: DataFolder) -> Path:
    """Where the results of queries lie, a folder each."""
    return folder.lake / "results"


def running(
    folder: DataFolder,
    database: Database,
    clock: Clock,
    *,
    stores: Stores,
    tables: Tables,
    bucket: ResultBucket,
    settings: LakeSettings,
) -> Queries:
    """For the lake."""
    results = results_folder(folder)
    return Queries(
        database,
        clock,
        stores=stores,
        tables=tables,
        children=Children(),
        delivery=Delivery(database, clock, bucket=bucket, folder=results),
        vouching=Vouching(SigningKeys(database, folder.keys, clock), clock),
        folder=results,
        settings=settings,
    )


def answering(
    folder: DataFolder,
    database: Database,
    *,
    stores: Stores,
    bucket: ResultBucket,
    ask: Ask,
    head: Callable[[], int],
    partition: Callable[[str], str],
    aliases: Aliases,
) -> QueryOperations:
    """For the front."""
    return QueryOperations(
        database,
        stores=stores,
        aliases=aliases,
        bucket=bucket,
        store_ids=store_ids,
        ask=ask,
        head=head,
        folder=results_folder(folder),
        secret=folder.token_secret(),
        partition=partition,
    )
