"""What strangers send over a raw socket, and what clients get wrong: each gets the right error, is recorded, and nothing breaks."""

from __future__ import annotations

import json
import socket
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from simulators.running import RunningOpenTrail, contents

JSON = "application/x-amz-json-1.1"
FORM = "application/x-www-form-urlencoded; charset=utf-8"


@pytest.fixture(scope="module", autouse=True)
def bucket(opentrail: RunningOpenTrail) -> None:
    """The bucket that the cases use."""
    opentrail.client("s3").create_bucket(Bucket="xml-bucket")


def _send(opentrail: RunningOpenTrail, request: bytes, *, half_close: bool = False) -> tuple[int, dict[str, str], bytes]:
    """Send raw bytes; returns status, headers and body of the answer."""
    parts = urlsplit(opentrail.endpoint)
    assert parts.hostname is not None
    with socket.create_connection((parts.hostname, parts.port or 80), timeout=90) as connection:
        connection.sendall(request)
        if half_close:
            connection.shutdown(socket.SHUT_WR)
        received = b""
        while piece := connection.recv(65536):
            received += piece
    head, _, body = received.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    return int(lines[0].split()[1]), headers, body


def _signed(
    opentrail: RunningOpenTrail, service: str, body: bytes, headers: dict[str, str], *, method: str = "POST", path: str = "/"
) -> bytes:
    """A well signed request with any body and path whatever, as raw bytes; the connection is closed after it."""
    request = AWSRequest(method=method, url=opentrail.endpoint + path, data=body, headers=headers)
    signer = S3SigV4Auth if service == "s3" else SigV4Auth
    signer(Credentials(*opentrail.key), service, "us-east-1").add_auth(request)
    lines = [
        f"{method} {path} HTTP/1.1",
        f"Host: {urlsplit(opentrail.endpoint).netloc}",
        "Connection: close",
        f"Content-Length: {len(body)}",
    ]
    lines += [f"{name}: {value}" for name, value in request.headers.items() if name.lower() not in ("host", "content-length")]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def _target(operation: str) -> dict[str, str]:
    return {"Content-Type": JSON, "X-Amz-Target": f"com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.{operation}"}


CASES: list[tuple[str, str, bytes, dict[str, str], int, str]] = [
    ("broken JSON", "cloudtrail", b'{"Name": ', _target("GetTrail"), 400, "SerializationException"),
    ("JSON of a wrong type", "cloudtrail", b'{"Name": 5}', _target("GetTrail"), 400, "SerializationException"),
    ("a list for a structure", "cloudtrail", b"[]", _target("GetTrail"), 400, "SerializationException"),
    ("deep JSON", "cloudtrail", b'{"TagsList":' + b"[" * 5000 + b"]" * 5000 + b"}", _target("CreateTrail"), 400, "SerializationException"),
    ("octets that are no UTF-8", "cloudtrail", b'{"Name": "\xff"}', _target("GetTrail"), 400, "SerializationException"),
    ("unknown operation, JSON", "cloudtrail", b"{}", _target("MakeCoffee"), 404, "UnknownOperationException"),
    ("not served", "sns", b"Action=ListOriginationNumbers&Version=2010-03-31", {"Content-Type": FORM}, 501, "NotImplemented"),
    ("unknown action, query", "iam", b"Action=MakeCoffee&Version=2010-05-08", {"Content-Type": FORM}, 400, "InvalidAction"),
    ("wrong type, query", "iam", b"Action=ListUsers&Version=2010-05-08&MaxItems=many", {"Content-Type": FORM}, 400, "MalformedInput"),
    ("out of range, query", "iam", b"Action=ListUsers&Version=2010-05-08&MaxItems=5000", {"Content-Type": FORM}, 400, "ValidationError"),
]


@pytest.mark.parametrize(("what", "service", "body", "headers", "status", "code"), CASES, ids=[case[0] for case in CASES])
def test_bad_bodies(
    opentrail: RunningOpenTrail, what: str, service: str, body: bytes, headers: dict[str, str], status: int, code: str
) -> None:
    answered, _, text = _send(opentrail, _signed(opentrail, service, body, headers))
    assert (answered, code.encode() in text) == (status, True), text[:500]
    assert b"Traceback" not in text


def test_broken_cbor(opentrail: RunningOpenTrail) -> None:
    headers = {"Content-Type": "application/cbor", "smithy-protocol": "rpc-v2-cbor"}
    path = "/service/GraniteServiceVersion20100801/operation/PutMetricData"
    status, _, body = _send(opentrail, _signed(opentrail, "monitoring", b"\xbf\xff\xff", headers, path=path))
    assert status in (400, 501)
    assert b"NotImplemented" in body or b"SerializationException" in body


def test_malformed_xml(opentrail: RunningOpenTrail) -> None:
    for body in (b"<Tagging><TagSet>", b"not xml", b'<!DOCTYPE a [<!ENTITY b "c">]><Tagging>&b;</Tagging>'):
        request = _signed(opentrail, "s3", body, {"Content-Type": "application/xml"}, method="PUT", path="/xml-bucket?tagging")
        status, _, text = _send(opentrail, request)
        assert status == 400
        assert b"<Code>MalformedXML</Code>" in text


def test_a_truncated_body_is_no_call(opentrail: RunningOpenTrail) -> None:
    whole = _signed(opentrail, "s3", b"x" * 1000, {}, method="PUT", path="/xml-bucket/half")
    parts = urlsplit(opentrail.endpoint)
    assert parts.hostname is not None
    with socket.create_connection((parts.hostname, parts.port or 80), timeout=90) as connection:
        connection.sendall(whole[:-500])
    with pytest.raises(ClientError) as caught:
        opentrail.client("s3").head_object(Bucket="xml-bucket", Key="half")
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404


