"""What `opentrail import` asks of a server: the store, the import, how far it is, what failed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from opentrail.cli.calls import Refused
from opentrail.cli.failures import CallFailed, NotSetUp
from opentrail.cli.question import Calls, chosen, stores
from opentrail.link import Link
from opentrail.server.folder import DataFolder
from opentrail.wire.faults import Fault

DEFAULT_STORE: Final = "imported-logs"
RETENTION: Final = 3653
"""Days that a store keeps events which is made here: as many as there can be, for logs are imported because they are old."""
CATEGORIES: Final = ("Management", "Insight", "ConfigurationItem")
ONGOING: Final = ("INITIALIZING", "IN_PROGRESS")
SHORTEST, LONGEST = 0.05, 1.0
"""Seconds between two looks at an import."""


def destination(calls: Calls, region: str, wanted: str | None, category: str, say: Callable[[str], None]) -> str:
    """The ARN of the store that is meant; one that is not there is made. Raises `CallFailed`."""
    known = stores(calls, region)
    is_name = wanted is not None and ":" not in wanted and wanted not in known
    if (wanted is None and not known) or (is_name and wanted not in known.values()):
        name = wanted or DEFAULT_STORE
        parameters: dict[str, Any] = {
            "Name": name,
            "RetentionPeriod": RETENTION,
            "StartIngestion": False,
            "TerminationProtectionEnabled": False,
            "AdvancedEventSelectors": [{"FieldSelectors": [{"Field": "eventCategory", "Equals": [category]}]}],
        }
        if category != "Management":
            parameters["MultiRegionEnabled"] = True
        made: str = calls.cloudtrail("CreateEventDataStore", parameters, region)["EventDataStoreArn"]
        say(f"Made the event data store {name}, which takes in nothing but imports ({made.rpartition('/')[2]}).")
        return made
    found = calls.cloudtrail("GetEventDataStore", {"EventDataStore": chosen(wanted, known)}, region)
    arn: str = found["EventDataStoreArn"]
    return arn


def start_bucket(calls: Calls, region: str, parameters: Mapping[str, Any]) -> str:
    """Start an import from a bucket, or find the one that is under way for the same; its id. Raises `CallFailed`."""
    try:
        started: str = calls.cloudtrail("StartImport", parameters, region)["ImportId"]
    except Refused as refused:
        source = parameters["ImportSource"]["S3"]["S3LocationUri"]
        return _under_way(calls, region, refused, source, parameters["Destinations"][0])
    return started


def start_directory(calls: Calls, region: str, folder: DataFolder, asked: Mapping[str, Any]) -> str:
    """The same from a directory, asked by the socket that only the owner of the data folder can open. Raises `CallFailed`, `NotSetUp`."""
    link = folder.read_address().get("lake_link")
    if not link:
        raise NotSetUp(
            f"No server has run in {folder.root}. A directory is read by the server itself: name its data folder with --data-dir, or put "
            "the files into a bucket and import s3://BUCKET."
        )
    try:
        started: str = asyncio.run(_asked(Path(link), asked))["ImportId"]
    except Fault as fault:
        return _under_way(calls, region, Refused("StartImport", fault.code, fault.message), asked["location"], asked["destination"])
    return started


def follow(
    calls: Calls, region: str, import_id: str, tell: Callable[[Mapping[str, Any]], None], pause: Callable[[float], None] = time.sleep
) -> dict[str, Any]:
    """Look at an import until it has ended, telling how far it is. Raises `CallFailed`."""
    wait = SHORTEST
    while True:
        found = calls.cloudtrail("GetImport", {"ImportId": import_id}, region)
        tell(found)
        if found["ImportStatus"] not in ONGOING:
            return found
        pause(wait)
        wait = min(wait * 1.5, LONGEST)


def failures(calls: Calls, region: str, import_id: str) -> list[dict[str, Any]]:
    """What could not be imported. Raises `CallFailed`."""
    found: list[dict[str, Any]] = []
    parameters: dict[str, Any] = {"ImportId": import_id}
    while True:
        page = calls.cloudtrail("ListImportFailures", parameters, region)
        found += [one for one in page.get("Failures", ()) if one["Status"] != "SUCCEEDED"]
        if not page.get("NextToken"):
            return found
        parameters = {**parameters, "NextToken": page["NextToken"]}


def _under_way(calls: Calls, region: str, refused: Refused, source: str, store: str) -> str:
    """The import of the same source into the same store that is the reason of the refusal; raises the refusal otherwise."""
    if refused.code != "AccountHasOngoingImportException":
        raise refused
    for status in ONGOING:
        for one in calls.cloudtrail("ListImports", {"ImportStatus": status, "Destination": store}, region).get("Imports", ()):
            found = calls.cloudtrail("GetImport", {"ImportId": one["ImportId"]}, region)
            if found["ImportSource"]["S3"]["S3LocationUri"] == source:
                return str(one["ImportId"])
    raise CallFailed(f"{refused} (`aws cloudtrail list-imports` shows it.)")


async def _asked(path: Path, payload: Any) -> Any:
    link = Link(path, patience=5.0)
    try:
        return await link.ask("import_directory", payload)
    finally:
        await link.close()
