"""Work that nobody waits for steps back, and nothing but its own thread does."""

from __future__ import annotations

import os
import sys
import threading

import pytest

from opentrail.server.background import LATER, let_calls_go_first


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a thread has no niceness of its own")
def test_a_thread_that_steps_back_is_nicer_than_its_process() -> None:
    found: list[int] = []

    def work() -> None:
        let_calls_go_first()
        found.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))

    before = os.getpriority(os.PRIO_PROCESS, 0)
    thread = threading.Thread(target=work)
    thread.start()
    thread.join(90)
    assert found == [min(before + LATER, 19)]
    assert os.getpriority(os.PRIO_PROCESS, 0) == before
