"""Signed GetCallerIdentity per second, one and 32 clients: OpenTrail with every record on disk, beside moto's server and MiniStack.

    python bench/calls.py [--quick] [--out FILE]

One load generator for all, in turns; whoever is not measured is stopped meanwhile. Beside them: the serial fdatasync of the disk, and a
server of the same HTTP stack that does nothing. Each call of OpenTrail that was answered must be in the event history afterwards.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any

from measure import number, percentile, table
from part import Line, finish, options, syncs, work_folder
from servers import HERE, RunningOpenTrail, Server, constant, environment, ministack, moto, opentrail

CLIENTS = (1, 32)
RECORD = 1100
"""Bytes of the record that GetCallerIdentity makes, about."""


def measured(server: Server, clients: int, seconds: float) -> dict[str, Any]:
    """One turn of one server."""
    key = {"AWS_ACCESS_KEY_ID": server.key[0], "AWS_SECRET_ACCESS_KEY": server.key[1]}
    command = [sys.executable, str(HERE / "load.py"), server.url, "--clients", str(clients), "--seconds", str(seconds)]
    used = server.cpu()
    done = subprocess.run(command, env=environment(**key), capture_output=True, text=True, timeout=seconds + 60, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    if list(found["statuses"]) != ["200"]:
        raise RuntimeError(f"{server.name} answered {found['statuses']}")
    found["cpu"] = {name: (now - used.get(name, 0.0)) / found["answered"] for name, now in server.cpu().items()}
    return found


def caught_up(running: RunningOpenTrail) -> dict[str, Any]:
    """What the health page says when the event history has taken in all there is."""
    deadline = time.monotonic() + 60
    while True:
        health: dict[str, Any] = running.health()
        if health["followers"]["eventstore"]["lag"] == 0:
            return health
        if time.monotonic() > deadline:
            raise RuntimeError("the event history does not catch up")
        time.sleep(0.05)


def main() -> None:
    chosen = options(__doc__)
    rounds, seconds = (1, 1.0) if chosen.quick else (3, 3.0)
    turns: dict[tuple[str, int], list[dict[str, Any]]] = {}
    disk: list[float] = []
    answered = 0
    with work_folder() as name, ExitStack() as stack:
        folder = Path(name)
        running = stack.enter_context(RunningOpenTrail(folder))
        ours = opentrail(running)
        others = [stack.enter_context(ministack(folder / "ministack")), stack.enter_context(moto()), stack.enter_context(constant())]
        servers = [ours, *(server for server in others if server is not None)]
        for server in servers:
            measured(server, 1, 0.2)  # whatever is loaded at the first call
        answered = caught_up(running)["journal_head"]
        for server in servers:
            stack.callback(server.resume)
            server.pause()
        for _ in range(rounds):
            disk += syncs(folder, RECORD, seconds / 4)
            for clients in CLIENTS:
                for server in servers:
                    server.resume()
                    found = measured(server, clients, seconds)
                    turns.setdefault((server.name, clients), []).append(found)
                    if server is ours:
                        answered += found["answered"]
                        health = caught_up(running)
                    server.pause()
    in_history = health["counts"]["events_hot"] + health["counts"]["events_cold"]
    rates = {turn: median(found["rate"] for found in all_found) for turn, all_found in turns.items()}
    serial = len(disk) / sum(disk)
    limits = {}
    rows = [{"": "serial fdatasync", "clients": "1", "per second": number(serial), "p50 ms": f"{percentile(disk, 0.5) * 1e3:.2f}"}]
    for (who, clients), all_found in turns.items():
        marks = {f"{mark} ms": f"{median(found[mark] for found in all_found) * 1e3:.2f}" for mark in ("p50", "p99")}
        costs = {name: median(found["cpu"].get(name, 0.0) for found in all_found) for name in all_found[0]["cpu"]}
        cost = ", ".join(f"{name} {1e6 * value:.0f}" for name, value in costs.items() if value > 1e-6) if len(costs) > 1 else ""
        marks["CPU us per call"] = cost or f"{1e6 * sum(costs.values()):.0f}"
        rows.append({"": who, "clients": str(clients), "per second": number(rates[who, clients]), **marks})
        if who == "OpenTrail":
            limits[clients] = cost
    table("signed GetCallerIdentity, medians", rows)
    print()
    lines = []
    for clients in CLIENTS:
        own = rates["OpenTrail", clients]
        ratios = [f"{own / rates[who, clients]:.2f} x {who}" for who in ("MiniStack", "moto") if (who, clients) in rates]
        ceiling = f"{own / rates['constant answer', clients]:.2f} x a constant answer, {own / serial:.2f} x serial fdatasync"
        goal, met = "", None
        if clients == 32:
            goal, met = "> 1 x MiniStack", (own > rates["MiniStack", clients]) if ("MiniStack", clients) in rates else None
        slow = f"CPU per call, in us: {limits[1]}; fdatasync mean {1e3 / serial:.2f} ms of {1e3 / rates['OpenTrail', 1]:.2f} ms a call"
        what = f"GetCallerIdentity, {clients} client{'s' if clients > 1 else ''}, each on disk"
        reached = f"{number(own)}/s"
        lines.append(
            Line(
                what=what,
                reached=reached,
                ratio="; ".join([*ratios, ceiling]),
                goal=goal,
                met=met,
                limit=slow if clients == 1 else f"CPU per call, in us: {limits[clients]}",
            )
        )
    lines.append(
        Line(
            what="answered calls that are in the event history",
            reached=f"{number(in_history)} of {number(answered)}",
            goal="all",
            met=in_history == answered == health["journal_head"],
        )
    )
    figures = {
        "turns": [{"who": who, "clients": clients, "found": found} for (who, clients), found in turns.items()],
        "fdatasync/s": serial,
    }
    finish(lines, figures, chosen)


if __name__ == "__main__":
    main()
