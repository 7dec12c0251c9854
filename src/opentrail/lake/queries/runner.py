"""Runs queries in the lake: a row, a snapshot of tables, a child, files of results, a delivery.

A query that was under way when the lake died has failed: it is not run again by itself, since it may be what the lake died of
(decision 0021). Questions are repeated by the link when it breaks, so `start` and `cancel` do nothing twice.
"""

from __future__ import annotations

import logging
import shutil
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from opentrail.clock import Clock
from opentrail.config import LakeSettings
from opentrail.lake.event_data_store import EventDataStore
from opentrail.lake.faults import InactiveQueryException, MaxConcurrentQueriesException, QueryIdNotFoundException
from opentrail.lake.neighbours import Stores, Tables
from opentrail.lake.queries import frames, store
from opentrail.lake.queries.asking import Start, readable
from opentrail.lake.queries.carrying_out import CarryingOut, UnderWay
from opentrail.lake.queries.children import Children
from opentrail.lake.queries.delivery import Delivery
from opentrail.lake.queries.process import Child
from opentrail.lake.queries.query import (
    CANCELLED,
    CONCURRENT,
    FAILED,
    FINISHED,
    INTERRUPTED,
    KEPT,
    PENDING,
    Ended,
    Query,
    Statistics,
)
from opentrail.lake.queries.vouching import Vouching
from opentrail.lake.sql.wanted import Wanted
from opentrail.storage.database import Database
from opentrail.wire.faults import ServiceUnavailable

CHECKS: Final = 5
"""Processes that are tried for the check of a statement: those that were ready may have died since."""
FORGET_EVERY: Final = 60.0
"""Seconds between two looks at what has outlived its days."""
UNREADABLE: Final = "The query could not be run because of a failure in the server. Try again; the server's log says more."

log = logging.getLogger("opentrail.lake")


