"""A role must not outlive its supervisor: two fronts on one data folder would be one too many."""

from __future__ import annotations

import ctypes
import os
import signal

SUPERVISOR = "OPENTRAIL_SUPERVISOR"
"""Environment variable with the process id of the supervisor, which starts the roles."""

_PR_SET_PDEATHSIG = 1


def stop_with_parent() -> None:
    """Have the kernel send SIGTERM to this process when its supervisor ends (Linux), also when it has ended already."""
    libc = ctypes.CDLL(None, use_errno=True)
    asked = libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    # Whose orphans a process becomes differs (1, or a subreaper), and in a container the supervisor is itself process 1.
    if asked != 0 or os.environ.get(SUPERVISOR, str(os.getppid())) != str(os.getppid()):
        os.kill(os.getpid(), signal.SIGTERM)
