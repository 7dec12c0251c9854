"""What a manifest says of a data file: PyIceberg's own account, without the check of its schema for each of many files that are alike.

That check is most of what an entry costs with columns within columns: 10 ms a file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

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
from pyiceberg.schema import Schema
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.table.name_mapping import MappedField, NameMapping
from pyiceberg.types import NestedField, StringType

FIRST_HIDDEN: Final = 1_000_000_000
"""The id of the first hidden column: beyond any that a table's schema will come to."""


class Entries:
    """Makes the entries of one table. One thread at a time."""

    def __init__(self, hidden: Sequence[str] = ()) -> None:
        """`hidden` are text columns that files have, and the table does not know."""
        self._hidden = numbered(hidden)
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
            whole = self._whole(metadata)
            entry = parquet_file_to_data_file(io, whole, place)
            self._plan = (compute_statistics_plan(whole.schema(), whole.properties), parquet_path_to_id_mapping(whole.schema()))
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

    def _whole(self, metadata: TableMetadata) -> TableMetadata:
        """`metadata` of a table that knows the hidden columns."""
        if not self._hidden:
            return metadata
        fields = [NestedField(number, name, StringType()) for name, number in self._hidden.items()]
        known = metadata.schema()
        schema = Schema(*known.fields, *fields, schema_id=known.schema_id)
        others = [one for one in metadata.schemas if one.schema_id != known.schema_id]
        return metadata.model_copy(update={"schemas": [*others, schema]})


def numbered(hidden: Sequence[str]) -> Mapping[str, int]:
    """Hidden columns with the ids that they have in the table's name mapping, and nowhere else."""
    return {name: FIRST_HIDDEN + number for number, name in enumerate(hidden)}


def name_mapping(schema: Schema, hidden: Sequence[str]) -> str:
    """The name mapping of a table's files, as JSON. A reader that resolves names needs an id for each, and then leaves out what the
    schema has not."""
    own = [MappedField.model_validate({"field-id": number, "names": [name]}) for name, number in numbered(hidden).items()]
    return NameMapping([*schema.name_mapping, *own]).model_dump_json()
