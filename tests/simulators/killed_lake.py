"""A whole server that is killed, role by role or all at once, while clients call, tell, import and ask; what it must have afterwards."""

from __future__ import annotations

import collections
import contextlib
import gzip
import json
import os
import random
import sqlite3
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import duckdb
import psutil
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError
from pyiceberg.table import StaticTable

from opentrail.clock import SystemClock, iso_seconds
from simulators.audit_events import event_data
from simulators.lake_imports import event, log_key
from simulators.running import RunningOpenTrail, wait_for

DAY = 86_400
FILES = 40
"""Log files of one import."""
EVENTS = 15
"""Events of a log file."""
NO_ANSWER = (BotoCoreError, ClientError, ResponseParserError)
"""What a client sees of a server that was killed: nothing, half an answer, or that a role is away."""


class Clients:
    """Those who use the server, each in a thread: they go on through every death until `stop`, and note what was answered."""

    def __init__(self, opentrail: RunningOpenTrail, channel: str, stores: Sequence[str]) -> None:
        self._opentrail = opentrail
        self._channel = channel
        self._stores = stores
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self.called: list[str] = []
        """Request ids of calls that were answered."""
        self.told: list[str] = []
        """UIDs of audit events that were taken: one is sent again and again until it is."""
        self.errors: list[BaseException] = []

    def start(self) -> None:
        self._stop.clear()
        works = (self._call, self._tell, self._ask)
        self._threads = [threading.Thread(target=self._guarded, args=(work,), daemon=True) for work in works]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """What is under way is brought to its end: the server must be up."""
        self._stop.set()
        for thread in self._threads:
            thread.join()
        assert not self.errors, self.errors

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:
            self.errors.append(error)

    def _until_answered(self, call: Callable[[], Any]) -> Any:
        def tried() -> Any:
            with contextlib.suppress(*NO_ANSWER):
                return call()
            return None

        return wait_for(tried, patience=180, pause=0.1)

    def _call(self) -> None:
        sts = self._opentrail.client("sts")
        while not self._stop.wait(0.05):
            with contextlib.suppress(*NO_ANSWER):
                self.called.append(sts.get_caller_identity()["ResponseMetadata"]["RequestId"])

    def _tell(self) -> None:
        data = self._opentrail.client("cloudtrail-data")
        while not self._stop.wait(0.2):
            uids = [f"uid-{len(self.told) + number}" for number in range(10)]
            entries = [{"id": uid, "eventData": json.dumps(event_data(UID=uid))} for uid in uids]
            answer = self._until_answered(lambda entries=entries: data.put_audit_events(channelArn=self._channel, auditEvents=entries))
            assert answer["failed"] == []
            self.told += uids

    def _ask(self) -> None:
        """Queries that may die with the server: they hold files while it merges and drops."""
        cloudtrail = self._opentrail.client("cloudtrail")
        while not self._stop.wait(1.0):
            with contextlib.suppress(*NO_ANSWER):
                cloudtrail.start_query(QueryStatement=" UNION ALL ".join(f"SELECT count(*) FROM {store}" for store in self._stores))


