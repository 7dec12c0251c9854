"""What recording costs: the same call through the proxy, not recorded, recorded, and recorded because a trail selects it.

    python bench/recording.py [--quick] [--out FILE]

An upstream that answers at once, and `opentrail serve --upstream dynamodb=URL` four times: with and without a trail that selects the data
events of DynamoDB, each under `journal.sync=full` (the default: an answer has its record on disk) and `normal` (no commit waits for
the disk, so what is left is the processor's part). DescribeTable is a management event, GetItem a data event.

- one client, in turns: what recording adds to the time of a call;
- 32 clients, in turns: calls per second, and processor time of the front for each.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import uvloop
from load import json_call, load, one_by_one
from measure import number, percentile, table
from part import Line, finish, options, work_folder
from servers import DUMMY_KEY, HERE, RunningOpenTrail, constant, environment, opentrail

GOAL = 0.25
"""Recording may take this share of a proxied call's time."""
DESCRIBE, GET = "DynamoDB_20120810.DescribeTable", "DynamoDB_20120810.GetItem"
TABLE = {"TableName": "orders"}
ITEM = {"TableName": "orders", "Key": {"id": {"S": "4711"}}}
EVERY_ITEM = [
    {
        "Name": "every item",
        "FieldSelectors": [
            {"Field": "eventCategory", "Equals": ["Data"]},
            {"Field": "resources.type", "Equals": ["AWS::DynamoDB::Table"]},
        ],
    }
]
WRITES = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "cloudtrail.amazonaws.com"}, "Action": "s3:*", "Resource": f"arn:aws:s3:::logs{below}"}
        for below in ("", "/*")
    ],
}


@dataclass(frozen=True)
class Way:
    """One call on one server."""

    front: RunningOpenTrail
    target: str
    members: dict[str, Any]
    recorded: bool

    def request(self) -> bytes:
        return json_call(self.front.endpoint, self.front.key, "dynamodb", self.target, self.members)


def select_items(front: RunningOpenTrail) -> None:
    """A trail that takes the data events of every table."""
    s3, cloudtrail = front.client("s3"), front.client("cloudtrail")
    s3.create_bucket(Bucket="logs")
    s3.put_bucket_policy(Bucket="logs", Policy=json.dumps(WRITES))
    cloudtrail.create_trail(Name="items", S3BucketName="logs")
    cloudtrail.put_event_selectors(TrailName="items", AdvancedEventSelectors=EVERY_ITEM)
    cloudtrail.start_logging(Name="items")


