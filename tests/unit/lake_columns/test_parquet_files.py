"""The files that `write` leaves: DuckDB reads them, sorted, with filters on the names people search for."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from opentrail.eventstore.parquet import ROW_GROUP
from opentrail.lake.columns import ARROW, to_table, write
from opentrail.lake.columns.parquet import STYLES
from opentrail.lake.families import Family


def _table(family: Family, times: list[int]) -> pa.Table:
    records = [
        (
            f'{{"eventTime":"2026-01-05T10:{time // 60:02}:{time % 60:02}Z","eventID":"e-{number}","requestParameters":{{"n":{number}}},'
            f'"userIdentity":{{"accessKeyId":"AKIAEXAMPLE{number}"}},"resources":[{{"ARN":"arn:aws:s3:::b-{number}"}}]}}'
        ).encode()
        for number, time in enumerate(times)
    ]
    return to_table(family, records, range(100, 100 + len(records))).table


@pytest.mark.parametrize("family", Family)
def test_a_file_comes_back_as_it_went_in_sorted(family: Family, tmp_path: Path) -> None:
    table = _table(family, [30, 10, 20, 10])
    write(tmp_path / "a.parquet", family, table)
    found = pq.read_table(tmp_path / "a.parquet")
    assert found.schema.equals(STYLES[family].whole)
    assert found.select(ARROW[family].names).equals(table.take([1, 3, 2, 0]))


def test_an_empty_table_is_a_file_too(tmp_path: Path) -> None:
    write(tmp_path / "a.parquet", Family.EVENTS, _table(Family.EVENTS, []))
    assert pq.read_table(tmp_path / "a.parquet").num_rows == 0


def test_duckdb_reads_every_kind_of_column_by_its_name(tmp_path: Path) -> None:
    write(tmp_path / "a.parquet", Family.EVENTS, _table(Family.EVENTS, [5, 6]))
    statement = f"""
        SELECT eventtime::VARCHAR, useridentity.accesskeyid, requestparameters['n'], resources[1].arn, position
        FROM '{tmp_path}/a.parquet' WHERE eventid = 'e-1'"""
    assert duckdb.sql(statement).fetchall() == [("2026-01-05 10:00:06", "AKIAEXAMPLE1", "1", "arn:aws:s3:::b-1", 101)]


def test_what_people_search_for_has_a_bloom_filter(tmp_path: Path) -> None:
    write(tmp_path / "a.parquet", Family.EVENTS, _table(Family.EVENTS, [5]))
    found = duckdb.sql(
        f"SELECT replace(path_in_schema, ', ', '.') FROM parquet_metadata('{tmp_path}/a.parquet') WHERE bloom_filter_offset IS NOT NULL"
    )
    assert {name for (name,) in found.fetchall()} == {"eventid", "requestid", "useridentity.accesskeyid", "resources.list.element.arn"}


def test_row_groups_stay_small(tmp_path: Path) -> None:
    few = _table(Family.EVENTS, [1])
    write(tmp_path / "a.parquet", Family.EVENTS, pa.concat_tables([few] * (ROW_GROUP + 1)).combine_chunks())
    file = pq.ParquetFile(tmp_path / "a.parquet")
    assert [file.metadata.row_group(number).num_rows for number in range(file.num_row_groups)] == [ROW_GROUP, 1]


def test_the_columns_of_usual_keys_say_what_the_maps_say(tmp_path: Path) -> None:
    said = ('"a"', '"a","bucketName":"b"', "null", '{"a": [1]}', '""', '"a","BucketName":"b"')
    given = [*(f'{{"bucketName":{one}}}' for one in said), '"{}"', "null", "1"]
    records = [f'{{"eventTime":"2026-01-05T10:11:12Z","requestParameters":{one}}}'.encode() for one in given]
    write(tmp_path / "a.parquet", Family.EVENTS, to_table(Family.EVENTS, records, range(len(records))).table)
    found = pq.read_table(tmp_path / "a.parquet")
    own = found["requestparameters/bucketName"].to_pylist()
    assert own == ["a", "b", None, '{"a":[1]}', "", "a", None, None, None]
    assert own == [dict(one or ()).get("bucketName") for one in found["requestparameters"].to_pylist()]
