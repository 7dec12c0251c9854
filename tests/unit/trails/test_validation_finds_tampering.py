"""Every way of touching delivered files is found, in the AWS CLI's words, and more than the AWS CLI finds."""

from __future__ import annotations

import gzip
import hashlib
import json
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opentrail.trails import gunzip
from opentrail.trails.findings import Question
from opentrail.trails.signature import string_to_sign
from opentrail.trails.validate import NoPublicKeys, validate
from simulators.proof import WorldSource, awscli, ours
from simulators.trails import Object, World

HOURS = 4


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    made.trail(enable_log_file_validation=True)
    for _ in range(HOURS):
        made.happen()
        made.run(3600, by=60)
    yield made
    made.close()


ARN = "arn:aws:cloudtrail:us-east-1:111122223333:trail/audit"
BEGAN = 1_767_607_872.0


def digest_key(world: World, number: int) -> str:
    return str(world.buckets.digests()[number]["digestS3Object"])


def change(world: World, key: str, body: Callable[[bytes], bytes]) -> None:
    found = world.buckets.objects["logs", key]
    world.buckets.objects["logs", key] = Object(body(found.body), found.metadata, found.modified)


def repacked(edit: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    return lambda body: gzip.compress(edit(gzip.decompress(body)), mtime=0)


def problems(world: World, **more: object) -> list[str]:
    report = ours(world, ARN, BEGAN, **{"alone": True, **more})
    return [str(finding).partition("INVALID: ")[2] for finding in report.findings if "INVALID" in str(finding)]


def without_its_end(body: bytes) -> bytes:
    return body[:-3]


LOG_CHANGES = [
    ("one byte of the records", repacked(lambda text: text.replace(b"CreateUser", b"DeleteUser")), "hash value doesn't match"),
    ("the same records, spaced", repacked(lambda text: json.dumps(json.loads(text)).encode()), "hash value doesn't match"),
    ("without its end", without_its_end, "invalid format"),
    ("emptied", lambda body: b"", "invalid format"),
    ("not gzip", lambda body: gzip.decompress(body), "invalid format"),
    ("another member behind it", lambda body: body + gzip.compress(b"{}"), "unexpected data after end of compressed stream"),
    ("the same member twice", lambda body: body + body, "unexpected data after end of compressed stream"),
    ("rubbish with the right end", lambda body: body + b"rubbish" + body[-8:], "unexpected data after end of compressed stream"),
    ("one byte behind it", lambda body: body + b"\0", "unexpected data after end of compressed stream"),
]


@pytest.mark.parametrize(("edit", "problem"), [row[1:] for row in LOG_CHANGES], ids=[row[0] for row in LOG_CHANGES])
def test_a_changed_log_file(world: World, edit: Callable[[bytes], bytes], problem: str) -> None:
    key = world.buckets.log_files()[1]
    change(world, key, edit)
    status, output = awscli(world, ARN, BEGAN)
    assert problems(world) == [problem]
    assert ours(world, ARN, BEGAN).exit_code == 1
    if edit is not without_its_end:  # the CLI does not notice that the check sum is gone
        assert status == 1
        assert f"Log file\ts3://logs/{key}\tINVALID: {problem}" in output or not world.buckets.objects["logs", key].body


def test_the_same_records_packed_differently_are_still_valid(world: World) -> None:
    key = world.buckets.log_files()[1]
    change(world, key, lambda body: gzip.compress(gzip.decompress(body), 1))
    assert problems(world) == []
    assert awscli(world, ARN, BEGAN)[0] == 0


def test_a_removed_log_file(world: World) -> None:
    del world.buckets.objects["logs", world.buckets.log_files()[2]]
    assert problems(world) == ["not found"]


def test_a_moved_log_file_is_missing_and_not_covered(world: World) -> None:
    key = world.buckets.log_files()[2]
    moved = key.replace("T1", "T2")
    world.buckets.objects["logs", moved] = world.buckets.objects.pop(("logs", key))
    assert problems(world) == ["not found"]
    assert any(
        str(finding) == f"Log file\ts3://logs/{moved}\tnot covered by any digest file" for finding in ours(world, ARN, BEGAN).findings
    )


def test_a_log_file_that_was_slipped_in_is_not_covered(world: World) -> None:
    key = world.buckets.log_files()[0]
    extra = key[:-24] + "0123456789abcdef.json.gz"
    world.buckets.objects["logs", extra] = replace(world.buckets.objects["logs", key])
    report = ours(world, ARN, BEGAN)
    assert [str(finding) for finding in report.findings if "not covered" in str(finding)] == [
        f"Log file\ts3://logs/{extra}\tnot covered by any digest file"
    ]
    assert report.as_json()["notCovered"] == [{"bucket": "logs", "key": extra}]
    assert report.exit_code == 0


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_removed_digest(world: World, number: int) -> None:
    key = digest_key(world, number)
    del world.buckets.objects["logs", key]
    status, output = awscli(world, ARN, BEGAN)
    assert problems(world) == ["not found"]
    assert (status, f"Digest file\ts3://logs/{key}\tINVALID: not found" in output) == (1, True)


def test_removed_newest_digests_are_found_where_the_cli_sees_nothing(world: World) -> None:
    until = int(BEGAN // 3600 * 3600) + HOURS * 3600
    assert problems(world, expected_until=until, alone=True) == []
    for number in (3, 2):
        del world.buckets.objects["logs", digest_key(world, number)]
    assert awscli(world, ARN, BEGAN)[0] == 0
    assert problems(world, expected_until=until, alone=True) == ["missing between 2026-01-05T12:00:00Z and 2026-01-05T14:00:00Z"]
    assert ours(world, ARN, BEGAN, expected_until=until, alone=True).exit_code == 1


DIGEST_CHANGES = [
    ("edited", repacked(lambda text: text.replace(b"SHA-256", b"SHA-255")), ("invalid format", "signature verification failed")),
    (
        "a log file taken out",
        repacked(lambda text: json.dumps({**json.loads(text), "logFiles": []}).encode()),
        ("signature verification failed",),
    ),
    ("a member taken out", repacked(lambda text: text.replace(b"digestEndTime", b"digestEndTimE")), ("invalid format",)),
    ("not JSON", repacked(lambda text: text[1:]), ("invalid format",)),
    ("not an object", repacked(lambda text: b"[]"), ("invalid format",)),
    ("not gzip", lambda body: b"{}", ("invalid format",)),
    ("another key", repacked(lambda text: text.replace(b'digestPublicKeyFingerprint":"', b'digestPublicKeyFingerprint":"0')), None),
]


@pytest.mark.parametrize(("edit", "expected"), [row[1:] for row in DIGEST_CHANGES], ids=[row[0] for row in DIGEST_CHANGES])
def test_an_edited_digest(world: World, edit: Callable[[bytes], bytes], expected: tuple[str, ...] | None) -> None:
    change(world, digest_key(world, 1), edit)
    status, _ = awscli(world, ARN, BEGAN)
    (problem,) = problems(world)
    assert status == 1
    assert problem in expected if expected else problem.startswith("public key not found in region us-east-1 for fingerprint 0")


def test_a_digest_copied_over_another(world: World) -> None:
    world.buckets.objects["logs", digest_key(world, 2)] = world.buckets.objects["logs", digest_key(world, 1)]
    assert "has been moved from its original location" in problems(world)
    assert awscli(world, ARN, BEGAN)[0] == 1


@pytest.mark.parametrize("metadata", [{}, {"signature": "00"}, {"signature": "zz", "signature-algorithm": "SHA256withRSA"}])
def test_a_digest_whose_signature_was_touched(world: World, metadata: dict[str, str]) -> None:
    world.buckets.objects["logs", digest_key(world, 1)].metadata = metadata
    assert problems(world) == ["signature verification failed"]


def test_a_predecessor_replaced_by_one_that_is_signed_too_is_found(world: World) -> None:
    """Somebody who holds the signing key rewrites an hour; its successor still tells."""
    key = digest_key(world, 1)
    content = world.buckets.json("logs", key)
    text = json.dumps({**content, "logFiles": []}, separators=(",", ":")).encode()
    forged_hash = hashlib.sha256(text).hexdigest()
    signing_key = world.keys.current("us-east-1")
    message = string_to_sign(content["digestEndTime"], "logs", key, forged_hash, content["previousDigestSignature"])
    metadata = {"signature": signing_key.sign(message).hex(), "signature-algorithm": "SHA256withRSA"}
    world.buckets.objects["logs", key] = Object(gzip.compress(text), metadata, BEGAN)
    assert awscli(world, ARN, BEGAN)[0] == 0
    assert problems(world) == ["hash value doesn't match"]


def test_no_digests(tmp_path: Path) -> None:
    fresh = World(tmp_path)
    report = ours(fresh, fresh.trail(), BEGAN)
    assert (report.summary()[-1], report.exit_code) == ("No digests found", 0)
    fresh.close()


def test_without_public_keys_nothing_is_verified(world: World) -> None:
    question = Question(trail_arn=ARN, region="us-east-1", bucket="logs", prefix=None, start=0, end=9, account_id="111122223333")
    with pytest.raises(NoPublicKeys, match="No public keys found between 1970-01-01T00:00:00Z and 1970-01-01T02:00:09Z"):
        validate(question, WorldSource(world), lambda *_: {})


def test_the_summary_is_the_cli_s(world: World) -> None:
    del world.buckets.objects["logs", world.buckets.log_files()[0]]
    _, output = awscli(world, ARN, BEGAN)
    report = ours(world, ARN, BEGAN)
    lines = [line for line in output.splitlines() if line]
    assert lines[-len(report.summary()) :] == report.summary()
    assert "4/4 digest files valid" in report.summary()
    assert "3/4 log files valid, 1/4 log files INVALID" in report.summary()


@given(st.binary(max_size=3000), st.integers(0, 9), st.binary(max_size=30))
def test_unpacking_agrees_with_zlib(content: bytes, level: int, behind: bytes) -> None:
    packed = gzip.compress(content, level, mtime=0)
    assert gunzip.unpacked(packed) == content
    if behind:
        with pytest.raises(gunzip.TrailingData):
            gunzip.content_hash(packed + behind)


@given(st.binary(min_size=1, max_size=400), st.data())
def test_damaged_gzip_is_never_taken_for_something_else(content: bytes, data: st.DataObject) -> None:
    packed = bytearray(gzip.compress(content, mtime=0))
    packed[data.draw(st.integers(0, len(packed) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        expected: bytes | None = gzip.decompress(packed)
    except (OSError, EOFError, zlib.error):
        expected = None
    try:
        found: bytes | bytearray | None = gunzip.unpacked(bytes(packed))
    except (gunzip.NotGzip, gunzip.TrailingData):
        found = None
    assert found is None or found == expected


def test_a_bomb_is_hashed_in_little_memory_and_never_unpacked_whole() -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    packed = b"".join(packer.compress(bytes(1 << 20)) for _ in range(80)) + packer.flush()
    with pytest.raises(gunzip.NotGzip):
        gunzip.unpacked(packed)
    assert len(gunzip.content_hash(packed)) == 64
