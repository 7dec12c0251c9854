"""What a manifest says of a data file: PyIceberg's own account, without the check of its schema for each of many files that are alike.

That check is most of what an entry costs with columns within columns: 10 ms a file.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pyiceberg.io import FileIO
from pyiceberg.io.pyarrow import (
    compute_statistics_plan,
    data_file_statistics_from_parquet_metadata,
    parquet_file_to_data_file,
    parquet_path_to_id_mapping,
)
from pyiceberg.manifest import DataFile, DataFileContent, FileFormat
from pyiceberg.table.metadata import TableMetadata


class Entries:
    """Makes the entries of one table. One thread at a time."""

    def __init__(self) -> None:
        self._checked: tuple[int, dict[str, str], pa.Schema] | None = None
        """The table's schema (its id) and properties, and the schema of a file that fits them."""
        self._plan: tuple[Any, Any] = (None, None)

    def of(self, io: FileIO, metadata: TableMetadata, place: str) -> DataFile:
        """The entry of the file at `place`. Raises `ValueError` when its columns are not the table's."""
        given = io.new_input(place)
        with given.open() as stream:
            told = pq.read_metadata(stream)
        schema = told.schema.to_arrow_schema()
        now = (metadata.current_schema_id, dict(metadata.properties))
        if self._checked is None or self._checked[:2] != now or not self._checked[2].equals(schema):
            entry = parquet_file_to_data_file(io, metadata, place)
            self._plan = (compute_statistics_plan(metadata.schema(), metadata.properties), parquet_path_to_id_mapping(metadata.schema()))
            self._checked = (*now, schema)
        else:
            plan, ids = self._plan
            found = data_file_statistics_from_parquet_metadata(parquet_metadata=told, stats_columns=plan, parquet_column_mapping=ids)
            entry = DataFile.from_args(
                content=DataFileContent.DATA,
                file_path=place,
                file_format=FileFormat.PARQUET,
                partition=found.partition(metadata.spec(), metadata.schema()),
                file_size_in_bytes=len(given),
                sort_order_id=None,
                spec_id=metadata.default_spec_id,
                equality_ids=None,
                key_metadata=None,
                **found.to_serialized_dict(),
            )
        entry.spec_id = metadata.default_spec_id  # PyIceberg sets it on entries it has read, and needs it on all
        return entry
