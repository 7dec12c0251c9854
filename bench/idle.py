"""What trails cost that have nothing to deliver: processor time of the followers, and what one empty digest takes.

    python bench/idle.py [--quick] [--out FILE]

Five multi-Region trails with log file validation have a chain of digests in each Region: 170 chains and more. Measured are the followers
without any trail; with the trails while no digest is due (all but a few seconds of every hour); and with a digest of every chain every 20
seconds. From the last follows the cost of one digest, and with it the share of a core that an hour of doing nothing takes. The limit of a
digest is what cannot be left out: an RSA-2048 signature, gzip, two files made durable and two commits.
"""

from __future__ import annotations

import gzip
import json
import os
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from part import Line, finish, options, work_folder
from servers import RunningOpenTrail

TRAILS = 5
BUCKET = "idle-logs"
GOAL = 0.02
"""Share of a core that 170 chains with nothing to do may take."""
SHORT = 20.0
"""`trails.digest_interval` while digests are measured; seconds."""
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


@contextmanager
def serving(folder: Path, interval: float) -> Iterator[RunningOpenTrail]:
    """A server with the default settings but for the digest interval."""
    folder.mkdir()
    running = RunningOpenTrail(folder, settings={"trails.digest_interval": interval})
    try:
        yield running.start()
        running.stop()
    finally:
        running.kill()


def make_trails(running: RunningOpenTrail) -> None:
    """Five multi-Region trails that log and are validated."""
    s3, cloudtrail = running.client("s3"), running.client("cloudtrail")
    s3.create_bucket(Bucket=BUCKET)
    s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(POLICY))
    for number in range(TRAILS):
        name = f"idle-{number}"
        cloudtrail.create_trail(Name=name, S3BucketName=BUCKET, IsMultiRegionTrail=True, EnableLogFileValidation=True)
        cloudtrail.start_logging(Name=name)


def followers(running: RunningOpenTrail) -> int:
    """The process id of the followers."""
    found = running.role("followers")
    if found is None:
        raise SystemExit("there are no followers")
    return found.pid


def cpu(pid: int) -> float:
    """CPU seconds of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def share(running: RunningOpenTrail, seconds: float) -> float:
    """Share of a core that the followers take for so long."""
    pid = followers(running)
    before, began = cpu(pid), time.perf_counter()
    time.sleep(seconds)
    return (cpu(pid) - before) / (time.perf_counter() - began)


def digests(running: RunningOpenTrail) -> int:
    """Digest files in the bucket."""
    return sum(1 for _ in (running.data / "buckets" / BUCKET).glob("AWSLogs/*/CloudTrail-Digest/**/*.json.gz"))


def chains(running: RunningOpenTrail) -> int:
    """Chains of digests that are open."""
    connection = sqlite3.connect(f"file:{running.data / 'state.db'}?mode=ro", uri=True)
    try:
        return int(connection.execute("SELECT count(*) FROM trail_chains WHERE is_open").fetchone()[0])
    finally:
        connection.close()


def floor(folder: Path, rounds: int) -> float:
    """CPU seconds for what one digest cannot do without."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    connection = sqlite3.connect(folder / "floor.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, text TEXT)")
    text = b'{"logFiles":[],"digestS3Object":"' + b"x" * 900 + b'"}'
    began = time.process_time()
    for number in range(rounds):
        key.sign(text, padding.PKCS1v15(), hashes.SHA256())
        for name in ("spooled", "object"):
            with open(folder / f"{name}-{number}", "wb") as file:
                file.write(gzip.compress(text, 6))
                file.flush()
                os.fsync(file.fileno())
            connection.execute("INSERT INTO t (text) VALUES (?)", (name * 100,))
    used = time.process_time() - began
    connection.close()
    return used / rounds


def main() -> None:
    """The command line."""
    chosen = options(__doc__)
    seconds = 10.0 if chosen.quick else 40.0
    figures: dict[str, Any] = {}
    with work_folder() as work:
        folder = Path(work)
        with serving(folder / "hourly", 3600.0) as running:
            time.sleep(5)
            figures["without trails"] = share(running, seconds)
            make_trails(running)
            figures["chains"] = chains(running)
            time.sleep(5)
            figures["with trails"] = share(running, seconds)
        with serving(folder / "often", SHORT) as running:
            make_trails(running)
            time.sleep(SHORT + 10)  # the first ones make the signing keys
            made = digests(running)
            figures["with digests"] = share(running, SHORT * (2 if chosen.quick else 4))
            figures["digests"] = digests(running) - made
            seconds = SHORT * (2 if chosen.quick else 4)
        each = (figures["with digests"] - figures["with trails"]) * seconds / max(1, figures["digests"])
        figures["seconds of CPU for a digest"] = each
        figures["its floor"] = floor(folder, 100)
    idle = figures["with trails"] + each * figures["chains"] / 3600
    lines = [
        Line(
            what=f"{figures['chains']} chains with nothing to do, a digest of each every hour",
            reached=f"{100 * idle:.2f} % of a core",
            ratio=f"{idle / GOAL:.2f} x the goal; {100 * figures['without trails']:.2f} % without any trail",
            goal="< 2 %",
            met=idle < GOAL,
            limit="the looks at the journal, the clock and the state of the trails, four times a second",
        ),
        Line(
            what=f"one empty digest, in bursts of {figures['chains']}",
            reached=f"{1000 * each:.2f} ms of CPU",
            ratio=f"{each / figures['its floor']:.1f} x signature, gzip, two durable files and two commits",
        ),
    ]
    finish(lines, figures, chosen)
    sys.exit(0 if all(line.met is not False for line in lines) else 1)


if __name__ == "__main__":
    main()