def rate(way: Way, seconds: float) -> dict[str, Any]:
    """One turn of 32 clients: calls per second, processor seconds of the front for each call."""
    server = opentrail(way.front)
    before = server.cpu()["front"]
    command = [sys.executable, str(HERE / "recording.py"), "--load", way.front.endpoint, way.target, json.dumps(way.members), str(seconds)]
    key = {"AWS_ACCESS_KEY_ID": way.front.key[0], "AWS_SECRET_ACCESS_KEY": way.front.key[1]}
    done = subprocess.run(command, env=environment(**key), capture_output=True, text=True, timeout=seconds + 60, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    found["cpu"] = (server.cpu()["front"] - before) / found["answered"]
    return found


def load_process(url: str, target: str, members: str, seconds: str) -> None:
    """The load generator, in a process of its own: 32 clients; prints JSON."""
    key = (os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"])
    found = uvloop.run(load(url, json_call(url, key, "dynamodb", target, json.loads(members)), 32, float(seconds)))
    if list(found.statuses) != [200]:
        raise RuntimeError(f"{url} answered {found.statuses}")
    print(json.dumps({"rate": found.rate, "answered": found.answered}))


def main() -> None:
    chosen = options(__doc__)
    rounds, count, seconds = (2, 200, 1.0) if chosen.quick else (10, 500, 3.0)
    taken: dict[str, list[float]] = {}
    loads: dict[str, list[dict[str, Any]]] = {}
    with work_folder() as name, ExitStack() as stack:
        upstream = stack.enter_context(constant())
        fronts = {}
        for sync in ("full", "normal"):
            for selecting in (False, True):
                folder = Path(name) / f"{sync}-{selecting}"
                folder.mkdir()
                option = ("--upstream", f"dynamodb={upstream.url}")
                front = fronts[sync, selecting] = stack.enter_context(
                    RunningOpenTrail(folder, options=option, settings={"journal.sync": sync})
                )
                if selecting:
                    select_items(front)
        ways = {
            "data event, nobody selects": Way(fronts["full", False], GET, ITEM, False),
            "management event, the disk is not waited for": Way(fronts["normal", False], DESCRIBE, TABLE, True),
            "management event, on disk": Way(fronts["full", False], DESCRIBE, TABLE, True),
            "data event, selected, the disk is not waited for": Way(fronts["normal", True], GET, ITEM, True),
            "data event, selected, on disk": Way(fronts["full", True], GET, ITEM, True),
        }
        direct = json_call(upstream.url, DUMMY_KEY, "dynamodb", GET, ITEM)
        heads = {}
        for way in ways.values():
            uvloop.run(one_by_one(way.front.endpoint, way.request(), 100))
        for label, way in ways.items():
            heads[label] = way.front.health()["journal_head"]
        for _ in range(rounds):
            taken.setdefault("direct", []).extend(uvloop.run(one_by_one(upstream.url, direct, count)))
            for label, way in ways.items():
                before = way.front.health()["journal_head"]
                taken.setdefault(label, []).extend(uvloop.run(one_by_one(way.front.endpoint, way.request(), count)))
                made = way.front.health()["journal_head"] - before
                if made != (count if way.recorded else 0):
                    raise RuntimeError(f"{label}: {count} calls made {made} records")
        for _ in range(max(1, rounds // 3)):
            for label, way in ways.items():
                loads.setdefault(label, []).append(rate(way, seconds))
    bare = "data event, nobody selects"
    rows = []
    for label, some in taken.items():
        row = {"": label, "p50 ms": f"{1e3 * percentile(some, 0.5):.3f}", "p99 ms": f"{1e3 * percentile(some, 0.99):.3f}"}
        if label in loads:
            row["per second, 32 clients"] = number(median(found["rate"] for found in loads[label]))
            row["CPU us"] = number(1e6 * median(found["cpu"] for found in loads[label]))
        rows.append(row)
    table("one call through the proxy", rows)
    print()
    lines = []
    base = percentile(taken[bare], 0.5)
    base_rate = median(found["rate"] for found in loads[bare])
    for label in ways:
        calls = median(found["rate"] for found in loads[label])
        lines.append(
            Line(what=f"calls per second, 32 clients: {label}", reached=f"{number(calls)}/s", ratio=f"{calls / base_rate:.2f} x unrecorded")
        )
        if label == bare:
            continue
        added = percentile(taken[label], 0.5) - base
        cpu = median(found["cpu"] for found in loads[label]) / median(found["cpu"] for found in loads[bare]) - 1
        goal = label == "management event, the disk is not waited for"
        lines.append(
            Line(
                what=f"recording, share of a proxied call's time: {label}",
                reached=f"{100 * added / base:.0f} %",
                ratio=f"{1e3 * added:.3f} ms of {1e3 * base:.3f} ms",
                goal=f"< {100 * GOAL:.0f} %" if goal else "",
                met=added / base < GOAL if goal else None,
                limit=f"processor time of the front: {100 * cpu:+.0f} %",
            )
        )
    figures = {
        "latencies": {label: {share: percentile(some, share) for share in (0.5, 0.99, 1.0)} for label, some in taken.items()},
        "loads": loads,
    }
    finish(lines, figures, chosen)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--load"]:
        load_process(*sys.argv[2:])
    else:
        main()
