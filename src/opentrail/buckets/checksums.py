"""The additional checksums of S3 objects: computing them while data pass, and those of an object made of parts.

Every value that is stored here was computed here from the data; what a client claims is only compared with it.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from opentrail.buckets.crc import CRC32, CRC32C, CRC64NVME, Crc
from opentrail.buckets.faults import InvalidRequest, NotServed
from opentrail.wire.checksums import Checksum as Running
from opentrail.wire.checksums import start

FULL_OBJECT = "FULL_OBJECT"
COMPOSITE = "COMPOSITE"


class Checksum(msgspec.Struct, frozen=True):
    """A checksum of an object or a part: algorithm as S3 names it (`CRC32`), value in base64 (`…-<n>` when composite), type."""

    algorithm: str
    value: str
    type: str = FULL_OBJECT


_LENGTHS = {"CRC32": 4, "CRC32C": 4, "CRC64NVME": 8, "SHA1": 20, "SHA256": 32, "SHA512": 64, "MD5": 16}
"""Bytes of a value."""
_JOINABLE: dict[str, Crc] = {"CRC32": CRC32, "CRC32C": CRC32C, "CRC64NVME": CRC64NVME}
_NOT_SERVED = ("XXHASH64", "XXHASH3", "XXHASH128")

_MEMBERS = frozenset("Checksum" + algorithm for algorithm in (*_LENGTHS, *_NOT_SERVED))

ALGORITHMS = tuple(_LENGTHS)
"""The algorithms served."""


def known_algorithm(name: str) -> str:
    """`name` in S3's spelling. Raises `NotServed` for the xxHash family, `InvalidRequest` for anything else unknown."""
    upper = name.upper()
    if upper in _LENGTHS:
        return upper
    if upper in _NOT_SERVED:
        raise NotServed(f"OpenTrail does not serve the checksum algorithm {upper} yet.")
    raise InvalidRequest(f"Checksum algorithm provided is unsupported. Please try again with any of the valid types: {list(ALGORITHMS)}")


def running(algorithm: str) -> Running:
    """A new computation of `algorithm` (one of `ALGORITHMS`)."""
    return start(algorithm.lower())


def default_type(algorithm: str) -> str:
    """What kind of checksum a multipart upload has when its client does not say."""
    return FULL_OBJECT if algorithm == "CRC64NVME" else COMPOSITE


def check_type(algorithm: str, kind: str) -> None:
    """Raise `InvalidRequest` unless a multipart object can have a checksum of this algorithm and type."""
    possible = algorithm in _JOINABLE if kind == FULL_OBJECT else kind == COMPOSITE and algorithm != "CRC64NVME"
    if not possible:
        raise InvalidRequest(f"The {kind} checksum type cannot be used with the {algorithm.lower()} checksum algorithm.")


def claimed(values: Mapping[str, Any]) -> Checksum | None:
    """The checksum that a client claims among the members of a request (`ChecksumCRC32`, …).

    Raises `InvalidRequest` for more than one, or a value that is not base64 of the right length.
    """
    found = [(name.removeprefix("Checksum"), value) for name, value in values.items() if name in _MEMBERS and value is not None]
    if not found:
        return None
    if len(found) > 1:
        raise InvalidRequest("Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.")
    algorithm, value = known_algorithm(found[0][0]), str(found[0][1])
    plain, _, count = value.partition("-")
    try:
        length = len(b64decode(plain, validate=True))
    except (Base64Error, ValueError):
        length = -1
    if length != _LENGTHS[algorithm] or (count and not count.isascii()):
        raise InvalidRequest(f"Value for x-amz-checksum-{algorithm.lower()} header is invalid.")
    return Checksum(algorithm, value)


def of_parts(algorithm: str, kind: str, parts: Sequence[tuple[str, int]]) -> Checksum:
    """The checksum of an object from its parts: (checksum of the part in base64, size in bytes) each, in order."""
    if kind == COMPOSITE:
        total = running(algorithm)
        for value, _ in parts:
            total.update(b64decode(value))
        return Checksum(algorithm, f"{encoded(total.digest())}-{len(parts)}", COMPOSITE)
    crc = _JOINABLE[algorithm]
    joined = 0
    for value, size in parts:
        joined = crc.join(joined, int.from_bytes(b64decode(value), "big"), size)
    return Checksum(algorithm, encoded(joined.to_bytes(crc.width, "big")), FULL_OBJECT)


def encoded(digest: bytes) -> str:
    """Base64 text."""
    return b64encode(digest).decode("ascii")
