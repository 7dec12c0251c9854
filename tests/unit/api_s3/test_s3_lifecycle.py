"""Lifecycle configurations: what can be configured is given back as it was put, what cannot be is refused in words that help."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from opentrail.wire.faults import Fault

BUCKET = {"Bucket": "example-logs"}
MIDNIGHT = datetime(2027, 1, 1, tzinfo=UTC)
TAG = {"Key": "a", "Value": "1"}


def rule(**facts: Any) -> dict[str, Any]:
    return {"ID": "r", "Status": "Enabled", "Filter": {}, "Expiration": {"Days": 1}} | facts


def put(s3: Any, *rules: dict[str, Any]) -> None:
    given = [{name: value for name, value in one.items() if value is not None} for one in rules]
    s3("PutBucketLifecycleConfiguration", **BUCKET, LifecycleConfiguration={"Rules": given})


def test_a_bucket_has_none_until_it_is_put_and_after_it_is_deleted(s3: Any) -> None:
    for _ in range(2):
        with pytest.raises(Fault, match="NoSuchLifecycleConfiguration"):
            s3("GetBucketLifecycleConfiguration", **BUCKET)
        put(s3, rule())
        assert s3("GetBucketLifecycleConfiguration", **BUCKET).members == {
            "Rules": [rule()],
            "TransitionDefaultMinimumObjectSize": "all_storage_classes_128K",
        }
        s3("DeleteBucketLifecycle", **BUCKET)


@pytest.mark.parametrize(
    "given",
    [
        {"Filter": {"Prefix": ""}},
        {"Filter": {"Prefix": "AWSLogs/"}},
        {"Filter": {"Tag": TAG}},
        {"Filter": {"ObjectSizeGreaterThan": 0}},
        {"Filter": {"ObjectSizeLessThan": 100}},
        {"Filter": {"And": {"Prefix": "a", "Tags": [TAG, {"Key": "b", "Value": ""}], "ObjectSizeGreaterThan": 1, "ObjectSizeLessThan": 5}}},
        {"Filter": {"And": {"Tags": [TAG, {"Key": "b", "Value": "2"}]}}},
        {"Status": "Disabled"},
        {"Expiration": {"Date": MIDNIGHT}},
        {"Expiration": {"ExpiredObjectDeleteMarker": True}},
        {"Expiration": {"ExpiredObjectDeleteMarker": False}},
        {"NoncurrentVersionExpiration": {"NoncurrentDays": 30, "NewerNoncurrentVersions": 5}},
        {"AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7}},
        {
            "Expiration": {"Days": 400},
            "Transitions": [{"Days": 30, "StorageClass": "STANDARD_IA"}, {"Days": 90, "StorageClass": "GLACIER_IR"}],
            "NoncurrentVersionTransitions": [{"NoncurrentDays": 30, "StorageClass": "ONEZONE_IA", "NewerNoncurrentVersions": 2}],
        },
        {"Expiration": {"Date": MIDNIGHT}, "Transitions": [{"Date": MIDNIGHT.replace(year=2026), "StorageClass": "GLACIER_IR"}]},
    ],
)
def test_a_rule_comes_back_as_it_was_put(s3: Any, given: dict[str, Any]) -> None:
    put(s3, rule(**given))
    assert s3("GetBucketLifecycleConfiguration", **BUCKET)["Rules"] == [rule(**given)]


def test_the_old_form_of_a_rule(s3: Any) -> None:
    old = {"ID": "r", "Status": "Enabled", "Prefix": "AWSLogs/", "Expiration": {"Days": 1}}
    put(s3, old)
    assert s3("GetBucketLifecycleConfiguration", **BUCKET)["Rules"] == [old]


def test_a_rule_without_an_id_gets_one(s3: Any) -> None:
    put(s3, rule(ID=None), rule(ID=None, Filter={"Prefix": "x"}))
    one, other = s3("GetBucketLifecycleConfiguration", **BUCKET)["Rules"]
    assert one["ID"]
    assert other["ID"] not in ("", one["ID"])


@pytest.mark.parametrize(
    ("rules", "code", "words"),
    [
        ([], "MalformedXML", "did not validate"),
        ([rule()] * 1001, "MalformedXML", "did not validate"),
        ([rule(), rule()], "InvalidArgument", "unique"),
        ([rule(ID="x" * 256)], "InvalidArgument", "255"),
        ([rule(Status="On")], "MalformedXML", "did not validate"),
        ([rule(Expiration=None)], "InvalidRequest", "At least one action"),
        ([rule(Filter=None)], "MalformedXML", "did not validate"),
        ([rule(Prefix="a")], "MalformedXML", "did not validate"),
        ([rule(Filter={"Prefix": "a", "Tag": TAG})], "MalformedXML", "did not validate"),
        ([rule(Filter={"And": {"Prefix": "a"}})], "MalformedXML", "did not validate"),
        ([rule(Filter={"And": {"Prefix": "a", "Tags": [TAG, TAG]}})], "InvalidTag", "same key"),
        ([rule(Filter={"And": {"ObjectSizeGreaterThan": 5, "ObjectSizeLessThan": 5}})], "InvalidRequest", "greater than"),
        ([rule(Expiration={})], "MalformedXML", "did not validate"),
        ([rule(Expiration={"Days": 1, "Date": MIDNIGHT})], "MalformedXML", "did not validate"),
        ([rule(Expiration={"Days": 0})], "InvalidArgument", "'Days' for Expiration action must be a positive integer"),
        ([rule(Expiration={"Date": MIDNIGHT.replace(hour=1)})], "InvalidArgument", "'Date' must be at midnight GMT"),
        ([rule(Filter={"Tag": TAG}, Expiration={"ExpiredObjectDeleteMarker": True})], "InvalidRequest", "ExpiredObjectDeleteMarker"),
        ([rule(Filter={"Tag": TAG}, AbortIncompleteMultipartUpload={"DaysAfterInitiation": 1})], "InvalidRequest", "tags"),
        ([rule(AbortIncompleteMultipartUpload={"DaysAfterInitiation": 0})], "InvalidArgument", "positive"),
        ([rule(NoncurrentVersionExpiration={})], "MalformedXML", "did not validate"),
        ([rule(NoncurrentVersionExpiration={"NoncurrentDays": 0})], "InvalidArgument", "positive"),
        ([rule(NoncurrentVersionExpiration={"NewerNoncurrentVersions": 3})], "InvalidArgument", "'NoncurrentDays' for Noncurrent"),
        (
            [
                rule(
                    NoncurrentVersionExpiration={"NoncurrentDays": 9},
                    NoncurrentVersionTransitions=[{"NoncurrentDays": 9, "StorageClass": "GLACIER_IR"}],
                )
            ],
            "InvalidArgument",
            "'NoncurrentDays' in the NoncurrentVersionExpiration action must be greater",
        ),
        ([rule(NoncurrentVersionExpiration={"NoncurrentDays": 1, "NewerNoncurrentVersions": 101})], "InvalidArgument", "100"),
        ([rule(Transitions=[{"Days": 40, "StorageClass": "COLD"}])], "MalformedXML", "did not validate"),
        ([rule(Transitions=[{"Days": 40, "StorageClass": "DEEP_ARCHIVE"}])], "NotImplemented", "DEEP_ARCHIVE"),
        ([rule(Transitions=[{"Days": 29, "StorageClass": "STANDARD_IA"}])], "InvalidArgument", "greater than or equal to 30"),
        ([rule(Transitions=[{"StorageClass": "STANDARD_IA"}])], "MalformedXML", "did not validate"),
        ([rule(Transitions=[{"Days": 40, "StorageClass": "GLACIER_IR"}])], "InvalidArgument", "Transition action"),
        ([rule(Transitions=[{"Date": MIDNIGHT, "StorageClass": "GLACIER_IR"}])], "InvalidRequest", "mixed"),
        (
            [rule(Expiration={"Days": 90}, Transitions=[{"Days": days, "StorageClass": "GLACIER_IR"} for days in (1, 2)])],
            "InvalidRequest",
            "different",
        ),
    ],
)
def test_rules_that_cannot_be(s3: Any, rules: list[dict[str, Any]], code: str, words: str) -> None:
    with pytest.raises(Fault, match=words) as caught:
        put(s3, *rules)
    assert caught.value.code == code
    with pytest.raises(Fault, match="NoSuchLifecycleConfiguration"):
        s3("GetBucketLifecycleConfiguration", **BUCKET)
