"""What is remembered of a series: the detector's state, and who called. Each minute that closes goes through `take` or `pass_by`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from opentrail.insights import detector, records
from opentrail.insights.counts import Attributed, Tally
from opentrail.insights.detector import State, Turn
from opentrail.insights.jumps import Jump
from opentrail.insights.recent import Recent
from opentrail.insights.values import Series

RECENT: Final = 60
"""Minutes of which who called is kept apart: an episode may have begun that long before it is noticed."""
TOGETHER: Final = 15
"""Minutes that join the others at once, when they are no longer recent: to unpack them one by one would cost more."""
FEW: Final = 15.0
"""Calls in an hour below which their absence says nothing, so that a silent minute may be judged later …"""
LATER: Final = 15
"""… after as many minutes at most, all that are due together."""
WEEK: Final = 7 * 1440
"""Minutes after which what was usual counts half."""


class Memory(msgspec.Struct, array_like=True):
    """Of one series. Changed in place."""

    state: State
    recent: Recent = msgspec.field(default_factory=Recent)
    usual: Attributed = msgspec.field(default_factory=Attributed)
    unusual: Attributed | None = None
    """Of the minutes of the episode that goes on which are not recent any more; `None`: none goes on."""
    start: int = 0
    """The first minute of that episode."""
    halved: int = 0
    """The minute at which `usual` was halved last."""
    jump: int = 0
    """The number of the last jump of the clock that it went along with."""

    @classmethod
    def new(cls, series: Series, since: int, jump: int = 0) -> Memory:
        """Nobody has called since the minute `since`."""
        return cls(state=State.new(since, errors=bool(series.error_code)), halved=since, jump=jump)

    def encoded(self) -> bytes:
        """Up to some ten thousand bytes; some hundred for a series seldom called."""
        return _encoder.encode(self)

    @classmethod
    def decoded(cls, data: bytes) -> Memory:
        """Raises `msgspec.DecodeError`: that was none."""
        return _decoder.decode(data)


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Memory)


def take(series: Series, memory: Memory, minute: int, tally: Tally) -> list[tuple[Turn, bytes]]:
    """`minute` is over and had these calls. Gives what turned, and the record that tells it."""
    memory.recent.add(minute, tally.by)
    told = _told(series, memory, detector.step(memory.state, minute, tally.count))
    _age(memory, minute)
    return told


def pass_by(series: Series, memory: Memory, minute: int) -> list[tuple[Turn, bytes]]:
    """Nobody called up to the end of `minute`."""
    told = _told(series, memory, detector.advance(memory.state, minute))
    _age(memory, minute)
    return told


def go_on(series: Series, memory: Memory, jumps: Sequence[Jump]) -> list[tuple[Turn, bytes]]:
    """Nobody called before the first of these jumps; what each of them leaves out was not watched."""
    told = []
    for jump in jumps:
        told += _told(series, memory, detector.advance(memory.state, jump.before))
        if jump.is_back or memory.state.minute < jump.after:
            told += _told(series, memory, detector.unseen(memory.state, jump.after))
        memory.halved = min(memory.halved, jump.after)
        memory.jump = jump.number
    return told


def wakes(memory: Memory) -> int | None:
    """The minute at which silence is to be judged next; `None`: it tells nothing."""
    state = memory.state
    minute = detector.wakes(state)
    if minute is None or state.episode is not None or state.level >= FEW or max(state.slots.values(), default=0.0) >= FEW:
        return minute
    return minute + (state.first - minute) % LATER  # each series at a time of its own


def _told(series: Series, memory: Memory, turns: Sequence[Turn]) -> list[tuple[Turn, bytes]]:
    found = []
    for turn in turns:
        if turn.state == "Start":
            memory.start, memory.unusual = turn.start, Attributed()
            found.append((turn, _record(series, memory, turn, range(turn.start, turn.told + 1))))
        else:
            found.append((turn, _record(series, memory, turn, range(turn.start, turn.minute))))
            for minute in [minute for minute in memory.recent.minutes if turn.start <= minute < turn.minute]:
                del memory.recent.minutes[minute]
            memory.unusual = None
    return found


def _record(series: Series, memory: Memory, turn: Turn, minutes: range) -> bytes:
    insight, baseline = Attributed(), Attributed()
    insight.join(memory.unusual or Attributed())
    baseline.join(memory.usual)
    for minute, by in memory.recent.items():
        if minute in minutes:
            insight.join(by)
        elif minute < turn.start:
            baseline.join(by)
    return records.record(series, turn, insight, baseline)


def _age(memory: Memory, now: int) -> None:
    if now - memory.halved >= WEEK:
        memory.usual.halve()
        memory.halved = now
    minutes = memory.recent.minutes
    if minutes and min(minutes) <= now - RECENT - TOGETHER:
        for minute, by in memory.recent.pop([minute for minute in minutes if minute <= now - RECENT]):
            (memory.usual if memory.unusual is None or minute < memory.start else memory.unusual).join(by)
