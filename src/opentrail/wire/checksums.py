"""The checksums that S3 clients send beside a body: CRC32, CRC32C, CRC64NVME, SHA-1, SHA-256, SHA-512, MD5.

The standard library has no CRC32C and no CRC64NVME, and a table walked byte by byte manages some 15 MB/s. `_Folding` manages 100 and more:
it takes a piece of the body as one long polynomial, an `int`, and folds it in half with a few shifts and XORs, as long as it is long.
That rests on relations x^d ≡ Σ x^e (mod the CRC's polynomial) with few terms, found by search; squaring one gives the next, twice as long.
A piece that has shrunk to a hundred bytes goes through the table. `xxhash` kinds are not known here: see `known`.
"""

from __future__ import annotations

import hashlib
import zlib
from base64 import b64encode
from collections.abc import Mapping
from typing import Protocol


class Checksum(Protocol):
    """A checksum under way."""

    def update(self, data: bytes, /) -> None:
        """Take in the next part of the body."""

    def digest(self) -> bytes:
        """The checksum of what has been taken in, in the byte order that S3 uses."""


ALGORITHMS = ("crc32", "crc32c", "crc64nvme", "sha1", "sha256", "sha512", "md5")


def known(algorithm: str) -> bool:
    """Whether `start` can compute `algorithm` (lower case, as in `x-amz-checksum-…`)."""
    return algorithm in ALGORITHMS


def start(algorithm: str) -> Checksum:
    """A new checksum. Raises `ValueError` for an algorithm that is not `known`."""
    match algorithm:
        case "crc32":
            return _Crc32()
        case "crc32c":
            return _Folding(_CRC32C)
        case "crc64nvme":
            return _Folding(_CRC64NVME)
        case "sha1" | "sha256" | "sha512" | "md5":
            return hashlib.new(algorithm, usedforsecurity=False)
    raise ValueError(f"no such checksum: {algorithm}")


def text(checksum: Checksum) -> str:
    """The checksum as headers carry it: base64."""
    return b64encode(checksum.digest()).decode()


class _Crc32:
    def __init__(self) -> None:
        self._value = 0

    def update(self, data: bytes, /) -> None:
        self._value = zlib.crc32(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(4, "big")


class _Kind:
    """One reflected CRC with all ones before and after."""

    def __init__(self, *, width: int, reflected: int, relations: Mapping[int, tuple[int, ...]]) -> None:
        """`reflected` is the polynomial, lowest bit first; `relations` are d → exponents e with x^d ≡ Σ x^e, d divisible by 8."""
        self.width = width
        self.ones = (1 << width) - 1
        self.table = [self._entry(value, reflected) for value in range(256)]
        longest, exponents = max(relations.items())
        steps = dict(relations)
        while longest < _PIECE * 8:
            longest, exponents = longest * 2, tuple(exponent * 2 for exponent in exponents)
            steps[longest] = exponents
        self.steps = sorted(steps.items(), reverse=True)

    @staticmethod
    def _entry(value: int, reflected: int) -> int:
        for _ in range(8):
            value = (value >> 1) ^ (reflected if value & 1 else 0)
        return value


_PIECE = 65536
"""Most bytes that are folded at once."""

_CRC32C = _Kind(
    width=32,
    reflected=0x82F63B78,
    relations={888: (1, 8, 11, 13, 14, 24, 26, 28, 30), 2 * 888: (2, 16, 22, 26, 28, 48, 52, 56, 60), 6784: (7, 107, 491)},
)
_CRC64NVME = _Kind(
    width=64,
    reflected=0x9A6C9329AC4BC9B5,
    relations={
        512: (2, 3, 7, 11, 14, 19, 23, 26, 33, 35, 37, 38, 41, 42, 43, 46, 48, 54, 58, 60, 61, 63),
        2360: (1, 4, 8, 9, 10, 13, 16, 19, 21, 22, 27, 28, 29, 30, 33, 36, 38, 42, 45, 52),
    },
)


class _Folding:
    """A CRC computed by folding."""

    def __init__(self, kind: _Kind) -> None:
        self._kind = kind
        self._value = kind.ones

    def update(self, data: bytes, /) -> None:
        for begin in range(0, len(data), _PIECE):
            self._take(data[begin : begin + _PIECE])

    def digest(self) -> bytes:
        return (self._value ^ self._kind.ones).to_bytes(self._kind.width // 8, "big")

    def _take(self, data: bytes) -> None:
        table = self._kind.table
        value = self._value
        shortest = self._kind.steps[-1][0]
        if len(data) * 8 > 2 * shortest:
            # Bit t of the int stands for x^(bits-1-t): the first byte of the body holds the highest powers, lowest bit first.
            bits = len(data) * 8
            folded = int.from_bytes(data, "little") ^ value
            for distance, exponents in self._kind.steps:
                while bits > distance:
                    # The `taken` highest terms, H·x^(bits-taken), become H·Σ x^(bits-taken-distance+e) on top of the rest.
                    taken = min(bits - distance, distance - exponents[-1] & -8)
                    head = folded & ((1 << taken) - 1)
                    folded >>= taken
                    for exponent in exponents:
                        folded ^= head << (distance - exponent - taken)
                    bits -= taken
            data = folded.to_bytes(bits // 8, "little")
            value = 0
        for byte in data:
            value = table[(value ^ byte) & 255] ^ (value >> 8)
        self._value = value
