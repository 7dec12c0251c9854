"""The followers are killed at random moments while they deliver, sign and notify under load: every event is in the files exactly once, no
chain of digests is broken, and every file is told of at least once.

`OPENTRAIL_KILLS=200` makes it 200 kills, the number that the promise was made with. What is killed does the trails' work of the real
`Followers` over a real data folder, in a fork of a process that has imported everything; the event store has tests of its own. The load
comes from this process, which owns the journal. Topics are a file, and refuse now and then.
"""

from __future__ import annotations

import asyncio
import collections
import gzip
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from opentrail.buckets import Buckets, ServiceWriter
from opentrail.buckets.in_place import BucketsInPlace
from opentrail.clock import SystemClock, iso_seconds
from opentrail.config import JournalSettings
from opentrail.journal import Journal
from opentrail.journal.positions import Positions
from opentrail.server.folder import DataFolder
from opentrail.storage.database import Database
from opentrail.storage.read_only import ReadOnlyDatabase
from opentrail.trails import notices, plans
from opentrail.trails.control import Trails, Wanted
from opentrail.trails.delivery import FOLLOWER
from opentrail.trails.keys import Chain
from opentrail.trails.neighbours import Neighbours
from opentrail.trails.regions import known_regions
from simulators.buckets import trail_policy
from simulators.object_keys import object_keys
from simulators.running import BIN, wait_for

KILLS = int(os.environ.get("OPENTRAIL_KILLS", "15"))
ACCOUNT = "111122223333"
HOMES = {"steady": "us-east-1", "shaken": "eu-west-1"}
"""Two trails and their Regions; the bucket of the second loses its policy now and then."""

PROGRAM = r"""
import json, os, random, signal, sys
from pathlib import Path
from opentrail.clock import SystemClock
from opentrail.config import Settings, TrailsSettings
from opentrail.server.followers import TRAILS, Followers
from opentrail.server.roles import Orders
from opentrail.wire.faults import fault

folder = Path(sys.argv[1])
settings = Settings(trails=TrailsSettings(delivery_interval=0.1, digest_interval=1.0, max_file_bytes=8192))

class Topics:
    def publish(self, *, topic_arn, message, source_arn, account_id):
        if random.random() < 0.1:
            raise fault("AuthorizationError", "Not now.", status=403)
        with open(folder / "told", "ab", buffering=0) as file:
            file.write(json.dumps([topic_arn, message]).encode() + b"\n")

def work():
    followers = Followers(Orders(data_dir=folder, link="", settings=settings), SystemClock())
    followers._notifications._topics = Topics()
    os.write(1, b"%d ready\n" % os.getpid())
    steps = (followers._step_trails, followers._step_notices, followers._step_digests)
    followers._follow(TRAILS, steps, lambda: followers._delivery.position)

for line in sys.stdin:
    child = os.fork()
    if not child:
        work()
    sys.stdin.readline()
    os.kill(child, signal.SIGKILL)
    os.write(1, b"%d\n" % os.waitpid(child, 0)[1])
"""


class Victim:
    """The work of the followers, begun and killed again and again."""

    def __init__(self, folder: Path) -> None:
        self._errors = (folder / "errors").open("w+b")
        command = [sys.executable, "-c", PROGRAM, str(folder)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors)

    def begin(self) -> None:
        """Start; returns when it works."""
        assert b"ready" in self._ask(), self.complaints()

    def kill(self) -> None:
        """End it without warning."""
        assert int(self._ask()) == signal.SIGKILL, self.complaints()

    def complaints(self) -> str:
        self._errors.seek(0)
        return self._errors.read().decode(errors="replace")[-4000:]

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.kill()
        self._process.wait()
        self._errors.close()

    def _ask(self) -> bytes:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(b"\n")
        self._process.stdin.flush()
        return self._process.stdout.readline()


class Load:
    """Appends records to the journal, in bursts, until it is stopped."""

    def __init__(self, folder: DataFolder) -> None:
        self.event_ids: dict[str, list[str]] = {region: [] for region in HOMES.values()}
        self._folder = folder
        self._stop = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._work()))

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    async def _work(self) -> None:
        journal = Journal.open(self._folder.journal, settings=JournalSettings(min_free=0), clock=SystemClock())
        dice = random.Random(4747)
        while not self._stop.is_set():
            made = [self._record(dice) for _ in range(dice.randrange(1, 12))]
            await journal.append([record for *_, record in made])
            for region, event_id, _ in made:
                self.event_ids[region].append(event_id)
            await asyncio.sleep(0.005)
        journal.close()

    @staticmethod
    def _record(dice: random.Random) -> tuple[str, str, bytes]:
        region = dice.choice(sorted(HOMES.values()))
        event_id = str(uuid.UUID(int=dice.getrandbits(128)))
        record = {
            "eventVersion": "1.11",
            "eventTime": iso_seconds(time.time()),
            "eventSource": "ec2.amazonaws.com",
            "eventName": "RunInstances",
            "awsRegion": region,
            "requestParameters": {"padding": "x" * dice.randrange(300)},
            "requestID": event_id,
            "eventID": event_id,
            "readOnly": False,
            "eventCategory": "Management",
            "recipientAccountId": ACCOUNT,
        }
        return region, event_id, json.dumps(record).encode()


class AnyTopic:
    """Lets every trail connect."""

    def check(self, **_: object) -> None: ...
    def publish(self, **_: object) -> None: ...


