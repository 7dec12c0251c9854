"""AWS's public sample queries run and answer rightly; those published damaged are refused, with the place.

    LAKE_SAMPLE_QUERIES=CHECKOUT pytest tests/conformance/test_lake_sample_queries.py

CHECKOUT is a clone of https://github.com/aws-samples/cloud-trail-lake-query-samples; without it nothing is run.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from opentrail.lake.families import Family
from opentrail.lake.faults import InvalidQueryStatementException
from opentrail.lake.sql.engine_duckdb import prepare
from opentrail.lake.sql.scanning import store_ids
from opentrail.lake.sql.translation import translate
from simulators.lake_tables import create, insert

CHECKOUT = os.environ.get("LAKE_SAMPLE_QUERIES")
if CHECKOUT is None:
    pytest.skip("LAKE_SAMPLE_QUERIES names no checkout", allow_module_level=True)

EVENTS, ITEMS = "1b2c3d4e-f852-4e8f-8bd1-bcf6c0123456", "a1b2c3d4-f852-4e8f-8bd1-bcf6c0123456"
FAMILIES = {EVENTS: Family.EVENTS, ITEMS: Family.CONFIGURATION}
PLACEHOLDERS = re.compile(
    r"\$EDS_ID|<EDS ID>|<EDS_ID>|<event_data_store_id>|config_event_data_store_ID|<Event data store Id>|<event-data-store-ID>"
)
DAMAGED = {
    "ConfigItemCountQuery": "catalog or schema",
    "ConfigTableCreation": "does not begin a query",
    "iam-idc-authenticate-api": "'FROM' does not fit",
    "list-all-errors-for-s3-events": "does not fit",
    "list-all-events-not-in-authorized-region": "does not fit",
    "list-attempted-s3-requests.": "does not fit",
    "list-publicly-accessible-rds-instances": "does not fit",
    "network-activity-events-vpce-access-denied-s3": "must be in GROUP BY",
    "top-errors": "does not fit",
    "top-s3-actions": "does not fit",
}
"""File → what the refusal says. Two are no Lake queries, one selects what it does not group, the others are published torn."""


def statement_of(path: Path) -> str:
    text = path.read_text(errors="replace")
    store = ITEMS if "eventData." in text else EVENTS
    text = PLACEHOLDERS.sub(store, text).replace("${date_filter}", "2023-01-01 00:00:00")
    return text.replace("<instance id such as i-123456789012>", "i-1")


FILES = {path.name.removesuffix(".sql"): statement_of(path) for path in sorted(Path(CHECKOUT).glob("*.sql"))}
PATCHES = (
    '{"KB1":{"Id":"KB1","PatchState":"Installed"},"KB2":{"Id":"KB2","PatchState":"Missing"},'
    '"KB3":{"Id":"KB3","PatchState":"Failed"},"KB4":{"Id":"KB4","PatchState":"Installed"}}'
)


def item(instance: str, at: str, patches: str = PATCHES) -> dict[str, object]:
    configuration = f'{{"AWS:ComplianceItem":{{"Content":{{"Patch":{patches}}}}}}}'
    resource = f"AWS::SSM::ManagedInstanceInventory/{instance}"
    return {
        "eventtime": at,
        "eventdata": {
            "resourcetype": "AWS::SSM::PatchCompliance",
            "resourceid": resource,
            "accountid": "111122223333",
            "awsregion": "us-east-1",
        },
        "eventjson": f'{{"eventData":{{"configuration":{configuration}}}}}',
    }


@pytest.fixture(scope="module")
def engine() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        prepare(connection)
        for store, family in FAMILIES.items():
            create(connection, store, family)
        evaluations = '[{"complianceType":"NON_COMPLIANT","complianceResourceType":"AWS::S3::Bucket","complianceResourceId":"logs"}]'
        insert(
            connection,
            EVENTS,
            Family.EVENTS,
            [
                {
                    "eventname": "PutEvaluations",
                    "eventtime": "2023-11-16 10:00:00",
                    "awsregion": "us-east-1",
                    "recipientaccountid": "111122223333",
                    "requestparameters": {"evaluations": evaluations},
                    "additionaleventdata": {"configRuleName": "bucket-logging"},
                },
                {
                    "eventname": "ConsoleLogin",
                    "eventtime": "2023-11-17 10:00:00",
                    "useridentity": {"type": "Root", "arn": "arn:aws:iam::1:root"},
                },
                {
                    "eventname": "GetObject",
                    "eventtime": "2023-11-17 11:00:00",
                    "eventsource": "s3.amazonaws.com",
                    "errorcode": "AccessDenied",
                },
            ],
        )
        insert(
            connection,
            ITEMS,
            Family.CONFIGURATION,
            [
                item("i-1", "2023-06-24 00:00:00"),
                item("i-2", "2023-06-24 00:00:00"),
                item("i-1", "2023-06-23 10:00:00", '{"KB9":{"Id":"KB9"}}'),
            ],
        )
        yield connection


def test_the_checkout_is_whole() -> None:
    assert len(FILES) == 72


@pytest.mark.parametrize("name", sorted(set(FILES) - set(DAMAGED)))
def test_runs(engine: duckdb.DuckDBPyConnection, name: str) -> None:
    translated = translate(FILES[name], FAMILIES)
    assert store_ids(FILES[name])
    rows = engine.execute(translated.sql).fetchall()
    assert all(len(row) == len(translated.columns) for row in rows)
    assert all(value is None or isinstance(value, str) for row in rows for value in row)


@pytest.mark.parametrize("name", sorted(DAMAGED))
def test_is_refused(name: str) -> None:
    with pytest.raises(InvalidQueryStatementException, match=r"line \d+:\d+: ") as refused:
        translate(FILES[name], FAMILIES)
    assert DAMAGED[name] in str(refused.value)


@pytest.mark.parametrize("name", sorted(name for name in FILES if name.startswith("ssm-patch-compliance")))
def test_patch_compliance(engine: duckdb.DuckDBPyConnection, name: str) -> None:
    translated = translate(FILES[name], FAMILIES)
    rows = [dict(zip(translated.columns, row, strict=True)) for row in engine.execute(translated.sql).fetchall()]
    newest = [row for row in rows if row["eventTime"] == "2023-06-24 00:00:00.000"]
    assert {row["InstanceId"] for row in newest} == ({"i-1"} if "selected" in name else {"i-1", "i-2"})
    for row in newest:
        assert row["Installed"] == '["KB1", "KB4"]'
        assert (row["Missing"], row["Failed"], row["InstalledOther"]) == ('["KB2"]', '["KB3"]', "[]")
    assert len(rows) == len(newest) + (0 if "latest" in name else 1)


def test_resource_compliance(engine: duckdb.DuckDBPyConnection) -> None:
    found = engine.execute(translate(FILES["resourceCompliance"], FAMILIES).sql).fetchall()
    assert found == [
        ("2023-11-16 10:00:00.000", "us-east-1", "111122223333", "bucket-logging", "NON_COMPLIANT", "AWS::S3::Bucket", "logs"),
    ]
