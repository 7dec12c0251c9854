"""How soon a multi-Region trail is there in every Region: from the question until the last Region shows it.

    python bench/replication.py [--quick] [--out FILE]

A round makes a multi-Region trail (or turns a single-Region trail into one) and then asks each Region for it, one after the other, again
until it is shown and logging. What that takes at least is the call itself and as many plain DescribeTrails: both are measured beside it.
Delivery is measured with `trails.delivery_interval=0.2`: from one call in every Region until every Region has a log file.
"""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import uvloop
from load import Client, json_call
from measure import milliseconds, percentile, table
from part import Line, finish, options, work_folder
from servers import RunningOpenTrail

from opentrail.trails.regions import known_regions

GOAL = 1.0
"""Seconds in which a trail shall be in every Region."""
INTERVAL = 0.2
"""`trails.delivery_interval`; seconds."""
PATIENCE = 30.0
"""Seconds after which something counts as lost."""
BUCKET = "bench-trail"
HOME = "us-east-1"
TARGET = "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101."
POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "cloudtrail.amazonaws.com"},
            "Action": action,
            "Resource": f"arn:aws:s3:::{BUCKET}{what}",
        }
        for action, what in (("s3:GetBucketAcl", ""), ("s3:PutObject", "/*"))
    ],
}


class Asking:
    """One connection, signed questions to CloudTrail in any Region."""

    def __init__(self, running: RunningOpenTrail) -> None:
        self._running = running
        self._client = Client(running.endpoint)
        self._ready: dict[tuple[str, str, str], bytes] = {}

    async def __call__(self, operation: str, region: str = HOME, **parameters: Any) -> Any:
        request = self.prepared(operation, region, **parameters)
        status, body = await self._client.ask(request)
        if status != 200:
            raise RuntimeError(f"{operation} in {region} answered {status}: {body[:300]!r}")
        return json.loads(body)

    def prepared(self, operation: str, region: str = HOME, **parameters: Any) -> bytes:
        """The signed request, made once: signing is the client's time."""
        key = (operation, region, json.dumps(parameters))
        if key not in self._ready:
            self._ready[key] = json_call(
                self._running.endpoint, self._running.key, "cloudtrail", TARGET + operation, parameters, region=region
            )
        return self._ready[key]

    def close(self) -> None:
        self._client.close()


async def everywhere(ask: Asking, arn: str, regions: tuple[str, ...]) -> None:
    """Return when every Region shows the trail."""
    for region in regions:
        deadline = time.perf_counter() + PATIENCE
        while arn not in {trail["TrailARN"] for trail in (await ask("DescribeTrails", region))["trailList"]}:
            if time.perf_counter() > deadline:
                raise RuntimeError(f"{arn} never came to {region}")


async def rounds(running: RunningOpenTrail, regions: tuple[str, ...], count: int) -> dict[str, list[float]]:
    """Seconds of each round of: creating, converting, and asking every Region for what is there already."""
    ask = Asking(running)
    arn = f"arn:aws:cloudtrail:{HOME}:123456789012:trail/bench"
    for region in regions:
        ask.prepared("DescribeTrails", region)
    times: dict[str, list[float]] = {"CreateTrail": [], "UpdateTrail": [], "asking only": []}
    for _ in range(count):
        began = time.perf_counter()
        await ask("CreateTrail", Name="bench", S3BucketName=BUCKET, IsMultiRegionTrail=True)
        await everywhere(ask, arn, regions)
        times["CreateTrail"].append(time.perf_counter() - began)
        began = time.perf_counter()
        await everywhere(ask, arn, regions)
        times["asking only"].append(time.perf_counter() - began)
        await ask("UpdateTrail", Name="bench", IsMultiRegionTrail=False)
        began = time.perf_counter()
        await ask("UpdateTrail", Name="bench", IsMultiRegionTrail=True)
        await everywhere(ask, arn, regions)
        times["UpdateTrail"].append(time.perf_counter() - began)
        await ask("DeleteTrail", Name="bench")
    ask.close()
    return times


async def delivered(running: RunningOpenTrail, regions: tuple[str, ...]) -> float:
    """Seconds from StartLogging of a new multi-Region trail until a call in each Region is in a log file of that Region."""
    ask = Asking(running)
    await ask("CreateTrail", Name="bench", S3BucketName=BUCKET, IsMultiRegionTrail=True)
    folder = running.data / "buckets" / BUCKET / "AWSLogs" / "123456789012" / "CloudTrail"
    began = time.perf_counter()
    await ask("StartLogging", Name="bench")
    for region in regions:
        await ask("DescribeTrails", region)
    while not all(any((folder / region).rglob("*.json.gz")) for region in regions):
        if time.perf_counter() - began > PATIENCE:
            raise RuntimeError("some Region has no log file")
        await asyncio.sleep(0.01)
    took = time.perf_counter() - began
    await ask("DeleteTrail", Name="bench")
    ask.close()
    return took


def main() -> None:
    """The part."""
    chosen = options(__doc__)
    regions = known_regions().partitions["aws"]
    with work_folder() as folder, RunningOpenTrail(Path(folder), settings={"trails.delivery_interval": INTERVAL}) as running:
        s3 = running.client("s3")
        s3.create_bucket(Bucket=BUCKET)
        s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(POLICY))
        times = uvloop.run(rounds(running, regions, 5 if chosen.quick else 40))
        late = uvloop.run(delivered(running, regions))
    table(f"A trail in {len(regions)} Regions", [{"from": name, **milliseconds(values)} for name, values in times.items()])
    plain = percentile(times["asking only"], 0.5)
    lines = []
    for name in ("CreateTrail", "UpdateTrail"):
        p50, p99 = percentile(times[name], 0.5), percentile(times[name], 0.99)
        lines.append(
            Line(
                what=f"{name} until all {len(regions)} Regions show the trail",
                reached=f"p50 {1e3 * p50:.0f} ms, p99 {1e3 * p99:.0f} ms",
                ratio=f"p99 {p99 / GOAL:.3f} x the goal; {p50 / plain:.2f} x asking all Regions for what is there",
                goal=f"p99 < {GOAL:g} s",
                met=p99 < GOAL,
                limit="asking, and one durable commit: a shadow is no copy",
            )
        )
    lines.append(
        Line(
            what=f"StartLogging until {len(regions)} Regions have a log file each",
            reached=f"{1e3 * late:.0f} ms with an interval of {1e3 * INTERVAL:g} ms",
            ratio=f"{1e3 * (late - INTERVAL) / len(regions):.1f} ms per Region behind the interval",
            limit="a call and a put, each on disk, per Region",
        )
    )
    finish(lines, {"seconds": times, "delivered": late, "regions": len(regions)}, chosen)


if __name__ == "__main__":
    main()
