"""Multipart uploads through the S3 API."""

from __future__ import annotations

import hashlib
import os
import zlib
from base64 import b64encode
from typing import Any

import pytest

from opentrail.wire.faults import Fault

BUCKET = {"Bucket": "example-logs"}
PARTS = [b"first-" * 100, b"second" * 50, b"x"]
WHOLE = b"".join(PARTS)
ETAG = '"' + hashlib.md5(b"".join(hashlib.md5(part).digest() for part in PARTS)).hexdigest() + '-3"'


def code_of(s3: Any, operation: str, **facts: Any) -> str:
    with pytest.raises(Fault) as caught:
        s3(operation, **facts)
    return caught.value.code


def crc32(data: bytes) -> str:
    return b64encode(zlib.crc32(data).to_bytes(4, "big")).decode()


def begin(s3: Any, key: str = "big", **facts: Any) -> dict[str, Any]:
    return {**BUCKET, "Key": key, "UploadId": s3("CreateMultipartUpload", **BUCKET, Key=key, **facts)["UploadId"]}


def upload(s3: Any, target: dict[str, Any], parts: list[bytes] = PARTS) -> list[dict[str, Any]]:
    made = []
    for number, data in enumerate(parts, 1):
        answer = s3("UploadPart", **target, PartNumber=number, body=data)
        made.append({"PartNumber": number} | {name: value for name, value in answer.members.items() if name != "ServerSideEncryption"})
    return made


def test_parts_become_one_object(s3: Any) -> None:
    target = begin(s3, Metadata={"m": "1"}, ContentType="text/plain", Tagging="t=1")
    parts = upload(s3, target)
    assert code_of(s3, "GetObject", **BUCKET, Key="big") == "NoSuchKey"
    done = s3("CompleteMultipartUpload", **target, MultipartUpload={"Parts": parts})
    assert (done["ETag"], done["Location"]) == (ETAG, "http://s3.amazonaws.com/example-logs/big")
    got = s3.get("big")
    assert (got["Body"], got["ETag"], got["Metadata"], got["ContentType"], got["TagCount"]) == (WHOLE, ETAG, {"m": "1"}, "text/plain", 1)
    assert s3("CompleteMultipartUpload", **target, MultipartUpload={"Parts": parts})["ETag"] == ETAG, "again is the same"
    assert code_of(s3, "UploadPart", **target, PartNumber=1, body=b"x") == "NoSuchUpload"
    assert os.listdir(s3.folder / "buckets/.uploads") == []


def test_single_parts_can_be_read(s3: Any) -> None:
    target = begin(s3, ChecksumAlgorithm="CRC32")
    s3("CompleteMultipartUpload", **target, MultipartUpload={"Parts": upload(s3, target)})
    second = s3.get("big", PartNumber=2)
    assert (second["Body"], second.status, second["PartsCount"]) == (PARTS[1], 206, 3)
    assert second["ContentRange"] == f"bytes 600-899/{len(WHOLE)}"
    assert code_of(s3, "GetObject", **BUCKET, Key="big", PartNumber=4) == "InvalidPartNumber"
    attributes = s3("GetObjectAttributes", **BUCKET, Key="big", ObjectAttributes=["ObjectParts"], MaxParts=2, PartNumberMarker=1)
    assert attributes["ObjectParts"]["TotalPartsCount"] == 3
    assert attributes["ObjectParts"]["Parts"] == [
        {"PartNumber": 2, "Size": 300, "ChecksumCRC32": crc32(PARTS[1])},
        {"PartNumber": 3, "Size": 1, "ChecksumCRC32": crc32(PARTS[2])},
    ]


