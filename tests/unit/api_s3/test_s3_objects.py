"""Objects through the S3 API: put, get, head, copy, delete, tags."""

from __future__ import annotations

import hashlib
import zlib
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from opentrail.wire.faults import Fault

BUCKET = {"Bucket": "example-logs"}
DATA = b"0123456789"
ETAG = '"' + hashlib.md5(DATA).hexdigest() + '"'
MODIFIED = datetime(2026, 1, 5, 10, 11, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def fault_of(s3: Any, operation: str, **facts: Any) -> Fault:
    with pytest.raises(Fault) as caught:
        s3(operation, **facts)
    return caught.value


def crc32(data: bytes) -> str:
    return b64encode(zlib.crc32(data).to_bytes(4, "big")).decode()


def md5(data: bytes) -> str:
    return b64encode(hashlib.md5(data).digest()).decode()


def test_what_is_put_is_what_is_read(s3: Any) -> None:
    put = s3.put(
        "a/key", DATA, ContentType="text/plain", Metadata={"Owner": "me"}, CacheControl="no-store", ContentEncoding="aws-chunked,gzip"
    )
    assert put.members == {"ETag": ETAG, "ServerSideEncryption": "AES256"}
    got = s3.get("a/key")
    expected = {
        "AcceptRanges": "bytes",
        "CacheControl": "no-store",
        "ContentEncoding": "gzip",
        "ContentLength": 10,
        "ContentType": "text/plain",
        "ETag": ETAG,
        "LastModified": MODIFIED,
        "Metadata": {"owner": "me"},
        "ServerSideEncryption": "AES256",
    }
    assert got.members == expected | {"Body": DATA}
    assert s3("HeadObject", **BUCKET, Key="a/key").members == expected


def test_expires_survives(s3: Any) -> None:
    s3.put("k", Expires=MODIFIED)
    assert s3("HeadObject", **BUCKET, Key="k")["Expires"] == MODIFIED


@pytest.mark.parametrize(
    ("facts", "code", "status"),
    [
        ({"Bucket": "no-such-bucket"}, "NoSuchBucket", 404),
        ({"Key": "x" * 1025}, "KeyTooLongError", 400),
        ({"Key": "é" * 513}, "KeyTooLongError", 400),
        ({"ContentLength": None, "headers": {"x": "y"}}, "MissingContentLength", 411),
        ({"ContentLength": (5 << 30) + 1}, "EntityTooLarge", 400),
        ({"ContentLength": 11}, "IncompleteBody", 400),
        ({"ContentLength": 9}, "IncompleteBody", 400),
        ({"ContentMD5": "nonsense"}, "InvalidDigest", 400),
        ({"ContentMD5": md5(b"other")}, "BadDigest", 400),
        ({"ChecksumCRC32": crc32(b"other")}, "BadDigest", 400),
        ({"ChecksumCRC32": "nonsense"}, "InvalidRequest", 400),
        ({"ChecksumCRC32": crc32(DATA), "ChecksumSHA1": "x"}, "InvalidRequest", 400),
        ({"ChecksumXXHASH64": "AAAAAAAAAAA="}, "NotImplemented", 501),
        ({"Metadata": {"a": "x" * 2048}}, "MetadataTooLarge", 400),
        ({"StorageClass": "COSY"}, "InvalidStorageClass", 400),
        ({"StorageClass": "GLACIER"}, "NotImplemented", 501),
        ({"ServerSideEncryption": "aws:kms:dsse"}, "NotImplemented", 501),
        ({"ServerSideEncryption": "rot13"}, "InvalidArgument", 400),
        ({"SSECustomerAlgorithm": "AES256"}, "NotImplemented", 501),
        ({"ACL": "public-read"}, "AccessControlListNotSupported", 400),
        ({"Tagging": "a=1&a=2"}, "InvalidTag", 400),
        ({"Tagging": "&".join(f"t{n}=1" for n in range(11))}, "InvalidTag", 400),
        ({"ObjectLockMode": "GOVERNANCE"}, "InvalidArgument", 400),
        ({"ObjectLockLegalHoldStatus": "ON"}, "InvalidRequest", 400),
        ({"WriteOffsetBytes": 10}, "NotImplemented", 501),
        ({"IfNoneMatch": "*"}, "PreconditionFailed", 412),
        ({"IfMatch": '"no"'}, "PreconditionFailed", 412),
        ({"ExpectedBucketOwner": "999999999999"}, "AccessDenied", 403),
    ],
)
def test_a_put_that_fails_changes_nothing(s3: Any, facts: dict[str, Any], code: str, status: int) -> None:
    s3.put("k", b"old")
    fault = fault_of(s3, "PutObject", **({**BUCKET, "Key": "k", "body": DATA} | facts))
    assert (fault.code, fault.status) == (code, status)
    assert s3.get("k")["Body"] == b"old"
    assert [entry["Key"] for entry in s3("ListObjectsV2", **BUCKET)["Contents"]] == ["k"]


@pytest.mark.parametrize(
    ("facts", "member"),
    [
        ({"ChecksumCRC32": crc32(DATA)}, {"ChecksumCRC32": crc32(DATA)}),
        ({"ChecksumSHA1": b64encode(hashlib.sha1(DATA).digest()).decode()}, None),
        ({"ChecksumSHA256": b64encode(hashlib.sha256(DATA).digest()).decode()}, None),
        ({"ChecksumCRC32C": "KAwGng=="}, None),
        ({"ChecksumAlgorithm": "CRC32"}, {"ChecksumCRC32": crc32(DATA)}),
        ({"headers": {"x-amz-trailer": "x-amz-checksum-crc32", "x-amz-decoded-content-length": "10"}}, {"ChecksumCRC32": crc32(DATA)}),
    ],
)
def test_a_checksum_is_verified_kept_and_shown_on_demand(s3: Any, facts: dict[str, Any], member: dict[str, str] | None) -> None:
    expected = {**(member or facts), "ChecksumType": "FULL_OBJECT"}
    put = s3("PutObject", **BUCKET, Key="k", body=DATA, ContentMD5=md5(DATA), **facts)
    shown = {name: value for name, value in put.members.items() if name.startswith("Checksum")}
    assert shown == expected
    assert expected.items() <= s3.get("k", ChecksumMode="ENABLED").members.items()
    assert not any(name.startswith("Checksum") for name in s3.get("k").members)
    assert not any(name.startswith("Checksum") for name in s3.get("k", ChecksumMode="ENABLED", Range="bytes=1-2").members)
    entry = s3("ListObjectsV2", **BUCKET)["Contents"][0]
    assert [f"Checksum{entry['ChecksumAlgorithm'][0]}", entry["ChecksumType"]] == [next(iter(expected)), "FULL_OBJECT"]


@pytest.mark.parametrize(
    ("header", "body", "content_range"),
    [
        ("bytes=0-0", b"0", "bytes 0-0/10"),
        ("bytes=2-5", b"2345", "bytes 2-5/10"),
        ("bytes=8-", b"89", "bytes 8-9/10"),
        ("bytes=8-99", b"89", "bytes 8-9/10"),
        ("bytes=-3", b"789", "bytes 7-9/10"),
        ("bytes=-99", DATA, "bytes 0-9/10"),
        ("bytes=0-", DATA, "bytes 0-9/10"),
        ("bytes=5-2", DATA, None),
        ("bytes=0-1,3-4", DATA, None),
        ("lines=0-1", DATA, None),
        ("bytes=-", DATA, None),
        ("bytes=10-", None, None),
        ("bytes=-0", None, None),
        ("bytes=99-100", None, None),
    ],
)
def test_ranges(s3: Any, header: str, body: bytes | None, content_range: str | None) -> None:
    s3.put("k", DATA)
    if body is None:
        fault = fault_of(s3, "GetObject", **BUCKET, Key="k", Range=header)
        assert (fault.code, fault.status, fault.members["ActualObjectSize"]) == ("InvalidRange", 416, 10)
        return
    got = s3.get("k", Range=header)
    assert (got["Body"], got["ContentLength"], got.get("ContentRange")) == (body, len(body), content_range)
    assert got.status == (206 if content_range else None)
    assert s3("HeadObject", **BUCKET, Key="k", Range=header).status == got.status


def test_an_empty_object(s3: Any) -> None:
    s3.put("k", b"")
    assert (s3.get("k")["Body"], s3.get("k")["ContentLength"]) == (b"", 0)
    assert fault_of(s3, "GetObject", **BUCKET, Key="k", Range="bytes=0-").code == "InvalidRange"
    s3("PutObject", **BUCKET, Key="no-body-at-all", ContentLength=0)
    assert s3.get("no-body-at-all")["Body"] == b""


@pytest.mark.parametrize(
    ("conditions", "outcome"),
    [
        ({"IfMatch": ETAG}, 200),
        ({"IfMatch": "*"}, 200),
        ({"IfMatch": '"no", ' + ETAG}, 200),
        ({"IfMatch": '"no"'}, 412),
        ({"IfNoneMatch": ETAG}, 304),
        ({"IfNoneMatch": '"no"'}, 200),
        ({"IfModifiedSince": MODIFIED}, 304),
        ({"IfModifiedSince": MODIFIED - HOUR}, 200),
        ({"IfUnmodifiedSince": MODIFIED}, 200),
        ({"IfUnmodifiedSince": MODIFIED - HOUR}, 412),
        ({"IfMatch": ETAG, "IfUnmodifiedSince": MODIFIED - HOUR}, 200),
        ({"IfNoneMatch": '"no"', "IfModifiedSince": MODIFIED}, 200),
        ({"IfNoneMatch": ETAG, "IfModifiedSince": MODIFIED - HOUR}, 304),
    ],
)
def test_conditions_of_a_read(s3: Any, conditions: dict[str, Any], outcome: int) -> None:
    s3.put("k", DATA)
    for operation in ("GetObject", "HeadObject"):
        if outcome == 412:
            assert fault_of(s3, operation, **BUCKET, Key="k", **conditions).status == 412
        else:
            answer = s3(operation, **BUCKET, Key="k", **conditions)
            assert answer.status == (304 if outcome == 304 else None)
            assert answer["ETag"] == ETAG
            assert ("ContentLength" in answer) is (outcome == 200)


def test_the_answer_can_be_dressed_differently(s3: Any) -> None:
    s3.put("k", DATA)
    got = s3.get("k", ResponseContentType="x/y", ResponseContentDisposition="attachment", ResponseExpires=MODIFIED)
    assert (got["ContentType"], got["ContentDisposition"], got["Expires"]) == ("x/y", "attachment", MODIFIED)


def test_missing_things(s3: Any) -> None:
    missing = fault_of(s3, "GetObject", **BUCKET, Key="no/such")
    assert (missing.code, missing.status, missing.members) == ("NoSuchKey", 404, {"Key": "no/such"})
    gone = fault_of(s3, "GetObject", Bucket="no-such-bucket", Key="k")
    assert (gone.code, gone.status, gone.members) == ("NoSuchBucket", 404, {"BucketName": "no-such-bucket"})
    s3.put("k")
    assert fault_of(s3, "GetObject", **BUCKET, Key="k", VersionId="abc").code == "InvalidArgument"
    assert s3.get("k", VersionId="null")["Body"] == b"data"
    assert fault_of(s3, "GetObject", **BUCKET, Key="k", PartNumber=2).code == "InvalidPartNumber"
    assert fault_of(s3, "GetObject", **BUCKET, Key="k", PartNumber=1, Range="bytes=0-1").code == "InvalidRequest"
    assert s3.get("k", PartNumber=1).status == 206


def test_removing(s3: Any) -> None:
    for key in ("a", "b", "c"):
        s3.put(key)
    assert s3("DeleteObject", **BUCKET, Key="a").members == {}
    assert s3("DeleteObject", **BUCKET, Key="a").members == {}
    assert fault_of(s3, "DeleteObject", **BUCKET, Key="b", IfMatch='"no"').code == "PreconditionFailed"
    several = s3(
        "DeleteObjects",
        **BUCKET,
        Delete={
            "Objects": [{"Key": "b"}, {"Key": "none"}, {"Key": "c", "ETag": "no"}, {"Key": "x" * 1025}, {"Key": "d", "VersionId": "7"}]
        },
    )
    assert [entry["Key"] for entry in several["Deleted"]] == ["b", "none"]
    assert [(entry["Key"][:1], entry["Code"]) for entry in several["Errors"]] == [
        ("x", "KeyTooLongError"),
        ("d", "InvalidArgument"),
        ("c", "PreconditionFailed"),
    ]
    assert s3("DeleteObjects", **BUCKET, Delete={"Objects": [{"Key": "c"}], "Quiet": True}).members == {}
    assert s3("ListObjectsV2", **BUCKET)["KeyCount"] == 0
    for objects in ([], [{"Key": "k"}] * 1001):
        assert fault_of(s3, "DeleteObjects", **BUCKET, Delete={"Objects": objects}).code == "MalformedXML"
    assert fault_of(s3, "DeleteObjects", Bucket="no-such-bucket", Delete={"Objects": [{"Key": "k"}]}).code == "NoSuchBucket"


def test_copying(s3: Any) -> None:
    s3.put("from here/é", DATA, Metadata={"m": "1"}, ContentType="text/plain", Tagging="t=1", ChecksumCRC32=crc32(DATA))
    copy: dict[str, Any] = {**BUCKET, "CopySource": "example-logs/from%20here/%C3%A9"}
    result = s3("CopyObject", **copy, Key="to")["CopyObjectResult"]
    assert (result["ETag"], result["ChecksumCRC32"]) == (ETAG, crc32(DATA))
    got = s3.get("to")
    assert (got["Body"], got["Metadata"], got["ContentType"], got["TagCount"]) == (DATA, {"m": "1"}, "text/plain", 1)
    s3("CopyObject", **copy, Key="to", MetadataDirective="REPLACE", Metadata={"n": "2"}, TaggingDirective="REPLACE")
    got = s3.get("to")
    assert (got["Metadata"], got["ContentType"], got.get("TagCount")) == ({"n": "2"}, "binary/octet-stream", None)
    s3("CopyObject", **BUCKET, Key="to", CopySource="/example-logs/to", StorageClass="STANDARD_IA")
    assert s3.get("to")["StorageClass"] == "STANDARD_IA"
    assert s3.get("to")["Body"] == DATA


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        ({"CopySource": "example-logs/k", "Key": "k"}, "InvalidRequest"),
        ({"CopySource": "example-logs/none"}, "NoSuchKey"),
        ({"CopySource": "no-such-bucket/k"}, "NoSuchBucket"),
        ({"CopySource": "example-logs"}, "InvalidArgument"),
        ({"CopySource": "arn:aws:s3:us-east-1:1:accesspoint/a/object/k"}, "NotImplemented"),
        ({"CopySource": "example-logs/k?versionId=3"}, "InvalidArgument"),
        ({"MetadataDirective": "MERGE"}, "InvalidArgument"),
        ({"CopySourceIfMatch": '"no"'}, "PreconditionFailed"),
        ({"CopySourceIfNoneMatch": ETAG}, "PreconditionFailed"),
        ({"CopySourceIfModifiedSince": MODIFIED}, "PreconditionFailed"),
        ({"CopySourceIfUnmodifiedSince": MODIFIED - HOUR}, "PreconditionFailed"),
        ({"ExpectedSourceBucketOwner": "999999999999"}, "AccessDenied"),
        ({"Bucket": "no-such-bucket"}, "NoSuchBucket"),
    ],
)
def test_a_copy_that_cannot_be(s3: Any, facts: dict[str, Any], code: str) -> None:
    s3.put("k", DATA)
    assert fault_of(s3, "CopyObject", **({**BUCKET, "Key": "to", "CopySource": "example-logs/k"} | facts)).code == code


