"""100 MB in and out, through our own S3 and through the proxy, in memory that does not grow with it; bytes and headers arrive unchanged."""

from __future__ import annotations

import hashlib
import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import psutil
import pytest

from simulators.running import RunningOpenTrail

SIZE = 100 << 20
PIECE = bytes(range(256)) * 4096
GROWTH = 48 << 20
"""Bytes by which the front may grow while 100 MB go through: buffers, not the body."""


class _Endless:
    """A file of `SIZE` bytes that is made while it is read."""

    def __init__(self) -> None:
        self.at = 0

    def read(self, wanted: int = -1) -> bytes:
        left = SIZE - self.at
        size = left if wanted is None or wanted < 0 else min(wanted, left)
        start = self.at % len(PIECE)
        made = (PIECE[start:] + PIECE * (size // len(PIECE) + 1))[:size]
        self.at += size
        return made

    def tell(self) -> int:
        return self.at

    def seek(self, at: int, whence: int = 0) -> int:
        self.at = {0: at, 1: self.at + at, 2: SIZE + at}[whence]
        return self.at


class _Upstream(http.server.BaseHTTPRequestHandler):
    """Takes PUTs and gives 100 MB to every GET, with headers that must arrive as they are."""

    protocol_version = "HTTP/1.1"
    seen: ClassVar[dict[str, Any]] = {}

    def do_PUT(self) -> None:
        digest = hashlib.sha256()
        left = int(self.headers["Content-Length"])
        while left:
            piece = self.rfile.read(min(left, 1 << 20))
            digest.update(piece)
            left -= len(piece)
        type(self).seen = {"sha256": digest.hexdigest(), "headers": {name.lower(): value for name, value in self.headers.items()}}
        self.send_response(200)
        self.send_header("ETag", '"abc"')
        self.send_header("x-amz-request-id", "UPSTREAMREQUEST1")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(SIZE))
        self.send_header("X-Odd", "a")
        self.send_header("X-Odd", "b")
        self.send_header("ETag", '"abc"')
        self.end_headers()
        for _ in range(SIZE // len(PIECE)):
            self.wfile.write(PIECE)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def upstream() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Upstream)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def _front(opentrail: RunningOpenTrail) -> psutil.Process:
    assert opentrail.process is not None
    children = psutil.Process(opentrail.process.pid).children()
    return next(child for child in children if "opentrail.server.front" in child.cmdline())


def _peak_of(process: psutil.Process, stop: threading.Event, peak: list[int]) -> None:
    while not stop.wait(0.01):
        peak[0] = max(peak[0], process.memory_info().rss)


def _put_and_get(opentrail: RunningOpenTrail) -> tuple[str, int]:
    """Put 100 MB, get 100 MB; returns the SHA-256 of what came back and by how many bytes the front grew."""
    s3 = opentrail.client("s3")
    # Once small, so that everything that is loaded on first use is there.
    s3.put_object(Bucket="stream-bucket", Key="small", Body=b"x" * 100_000)
    front = _front(opentrail)
    before = front.memory_info().rss
    stop, peak = threading.Event(), [0]
    watch = threading.Thread(target=_peak_of, args=(front, stop, peak))
    watch.start()
    s3.put_object(Bucket="stream-bucket", Key="big", Body=_Endless())
    digest = hashlib.sha256()
    for piece in s3.get_object(Bucket="stream-bucket", Key="big")["Body"].iter_chunks(1 << 20):
        digest.update(piece)
    stop.set()
    watch.join()
    return digest.hexdigest(), peak[0] - before


@pytest.fixture(scope="module")
def expected() -> str:
    digest = hashlib.sha256()
    for _ in range(SIZE // len(PIECE)):
        digest.update(PIECE)
    return digest.hexdigest()


def test_our_own_s3(opentrail: RunningOpenTrail, expected: str) -> None:
    opentrail.client("s3").create_bucket(Bucket="stream-bucket")
    found, growth = _put_and_get(opentrail)
    assert found == expected
    assert growth < GROWTH


def test_the_proxy(upstream: str, expected: str, tmp_path: Path) -> None:
    with RunningOpenTrail(tmp_path, options=("--upstream", f"s3={upstream}")) as opentrail:
        found, growth = _put_and_get(opentrail)
        assert found == expected
        assert _Upstream.seen["sha256"] == expected
        assert _Upstream.seen["headers"]["host"] == opentrail.endpoint.removeprefix("http://")
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
