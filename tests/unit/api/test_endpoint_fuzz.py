"""Whatever arrives: exactly one well-formed answer, no exception, no traceback, and a record or a refusal."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from opentrail.api.call import Call
from opentrail.wire.http import Headers, Request
from simulators.front_door import CLOUDTRAIL_TARGET, FORM, Fake, FrontDoor


async def stored(call: Call) -> dict[str, Any]:
    assert call.body is not None
    async for _ in call.body:
        pass
    return {"ETag": '"x"'}


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FrontDoor]:
    folder: Path = tmp_path_factory.mktemp("fuzz")
    made = FrontDoor(
        folder,
        services=[
            Fake("s3", {"PutObject": stored, "GetObject": lambda call: {"Body": b"abc"}, "ListBuckets": lambda call: {}}),
            Fake("iam", {"ListUsers": lambda call: {"Users": []}}),
            Fake("cloudtrail", {"GetTrail": lambda call: {"Trail": {}}}),
        ],
        max_body=100_000,
    )
    yield made
    made.close()


TEXT = st.text(st.characters(max_codepoint=255), max_size=30)
FIELD = st.text(st.characters(max_codepoint=255, exclude_characters="\r\n\0"), max_size=40)
METHODS = st.sampled_from(["GET", "PUT", "POST", "DELETE", "HEAD", "OPTIONS", "PATCH", "TRACE"])
PATHS = st.one_of(
    st.sampled_from(
        ["/", "//", "/a", "/bucket-a/key", "/%", "/%zz", "/bucket-a/%00", "/../..", "/service/S/operation/O", "/2015-03-31/functions"]
    ),
    st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=40).map(lambda text: "/" + text.replace("?", "").replace("#", "")),
)
QUERIES = st.one_of(
    st.just(""),
    st.sampled_from(
        ["Action=ListUsers&Version=2010-05-08", "X-Amz-Signature=a", "AWSAccessKeyId=a&Signature=b&Expires=1", "uploads", "a=%"]
    ),
    st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="#"), max_size=60),
)
NAMES = st.sampled_from(
    [
        "authorization",
        "x-amz-date",
        "x-amz-target",
        "x-amz-content-sha256",
        "x-amz-security-token",
        "content-type",
        "content-encoding",
        "content-length",
        "host",
        "x-amz-decoded-content-length",
        "x-amz-trailer",
        "smithy-protocol",
        "user-agent",
        "x-forwarded-for",
        "range",
        "content-md5",
        "expect",
        "date",
        "accept",
    ]
)
VALUES = st.one_of(
    FIELD,
    st.sampled_from(
        [
            FORM,
            "application/x-amz-json-1.1",
            "application/cbor",
            "gzip",
            "aws-chunked",
            "rpc-v2-cbor",
            "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
            "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
            "UNSIGNED-PAYLOAD",
            "20260105T101112Z",
            "AWS4-HMAC-SHA256 Credential=A/20260105/us-east-1/iam/aws4_request, SignedHeaders=host, Signature=0",
            "AWS4-HMAC-SHA256 Credential=A/20260105/us-east-1/nothing/aws4_request, SignedHeaders=host, Signature=0",
            "AWS A:B",
            "Bearer x",
            CLOUDTRAIL_TARGET + "GetTrail",
            "bytes=0-",
            "-1",
            "99999999999999999999",
            "123456789012.s3.localhost",
        ]
    ),
)
HEADERS = st.lists(st.tuples(NAMES, VALUES), max_size=8)
BODIES = st.one_of(
    st.just(b""),
    st.binary(max_size=300),
    st.sampled_from(
        [b"Action=ListUsers&Version=2010-05-08", b'{"Name":"a"}', b"{", b"[[[[[[", b"<a>", b"\x1f\x8b", b"3\r\nabc\r\n0\r\n\r\n", b"&=&"]
    ),
)


def answered_once(door: FrontDoor, caplog: pytest.LogCaptureFixture, request: Request, **more: Any) -> None:
    caplog.clear()
    before = len(door.journal.records)
    answered = door.ask(request, **more)
    assert b"Traceback" not in answered.body
    assert not [entry for entry in caplog.records if entry.levelno >= logging.ERROR], caplog.text
    assert 200 <= answered.status < 600
    assert len(door.journal.records) - before in (0, 1)


FUZZ = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@FUZZ
@given(method=METHODS, path=PATHS, query=QUERIES, headers=HEADERS, body=BODIES, cut=st.booleans())
def test_anything(
    door: FrontDoor, caplog: pytest.LogCaptureFixture, method: str, path: str, query: str, headers: Any, body: bytes, cut: bool
) -> None:
    answered_once(door, caplog, Request(method=method, path=path, query=query, headers=Headers(headers), body=body), cut=cut)


def well_signed(door: FrontDoor, which: int) -> Request:
    return [
        lambda: door.query("iam", "ListUsers", "2010-05-08"),
        lambda: door.json("GetTrail", {"Name": "a"}),
        lambda: door.signed("s3", "PUT", "/bucket-a/key", body=b"abcdef"),
        lambda: door.signed("s3", "GET", "/bucket-a/key", query="partNumber=1"),
        lambda: door.signed("s3", "GET", "/"),
        lambda: door.signed("lambda", "GET", "/2015-03-31/functions/x"),
    ][which]()


@FUZZ
@given(
    which=st.integers(0, 5),
    headers=HEADERS,
    drop=st.sets(NAMES, max_size=2),
    method=st.none() | METHODS,
    path=st.none() | PATHS,
    query=st.none() | QUERIES,
    body=st.none() | BODIES,
    cut=st.booleans(),
)
def test_signed_requests_that_were_changed(
    door: FrontDoor,
    caplog: pytest.LogCaptureFixture,
    which: int,
    headers: Any,
    drop: set[str],
    method: Any,
    path: Any,
    query: Any,
    body: Any,
    cut: bool,
) -> None:
    sent = well_signed(door, which)
    lines = [(name, value) for name, value in sent.headers if name not in drop] + headers
    changed = Request(
        method=method or sent.method,
        path=path or sent.path,
        query=sent.query if query is None else query,
        headers=Headers(lines),
        body=sent.body if body is None else body,
    )
    answered_once(door, caplog, changed, cut=cut)


@FUZZ
@given(
    service=st.sampled_from(["iam", "s3", "cloudtrail", "ec2", "monitoring", "lambda", "nothing", "sts"]),
    method=METHODS,
    path=PATHS,
    query=QUERIES.filter(lambda query: "X-Amz" not in query and "AWSAccess" not in query),
    headers=st.lists(st.tuples(NAMES.filter(lambda name: name not in ("authorization", "host", "x-amz-date")), VALUES), max_size=4),
    body=BODIES,
)
def test_anything_well_signed(
    door: FrontDoor, caplog: pytest.LogCaptureFixture, service: str, method: str, path: str, query: str, headers: Any, body: bytes
) -> None:
    given_headers = {name: value for name, value in headers if name != "x-amz-security-token"}
    try:
        request = door.signed(service, method, path, query=query, headers=given_headers, body=body)
    except Exception:
        return  # there is no way to sign it
    answered_once(door, caplog, request)


def test_many_at_once_do_not_mix(door: FrontDoor) -> None:
    async def all_of_them() -> list[Any]:
        return await asyncio.gather(*(door.exchange(well_signed(door, one % 6)) for one in range(60)))

    answers = asyncio.run(all_of_them())
    assert [answer.status for answer in answers] == [answer.status for answer in answers[:6]] * 10
