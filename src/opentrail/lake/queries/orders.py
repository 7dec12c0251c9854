"""What the process of a query is told when it may run: the files of its stores, and how much it may take. Pure, but for the processors."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from opentrail.config import LakeSettings
from opentrail.lake.neighbours import Snapshot


def orders(snapshot: Snapshot, settings: LakeSettings, *, deliver: bool, scratch: Path) -> dict[str, Any]:
    """As `child` takes them; `deliver` asks for the parts of a delivery too, `scratch` is for what an engine must write in between."""
    threads = settings.query_threads or os.cpu_count() or 1
    return {
        "sources": [
            {
                "store_id": source.store_id,
                "files": [str(path) for path in source.files],
                "hot": [str(path) for path in source.hot],
                "oldest": source.oldest,
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
