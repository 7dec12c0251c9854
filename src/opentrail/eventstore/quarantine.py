"""Records that cannot be read as events: kept byte for byte beside the store, so that nothing is lost and nothing stops."""

from __future__ import annotations

import logging
from pathlib import Path

from opentrail.eventstore.files import make_directory, write_durably

_log = logging.getLogger(__name__)


class Quarantine:
    """One file per record in `folder`, named by its journal position; taking in the same record again changes nothing."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        make_directory(folder)
        self.count = sum(1 for _ in folder.glob("*.record"))
        """How many records are held."""

    def keep(self, position: int, record: bytes, reason: str) -> None:
        """Hold `record`; on disk on return."""
        path = self._folder / f"{position:020d}.record"
        if path.exists():
            return
        write_durably(path, record)
        self.count += 1
        _log.error("the record at journal position %d is no event record and is kept as %s: %s", position, path, reason)
