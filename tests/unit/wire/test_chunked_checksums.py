"""CRC32C and CRC64NVME against their published check values and a table walked octet by octet."""

from __future__ import annotations

import hashlib
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opentrail.wire import checksums

REFLECTED = {"crc32c": (32, 0x82F63B78), "crc64nvme": (64, 0x9A6C9329AC4BC9B5)}
CHECK_VALUES = {"crc32": "cbf43926", "crc32c": "e3069283", "crc64nvme": "ae8b14860a799888"}


def octet_by_octet(name: str, data: bytes) -> bytes:
    width, polynomial = REFLECTED[name]
    value = (1 << width) - 1
    for octet in data:
        value ^= octet
        for _ in range(8):
            value = (value >> 1) ^ (polynomial if value & 1 else 0)
    return (value ^ ((1 << width) - 1)).to_bytes(width // 8, "big")


def computed(name: str, *pieces: bytes) -> bytes:
    checksum = checksums.start(name)
    for piece in pieces:
        checksum.update(piece)
    return checksum.digest()


@pytest.mark.parametrize(("name", "value"), CHECK_VALUES.items())
def test_check_values(name: str, value: str) -> None:
    """The CRC of "123456789", as CRC catalogues print it."""
    assert computed(name, b"123456789").hex() == value


@given(
    name=st.sampled_from(sorted(REFLECTED)), seed=st.binary(min_size=1, max_size=64), length=st.integers(0, 4000), cut=st.integers(0, 4000)
)
def test_folding_is_the_crc(name: str, seed: bytes, length: int, cut: int) -> None:
    data = (hashlib.sha512(seed).digest() * 63)[:length]
    assert computed(name, data[:cut], data[cut:]) == octet_by_octet(name, data)


@pytest.mark.parametrize("name", sorted(REFLECTED))
@pytest.mark.parametrize("length", [65535, 65536, 65537, 200_001])
def test_long_pieces_equal_short_ones(name: str, length: int) -> None:
    data = (b"".join(hashlib.sha512(bytes([n])).digest() for n in range(256)) * 20)[:length]
    assert computed(name, data) == computed(name, *(data[at : at + 50] for at in range(0, length, 50)))


@given(data=st.binary(max_size=200))
def test_the_others_are_the_standard_librarys(data: bytes) -> None:
    assert computed("crc32", data) == zlib.crc32(data).to_bytes(4, "big")
    for name in ("sha1", "sha256", "sha512", "md5"):
        assert computed(name, data) == hashlib.new(name, data).digest()


def test_unknown_kinds() -> None:
    assert not checksums.known("xxhash64")
    with pytest.raises(ValueError, match="xxhash64"):
        checksums.start("xxhash64")
