"""Records become rows as the reference of Lake SQL says, §1.1 and §2; pairs in `tests/golden/lake_columns`."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from opentrail.lake.columns import ARROW, Refused, to_table
from opentrail.lake.families import Family
from opentrail.lake.schema import COLUMNS

GOLDEN = Path(__file__).parents[2] / "golden" / "lake_columns" / "records.jsonl"
PAIRS = [json.loads(line) for line in GOLDEN.read_text().splitlines()]
DELIVERED = Path(__file__).resolve().parents[4] / "shared/data/delivered-log-files"
TIME = "2026-01-05T10:11:12Z"


@pytest.mark.parametrize("pair", PAIRS, ids=[pair["note"] for pair in PAIRS])
def test_a_record_becomes_the_row(pair: dict[str, Any], rows: Any) -> None:
    record = pair["record"].encode()
    converted = to_table(Family(pair["family"]), [record], range(7, 8))
    assert converted.refused == ()
    original = {"eventjson": pair["record"], "eventjsonchecksum": base64.b64encode(hashlib.sha256(record).digest()).decode()}
    assert rows(converted.table) == [{"position": 7, **pair["row"], **original}]


def test_every_column_of_every_family_is_in_a_golden_pair() -> None:
    seen = {(pair["family"], column) for pair in PAIRS for column in pair["row"]}
    named = {(family.value, column.name) for family, columns in COLUMNS.items() for column in columns}
    free = {(family.value, name) for family in Family for name in ("eventjson", "eventjsonchecksum")}
    free |= {("evidence", name) for name in ("addendum", "awsregion", "recipientaccountid")}
    free |= {("events", "responseelements"), ("events", "insightdetails"), ("configuration", "addendum")}
    assert seen >= named - free


def test_the_schema_is_position_and_then_the_columns() -> None:
    for family, schema in ARROW.items():
        assert schema.names == ["position", *(column.name for column in COLUMNS[family])]
        assert not schema.field("position").nullable


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (b"", "truncated"),
        (b"null", "object"),
        (b"[]", "object"),
        (b'{"eventTime":"2026-01-05T10:11:12Z"', "truncated"),
        (b'{"eventTime":"2026-01-05T10:11:12Z","a":nope}', "malformed"),
        (b'{"eventTime":"2026-01-05T10:11:12Z","a":"\xff"}', "byte 41 is not UTF-8"),
        (b'{"eventName":"GetUser"}', "it has no eventTime"),
        (b'{"eventTime":null}', "eventTime null is not a time"),
        (b'{"eventTime":"noon"}', 'eventTime "noon" is not a time'),
        (b'{"eventTime":"2026-02-30T10:11:12Z"}', "is not a time"),
        (b'{"eventTime":"1969-12-31T23:59:59Z"}', "is not a time"),
        (b'{"eventTime":"0001-01-01T00:00:00+23:59"}', "is not a time"),
        (b'{"eventTime":"9999-12-31T23:59:59-01:00"}', "is not a time"),
        (b'{"eventTime":"2026-01-05T10:11:12Z","a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested too deeply"),
    ],
)
def test_what_is_no_event_is_refused_and_the_others_go_on(record: bytes, reason: str) -> None:
    good = b'{"eventTime":"2026-01-05T10:11:12Z","eventID":"good"}'
    converted = to_table(Family.EVENTS, [good, record, good], [5, 6, 9])
    assert converted.table["position"].to_pylist() == [5, 9]
    [refused] = converted.refused
    assert isinstance(refused, Refused)
    assert refused.index == 1
    assert reason in refused.reason


def test_no_records_are_an_empty_table() -> None:
    for family in Family:
        assert to_table(family, [], range(0)).table.schema == ARROW[family]


def test_a_leap_second_is_the_first_of_the_next_minute(rows: Any) -> None:
    [row] = rows(to_table(Family.EVENTS, [b'{"eventTime":"2016-12-31T23:59:60Z"}'], range(1)).table)
    assert row["eventtime"] == "2017-01-01T00:00:00"


_NAMES = sorted({"eventTime", "insightDetails", "insightContext", "eventData", "statistics", "attributions", "insight", "ARN", "eventID"})
_KNOWN = sorted({column.name for columns in COLUMNS.values() for column in columns} | set(_NAMES) | {"sessionContext", "attributes"})
_TEXT = st.text(st.characters(exclude_categories=()), max_size=8) | st.sampled_from(
    [TIME, "true", "1.5", "nan", '{"a":1}', '{"a', "2026-01-05T10:11:60Z"]
)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | _TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXT | st.sampled_from(_KNOWN), inner, max_size=6),
    max_leaves=25,
)
_RECORDS = st.dictionaries(_TEXT | st.sampled_from(_KNOWN), _JSON, max_size=12)


@settings(deadline=None)
@given(record=_RECORDS, ascii_only=st.booleans(), indent=st.sampled_from([None, 1]), family=st.sampled_from(Family))
@example(
    record={"userIdentity": {"sessionContext": {"attributes": {"creationDate": 5}}}}, ascii_only=True, indent=None, family=Family.EVENTS
)
def test_any_object_with_a_time_becomes_a_row(record: dict[str, Any], ascii_only: bool, indent: int | None, family: Family) -> None:
    text = json.dumps(
        {**{name: value for name, value in record.items() if name.lower() != "eventtime"}, "eventTime": TIME},
        indent=indent,
        ensure_ascii=ascii_only,
    )
    encoded = text.encode(errors="replace")
    converted = to_table(family, [encoded], range(1))
    assert converted.refused == ()
    assert converted.table["eventjson"].to_pylist() == [encoded.decode()]
    assert converted.table.validate(full=True) is None


@settings(deadline=None)
@given(st.lists(st.binary(max_size=60), max_size=5), st.sampled_from(Family))
def test_any_bytes_are_a_row_or_refused(records: list[bytes], family: Family) -> None:
    converted = to_table(family, records, range(len(records)))
    assert converted.table.num_rows + len(converted.refused) == len(records)


@pytest.mark.skipif(not DELIVERED.is_dir(), reason="the delivered log files are not here")
def test_real_records_say_in_columns_what_they_say_in_json(rows: Any) -> None:
    records = [record for path in sorted(DELIVERED.glob("*.json")) for record in json.loads(path.read_text())["Records"]]
    texts = [json.dumps(record, separators=(",", ":"), ensure_ascii=False) for record in records]
    converted = to_table(Family.EVENTS, [text.encode() for text in texts], range(len(texts)))
    assert converted.refused == ()
    for record, text, row in zip(records, texts, rows(converted.table), strict=True):
        assert row["eventjson"] == text
        assert row["eventtime"] + "Z" == record["eventTime"]
        for name in (
            "eventName",
            "eventID",
            "userAgent",
            "readOnly",
            "errorCode",
            "sourceIPAddress",
            "recipientAccountId",
            "managementEvent",
        ):
            assert row.get(name.lower()) == record.get(name)
        assert row.get("useridentity", {}).get("accesskeyid") == record["userIdentity"].get("accessKeyId")
        assert row.get("requestparameters") == _texts(record["requestParameters"])
        assert row.get("responseelements") == _texts(record["responseElements"])
        arns = [resource.get("ARN") for resource in record.get("resources") or ()]
        assert [resource.get("arn") for resource in row.get("resources", ())] == arns


def _texts(members: dict[str, Any] | None) -> dict[str, str | None] | None:
    if members is None:
        return None
    return {
        name: value if isinstance(value, str | None) else json.dumps(value, separators=(",", ":"), ensure_ascii=False)
        for name, value in members.items()
    }
