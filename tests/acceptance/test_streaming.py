"""100 MB in and out, through our own S3 and through the proxy, in memory that does not grow with it; bytes and headers arrive unchanged."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from simulators.running import RunningOpenTrail
from simulators.streaming import Endless, Growth, StreamingUpstream, expected_digest, front_of, streaming_upstream

GROWTH = 48 << 20
"""Bytes by which the front may grow while 100 MB go through: buffers, not the body."""


@pytest.fixture(scope="module")
def upstream() -> Iterator[str]:
    with streaming_upstream() as url:
        yield url


def _put_and_get(opentrail: RunningOpenTrail) -> tuple[str, int]:
    """Put 100 MB, get 100 MB; returns the SHA-256 of what came back and by how many bytes the front grew."""
    s3 = opentrail.client("s3")
    # Once small, so that everything that is loaded on first use is there.
    s3.put_object(Bucket="stream-bucket", Key="small", Body=b"x" * 100_000)
    digest = hashlib.sha256()
    with Growth(front_of(opentrail)) as growth:
        s3.put_object(Bucket="stream-bucket", Key="big", Body=Endless())
        for piece in s3.get_object(Bucket="stream-bucket", Key="big")["Body"].iter_chunks(1 << 20):
            digest.update(piece)
    return digest.hexdigest(), growth.bytes


@pytest.fixture(scope="module")
def expected() -> str:
    return expected_digest()


def test_our_own_s3(opentrail: RunningOpenTrail, expected: str) -> None:
    opentrail.client("s3").create_bucket(Bucket="stream-bucket")
    found, growth = _put_and_get(opentrail)
    assert found == expected
    assert growth < GROWTH


def test_the_proxy(upstream: str, expected: str, tmp_path: Path) -> None:
    with RunningOpenTrail(tmp_path, options=("--upstream", f"s3={upstream}")) as opentrail:
        found, growth = _put_and_get(opentrail)
        assert found == expected
        assert StreamingUpstream.seen["sha256"] == expected
        assert StreamingUpstream.seen["headers"]["host"] == opentrail.endpoint.removeprefix("http://")
        assert growth < GROWTH
        headers = opentrail.client("s3").get_object(Bucket="stream-bucket", Key="big")["ResponseMetadata"]["HTTPHeaders"]
        assert headers["etag"] == '"abc"'
        assert headers["x-odd"] == "a, b"


def test_an_upstream_that_is_down_is_a_502_and_a_record(tmp_path: Path) -> None:
    with RunningOpenTrail(tmp_path, options=("--upstream", "dynamodb=http://127.0.0.1:9")) as opentrail:
        client = opentrail.client("dynamodb")
        with pytest.raises(client.exceptions.ClientError) as caught:
            client.create_table(
                TableName="orders",
                AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
                KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
                BillingMode="PAY_PER_REQUEST",
            )
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 502
        events = opentrail.client("cloudtrail").lookup_events(
            LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "CreateTable"}]
        )
        record = json.loads(events["Events"][0]["CloudTrailEvent"])
        assert record["errorCode"] == caught.value.response["Error"]["Code"]
        assert record["requestParameters"]["tableName"] == "orders"
        assert record["requestID"] == caught.value.response["ResponseMetadata"]["RequestId"]
