"""How many log events a second PutLogEvents keeps, and how many records a second a trail streams to its group.

    python bench/log_groups.py [--quick] [--out FILE]

The rooms themselves, without HTTP. Puts: many callers at once, each of whom waits until its batch is on disk, with batches of one event and
of a hundred. Streaming: records of a journal in memory, taken by one trail, until the last is in the group.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from part import Line, finish, options, work_folder
from sqlalchemy import Connection

from opentrail.clock import SystemClock
from opentrail.monitoring.logs import LogGroups, store
from opentrail.monitoring.logs.putting import chunk
from opentrail.monitoring.logs.values import Batch
from opentrail.storage.database import Database
from opentrail.trails import store as trails
from opentrail.trails.log_groups import LogGroupDelivery
from opentrail.trails.regions import known_regions

ACCOUNT, REGION = "123456789012", "us-east-1"
CALLERS = 32
MESSAGE = "x" * 500


class NoKeys:
    """No group here has a KMS key."""

    def generate_data_key(self, caller: object, key_id: str, context: object) -> object:
        raise AssertionError

    def decrypt(self, caller: object, ciphertext: bytes, context: object) -> bytes:
        raise AssertionError


@dataclass(frozen=True)
class Entry:
    """A record of the journal."""

    position: int
    record: bytes


class Records:
    """A journal in memory."""

    def __init__(self, count: int) -> None:
        made = {
            "eventName": "RunInstances",
            "eventSource": "ec2.amazonaws.com",
            "eventTime": "2026-01-05T10:11:12Z",
            "eventCategory": "Management",
            "eventType": "AwsApiCall",
            "readOnly": False,
            "managementEvent": True,
            "awsRegion": REGION,
            "recipientAccountId": ACCOUNT,
            "userIdentity": {"type": "IAMUser", "userName": "alice"},
            "pad": "x" * 900,
        }
        self.entries = [Entry(n + 1, json.dumps({**made, "eventID": str(n)}).encode()) for n in range(count)]

    def head(self) -> int:
        return len(self.entries)

    def first(self) -> int:
        return 1

    def read(self, after: int, limit: int) -> Sequence[Entry]:
        return self.entries[after : after + limit]


class Groups:
    """The group of the trail, as if its role had been asked."""

    def __init__(self, logs: LogGroups) -> None:
        self._logs = logs

    def prepare(
        self, *, log_group_arn: str, role_arn: str, source_arn: str, stream: str, events: Sequence[tuple[int, str]]
    ) -> Callable[[Connection], None]:
        group = self._logs.control.group(ACCOUNT, REGION, "g")
        values = chunk(self._logs.sealing, group, Batch(events=tuple(events)), int(time.time() * 1000))

        def put(connection: Connection) -> None:
            found = store.stream(connection, group.id, stream) or store.add_stream(connection, group.id, stream, 0)
            store.add_chunk(connection, found, values)

        return put


def puts(logs: LogGroups, seconds: float, batch: int) -> float:
    """Events a second by `CALLERS` callers."""
    until, made, lock = time.perf_counter() + seconds, 0, threading.Lock()

    def caller(stream: str) -> None:
        nonlocal made
        while time.perf_counter() < until:
            now = int(time.time() * 1000)
            logs.putting.put(ACCOUNT, REGION, "g", stream, [{"timestamp": now, "message": MESSAGE} for _ in range(batch)])
            with lock:
                made += batch

    begin = time.perf_counter()
    threads = [threading.Thread(target=caller, args=(f"s{number}",)) for number in range(CALLERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return made / (time.perf_counter() - begin)


def streaming(folder: Path, logs: LogGroups, monitoring: Database, records: int) -> float:
    """Records a second from the journal into the group."""
    state = Database.at(folder / "state.db")
    state.create(trails.METADATA)
    with state.begin() as connection:
        key = trails.add_trail(
            connection,
            {
                "account_id": ACCOUNT,
                "home_region": REGION,
                "name": "t",
                "arn": f"arn:aws:cloudtrail:{REGION}:{ACCOUNT}:trail/t",
                "s3_bucket_name": "logs",
                "include_global_service_events": True,
                "is_multi_region_trail": True,
                "log_file_validation_enabled": False,
                "recursive_logging": True,
                "is_logging": True,
                "cloud_watch_logs_log_group_arn": "g",
                "cloud_watch_logs_role_arn": "r",
                "log_group_since": 0,
            },
        )
        trails.open_window(connection, key, 0)
    delivery = LogGroupDelivery(
        state,
        monitoring,
        SystemClock(),
        journal=Records(records),
        regions=known_regions(),
        groups=Groups(logs),
        promise=lambda position: None,
    )
    begin = time.perf_counter()
    while delivery.position < records:
        delivery.step()
    taken = time.perf_counter() - begin
    state.close()
    return records / taken


def main() -> None:
    """Measure and tell."""
    asked = options(__doc__)
    seconds, records = (1.0, 10_000) if asked.quick else (5.0, 100_000)
    with work_folder() as name:
        folder = Path(name)
        monitoring = Database.at(folder / "monitoring.db")
        logs = LogGroups(monitoring, SystemClock(), keys=NoKeys())  # type: ignore[arg-type]
        logs.control.create_group(ACCOUNT, REGION, "g", partition="aws")
        for number in range(CALLERS):
            logs.control.create_stream(ACCOUNT, REGION, "g", f"s{number}")
        single, hundred = puts(logs, seconds, 1), puts(logs, seconds, 100)
        streamed = streaming(folder, logs, monitoring, records)
        logs.close()
        monitoring.close()
    lines = [
        Line(what=f"PutLogEvents of one event, {CALLERS} callers", reached=f"{single:,.0f} events/s"),
        Line(what=f"PutLogEvents of a hundred, {CALLERS} callers", reached=f"{hundred:,.0f} events/s"),
        Line(what="A trail streams to its group", reached=f"{streamed:,.0f} records/s"),
    ]
    finish(lines, {"one": single, "hundred": hundred, "streamed": streamed}, asked)


if __name__ == "__main__":
    main()
