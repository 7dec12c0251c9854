"""What a manifest says of a file is what PyIceberg says of it, for the first file and for those that are like it."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.io.pyarrow import parquet_file_to_data_file
from pyiceberg.table import Table

from opentrail.eventstore.entries import Entries

SCHEMA = pa.schema([pa.field("at", pa.int64()), pa.field("who", pa.struct([pa.field("name", pa.string())]))])


@pytest.fixture(name="table")
def _table(tmp_path: Path) -> Table:
    catalog = SqlCatalog("c", uri=f"sqlite:///{tmp_path}/c.db", warehouse=f"file://{tmp_path}")
    catalog.create_namespace("n")
    return catalog.create_table("n.t", SCHEMA)


def _file(path: Path, numbers: list[int]) -> str:
    pq.write_table(pa.Table.from_pylist([{"at": number, "who": {"name": str(number)}} for number in numbers], SCHEMA), path)
    return str(path)


def test_an_entry_is_pyicebergs_for_every_file(table: Table, tmp_path: Path) -> None:
    made = Entries()
    for number in range(3):
        place = _file(tmp_path / f"{number}.parquet", [number, 7, 10 * number])
        entry = made.of(table.io, table.metadata, place)
        expected = parquet_file_to_data_file(table.io, table.metadata, place)
        assert [entry[at] for at in range(len(entry))] == [expected[at] for at in range(len(expected))]
        assert entry.spec_id == 0


def test_a_file_of_other_columns_is_refused_behind_one_that_fits(table: Table, tmp_path: Path) -> None:
    made = Entries()
    made.of(table.io, table.metadata, _file(tmp_path / "a.parquet", [1]))
    pq.write_table(pa.table({"else": [1]}), tmp_path / "b.parquet")
    with pytest.raises(ValueError, match="else"):
        made.of(table.io, table.metadata, str(tmp_path / "b.parquet"))
