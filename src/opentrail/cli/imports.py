"""`opentrail import`: delivered log files, from a directory or a bucket, become events of an event data store."""

from __future__ import annotations

import json
import os
import sys
import time
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from opentrail.cli import import_calls, import_role
from opentrail.cli.calls import Caller
from opentrail.cli.connection import DEFAULT_FOLDER, AsJson, Connection, DataDir, EndpointUrl, Region
from opentrail.cli.progress import Progress
from opentrail.cli.reach import connect
from opentrail.cli.tables import show
from opentrail.errors import SettingError
from opentrail.server.folder import DataFolder

MOST_SHOWN = 20
"""Failures that are printed; `--json` prints all."""


def import_files(
    source: Annotated[str, typer.Argument(help="A directory on the server's machine, or s3://BUCKET[/PREFIX/].")],
    store: Annotated[
        str | None, typer.Option("--store", help="The event data store: name, ID or ARN. A name that does not exist is made.")
    ] = None,
    start: Annotated[str | None, typer.Option("--from", help="Leave files alone that are older (2026-01-05, or with a time; UTC).")] = None,
    end: Annotated[str | None, typer.Option("--to", help="Leave files alone that are younger; a date includes its whole day.")] = None,
    role_arn: Annotated[str | None, typer.Option("--role-arn", help="The role that reads the bucket; made when none is named.")] = None,
    category: Annotated[
        str, typer.Option("--category", help=f"What a store that is made holds: {', '.join(import_calls.CATEGORIES)}.")
    ] = "Management",
    detach: Annotated[bool, typer.Option("--detach", help="Start the import and leave it to the server.")] = False,
    data_dir: DataDir = DEFAULT_FOLDER,
    endpoint_url: EndpointUrl = None,
    region: Region = None,
    as_json: AsJson = False,
) -> None:
    """Import log files into an event data store, each file once.

    Ctrl-C stops the import; the same command again goes on: files that are in the store already are known by their content. Exit
    code 1: something could not be imported; it is listed.
    """
    if category not in import_calls.CATEGORIES:
        raise SettingError(f"--category {category}: use one of {', '.join(import_calls.CATEGORIES)}.")
    window = (_moment(start, "--from", last=False), _moment(end, "--to", last=True))
    connection = connect(data_dir, endpoint_url, region)
    caller = Caller(connection)

    def say(line: str) -> None:
        print(line, file=sys.stderr if as_json else sys.stdout, flush=True)

    try:
        arn = import_calls.destination(caller, connection.region, store, category, say)
        began = time.monotonic()
        if source.startswith("s3://"):
            import_id = _from_bucket(caller, connection, source, arn, role_arn, window, say)
            total = None
        else:
            path = Path(source).absolute()
            import_id = _from_directory(caller, connection.region, DataFolder(data_dir), path, arn, window)
            total = _count(path)
        if detach:
            print(json.dumps({"ImportId": import_id}) if as_json else f"The server goes on with import {import_id}.")
            return
        found = _followed(caller, connection.region, import_id, total, say)
        failed = import_calls.failures(caller, connection.region, import_id)
        if as_json:
            print(json.dumps({**found, "Failures": failed}, indent=2))
        else:
            _tell(found, failed, time.monotonic() - began)
    finally:
        caller.close()
    if found["ImportStatus"] != "COMPLETED":
        raise typer.Exit(1)


def _from_bucket(
    caller: Caller,
    connection: Connection,
    source: str,
    arn: str,
    role_arn: str | None,
    window: tuple[float | None, float | None],
    say: Callable[[str], None],
) -> str:
    bucket = source.removeprefix("s3://").partition("/")[0]
    if role_arn is None:
        role_arn = import_role.role_for(connection, bucket, arn.split(":")[4])
        say(f"The bucket is read with the role {role_arn}.")
    where = {
        "S3LocationUri": source,
        "S3BucketRegion": import_role.region_of(connection, bucket),
        "S3BucketAccessRoleArn": role_arn,
    }
    parameters: dict[str, Any] = {"Destinations": [arn], "ImportSource": {"S3": where}}
    parameters |= {name: at for name, at in zip(("StartEventTime", "EndEventTime"), window, strict=True) if at is not None}
    return import_calls.start_bucket(caller, connection.region, parameters)


