"""What stands behind `opentrail integrate`: the data folder, the calls, and the loop that fetches."""

from __future__ import annotations

import json
import signal
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError
from sqlalchemy.exc import SQLAlchemyError

from opentrail.cli.connection import Connection, failure, root_key
from opentrail.cli.failures import CallFailed
from opentrail.clock import SystemClock
from opentrail.errors import OpenTrailError
from opentrail.events.activity import DEFAULT_CHANNEL
from opentrail.identity.vault import Vault
from opentrail.lake import names
from opentrail.lake.channels import store as channels
from opentrail.lake.channels.channel import channel_arn
from opentrail.lake.integrations.feeds import FEEDS, FeedTrouble
from opentrail.lake.integrations.fetching import Fetch
from opentrail.lake.integrations.mapping import Mapped, Unmapped
from opentrail.lake.integrations.pulling import NotTaken, Puller, Put, put_all, written
from opentrail.lake.integrations.store import IntegrationStore
from opentrail.lake.names import Place
from opentrail.server.folder import DataFolder
from opentrail.storage.database import Database
from opentrail.wire.faults import Fault

LONGEST_LINE: Final = 16 << 20
"""Bytes of one line."""
LONGEST_PAUSE: Final = 300.0
"""Seconds between two attempts while something is wrong."""


class SetUp:
    """A data folder in which OpenTrail has been started. Raises `NotSetUp`."""

    def __init__(self, data_dir: Path, region: str | None, *, connection: Connection | None = None) -> None:
        folder = DataFolder(data_dir)
        told = folder.read_address()
        self._endpoint = told.get("endpoint", "http://127.0.0.1:4747")
        self._region = region or (connection.region if connection is not None else None) or told.get("region") or "us-east-1"
        self._account_id = told.get("account_id") or root_key(folder)["account_id"]
        self._database = Database.at(folder.state)
        self.integrations = IntegrationStore(self._database, Vault.open(folder.keys))

    def __enter__(self) -> SetUp:
        return self

    def __exit__(self, *_: object) -> None:
        self._database.close()

    def channel_arn(self, given: str | None) -> str:
        """The ARN of a channel of this folder; the default one comes by itself. Raises `CallFailed`."""
        place = Place(partition="aws", region=self._region, account_id=self._account_id)
        try:
            arn = channel_arn(place) if given is None else names.channel(given, place).arn
        except Fault as error:
            raise CallFailed(error.message) from error
        self._database.create(channels.METADATA)
        with self._database.read() as connection:
            there = channels.channel(connection, arn) is not None or (
                arn.endswith(DEFAULT_CHANNEL) and not channels.is_declined(connection, arn)
            )
        if not there:
            raise CallFailed(f"There is no channel {arn}: make it first (aws cloudtrail create-channel).")
        return arn

    def since(self, given: str) -> float:
        """Epoch seconds. Raises `CallFailed`."""
        try:
            found = datetime.fromisoformat(given)
        except ValueError:
            raise CallFailed(f"{given} is no time: give one like 2026-01-05T00:00:00Z.") from None
        return (found if found.tzinfo is not None else found.replace(tzinfo=UTC)).timestamp()

    def webhook(self, name: str) -> str:
        """The URL that a sender is told."""
        return f"{self._endpoint.rstrip('/')}/_opentrail/webhooks/{name}"


def put_by(connection: Connection) -> Put:
    """PutAuditEvents, by botocore, which tries again what passes. Each Region has a client."""
    clients: dict[str, Any] = {}
    lock = threading.Lock()

    def put(channel_arn: str, entries: Sequence[Mapping[str, str]]) -> Sequence[Mapping[str, str]]:
        region = channel_arn.split(":")[3]
        with lock:
            client = clients.get(region)
            if client is None:
                client = clients[region] = connection.client("cloudtrail-data", region)
        try:
            failed: Sequence[Mapping[str, str]] = client.put_audit_events(channelArn=channel_arn, auditEvents=list(entries))["failed"]
        except (BotoCoreError, ClientError) as error:
            raise failure(error) from error
        return failed

    return put


