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
GATHERING: Final = 0.005
"""Seconds that a chore which finds few waits for more of them before its next step, and as many more each time …"""
LONGEST_GATHERING: Final = 0.05
"""… up to this many. Who has had nothing to do for so long does not wait for the first that come."""

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
        self._gathering = 0.0
        self._finds_few = False

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
                ended = self._clock.monotonic()
                self._stop.wait(min(ended - began, LONGEST_BREATH))
                self._woken.wait(pause)
                if self._clock.monotonic() - ended >= LONGEST_GATHERING:
                    self._gathering = 0.0
            elif self._finds_few:
                self._stop.wait(self._gathering)

    def turn(self) -> float:
        """One step; seconds until the next one."""
        try:
            found = self._chore.step()
            pause = 0.0 if found else self._chore.rest()
        except Exception as error:
            log.exception("%s was interrupted and goes on where it is safe", self.name)
            return self._setbacks.note(self.name, error)
        self._setbacks.over(self.name)
        # A step costs little more for hundreds than for one: who finds few again and again lets them come together.
        self._finds_few = bool(found) and isinstance(found, int) and found < self._chore.few
        if self._finds_few:
            self._gathering = min(self._gathering + GATHERING, LONGEST_GATHERING)
        return pause
