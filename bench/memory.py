"""How much the front grows while 100 MB go in and out, through our own S3 and through the proxy.

    python bench/memory.py [--quick] [--out FILE]

PutObject and GetObject by boto3, which signs the body in chunks as it does by default. Memory is the resident set of the front, looked at
every 10 ms; the bytes that come back must be those that went in.
"""

from __future__ import annotations

import hashlib
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from measure import number, table
from part import Line, finish, options, work_folder
from servers import RunningOpenTrail

from simulators.streaming import SIZE, Endless, Growth, expected_digest, front_of, streaming_upstream

BUCKET = "bench-stream"


def put_and_get(running: RunningOpenTrail, expected: str) -> dict[str, dict[str, float]]:
    """What the front held and how long it took, for each direction."""
    s3 = running.client("s3")
    s3.put_object(Bucket=BUCKET, Key="small", Body=b"x" * 100_000)  # whatever is loaded on first use
    front = front_of(running)
    digest = hashlib.sha256()
    found: dict[str, dict[str, float]] = {}
    began = time.perf_counter()
    with Growth(front) as put:
        s3.put_object(Bucket=BUCKET, Key="big", Body=Endless())
    found["PUT"] = _figures(put, time.perf_counter() - began)
    began = time.perf_counter()
    with Growth(front) as get:
        for piece in s3.get_object(Bucket=BUCKET, Key="big")["Body"].iter_chunks(1 << 20):
            digest.update(piece)
    found["GET"] = _figures(get, time.perf_counter() - began)
    if digest.hexdigest() != expected:
        raise RuntimeError("what came back is not what went in")
    return found


def _figures(growth: Growth, seconds: float) -> dict[str, float]:
    return {"before": growth.before, "peak": growth.peak, "grown": growth.bytes, "bytes/s": SIZE / seconds}


def main() -> None:
    chosen = options(__doc__)
    expected = expected_digest()
    figures: dict[str, Any] = {}
    with work_folder() as name, ExitStack() as stack:
        folder = Path(name)
        upstream = stack.enter_context(streaming_upstream())
        for title, choice in (("own S3", ()), ("proxy", ("--upstream", f"s3={upstream}"))):
            (folder / title).mkdir()
            with RunningOpenTrail(folder / title, options=choice) as running:
                running.client("s3").create_bucket(Bucket=BUCKET)
                figures[title] = put_and_get(running, expected)
    rows = []
    lines = []
    for title, directions in figures.items():
        for direction, found in directions.items():
            sizes = {f"{name} MB": number(found[name] / 1e6) for name in ("before", "peak", "grown")}
            rows.append({"": f"{title}, {direction}", **sizes, "MB/s": number(found["bytes/s"] / 1e6)})
        peak = max(found["peak"] for found in directions.values())
        grown = max(found["grown"] for found in directions.values())
        lines.append(
            Line(
                what=f"peak memory of the front while 100 MB stream, {title}",
                reached=f"{number(peak / 1e6)} MB, grown by {number(grown / 1e6)} MB",
                ratio=f"growth {grown / SIZE:.2f} x the body",
                limit=f"what is loaded before the first byte: {number(directions['PUT']['before'] / 1e6)} MB",
            )
        )
    table("100 MB through the front", rows)
    print()
    finish(lines, figures, chosen)


if __name__ == "__main__":
    main()