@pytest.mark.parametrize(
    ("algorithm", "kind", "value"),
    [
        ("CRC32", "FULL_OBJECT", crc32(WHOLE)),
        ("CRC32", "COMPOSITE", crc32(b"".join(zlib.crc32(part).to_bytes(4, "big") for part in PARTS)) + "-3"),
        ("SHA256", None, b64encode(hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in PARTS)).digest()).decode() + "-3"),
    ],
)
def test_the_checksum_of_the_whole(s3: Any, algorithm: str, kind: str | None, value: str) -> None:
    target = begin(s3, ChecksumAlgorithm=algorithm, ChecksumType=kind)
    parts = upload(s3, target)
    assert all(f"Checksum{algorithm}" in part for part in parts)
    wrong = {f"Checksum{algorithm}": b64encode(bytes(4 if algorithm == "CRC32" else 32)).decode()}
    assert code_of(s3, "CompleteMultipartUpload", **target, MultipartUpload={"Parts": parts}, **wrong) == "BadDigest"
    done = s3("CompleteMultipartUpload", **target, MultipartUpload={"Parts": parts}, **{f"Checksum{algorithm}": value})
    assert (done[f"Checksum{algorithm}"], done["ChecksumType"]) == (value, kind or "COMPOSITE")
    assert s3.get("big", ChecksumMode="ENABLED")[f"Checksum{algorithm}"] == value


def test_a_part_can_be_put_again_and_left_out(s3: Any) -> None:
    target = begin(s3)
    s3("UploadPart", **target, PartNumber=7, body=b"old")
    seventh = s3("UploadPart", **target, PartNumber=7, body=b"new")["ETag"]
    third = s3("UploadPart", **target, PartNumber=3, body=b"third-")["ETag"]
    s3("UploadPart", **target, PartNumber=9, body=b"left out")
    named = [{"PartNumber": 3, "ETag": third.strip('"')}, {"PartNumber": 7, "ETag": seventh}]
    s3("CompleteMultipartUpload", **target, MultipartUpload={"Parts": named})
    assert s3.get("big")["Body"] == b"third-new"
    assert s3.get("big", PartNumber=2)["Body"] == b"new"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"MultipartUpload": {"Parts": []}}, "MalformedXML"),
        ({"MultipartUpload": None}, "MalformedXML"),
        ({"MultipartUpload": {"Parts": [{"PartNumber": 1}]}}, "MalformedXML"),
        ({"MultipartUpload": {"Parts": [{"PartNumber": 1, "ETag": "no"}]}}, "InvalidPart"),
        ({"MultipartUpload": {"Parts": [{"PartNumber": 4, "ETag": "no"}]}}, "InvalidPart"),
        ({"UploadId": "none"}, "NoSuchUpload"),
        ({"Key": "other"}, "NoSuchUpload"),
        ({"Bucket": "no-such-bucket"}, "NoSuchBucket"),
        ({"IfNoneMatch": "*"}, "PreconditionFailed"),
        ({"IfMatch": '"no"'}, "PreconditionFailed"),
        ({"MpuObjectSize": 5}, "InvalidRequest"),
        ({"ChecksumCRC32": crc32(WHOLE)}, "InvalidRequest"),
    ],
)
def test_a_completion_that_fails_leaves_the_upload(s3: Any, change: dict[str, Any], code: str) -> None:
    s3.put("big", b"old")
    target = begin(s3)
    parts = {"MultipartUpload": {"Parts": upload(s3, target)}}
    assert code_of(s3, "CompleteMultipartUpload", **(target | parts | change)) == code
    assert s3.get("big")["Body"] == b"old"
    s3("CompleteMultipartUpload", **target, **parts)
    assert s3.get("big")["Body"] == WHOLE


def test_parts_must_be_in_order_and_large_enough(strict_s3: Any) -> None:
    target = begin(strict_s3)
    parts = upload(strict_s3, target)
    assert code_of(strict_s3, "CompleteMultipartUpload", **target, MultipartUpload={"Parts": parts[::-1]}) == "InvalidPartOrder"
    assert code_of(strict_s3, "CompleteMultipartUpload", **target, MultipartUpload={"Parts": parts}) == "EntityTooSmall"
    strict_s3("CompleteMultipartUpload", **target, MultipartUpload={"Parts": parts[2:]})
    assert strict_s3.get("big")["Body"] == PARTS[2]


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        ({"PartNumber": 0}, "InvalidArgument"),
        ({"PartNumber": 10001}, "InvalidArgument"),
        ({"UploadId": "none"}, "NoSuchUpload"),
        ({"ContentLength": 99}, "IncompleteBody"),
        ({"ChecksumSHA1": b64encode(bytes(20)).decode()}, "InvalidRequest"),
        ({"ChecksumCRC32": crc32(b"other")}, "BadDigest"),
        ({"ContentMD5": b64encode(bytes(16)).decode()}, "BadDigest"),
    ],
)
def test_a_part_that_cannot_be(s3: Any, facts: dict[str, Any], code: str) -> None:
    target = begin(s3, ChecksumAlgorithm="CRC32")
    assert code_of(s3, "UploadPart", **({**target, "PartNumber": 1, "body": b"data"} | facts)) == code
    assert s3("ListParts", **target)["Parts"] == []


