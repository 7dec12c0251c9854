"""The imports of the role `lake`: the importer with all that it needs, and the question by which the owner of the data folder has a
directory imported."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from opentrail.buckets import Buckets, ObjectKeys
from opentrail.clock import Clock
from opentrail.identity import Identities
from opentrail.kms import KeyManagement
from opentrail.lake.faults import InvalidImportSourceException
from opentrail.lake.imports.control import Imports, Wanted
from opentrail.lake.imports.importer import Importer
from opentrail.lake.imports.run import Neighbourhood
from opentrail.lake.imports.workers import Workers
from opentrail.lake.names import Place
from opentrail.lake.neighbours import Stores, Tables
from opentrail.proxy import Upstreams
from opentrail.server.folder import DataFolder
from opentrail.server.import_sources import Sources
from opentrail.server.roles import Orders
from opentrail.storage.database import Database
from opentrail.storage.outbox import Outbox


class Importing:
    """`run` is for a thread of its own; `answers` belong among those of the lake."""

    def __init__(self, orders: Orders, database: Database, clock: Clock, *, stores: Stores, tables: Tables) -> None:
        settings = orders.settings
        folder = DataFolder(orders.data_dir)
        outbox = Outbox(database)
        identities = Identities(database, folder.keys, clock, account_id=settings.identity.account_id, outbox=outbox)
        kms = KeyManagement(database, folder.keys, clock, outbox=outbox, identities=identities)
        self._buckets = Buckets(database, folder.buckets, clock)
        upstreams = Upstreams.parse(orders.upstreams, sandbox=orders.sandbox)
        sources = Sources(settings, upstreams, self._buckets, identities, clock, keys=ObjectKeys(kms.service_keys))
        self._imports = Imports(database, clock, stores=stores, sources=sources)
        self._importer = Importer(
            Neighbourhood(database=database, clock=clock, stores=stores, tables=tables, converts=Workers(), open=sources.open)
        )
        self.answers: Mapping[str, Callable[[Any], Any]] = {"import_directory": self._import_directory}
        """Only the owner of the data folder can ask, by the lake's socket: no call over HTTP reaches this."""

    def run(self, stop: threading.Event) -> None:
        """Import until `stop` is set."""
        self._importer.run(stop)

    def close(self) -> None:
        """After `run` has returned."""
        self._buckets.close()

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
