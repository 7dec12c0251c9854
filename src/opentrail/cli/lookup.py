"""`opentrail lookup`: search the event history, or the events that applications have put."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from botocore.exceptions import BotoCoreError, ClientError

from opentrail.cli.connection import DEFAULT_FOLDER, AsJson, DataDir, EndpointUrl, Region, connect, failure
from opentrail.cli.local_events import application_events
from opentrail.cli.tables import show
from opentrail.errors import SettingError
from opentrail.events.activity import CATEGORY as ACTIVITY
from opentrail.server.folder import DataFolder

KEYS = ("EventId", "EventName", "ReadOnly", "Username", "ResourceType", "ResourceName", "EventSource", "AccessKeyId")
MANAGEMENT = "Management"
NAMES = 10
"""Names of resources in a row of the table; `--json` has them all."""


def lookup(
    attribute: Annotated[str | None, typer.Argument(metavar="[KEY=VALUE]", help=f"One of {', '.join(KEYS)}.")] = None,
    start: Annotated[datetime | None, typer.Option(help="Not before this UTC time.")] = None,
    end: Annotated[datetime | None, typer.Option(help="Not after this UTC time.")] = None,
    category: Annotated[str, typer.Option(help=f"{MANAGEMENT}, or {ACTIVITY} for the events of your applications.")] = MANAGEMENT,
    most: Annotated[int, typer.Option(min=1, help="How many events at the most.")] = 50,
    data_dir: DataDir = DEFAULT_FOLDER,
    endpoint_url: EndpointUrl = None,
    region: Region = None,
    as_json: AsJson = False,
) -> None:
    """Find management events of the last 90 days, newest first.

    LookupEvents has no events of applications. `--category ActivityAuditLog` asks the running server of the data folder for them
    directly; only the folder's owner can.
    """
    if category not in (MANAGEMENT, ACTIVITY):
        raise SettingError(f"--category {category}: use {MANAGEMENT} or {ACTIVITY}.")
    question: dict[str, Any] = {}
    if attribute is not None:
        key, equals, value = attribute.partition("=")
        if not equals or key not in KEYS:
            raise SettingError(f"{attribute}: write KEY=VALUE with one of {', '.join(KEYS)}.")
        question["LookupAttributes"] = [{"AttributeKey": key, "AttributeValue": value}]
    if start is not None:
        question["StartTime"] = start.replace(tzinfo=UTC)
    if end is not None:
        question["EndTime"] = end.replace(tzinfo=UTC)
    if category == ACTIVITY:
        events = application_events(DataFolder(data_dir), question, region=region, most=most)
    else:
        client = connect(data_dir, endpoint_url, region).client("cloudtrail")
        try:
            pages = client.get_paginator("lookup_events").paginate(
                **question, PaginationConfig={"MaxItems": most, "PageSize": min(most, 50)}
            )
            events = [event for page in pages for event in page["Events"]]
        except (BotoCoreError, ClientError) as error:
            raise failure(error) from error
    if as_json:
        print(json.dumps([json.loads(event["CloudTrailEvent"]) for event in events], indent=2))
        return
    if not events:
        print("No events.")
        return
    rows = [_row(event, json.loads(event["CloudTrailEvent"])) for event in events]
    show(("Time (UTC)", "Event", "Source", "User", "Error", "Resources"), rows)


def _row(event: Mapping[str, Any], record: Mapping[str, Any]) -> tuple[str, ...]:
    names = list(dict.fromkeys(item.get("ResourceName", "") for item in event.get("Resources", [])))
    more = f" and {len(names) - NAMES} more" if len(names) > NAMES else ""
    return (
        event["EventTime"].astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S"),
        event["EventName"],
        event["EventSource"].removesuffix(".amazonaws.com"),
        event.get("Username", ""),
        record.get("eventData", record).get("errorCode", ""),
        ", ".join(names[:NAMES]) + more,
    )
