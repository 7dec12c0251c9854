"""Versions as a client sees them: ids, markers, states."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from opentrail.wire.faults import Fault

BUCKET = {"Bucket": "example-logs"}
ENABLED = {"VersioningConfiguration": {"Status": "Enabled"}}


@pytest.fixture
def versioned(s3: Any) -> Any:
    s3("PutBucketVersioning", **BUCKET, **ENABLED)
    return s3


def code_of(s3: Any, operation: str, **facts: Any) -> tuple[str, int]:
    with pytest.raises(Fault) as caught:
        s3(operation, **facts)
    return caught.value.code, caught.value.status


def test_the_state_of_versioning(s3: Any) -> None:
    assert s3("GetBucketVersioning", **BUCKET).members == {}
    s3("PutBucketVersioning", **BUCKET, **ENABLED)
    assert s3("GetBucketVersioning", **BUCKET).members == {"Status": "Enabled"}
    s3("PutBucketVersioning", **BUCKET, VersioningConfiguration={"Status": "Suspended"})
    assert s3("GetBucketVersioning", **BUCKET).members == {"Status": "Suspended"}


def test_without_versioning_answers_have_no_version(s3: Any) -> None:
    answers = [s3.put("k"), s3.get("k"), s3("HeadObject", **BUCKET, Key="k"), s3("DeleteObject", **BUCKET, Key="k")]
    assert not any("VersionId" in answer for answer in answers)


def test_each_write_is_a_version_of_its_own(versioned: Any) -> None:
    first, second = versioned.put("k", b"one")["VersionId"], versioned.put("k", b"two")["VersionId"]
    assert first != second
    assert (versioned.get("k")["Body"], versioned.get("k")["VersionId"]) == (b"two", second)
    assert versioned.get("k", VersionId=first)["Body"] == b"one"
    assert versioned("HeadObject", **BUCKET, Key="k", VersionId=first)["VersionId"] == first
    assert versioned("GetObjectAttributes", **BUCKET, Key="k", VersionId=first, ObjectAttributes=["ObjectSize"])["VersionId"] == first


def test_a_removal_leaves_a_marker_and_removing_that_brings_the_object_back(versioned: Any) -> None:
    first = versioned.put("k", b"one")["VersionId"]
    marker = versioned("DeleteObject", **BUCKET, Key="k")
    assert marker["DeleteMarker"] is True
    assert code_of(versioned, "GetObject", **BUCKET, Key="k") == ("NoSuchKey", 404)
    assert code_of(versioned, "HeadObject", **BUCKET, Key="k", VersionId=marker["VersionId"]) == ("MethodNotAllowed", 405)
    assert versioned("ListObjectsV2", **BUCKET)["Contents"] == []
    listed = versioned("ListObjectVersions", **BUCKET)
    assert [(entry["VersionId"], entry["IsLatest"]) for entry in listed["DeleteMarkers"]] == [(marker["VersionId"], True)]
    assert [(entry["VersionId"], entry["IsLatest"]) for entry in listed["Versions"]] == [(first, False)]
    gone = versioned("DeleteObject", **BUCKET, Key="k", VersionId=marker["VersionId"])
    assert gone.members == {"VersionId": marker["VersionId"], "DeleteMarker": True}
    assert versioned.get("k")["Body"] == b"one"
    assert versioned("DeleteObject", **BUCKET, Key="k", VersionId=first).members == {"VersionId": first}


def test_many_removals_at_once(versioned: Any) -> None:
    first = versioned.put("k", b"one")["VersionId"]
    answer = versioned(
        "DeleteObjects", **BUCKET, Delete={"Objects": [{"Key": "k"}, {"Key": "k", "VersionId": first}, {"Key": "x", "VersionId": "bad"}]}
    )
    marker, version = answer["Deleted"]
    assert marker == {"Key": "k", "DeleteMarker": True, "DeleteMarkerVersionId": marker["DeleteMarkerVersionId"]}
    assert version == {"Key": "k", "VersionId": first}
    assert [(entry["Key"], entry["VersionId"], entry["Code"]) for entry in answer["Errors"]] == [("x", "bad", "InvalidArgument")]
    again = versioned("DeleteObjects", **BUCKET, Delete={"Objects": [{"Key": "k", "VersionId": marker["DeleteMarkerVersionId"]}]})
    assert again["Deleted"] == [
        {
            "Key": "k",
            "VersionId": marker["DeleteMarkerVersionId"],
            "DeleteMarker": True,
            "DeleteMarkerVersionId": marker["DeleteMarkerVersionId"],
        }
    ]
    assert versioned("ListObjectVersions", **BUCKET)["Versions"] == []


@pytest.mark.parametrize(
    ("operation", "facts", "expected"),
    [
        ("GetObject", {"VersionId": "0" * 40}, ("NoSuchVersion", 404)),
        ("GetObject", {"VersionId": "nonsense"}, ("InvalidArgument", 400)),
        ("GetObjectTagging", {"VersionId": "0" * 40}, ("NoSuchVersion", 404)),
        ("PutObjectAcl", {"VersionId": "null", "ACL": "private"}, ("NoSuchVersion", 404)),
        ("DeleteObject", {"VersionId": "nonsense"}, ("InvalidArgument", 400)),
    ],
)
def test_versions_that_are_not_there(versioned: Any, operation: str, facts: dict[str, Any], expected: tuple[str, int]) -> None:
    versioned.put("k")
    assert code_of(versioned, operation, **BUCKET, Key="k", **facts) == expected


def test_tags_belong_to_a_version(versioned: Any) -> None:
    first = versioned.put("k", Tagging="a=1")["VersionId"]
    second = versioned.put("k", Tagging="a=2")["VersionId"]
    answer = versioned("PutObjectTagging", **BUCKET, Key="k", VersionId=first, Tagging={"TagSet": [{"Key": "a", "Value": "3"}]})
    assert answer["VersionId"] == first
    assert versioned("GetObjectTagging", **BUCKET, Key="k")["TagSet"] == [{"Key": "a", "Value": "2"}]
    assert versioned("GetObjectTagging", **BUCKET, Key="k", VersionId=first)["TagSet"] == [{"Key": "a", "Value": "3"}]
    assert versioned("DeleteObjectTagging", **BUCKET, Key="k", VersionId=second).members == {"VersionId": second}


def test_an_old_version_is_restored_by_copying_it(versioned: Any) -> None:
    first = versioned.put("k", b"one")["VersionId"]
    versioned.put("k", b"two")
    answer = versioned("CopyObject", **BUCKET, Key="k", CopySource=f"example-logs/k?versionId={first}")
    assert answer["CopySourceVersionId"] == first
    assert (versioned.get("k")["Body"], versioned.get("k")["VersionId"]) == (b"one", answer["VersionId"])
    marker = versioned("DeleteObject", **BUCKET, Key="k")["VersionId"]
    source = f"example-logs/k?versionId={marker}"
    assert code_of(versioned, "CopyObject", **BUCKET, Key="x", CopySource=source) == ("InvalidRequest", 400)


def test_a_multipart_upload_makes_a_version(versioned: Any) -> None:
    versioned.put("k", b"one")
    upload = versioned("CreateMultipartUpload", **BUCKET, Key="k")["UploadId"]
    part = versioned("UploadPart", **BUCKET, Key="k", UploadId=upload, PartNumber=1, body=b"two")["ETag"]
    parts = {"Parts": [{"PartNumber": 1, "ETag": part}]}
    version = versioned("CompleteMultipartUpload", **BUCKET, Key="k", UploadId=upload, MultipartUpload=parts)["VersionId"]
    assert versioned.get("k")["VersionId"] == version
    assert len(versioned("ListObjectVersions", **BUCKET)["Versions"]) == 2


def test_a_condition_looks_at_the_latest_version(versioned: Any) -> None:
    versioned.put("k", b"one")
    assert code_of(versioned, "PutObject", **BUCKET, Key="k", body=b"two", IfNoneMatch="*") == ("PreconditionFailed", 412)
    versioned("DeleteObject", **BUCKET, Key="k")
    versioned.put("k", b"two", IfNoneMatch="*")
    assert code_of(versioned, "DeleteObject", **BUCKET, Key="k", IfMatch='"no"') == ("PreconditionFailed", 412)


def test_a_suspended_bucket_writes_the_version_null(versioned: Any) -> None:
    first = versioned.put("k", b"one")["VersionId"]
    versioned("PutBucketVersioning", **BUCKET, VersioningConfiguration={"Status": "Suspended"})
    assert versioned.put("k", b"two")["VersionId"] == "null"
    assert versioned.put("k", b"three")["VersionId"] == "null"
    assert [entry["VersionId"] for entry in versioned("ListObjectVersions", **BUCKET)["Versions"]] == ["null", first]
    assert versioned("DeleteObject", **BUCKET, Key="k").members == {"VersionId": "null", "DeleteMarker": True}
    assert versioned.get("k", VersionId=first)["Body"] == b"one"


def test_a_bucket_is_only_removed_without_versions(versioned: Any) -> None:
    marker = versioned("DeleteObject", **BUCKET, Key="never there")["VersionId"]
    assert code_of(versioned, "DeleteBucket", **BUCKET) == ("BucketNotEmpty", 409)
    versioned("DeleteObject", **BUCKET, Key="never there", VersionId=marker)
    versioned("DeleteBucket", **BUCKET)


class Device:
    """The root user's device; each code counts once."""

    def __init__(self) -> None:
        self.codes = {"111111", "222222", "333333"}

    def use(self, account_id: str, owner_id: str, serial_number: str, code: str) -> None:
        if (owner_id, serial_number) != (account_id, f"arn:aws:iam::{account_id}:mfa/root") or code not in self.codes:
            raise Fault("no")
        self.codes.remove(code)


