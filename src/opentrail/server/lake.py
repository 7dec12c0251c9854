"""The lake: takes records into the tables of event data stores, runs queries and imports, refreshes dashboards.
Reads as a table of contents.

User SQL never runs in this process: it has children for that, which may read the files they are given and nothing else.
"""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import uvloop

from opentrail.buckets import Buckets, ObjectKeys, ServiceWriter
from opentrail.clock import Clock, SystemClock
from opentrail.identity import Identities
from opentrail.journal import Reader
from opentrail.kms import KeyManagement
from opentrail.lake.channels.routes import Routes
from opentrail.lake.dashboards import checks, refreshing
from opentrail.lake.federation.catalogs import opened
from opentrail.lake.federation.keeper import FederationKeeper
from opentrail.lake.queries.asking import CANCEL, START
from opentrail.lake.sql.translation import translate
from opentrail.lake.stores.register import Keeper, StoreRegister
from opentrail.lake.tables.settings import TableSettings
from opentrail.lake.tables.tables import StoreTables
from opentrail.link import LinkServer
from opentrail.proxy import Upstreams
from opentrail.server.background import let_calls_go_first
from opentrail.server.event_contexts import EventContexts
from opentrail.server.folder import DataFolder
from opentrail.server.import_sources import Sources
from opentrail.server.importing import Importing
from opentrail.server.log_buckets import log_buckets
from opentrail.server.queries import local_cluster, running
from opentrail.server.refreshes import refresher
from opentrail.server.roles import LAKE, Orders
from opentrail.server.store_keys import KeysOfStores
from opentrail.storage.database import Database
from opentrail.storage.outbox import Outbox
from opentrail.wire.faults import UnknownOperationException

IDLE = 1.0
"""Seconds the lake waits for the journal before it looks at the clock again."""
BREATH = 0.2
"""Seconds that it lets records gather: nobody waits for them, as a query has them taken in first."""
KEEP = 5.0
"""Seconds between two looks at what is due: pending deletions, stretches that have been read."""
FEDERATION = 1.0
"""Seconds between two looks at what the federation catalog shows."""
QUERIES = 1.0
"""Seconds between two looks at results that are to be delivered, and at what has had its days."""
TROUBLE = 2.0
"""Seconds it waits after something went wrong."""
ANSWERERS = 8
"""Questions that are answered at the same time."""

log = logging.getLogger("opentrail.lake")