class Queries:
    """The queries of one data folder. Thread-safe; `open` first, `work` now and then, `close` at the end."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        stores: Stores,
        tables: Tables,
        children: Children,
        delivery: Delivery,
        vouching: Vouching,
        folder: Path,
        settings: LakeSettings,
    ) -> None:
        """`folder` holds a folder of results per query."""
        self._database = database
        self._clock = clock
        self._stores = stores
        self._children = children
        self._delivery = delivery
        self._folder = folder
        self._threads = ThreadPoolExecutor(settings.running_queries, thread_name_prefix="query")
        self._carrying_out = CarryingOut(
            database, clock, tables=tables, children=children, vouching=vouching, folder=folder, settings=settings
        )
        self._lock = threading.Lock()
        self._under_way: dict[str, UnderWay] = {}
        self._forget_due = 0.0
        database.create(store.METADATA)

    def open(self) -> None:
        """Settle what the last lake left, and get ready."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        now = self._clock.time()
        with self._database.begin() as connection:
            for query_id in store.interrupted(connection):
                store.end(connection, query_id, Ended(status=FAILED, error_message=INTERRUPTED), at=now)
            known = store.ids(connection)
        for folder in self._folder.iterdir():
            if folder.name not in known:
                shutil.rmtree(folder, ignore_errors=True)
        self._children.open()

    def start(self, told: Mapping[str, Any]) -> dict[str, Any]:
        """Start a query (`asking.Start`, as a dictionary); it is checked when this returns. Faults as `StartQuery`."""
        asked = Start.from_dict(told)
        if self._database.first("SELECT 1 FROM lake_queries WHERE id = ?", (asked.query_id,)) is not None:
            return {"QueryId": asked.query_id}
        count = self._database.first(store.UNDER_WAY_COUNT, {"account_id": asked.account_id, "region": asked.region})
        self._check_room(count[0] if count is not None else 0)
        stores = readable(self._stores.get, asked.store_ids, owner_account_id=asked.owner_account_id, region=asked.region)
        child, (columns, wanted) = self._checked(asked, stores)
        query = Query(
            id=asked.query_id,
            account_id=asked.account_id,
            region=asked.region,
            owner_account_id=asked.owner_account_id,
            store_ids=asked.store_ids,
            source_arn=stores[0].arn,
            statement=asked.statement,
            alias=asked.alias,
            refresh_id=asked.refresh_id,
            prompt=asked.prompt,
            delivery_s3_uri=asked.delivery_s3_uri,
            delivery_status=PENDING if asked.delivery_s3_uri else None,
            created=self._clock.time(),
            columns=columns,
        )
        self._begin(UnderWay(query=query, child=child, wanted=wanted, at_least=asked.at_least))
        return {"QueryId": asked.query_id}

    def cancel(self, told: Mapping[str, Any]) -> dict[str, Any]:
        """Cancel `query_id` for the request `request_id`; its work has stopped, or stops at once.

        Raises `QueryIdNotFoundException`, `InactiveQueryException`."""
        query_id, request_id = str(told["query_id"]), str(told["request_id"])
        with self._lock:
            under_way = self._under_way.get(query_id)
        with self._database.begin() as connection:
            scanned = under_way.child.scanned if under_way is not None else 0
            ended = Ended(status=CANCELLED, statistics=Statistics(bytes_scanned=scanned))
            query = store.get(connection, query_id)
            if query is None:
                raise QueryIdNotFoundException(f"There is no query {query_id}.")
            if (
                not store.end(connection, query_id, ended, at=self._clock.time(), cancelled_by=request_id)
                and query.cancelled_by != request_id
            ):
                raise InactiveQueryException(f"The query {query_id} has ended already: it is {query.status}.")
        if under_way is not None:
            under_way.cancelled.set()
            under_way.child.kill()
        return {"QueryId": query_id, "QueryStatus": CANCELLED}

    def work(self) -> None:
        """What is due besides: deliveries that go on, queries that have outlived their days."""
        with self._database.read() as connection:
            pending = store.undelivered(connection)
        for query in pending:
            self._delivery.begin(query)
        if self._clock.monotonic() < self._forget_due:
            return
        self._forget_due = self._clock.monotonic() + FORGET_EVERY
        with self._database.read() as connection:
            outlived = store.outlived(connection, self._clock.time() - KEPT)
        if outlived:
            with self._database.begin() as connection:
                store.forget(connection, outlived)
            for query_id in outlived:  # what is left of these by a crash is swept by `open`
                shutil.rmtree(self._folder / query_id, ignore_errors=True)

    def close(self) -> None:
        """End everything that is under way."""
        with self._lock:
            under_way = list(self._under_way.values())
        for one in under_way:
            one.cancelled.set()
            one.child.kill()
        self._threads.shutdown(cancel_futures=True)
        for one in under_way:
            one.child.end()
        self._delivery.close()
        self._children.close()

    def _check_room(self, count: int) -> None:
        if count >= CONCURRENT:
            raise MaxConcurrentQueriesException(
                f"{CONCURRENT} queries of the account are queued or running in this Region. Wait until one has ended, or cancel one."
            )

    def _checked(self, asked: Start, stores: Sequence[EventDataStore]) -> tuple[Child, tuple[tuple[str, ...], tuple[Wanted, ...]]]:
        """A child that has taken the statement, and what it said (`Child.check`). Raises as the translation, and `ServiceUnavailable`."""
        families = {one.id: one.family for one in stores}
        enriched = [one.id for one in stores if one.context_key_selectors]
        for _ in range(CHECKS):
            child = self._children.take(asked.store_ids)
            try:
                return child, child.check(asked.statement, families, enriched)
            except (frames.Ended, TimeoutError):
                child.end()
            except BaseException:
                child.end()
                raise
        raise ServiceUnavailable("The statement could not be checked at the moment. Try again later.")

    def _begin(self, under_way: UnderWay) -> None:
        """Run it, and make its row durable meanwhile: what comes of it is looked at when that is done. Each id once."""
        query = under_way.query
        with self._lock:
            first = self._under_way.setdefault(query.id, under_way)
        if first is not under_way:
            under_way.child.end()
            first.settled.wait()
            if not first.is_known:
                raise ServiceUnavailable("The query could not be started at the moment. Try again later.")
            return
        try:
            self._threads.submit(self._run, under_way)
            with self._database.begin() as connection:
                self._check_room(store.under_way(connection, query.account_id, query.region))
                is_added = store.add(connection, query)
            under_way.is_known = is_added
        finally:
            if not under_way.is_known:
                under_way.cancelled.set()
                under_way.child.kill()
            under_way.settled.set()

    def _run(self, under_way: UnderWay) -> None:
        query = under_way.query
        try:
            ended, seconds = self._carrying_out.ended(under_way)
            under_way.settled.wait()
            if ended is None or not under_way.is_known:
                return
            at = self._clock.time()
            with self._database.begin() as connection:
                done = store.end(connection, query.id, ended, at=at, execution_time=seconds)
            if done and ended.status == FINISHED and query.delivery_s3_uri is not None:
                self._delivery.begin(replace(query, ended=at))
        except Exception:
            log.exception("query %s could not be run to its end", query.id)
            under_way.settled.wait()
            with self._database.begin() as connection:
                store.end(connection, query.id, Ended(status=FAILED, error_message=UNREADABLE), at=self._clock.time())
        finally:
            under_way.child.end()
            self._carrying_out.clear(query.id)
            with self._lock:
                self._under_way.pop(query.id, None)
