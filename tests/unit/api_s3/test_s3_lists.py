"""Lists through the S3 API."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from opentrail.wire.faults import Fault

BUCKET = {"Bucket": "example-logs"}
NASTY = ["a", "a b", "a/", "a/b", "a/c/d", "a//", "b+c", "b%20", "c&<>", "é/1", "é/2", "\U0001f600", "\uffff", "z\x01", "~", "/x"]


@pytest.fixture
def filled(s3: Any) -> Any:
    for key in NASTY:
        s3.put(key)
    return s3


def keys_of(answer: Any) -> list[str]:
    return [entry["Key"] for entry in answer["Contents"]]


def prefixes_of(answer: Any) -> list[str]:
    return [entry["Prefix"] for entry in answer["CommonPrefixes"]]


def test_version_1_goes_on_from_a_marker_as_clients_do(filled: Any) -> None:
    got: list[str] = []
    marker = None
    while True:
        page = filled("ListObjects", **BUCKET, MaxKeys=3, Marker=marker)
        got += keys_of(page)
        assert "NextMarker" not in page  # only with a delimiter
        if not page["IsTruncated"]:
            break
        marker = got[-1]
    assert got == sorted(NASTY, key=str.encode)


def test_version_1_with_a_delimiter_goes_on_from_next_marker(filled: Any) -> None:
    keys: list[str] = []
    prefixes: list[str] = []
    marker = None
    while True:
        page = filled("ListObjects", **BUCKET, MaxKeys=2, Marker=marker, Delimiter="/")
        keys += keys_of(page)
        prefixes += prefixes_of(page)
        if not page["IsTruncated"]:
            break
        marker = page["NextMarker"]
    assert prefixes == ["/", "a/", "é/"]
    assert keys == sorted((key for key in NASTY if "/" not in key), key=str.encode)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None)
@given(size=st.integers(1, 6), delimiter=st.sampled_from([None, "/", "b"]), prefix=st.sampled_from([None, "a", "a/", "é"]))
def test_version_2_pages_are_the_whole(filled: Any, size: int, delimiter: str | None, prefix: str | None) -> None:
    whole = filled("ListObjectsV2", **BUCKET, Delimiter=delimiter, Prefix=prefix)
    assert whole["IsTruncated"] is False
    keys: list[str] = []
    prefixes: list[str] = []
    token = None
    while True:
        page = filled("ListObjectsV2", **BUCKET, Delimiter=delimiter, Prefix=prefix, MaxKeys=size, ContinuationToken=token)
        assert page["KeyCount"] == len(page["Contents"]) + len(page["CommonPrefixes"]) <= size
        keys += keys_of(page)
        prefixes += prefixes_of(page)
        token = page.get("NextContinuationToken")
        if token is None:
            break
    assert (keys, prefixes) == (keys_of(whole), prefixes_of(whole))


def test_keys_can_be_asked_for_encoded(filled: Any) -> None:
    page = filled("ListObjectsV2", **BUCKET, EncodingType="url", Delimiter="/", StartAfter="a b")
    raw = [entry["Key"] for entry in page["Contents"]]
    assert [unquote(key) for key in raw] == [key for key in sorted(NASTY, key=str.encode) if key > "a b" and "/" not in key]
    assert all(key.isascii() and "+" not in key and " " not in key for key in raw)
    assert (page["EncodingType"], page["StartAfter"], page["Delimiter"]) == ("url", "a%20b", "/")
    assert prefixes_of(page) == ["a/", "%C3%A9/"]


def test_owners_are_shown_when_asked(filled: Any) -> None:
    assert "Owner" in filled("ListObjects", **BUCKET)["Contents"][0]
    assert "Owner" not in filled("ListObjectsV2", **BUCKET)["Contents"][0]
    assert len(filled("ListObjectsV2", **BUCKET, FetchOwner=True)["Contents"][0]["Owner"]["ID"]) == 64


def test_without_versioning_each_object_is_its_own_version(filled: Any) -> None:
    page = filled("ListObjectVersions", **BUCKET, MaxKeys=5)
    assert [(entry["VersionId"], entry["IsLatest"]) for entry in page["Versions"]] == [("null", True)] * 5
    rest = filled("ListObjectVersions", **BUCKET, KeyMarker=page["NextKeyMarker"], VersionIdMarker=page["NextVersionIdMarker"])
    assert [entry["Key"] for entry in (*page["Versions"], *rest["Versions"])] == sorted(NASTY, key=str.encode)


@pytest.mark.parametrize(
    ("operation", "parameters"),
    [
        ("ListObjects", {"MaxKeys": -1}),
        ("ListObjects", {"EncodingType": "base64"}),
        ("ListObjectsV2", {"ContinuationToken": ""}),
        ("ListObjectsV2", {"ContinuationToken": "nonsense"}),
        ("ListObjectVersions", {"VersionIdMarker": "null"}),
        ("ListMultipartUploads", {"MaxUploads": -1}),
    ],
)
def test_arguments_that_cannot_be(s3: Any, operation: str, parameters: dict[str, Any]) -> None:
    with pytest.raises(Fault) as caught:
        s3(operation, **BUCKET, **parameters)
    assert caught.value.code == "InvalidArgument"


@pytest.mark.parametrize(("asked", "entries", "shown"), [(0, 0, 0), (2, 2, 2), (5000, 16, 1000), (None, 16, 1000)])
def test_the_size_of_a_page(filled: Any, asked: int | None, entries: int, shown: int) -> None:
    page = filled("ListObjectsV2", **BUCKET, MaxKeys=asked)
    assert (len(page["Contents"]), page["MaxKeys"], page["IsTruncated"]) == (entries, shown, 0 < entries < 16)