def test_tags_and_acl(s3: Any) -> None:
    s3.put("k", Tagging="a=1&b=", ACL="bucket-owner-full-control")
    assert s3("GetObjectTagging", **BUCKET, Key="k")["TagSet"] == [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": ""}]
    s3("PutObjectTagging", **BUCKET, Key="k", Tagging={"TagSet": [{"Key": "c", "Value": "3"}]})
    assert s3("GetObjectTagging", **BUCKET, Key="k")["TagSet"] == [{"Key": "c", "Value": "3"}]
    s3("DeleteObjectTagging", **BUCKET, Key="k")
    assert s3("GetObjectTagging", **BUCKET, Key="k")["TagSet"] == []
    assert s3("GetObjectAcl", **BUCKET, Key="k")["Grants"][0]["Permission"] == "FULL_CONTROL"
    s3("PutObjectAcl", **BUCKET, Key="k", ACL="bucket-owner-full-control")
    assert fault_of(s3, "PutObjectAcl", **BUCKET, Key="k", ACL="public-read").code == "AccessControlListNotSupported"
    for operation in ("GetObjectTagging", "DeleteObjectTagging", "GetObjectAcl"):
        assert fault_of(s3, operation, **BUCKET, Key="none").code == "NoSuchKey"
    assert fault_of(s3, "GetObjectRetention", **BUCKET, Key="k").code == "InvalidRequest"
    assert fault_of(s3, "RestoreObject", **BUCKET, Key="k").code == "InvalidObjectState"


def test_attributes(s3: Any) -> None:
    s3.put("k", DATA, ChecksumCRC32=crc32(DATA))
    got = s3("GetObjectAttributes", **BUCKET, Key="k", ObjectAttributes=["ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"])
    assert got.members == {
        "LastModified": MODIFIED,
        "ETag": ETAG.strip('"'),
        "Checksum": {"ChecksumCRC32": crc32(DATA), "ChecksumType": "FULL_OBJECT"},
        "StorageClass": "STANDARD",
        "ObjectSize": 10,
    }
    assert fault_of(s3, "GetObjectAttributes", **BUCKET, Key="k", ObjectAttributes=["Colour"]).code == "InvalidArgument"
