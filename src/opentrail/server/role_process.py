"""A role as a process of its own: forked from the supervisor, with the modules loaded that all roles have.

What is loaded before is loaded once, and its memory is shared: a start takes half the processor time that four programs took. The
supervisor has one thread when it forks, and nothing of it but the orders is used in the child.
"""

from __future__ import annotations

import gc
import logging
import multiprocessing
import os
import signal
import time
from ctypes import CDLL
from importlib import import_module
from multiprocessing.context import ForkProcess

# Loaded for the roles: each of them has these. What only some have (Arrow, DuckDB) is not among them.
import uvloop  # noqa: F401

import opentrail.journal
import opentrail.link
import opentrail.trails.plans  # noqa: F401
from opentrail.server.orphan import stop_with_parent
from opentrail.server.roles import Orders

_FORK = multiprocessing.get_context("fork")
_HELD_BACK = (signal.SIGTERM, signal.SIGINT)
_PR_SET_NAME = 15
_OWN = 3
"""File descriptors from here on belong to the supervisor: its lock on the data folder, the sandbox's socket."""

_GARBAGE = (20_000, 10, 10)
"""What garbage collection waits for (`gc.set_threshold`): a page of records is a few objects for each, all of which live until it is done
with, and to look through them over and over finds nothing. Those that were forgotten in a circle wait in some megabytes."""

_LOOK = 0.02
"""Seconds between two looks at whether a role has ended."""


def start(name: str, orders: Orders) -> ForkProcess:
    """A process in which `main(orders)` of `opentrail.server.<name>` runs. Call it in a thread that lives as long as the process shall."""
    process = _FORK.Process(target=_run, args=(name, orders, os.getpid()), name=name)
    gc.freeze()  # what is there now is nobody's garbage, and a collection in the child would copy its pages
    # A signal for the role that comes before it has its own handlers must not be taken by the supervisor's.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _HELD_BACK)
    try:
        process.start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return process


def wait(process: ForkProcess, patience: float) -> bool:
    """Wait for its end, for so many seconds; whether it has ended.

    `join` with a timeout would wait for ever: it looks at a pipe that the role has closed with everything else of the supervisor's.
    """
    until = time.monotonic() + patience
    while process.exitcode is None:
        if time.monotonic() >= until:
            return False
        time.sleep(_LOOK)
    return True


def title(name: str) -> str:
    """What `ps -o comm` shows for the role; the kernel keeps 15 characters."""
    return f"opentrail {name}"[:15]


def _run(name: str, orders: Orders, supervisor: int) -> None:
    os.closerange(_OWN, os.sysconf("SC_OPEN_MAX"))
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the supervisor says when to stop
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _HELD_BACK)
    stop_with_parent(supervisor)
    CDLL(None).prctl(_PR_SET_NAME, title(name).encode(), 0, 0, 0)
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    gc.disable()
    role = import_module(f"opentrail.server.{name}")
    collect_seldom()
    gc.enable()
    role.main(orders)


def collect_seldom() -> None:
    """Look for garbage as a role does: not among what is there now, and only when there may be much."""
    gc.freeze()
    gc.set_threshold(*_GARBAGE)
