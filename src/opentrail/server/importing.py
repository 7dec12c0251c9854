"""The imports of the role `lake`: the importer with all that it needs, and the question by which the owner of the data folder has a
directory imported."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from opentrail.clock import Clock
from opentrail.lake.faults import InvalidImportSourceException
from opentrail.lake.imports.control import Imports, Wanted
from opentrail.lake.imports.importer import Importer
from opentrail.lake.imports.run import Neighbourhood
from opentrail.lake.imports.workers import Workers
from opentrail.lake.names import Place
from opentrail.lake.neighbours import Stores, Tables
from opentrail.server.import_sources import Sources
from opentrail.storage.database import Database


class Importing:
    """`run` is for a thread of its own; `answers` belong among those of the lake."""

    def __init__(self, database: Database, clock: Clock, *, stores: Stores, tables: Tables, sources: Sources) -> None:
        self._imports = Imports(database, clock, stores=stores, sources=sources)
        self._importer = Importer(
            Neighbourhood(database=database, clock=clock, stores=stores, tables=tables, converts=Workers(), open=sources.open)
        )
        self.answers: Mapping[str, Callable[[Any], Any]] = {"import_directory": self._import_directory}
        """Only the owner of the data folder can ask, by the lake's socket: no call over HTTP reaches this."""

    def run(self, stop: threading.Event) -> None:
        """Import until `stop` is set."""
        self._importer.run(stop)

    def _import_directory(self, asked: Any) -> dict[str, Any]:
        """Start an import from a directory: `import_id`, `place`, `destination`, `location` (a `file://` URL), `start`, `end`."""
        root = Path(unquote(urlsplit(asked["location"]).path))
        if not root.is_absolute() or not root.is_dir():
            raise InvalidImportSourceException(f"{root} is not a directory that the server can read.")
        wanted = Wanted(
            destination=asked["destination"],
            location=asked["location"],
            start_event_time=asked["start"],
            end_event_time=asked["end"],
        )
        made = self._imports.start_directory(Place(**asked["place"]), wanted, asked["import_id"])
        return {"ImportId": made.id, "ImportStatus": made.status}
