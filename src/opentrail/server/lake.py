"""The lake: takes records into the tables of event data stores, runs queries and imports, refreshes dashboards.
Reads as a table of contents.

User SQL never runs in this process: it has children for that, which may read the files they are given and nothing else.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import uvloop

from opentrail.clock import Clock, SystemClock
from opentrail.journal import Reader
from opentrail.journal.positions import Positions
from opentrail.lake.stores.register import Keeper
from opentrail.link import LinkServer
from opentrail.server.folder import DataFolder
from opentrail.server.orphan import stop_with_parent
from opentrail.server.roles import LAKE, Orders
from opentrail.storage.database import Database
from opentrail.wire.faults import UnknownOperationException

IDLE = 0.25
"""Seconds the lake waits for the journal before it looks at the clock again."""
KEEP = 5.0
"""Seconds between two looks at what is due: pending deletions, stretches that have been read."""
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
        self._positions = Positions(self._database)
        self._keeper = Keeper(self._database, clock)
        self._answerers = ThreadPoolExecutor(ANSWERERS, thread_name_prefix="answer")
        self._answers: dict[str, Callable[[Any], Any]] = {"status": lambda _: self._status()}
        """Question → what answers it, in a thread of its own."""

    async def run(self, link: Path) -> None:
        """Follow and answer until SIGTERM."""
        loop = asyncio.get_running_loop()
        stopped = asyncio.Event()
        loop.add_signal_handler(signal.SIGTERM, stopped.set)
        threads = [threading.Thread(target=self._follow, name="ingestion"), threading.Thread(target=self._keep, name="keeper")]
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
            self._answerers.shutdown(cancel_futures=True)
            self._database.close()

    async def _answer(self, name: str, payload: Any) -> Any:
        answer = self._answers.get(name)
        if answer is None:
            raise UnknownOperationException(f"The lake has no answer to {name}.")
        return await asyncio.get_running_loop().run_in_executor(self._answerers, answer, payload)

    def _follow(self) -> None:
        while not self._stop.is_set():
            try:
                position = self._ingest()
                self._reader.wait(position, IDLE, self._stop, quiet=True)
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

    def _ingest(self) -> int:
        """Take in what has come, and save how far everything is durable. Returns the position to wait behind."""
        head = self._reader.head()
        if head > self._positions.get(LAKE):
            with self._database.begin() as connection:
                self._positions.save(connection, LAKE, head)
        return head

    def _status(self) -> dict[str, Any]:
        return {"positions": {LAKE: self._positions.get(LAKE)}}


def main() -> None:
    """The role process; started by the supervisor."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    stop_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the supervisor stops us after the front
    orders = Orders.read(os.environ)
    uvloop.run(Lake(orders, SystemClock()).run(Path(orders.lake_link)))


if __name__ == "__main__":
    main()