def test_parts_can_be_copied(s3: Any) -> None:
    s3.put("from", b"0123456789")
    target = begin(s3, ChecksumAlgorithm="CRC32")
    copy: dict[str, Any] = {**target, "CopySource": "example-logs/from"}
    one = s3("UploadPartCopy", **copy, PartNumber=1, CopySourceRange="bytes=2-4")["CopyPartResult"]
    two = s3("UploadPartCopy", **copy, PartNumber=2)["CopyPartResult"]
    assert one["ChecksumCRC32"] == crc32(b"234")
    named = [{"PartNumber": number, "ETag": part["ETag"]} for number, part in enumerate((one, two), 1)]
    s3("CompleteMultipartUpload", **target, MultipartUpload={"Parts": named})
    assert s3.get("big")["Body"] == b"2340123456789"
    target = begin(s3)
    for header in ("bytes=5-10", "bytes=3-2", "bytes=3-"):
        assert code_of(s3, "UploadPartCopy", **copy | target, PartNumber=1, CopySourceRange=header) == "InvalidArgument"


def test_aborting(s3: Any) -> None:
    target = begin(s3)
    upload(s3, target)
    s3("AbortMultipartUpload", **target)
    assert code_of(s3, "AbortMultipartUpload", **target) == "NoSuchUpload"
    assert code_of(s3, "ListParts", **target) == "NoSuchUpload"
    assert os.listdir(s3.folder / "buckets/.uploads") == []


def test_parts_are_listed_in_pages(s3: Any) -> None:
    target = begin(s3)
    upload(s3, target)
    first = s3("ListParts", **target, MaxParts=2)
    assert ([part["PartNumber"] for part in first["Parts"]], first["IsTruncated"], first["NextPartNumberMarker"]) == ([1, 2], True, 2)
    rest = s3("ListParts", **target, PartNumberMarker=2)
    assert ([part["Size"] for part in rest["Parts"]], rest["IsTruncated"]) == ([1], False)


def test_uploads_are_listed_by_key_and_age(s3: Any) -> None:
    begun = []
    for key in ("b", "a/2", "b", "a/1", "b", "c"):
        s3.clock.advance(1)
        begun.append((key, begin(s3, key)["UploadId"]))
    expected = sorted(begun, key=lambda found: found[0])
    for size in (1, 2, 3, 10):
        got: list[tuple[str, str]] = []
        markers: dict[str, Any] = {}
        while True:
            page = s3("ListMultipartUploads", **BUCKET, MaxUploads=size, **markers)
            got += [(entry["Key"], entry["UploadId"]) for entry in page["Uploads"]]
            if not page["IsTruncated"]:
                break
            markers = {"KeyMarker": page["NextKeyMarker"], "UploadIdMarker": page["NextUploadIdMarker"]}
        assert got == expected
    rolled = s3("ListMultipartUploads", **BUCKET, Delimiter="/", KeyMarker="a")
    assert [entry["Prefix"] for entry in rolled["CommonPrefixes"]] == ["a/"]
    assert [entry["Key"] for entry in rolled["Uploads"]] == ["b", "b", "b", "c"]


def test_what_an_upload_cannot_be(s3: Any) -> None:
    for facts, code in [
        ({"ChecksumType": "FULL_OBJECT"}, "InvalidRequest"),
        ({"ChecksumAlgorithm": "SHA256", "ChecksumType": "FULL_OBJECT"}, "InvalidRequest"),
        ({"ChecksumAlgorithm": "XXHASH3"}, "NotImplemented"),
        ({"ServerSideEncryption": "aws:kms:dsse"}, "NotImplemented"),
        ({"Key": "x" * 1025}, "KeyTooLongError"),
    ]:
        assert code_of(s3, "CreateMultipartUpload", **({**BUCKET, "Key": "k"} | facts)) == code
