"""The tokens of appends that were done, so that none is done twice: a line each in a file beside the table.

The token of an append is in the summary of its own snapshot first, and is noted here before that snapshot may be forgotten.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path

from opentrail.eventstore.files import sync_directory


class Appends:
    """The notes in the file `path`. One thread at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        written = path.read_bytes() if path.exists() else b""
        whole = written[: written.rfind(b"\n") + 1]  # a crash may have left half a line
        if whole != written:
            with path.open("r+b") as file:
                file.truncate(len(whole))
                os.fsync(file.fileno())
        self._tokens: set[str] = {json.loads(line) for line in whole.splitlines()}

    def __contains__(self, token: str) -> bool:
        return token in self._tokens

    def note(self, tokens: Iterable[str]) -> None:
        """Note `tokens`; on disk on return."""
        fresh = [token for token in tokens if token not in self._tokens]
        if not fresh:
            return
        is_new = not self._path.exists()
        with self._path.open("ab") as file:
            file.write("".join(json.dumps(token) + "\n" for token in fresh).encode())
            file.flush()
            os.fsync(file.fileno())
        if is_new:
            sync_directory(self._path.parent)
        self._tokens.update(fresh)