def _from_directory(
    caller: Caller, region: str, folder: DataFolder, path: Path, arn: str, window: tuple[float | None, float | None]
) -> str:
    if not path.is_dir():
        raise SettingError(f"{path} is not a directory. Name a directory with log files in it, or s3://BUCKET.")
    _, partition, _, _, account_id, _ = arn.split(":", 5)
    asked = {
        "import_id": str(uuid.uuid4()),
        "place": {"partition": partition, "region": region, "account_id": account_id},
        "destination": arn,
        "location": path.resolve().as_uri(),
        "start": window[0],
        "end": window[1],
    }
    return import_calls.start_directory(caller, region, folder, asked)


def _followed(caller: Caller, region: str, import_id: str, total: int | None, say: Callable[[str], None]) -> dict[str, Any]:
    progress = Progress("Importing", sys.stderr)

    def tell(found: Mapping[str, Any]) -> None:
        counted = found["ImportStatistics"]
        files, events = counted["FilesCompleted"] + counted["FailedEntries"], counted["EventsCompleted"]
        if total is not None:
            progress.measure(files, total, f"files, {events:,} events")
        else:
            words = f"prefixes, {files:,} files, {events:,} events"
            progress.measure(counted["PrefixesCompleted"], counted["PrefixesFound"], words)

    try:
        return import_calls.follow(caller, region, import_id, tell)
    except KeyboardInterrupt:
        caller.cloudtrail("StopImport", {"ImportId": import_id}, region)
        progress.erase()
        say("Stopped. The same command again goes on: what is in the store is known there.")
        raise typer.Exit(130) from None
    finally:
        progress.erase()


def _tell(found: Mapping[str, Any], failed: list[dict[str, Any]], seconds: float) -> None:
    counted = found["ImportStatistics"]
    files, events = counted["FilesCompleted"], counted["EventsCompleted"]
    store = found["Destinations"][0].rpartition("/")[2]
    rate = f", {events / seconds:,.0f} events/s" if events and seconds >= 1 else ""
    print(f"{found['ImportStatus']}: {files:,} files, {events:,} new events into {store} in {seconds:.1f} s{rate}.")
    if files and not events:
        print("The store had all of them already, or they have outlived its retention.")
    if failed:
        print(f"{len(failed):,} could not be imported, or not whole:")
        shown = [(one["ErrorType"], one["Location"], one["ErrorMessage"]) for one in failed[:MOST_SHOWN]]
        show(("Error", "Location", "What is wrong"), shown)
        if len(failed) > MOST_SHOWN:
            print(f"... and {len(failed) - MOST_SHOWN:,} more: `aws cloudtrail list-import-failures --import-id {found['ImportId']}`.")


def _count(path: Path) -> int:
    """About how many files there are; links are not followed."""
    return sum(name.endswith((".json", ".gz")) for _, _, names in os.walk(path) for name in names)


def _moment(given: str | None, option: str, *, last: bool) -> float | None:
    """Epoch seconds of a date or a date with time; of a mere date its first or `last` moment. Raises `SettingError`."""
    if given is None:
        return None
    try:
        found = datetime.fromisoformat(given)
    except ValueError:
        raise SettingError(f"{option} {given}: write a date like 2026-01-05, or a time like 2026-01-05T10:15:00Z.") from None
    found = found if found.tzinfo is not None else found.replace(tzinfo=UTC)
    return (found + timedelta(days=1, seconds=-1) if last and len(given) == 10 else found).timestamp()
