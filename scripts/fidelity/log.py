"""The real log: its records in the order they happened, and which operation of botocore made each."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from opentrail.events import logfile, names
from opentrail.wire.models import Catalogue

Plain = dict[str, Any]
Kind = tuple[str, str]
"""`eventSource`, `eventName`."""

NO_CALL = "no API call (sign-in, or an event of the service)"
NO_OPERATION = "no operation of botocore's models makes it (console and agents only)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One record of the log."""

    number: int
    real: Plain
    service: str
    operation: str

    @property
    def kind(self) -> Kind:
        return self.real["eventSource"], self.real["eventName"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """What is to be replayed, and the kinds that cannot be, with the reason."""

    account: str
    region: str
    records: int
    events: tuple[Event, ...]
    left_out: dict[Kind, str]

    @property
    def kinds(self) -> set[Kind]:
        return {event.kind for event in self.events} | set(self.left_out)


def read(folder: Path, catalogue: Catalogue) -> Log:
    """The records of every log file in `folder`. Raises `SystemExit` when there are none."""
    plain = [json.loads(entry) for file in sorted(folder.glob("**/*.json")) for entry in logfile.read(file.read_bytes())]
    if not plain:
        raise SystemExit(f"{folder}: no CloudTrail log files (*.json, already decompressed) in it.")
    plain.sort(key=lambda record: str(record["eventTime"]))
    operations = _operations({record["eventSource"] for record in plain}, catalogue)
    events: list[Event] = []
    left_out: dict[Kind, str] = {}
    for record in plain:
        kind = record["eventSource"], record["eventName"]
        candidates = operations.get(kind, [])
        if record["eventType"] != "AwsApiCall":
            left_out[kind] = NO_CALL
        elif not candidates:
            left_out[kind] = NO_OPERATION
        else:
            service, operation = _chosen(record, candidates)
            events.append(Event(number=len(events), real=record, service=service, operation=operation))
    return Log(
        account=str(plain[0]["recipientAccountId"]),
        region=str(plain[0]["awsRegion"]),
        records=len(plain),
        events=tuple(events),
        left_out=left_out,
    )


def _operations(sources: set[str], catalogue: Catalogue) -> dict[Kind, list[tuple[str, str]]]:
    found: dict[Kind, list[tuple[str, str]]] = defaultdict(list)
    for service in catalogue.listings:
        model = catalogue.service(service).model
        if names.event_source(model) in sources:
            for operation in sorted(model.operation_names, key=lambda name: model.operation_model(name).deprecated):
                found[names.event_source(model), names.event_name(model.operation_model(operation))].append((service, operation))
    return found


def _chosen(record: Plain, candidates: list[tuple[str, str]]) -> tuple[str, str]:
    """Services that share a source are told apart by `apiVersion`, else by its name; of two operations the one that is in use."""
    version = record.get("apiVersion")
    namesake = str(record["eventSource"]).partition(".")[0]
    of_version = (one for one in candidates if version and names.api_version(one[0]) == version)
    return next(of_version, next((one for one in candidates if one[0] == namesake), candidates[0]))
