"""Does one chore again and again: when it is woken, when its time has come, and, after something went wrong, after ever longer pauses."""

from __future__ import annotations

import logging
import threading
from typing import Final

from opentrail.clock import Clock
from opentrail.server.watching.part import Chore
from opentrail.storage.setbacks import Setbacks

LONGEST_BREATH: Final = 2.0
"""Seconds. A chore that is woken again and again works no more than half of the time, but for what it says there is more of."""

log = logging.getLogger("opentrail.watch")


class Worker:
    """The thread of one chore."""

    def __init__(self, name: str, chore: Chore, clock: Clock, stop: threading.Event) -> None:
        self.name = name
        self._chore = chore
        self._clock = clock
        self._stop = stop
        self._woken = chore.woken
        self._setbacks = Setbacks(clock)

    @property
    def trouble(self) -> str | None:
        """What went wrong the last time and is tried again; `None`: nothing did. Any thread."""
        return self._setbacks.told() or self._chore.ails()

    def wake(self) -> None:
        """There may be something, or `stop` is set. Any thread."""
        self._woken.set()

    def run(self) -> None:
        """Until `stop` is set, and `wake` called."""
        while True:
            self._woken.clear()  # before the step: what is committed during it wakes again
            if self._stop.is_set():
                return
            began = self._clock.monotonic()
            pause = self.turn()
            if self._setbacks.rests(self.name):
                self._stop.wait(pause)  # it is not tried more often because something else is committed
            elif pause > 0.0:
                self._stop.wait(min(self._clock.monotonic() - began, LONGEST_BREATH))
                self._woken.wait(pause)

    def turn(self) -> float:
        """One step; seconds until the next one."""
        try:
            pause = 0.0 if self._chore.step() else self._chore.rest()
        except Exception as error:
            log.exception("%s was interrupted and goes on where it is safe", self.name)
            return self._setbacks.note(self.name, error)
        self._setbacks.over(self.name)
        return pause
