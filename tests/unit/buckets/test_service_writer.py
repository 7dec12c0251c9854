"""CloudTrail's own writes: by leave of the bucket policy that CloudTrail documents, and repeatable."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from opentrail.buckets import ObjectKeys, ServiceWriter
from opentrail.buckets.faults import AccessDenied, KeyTooLongError, NoSuchBucket
from opentrail.buckets.locks import DefaultRetention

ACCOUNT = "111122223333"
TRAIL = f"arn:aws:cloudtrail:us-east-1:{ACCOUNT}:trail/audit"
BUCKET = "arn:aws:s3:::example-logs"
KEY = f"AWSLogs/{ACCOUNT}/CloudTrail/us-east-1/2026/01/05/{ACCOUNT}_CloudTrail_us-east-1_20260105T1015Z_aB3dE5gH7jK9mN1p.json.gz"
BODY = gzip.compress(b'{"Records":[]}', mtime=0)
SERVICE = {"Service": "cloudtrail.amazonaws.com"}
FULL = {"s3:x-amz-acl": "bucket-owner-full-control"}


def template(*, prefix: str = "", source: str | None = TRAIL, resource: str | None = None) -> str:
    only = {"aws:SourceArn": source} if source else {}
    acl = {"Effect": "Allow", "Principal": SERVICE, "Action": "s3:GetBucketAcl", "Resource": BUCKET}
    write = {
        "Effect": "Allow",
        "Principal": SERVICE,
        "Action": "s3:PutObject",
        "Resource": resource or f"{BUCKET}/{prefix}AWSLogs/{ACCOUNT}/*",
        "Condition": {"StringEquals": FULL | only},
    }
    if only:
        acl["Condition"] = {"StringEquals": only}
    return json.dumps({"Version": "2012-10-17", "Statement": [acl, write]})


def with_secure_transport_only() -> str:
    statements = json.loads(template(source=None))["Statement"]
    deny = {
        "Effect": "Deny",
        "Principal": {"AWS": "*"},
        "Action": "s3:*",
        "Resource": [BUCKET, f"{BUCKET}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [deny, *statements]})


@pytest.fixture
def writer(simulated: Any) -> ServiceWriter:
    return ServiceWriter(simulated.buckets, simulated.clock, keys=ObjectKeys(simulated.kms.service_keys))


@pytest.mark.parametrize(
    ("text", "prefix", "allowed"),
    [
        (template(), None, True),
        (template(source=None), None, True),
        (template(prefix="audit/"), "audit", True),
        (template(prefix="audit/"), None, False),
        (template(), "audit", False),
        (template(source=TRAIL + "-other"), None, False),
        (template(resource=f"{BUCKET}/AWSLogs/999999999999/*"), None, False),
        (with_secure_transport_only(), None, True),
        (None, None, False),
    ],
)
def test_the_check_follows_the_policy(simulated: Any, writer: ServiceWriter, text: str | None, prefix: str | None, allowed: bool) -> None:
    if text is not None:
        simulated.buckets.configurations.put_policy("example-logs", text)
    if allowed:
        writer.check(bucket="example-logs", prefix=prefix, account_id=ACCOUNT, source_arn=TRAIL)
    else:
        with pytest.raises(AccessDenied):
            writer.check(bucket="example-logs", prefix=prefix, account_id=ACCOUNT, source_arn=TRAIL)


def test_a_log_file_is_there_for_a_person_to_read(simulated: Any, writer: ServiceWriter) -> None:
    simulated.buckets.configurations.put_policy("example-logs", template())
    writer.put(bucket="example-logs", key=KEY, body=BODY, metadata={"signature": "ab"}, source_arn=TRAIL, account_id=ACCOUNT)
    assert gzip.decompress((simulated.folder / "buckets/example-logs" / KEY).read_bytes()) == b'{"Records":[]}'
    stored = simulated.buckets.objects.find("example-logs", KEY)
    assert (stored.attributes.headers, stored.attributes.metadata, stored.owner) == (
        {"ContentType": "application/json"},
        {"signature": "ab"},
        ACCOUNT,
    )


def test_a_repeat_changes_nothing_and_other_bytes_replace(simulated: Any, writer: ServiceWriter) -> None:
    simulated.buckets.configurations.put_policy("example-logs", template())
    facts: dict[str, Any] = {"bucket": "example-logs", "key": KEY, "source_arn": TRAIL, "account_id": ACCOUNT}
    writer.put(**facts, body=BODY, metadata={})
    first = simulated.buckets.objects.find("example-logs", KEY)
    writer.put(**facts, body=BODY, metadata={})
    assert simulated.buckets.objects.find("example-logs", KEY) == first
    writer.put(**facts, body=BODY, metadata={"a": "b"})
    assert simulated.buckets.objects.find("example-logs", KEY).sequence > first.sequence
    writer.put(**facts, body=b"other", metadata={})
    assert simulated.get(KEY) == b"other"


@pytest.mark.parametrize(
    ("bucket", "key", "fault"),
    [
        ("no-such-bucket", KEY, NoSuchBucket),
        ("example-logs", "elsewhere/x", AccessDenied),
        ("example-logs", "AWSLogs/" + "x" * 1020, KeyTooLongError),
    ],
)
def test_a_write_that_may_not_be(simulated: Any, writer: ServiceWriter, bucket: str, key: str, fault: type[Exception]) -> None:
    simulated.buckets.configurations.put_policy("example-logs", template())
    with pytest.raises(fault):
        writer.put(bucket=bucket, key=key, body=BODY, metadata={}, source_arn=TRAIL, account_id=ACCOUNT)
    assert simulated.files() == set()


def test_a_policy_withdrawn_counts_at_once(simulated: Any, writer: ServiceWriter) -> None:
    simulated.buckets.configurations.put_policy("example-logs", template())
    writer.put(bucket="example-logs", key=KEY, body=BODY, metadata={}, source_arn=TRAIL, account_id=ACCOUNT)
    simulated.buckets.configurations.delete_policy("example-logs")
    with pytest.raises(AccessDenied):
        writer.put(bucket="example-logs", key=KEY, body=BODY, metadata={}, source_arn=TRAIL, account_id=ACCOUNT)


def test_delivery_into_a_locked_bucket_makes_one_version_and_locks_it(simulated: Any, writer: ServiceWriter) -> None:
    simulated.buckets.configurations.put_policy("example-logs", template())
    simulated.buckets.retention.put_versioning("example-logs", "Enabled", None)
    simulated.buckets.retention.put_default("example-logs", DefaultRetention(mode="COMPLIANCE", days=30))
    facts: dict[str, Any] = {"bucket": "example-logs", "key": KEY, "body": BODY, "metadata": {}, "source_arn": TRAIL, "account_id": ACCOUNT}
    for _ in range(3):  # a courier that died before it noted the delivery repeats it
        writer.put(**facts)
        simulated.clock.advance(60)
    [stored] = simulated.versions()
    assert (stored.lock.mode, stored.lock.until) == ("COMPLIANCE", stored.modified + 30 * 86_400)
    assert isinstance(simulated.delete_version(KEY, stored.version_id, bypass=True).refused, AccessDenied)
    simulated.delete([KEY])
    writer.put(**facts)
    assert simulated.get(KEY) == BODY
    assert [one.marker for one in simulated.versions()] == [False, True, False]
