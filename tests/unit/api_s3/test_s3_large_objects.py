"""Large objects pass with constant memory, and bodies that break off leave nothing."""

from __future__ import annotations

import asyncio
import hashlib
import os
import tracemalloc
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any

import pytest

from opentrail.wire.faults import Fault, fault

BUCKET = {"Bucket": "example-logs"}
PIECE = os.urandom(1 << 16)
COUNT = 1024
SIZE = COUNT * len(PIECE)  # 64 MiB
BOUND = 8 << 20


def pieces() -> Iterator[bytes]:
    for number in range(COUNT):
        yield number.to_bytes(4, "big") + PIECE[4:]


def drafts(s3: Any) -> list[str]:
    return [
        name for session in (s3.folder / "buckets/.staging").iterdir() if session.is_dir() for name in os.listdir(session) if name != "lock"
    ]


def test_64_mib_in_and_out_in_8(s3: Any) -> None:
    whole = hashlib.md5()
    for piece in pieces():
        whole.update(piece)

    async def there_and_back() -> str:
        await s3.carry_out(s3.call("PutObject", **BUCKET, Key="big", body=pieces(), ContentLength=SIZE))
        await s3.carry_out(s3.call("CopyObject", **BUCKET, Key="copy", CopySource="example-logs/big"))
        got = await s3.carry_out(s3.call("GetObject", **BUCKET, Key="copy"), keep_body=True)
        read = hashlib.md5()
        async for piece in got["Body"]:
            read.update(piece)
        return read.hexdigest()

    tracemalloc.start()
    try:
        digest = asyncio.run(there_and_back())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert digest == whole.hexdigest()
    assert s3("HeadObject", **BUCKET, Key="big")["ETag"] == f'"{whole.hexdigest()}"'
    assert peak < BOUND


async def breaking_off(after: int, error: BaseException) -> AsyncIterator[bytes]:
    for _ in range(after):
        yield PIECE
    raise error


@pytest.mark.parametrize("after", [0, 3, 40])
def test_a_body_that_breaks_off_leaves_nothing(s3: Any, after: int) -> None:
    s3.put("big", b"old")
    call = s3.call("PutObject", **BUCKET, Key="big", ContentLength=SIZE)
    call = replace(call, body=breaking_off(after, fault("XAmzContentSHA256Mismatch", "not what was signed")))
    with pytest.raises(Fault, match="not what was signed"):
        asyncio.run(s3.carry_out(call))
    assert s3.get("big")["Body"] == b"old"
    assert drafts(s3) == []


@pytest.mark.parametrize("after", [3, 40])
def test_a_call_that_is_cancelled_leaves_nothing(s3: Any, after: int) -> None:
    s3.put("big", b"old")

    async def cancelled() -> None:
        reached = asyncio.Event()

        async def body() -> AsyncIterator[bytes]:
            for _ in range(after):
                yield PIECE
            reached.set()
            await asyncio.Event().wait()

        call = replace(s3.call("PutObject", **BUCKET, Key="big", ContentLength=SIZE), body=body())
        task = asyncio.create_task(s3.carry_out(call))
        await reached.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())
    assert s3.get("big")["Body"] == b"old"
    assert drafts(s3) == []


def test_a_client_that_goes_away_gives_the_file_back(s3: Any) -> None:
    s3("PutObject", **BUCKET, Key="big", body=pieces(), ContentLength=SIZE)
    before = len(os.listdir("/proc/self/fd"))

    async def look_and_leave() -> None:
        got = await s3.carry_out(s3.call("GetObject", **BUCKET, Key="big"), keep_body=True)
        async for piece in got["Body"]:
            assert piece[:4] == bytes(4)
            break
        await got["Body"].aclose()
        unread = await s3.carry_out(s3.call("GetObject", **BUCKET, Key="big"), keep_body=True)
        assert unread["ContentLength"] == SIZE

    asyncio.run(look_and_leave())
    assert len(os.listdir("/proc/self/fd")) <= before


def test_many_puts_at_once(s3: Any) -> None:
    async def all_at_once() -> None:
        calls = [s3.call("PutObject", **BUCKET, Key=f"k/{number % 5}", body=b"%d" % number) for number in range(40)]
        await asyncio.gather(*(s3.carry_out(call) for call in calls))

    asyncio.run(all_at_once())
    entries = s3("ListObjectsV2", **BUCKET)["Contents"]
    assert [entry["Key"] for entry in entries] == [f"k/{number}" for number in range(5)]
    for number, entry in enumerate(entries):
        assert int(s3.get(entry["Key"])["Body"]) % 5 == number
    assert drafts(s3) == []
