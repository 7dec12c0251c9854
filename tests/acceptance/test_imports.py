"""Imports as clients see them: from a bucket with a role, from a directory with the command, counts that a plain script gives."""

from __future__ import annotations

import collections
import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from opentrail.server.import_sources import _UpstreamBucket
from opentrail.trails import upstream_buckets
from opentrail.trails.upstream_buckets import UpstreamS3
from opentrail.wire.faults import Fault
from simulators.lake_imports import event, log_file, log_key
from simulators.running import RunningOpenTrail, wait_for

DELIVERED = Path(__file__).resolve().parents[3] / "shared/data/delivered-log-files"
TRUST = {"Effect": "Allow", "Principal": {"Service": "cloudtrail.amazonaws.com"}, "Action": "sts:AssumeRole"}
ONGOING = ("INITIALIZING", "IN_PROGRESS")


def policy(*statements: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def reading(bucket: str) -> list[dict[str, Any]]:
    return [
        {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": f"arn:aws:s3:::{bucket}"},
        {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*"},
    ]


class Lake:
    """What the tests say to one server."""

    def __init__(self, opentrail: RunningOpenTrail) -> None:
        self.opentrail = opentrail
        self.cloudtrail = opentrail.client("cloudtrail")
        self.s3 = opentrail.client("s3")
        self.iam = opentrail.client("iam")

    def store(self, name: str) -> str:
        made = self.cloudtrail.create_event_data_store(
            Name=name, StartIngestion=False, RetentionPeriod=3653, TerminationProtectionEnabled=False
        )
        arn: str = made["EventDataStoreArn"]
        return arn

    def role(self, name: str, bucket: str, trust: str = policy(TRUST), *more: dict[str, Any]) -> str:
        made = self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)
        self.iam.put_role_policy(RoleName=name, PolicyName="read", PolicyDocument=policy(*reading(bucket), *more))
        arn: str = made["Role"]["Arn"]
        return arn

    def bucket(self, name: str, files: dict[str, bytes], **more: Any) -> str:
        self.s3.create_bucket(Bucket=name)
        for key, body in files.items():
            self.s3.put_object(Bucket=name, Key=key, Body=body, **more)
        return name

    def start(self, arn: str, bucket: str, role: str, *, region: str = "us-east-1", prefix: str = "") -> str:
        where = {"S3LocationUri": f"s3://{bucket}/{prefix}", "S3BucketRegion": region, "S3BucketAccessRoleArn": role}
        import_id: str = self.cloudtrail.start_import(Destinations=[arn], ImportSource={"S3": where})["ImportId"]
        return import_id

    def ended(self, import_id: str) -> dict[str, Any]:
        def look() -> dict[str, Any] | None:
            found: dict[str, Any] = self.cloudtrail.get_import(ImportId=import_id)
            return None if found["ImportStatus"] in ONGOING else found

        found: dict[str, Any] = wait_for(look, patience=120)
        return found

    def failures(self, import_id: str) -> dict[str, tuple[str, str]]:
        found = self.cloudtrail.list_import_failures(ImportId=import_id)["Failures"]
        return {one["Location"]: (one["Status"], one["ErrorType"]) for one in found}

    def ask(self, statement: str) -> list[list[str]]:
        query = self.cloudtrail.start_query(QueryStatement=statement)["QueryId"]

        def look() -> dict[str, Any] | None:
            found: dict[str, Any] = self.cloudtrail.get_query_results(QueryId=query)
            return None if found["QueryStatus"] in ("QUEUED", "RUNNING") else found

        found = wait_for(look)
        assert found["QueryStatus"] == "FINISHED", found
        return [[next(iter(cell.values())) for cell in row] for row in found["QueryResultRows"]]


@pytest.fixture(scope="module")
def lake(opentrail: RunningOpenTrail) -> Lake:
    return Lake(opentrail)


def test_delivered_files_are_imported_and_what_failed_is_retried(lake: Lake) -> None:
    files = {log_key(n): log_file(event(f"a{n}"), event(f"b{n}")) for n in range(12)}
    broken = log_key(40)
    others = {log_key(1, folder="CloudTrail-Digest"): b"x", log_key(1, folder="CloudTrail-Insight"): log_file(event("insight"))}
    bucket = lake.bucket("retried-logs", {**files, broken: log_file(event("mended"))[:80], **others})
    arn, role = lake.store("retried"), lake.role("Retried", bucket)
    import_id = lake.start(arn, bucket, role)
    found = lake.ended(import_id)
    assert (found["ImportStatus"], found["Destinations"]) == ("FAILED", [arn])
    assert found["ImportStatistics"] == {
        "PrefixesFound": 1,
        "PrefixesCompleted": 1,
        "FilesCompleted": 12,
        "EventsCompleted": 24,
        "FailedEntries": 1,
    }
    assert lake.failures(import_id) == {f"s3://{bucket}/{broken}": ("FAILED", "DamagedGzip")}
    lake.s3.put_object(Bucket=bucket, Key=broken, Body=log_file(event("mended")))
    again = lake.cloudtrail.start_import(ImportId=import_id)
    assert (again["ImportId"], again["ImportSource"]) == (import_id, found["ImportSource"])
    after = lake.ended(import_id)
    assert (after["ImportStatus"], after["ImportStatistics"]["EventsCompleted"]) == ("COMPLETED", 25)
    assert lake.failures(import_id) == {f"s3://{bucket}/{broken}": ("SUCCEEDED", "DamagedGzip")}
    store = arn.rpartition("/")[2]
    assert lake.ask(f"SELECT count(*), count(DISTINCT eventID) FROM {store}") == [["25", "25"]]
    # Once more under another name: nothing is doubled.
    lake.ended(lake.start(arn, bucket, role, prefix="AWSLogs/"))
    assert lake.ask(f"SELECT count(*) FROM {store}") == [["25"]]
    listed = lake.cloudtrail.list_imports(Destination=arn)["Imports"]
    assert [one["ImportStatus"] for one in listed] == ["COMPLETED", "COMPLETED"]


def test_a_source_that_cannot_be_read_is_refused_with_what_is_missing(lake: Lake) -> None:
    bucket = lake.bucket("refused-logs", {log_key(1): log_file(event("e"))})
    arn, role = lake.store("refused"), lake.role("Refused", bucket)
    account = arn.split(":")[4]
    elsewhere = {**TRUST, "Condition": {"ArnEquals": {"aws:SourceArn": "arn:aws:cloudtrail:us-east-1:111122223333:eventdatastore/x"}}}
    strict = lake.role("Strict", bucket, policy(elsewhere))
    blind = lake.role("Blind", "another-bucket")
    for words, given in {
        "There is no role": (arn, bucket, f"arn:aws:iam::{account}:role/Nobody"),
        "does not let cloudtrail.amazonaws.com assume it": (arn, bucket, strict),
        "not authorized to perform: s3:ListBucket": (arn, bucket, blind),
        "NoSuchBucket": (arn, "no-such-logs", role),
        "another account": (arn, bucket, "arn:aws:iam::999999999999:role/Refused"),
    }.items():
        with pytest.raises(ClientError, match=words) as refused:
            lake.start(*given)
        assert refused.value.response["Error"]["Code"] == "InvalidImportSourceException"
    with pytest.raises(ClientError, match="is in us-east-1"):
        lake.start(arn, bucket, role, region="eu-west-1")
    own_files = {"S3LocationUri": f"file://{lake.opentrail.data}/keys", "S3BucketRegion": "us-east-1", "S3BucketAccessRoleArn": role}
    with pytest.raises(ClientError, match="InvalidImportSourceException"):
        lake.cloudtrail.start_import(Destinations=[arn], ImportSource={"S3": own_files})
    with pytest.raises(ClientError, match="InvalidParameterException"):
        lake.cloudtrail.start_import(Destinations=[arn])
    with pytest.raises(ClientError, match="ImportNotFoundException"):
        lake.cloudtrail.get_import(ImportId="0b0f8a3e-5d3d-4c5e-9a35-0d4f0b4a6c11")


def test_a_caller_must_be_allowed_to_import_and_to_pass_the_role(lake: Lake) -> None:
    bucket = lake.bucket("passed-logs", {log_key(1): log_file(event("e"))})
    arn, role = lake.store("passed"), lake.role("Passed", bucket)
    lake.iam.create_user(UserName="importer")
    key = lake.iam.create_access_key(UserName="importer")["AccessKey"]
    theirs = lake.opentrail.client("cloudtrail", key=(key["AccessKeyId"], key["SecretAccessKey"]))
    where = {"S3LocationUri": f"s3://{bucket}", "S3BucketRegion": "us-east-1", "S3BucketAccessRoleArn": role}
    allowed = [{"Effect": "Allow", "Action": "cloudtrail:*", "Resource": "*"}]
    lake.iam.put_user_policy(UserName="importer", PolicyName="p", PolicyDocument=policy(*allowed))
    with pytest.raises(ClientError, match="iam:PassRole"):
        theirs.start_import(Destinations=[arn], ImportSource={"S3": where})
    allowed.append({"Effect": "Allow", "Action": "iam:PassRole", "Resource": role})
    lake.iam.put_user_policy(UserName="importer", PolicyName="p", PolicyDocument=policy(*allowed))
    import_id = wait_for(lambda: theirs.start_import(Destinations=[arn], ImportSource={"S3": where})["ImportId"])
    assert lake.ended(import_id)["ImportStatus"] == "COMPLETED"


def test_encrypted_files_need_the_key(lake: Lake) -> None:
    key = lake.opentrail.client("kms").create_key()["KeyMetadata"]["Arn"]
    encrypted = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key}
    bucket = lake.bucket("secret-logs", {log_key(1): log_file(event("secret"))}, **encrypted)
    arn, role = lake.store("secret"), lake.role("Secret", bucket)
    import_id = lake.start(arn, bucket, role)
    assert lake.ended(import_id)["ImportStatus"] == "FAILED"
    assert lake.failures(import_id) == {f"s3://{bucket}/{log_key(1)}": ("FAILED", "AccessDenied")}
    decrypt = {"Effect": "Allow", "Action": "kms:Decrypt", "Resource": key}
    lake.iam.put_role_policy(RoleName="Secret", PolicyName="read", PolicyDocument=policy(*reading(bucket), decrypt))

    def retried() -> bool:  # the lake sees the new policy a moment later
        lake.cloudtrail.start_import(ImportId=import_id)
        return bool(lake.ended(import_id)["ImportStatus"] == "COMPLETED")

    assert wait_for(retried)
    assert lake.ask(f"SELECT eventID FROM {arn.rpartition('/')[2]}") == [["secret"]]


def test_the_command_imports_a_directory_and_makes_the_store(lake: Lake, tmp_path: Path) -> None:
    for number in range(5):
        path = tmp_path / "logs" / log_key(number)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(log_file(event(f"e{number}")))
    said = lake.opentrail.opentrail("import", str(tmp_path / "logs"), "--store", "from-a-directory").stdout
    assert "Made the event data store from-a-directory" in said
    assert "COMPLETED: 5 files, 5 new events" in said
    (tmp_path / "logs" / log_key(9)).write_bytes(b"torn")
    again = lake.opentrail.opentrail("import", str(tmp_path / "logs"), "--store", "from-a-directory", "--json", check=False)
    told = json.loads(again.stdout)
    assert again.returncode == 1
    assert (told["ImportStatus"], told["ImportStatistics"]["EventsCompleted"]) == ("FAILED", 0)
    assert [one["Location"] for one in told["Failures"]] == [(tmp_path / "logs").as_uri() + "/" + log_key(9)]
    with pytest.raises(ClientError, match="opentrail import"):  # what a directory holds is for its owner to import
        lake.cloudtrail.start_import(ImportId=told["ImportId"])
    early = lake.opentrail.opentrail("import", str(tmp_path / "logs"), "--store", "windowed", "--to", "2026-01-04", check=False).stdout
    assert "COMPLETED: 0 files, 0 new events" in early
    refused = lake.opentrail.opentrail("import", str(tmp_path / "nowhere"), "--store", "windowed", check=False)
    assert (refused.returncode, "is not a directory" in refused.stderr) == (2, True)


def test_the_command_imports_a_bucket_with_a_role_of_its_own(lake: Lake) -> None:
    bucket = lake.bucket("commanded-logs", {log_key(n): log_file(event(f"e{n}")) for n in range(3)})
    said = lake.opentrail.opentrail("import", f"s3://{bucket}", "--store", "from-a-bucket").stdout
    assert "OpenTrailLakeImport" in said
    assert "COMPLETED: 3 files, 3 new events" in said


def test_any_s3_is_a_source(lake: Lake) -> None:
    bucket = lake.bucket("upstream-logs", {log_key(n): f"{n}".encode() for n in range(3)})
    key_id, secret = lake.opentrail.key
    upstream = UpstreamS3(url=lake.opentrail.endpoint, region="us-east-1", access_key_id=key_id, secret_access_key=secret)
    client = upstream_buckets.client(upstream)
    source = _UpstreamBucket(upstream, lambda: client, bucket)
    assert list(source.list("AWSLogs/", log_key(0))) == [log_key(1), log_key(2)]
    assert list(source.folders("AWSLogs/")) == ["111122223333"]
    assert source.read(log_key(2)) == b"2"
    with pytest.raises(Fault, match="NoSuchKey"):
        source.read("gone")
    with pytest.raises(Fault, match="NoSuchBucket"):
        list(_UpstreamBucket(upstream, lambda: client, "no-such-logs").list(""))
    client.close()


@pytest.mark.skipif(not DELIVERED.exists(), reason="the delivered log files are not here")
def test_delivered_files_give_the_counts_that_a_plain_script_gives(lake: Lake) -> None:
    records: list[dict[str, Any]] = []
    for path in sorted(DELIVERED.rglob("*.json*")):
        body = path.read_bytes()
        text = gzip.decompress(body) if body.startswith(b"\x1f\x8b") else body
        records += json.loads(text).get("Records", [])
    said = lake.opentrail.opentrail("import", str(DELIVERED), "--store", "delivered").stdout
    assert f"{len(records):,} new events" in said
    (store,) = {
        one["EventDataStoreArn"].rpartition("/")[2]
        for one in lake.cloudtrail.list_event_data_stores()["EventDataStores"]
        if one["Name"] == "delivered"
    }
    for column, member in {"eventName": "eventName", "errorCode": "errorCode", "sourceIPAddress": "sourceIPAddress"}.items():
        plain = collections.Counter(one[member] for one in records if member in one)
        asked = lake.ask(f"SELECT {column}, count(*) FROM {store} WHERE {column} IS NOT NULL GROUP BY {column}")
        assert {name: int(count) for name, count in asked} == plain
