"""What one subject (log groups, alarms, rules, Insights) gives the watch to run."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol


class Follower(Protocol):
    """Something that reads the journal. Both are called by one thread, but for `position`."""

    @property
    def position(self) -> int:
        """Position of the last record with which it is done, durably: the journal may forget it. Any thread."""

    def step(self) -> int:
        """Take in some of the records above `position`; how many there were. What fails is tried again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chore:
    """Something that is done again and again, in a thread of its own."""

    step: Callable[[], object]
    """Do some of it; true: there may be more right now. What fails is tried again. Must come back soon."""
    few: int = 0
    """A step that returns a number below this has found few: what comes without end is then given a moment to gather."""
    of: Sequence[Path] = ()
    """Files of the databases whose commits may be something for it: after one it is called soon."""
    rest: Callable[[], float]
    """Asked after a step that found nothing: seconds after which it is called though nothing has been committed."""
    woken: threading.Event = field(default_factory=threading.Event)
    """Set by whoever knows of something for it."""
    ails: Callable[[], str | None] = lambda: None
    """What went wrong lately beside the steps (in threads of its own) and is tried again; `None`: nothing. Any thread."""


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