def test_an_oversized_body_is_refused_before_it_is_sent(opentrail: RunningOpenTrail) -> None:
    head = _signed(opentrail, "cloudtrail", b"", _target("GetTrail")).replace(b"Content-Length: 0", b"Content-Length: 104857600")
    status, _, body = _send(opentrail, head)
    assert status == 413
    assert b"RequestEntityTooLarge" in body


@pytest.mark.parametrize(
    "path", ["/../../etc/passwd", "/xml-bucket/../../state.db", "/..%2f..%2fstate.db", "/.../x", "/xml-bucket/%2e%2e/%2e%2e/state.db"]
)
def test_path_traversal_stays_in_the_bucket(opentrail: RunningOpenTrail, path: str) -> None:
    before = (opentrail.data / "state.db").read_bytes()[:100]
    status, _, body = _send(opentrail, _signed(opentrail, "s3", b"owned", {}, method="PUT", path=path))
    assert status in (200, 400, 403, 404), body
    status, _, body = _send(opentrail, _signed(opentrail, "s3", b"", {}, method="GET", path=path))
    assert b"SQLite format" not in body
    assert b"root:" not in body
    assert (opentrail.data / "state.db").read_bytes()[:100] == before
    outside = [path for path, content in contents(opentrail.data.parent) if content == b"owned"]
    assert all(one.is_relative_to(opentrail.data / "buckets" / "xml-bucket") for one in outside)


GARBAGE = [b"\r\n\r\n", b"GET\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00", b"GET / HTTP/9.9\r\n\r\n", b"PUT /a b HTTP/1.1\r\n\r\n"]


@pytest.mark.parametrize("request_", GARBAGE, ids=range(len(GARBAGE)))
def test_what_is_no_http_is_refused(opentrail: RunningOpenTrail, request_: bytes) -> None:
    parts = urlsplit(opentrail.endpoint)
    assert parts.hostname is not None
    with socket.create_connection((parts.hostname, parts.port or 80), timeout=90) as connection:
        connection.sendall(request_)
        connection.shutdown(socket.SHUT_WR)
        answer = connection.recv(65536)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 4")
    assert opentrail.health()["status"] == "ok"


CLIENT_MISTAKES: list[tuple[str, str, dict[str, Any], str]] = [
    ("cloudtrail", "create_trail", {"Name": "ab", "S3BucketName": "xml-bucket"}, "InvalidTrailNameException"),
    ("cloudtrail", "create_trail", {"Name": "fine-name", "S3BucketName": "no-such-bucket-here"}, "S3BucketDoesNotExistException"),
    ("cloudtrail", "create_trail", {"Name": "fine-name", "S3BucketName": "No_Such"}, "InvalidS3BucketNameException"),
    ("cloudtrail", "get_trail", {"Name": "no-such-trail"}, "TrailNotFoundException"),
    ("cloudtrail", "lookup_events", {"EventCategory": "data"}, "InvalidEventCategoryException"),
    ("cloudtrail", "lookup_events", {"NextToken": "forged"}, "InvalidNextTokenException"),
    ("iam", "get_user", {"UserName": "nobody"}, "NoSuchEntity"),
    ("iam", "create_role", {"RoleName": "r", "AssumeRolePolicyDocument": "{"}, "MalformedPolicyDocument"),
    ("s3", "get_object", {"Bucket": "no-such-bucket-here", "Key": "k"}, "NoSuchBucket"),
    ("s3", "get_object", {"Bucket": "xml-bucket", "Key": "none"}, "NoSuchKey"),
    ("s3", "get_bucket_replication", {"Bucket": "xml-bucket"}, "ReplicationConfigurationNotFoundError"),
    ("ec2", "describe_regions", {}, "NotImplemented"),
]


@pytest.mark.parametrize(
    ("service", "operation", "parameters", "code"), CLIENT_MISTAKES, ids=[f"{one[1]}-{one[3]}" for one in CLIENT_MISTAKES]
)
def test_mistakes_of_clients(opentrail: RunningOpenTrail, service: str, operation: str, parameters: dict[str, Any], code: str) -> None:
    with pytest.raises(ClientError) as caught:
        getattr(opentrail.client(service, parameter_validation=False), operation)(**parameters)
    assert caught.value.response["Error"]["Code"] == code


def test_a_mistake_is_in_the_history(opentrail: RunningOpenTrail) -> None:
    client = opentrail.client("cloudtrail")
    with pytest.raises(ClientError) as caught:
        client.get_trail(Name="no-such-trail-either")
    asked = [{"AttributeKey": "EventName", "AttributeValue": "GetTrail"}]
    pages = client.get_paginator("lookup_events").paginate(LookupAttributes=asked)
    records = [json.loads(event["CloudTrailEvent"]) for page in pages for event in page["Events"]]
    found = next(one for one in records if one["requestID"] == caught.value.response["ResponseMetadata"]["RequestId"])
    assert (found["errorCode"], found["requestParameters"]) == ("TrailNotFoundException", {"name": "no-such-trail-either"})


def test_broken_json_leaves_a_record_and_no_traceback(opentrail: RunningOpenTrail) -> None:
    _, headers, _ = _send(opentrail, _signed(opentrail, "cloudtrail", b'{"Name": ', _target("GetTrailStatus")))
    asked = [{"AttributeKey": "EventName", "AttributeValue": "GetTrailStatus"}]
    events = opentrail.client("cloudtrail").lookup_events(LookupAttributes=asked)["Events"]
    records = [json.loads(event["CloudTrailEvent"]) for event in events]
    found = next(one for one in records if one["requestID"] == headers["x-amzn-requestid"])
    assert (found["errorCode"], found["requestParameters"]) == ("SerializationException", None)
    assert "Traceback" not in opentrail.log.read_text()