class KilledLake:
    """One server with three stores: of calls, of what a channel tells, and of imports, whose retention becomes shorter."""

    def __init__(self, opentrail: RunningOpenTrail, dice: random.Random) -> None:
        self.opentrail = opentrail
        self.dice = dice
        self._groups = {_pid(opentrail)}
        client = opentrail.client("cloudtrail")
        outside = [{"FieldSelectors": [{"Field": "eventCategory", "Equals": ["ActivityAuditLog"]}]}]
        self.calls = _made(client, "calls")
        self.outside = _made(client, "outside", AdvancedEventSelectors=outside, MultiRegionEnabled=False)
        self.retention = 60
        self.imported = _made(client, "imported", StartIngestion=False, RetentionPeriod=self.retention)
        self._import_arn = client.get_event_data_store(EventDataStore=self.imported)["EventDataStoreArn"]
        destination = [{"Type": "EVENT_DATA_STORE", "Location": self.outside}]
        channel = client.create_channel(Name="outside", Source="Custom", Destinations=destination)["ChannelArn"]
        self.clients = Clients(opentrail, channel, (self.calls, self.outside, self.imported))
        self.files: collections.Counter[str] = collections.Counter()
        """What was imported: event id → the age that it had then, days and a half."""

    def shorten(self) -> None:
        """Retention drops one day more."""
        wanted = self.retention - 1

        def done() -> bool:
            with contextlib.suppress(*NO_ANSWER):
                client = self.opentrail.client("cloudtrail")
                client.update_event_data_store(EventDataStore=self._import_arn, RetentionPeriod=wanted)
                return True
            return False

        wait_for(done, patience=180)
        self.retention = wanted

    def write_logs(self, folder: Path) -> Path:
        """Log files of days that the store keeps, and of some that it does not."""
        now = SystemClock().time()
        for number in range(FILES):
            age = self.dice.randrange(70)
            ids = [str(uuid.UUID(int=self.dice.getrandbits(128))) for _ in range(EVENTS)]
            at = iso_seconds(now - age * DAY - DAY // 2)
            # A file is named by the time when it was made, which is after its events: what is too old by its name is not opened.
            path = folder / log_key(number, day=iso_seconds(now - age * DAY + DAY // 2)[:10].replace("-", "/"))
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(gzip.compress(json.dumps({"Records": [event(one, at) for one in ids]}).encode(), 1))
            self.files.update(dict.fromkeys(ids, age))
        return folder

    def import_all(self, folder: Path) -> None:
        """`opentrail import`, typed again until the server has all of it. It must be up in the end."""

        def done() -> bool:
            said = self.opentrail.opentrail("import", str(folder), "--store", self._import_arn, "--json", check=False, timeout=300)
            return said.returncode == 0

        wait_for(done, patience=300)

    def kill(self, name: str) -> None:
        """SIGKILL to the process of a role, or to `all` of the server, which is then started again."""
        if name == "all":
            self.opentrail.kill()
            self.opentrail.start(patience=240)
            self._groups.add(_pid(self.opentrail))
            return
        found = self.opentrail.role(name)
        if found is not None:  # it may be dead from the last time
            with contextlib.suppress(psutil.NoSuchProcess):
                found.kill()

    def healthy(self) -> None:
        """Wait until the supervisor has put everything up again."""

        def well() -> bool:
            with contextlib.suppress(OSError, ValueError):
                return bool(self.opentrail.health()["status"] == "ok")
            return False

        wait_for(well, patience=180)

    def left_over(self) -> list[int]:
        """The processes that this server has begun in any of its lives and that run still."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, ProcessLookupError):
                if os.getpgid(process.pid) in self._groups and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process.pid)
        return found

    # What must be there

    def check(self) -> None:
        """By SQL: each event that was acknowledged once, none twice; on disk: nothing that a table does not name."""
        called = [cell for (cell,) in self.rows(f"SELECT requestID FROM {self.calls} WHERE eventName = 'GetCallerIdentity'")]
        found = collections.Counter(called)
        assert [one for one, times in found.items() if times > 1] == []
        assert set(self.clients.called) <= set(found)
        counted = self.rows(f"SELECT count(*), count(DISTINCT eventData.uid) FROM {self.outside} WHERE addendum IS NULL")
        assert counted == [[str(len(self.clients.told))] * 2], counted
        assert self.rows(f"SELECT count(*) FROM {self.outside} WHERE addendum IS NOT NULL") == [["0"]]
        kept = sum(age < self.retention for age in self.files.values())
        counted = self.rows(f"SELECT count(*), count(DISTINCT eventID) FROM {self.imported}")
        assert counted == [[str(kept)] * 2], (counted, kept)
        for store in (self.calls, self.outside, self.imported):
            self._settles(store)
        client = self.opentrail.client("cloudtrail")
        for status in ("QUEUED", "RUNNING"):
            wait_for(lambda status=status: not client.list_queries(EventDataStore=self.calls, QueryStatus=status)["Queries"], patience=240)

    def rows(self, statement: str) -> list[list[str]]:
        """What a query answers with, over all pages."""
        client = self.opentrail.client("cloudtrail")
        query = client.start_query(QueryStatement=statement)["QueryId"]
        ended = wait_for(lambda: _ended(client, query), patience=180)
        assert ended["QueryStatus"] == "FINISHED", ended
        found: list[list[str]] = []
        more: dict[str, str] = {}
        while True:
            page = client.get_query_results(QueryId=query, **more)
            found += [[next(iter(cell.values())) for cell in row] for row in page["QueryResultRows"]]
            if "NextToken" not in page:
                return found
            more = {"NextToken": page["NextToken"]}

    def _settles(self, store: str) -> None:
        """Wait until the store's files are in order."""
        try:
            wait_for(lambda: not self._disorder(store), patience=120, pause=0.2)
        except AssertionError as error:
            raise AssertionError(f"{store}: {self._disorder(store)}") from error

    def _disorder(self, store: str) -> str:
        """What is wrong, where not every file of the store is named by a state of its table, or one holds what is too old."""
        home = self.home(store)
        try:
            table = _table(home)
            snapshots = table.metadata.snapshots
            named = {path for one in snapshots for path in _files(table, one.snapshot_id)}
            manifests = {_local(entry.manifest_path) for one in snapshots for entry in one.manifests(table.io)}
            manifests |= {_local(one.manifest_list) for one in snapshots}
            now = _files(table, None) if snapshots else set()
        except OSError:
            return "it went on while we looked"
        lying = {path for path in home.rglob("*") if path.is_file() and path.name[-14:] != ".metadata.json"}
        if lying != named | manifests:
            return f"nobody names {lying - named - manifests}, missing are {(named | manifests) - lying}"
        if store != self.imported or not now:
            return ""
        ((oldest,),) = duckdb.sql("SELECT min(epoch(eventtime)) FROM read_parquet($now)", params={"now": sorted(map(str, now))}).fetchall()
        return "" if oldest >= time.time() - self.retention * DAY else f"there is an event of {oldest:.0f}, kept are {self.retention} days"

    def home(self, store: str) -> Path:
        """The folder of the store's table."""
        return self.opentrail.data / "lake" / "stores" / store / "table"

    def read_by_others(self) -> None:
        """PyIceberg and DuckDB read each table, and agree; for a server that is down."""
        for store in (self.calls, self.outside, self.imported):
            table = _table(self.home(store))
            scanned = collections.Counter(table.scan(selected_fields=("eventid",)).to_arrow()["eventid"].to_pylist())
            files = sorted(map(str, _files(table, None)))
            found = duckdb.sql("SELECT eventid FROM read_parquet($files)", params={"files": files}).fetchall()
            assert scanned == collections.Counter(name for (name,) in found)
            assert set(scanned.values()) == {1}
            assert len(list((self.home(store) / "metadata").glob("*.metadata.json"))) <= 12


def _pid(opentrail: RunningOpenTrail) -> int:
    assert opentrail.process is not None
    return opentrail.process.pid


def _made(client: Any, name: str, **given: Any) -> str:
    made = client.create_event_data_store(Name=name, TerminationProtectionEnabled=False, **given)
    arn: str = made["EventDataStoreArn"]
    return arn.rpartition("/")[2]


def _ended(client: Any, query: str) -> Any:
    found = client.describe_query(QueryId=query)
    return found if found["QueryStatus"] not in ("QUEUED", "RUNNING") else None


def _table(home: Path) -> StaticTable:
    """The table as its catalog has it now: the newest file of metadata may be half written, or of a commit that did not happen."""
    catalog = sqlite3.connect(f"{(home.parent / 'catalog.db').as_uri()}?mode=ro", uri=True, timeout=60)
    try:
        ((where,),) = catalog.execute("SELECT metadata_location FROM iceberg_tables").fetchall()
    finally:
        catalog.close()
    return StaticTable.from_metadata(where)


def _files(table: StaticTable, snapshot: int | None) -> set[Path]:
    return {_local(task.file.file_path) for task in table.scan(snapshot_id=snapshot).plan_files()}


def _local(where: str) -> Path:
    return Path(where.removeprefix("file://"))
