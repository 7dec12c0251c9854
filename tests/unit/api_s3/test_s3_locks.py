"""Object Lock as a client sees it: what can be set, what can be changed, and that nothing locked is removed."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from opentrail.wire.faults import Fault

BUCKET = {"Bucket": "locked-logs"}
NOW = datetime(2026, 1, 5, 10, 11, 12, tzinfo=UTC)
DAY = timedelta(days=1)
MD5 = {"ContentMD5": b64encode(hashlib.md5(b"data").digest()).decode()}
COMPLIANCE = {"Mode": "COMPLIANCE", "RetainUntilDate": NOW + 10 * DAY}
GOVERNANCE = {"Mode": "GOVERNANCE", "RetainUntilDate": NOW + 10 * DAY}


@pytest.fixture
def locked(s3: Any) -> Any:
    s3("CreateBucket", **BUCKET, ObjectLockEnabledForBucket=True)
    return s3


def put(s3: Any, key: str = "k", **facts: Any) -> str:
    found = s3("PutObject", **BUCKET, Key=key, body=b"data", **MD5, **facts)["VersionId"]
    assert isinstance(found, str)
    return found


def code_of(s3: Any, operation: str, **facts: Any) -> tuple[str, int]:
    with pytest.raises(Fault) as caught:
        s3(operation, **BUCKET, **facts)
    return caught.value.code, caught.value.status


def default(**facts: Any) -> dict[str, Any]:
    return {"ObjectLockConfiguration": {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": facts}}}


def test_a_bucket_is_made_with_locks_and_never_loses_them(locked: Any) -> None:
    assert locked("GetBucketVersioning", **BUCKET).members == {"Status": "Enabled"}
    assert locked("GetObjectLockConfiguration", **BUCKET).members == {"ObjectLockConfiguration": {"ObjectLockEnabled": "Enabled"}}
    suspended = {"VersioningConfiguration": {"Status": "Suspended"}}
    assert code_of(locked, "PutBucketVersioning", **suspended) == ("InvalidBucketState", 409)
    assert code_of(locked, "PutObjectLockConfiguration", ObjectLockConfiguration={"ObjectLockEnabled": "Disabled"}) == ("MalformedXML", 400)


def test_locks_come_to_a_bucket_that_keeps_versions(s3: Any) -> None:
    s3("CreateBucket", **BUCKET)
    assert code_of(s3, "GetObjectLockConfiguration") == ("ObjectLockConfigurationNotFoundError", 404)
    assert code_of(s3, "GetObjectRetention", Key="k") == ("InvalidRequest", 400)
    assert code_of(s3, "PutObjectLockConfiguration", **default(Mode="GOVERNANCE", Days=1)) == ("InvalidBucketState", 409)
    s3("PutBucketVersioning", **BUCKET, VersioningConfiguration={"Status": "Enabled"})
    s3("PutObjectLockConfiguration", **BUCKET, **default(Mode="GOVERNANCE", Days=1))
    assert s3("GetObjectLockConfiguration", **BUCKET).members == default(Mode="GOVERNANCE", Days=1)


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        ({"Mode": "GOVERNANCE"}, "MalformedXML"),
        ({"Mode": "GOVERNANCE", "Days": 1, "Years": 1}, "MalformedXML"),
        ({"Mode": "NONE", "Days": 1}, "MalformedXML"),
        ({"Mode": "GOVERNANCE", "Days": 0}, "InvalidRetentionPeriod"),
        ({"Mode": "COMPLIANCE", "Days": 36501}, "InvalidRetentionPeriod"),
        ({"Mode": "COMPLIANCE", "Years": 101}, "InvalidRetentionPeriod"),
    ],
)
def test_default_retentions_that_cannot_be(locked: Any, facts: dict[str, Any], code: str) -> None:
    assert code_of(locked, "PutObjectLockConfiguration", **default(**facts)) == (code, 400)


def test_new_versions_get_the_default_and_their_writer_may_say_otherwise(locked: Any) -> None:
    locked("PutObjectLockConfiguration", **BUCKET, **default(Mode="COMPLIANCE", Years=1))
    assert code_of(locked, "PutObject", Key="k", body=b"data") == ("InvalidRequest", 400)
    version = put(locked)
    expected = {"Mode": "COMPLIANCE", "RetainUntilDate": NOW.replace(year=2027)}
    assert locked("GetObjectRetention", **BUCKET, Key="k", VersionId=version)["Retention"] == expected
    headers = {"ObjectLockMode": "GOVERNANCE", "ObjectLockRetainUntilDate": NOW + DAY, "ObjectLockLegalHoldStatus": "ON"}
    put(locked, "other", **headers)
    answer = locked("HeadObject", **BUCKET, Key="other")
    assert {name: answer[name] for name in headers} == headers
    upload = locked("CreateMultipartUpload", **BUCKET, Key="parts")["UploadId"]
    part = locked("UploadPart", **BUCKET, Key="parts", UploadId=upload, PartNumber=1, body=b"x")["ETag"]
    parts = {"Parts": [{"PartNumber": 1, "ETag": part}]}
    locked("CompleteMultipartUpload", **BUCKET, Key="parts", UploadId=upload, MultipartUpload=parts)
    assert locked("GetObjectRetention", **BUCKET, Key="parts")["Retention"] == expected
    locked("CopyObject", **BUCKET, Key="copy", CopySource="locked-logs/k")
    assert locked("GetObjectRetention", **BUCKET, Key="copy")["Retention"] == expected


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        ({"ObjectLockMode": "GOVERNANCE"}, "InvalidArgument"),
        ({"ObjectLockRetainUntilDate": NOW + DAY}, "InvalidArgument"),
        ({"ObjectLockMode": "FOREVER", "ObjectLockRetainUntilDate": NOW + DAY}, "InvalidArgument"),
        ({"ObjectLockMode": "GOVERNANCE", "ObjectLockRetainUntilDate": NOW - DAY}, "InvalidArgument"),
        ({"ObjectLockLegalHoldStatus": "MAYBE"}, "InvalidArgument"),
    ],
)
def test_locks_that_cannot_be_asked_for(locked: Any, facts: dict[str, Any], code: str) -> None:
    assert code_of(locked, "PutObject", Key="k", body=b"data", **MD5, **facts) == (code, 400)
    assert locked("ListObjectVersions", **BUCKET)["Versions"] == []


def test_compliance_is_only_ever_made_longer(locked: Any) -> None:
    put(locked)
    locked("PutObjectRetention", **BUCKET, Key="k", Retention=COMPLIANCE)
    bypass = {"BypassGovernanceRetention": True}
    for shorter in ({}, GOVERNANCE, {**COMPLIANCE, "RetainUntilDate": NOW + 9 * DAY}, {**GOVERNANCE, "RetainUntilDate": NOW + 11 * DAY}):
        assert code_of(locked, "PutObjectRetention", Key="k", Retention=shorter, **bypass) == ("AccessDenied", 403)
    longer = {**COMPLIANCE, "RetainUntilDate": NOW + 11 * DAY}
    locked("PutObjectRetention", **BUCKET, Key="k", Retention=longer)
    assert locked("GetObjectRetention", **BUCKET, Key="k")["Retention"] == longer


def test_governance_is_shortened_by_those_who_may_bypass_it(locked: Any) -> None:
    put(locked)
    locked("PutObjectRetention", **BUCKET, Key="k", Retention=GOVERNANCE)
    shorter = {**GOVERNANCE, "RetainUntilDate": NOW + DAY}
    assert code_of(locked, "PutObjectRetention", Key="k", Retention=shorter) == ("AccessDenied", 403)
    assert code_of(locked, "PutObjectRetention", Key="k", Retention={}) == ("AccessDenied", 403)
    locked("PutObjectRetention", **BUCKET, Key="k", Retention=shorter, BypassGovernanceRetention=True)
    locked("PutObjectRetention", **BUCKET, Key="k", Retention={}, BypassGovernanceRetention=True)
    assert code_of(locked, "GetObjectRetention", Key="k") == ("NoSuchObjectLockConfiguration", 404)


def test_a_legal_hold_stands_beside_the_retention(locked: Any) -> None:
    version = put(locked)
    assert code_of(locked, "GetObjectLegalHold", Key="k") == ("NoSuchObjectLockConfiguration", 404)
    locked("PutObjectLegalHold", **BUCKET, Key="k", LegalHold={"Status": "ON"})
    assert locked("GetObjectLegalHold", **BUCKET, Key="k")["LegalHold"] == {"Status": "ON"}
    bypass = {"BypassGovernanceRetention": True}
    assert code_of(locked, "DeleteObject", Key="k", VersionId=version, **bypass) == ("AccessDenied", 403)
    assert code_of(locked, "PutObjectLegalHold", Key="k", LegalHold={"Status": "PERHAPS"}) == ("MalformedXML", 400)
    locked("PutObjectLegalHold", **BUCKET, Key="k", VersionId=version, LegalHold={"Status": "OFF"})
    locked("DeleteObject", **BUCKET, Key="k", VersionId=version)


@pytest.mark.parametrize(("mode", "bypassed"), [("GOVERNANCE", True), ("COMPLIANCE", False)])
def test_a_retained_version_stays_until_its_time_has_come(locked: Any, mode: str, bypassed: bool) -> None:
    version = put(locked, ObjectLockMode=mode, ObjectLockRetainUntilDate=NOW + DAY)
    target = {"Key": "k", "VersionId": version}
    assert code_of(locked, "DeleteObject", **target) == ("AccessDenied", 403)
    answer = locked("DeleteObjects", **BUCKET, Delete={"Objects": [target]})
    assert [(entry["VersionId"], entry["Code"]) for entry in answer["Errors"]] == [(version, "AccessDenied")]
    locked.clock.advance(-3 * 86_400)  # a clock that is set back unlocks nothing
    assert code_of(locked, "DeleteObject", **target) == ("AccessDenied", 403)
    locked.clock.advance(3 * 86_400)
    if bypassed:
        locked("DeleteObject", **BUCKET, **target, BypassGovernanceRetention=True)
    else:
        assert code_of(locked, "DeleteObject", **target, BypassGovernanceRetention=True) == ("AccessDenied", 403)
        locked.clock.advance(86_400)
        locked("DeleteObject", **BUCKET, **target)
    assert locked("ListObjectVersions", **BUCKET)["Versions"] == []


def test_a_marker_hides_what_is_locked_and_removes_nothing(locked: Any) -> None:
    version = put(locked, ObjectLockLegalHoldStatus="ON")
    marker = locked("DeleteObject", **BUCKET, Key="k")["VersionId"]
    assert code_of(locked, "PutObjectRetention", Key="k", VersionId=marker, Retention=GOVERNANCE) == ("MethodNotAllowed", 405)
    assert locked("GetObject", **BUCKET, Key="k", VersionId=version)["Body"] == b"data"
    assert code_of(locked, "DeleteBucket") == ("BucketNotEmpty", 409)