class Running:
    """Fetches until it is told to stop; one thread for each integration."""

    def __init__(self, store: IntegrationStore, connection: Connection, *, every: float, once: bool, tell: Callable[[str], None]) -> None:
        self._store = store
        self._every = every
        self._once = once
        self._tell = tell
        self._stop = threading.Event()
        self._well = True
        trust = ssl.create_default_context(cafile=connection.ca_bundle) if connection.ca_bundle else None
        self._puller = Puller(store, Fetch(trust=trust), put_by(connection), SystemClock())

    def stop(self) -> None:
        """Come to an end after the step that is being done."""
        self._stop.set()

    def run(self, wanted: Sequence[str]) -> bool:
        """Returns whether all went well at the last. Raises `CallFailed` where there is nothing to fetch."""
        there = [one.name for one in self._store.all() if one.kind.name in FEEDS]
        for name in wanted:
            if name not in there:
                raise CallFailed(f"{name} is no integration that is fetched: `opentrail integrate list` shows them.")
        if not (wanted or there):
            raise CallFailed("There is nothing to fetch: `opentrail integrate add` sets an integration up.")
        threads = [threading.Thread(target=self._follow, args=(name,), name=name) for name in wanted or there]
        for thread in threads:
            thread.start()
        for thread in threads:
            while thread.is_alive():
                thread.join(0.5)  # signals are heard in between
        return self._well

    def _follow(self, name: str) -> None:
        pause = 1.0
        while not self._stop.is_set():
            try:
                step = self._puller.step(name)
            except (OpenTrailError, SQLAlchemyError) as error:
                told = str(error) if isinstance(error, OpenTrailError) else "the data folder is busy"
                self._tell(f"{name}: {told}")
                self._ails(name, told)
                if self._once and not isinstance(error, NotTaken):
                    self._well = False
                    return
                wait = error.wait if isinstance(error, FeedTrouble) and error.wait is not None else pause
                pause = min(2 * pause, LONGEST_PAUSE)
                self._stop.wait(wait)
                continue
            pause = 1.0
            if step.taken or step.refused:
                self._tell(f"{name}: {step.taken} events" + (f", {step.refused} refused ({step.why})" if step.refused else ""))
            if not step.more:
                if self._once:
                    return
                self._stop.wait(self._every)

    def _ails(self, name: str, told: str) -> None:
        try:
            self._store.ails(name, told)
        except SQLAlchemyError:
            self._tell(f"{name}: the data folder is busy")


@contextmanager
def stopping(stop: Callable[[], None]) -> Iterator[None]:
    """SIGTERM and SIGINT call `stop`."""
    before = {number: signal.signal(number, lambda *_: stop()) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@dataclass(slots=True)
class Lines:
    """What became of the lines of a file."""

    taken: int = 0
    wrong: list[tuple[int, str]] = field(default_factory=list)
    """Number of the line, and why it is no event."""


def lines_put(lines: Iterable[bytes], mapped: Mapped, arn: str, put: Put) -> Lines:
    """Put one event for each line, a hundred at a time. Raises `CallFailed` when the server does not take them; those before are there."""
    told = Lines()
    gathered: list[Mapping[str, Any]] = []
    numbers: list[int] = []
    account_id = arn.split(":")[4]

    def send() -> None:
        if not gathered:
            return
        refused = _refusals(gathered, numbers, mapped, arn, account_id, put)
        told.wrong += refused
        told.taken += len(gathered) - len(refused)
        gathered.clear()
        numbers.clear()

    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        event = _event(line)
        if isinstance(event, str):
            told.wrong.append((number, event))
            continue
        try:
            mapped.event_data(event, account_id=account_id)
        except Unmapped as error:
            told.wrong.append((number, str(error)))
            continue
        gathered.append(event)
        numbers.append(number)
        if len(gathered) == 100:
            send()
    send()
    told.wrong.sort()
    return told


def _event(line: bytes) -> Mapping[str, Any] | str:
    if len(line) > LONGEST_LINE:
        return "It is longer than 16 MB."
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return "It is not JSON."
    return found if isinstance(found, dict) else "It is no JSON object."


def _refusals(
    events: Sequence[Mapping[str, Any]], numbers: Sequence[int], mapped: Mapped, arn: str, account_id: str, put: Put
) -> list[tuple[int, str]]:
    """The lines that are refused. What a request refuses is found by the text that it was."""
    lines = {written(mapped.event_data(event, account_id=account_id)): number for event, number in zip(events, numbers, strict=True)}
    refused: list[tuple[int, str]] = []

    def noting(channel_arn: str, entries: Sequence[Mapping[str, str]]) -> Sequence[Mapping[str, str]]:
        failed = put(channel_arn, entries)
        texts = {entry["id"]: entry["eventData"] for entry in entries}
        refused.extend((lines[texts[one["id"]]], one.get("errorMessage", "")) for one in failed if one["errorCode"] != "Throttling")
        return failed

    put_all(events, mapped, arn, account_id, noting)
    return refused
