"""The watch: log groups, alarms, event rules and Insights. Whatever tells somebody that something happens. Reads as a table of contents.

Each follower and each chore has a thread of its own and is tried again by itself when it fails: trouble in one delays no other. They sleep
until something is committed that may be for them, or until what they wait for is due by the clock (`storage.news`).
"""

from __future__ import annotations

import asyncio
import logging
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import uvloop

from opentrail.clock import Clock, SystemClock
from opentrail.journal.positions import Positions
from opentrail.link import LinkServer
from opentrail.server.roles import WATCH, Orders
from opentrail.server.watching import alarms, insights, logs, rules
from opentrail.server.watching.ground import ground
from opentrail.server.watching.part import Chore
from opentrail.server.watching.worker import Worker
from opentrail.storage.news import News
from opentrail.trails import store
from opentrail.wire.faults import UnknownOperationException

IDLE = 1.0
"""Seconds after which a follower is called though nothing has been recorded: minutes end, what was refused is asked again."""
FEW = 500
"""Records that a follower would rather read together than fewer at a time."""
PROMISE = 1.0
"""Seconds between two times that the journal is told what it may forget."""
ANSWERERS = 4
"""Questions that are answered at the same time."""

log = logging.getLogger("opentrail.watch")


class Watch:
    """The watch of one data folder. Built and run by `main`."""

    def __init__(self, orders: Orders, clock: Clock) -> None:
        self._ground = ground(orders, clock)
        self._stop = self._ground.stop
        self._positions = Positions(self._ground.state)
        self._parts = tuple(part(self._ground) for part in (logs.part, alarms.part, rules.part, insights.part))
        self._followers = {name: follower for part in self._parts for name, follower in part.followers.items()}
        journal = self._ground.folder.journal
        chores = {
            **{name: Chore(step=follower.step, few=FEW, of=(journal,), rest=lambda: IDLE) for name, follower in self._followers.items()},
            **{name: chore for part in self._parts for name, chore in part.chores.items()},
            "promise": Chore(step=self._promise, rest=lambda: PROMISE),
        }
        self._news = News()
        self._workers: list[Worker] = []
        for name, chore in chores.items():
            worker = Worker(name, chore, clock, self._stop)
            self._workers.append(worker)
            for database in chore.of:
                self._news.tell(database, worker.wake)
        self._told = -1
        self._answers: dict[str, Callable[[Any], Any]] = {"status": lambda _: self._status()}
        for part in self._parts:
            self._answers.update(part.answers)
        self._answerers = ThreadPoolExecutor(ANSWERERS, thread_name_prefix="answer")

    async def run(self, link: Path) -> None:
        """Follow and answer until SIGTERM."""
        stopped = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
        threads = [
            *(threading.Thread(target=worker.run, name=worker.name) for worker in self._workers),
            threading.Thread(target=self._news.run, args=(self._stop,), name="news"),
        ]
        for thread in threads:
            thread.start()
        answerer = await LinkServer.start(link, self._answer)
        try:
            await stopped.wait()
        finally:
            await answerer.close()
            self._stop.set()
            for worker in self._workers:
                worker.wake()
            for thread in threads:
                await asyncio.to_thread(thread.join)
            self._answerers.shutdown(cancel_futures=True)
            for part in self._parts:
                part.close()
            self._ground.close()

    def _promise(self) -> None:
        """Tell what the journal may forget, and which windows of trails need not be kept: up to where every follower is done."""
        state = self._ground.state
        done = min(follower.position for follower in self._followers.values())
        if done != self._told:
            with state.begin() as connection:
                self._positions.save(connection, WATCH, done)
            self._told = done
        if store.has_read_windows(state, done):
            with state.begin() as connection:
                store.forget_read_windows(connection, done)

    async def _answer(self, name: str, payload: Any) -> Any:
        answer = self._answers.get(name)
        if answer is None:
            raise UnknownOperationException(f"The watch has no answer to {name}.")
        return await asyncio.get_running_loop().run_in_executor(self._answerers, answer, payload)

    def _status(self) -> dict[str, Any]:
        return {
            "positions": {name: follower.position for name, follower in self._followers.items()},
            "trouble": {worker.name: worker.trouble for worker in self._workers if worker.trouble is not None},
            "counts": {name: count for part in self._parts for name, count in part.counts().items()},
        }


def main(orders: Orders) -> None:
    """The role process; started by the supervisor."""
    uvloop.run(Watch(orders, SystemClock()).run(Path(orders.watch_link)))
