"""What the proxy adds to a call: straight to an upstream that answers at once, beside the same call through `opentrail serve --upstream`.

    python bench/proxy.py [--quick] [--out FILE]

Four ways in turns, one client, one keep-alive connection each:

- direct: dynamodb:DescribeTable at the upstream itself;
- before the commit: dynamodb:GetItem, a data event: checked, forwarded, streamed back, not recorded;
- described, without the disk: DescribeTable, recorded under `journal.sync=normal`, where no commit waits for the disk;
- with the commit: DescribeTable, answered when its record is on disk (the default).
"""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from statistics import median

import uvloop
from load import json_call, one_by_one
from measure import milliseconds, number, percentile, table
from part import Line, finish, options, syncs, work_folder
from servers import DUMMY_KEY, RunningOpenTrail, constant, opentrail

GOAL = 0.5
"""Milliseconds that the proxy may add at p50 before the commit."""
RECORD = 1300
"""Bytes of the record that DescribeTable makes, about."""
DESCRIBE, GET = "DynamoDB_20120810.DescribeTable", "DynamoDB_20120810.GetItem"
TABLE = {"TableName": "orders"}
ITEM = {"TableName": "orders", "Key": {"id": {"S": "4711"}}}


def main() -> None:
    chosen = options(__doc__)
    rounds, count = (2, 200) if chosen.quick else (10, 500)
    taken: dict[str, list[float]] = {}
    disk: list[float] = []
    used: dict[str, float] = {}
    with work_folder() as name, ExitStack() as stack:
        folder = Path(name)
        upstream = stack.enter_context(constant())
        option = ("--upstream", f"dynamodb={upstream.url}")
        fronts = {}
        for sync in ("full", "normal"):
            (folder / sync).mkdir()
            fronts[sync] = stack.enter_context(RunningOpenTrail(folder / sync, options=option, settings={"journal.sync": sync}))
        full, normal = fronts["full"], fronts["normal"]
        ways = {
            "direct": (upstream.url, json_call(upstream.url, DUMMY_KEY, "dynamodb", DESCRIBE, TABLE)),
            "before the commit": (full.endpoint, json_call(full.endpoint, full.key, "dynamodb", GET, ITEM)),
            "described, without the disk": (normal.endpoint, json_call(normal.endpoint, normal.key, "dynamodb", DESCRIBE, TABLE)),
            "with the commit": (full.endpoint, json_call(full.endpoint, full.key, "dynamodb", DESCRIBE, TABLE)),
        }
        for url, request in ways.values():
            uvloop.run(one_by_one(url, request, 100))
        heads = {sync: front.health()["journal_head"] for sync, front in fronts.items()}
        for _ in range(rounds):
            disk += syncs(folder, RECORD, 0.3)
            for way, (url, request) in ways.items():
                server = next((opentrail(front) for front in fronts.values() if front.endpoint == url), None)
                before = server.cpu()["front"] if server else 0.0
                taken.setdefault(way, []).extend(uvloop.run(one_by_one(url, request, count)))
                used[way] = used.get(way, 0.0) + (server.cpu()["front"] - before if server else 0.0)
        recorded = {sync: front.health()["journal_head"] - heads[sync] for sync, front in fronts.items()}
    if recorded != {"full": rounds * count, "normal": rounds * count}:
        raise RuntimeError(f"{rounds * count} DescribeTable calls each, but records: {recorded}")
    table(
        "latency of a call",
        [{"": "one fdatasync", **milliseconds(disk)}, *({"": way, **milliseconds(some)} for way, some in taken.items())],
    )
    print()
    direct = taken.pop("direct")
    lines = []
    for way, some in taken.items():
        added = [1e3 * (percentile(some, share) - percentile(direct, share)) for share in (0.5, 0.99)]
        goal, met, limit = "", None, f"processor time of the front: {1e3 * used[way] / len(some):.2f} ms a call"
        if way == "before the commit":
            goal, met = f"p50 < {GOAL} ms", added[0] < GOAL
        if way == "with the commit":
            limit += f"; fdatasync (p50 {1e3 * median(disk):.2f} ms, p99 {1e3 * percentile(disk, 0.99):.2f} ms)"
        ratio = f"p50 {number(percentile(some, 0.5) / percentile(direct, 0.5))} x direct"
        lines.append(
            Line(
                what=f"added by the proxy, {way}",
                reached=f"p50 {added[0]:.2f} ms, p99 {added[1]:.2f} ms",
                ratio=ratio,
                goal=goal,
                met=met,
                limit=limit,
            )
        )
    seconds = {"direct": direct, **taken, "fdatasync": disk}
    figures = {way: {share: percentile(some, share) for share in (0.5, 0.99, 1.0)} for way, some in seconds.items()}
    finish(lines, figures, chosen)


if __name__ == "__main__":
    main()
