"""A log bucket made by one line: a trail delivers into it, and nothing that is locked leaves it by any door."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from simulators.running import RunningOpenTrail, wait_for

BUCKET = "example-logs"


@pytest.fixture(scope="module")
def opentrail(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningOpenTrail]:
    folder: Path = tmp_path_factory.mktemp("locked")
    with RunningOpenTrail(folder, settings={"trails.delivery_interval": 0.5}) as running:
        yield running


def refused(call: Callable[[], Any]) -> str:
    with pytest.raises(ClientError) as caught:
        call()
    return str(caught.value.response["Error"]["Code"])


def test_what_is_locked_survives_every_way_of_removing(opentrail: RunningOpenTrail) -> None:
    command = ("bucket", "create", BUCKET, "--for-trail", "--trail", "audit", "--retention-days", "30", "--mode", "COMPLIANCE", "--json")
    made = json.loads(opentrail.opentrail(*command).stdout)
    assert json.loads(opentrail.opentrail(*command).stdout) == made
    s3, cloudtrail = opentrail.client("s3"), opentrail.client("cloudtrail")
    cloudtrail.create_trail(Name="audit", S3BucketName=BUCKET)
    cloudtrail.start_logging(Name="audit")
    assert refused(lambda: cloudtrail.create_trail(Name="other", S3BucketName=BUCKET)) == "InsufficientS3BucketPolicyException"
    [delivered, *_] = wait_for(lambda: s3.list_object_versions(Bucket=BUCKET, Prefix="AWSLogs/").get("Versions"))
    key, version = delivered["Key"], delivered["VersionId"]
    body = s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
    assert json.loads(gzip.decompress(body))["Records"]
    lock = s3.get_object_retention(Bucket=BUCKET, Key=key)["Retention"]
    assert lock["Mode"] == "COMPLIANCE"
    assert timedelta(days=29, hours=23) < lock["RetainUntilDate"] - datetime.now(UTC) < timedelta(days=30, hours=1)

    target = {"Bucket": BUCKET, "Key": key}
    old = {**target, "VersionId": version}
    bypass = {"BypassGovernanceRetention": True}
    assert refused(lambda: s3.delete_object(**old)) == "AccessDenied"
    assert refused(lambda: s3.delete_object(**old, **bypass)) == "AccessDenied"
    several = s3.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": key, "VersionId": version}]}, **bypass)
    assert [error["Code"] for error in several["Errors"]] == ["AccessDenied"]
    shorter = {"Mode": "GOVERNANCE", "RetainUntilDate": datetime.now(UTC) + timedelta(seconds=30)}
    assert refused(lambda: s3.put_object_retention(**old, Retention=shorter, **bypass)) == "AccessDenied"
    assert refused(lambda: s3.put_object_retention(**old, Retention={}, **bypass)) == "AccessDenied"
    versioning = {"Status": "Suspended"}
    assert refused(lambda: s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration=versioning)) == "InvalidBucketState"
    assert refused(lambda: s3.delete_bucket(Bucket=BUCKET)) == "BucketNotEmpty"

    s3.put_object(**target, Body=b"forged")
    s3.copy_object(**target, CopySource=old, Metadata={"forged": "yes"}, MetadataDirective="REPLACE")
    upload = s3.create_multipart_upload(**target)["UploadId"]
    part = s3.upload_part(**target, UploadId=upload, PartNumber=1, Body=b"forged")["ETag"]
    s3.complete_multipart_upload(**target, UploadId=upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part}]})
    marker = s3.delete_object(**target)
    assert marker["DeleteMarker"]
    missing = refused(lambda: s3.get_object(**target))
    assert missing == "NoSuchKey"
    s3.put_object(Bucket=BUCKET, Key="to expire", Body=b"")
    day = datetime(2020, 1, 1, tzinfo=UTC)
    rules = [
        {"ID": "all", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Date": day}},
        {"ID": "old", "Status": "Enabled", "Filter": {}, "NoncurrentVersionExpiration": {"NoncurrentDays": 1}},
    ]
    s3.put_bucket_lifecycle_configuration(Bucket=BUCKET, LifecycleConfiguration={"Rules": rules})
    wait_for(lambda: any(one["Key"] == "to expire" for one in s3.list_object_versions(Bucket=BUCKET).get("DeleteMarkers", [])))

    assert s3.get_object(**old)["Body"].read() == body
    s3.delete_object(**target, VersionId=marker["VersionId"])
    forged = [one for one in s3.list_object_versions(Bucket=BUCKET, Prefix=key)["Versions"] if one["VersionId"] != version]
    assert len(forged) == 3
    assert {refused(lambda one=one: s3.delete_object(**target, VersionId=one["VersionId"])) for one in forged} == {"AccessDenied"}
    name = key.rpartition("/")
    kept = opentrail.data / "buckets/.versions" / BUCKET / name[0] / f"~v{version}.{name[2]}"
    assert kept.read_bytes() == body


def test_versions_over_the_wire(opentrail: RunningOpenTrail) -> None:
    s3 = opentrail.client("s3")
    s3.create_bucket(Bucket="versions-over-the-wire")
    bucket = {"Bucket": "versions-over-the-wire"}
    s3.put_bucket_versioning(**bucket, VersioningConfiguration={"Status": "Enabled"})
    first = s3.put_object(**bucket, Key="a b/ü", Body=b"one")["VersionId"]
    s3.put_object(**bucket, Key="a b/ü", Body=b"two")
    assert s3.get_object(**bucket, Key="a b/ü", VersionId=first)["Body"].read() == b"one"
    marker = s3.delete_object(**bucket, Key="a b/ü")["VersionId"]
    with pytest.raises(ClientError) as hidden:
        s3.get_object(**bucket, Key="a b/ü")
    with pytest.raises(ClientError) as caught:
        s3.get_object(**bucket, Key="a b/ü", VersionId=marker)
    for error, status in ((hidden, 404), (caught, 405)):
        metadata = error.value.response["ResponseMetadata"]
        assert metadata["HTTPStatusCode"] == status
        assert metadata["HTTPHeaders"]["x-amz-delete-marker"] == "true"
        assert metadata["HTTPHeaders"]["x-amz-version-id"] == marker
    pages = s3.get_paginator("list_object_versions").paginate(**bucket, PaginationConfig={"PageSize": 1})
    for page in pages:
        for one in page.get("Versions", []) + page.get("DeleteMarkers", []):
            s3.delete_object(**bucket, Key=one["Key"], VersionId=one["VersionId"])
    s3.delete_bucket(**bucket)
    assert not (opentrail.data / "buckets/.versions/versions-over-the-wire").exists()
