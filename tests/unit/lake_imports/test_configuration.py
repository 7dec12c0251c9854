"""Files of AWS Config become configuration items of a store."""

from __future__ import annotations

import gzip
import json

from opentrail.lake.families import Family
from simulators.import_house import House
from simulators.lake_imports import STORE, event_data_store

ITEM = {
    "configurationItemVersion": "1.3",
    "configurationItemCaptureTime": "2026-01-05T10:11:12.345Z",
    "configurationStateId": 1767607872345,
    "awsAccountId": "111122223333",
    "configurationItemStatus": "OK",
    "resourceType": "AWS::EC2::SecurityGroup",
    "resourceId": "sg-0123456789abcdef0",
    "resourceName": "web",
    "ARN": "arn:aws:ec2:us-east-1:111122223333:security-group/sg-0123456789abcdef0",
    "awsRegion": "us-east-1",
    "availabilityZone": "Not Applicable",
    "resourceCreationTime": "2026-01-01T00:00:00.000Z",
    "tags": {"team": "web"},
    "relatedEvents": [],
    "relationships": [
        {"resourceType": "AWS::EC2::VPC", "resourceId": "vpc-1", "resourceName": None, "relationshipName": "Is contained in Vpc"}
    ],
    "configuration": {"groupName": "web", "ipPermissions": []},
    "supplementaryConfiguration": {},
}
KEY = (
    "AWSLogs/111122223333/Config/us-east-1/2026/1/5/ConfigHistory/"
    "111122223333_Config_us-east-1_ConfigHistory_AWS::EC2::SecurityGroup_20260105T060000Z_20260105T120000Z_1.json.gz"
)
SNAPSHOT = (
    "AWSLogs/111122223333/Config/us-east-1/2026/1/5/ConfigSnapshot/"
    "111122223333_Config_us-east-1_ConfigSnapshot_20260105T120000Z_3c1d3d5a-0000-4000-8000-000000000000.json.gz"
)


def test_history_and_snapshots_are_read(house: House) -> None:
    house.stores.by_id[STORE] = event_data_store(family=Family.CONFIGURATION)
    damaged = {"resourceType": "AWS::S3::Bucket"}
    house.source.files = {
        KEY: gzip.compress(json.dumps({"fileVersion": "1.0", "configurationItems": [ITEM]}).encode()),
        SNAPSHOT: gzip.compress(
            json.dumps({"fileVersion": "1.0", "configSnapshotId": "x", "configurationItems": [damaged, ITEM]}).encode()
        ),
    }
    found = house.run()
    rows = house.tables.rows()
    assert [row["eventtime"].isoformat() for row in rows] == ["2026-01-05T10:11:12"] * 2
    assert len({row["eventid"] for row in rows}) == 1, "the same item has the same id wherever it lies"
    data = rows[0]["eventdata"]
    assert (rows[0]["eventcategory"], rows[0]["recipientaccountid"]) == ("ConfigurationItem", "111122223333")
    assert (data["arn"], data["accountid"], data["configurationitemstateid"]) == (ITEM["ARN"], "111122223333", "1767607872345")
    assert data["relationships"][0]["name"] == "Is contained in Vpc"
    assert dict(data["tags"]) == {"team": "web"}
    assert found.status == "FAILED"
    (failure,) = house.failures(found.id)
    assert failure.error_message.startswith("1 of 2 records cannot be imported: record 1: ")


def test_a_log_file_is_no_file_of_config(house: House) -> None:
    house.stores.by_id[STORE] = event_data_store(family=Family.CONFIGURATION)
    house.source.files = {KEY: gzip.compress(b'{"Records":[]}')}
    found = house.run()
    assert [one.error_type for one in house.failures(found.id)] == ["NotALogFile"]
