"""The watch: log groups, alarms, event rules and Insights. Whatever tells somebody that something happens. Reads as a table of contents.

Each follower and each chore has a thread of its own and is tried again by itself when it fails: trouble in one delays no other.
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
from opentrail.server.watching.part import Chore, Follower
from opentrail.trails import store
from opentrail.wire.faults import UnknownOperationException

IDLE = 0.25
"""Seconds a follower waits for the journal before it looks whether it is to stop."""
QUIET = 8
"""Waits in vain after which the journal is looked at less often."""
TROUBLE = 2.0
"""Seconds until the next attempt after something went wrong."""
PROMISE = 1.0
"""Seconds between two times that the journal is told what it may forget."""
ANSWERERS = 4
"""Questions that are answered at the same time."""

log = logging.getLogger("opentrail.watch")


class Watch:
    """The watch of one data folder. Built and run by `main`."""

    def __init__(self, orders: Orders, clock: Clock) -> None:
        self._clock = clock
        self._stop = threading.Event()
        self._ground = ground(orders, clock)
        self._positions = Positions(self._ground.state)
        self._parts = tuple(part(self._ground) for part in (logs.part, alarms.part, rules.part, insights.part))
        self._followers = {name: follower for part in self._parts for name, follower in part.followers.items()}
        self._chores = {name: chore for part in self._parts for name, chore in part.chores.items()}
        self._trouble: dict[str, tuple[str, float]] = {}
        self._answers: dict[str, Callable[[Any], Any]] = {"status": lambda _: self._status()}
        for part in self._parts:
            self._answers.update(part.answers)
        self._answerers = ThreadPoolExecutor(ANSWERERS, thread_name_prefix="answer")

    async def run(self, link: Path) -> None:
        """Follow and answer until SIGTERM."""
        stopped = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
        threads = [
            *(threading.Thread(target=self._follow, args=one, name=one[0]) for one in self._followers.items()),
            *(threading.Thread(target=self._work, args=one, name=one[0]) for one in self._chores.items()),
            threading.Thread(target=self._work, args=("promise", self._promise), name="promise"),
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
            self._answerers.shutdown(cancel_futures=True)
            for part in self._parts:
                part.close()
            self._ground.close()

    def _follow(self, name: str, follower: Follower) -> None:
        reader, quiet = self._ground.reader(), 0
        while not self._stop.is_set():
            try:
                # Not `position`: a follower may have read much further than it has saved, and would be woken without end.
                head = reader.head()
                if follower.step() or reader.wait(head, IDLE, self._stop, quiet=quiet >= QUIET):
                    quiet = 0
                else:
                    quiet += 1
            except Exception as error:
                self._fails(name, error)
        reader.close()

    def _work(self, name: str, chore: Chore) -> None:
        while not self._stop.is_set():
            try:
                chore(self._stop)
            except Exception as error:
                self._fails(name, error)

    def _fails(self, name: str, error: Exception) -> None:
        log.exception("%s was interrupted and goes on where it is safe", name)
        self._trouble[name] = (f"{type(error).__name__}: {error}", self._clock.monotonic())
        self._stop.wait(TROUBLE)

    def _promise(self, stop: threading.Event) -> None:
        """Tell what the journal may forget, and which windows of trails need not be kept: up to where every follower is done."""
        reader, told = self._ground.reader(), -1
        while True:
            done = min((follower.position for follower in self._followers.values()), default=reader.head())
            if done != told:
                with self._ground.state.begin() as connection:
                    self._positions.save(connection, WATCH, done)
                told = done
            with self._ground.state.read() as connection:
                is_due = store.has_read_windows(connection, done)
            if is_due:
                with self._ground.state.begin() as connection:
                    store.forget_read_windows(connection, done)
            if stop.wait(PROMISE):
                return

    async def _answer(self, name: str, payload: Any) -> Any:
        answer = self._answers.get(name)
        if answer is None:
            raise UnknownOperationException(f"The watch has no answer to {name}.")
        return await asyncio.get_running_loop().run_in_executor(self._answerers, answer, payload)

    def _status(self) -> dict[str, Any]:
        now = self._clock.monotonic()
        return {
            "positions": {name: follower.position for name, follower in self._followers.items()},
            "trouble": {name: said for name, (said, at) in self._trouble.items() if now - at < 2 * TROUBLE},
            "counts": {name: count for part in self._parts for name, count in part.counts().items()},
        }


def main(orders: Orders) -> None:
    """The role process; started by the supervisor."""
    uvloop.run(Watch(orders, SystemClock()).run(Path(orders.watch_link)))
