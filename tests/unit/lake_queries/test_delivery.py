"""Delivery of results to a bucket: what lies there, who vouches for it, and what becomes of it in trouble."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from opentrail.lake.queries import store
from opentrail.wire.faults import InternalFailure, fault
from simulators.query_lake import Lake, Make
from simulators.query_tables import STORE
from simulators.running import wait_for

TEXT = f"/* id, said, error */ SELECT eventid, 'so \"much\", and more', errorcode FROM {STORE} ORDER BY eventtime"


def status(lake: Lake, query_id: str) -> str:
    """The delivery's status once it has one that stays."""
    told: str = wait_for(lambda: None if (found := lake.get(query_id).delivery_status) == "PENDING" else found)
    return told


def test_what_is_delivered_can_be_read_and_verified(make: Make) -> None:
    lake = make()
    lake.tables.fill(2100)
    query = lake.ended(lake.start(TEXT, delivery_s3_uri="s3://results/some/where"))
    assert status(lake, query.id) == "SUCCESS"
    day = datetime.fromtimestamp(query.created, UTC)
    folder = f"some/where/AWSLogs/123456789012/CloudTrail-Lake/Query/{day:%Y/%m/%d}/{query.id}/"
    assert set(lake.bucket.objects) == {("results", folder + "result_1.csv.gz"), ("results", folder + "result_sign.json")}
    packed = lake.bucket.named("result_1.csv.gz")
    text = gzip.decompress(packed).decode()
    assert text.splitlines()[:2] == ['"id","said","error"', '"event-0","so ""much"", and more",']
    rows = list(csv.reader(io.StringIO(text)))
    assert len(rows) == 2101
    assert rows[-1] == ["event-2099", 'so "much", and more', ""]

    document = lake.bucket.document()
    assert document["files"] == [{"fileHashValue": hashlib.sha256(packed).hexdigest(), "fileName": "result_1.csv.gz"}]
    completed = datetime.strptime(document["queryCompleteTime"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp()
    (key,) = lake.keys.public_keys("us-east-1", completed, completed)
    assert key.fingerprint == document["publicKeyFingerprint"]
    public = serialization.load_der_public_key(key.value)
    assert isinstance(public, rsa.RSAPublicKey)
    signed = " ".join(file["fileHashValue"] for file in document["files"]).encode()
    public.verify(bytes.fromhex(document["hashSignature"]), signed, padding.PKCS1v15(), hashes.SHA256())
    assert {name: document[name] for name in ("version", "region", "hashAlgorithm", "signatureAlgorithm")} == {
        "version": "1.0",
        "region": "us-east-1",
        "hashAlgorithm": "SHA-256",
        "signatureAlgorithm": "SHA256withRSA",
    }


def test_a_result_without_rows_is_delivered_too(make: Make) -> None:
    lake = make()
    query = lake.ended(lake.start(f"/* id */ SELECT eventid FROM {STORE}", delivery_s3_uri="s3://results"))
    assert status(lake, query.id) == "SUCCESS"
    assert gzip.decompress(lake.bucket.named("result_1.csv.gz")) == b'"id"\n'


def test_the_signature_is_made_once_however_often_it_is_delivered(make: Make) -> None:
    lake = make()
    lake.tables.fill(5)
    lake.bucket.refusals["result_sign.json"] = InternalFailure()
    query = lake.ended(lake.start(TEXT, delivery_s3_uri="s3://results"))
    wait_for(lambda: any(key.endswith("result_sign.json") for key in lake.bucket.puts))
    before = (lake.folder / query.id / "result_sign.json").read_bytes()
    lake.queries.close()
    assert lake.get(query.id).delivery_status == "PENDING"
    again = make()
    again.queries.work()
    assert status(again, query.id) == "SUCCESS"
    assert again.bucket.named("result_sign.json") == before
    assert json.loads(before)["files"][0]["fileHashValue"] == hashlib.sha256(again.bucket.named(".csv.gz")).hexdigest()


@pytest.mark.parametrize(
    ("end", "code", "expected"),
    [
        (".csv.gz", "NoSuchBucket", "RESOURCE_NOT_FOUND"),
        (".csv.gz", "AccessDenied", "ACCESS_DENIED"),
        (".csv.gz", "KMS.DisabledException", "FAILED"),
        ("result_sign.json", "AccessDenied", "ACCESS_DENIED_SIGNING_FILE"),
        ("result_sign.json", "KMS.DisabledException", "FAILED_SIGNING_FILE"),
    ],
)
def test_what_a_bucket_refuses_is_told(make: Make, end: str, code: str, expected: str) -> None:
    lake = make()
    lake.bucket.refusals[end] = fault(code, "no")
    query = lake.ended(lake.start(f"/* id */ SELECT eventid FROM {STORE}", delivery_s3_uri="s3://results"))
    assert status(lake, query.id) == expected
    assert lake.get(query.id).status == "FINISHED"


def test_results_that_are_gone_cannot_be_delivered(make: Make) -> None:
    lake = make()
    lake.bucket.refusals[".csv.gz"] = InternalFailure()
    query = lake.ended(lake.start(f"/* id */ SELECT eventid FROM {STORE}", delivery_s3_uri="s3://results"))
    wait_for(lambda: lake.bucket.puts)
    lake.queries.close()
    (lake.folder / query.id / "result_1.csv.gz").unlink()
    again = make()
    again.queries.work()
    assert status(again, query.id) == "UNKNOWN"


def test_a_cancelled_query_is_not_delivered(make: Make) -> None:
    lake = make()
    lake.tables.is_late = True
    query_id = lake.start(f"/* id */ SELECT eventid FROM {STORE}", delivery_s3_uri="s3://results")
    lake.queries.cancel({"query_id": query_id, "request_id": "r"})
    assert lake.get(query_id).delivery_status == "CANCELLED"
    assert lake.bucket.puts == []


def test_results_are_kept_for_seven_days(make: Make) -> None:
    lake = make()
    lake.tables.fill(1)
    long = f"/* text */ SELECT md5(a::VARCHAR) || md5((a + 1)::VARCHAR) FROM {STORE}, range(5000) t(a)"
    few = f"/* id */ SELECT eventid FROM {STORE}"
    old, old_few, new, new_few = (lake.ended(lake.start(statement)).id for statement in (long, few, long, few))
    with lake.database.begin() as connection:
        for query_id in (old, old_few):
            store.measured(connection, query_id, {"created": lake.get(query_id).created - 7 * 86400 - 1})
    lake.queries.work()
    with lake.database.read() as connection:
        assert [store.get(connection, query_id) is not None for query_id in (old, old_few, new, new_few)] == [False, False, True, True]
        assert [store.few_rows(connection, query_id) is not None for query_id in (old_few, new, new_few)] == [False, False, True]
    assert [folder.name for folder in lake.folder.iterdir()] == [new]
