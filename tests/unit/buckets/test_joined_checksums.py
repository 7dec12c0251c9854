"""Checksums of objects made of parts."""

from __future__ import annotations

import hashlib
import zlib
from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opentrail.buckets.checksums import COMPOSITE, FULL_OBJECT, Checksum, check_type, claimed, encoded, known_algorithm, of_parts, running
from opentrail.buckets.faults import InvalidRequest, NotServed
from opentrail.wire.faults import Fault


@given(st.lists(st.binary(max_size=200), min_size=1, max_size=6), st.sampled_from(["CRC32", "CRC32C", "CRC64NVME"]))
def test_joined_parts_have_the_checksum_of_the_whole(parts: list[bytes], algorithm: str) -> None:
    def value(data: bytes) -> str:
        computing = running(algorithm)
        computing.update(data)
        return encoded(computing.digest())

    joined = of_parts(algorithm, FULL_OBJECT, [(value(part), len(part)) for part in parts])
    assert joined == Checksum(algorithm, value(b"".join(parts)), FULL_OBJECT)


def test_a_composite_checksum_is_that_of_the_parts_checksums() -> None:
    parts = [b"one", b"two"]
    digests = [hashlib.sha256(part).digest() for part in parts]
    expected = b64encode(hashlib.sha256(b"".join(digests)).digest()).decode() + "-2"
    made = of_parts("SHA256", COMPOSITE, [(b64encode(digest).decode(), 3) for digest in digests])
    assert made == Checksum("SHA256", expected, COMPOSITE)


@pytest.mark.parametrize(
    ("algorithm", "kind", "possible"),
    [
        ("CRC32", FULL_OBJECT, True),
        ("CRC32", COMPOSITE, True),
        ("CRC64NVME", COMPOSITE, False),
        ("CRC64NVME", FULL_OBJECT, True),
        ("SHA256", FULL_OBJECT, False),
        ("SHA1", COMPOSITE, True),
        ("CRC32", "OTHER", False),
    ],
)
def test_which_kinds_there_are(algorithm: str, kind: str, possible: bool) -> None:
    if possible:
        check_type(algorithm, kind)
    else:
        with pytest.raises(InvalidRequest):
            check_type(algorithm, kind)


@pytest.mark.parametrize(
    ("members", "fault"),
    [
        ({"ChecksumCRC32": "x", "ChecksumSHA1": "y"}, InvalidRequest),
        ({"ChecksumCRC32": "not base64"}, InvalidRequest),
        ({"ChecksumCRC32": b64encode(b"12345").decode()}, InvalidRequest),
        ({"ChecksumXXHASH64": "AAAAAAAAAAA="}, NotServed),
    ],
)
def test_claims_that_cannot_be(members: dict[str, str], fault: type[Fault]) -> None:
    with pytest.raises(fault):
        claimed(members)


def test_a_claim_among_other_members() -> None:
    value = b64encode(zlib.crc32(b"x").to_bytes(4, "big")).decode()
    assert claimed({"ChecksumAlgorithm": "CRC32", "ChecksumType": "COMPOSITE", "ChecksumCRC32": value}) == Checksum("CRC32", value)
    assert claimed({"Key": "k"}) is None
    assert known_algorithm("crc32c") == "CRC32C"
