"""Queries, the front's half: what answers for them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from opentrail.api.cloudtrail.queries import Ask, QueryOperations
from opentrail.lake.neighbours import Aliases, ResultBucket, Stores
from opentrail.lake.sql.parsing import check
from opentrail.lake.sql.scanning import store_ids
from opentrail.server.folder import DataFolder
from opentrail.storage.database import Database


def results_folder(folder: DataFolder) -> Path:
    """Where the results of queries lie, a folder each."""
    return folder.lake / "results"


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
    """The operations of queries, over what the lake has found."""
    return QueryOperations(
        database,
        stores=stores,
        aliases=aliases,
        bucket=bucket,
        store_ids=_stores,
        ask=ask,
        head=head,
        folder=results_folder(folder),
        secret=folder.token_secret(),
        partition=partition,
    )


def _stores(statement: str) -> tuple[str, ...]:
    """The stores that a statement names. Where it names none, because it is no query at all, that is what is said.

    Raises `InvalidQueryStatementException`."""
    found = store_ids(statement)
    if not found:
        check(statement)
    return found