class Lake:
    """The lake of one data folder. Built and run by `main`."""

    def __init__(self, orders: Orders, clock: Clock) -> None:
        folder = DataFolder(orders.data_dir)
        self._clock = clock
        self._stop = threading.Event()
        self._database = Database.at(folder.state)
        self._reader = Reader(folder.journal)
        self._keeper = Keeper(self._database, clock)
        settings = orders.settings
        identities = Identities(
            self._database, folder.keys, clock, account_id=settings.identity.account_id, outbox=(outbox := Outbox(self._database))
        )
        kms = KeyManagement(self._database, folder.keys, clock, outbox=outbox, identities=identities)
        self._buckets = Buckets(self._database, folder.buckets, clock)
        writer = ServiceWriter(self._buckets, clock, keys=ObjectKeys(kms.service_keys))
        register = StoreRegister(self._database, clock)
        self._contexts = EventContexts(folder, self._database, identities, clock)
        self._tables = StoreTables(
            folder.lake / "stores",
            self._reader,
            clock,
            database=self._database,
            stores=register,
            keys=KeysOfStores(kms.service_keys),
            settings=TableSettings(commit_interval=settings.lake.commit_interval),
            removed=register.forget,
            channels=Routes(self._database, clock),
            context=self._contexts,
        )
        upstreams = Upstreams.parse(orders.upstreams, sandbox=orders.sandbox)
        self._cluster = local_cluster(folder, settings.lake)
        self._queries = running(
            folder,
            self._database,
            clock,
            stores=register,
            tables=self._tables,
            bucket=log_buckets(settings, upstreams, writer),
            settings=settings.lake,
            cluster=self._cluster,
        )
        sources = Sources(settings, upstreams, self._buckets, identities, clock, keys=ObjectKeys(kms.service_keys))
        self._importing = Importing(self._database, clock, stores=register, tables=self._tables, sources=sources)
        self._refresher = refresher(self._database, clock, stores=register, queries=self._queries, head=self._reader.head)
        self._federation = FederationKeeper(
            self._database,
            stores=register,
            tables=self._tables,
            opened=lambda: opened(settings.lake.federation_catalog, folder.lake / "federation.db"),
        )
        self._answerers = ThreadPoolExecutor(ANSWERERS, thread_name_prefix="answer")
        self._answers: dict[str, Callable[[Any], Any]] = {
            "status": lambda _: self._status(),
            START: self._queries.start,
            CANCEL: self._queries.cancel,
            **self._importing.answers,
            checks.QUESTION: checks.answer(translate, register),
            refreshing.QUESTION: self._refresher.advance,
        }
        """Question → what answers it, in a thread of its own."""

    async def run(self, link: Path) -> None:
        """Follow and answer until SIGTERM."""
        loop = asyncio.get_running_loop()
        stopped = asyncio.Event()

        def stop() -> None:
            self._stop.set()
            stopped.set()

        loop.add_signal_handler(signal.SIGTERM, stop)
        await asyncio.to_thread(self._open)
        if self._stop.is_set():
            return
        threads = [
            threading.Thread(target=self._follow, name="ingestion"),
            threading.Thread(target=self._keep, name="keeper"),
            threading.Thread(target=self._look_after_queries, name="queries"),
            threading.Thread(target=self._federate, name="federation"),
            threading.Thread(target=self._importing.run, args=(self._stop,), name="imports"),
            threading.Thread(target=self._refresher.run, args=(self._stop,), name="dashboards"),
        ]
        if self._cluster is not None:
            threads.append(threading.Thread(target=self._cluster.run, args=(self._stop,), name="cluster"))
        for thread in threads:
            thread.start()
        answerer = await LinkServer.start(link, self._answer)
        try:
            await stopped.wait()
        finally:
            await answerer.close()
            self._stop.set()
            for thread in threads:
                await asyncio.to_thread(thread.join)
            await asyncio.to_thread(self._queries.close)
            self._answerers.shutdown(cancel_futures=True)
            await asyncio.to_thread(self._tables.close)
            self._contexts.close()
            self._buckets.close()
            self._database.close()

    def _open(self) -> None:
        """Open tables and queries; what stands in the way (a full disk) is waited for."""
        while not self._stop.is_set():
            try:
                self._tables.open()
                self._queries.open()
            except Exception:
                log.exception("the lake could not be opened")
                self._stop.wait(TROUBLE)
            else:
                return

    async def _answer(self, name: str, payload: Any) -> Any:
        answer = self._answers.get(name)
        if answer is None:
            raise UnknownOperationException(f"The lake has no answer to {name}.")
        return await asyncio.get_running_loop().run_in_executor(self._answerers, answer, payload)

    def _follow(self) -> None:
        let_calls_go_first()
        while not self._stop.is_set():
            try:
                if self._tables.step():
                    self._stop.wait(BREATH)
                else:
                    self._reader.wait(self._tables.position, IDLE, self._stop, quiet=True)
            except Exception:
                log.exception("the lake was interrupted and goes on where it is safe")
                self._stop.wait(TROUBLE)

    def _keep(self) -> None:
        """End what is due; what fails (a full disk) is tried again the next time."""
        while not self._stop.is_set():
            try:
                self._keeper.work()
            except Exception:
                log.exception("what is due in the lake could not be done")
            self._stop.wait(KEEP)

    def _federate(self) -> None:
        """Show the tables of federated stores, each as it is now; what fails (a catalog that is away) is tried again."""
        while not self._stop.is_set():
            try:
                self._federation.work()
            except Exception:
                log.exception("federation could not be looked after")
            self._stop.wait(FEDERATION)
        self._federation.close()

    def _look_after_queries(self) -> None:
        """Deliver what is to be delivered, forget what has had its days."""
        while not self._stop.is_set():
            try:
                self._queries.work()
            except Exception:
                log.exception("what is due of queries could not be done")
            self._stop.wait(QUERIES)

    def _status(self) -> dict[str, Any]:
        tables = self._tables.status()
        opened = tables.stores.values()
        return {
            "positions": {LAKE: tables.position},
            "counts": {
                "lake_events_hot": sum(figures.hot_events for figures in opened),
                "lake_events_cold": sum(figures.cold_events for figures in opened),
                "lake_bytes_cold": sum(figures.cold_bytes for figures in opened),
                "lake_events_waiting": sum(figures.waiting_events for figures in opened),
                "lake_records_quarantined": tables.quarantined,
            },
            "trouble": {
                f"event data store {store_id}": f"its KMS key cannot be used: {figures.waiting_events} events wait, and no query sees it"
                for store_id, figures in tables.stores.items()
                if figures.waiting_events
            },
            "stores": {store_id: dataclasses.asdict(figures) for store_id, figures in tables.stores.items()},
        }


def main(orders: Orders) -> None:
    """The role process; started by the supervisor."""
    uvloop.run(Lake(orders, SystemClock()).run(Path(orders.lake_link)))
