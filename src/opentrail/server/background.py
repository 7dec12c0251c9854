"""Work that nobody waits for lets calls go first."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from typing import Final

LATER: Final = 5
"""The niceness of such a thread: beside one that answers calls it gets a quarter of a processor that both want, and all of one that is
free. So it lags behind while calls come faster than two processors can do everything, and never stands still."""


def let_calls_go_first() -> None:
    """From now on the thread that calls this, and those it starts, take what processor time is left."""
    if sys.platform == "linux":  # elsewhere a thread has no niceness of its own
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), LATER)
