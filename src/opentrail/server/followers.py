"""The followers: everything that reads the journal. Trail delivery and digests in one thread, the event store in another; questions
about events come in over the link. Reads as a table of contents.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import signal
import string
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import uvloop

from opentrail import history
from opentrail.buckets import Buckets, ServiceWriter
from opentrail.clock import Clock, SystemClock
from opentrail.eventstore.settings import EventStoreSettings
from opentrail.eventstore.store import EventStore
from opentrail.journal import Reader, trim
from opentrail.journal.positions import Positions
from opentrail.link import LinkServer
from opentrail.server.folder import DataFolder
from opentrail.server.orphan import stop_with_parent
from opentrail.server.roles import Orders
from opentrail.signing import SigningKeys
from opentrail.storage.database import Database
from opentrail.trails.courier import Courier
from opentrail.trails.delivery import Delivery
from opentrail.trails.digests import Digests
from opentrail.trails.regions import known_regions
from opentrail.trails.spool import Spool
from opentrail.trails.store import Trail
from opentrail.wire.faults import UnknownOperationException

IDLE = 0.25
"""Seconds a follower waits for the journal before it looks at the clock again."""
TROUBLE = 2.0
"""Seconds a follower waits after something went wrong."""
TRIM_INTERVAL = 5.0
"""Seconds between two looks at what the journal may forget."""
COURIERS = 8
"""Buckets that are written to at the same time."""
EVENT_STORE = "eventstore"
"""The event store's name among the followers; its position lies in its own snapshots."""

log = logging.getLogger("opentrail.followers")


class Followers:
    """The followers of one data folder. Built and run by `main`."""

    def __init__(self, orders: Orders, clock: Clock) -> None:
        folder = DataFolder(orders.data_dir)
        settings = orders.settings
        self._clock = clock
        self._journal_path = folder.journal
        self._secret = folder.token_secret()
        self._stop = threading.Event()
        self._database = Database.at(folder.state)
        self._reader = Reader(folder.journal)
        self._positions = Positions(self._database)
        self._buckets = Buckets(self._database, folder.buckets, clock)
        self._couriers = ThreadPoolExecutor(COURIERS, thread_name_prefix="courier")
        spool = Spool(folder.spool)
        courier = Courier(
            self._database,
            clock,
            buckets=ServiceWriter(self._buckets, clock),
            spool=spool,
            retry_limit=settings.trails.retry_limit,
            executor=self._couriers,
        )
        self._delivery = Delivery(
            self._database,
            clock,
            journal=Reader(folder.journal),
            positions=self._positions,
            spool=spool,
            courier=courier,
            settings=settings.trails,
            unique=_unique,
        )
        regions = known_regions()

        def chain_regions(trail: Trail) -> tuple[str, ...]:
            return regions.beside(trail.home_region) if trail.is_multi_region_trail else (trail.home_region,)

        self._digests = Digests(
            self._database,
            clock,
            keys=SigningKeys(self._database, folder.keys, clock),
            spool=spool,
            courier=courier,
            settings=settings.trails,
            chain_regions=chain_regions,
        )
        store_settings = EventStoreSettings(retention=settings.history.retention, commit_interval=settings.lake.commit_interval)
        self._store = EventStore(folder.lake, Reader(folder.journal), clock, store_settings)
        self._trimmed_at = clock.monotonic()

    async def run(self, link: Path) -> None:
        """Follow and answer until SIGTERM."""
        loop = asyncio.get_running_loop()
        stopped = asyncio.Event()
        loop.add_signal_handler(signal.SIGTERM, stopped.set)
        await asyncio.to_thread(self._store.open)
        threads = [
            threading.Thread(target=self._follow, args=("trails", self._step_trails), name="trails"),
            threading.Thread(target=self._follow, args=("event store", self._step_store), name="event-store"),
        ]
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
            self._couriers.shutdown(cancel_futures=True)
            self._store.close()
            self._buckets.close()
            self._database.close()

    def _follow(self, name: str, step: Callable[[], int | None]) -> None:
        """Call `step` until told to stop; it returns the position to wait behind, or `None` when it has more to do at once."""
        while not self._stop.is_set():
            try:
                after = step()
                if after is not None:
                    self._reader.wait(after, IDLE, self._stop)
            except Exception:
                log.exception("the follower %s was interrupted and goes on from its saved position", name)
                self._stop.wait(TROUBLE)

    def _step_trails(self) -> int | None:
        worked = self._delivery.step()
        worked |= self._digests.step()
        return None if worked else self._delivery.position

    def _step_store(self) -> int | None:
        worked = self._store.step()
        now = self._clock.monotonic()
        if now - self._trimmed_at >= TRIM_INTERVAL:
            self._trimmed_at = now
            trim(self._journal_path, min(self._done().values()) + 1, self._stop)
        return None if worked else self._store.position

    def _done(self) -> dict[str, int]:
        """Follower → position up to which it has made everything durable: the journal may forget what all are done with."""
        return self._positions.all() | {EVENT_STORE: self._store.durable_position}

    async def _answer(self, name: str, payload: Any) -> Any:
        match name:
            case "lookup":
                return await asyncio.to_thread(self._lookup, payload)
            case "status":
                return await asyncio.to_thread(self._status)
            case _:
                raise UnknownOperationException(f"The followers have no answer to {name}.")

    def _lookup(self, question: Any) -> dict[str, Any]:
        lookup = history.Lookup.from_dict(question["lookup"])
        return history.answer(self._store, lookup, at_least=question["at_least"], secret=self._secret)

    def _status(self) -> dict[str, Any]:
        store = self._store.status()
        return {
            "positions": {"trails": self._delivery.position, EVENT_STORE: store.position},
            "counts": {
                "records_quarantined": store.quarantined,
                "events_hot": store.hot_events,
                "events_cold": store.cold_events,
            },
        }


def _unique() -> str:
    letters = string.ascii_letters + string.digits
    return "".join(secrets.choice(letters) for _ in range(16))


def main() -> None:
    """The role process; started by the supervisor."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    stop_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the supervisor stops us after the front
    orders = Orders.read(os.environ)
    uvloop.run(Followers(orders, SystemClock()).run(Path(orders.link)))


if __name__ == "__main__":
    main()