def arn(name: str) -> str:
    return f"arn:aws:cloudtrail:{HOMES[name]}:{ACCOUNT}:trail/{name}"


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    made = DataFolder(tmp_path)
    made.prepare()
    return made


@pytest.fixture
def database(folder: DataFolder) -> Iterator[Database]:
    opened = Database.at(folder.state)
    yield opened
    opened.close()


@pytest.fixture
def buckets(folder: DataFolder, database: Database) -> Iterator[Buckets]:
    opened = Buckets(database, folder.buckets, SystemClock())
    for name, region in HOMES.items():
        opened.create(f"{name}-logs", account_id=ACCOUNT, region=region)
        opened.configurations.put_policy(f"{name}-logs", json.dumps(trail_policy(f"{name}-logs", arn(name), ACCOUNT)))
    yield opened
    opened.close()


@pytest.fixture
def victim(folder: DataFolder) -> Iterator[Victim]:
    made = Victim(folder.root)
    yield made
    made.close()


@pytest.mark.timeout(240 + 8 * KILLS)
def test_whatever_is_killed_every_event_is_delivered_once_signed_and_told_of(
    folder: DataFolder, database: Database, buckets: Buckets, victim: Victim
) -> None:
    clock = SystemClock()
    trails = Trails(
        database,
        clock,
        buckets=ServiceWriter(buckets, clock, keys=object_keys(database, folder.keys, clock, account_id=ACCOUNT)),
        regions=known_regions(),
        head=lambda: 0,
        neighbours=Neighbours(topics=AnyTopic()),
    )
    began = int(clock.time())
    for name, region in HOMES.items():
        wanted = Wanted(s3_bucket_name=f"{name}-logs", enable_log_file_validation=True, sns_topic_name=name)
        trails.create(ACCOUNT, region, name, wanted, {})
        trails.start_logging(ACCOUNT, region, name)
    load = Load(folder)
    load.start()
    moments = random.Random(20260105)
    try:
        for number in range(KILLS):
            if number % 10 == 5:
                buckets.configurations.delete_policy("shaken-logs")
            elif number % 10 == 8:
                policy = json.dumps(trail_policy("shaken-logs", arn("shaken"), ACCOUNT))
                buckets.configurations.put_policy("shaken-logs", policy)
            victim.begin()
            time.sleep(moments.choice((0.02, 0.15, 0.6)) * moments.random())
            victim.kill()
    finally:
        load.stop()
    buckets.configurations.put_policy("shaken-logs", json.dumps(trail_policy("shaken-logs", arn("shaken"), ACCOUNT)))
    victim.begin()
    wait_for(lambda: _is_done(database, sum(map(len, load.event_ids.values()))), patience=120, pause=0.1)
    victim.kill()

    told = _told(folder.root / "told")
    for name, region in HOMES.items():
        assert len(load.event_ids[region]) > KILLS  # however slow the machine is
        files = _log_files(folder, f"{name}-logs")
        found = collections.Counter(event_id for records in files.values() for event_id in records)
        assert [one for one, times in found.items() if times > 1] == []
        assert set(found) == set(load.event_ids[region])
        assert set(files) <= set(told[name]), "a file that nobody heard of"
        print(f"{name}: {len(found)} events in {len(files)} files, {sum(told[name].values())} notices, {KILLS} kills")
        _check_chain(folder, name, began, len(files))


def _is_done(database: Database, head: int) -> bool:
    """Whether all is read, put, told of and covered by a digest."""
    with database.read() as connection:
        uncovered = plans.uncovered(connection, [Chain(trail, ACCOUNT, region) for trail, region in enumerate(HOMES.values(), 1)])
        return (
            Positions(database).get(FOLLOWER) >= head
            and not uncovered
            and not plans.files_waiting(connection)
            and not notices.trails(connection)
        )


def _told(path: Path) -> dict[str, collections.Counter[str]]:
    """Topic → key → how often it was named."""
    found: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
    for line in path.read_bytes().splitlines():
        topic_arn, message = json.loads(line)
        named = json.loads(message)
        name = topic_arn.rpartition(":")[2]
        assert named["s3Bucket"] == f"{name}-logs"
        found[name].update(named["s3ObjectKey"])
    return found


def _log_files(folder: DataFolder, bucket: str) -> dict[str, list[str]]:
    """Key → the ids of its events."""
    opened = ReadOnlyDatabase(folder.state)
    objects = BucketsInPlace(opened, folder.buckets)
    found: dict[str, list[str]] = {}
    for key, _ in objects.list(bucket, f"AWSLogs/{ACCOUNT}/CloudTrail/", ""):
        content = objects.read(bucket, key)
        assert content is not None
        found[key] = [record["eventID"] for record in json.loads(gzip.decompress(content.body))["Records"]]
    opened.close()
    return found


def _check_chain(folder: DataFolder, name: str, began: int, files: int) -> None:
    words = ["--trail-arn", arn(name), "--start-time", iso_seconds(began), "--local", "--digest-interval", "1", "--json"]
    command = [str(BIN / "opentrail"), "validate", *words, "--data-dir", str(folder.root)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    (chain,) = json.loads(done.stdout)["chains"]
    assert chain["valid"] is True, chain
    assert (chain["gaps"], chain["missingDigests"], chain["notCovered"]) == ([], [], [])
    assert chain["logFiles"] == {"valid": files, "invalid": 0}
    assert chain["digestFiles"]["valid"] > 1
