"""What a series itself has shown to be usual: the margin within which its greatest deviations of each block of time stay."""

from __future__ import annotations

import math

import msgspec


class Margin(msgspec.Struct, array_like=True):
    """The greatest deviation of each of the last blocks (hours, days) that had one, in hundredths."""

    greatest: float = 0.0
    """Of the block that is going on."""
    past: list[int] = []


def closed(margin: Margin, most: int) -> None:
    """The block is over. `most`: how many blocks are remembered."""
    if margin.greatest:
        margin.past.append(round(margin.greatest * 100))
        del margin.past[:-most]
        margin.greatest = 0.0


def bound(margin: Margin, *, spread: float, width: float, step: float) -> float:
    """What the next block will stay below, as far as the past tells.

    Of the blocks the highest are left out (1 of 5, 2 of 12, 3 of 20): an attack must not hide the next; what recurs is more than that.
    Of the rest it is the mean and `width` standard deviations, more the fewer there are, and at least `step` above the highest. `spread`
    is the standard deviation assumed beforehand, worth one block.
    """
    values = sorted(margin.past)
    blocks = len(values)
    values = values[: blocks - _highest(blocks)]
    blocks = len(values)
    mean = sum(values) / blocks / 100
    square = sum((value / 100 - mean) ** 2 for value in values)
    deviation = math.sqrt((square + spread * spread) / (blocks + 1))
    return max(mean + width * deviation * (1 + 2 / (blocks + 1)), values[-1] / 100 + step)


def height(past: list[int], *, spread: float, width: float, step: float) -> float:
    """The same for what differs much from day to day: the highest blocks are not left out but counted like the highest of the others."""
    values = sorted(past)
    blocks = len(values)
    left = _highest(blocks)
    if left:
        values[-left:] = [values[-left - 1]] * left
    mean = sum(values) / blocks / 100
    square = sum((value / 100 - mean) ** 2 for value in values)
    deviation = math.sqrt((square + spread * spread) / (blocks + 1))
    return max(mean + width * deviation * (1 + 2 / (blocks + 1)), values[-1] / 100 + step)


def _highest(blocks: int) -> int:
    """How many blocks may have been attacks."""
    return (blocks >= 5) + (blocks >= 12) + (blocks >= 20)
