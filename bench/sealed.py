"""What SSE-KMS costs: an object of 10 MB put and got by boto3, plain and encrypted, in turns, on one server.

    python bench/sealed.py [--quick] [--out FILE]

Beside it, in this process: how fast data go through `buckets.encrypted`, and through AES-256-GCM with nothing around it.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from measure import number, table
from part import Line, finish, options, work_folder
from servers import RunningOpenTrail

from opentrail.buckets.encrypted import CHUNK, Decrypter, Encrypter, new_identity

SIZE = 10_000_000
PIECE = 1 << 20
BUCKET = "bench-sealed"


def timed(deed: Callable[[], object]) -> float:
    """Seconds."""
    began = time.perf_counter()
    deed()
    return time.perf_counter() - began


def through_the_server(rounds: int) -> dict[str, dict[str, float]]:
    """Median seconds of each direction, plain and encrypted."""
    data = os.urandom(SIZE)
    times: dict[tuple[str, str], list[float]] = {}
    with work_folder() as name, RunningOpenTrail(Path(name)) as running:
        s3, kms = running.client("s3"), running.client("kms")
        s3.create_bucket(Bucket=BUCKET)
        key = kms.create_key()["KeyMetadata"]["Arn"]
        ways: dict[str, dict[str, Any]] = {"plain": {}, "encrypted": {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key}}

        def get(way: str) -> None:
            if s3.get_object(Bucket=BUCKET, Key=way)["Body"].read() != data:
                raise RuntimeError("what came back is not what went in")

        for number_of_round in range(rounds + 1):
            for way, said in ways.items():
                put = timed(lambda way=way, said=said: s3.put_object(Bucket=BUCKET, Key=way, Body=data, **said))
                got = timed(lambda way=way: get(way))
                if number_of_round:  # the first warms up
                    times.setdefault((way, "PUT"), []).append(put)
                    times.setdefault((way, "GET"), []).append(got)
    return {way: {verb: statistics.median(times[way, verb]) for verb in ("PUT", "GET")} for way in ways}


def by_itself(seconds: float) -> dict[str, float]:
    """Bytes a second on one core."""
    data, key, identity = os.urandom(SIZE), os.urandom(32), new_identity()

    def encrypt() -> bytes:
        encrypter = Encrypter(key, identity)
        return b"".join([*(encrypter.update(data[start : start + PIECE]) for start in range(0, SIZE, PIECE)), encrypter.finish()])

    file = encrypt()

    def decrypt() -> None:
        found = Decrypter(lambda start, length: file[start : start + length], SIZE, key, identity)
        for start in range(0, SIZE, PIECE):
            found.read(start, PIECE)

    def bare() -> None:
        cipher, nonce = AESGCM(key), bytes(12)
        for start in range(0, SIZE, CHUNK):
            cipher.encrypt(nonce, data[start : start + CHUNK], None)

    found = {}
    for name, deed in (("encrypting", encrypt), ("decrypting", decrypt), ("bare AES-GCM", bare)):
        times, end = [], time.perf_counter() + seconds
        while time.perf_counter() < end:
            times.append(timed(deed))
        found[name] = SIZE / statistics.median(times)
    return found


def main() -> None:
    chosen = options(__doc__)
    speeds = by_itself(0.3 if chosen.quick else 2.0)
    medians = through_the_server(4 if chosen.quick else 30)
    table("10 MB", [{"": way, **{f"{verb} ms": number(at * 1e3) for verb, at in found.items()}} for way, found in medians.items()])
    table("by itself, one core", [{"": name, "MB/s": number(speed / 1e6)} for name, speed in speeds.items()])
    print()
    bare = SIZE / speeds["bare AES-GCM"]
    lines = [
        Line(
            what=f"{verb} of a 10 MB object under a KMS key",
            reached=f"p50 {number(medians['encrypted'][verb] * 1e3)} ms",
            ratio=f"{medians['encrypted'][verb] / medians['plain'][verb]:.2f} x a plain one",
            limit=f"encryption by itself: {number(SIZE / speeds[name] * 1e3)} ms, bare AES-GCM {number(bare * 1e3)} ms",
        )
        for verb, name in (("PUT", "encrypting"), ("GET", "decrypting"))
    ]
    finish(lines, {"medians": medians, "speeds": speeds}, chosen)


if __name__ == "__main__":
    main()
