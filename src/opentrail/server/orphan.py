"""A role must not outlive its supervisor: two fronts on one data folder would be one too many."""

from __future__ import annotations

import ctypes
import os
import signal

_PR_SET_PDEATHSIG = 1


def stop_with_parent(supervisor: int) -> None:
    """Have the kernel send SIGTERM to this process when process `supervisor`, its parent, ends (Linux), also when it has already."""
    libc = ctypes.CDLL(None, use_errno=True)
    asked = libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    # Whose orphans a process becomes differs (1, or a subreaper), and in a container the supervisor is itself process 1.
    if asked != 0 or os.getppid() != supervisor:
        os.kill(os.getpid(), signal.SIGTERM)
