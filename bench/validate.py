"""How fast `opentrail validate` is beside `aws cloudtrail validate-logs`: whole processes, the same files, the same server.

    python bench/validate.py                     300 log files in 150 digests; takes some three minutes to make them
    python bench/validate.py --keep FOLDER       keep the files there, or time those that are there already

A running server makes the files. Then logging stops, so that nothing changes while three ways of proving them take turns: the AWS CLI
through the S3 door, `opentrail validate` through the same door, and `opentrail validate --local`. Says what each way spends its time on.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import importlib.util
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

import load
import measure

TESTS = Path(__file__).resolve().parents[1] / "tests" / "simulators"
TRAIL, BUCKET, ACCOUNT = "audit", "bench-audit-logs", "123456789012"
ARN = f"arn:aws:cloudtrail:us-east-1:{ACCOUNT}:trail/{TRAIL}"
BEGAN = "2020-01-01T00:00:00Z"
SERVED_GOAL, LOCAL_GOAL = 4.0, 20.0
CALLS_PER_SECOND = 40


def simulator(name: str) -> ModuleType:
    """A module of tests/simulators, by its path."""
    spec = importlib.util.spec_from_file_location(name, TESTS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


running = simulator("running")
buckets = simulator("buckets")


def delivered(server: Any, kind: str) -> int:
    """Files of `kind` (`CloudTrail` or `CloudTrail-Digest`) in the bucket."""
    return sum(1 for _ in (server.data / "buckets" / BUCKET).glob(f"AWSLogs/{ACCOUNT}/{kind}/us-east-1/*/*/*/*.json.gz"))


async def work(server: Any, log_files: int) -> None:
    """Call until that many log files are delivered."""
    parts = urlsplit(server.endpoint)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    signed_at = -1e9
    request = b""
    while delivered(server, "CloudTrail") < log_files:
        if time.monotonic() - signed_at > 300:
            request, signed_at = load.caller_identity(server.endpoint, server.key), time.monotonic()
        for _ in range(CALLS_PER_SECOND // 4):
            status, _ = await load.exchange(reader, writer, request)
            assert status == 200, status
            await asyncio.sleep(1 / CALLS_PER_SECOND)
    writer.close()


def make(server: Any, log_files: int) -> None:
    """A trail, `log_files` log files, and the digests over them; then logging stops."""
    server.aws("s3api", "create-bucket", "--bucket", BUCKET)
    policy = server.folder / "policy.json"
    policy.write_text(json.dumps(buckets.trail_policy(BUCKET, ARN, ACCOUNT)))
    server.aws("s3api", "put-bucket-policy", "--bucket", BUCKET, "--policy", f"file://{policy}")
    server.aws("cloudtrail", "create-trail", "--name", TRAIL, "--s3-bucket-name", BUCKET, "--enable-log-file-validation")
    server.aws("cloudtrail", "start-logging", "--name", TRAIL)
    asyncio.run(work(server, log_files))
    server.aws("cloudtrail", "stop-logging", "--name", TRAIL)
    time.sleep(3)  # the last files and the digest that closes the chain


@contextlib.contextmanager
def served(folder: Path, log_files: int, per_digest: int) -> Iterator[Any]:
    """A server over the files."""
    interval = max(1.0, 0.2 * per_digest)
    settings = {"trails.delivery_interval": interval / per_digest, "trails.digest_interval": interval}
    made = (folder / "made").exists()
    server = running.RunningOpenTrail(folder, settings=settings, afresh=True)
    try:
        server.start()
        if not made:
            make(server, log_files)
            (folder / "made").touch()
        yield server
        server.stop()
    finally:
        server.kill()


@dataclass(frozen=True)
class Run:
    """One whole process: seconds from its start to its end, its CPU seconds and those of the server meanwhile, what it printed."""

    wall: float
    own: float
    server: float
    said: str


def timed(command: Sequence[str], server: Any) -> Run:
    """Run a process that must say that everything is valid."""
    environment = {**server.environment(), "PAGER": "cat", "TERM": "dumb"}
    before, own, began = cpu_of(server), resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0 or "INVALID" in done.stdout + done.stderr:
        raise SystemExit(f"{' '.join(command)} → {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    used = after.ru_utime + after.ru_stime - own.ru_utime - own.ru_stime
    return Run(wall, used, cpu_of(server) - before, done.stdout)


def cpu_of(server: Any) -> float:
    """CPU seconds of the server's processes so far."""
    ticks = 0
    pids = [server.process.pid]
    while pids:
        process = Path(f"/proc/{pids.pop()}")
        fields = (process / "stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
        pids += [int(child) for task in process.glob("task/*/children") for child in task.read_text().split()]
    return ticks / os.sysconf("SC_CLK_TCK")


def compare(server: Any, rounds: int) -> bool:
    """Time the three ways in turn and print; whether the goals are met."""
    scope = ["--trail-arn", ARN, "--start-time", BEGAN]
    ours = [str(running.BIN / "opentrail"), "validate", *scope, "--data-dir", str(server.data)]
    ways = {
        "AWS CLI": [str(running.BIN / "aws"), "cloudtrail", "validate-logs", *scope],
        "validate": ours,
        "validate --local": [*ours, "--local"],
        "validate --help (its start)": [*ours[:2], "--help"],
        "python -c pass": [sys.executable, "-c", "pass"],
    }
    runs: dict[str, list[Run]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, command in ways.items():
            runs[name].append(timed(command, server))
    endings = {tuple(line for line in runs[name][0].said.splitlines() if line.endswith("valid")) for name in list(ways)[:3]}
    if len(endings) != 1:
        raise SystemExit(f"The three do not agree: {endings}")
    print(*next(iter(endings)), sep=", ")
    wall = {name: statistics.median(run.wall for run in found) for name, found in runs.items()}
    own = {name: statistics.median(run.own for run in found) for name, found in runs.items()}
    theirs = {name: statistics.median(run.server for run in found) for name, found in runs.items()}
    rows = [
        {
            "process": name,
            "median ms": f"{1000 * wall[name]:.0f}",
            "min ms": f"{1000 * min(run.wall for run in found):.0f}",
            "max ms": f"{1000 * max(run.wall for run in found):.0f}",
            "CPU ms": f"{1000 * own[name]:.0f}",
            "server CPU ms": f"{1000 * theirs[name]:.0f}",
        }
        for name, found in runs.items()
    ]
    measure.table("Whole processes", rows)
    met = measure.ratio("served, times as fast as the AWS CLI", wall["AWS CLI"], wall["validate"], SERVED_GOAL)
    met &= measure.ratio("local, times as fast as the AWS CLI", wall["AWS CLI"], wall["validate --local"], LOCAL_GOAL)
    files = delivered(server, "CloudTrail") + delivered(server, "CloudTrail-Digest")
    start = own["validate --help (its start)"]
    print(
        f"limit, served: the one process that answers needs {1000 * theirs['validate'] / files:.2f} ms of CPU for each of {files} files, "
        f"{theirs['validate'] / wall['validate']:.0%} of the time"
    )
    print(f"limit, local: {start / own['validate --local']:.0%} of its CPU time goes into starting Python and importing")
    return met


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--log-files", type=int, default=300)
    parser.add_argument("--per-digest", type=int, default=2, help="log files for one digest")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--keep", type=Path, help="a folder for the files, used again when they are there")
    chosen = parser.parse_args()
    with contextlib.ExitStack() as stack:
        folder = chosen.keep or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.mkdir(parents=True, exist_ok=True)
        server = stack.enter_context(served(folder, chosen.log_files, chosen.per_digest))
        met = compare(server, chosen.rounds)
    raise SystemExit(0 if met else 1)


if __name__ == "__main__":
    main()
