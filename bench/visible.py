"""How soon a call can be seen: from its answer until LookupEvents shows it, and until it lies in a delivered log file.

    python bench/visible.py [--quick] [--out FILE]

A probe is a cloudtrail:DescribeTrails with a name of its own. As soon as it is answered, LookupEvents is asked until the name shows up:
on an idle OpenTrail in the newest 50; beside eight clients that call without pause by EventName (the newest 50 may all be younger then).
Delivery is measured with `trails.delivery_interval=1`. A log file is cut when its first record has waited that long, and each probe is the
first of its file, so that is the longest wait; with the default it is 59 s more.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvloop
from load import Client, json_call, lookup_events
from measure import milliseconds, percentile, table
from part import Line, finish, options, work_folder
from servers import HERE, RunningOpenTrail, environment

GOAL = 1.0
"""Seconds in which a call shall be visible, at p99."""
INTERVAL = 1.0
"""`trails.delivery_interval` while delivery is measured; seconds."""
PATIENCE = 30.0
"""Seconds after which a call counts as lost."""
CLIENTS = 8
BUCKET = "bench-trail"
POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "cloudtrail.amazonaws.com"},
            "Action": action,
            "Resource": f"arn:aws:s3:::{BUCKET}{what}",
        }
        for action, what in (("s3:GetBucketAcl", ""), ("s3:PutObject", "/AWSLogs/*"))
    ],
}


def probe(running: RunningOpenTrail, name: str) -> bytes:
    """A signed DescribeTrails that can be told from all others by `name`."""
    target = "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.DescribeTrails"
    return json_call(running.endpoint, running.key, "cloudtrail", target, {"trailNameList": [name]})


async def answered(client: Client, request: bytes) -> bytes:
    """The body of the answer, which must be a 200."""
    status, body = await client.ask(request)
    if status != 200:
        raise RuntimeError(f"answered {status}: {body[:500]!r}")
    return body


async def looked_up(running: RunningOpenTrail, kind: str, count: int, question: dict[str, Any]) -> tuple[list[float], int]:
    """Seconds from answer to found of `count` probes, and the most questions that one of them took."""
    client = Client(running.endpoint)
    times, most = [], 0
    for number in range(count):
        name = f"probe-{kind}-{number}-end"
        call, lookup = probe(running, name), lookup_events(running.endpoint, running.key, **question)
        await answered(client, call)
        began, asked = time.perf_counter(), 1
        while name.encode() not in await answered(client, lookup):
            asked += 1
            if time.perf_counter() - began > PATIENCE:
                raise RuntimeError(f"{name} was not to be found for {PATIENCE:g} s")
        times.append(time.perf_counter() - began)
        most = max(most, asked)
    client.close()
    return times, most


async def delivered(running: RunningOpenTrail, count: int) -> list[float]:
    """Seconds from answer to readable in a log file of `count` probes."""
    s3 = running.client("s3")
    client = Client(running.endpoint)
    folder = running.data / "buckets" / BUCKET
    seen: set[Path] = set()
    times = []
    for number in range(count):
        name = f"probe-delivered-{number}-end"
        call = probe(running, name)
        await answered(client, call)
        began = time.perf_counter()
        found = False
        while not found:
            # The folder tells that there may be something new; what counts is that S3 gives it.
            for path in [path for path in folder.rglob("*.json.gz") if path not in seen]:
                try:
                    body = s3.get_object(Bucket=BUCKET, Key=str(path.relative_to(folder)))["Body"].read()
                except s3.exceptions.NoSuchKey:
                    continue
                seen.add(path)
                found |= name.encode() in gzip.decompress(body)
            if time.perf_counter() - began > PATIENCE:
                raise RuntimeError(f"{name} was not delivered in {PATIENCE:g} s")
            await asyncio.sleep(0.005)
        times.append(time.perf_counter() - began)
    client.close()
    return times


@contextmanager
def busy(running: RunningOpenTrail, seconds: float) -> Iterator[dict[str, Any]]:
    """Eight clients that call without pause, for `seconds` at most; afterwards what they did is in the dictionary."""
    key = {"AWS_ACCESS_KEY_ID": running.key[0], "AWS_SECRET_ACCESS_KEY": running.key[1]}
    command = [sys.executable, str(HERE / "load.py"), running.endpoint, "--clients", str(CLIENTS), "--seconds", str(seconds)]
    process = subprocess.Popen(command, env=environment(**key), stdout=subprocess.PIPE, text=True)
    found: dict[str, Any] = {}
    try:
        time.sleep(1.5)
        yield found
        found |= json.loads(process.communicate(timeout=seconds + 30)[0])
    finally:
        process.kill()
        process.wait()


def main() -> None:
    chosen = options(__doc__)
    probes, files, seconds = (20, 3, 4.0) if chosen.quick else (200, 20, 12.0)
    by_name = {"LookupAttributes": [{"AttributeKey": "EventName", "AttributeValue": "DescribeTrails"}]}
    with work_folder() as name:
        folder = Path(name)
        (folder / "history").mkdir()
        with RunningOpenTrail(folder / "history") as running:
            uvloop.run(looked_up(running, "first", 10, {}))
            idle, most_idle = uvloop.run(looked_up(running, "idle", probes, {"MaxResults": 50}))
            with busy(running, seconds) as load:
                loaded, most_loaded = uvloop.run(looked_up(running, "loaded", probes, by_name))
        (folder / "trail").mkdir()
        with RunningOpenTrail(folder / "trail", settings={"trails.delivery_interval": INTERVAL}) as running:
            running.client("s3").create_bucket(Bucket=BUCKET)
            running.client("s3").put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(POLICY))
            cloudtrail = running.client("cloudtrail")
            cloudtrail.create_trail(Name="bench", S3BucketName=BUCKET)
            cloudtrail.start_logging(Name="bench")
            uvloop.run(delivered(running, 1))
            late = [taken - INTERVAL for taken in uvloop.run(delivered(running, files))]
    rows = {"found, idle": idle, f"found, beside {CLIENTS} clients": loaded, "delivered, after the interval": late}
    table("from answer to", [{"": title, **milliseconds(times)} for title, times in rows.items()])
    print()
    lines = []
    for title, times, most in (("idle", idle, most_idle), (f"beside {CLIENTS} clients ({load['rate']:.0f} calls/s)", loaded, most_loaded)):
        p50, p99 = percentile(times, 0.5), percentile(times, 0.99)
        lines.append(
            Line(
                what=f"answer to visible in LookupEvents, {title}",
                reached=f"p50 {1e3 * p50:.1f} ms, p99 {1e3 * p99:.1f} ms",
                ratio=f"p99 {p99 / GOAL:.3f} x the goal; questions needed: {most}",
                goal=f"p99 < {GOAL:g} s",
                met=p99 < GOAL,
                limit="the question itself: it takes in all that was answered before",
            )
        )
    p50, p99 = percentile(late, 0.5), percentile(late, 0.99)
    lines.append(
        Line(
            what="answer to readable in a delivered log file",
            reached=f"interval + p50 {1e3 * p50:.0f} ms, p99 {1e3 * p99:.0f} ms",
            ratio=f"at most {60 + p99:.1f} s with the default interval of 60 s",
            limit="trails.delivery_interval",
        )
    )
    figures = {title: {"p50": percentile(times, 0.5), "p99": percentile(times, 0.99)} for title, times in rows.items()}
    finish(lines, figures, chosen)


if __name__ == "__main__":
    main()
