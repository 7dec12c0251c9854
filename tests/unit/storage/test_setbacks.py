"""What goes wrong is tried again after ever longer pauses, and told of until it is made good."""

from __future__ import annotations

from opentrail.clock import ManualClock
from opentrail.storage.setbacks import LONGEST, TOLD, Setbacks


def test_pauses_double_up_to_a_minute_and_begin_anew_after_a_success() -> None:
    clock = ManualClock()
    setbacks = Setbacks(clock)
    pauses = []
    for _ in range(8):
        pauses.append(setbacks.note("a", OSError("full")))
        clock.elapsed += pauses[-1]
    assert pauses == [2.0, 4.0, 8.0, 16.0, 32.0, LONGEST, LONGEST, LONGEST]
    setbacks.over("a")
    assert setbacks.note("a", OSError("full")) == 2.0


def test_each_key_rests_by_itself() -> None:
    clock = ManualClock()
    setbacks = Setbacks(clock)
    setbacks.note("a", OSError("full"))
    assert (setbacks.rests("a"), setbacks.rests("b")) == (True, False)
    clock.elapsed += 2.0
    assert not setbacks.rests("a")


def test_the_latest_is_told_until_it_is_over_or_long_past() -> None:
    clock = ManualClock()
    setbacks = Setbacks(clock)
    assert setbacks.told() is None
    setbacks.note("a", OSError("full"))
    clock.elapsed += 1.0
    setbacks.note("b", ValueError("odd"))
    assert setbacks.told() == "ValueError: odd"
    setbacks.over("b")
    assert setbacks.told() == "OSError: full"
    clock.elapsed += TOLD
    assert setbacks.told() is None
