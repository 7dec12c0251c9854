"""The small parts that validation stands on: keys and signatures, the list of digests, working ahead."""

from __future__ import annotations

import threading
from functools import cache

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from hypothesis import given
from hypothesis import strategies as st

from opentrail.trails import signature
from opentrail.trails.findings import Question
from opentrail.trails.validation import digest_keys, digest_keys_beyond, folder_of
from opentrail.trails.workers import Workers

ARN = "arn:aws:cloudtrail:us-east-1:111122223333:trail/audit"
FOLDER = "AWSLogs/111122223333/CloudTrail-Digest/us-east-1/"


@cache
def pair(size: int = 2048) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=size)


def der(key: rsa.RSAPrivateKey, form: serialization.PublicFormat = serialization.PublicFormat.PKCS1) -> bytes:
    return key.public_key().public_bytes(serialization.Encoding.DER, form)


@pytest.mark.parametrize("size", [1024, 2048, 3072, 4096])
def test_public_keys_are_read_as_cryptography_reads_them(size: int) -> None:
    assert signature.public_key(der(pair(size))) == pair(size).public_key()


def test_a_signature_holds_for_its_message_and_no_other() -> None:
    made = pair().sign(b"message", padding.PKCS1v15(), hashes.SHA256()).hex()
    key = signature.public_key(der(pair()))
    assert signature.holds(key, made, b"message")
    assert not signature.holds(key, made, b"another")
    assert not signature.holds(key, made[:-2], b"message")
    assert not signature.holds(key, "no hex", b"message")
    assert not signature.holds(signature.public_key(der(pair(3072))), made, b"message")


@given(st.data())
def test_a_damaged_key_is_refused_or_another_key(data: st.DataObject) -> None:
    value = bytearray(der(pair()))
    at = data.draw(st.integers(0, len(value) - 1))
    value[at] ^= data.draw(st.integers(1, 255))
    try:
        found = signature.public_key(bytes(value))
    except ValueError:
        return
    assert found != pair().public_key()


@given(st.binary(max_size=40))
def test_rubbish_is_no_key(value: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        signature.public_key(value)


@pytest.mark.parametrize(
    "value", [b"", der(pair())[:-1], der(pair()) + b"\0", der(pair(), serialization.PublicFormat.SubjectPublicKeyInfo)]
)
def test_what_is_no_pkcs1_key(value: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        signature.public_key(value)


def stamped(day: str, stamp: str, end: str = "") -> str:
    return f"{FOLDER}{day}/111122223333_CloudTrail-Digest_us-east-1_audit_us-east-1_{stamp}{end}.json.gz"


def test_keys_slipped_among_the_digests_hide_none_of_them() -> None:
    question = Question(
        trail_arn=ARN, region="us-east-1", bucket="logs", prefix=None, start=1_767_571_200, end=1_767_657_600, account_id="111122223333"
    )  # 2026-01-05T00:00:00Z to 2026-01-06T00:00:00Z
    first, second = stamped("2026/01/05", "20260105T010000Z"), stamped("2026/01/05", "20260105T020000Z")
    late = stamped("2026/01/05", "20260105T030000Z", "_backfill")
    listed = [
        first,
        stamped("2026/01/05", "20260105T015959Z").replace("audit", "audits"),
        stamped("2026/01/05", "20261399T990000Z"),
        stamped("2026/01/05", "20260105T999999Z"),
        stamped("2026/01/05", "20260105T01000\u0660Z"),
        stamped("2026/01/05", "20990101T000000Z"),
        second,
        late,
        stamped("2026/01/07", "20260105T040000Z"),
    ]
    assert digest_keys(question, question.digest_folder, listed) == ([first, second], [late])
    assert {folder_of(key) for key in (first, second, late)} == {question.digest_folder}
    after = stamped("2026/01/08", "20260108T000000Z")
    assert digest_keys_beyond(question, question.digest_folder, [*listed, after]) == [stamped("2026/01/05", "20990101T000000Z"), after]


@pytest.mark.parametrize("count", [0, 1, 4])
def test_tasks_give_what_they_return_and_raise(count: int) -> None:
    workers = Workers(count)
    tasks = [workers.submit(divmod, 7, divisor) for divisor in (2, 0, 3)]
    assert tasks[0].result() == (3, 1)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            tasks[1].result()
    assert tasks[2].result() == (2, 1)
    workers.close()


def test_tasks_are_done_at_the_same_time_and_those_not_begun_are_dropped() -> None:
    together = threading.Barrier(2, timeout=90)
    workers = Workers(2)
    begun: list[int] = []
    waiting = [workers.submit(together.wait) for _ in range(2)]
    assert sorted(task.result() for task in waiting) == [0, 1]
    hold = threading.Event()
    held = [workers.submit(hold.wait, 90) for _ in range(2)]
    dropped = workers.submit(begun.append, 1)
    closing = threading.Thread(target=workers.close)
    closing.start()
    while not workers._closed:
        pass
    hold.set()
    closing.join(90)
    assert [task.result() for task in held] == [True, True]
    assert begun == []
    assert dropped.result() is None
    assert begun == [1]


def test_without_workers_nothing_is_done_before_it_is_asked_for() -> None:
    begun: list[int] = []
    workers = Workers(0)
    task = workers.submit(begun.append, 1)
    assert begun == []
    task.result()
    task.result()
    assert begun == [1]
    workers.close()