def test_mfa_delete_takes_a_code_for_what_cannot_be_undone(s3: Any) -> None:
    s3.with_devices(Device())
    serial = "arn:aws:iam::111122223333:mfa/root"
    on = {"VersioningConfiguration": {"Status": "Enabled", "MFADelete": "Enabled"}}
    assert code_of(s3, "PutBucketVersioning", **BUCKET, **on) == ("AccessDenied", 403)
    assert code_of(s3, "PutBucketVersioning", **BUCKET, **on, MFA="111111") == ("InvalidArgument", 400)
    assert code_of(s3, "PutBucketVersioning", **BUCKET, **on, MFA=f"{serial} 999999") == ("AccessDenied", 403)
    s3("PutBucketVersioning", **BUCKET, **on, MFA=f"{serial} 111111")
    assert s3("GetBucketVersioning", **BUCKET).members == {"Status": "Enabled", "MFADelete": "Enabled"}
    version = s3.put("k")["VersionId"]
    s3("DeleteObject", **BUCKET, Key="k")
    assert code_of(s3, "DeleteObject", **BUCKET, Key="k", VersionId=version) == ("AccessDenied", 403)
    several = {"Delete": {"Objects": [{"Key": "k", "VersionId": version}]}}
    assert code_of(s3, "DeleteObjects", **BUCKET, **several, MFA=f"{serial} 111111") == ("AccessDenied", 403)
    s3("DeleteObject", **BUCKET, Key="k", VersionId=version, MFA=f"{serial} 222222")
    assert code_of(s3, "PutBucketVersioning", **BUCKET, **ENABLED) == ("AccessDenied", 403)
    s3("PutBucketVersioning", **BUCKET, VersioningConfiguration={"Status": "Enabled", "MFADelete": "Disabled"}, MFA=f"{serial} 333333")
    assert s3("GetBucketVersioning", **BUCKET).members == {"Status": "Enabled"}


def test_an_expiry_date_is_told_where_a_rule_says_so(versioned: Any) -> None:
    rules = [
        {
            "ID": "old logs / gone",
            "Status": "Enabled",
            "Filter": {"Prefix": "AWSLogs/"},
            "Expiration": {"Days": 90},
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
        }
    ]
    versioned("PutBucketLifecycleConfiguration", **BUCKET, LifecycleConfiguration={"Rules": rules})
    expected = 'expiry-date="Mon, 06 Apr 2026 00:00:00 GMT", rule-id="old%20logs%20%2F%20gone"'
    first = versioned.put("AWSLogs/x", b"x")
    assert first["Expiration"] == expected
    assert versioned("HeadObject", **BUCKET, Key="AWSLogs/x")["Expiration"] == expected
    assert "Expiration" not in versioned.put("other")
    versioned.put("AWSLogs/x", b"y")
    assert "Expiration" not in versioned.get("AWSLogs/x", VersionId=first["VersionId"])
    upload = versioned("CreateMultipartUpload", **BUCKET, Key="AWSLogs/y")
    assert (upload["AbortRuleId"], upload["AbortDate"]) == ("old logs / gone", datetime(2026, 1, 13, tzinfo=UTC))
