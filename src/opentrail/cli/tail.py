"""`opentrail tail`: watch events as they are recorded."""

from __future__ import annotations

import json
import threading
from typing import Annotated

import typer

from opentrail.cli.connection import DEFAULT_FOLDER, AsJson, DataDir, NotSetUp
from opentrail.errors import JournalTrimmed
from opentrail.journal import Reader
from opentrail.server.folder import DataFolder


def tail(
    last: Annotated[int, typer.Option("--last", "-n", min=0, help="How many past events to show first.")] = 10,
    follow: Annotated[bool, typer.Option("--follow/--no-follow", help="Go on until interrupted.")] = True,
    data_dir: DataDir = DEFAULT_FOLDER,
    as_json: AsJson = False,
) -> None:
    """Print events the moment they are durable.

    They come straight from the journal of the data folder, which keeps only what its followers have not stored elsewhere yet: older
    ones are found by `opentrail lookup`.
    """
    folder = DataFolder(data_dir)
    if not folder.journal.exists():
        raise NotSetUp
    reader = Reader(folder.journal)
    position = max(reader.head() - last, reader.first() - 1)
    stop = threading.Event()
    try:
        while True:
            try:
                entries = reader.read(position, 500)
            except JournalTrimmed:  # the followers were faster than we
                position = max(position, reader.first() - 1)
                continue
            for entry in entries:
                print(entry.record.decode() if as_json else _line(entry.record), flush=True)
                position = entry.position
            if not entries:
                if not follow:
                    return
                reader.wait(position, 1.0, stop)
    except KeyboardInterrupt:
        return
    finally:
        reader.close()


def _line(record: bytes) -> str:
    event = json.loads(record)
    told = event.get("eventData", event)  # an event from outside AWS has its facts in there
    who = told["userIdentity"]
    name = who.get("arn") or who.get("invokedBy") or who.get("accessKeyId") or who.get("principalId") or who.get("type", "")
    error = f"  {told['errorCode']}" if told.get("errorCode") else ""
    source = told["eventSource"].removesuffix(".amazonaws.com")
    return f"{event['eventTime']}  {event['awsRegion']}  {source}:{told['eventName']}  {name}  {told.get('sourceIPAddress', '')}{error}"
