"""Long polls: receivers that wait for a message, without a thread of their own.

Whoever finds nothing stands in line at the queue. When something has happened there, the first in line looks again, then the next one,
until one finds nothing: one look at a time, so a message that comes never has a thousand receivers after it. What happens:

- a message is sent in this process (`wake`, right after its commit);
- one is sent by another process, which is noticed by a look at the newest messages every `LOOK` seconds, while anybody waits;
- one becomes visible by itself (its delay or somebody's visibility timeout is over), which the last look told beforehand.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from typing import Final

from opentrail.clock import Clock
from opentrail.messaging.queues.values import NOTHING, Taken

LOOK: Final = 0.1
"""Seconds between two looks at what other processes have sent."""
LINGER: Final = 50
"""Looks without anybody waiting, after which there is no more looking."""

Attempt = Callable[[], Awaitable[Taken]]

log = logging.getLogger("opentrail.queues")


@dataclass(eq=False, slots=True)
class _Waiter:
    attempt: Attempt
    answer: asyncio.Future[Taken]
    last: bool = False
    """Its time is over: the look that is under way is its last one."""


class _Line:
    """Those who wait at one queue."""

    def __init__(self) -> None:
        self.waiters: deque[_Waiter] = deque()
        self.happened = asyncio.Event()
        self.timer: asyncio.TimerHandle | None = None
        self.due: float | None = None
        """When the timer rings, epoch seconds."""
        self.task: asyncio.Task[None] | None = None


class Polls:
    """The lines at all queues. For one event loop, but `wake` may be called by any thread."""

    def __init__(self, look: Callable[[int | None], tuple[int, Collection[int]]], clock: Clock) -> None:
        """`look(after)` tells the id of the newest message and the queues (ids) of those above `after`; it may block."""
        self._look = look
        self._clock = clock
        self._lines: dict[int, _Line] = {}
        self._happenings = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._looking: asyncio.Task[None] | None = None
        self._stopped = False

    async def receive(self, queue: int, attempt: Attempt, patience: float, gone: Callable[[], Awaitable[None]] | None) -> Taken:
        """What `attempt` takes, now or within `patience` seconds; nothing when that is over or the client has `gone`.

        Raises what `attempt` does.
        """
        if patience > 0 and not self._stopped:
            await self._watch()
        before = self._happenings
        taken = await attempt()
        while taken.again:
            taken = await attempt()
        if taken.messages or patience <= 0 or self._stopped:
            return taken
        return await self._stand(queue, attempt, taken, patience, gone, at_once=self._happenings != before)

    def wake(self, queue: int) -> None:
        """Something may be had from the queue now, or it is gone. Any thread."""
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._wake, queue)

    def stop(self) -> None:
        """Nobody waits any more: all are told that there is nothing. For the event loop's thread."""
        self._stopped = True
        for line in self._lines.values():
            for waiter in line.waiters:
                if not waiter.answer.done():
                    waiter.answer.set_result(NOTHING)
            line.happened.set()
        if self._looking is not None:
            self._looking.cancel()

    def _wake(self, queue: int) -> None:
        self._happenings += 1
        line = self._lines.get(queue)
        if line is not None:
            line.happened.set()

    async def _stand(
        self, queue: int, attempt: Attempt, taken: Taken, patience: float, gone: Callable[[], Awaitable[None]] | None, *, at_once: bool
    ) -> Taken:
        loop = asyncio.get_running_loop()
        waiter = _Waiter(attempt, loop.create_future())
        line = self._lines.get(queue)
        if line is None:
            line = self._lines[queue] = _Line()
            line.task = loop.create_task(self._serve(queue, line))
        line.waiters.append(waiter)
        if taken.next_at is not None and (line.due is None or taken.next_at < line.due):
            self._expect(line, taken.next_at)
        if at_once:
            line.happened.set()
        left: asyncio.Future[None] | None = None if gone is None else asyncio.ensure_future(gone())
        try:
            watched: set[asyncio.Future[Taken] | asyncio.Future[None]] = {waiter.answer} if left is None else {waiter.answer, left}
            await asyncio.wait(watched, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
            if waiter.answer.done():
                return waiter.answer.result()
            waiter.last = True
            if waiter in line.waiters:
                return NOTHING
            return await waiter.answer  # a look is under way for it, and what it takes must not be lost
        finally:
            waiter.last = True
            if waiter in line.waiters:
                line.waiters.remove(waiter)
            if not line.waiters:
                line.happened.set()  # the line ends
            if left is not None:
                left.cancel()

    async def _serve(self, queue: int, line: _Line) -> None:
        """Let those in line look, one after the other, whenever something has happened. Ends with the line."""
        try:
            while line.waiters and not self._stopped:
                await line.happened.wait()
                line.happened.clear()
                while line.waiters and await self._served(line):
                    pass
        finally:
            if line.timer is not None:
                line.timer.cancel()
            if self._lines.get(queue) is line:
                del self._lines[queue]

    async def _served(self, line: _Line) -> bool:
        """Let the first in line look; whether the next one should."""
        waiter = line.waiters.popleft()
        if waiter.answer.done():
            return True
        try:
            taken = await waiter.attempt()
        except Exception as error:
            if not waiter.answer.done():
                waiter.answer.set_exception(error)
            return True
        if taken.messages or waiter.last or self._stopped:
            if not waiter.answer.done():
                waiter.answer.set_result(taken)
            return bool(taken.messages)
        line.waiters.appendleft(waiter)
        self._expect(line, taken.next_at)
        return taken.again

    def _expect(self, line: _Line, at: float | None) -> None:
        """Something becomes visible at `at` (epoch seconds), or nothing by itself."""
        if line.timer is not None:
            line.timer.cancel()
        line.timer, line.due = None, at
        if at is not None:
            delay = max(0.0, at - self._clock.time())
            line.timer = asyncio.get_running_loop().call_later(delay, line.happened.set)

    # other processes

    async def _watch(self) -> None:
        """See to it that what other processes send is noticed from now on."""
        self._loop = asyncio.get_running_loop()
        if self._looking is None or self._looking.done():
            newest, _ = await asyncio.to_thread(self._look, None)
            if (self._looking is None or self._looking.done()) and not self._stopped:
                self._looking = self._loop.create_task(self._keep_looking(newest))

    async def _keep_looking(self, newest: int) -> None:
        idle = 0
        while idle < LINGER:
            await asyncio.sleep(LOOK)
            idle = 0 if self._lines else idle + 1
            try:
                newest, filled = await asyncio.to_thread(self._look, newest)
            except Exception:
                log.exception("what other processes have sent could not be looked at")
                continue
            for queue in filled:
                self._wake(queue)
