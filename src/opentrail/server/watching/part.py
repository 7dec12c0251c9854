"""What one subject (log groups, alarms, rules, Insights) gives the watch to run."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol


class Follower(Protocol):
    """Something that reads the journal. Both are called by one thread, but for `position`."""

    @property
    def position(self) -> int:
        """Position of the last record with which it is done, durably: the journal may forget it. Any thread."""

    def step(self) -> bool:
        """Take in some of the records above `position`; whether there were any. What fails is tried again."""


Chore = Callable[[threading.Event], None]
"""Runs until the event is set, in a thread of its own; must come back soon after. When it raises it is called again, a little later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """All that is run, by name."""

    followers: Mapping[str, Follower] = field(default_factory=dict)
    chores: Mapping[str, Chore] = field(default_factory=dict)
    answers: Mapping[str, Callable[[Any], Any]] = field(default_factory=dict)
    """Question of the front → what answers it; blocks. A question may come twice."""
    counts: Callable[[], Mapping[str, float]] = dict
    """What the pages of the front tell of it, by name."""
    close: Callable[[], None] = lambda: None
    """Called when nothing runs any more."""
