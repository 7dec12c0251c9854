"""How fast the journal takes records, against the plainest durable log: write the same bytes, fdatasync, again.

    python bench/journal.py [--seconds 3] [--folder DIR] [--sync full|normal]

Both are measured in turns in the same run, because disks change their mind. Exit code 1 when a goal of the design is missed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import shutil
import sys
import tempfile
import time
import uuid
from pathlib import Path
from statistics import median

import uvloop
from measure import milliseconds, number, ratio, table

from opentrail.clock import SystemClock
from opentrail.config import JournalSettings
from opentrail.journal import Journal, Reader, trim

ROUNDS = 3
GOALS = {1: 2.5, 100: 1.5}
"""Events a call brings: how many times faster than the plain log the journal shall be, with 16 and 32 callers."""


def records(count: int, seed: int = 4) -> list[bytes]:
    """Records of some 1.6 KB, each with ids, times, names and addresses of its own."""
    chance = random.Random(seed)
    made = []
    for index in range(count):
        user = f"person-{chance.randrange(400)}"
        request = {
            "instancesSet": {"items": [{"instanceId": f"i-{chance.getrandbits(68):017x}"} for _ in range(chance.randrange(1, 5))]},
            "clientToken": str(uuid.UUID(int=chance.getrandbits(128), version=4)),
            "ebsOptimized": chance.random() < 0.5,
        }
        record = {
            "eventVersion": "1.11",
            "userIdentity": {
                "type": "AssumedRole",
                "principalId": f"AROA{chance.getrandbits(80):020X}:{user}",
                "arn": f"arn:aws:sts::123456789012:assumed-role/{chance.choice(['Admin', 'Deploy', 'ReadOnly'])}/{user}",
                "accountId": "123456789012",
                "accessKeyId": f"ASIA{chance.getrandbits(64):016X}",
                "sessionContext": {
                    "sessionIssuer": {"type": "Role", "principalId": f"AROA{chance.getrandbits(80):020X}", "accountId": "123456789012"},
                    "attributes": {"creationDate": f"2026-01-05T{index % 24:02}:00:00Z", "mfaAuthenticated": "false"},
                },
            },
            "eventTime": f"2026-01-05T{index // 3600 % 24:02}:{index // 60 % 60:02}:{index % 60:02}Z",
            "eventSource": chance.choice(["ec2.amazonaws.com", "s3.amazonaws.com", "iam.amazonaws.com", "kms.amazonaws.com"]),
            "eventName": chance.choice(["StartInstances", "StopInstances", "DescribeInstances", "RunInstances", "TerminateInstances"]),
            "awsRegion": chance.choice(["us-east-1", "eu-west-1", "ap-southeast-2"]),
            "sourceIPAddress": ".".join(str(chance.randrange(256)) for _ in range(4)),
            "userAgent": "aws-cli/2.31.0 md/awscrt#0.27.6 ua/2.1 os/linux#6.8 md/arch#x86_64 lang/python#3.13 cfg/retry-mode#standard",
            "requestParameters": request,
            "responseElements": {"requestId": str(uuid.UUID(int=chance.getrandbits(128))), "instancesSet": request["instancesSet"]},
            "requestID": str(uuid.UUID(int=chance.getrandbits(128))),
            "eventID": str(uuid.UUID(int=chance.getrandbits(128))),
            "readOnly": False,
            "eventType": "AwsApiCall",
            "managementEvent": True,
            "recipientAccountId": "123456789012",
            "eventCategory": "Management",
            "tlsDetails": {
                "tlsVersion": "TLSv1.3",
                "cipherSuite": "TLS_AES_128_GCM_SHA256",
                "clientProvidedHostHeader": "ec2.amazonaws.com",
            },
        }
        made.append(json.dumps(record, separators=(",", ":")).encode())
    return made


def plain(folder: Path, calls: list[bytes], seconds: float) -> tuple[float, list[float]]:
    """Calls per second and latencies of one writer that syncs each call's bytes by itself, appending."""
    path = folder / "plain"
    file = os.open(path, os.O_CREAT | os.O_TRUNC | os.O_WRONLY)
    times = []
    begin = now = time.perf_counter()
    while now - begin < seconds:
        os.write(file, calls[len(times) % len(calls)])
        os.fdatasync(file)
        before, now = now, time.perf_counter()
        times.append(now - before)
    os.close(file)
    path.unlink()
    return len(times) / (now - begin), times


