"""What the process of a query is told when it may run: the files of its stores, and how much it may take. Pure, but for the processors."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from opentrail.config import LakeSettings
from opentrail.lake.neighbours import Snapshot
from opentrail.lake.queries.narrowing import Part


def orders(
    snapshot: Snapshot, settings: LakeSettings, *, deliver: bool, scratch: Path, parts: Mapping[str, Sequence[Part]] | None = None
) -> dict[str, Any]:
    """As `child` takes them; `deliver` asks for the parts of a delivery too, `scratch` is for what an engine must write in between.

    `parts` has the stores of which only some is read.
    """
    narrowed = parts or {}
    threads = min(settings.query_threads or os.cpu_count() or 1, _pieces(snapshot, narrowed))
    return {
        "sources": [
            {
                "store_id": source.store_id,
                "files": [str(path) for path in (_paths(narrowed[source.store_id]) if source.store_id in narrowed else source.files)],
                "parts": [[str(part.path), part.rows, part.ranges] for part in narrowed.get(source.store_id, ())],
                "hot": [str(path) for path in source.hot],
                "oldest": source.oldest,
                "straddles": source.straddles,
                "events": source.events,
            }
            for source in snapshot.sources
        ],
        "threads": threads,
        "memory": settings.query_memory,
        "result_bytes": settings.query_result_bytes,
        "processor_time": int(settings.query_timeout * threads) + 60,
        "deliver": deliver,
        "scratch": str(scratch),
    }


def _pieces(snapshot: Snapshot, narrowed: Mapping[str, Sequence[Part]]) -> int | float:
    """How many threads can have something to read: one a row group. A thread more costs a millisecond."""
    if any(source.hot or source.store_id not in narrowed for source in snapshot.sources):
        return math.inf
    return max(sum(part.groups for parts in narrowed.values() for part in parts), 1)


def _paths(parts: Sequence[Part]) -> list[Path]:
    return [part.path for part in parts]
