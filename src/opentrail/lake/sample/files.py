"""Writing a sample: one delivered log file per slot, and a manifest of what there is to find."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any, Final

import deflate

from opentrail.events import logfile
from opentrail.lake.sample.calls import WORK, Call
from opentrail.lake.sample.cast import Session, session
from opentrail.lake.sample.incident import Happening, as_json, facts, incident
from opentrail.lake.sample.plan import HOME, BadPlan, Plan, Slot
from opentrail.lake.sample.records import iso, record
from opentrail.lake.sample.scene import scene

MANIFEST: Final = "sample.json"
"""Beside `AWSLogs`: what was written, and the facts of the incident."""
_PER_SESSION: Final = 20
"""Calls of a session within a file, about."""
_LEVEL: Final = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What was written."""

    files: int
    events: int
    bytes_compressed: int
    bytes_uncompressed: int
    incident: dict[str, Any]


def write(folder: Path, plan: Plan, advance: Callable[[], None] = lambda: None) -> Summary:
    """Write the sample into `folder`, which must be new or empty; `advance` is called after each file. Raises `BadPlan`."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BadPlan(f"{folder} is not empty. Give a folder that is new.")
    found = facts(plan)
    extra = _by_slot(plan, incident(plan, found), found.account_id)
    files = events = compressed = uncompressed = 0
    for slot in plan.slots():
        random = Random(f"{plan.seed}/{slot.account_id}/{slot.region}/{slot.number}")
        path = folder / slot.key(random)
        entries = _entries(random, slot, extra.get((slot.region, slot.number), []) if slot.account_id == found.account_id else [])
        text = logfile.write(entries)
        packed = bytes(deflate.gzip_compress(text, _LEVEL))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(packed)
        files += 1
        events += len(entries)
        compressed += len(packed)
        uncompressed += len(text)
        advance()
    summary = Summary(files=files, events=events, bytes_compressed=compressed, bytes_uncompressed=uncompressed, incident=as_json(found))
    (folder / MANIFEST).write_text(json.dumps(_manifest(plan, summary), indent=2) + "\n")
    return summary


def _manifest(plan: Plan, summary: Summary) -> dict[str, Any]:
    return {
        "seed": plan.seed,
        "from": iso(int(plan.start.timestamp())),
        "until": iso(int(plan.until.timestamp())),
        "accounts": plan.account_ids(),
        "regions": sorted({region for _, region, _ in plan.places()}),
        "files": summary.files,
        "events": summary.events,
        "incident": summary.incident,
    }


def _by_slot(plan: Plan, happened: list[Happening], account_id: str) -> dict[tuple[str, int], list[Happening]]:
    """Region and number of the slot → the happenings in its time."""
    found = defaultdict(list)
    slots = [slot for slot in plan.slots() if slot.account_id == account_id]
    for one in happened:
        slot = next(slot for slot in slots if slot.region == one.region and slot.start <= one.second < slot.end)
        found[slot.region, slot.number].append(one)
    return found


def _entries(random: Random, slot: Slot, extra: list[Happening]) -> list[bytes]:
    """The records of one file, in order of time."""
    span = slot.end - slot.start
    seconds = sorted(slot.start + random.randrange(span) for _ in range(slot.events)) if span else []
    started = iso(slot.start - random.randrange(60, 3_000))
    sessions = [session(random, slot.account_id, started) for _ in range(3 + slot.events // _PER_SESSION)]
    arns = {one.identity: json.loads(one.identity)["arn"] for one in sessions}
    found = [(second, _one(random, random.choice(sessions), arns, slot, second)) for second in seconds]
    found += [(one.second, one.record) for one in extra]
    return [text for _, text in sorted(found, key=lambda one: one[0])]


def _one(random: Random, by: Session, arns: dict[str, str], slot: Slot, second: int) -> bytes:
    calls, weights = _CALLS[by.actor.work, slot.region == HOME]
    call = random.choices(calls, cum_weights=weights)[0]
    error = call.error if call.fails and random.random() < call.fails else None
    return record(random, by, call, scene(random, slot.account_id, slot.region), second, arn=arns[by.identity], error=error)


def _choice(work: str, home: bool) -> tuple[tuple[Call, ...], list[int]]:
    calls = tuple(call for call in WORK[work] if home or call.everywhere)
    weights = [0]
    for call in calls:
        weights.append(weights[-1] + call.weight)
    assert all(before < after for before, after in pairwise(weights))
    return calls, weights[1:]


_CALLS: Final = {(work, home): _choice(work, home) for work in WORK for home in (True, False)}
