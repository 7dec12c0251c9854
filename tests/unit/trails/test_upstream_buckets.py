"""Log buckets on a real S3 (moto's server): signed with our own credentials, and its refusals in its own words."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, ClassVar

import boto3
import pytest
from botocore.exceptions import BotoCoreError
from moto.server import ThreadedMotoServer

from opentrail.clock import ManualClock
from opentrail.config import Settings, TrailsSettings
from opentrail.proxy import Upstreams
from opentrail.server.log_buckets import is_ours, log_buckets
from opentrail.trails.upstream_buckets import UpstreamBuckets, UpstreamS3
from opentrail.wire.faults import Fault
from simulators.trails import Buckets

ARN = "arn:aws:cloudtrail:us-east-1:111122223333:trail/audit"
WHO: dict[str, Any] = {"source_arn": ARN, "account_id": "111122223333"}
SECRET = "a-secret-that-nobody-may-see"


@pytest.fixture(autouse=True)
def no_credentials_of_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


def s3(url: str) -> Any:
    return boto3.client("s3", endpoint_url=url, region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b")


def at(url: str, **more: Any) -> UpstreamBuckets:
    return UpstreamBuckets(UpstreamS3(**{"url": url, "region": "us-east-1", "access_key_id": "AKIA", "secret_access_key": SECRET, **more}))


def put(buckets: UpstreamBuckets, *, kms_key_id: str | None = None, **metadata: str) -> None:
    buckets.put(bucket="real-logs", key="AWSLogs/1/a.json.gz", body=b"packed", metadata=metadata, kms_key_id=kms_key_id, **WHO)


def test_a_file_arrives_as_cloudtrail_writes_it(moto: str) -> None:
    s3(moto).create_bucket(Bucket="real-logs")
    buckets = at(moto)
    for _ in range(2):
        put(buckets, signature="ab12")
    found = s3(moto).get_object(Bucket="real-logs", Key="AWSLogs/1/a.json.gz")
    assert (found["Body"].read(), found["Metadata"], found["ContentType"]) == (b"packed", {"signature": "ab12"}, "application/json")
    put(buckets, kms_key_id="arn:aws:kms:us-east-1:111122223333:key/k")
    found = s3(moto).head_object(Bucket="real-logs", Key="AWSLogs/1/a.json.gz")
    assert (found["ServerSideEncryption"], found["SSEKMSKeyId"]) == ("aws:kms", "arn:aws:kms:us-east-1:111122223333:key/k")


def test_the_check_writes_the_empty_object_that_cloudtrail_leaves(moto: str) -> None:
    s3(moto).create_bucket(Bucket="checked-logs")
    at(moto).check(bucket="checked-logs", prefix="team", **WHO)
    (item,) = s3(moto).list_objects_v2(Bucket="checked-logs")["Contents"]
    assert (item["Key"], item["Size"]) == ("team/AWSLogs/111122223333/", 0)


@pytest.mark.parametrize("bucket", ["no-such-bucket-anywhere", "not a name"])
def test_a_bucket_that_is_not_there_is_told(moto: str, bucket: str) -> None:
    with pytest.raises(Fault) as refused:
        at(moto).check(bucket=bucket, prefix=None, **WHO)
    assert refused.value.code == "NoSuchBucket"


class Told(BaseHTTPRequestHandler):
    """Answers every request with `answer`, and remembers it."""

    answer: ClassVar[tuple[int, bytes]] = (200, b"")
    asked: ClassVar[list[tuple[str, dict[str, str]]]] = []

    def do_PUT(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.asked.append((self.path, dict(self.headers)))
        status, body = self.answer
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None: ...


@pytest.fixture
def told() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Told)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    Told.asked.clear()
    Told.answer = (200, b"")
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_request_is_what_bucket_policies_demand(told: str) -> None:
    put(at(told), kms_key_id="arn:aws:kms:us-east-1:111122223333:key/k")
    ((path, headers),) = Told.asked
    assert path == "/real-logs/AWSLogs/1/a.json.gz"
    assert headers["x-amz-acl"] == "bucket-owner-full-control"
    assert headers["Content-MD5"]
    assert json.loads(base64.b64decode(headers["x-amz-server-side-encryption-context"])) == {"aws:cloudtrail:arn": ARN}
    assert "Credential=AKIA/" in headers["Authorization"]


@pytest.mark.parametrize(
    ("status", "code"), [(403, "AccessDenied"), (403, "InvalidAccessKeyId"), (503, "SlowDown"), (400, "KMS.DisabledException")]
)
def test_refusals_keep_their_codes(told: str, status: int, code: str) -> None:
    Told.answer = (status, f"<Error><Code>{code}</Code><Message>No.</Message></Error>".encode())
    with pytest.raises(Fault) as refused:
        put(at(told))
    assert (refused.value.code, refused.value.status) == (code, status)


def test_no_answer_has_no_code_and_shows_no_secret() -> None:
    buckets = at("http://127.0.0.1:9")
    with pytest.raises(BotoCoreError) as silent:
        put(buckets)
    assert SECRET not in str(silent.value)
    assert SECRET not in repr(buckets._upstream)
    with pytest.raises(Fault) as refused:
        buckets.check(bucket="real-logs", prefix=None, **WHO)
    assert refused.value.code == "ServiceUnavailable"


def test_credentials_come_from_where_every_program_looks(told: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    unsigned: dict[str, Any] = {"access_key_id": None, "secret_access_key": None}
    buckets = at(told, **unsigned)
    with pytest.raises(Fault, match="credentials") as refused:
        put(buckets)
    assert refused.value.code == "AccessDenied"
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAENV")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    put(at(told, **unsigned))
    (tmp_path / "credentials").write_text(f"[archive]\naws_access_key_id = AKIAFILE\naws_secret_access_key = {SECRET}\n")
    put(at(told, profile="archive", **unsigned))
    assert ["Credential=AKIAENV/" in Told.asked[0][1]["Authorization"], "Credential=AKIAFILE/" in Told.asked[1][1]["Authorization"]] == [
        True,
        True,
    ]
    with pytest.raises(Fault, match="ProfileNotFound"):
        put(at(told, profile="nobody", **unsigned))


def test_the_upstream_takes_the_place_of_our_own_s3_and_directories_come_first(told: str, tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    settings = Settings(trails=TrailsSettings(directories=f"a-folder={tmp_path / 'here'}"))
    upstreams = Upstreams.parse([f"s3={told.replace('//', f'//AKIA:{SECRET}@')}"])
    own = Buckets(ManualClock())
    doors = log_buckets(settings, upstreams, own)
    doors.check(bucket="a-folder", prefix=None, **WHO)
    assert Told.asked == []
    doors.put(bucket="real-logs", key="AWSLogs/1/a", body=b"x", metadata={}, **WHO)
    assert len(Told.asked) == 1
    assert own.puts == []
    assert not is_ours(settings, upstreams, "real-logs")
    assert not is_ours(settings, Upstreams(), "a-folder")
    assert is_ours(settings, Upstreams(), "real-logs")
    log_buckets(settings, Upstreams(), Buckets(ManualClock())).check(bucket="own", prefix=None, **WHO)


@pytest.mark.parametrize(
    ("url", "addressing", "region", "path_style"),
    [
        ("https://s3.eu-west-1.amazonaws.com", "auto", "eu-west-1", False),
        ("https://s3.amazonaws.com", "auto", "us-east-1", False),
        ("https://s3.eu-west-1.amazonaws.com", "path", "eu-west-1", True),
        ("https://minio.internal:9000", "auto", "us-east-1", True),
        ("https://minio.internal:9000", "virtual", "us-east-1", False),
    ],
)
def test_region_and_style_follow_the_host_unless_they_are_set(url: str, addressing: str, region: str, path_style: bool) -> None:
    doors = log_buckets(Settings(trails=TrailsSettings(s3_addressing=addressing)), Upstreams.parse([f"s3={url}"]), Buckets(ManualClock()))
    upstream = doors._s3._upstream
    assert (upstream.region, upstream.path_style) == (region, path_style)
