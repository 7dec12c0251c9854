"""Work that nobody waits for lets calls go first."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from typing import Final

LATER: Final = 5
"""By how much such a thread is nicer than its process: beside one that answers calls it gets a quarter of a processor that both want, and
all of one that is free. So it lags behind while calls come faster than the processors can do everything, and never stands still."""


def let_calls_go_first() -> None:
    """From now on the thread that calls this, and those it starts, take what processor time is left."""
    if sys.platform == "linux":  # elsewhere a thread has no niceness of its own
        thread = threading.get_native_id()
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, thread, os.getpriority(os.PRIO_PROCESS, thread) + LATER)
