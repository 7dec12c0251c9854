"""The columns of usual keys: in every file of a store's table, whatever was done to it, and unseen by readers of the table."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from pyiceberg.table import StaticTable

from opentrail.clock import ManualClock
from opentrail.eventstore.cold import ColdStore
from opentrail.lake.columns import ARROW, to_table, write
from opentrail.lake.families import Family
from opentrail.lake.tables.layouts import layout
from opentrail.lake.tables.tables import StoreTables
from opentrail.lake.usual_keys import MARKS, USUAL_KEYS
from simulators.event_journal import DAY, EventJournal, made
from simulators.store_tables import KnownStores, files_on_disk

Opened = Callable[..., StoreTables]
BUCKETS = ["requestparameters", "requestparameters/bucketName"]


def _buckets(folder: Path, store: str) -> dict[str, str]:
    """Event → its bucket, by the hidden column, which says in each file what the map says."""
    found = {}
    for path in files_on_disk(folder, store):
        assert path.name.startswith(MARKS[Family.EVENTS])
        table = pq.read_table(path, partitioning=None)
        assert table.column_names == [*ARROW[Family.EVENTS].names, *USUAL_KEYS[Family.EVENTS]]
        for row in table.select(["eventid", *BUCKETS]).to_pylist():
            assert dict(row["requestparameters"]) == {"bucketName": row["requestparameters/bucketName"]}
            found[row["eventid"]] = row["requestparameters/bucketName"]
    return found


def _event(number: int, **more: Any) -> bytes:
    return made(number, requestParameters={"bucketName": f"b-{number}"}, **more)


def _appended(tables: StoreTables, store: str, records: list[bytes]) -> None:
    draft = tables.draft(store)
    write(draft, Family.EVENTS, to_table(Family.EVENTS, records, range(len(records))).table)
    tables.append(store, [draft], token=str(uuid.uuid4()))


def test_commits_compaction_retention_and_appends_keep_them(
    opened: Opened, journal: EventJournal, stores: KnownStores, clock: ManualClock, tmp_path: Path
) -> None:
    store = stores.make(retention=7)
    tables = opened(compaction_files=2, retention_slack=0, retention_interval=60.0)
    for number in range(4):
        journal.append(_event(number, age=(6 * DAY + 1800, 0)[number % 2]))
        tables.step()
        tables.commit()
    assert _buckets(tmp_path / "lake", store) == {f"event-{number}": f"b-{number}" for number in range(4)}
    records = [_event(number, age=age) for number, age in ((4, 0), (5, 2 * DAY), (6, 6 * DAY))]
    _appended(tables, store, records)  # of several days: cut
    expected = {f"event-{number}": f"b-{number}" for number in range(7)}
    assert _buckets(tmp_path / "lake", store) == expected
    for _ in range(4):
        clock.advance(61)
        tables.step()  # compaction
    tables.step()
    snapshot = tables.snapshot([store], at_least=0, patience=1.0)
    files = snapshot.sources[0].files
    snapshot.release()
    assert len(files) < 7
    assert _buckets(tmp_path / "lake", store) == expected
    clock.advance(DAY - 900)  # the file of two events that are too old now, and one that is not
    for _ in range(3):
        clock.advance(61)
        tables.step()
    assert _buckets(tmp_path / "lake", store) == {
        event: bucket for event, bucket in expected.items() if event not in ("event-0", "event-2")
    }


def test_readers_of_the_table_see_nothing_of_them(opened: Opened, journal: EventJournal, stores: KnownStores) -> None:
    store = stores.make()
    tables = opened()
    journal.append(_event(1), _event(2))
    tables.step()
    tables.commit()
    table = StaticTable.from_metadata(str(tables.location(store)))
    assert [field.name for field in table.schema().fields] == ARROW[Family.EVENTS].names
    for scan in (table.scan(), table.scan(row_filter="eventid == 'event-2'"), table.scan(selected_fields=("eventid", "requestparameters"))):
        assert "requestparameters/bucketName" not in scan.to_arrow().column_names
    assert table.scan().to_arrow().column_names == ARROW[Family.EVENTS].names
    assert sorted(table.scan().to_arrow()["requestparameters"].to_pylist()) == [[("bucketName", "b-1")], [("bucketName", "b-2")]]
    assert table.scan(row_filter="eventid == 'event-2'").to_arrow()["requestparameters"].to_pylist() == [[("bucketName", "b-2")]]


def test_a_table_that_was_made_with_other_keys_learns_of_these(tmp_path: Path) -> None:
    now = layout("00000000-0000-4000-8000-000000000001", Family.EVENTS)
    before = {name: getattr(now, name) for name in ("table", "home", "schema", "time", "day", "pruned", "write")}
    first = ColdStore(tmp_path, type(now)(**before))
    metadata = first.metadata
    first.close()
    second = ColdStore(tmp_path, now)
    assert second.metadata != metadata
    table = StaticTable.from_metadata(str(second.metadata))
    assert set(USUAL_KEYS[Family.EVENTS]) <= {name for field in table.name_mapping() or () for name in field.names}
    third = ColdStore(tmp_path, now)
    assert third.metadata == second.metadata  # and once is enough
    second.close()
    third.close()