async def appended(journal: Journal, calls: list[list[bytes]], callers: int, seconds: float) -> tuple[float, list[float]]:
    """Calls per second and latencies with `callers` that append one after the other, each on its own."""
    times: list[float] = []
    begin = time.perf_counter()

    async def call(number: int) -> None:
        now = time.perf_counter()
        while now - begin < seconds:
            await journal.append(calls[number % len(calls)])
            number += callers
            before, now = now, time.perf_counter()
            times.append(now - before)

    await asyncio.gather(*(call(number) for number in range(callers)))
    return len(times) / (time.perf_counter() - begin), times


def throughput(folder: Path, seconds: float, settings: JournalSettings) -> bool:
    """Measure appends; whether every goal is met."""
    pool = records(6400)
    rows, lines = [], []
    for size, goal in GOALS.items():
        calls = [pool[start : start + size] for start in range(0, len(pool), size)]
        joined = [b"".join(call) for call in calls]
        alone = []
        together: dict[int, list[float]] = {1: [], 16: [], 32: []}
        times: dict[int, list[float]] = {callers: [] for callers in together}
        waits: list[float] = []
        for _ in range(ROUNDS):
            rate, some = plain(folder, joined, seconds)
            alone.append(rate)
            waits += some
            for callers in together:
                path = folder / "journal" / "journal.db"
                journal = Journal.open(path, settings=settings, clock=SystemClock())
                rate, some = uvloop.run(appended(journal, calls, callers, seconds))
                journal.close()
                shutil.rmtree(path.parent)
                together[callers].append(rate)
                times[callers] += some
        serial = median(alone)
        title = {"calls of": f"{size} events"}
        rows.append({**title, "who": "plain log", "calls/s": number(serial), "events/s": number(serial * size), **milliseconds(waits)})
        for callers, rates in together.items():
            rate = median(rates)
            figures = {"calls/s": number(rate), "events/s": number(rate * size), **milliseconds(times[callers])}
            rows.append({**title, "who": f"journal, {callers} callers", **figures, "ratio": f"{rate / serial:.2f}"})
            if callers > 1:
                lines.append((f"calls of {size}, {callers} callers, against the plain log", rate, serial, goal))
    table(f"Appends ({settings.sync})", rows)
    met = [ratio(*line) for line in lines]
    return all(met)


def reading(folder: Path, settings: JournalSettings) -> None:
    """Measure reading back, the size on disk, and trimming."""
    pool = records(6400)
    path = folder / "journal" / "journal.db"
    rows = []
    for size, callers in ((1, 32), (100, 16)):
        journal = Journal.open(path, settings=settings, clock=SystemClock())
        calls = [pool[start : start + size] for start in range(0, len(pool), size)]
        uvloop.run(appended(journal, calls, callers, 2))
        reader = Reader(path)
        begin, after, length = time.perf_counter(), 0, 0
        while entries := reader.read(after, 1000):
            after = entries[-1].position
            length += sum(len(entry.record) for entry in entries)
        took = time.perf_counter() - begin
        stored = path.stat().st_size
        begin = time.perf_counter()
        trim(path, after + 1)
        trimmed = time.perf_counter() - begin
        reader.close()
        journal.close()
        shutil.rmtree(path.parent)
        rows.append(
            {
                "written in calls of": str(size),
                "read events/s": number(after / took),
                "raw bytes/event": number(length / after),
                "stored bytes/event": number(stored / after),
                "trimmed events/s": number(after / trimmed),
            }
        )
    table("Reading back", rows)


def main() -> int:
    """Measure and print; 1 when a goal is missed."""
    options = argparse.ArgumentParser(description="Measure the journal against serial fdatasync of the same bytes.")
    options.add_argument("--seconds", type=float, default=2.0, help="length of each of the measurements")
    options.add_argument("--folder", type=Path, default=Path(), help="where to write; must be on a real disk")
    options.add_argument("--sync", choices=("full", "normal"), default="full", help="journal.sync")
    chosen = options.parse_args()
    settings = JournalSettings(sync=chosen.sync)
    with tempfile.TemporaryDirectory(dir=chosen.folder) as folder:
        met = throughput(Path(folder), chosen.seconds, settings)
        reading(Path(folder), settings)
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
