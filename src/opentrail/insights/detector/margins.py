"""What a series itself has shown to be usual: the margin within which its greatest deviations of each block of time stay."""

from __future__ import annotations

import math

import msgspec


class Margin(msgspec.Struct, array_like=True):
    """Mean and spread of the greatest deviation of each block (an hour, a day), older blocks weighing less."""

    greatest: float = 0.0
    """Of the block that is going on."""
    blocks: float = 0.0
    mean: float = 0.0
    square: float = 0.0
    """Sum of squared distances from the mean."""


def closed(margin: Margin, most: int, limit: float) -> None:
    """The block is over: learn its greatest deviation.

    `most`: blocks that count; `limit`: what goes beyond counts half, so that one attack does not blind.
    """
    value = margin.greatest
    margin.greatest = 0.0
    if value > limit:
        value = limit + (value - limit) / 2
    if margin.blocks >= most:
        margin.square *= 1 - 1 / most
        margin.blocks -= 1
    margin.blocks += 1
    gap = value - margin.mean
    margin.mean += gap / margin.blocks
    margin.square += gap * (value - margin.mean)


def bound(margin: Margin, *, spread: float, width: float) -> float:
    """What the next block will stay below, as far as the past tells: mean and `width` standard deviations, more the fewer blocks there are.

    `spread`: the standard deviation assumed beforehand, worth one block. It is the predictive distribution of a normal with unknown mean
    and spread, with its heavy tails replaced by a factor that falls with the number of blocks.
    """
    blocks = margin.blocks
    deviation = math.sqrt((margin.square + spread * spread) / (blocks + 1))
    return margin.mean + width * deviation * (1 + 2 / (blocks + 1))
