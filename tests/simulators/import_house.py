"""An importer over simulated neighbours, one step at a time."""

from __future__ import annotations

import threading
from pathlib import Path

from opentrail.clock import ManualClock
from opentrail.lake.imports.control import Imports, Wanted
from opentrail.lake.imports.importer import Importer
from opentrail.lake.imports.run import Neighbourhood
from opentrail.lake.imports.values import ONGOING, Failure, Import
from opentrail.lake.names import Place
from opentrail.storage.database import Database
from simulators.lake_imports import (
    ACCOUNT,
    REGION,
    STORE,
    FolderTables,
    InProcess,
    KnownStores,
    MemorySource,
    MemorySources,
    event_data_store,
)

PLACE = Place(partition="aws", region=REGION, account_id=ACCOUNT)


class House:
    """Control plane and importer over one database."""

    def __init__(self, folder: Path) -> None:
        self.clock = ManualClock()
        self.database = Database.at(folder / "state.db")
        self.stores = KnownStores(event_data_store())
        self.tables = FolderTables(folder / "tables")
        self.source = MemorySource()
        self.sources = MemorySources(self.source)
        self.converts = InProcess()
        self.imports = Imports(self.database, self.clock, stores=self.stores, sources=self.sources)
        self.stop = threading.Event()

    def importer(self) -> Importer:
        """A new one, as after a start."""
        return Importer(
            Neighbourhood(
                database=self.database,
                clock=self.clock,
                stores=self.stores,
                tables=self.tables,
                converts=self.converts,
                open=self.sources.open,
            )
        )

    def start(self, location: str = "s3://example-logs", **more: float) -> str:
        """Ask for an import; returns its id."""
        wanted = Wanted(
            destination=STORE,
            location=location,
            bucket_region=REGION,
            role_arn=f"arn:aws:iam::{ACCOUNT}:role/Importer",
            start_event_time=more.get("start"),
            end_event_time=more.get("end"),
        )
        return self.imports.start(PLACE, wanted).id

    def work(self, importer: Importer | None = None) -> None:
        """Do all that is to be done."""
        worker = importer or self.importer()
        while worker.step(self.stop):
            pass

    def run(self, location: str = "s3://example-logs", **more: float) -> Import:
        """Import to the end."""
        import_id = self.start(location, **more)
        self.work()
        found = self.get(import_id)
        assert found.status not in ONGOING
        return found

    def get(self, import_id: str) -> Import:
        return self.imports.get(ACCOUNT, REGION, import_id)

    def failures(self, import_id: str) -> list[Failure]:
        return self.imports.failures(ACCOUNT, REGION, import_id)[0]
