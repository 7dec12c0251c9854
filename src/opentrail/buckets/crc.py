"""Joining CRCs: the CRC of two pieces one after the other, from the CRC of each. Pure.

A CRC is linear: to put a piece behind another one is to move the first one's CRC over as many zero bytes as the second is long, and to
add the second one's. Moving over 2**n bytes is a matrix, each the square of the one before, so any length takes a few dozen steps.
(`wire.checksums` computes the CRC of a piece.)
"""

from __future__ import annotations

from functools import cache


class Crc:
    """A reflected CRC whose initial value and final xor are all ones."""

    def __init__(self, width: int, polynomial: int) -> None:
        """`width` in bytes; `polynomial` reflected."""
        self.width = width
        self._polynomial = polynomial
        self._doubled = cache(self._make_doubled)

    def join(self, left: int, right: int, right_length: int) -> int:
        """The CRC of both pieces; `right_length` in bytes."""
        level = 0
        while right_length >> level:
            if right_length >> level & 1:
                left = _apply(self._doubled(level), left)
            level += 1
        return left ^ right

    def _make_doubled(self, level: int) -> tuple[int, ...]:
        """The linear map of a state over 2**level zero bytes, as the image of each bit."""
        if level == 0:
            return tuple(self._over_zero_byte(1 << bit) for bit in range(8 * self.width))
        half = self._doubled(level - 1)
        return tuple(_apply(half, image) for image in half)

    def _over_zero_byte(self, state: int) -> int:
        for _ in range(8):
            state = state >> 1 ^ (self._polynomial if state & 1 else 0)
        return state


def _apply(operator: tuple[int, ...], state: int) -> int:
    result = 0
    bit = 0
    while state:
        if state & 1:
            result ^= operator[bit]
        state >>= 1
        bit += 1
    return result


CRC32 = Crc(4, 0xEDB88320)
CRC32C = Crc(4, 0x82F63B78)
CRC64NVME = Crc(8, 0x9A6C9329AC4BC9B5)
