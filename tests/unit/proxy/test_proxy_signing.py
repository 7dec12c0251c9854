"""An upstream with credentials of its own: requests are signed anew for it, and it can check them."""

from __future__ import annotations

import asyncio
import base64
import datetime
import ipaddress
import ssl
import zlib
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from opentrail.clock import ManualClock
from opentrail.errors import UpstreamError
from opentrail.proxy import Proxy, Upstreams
from opentrail.wire import chunked, sigv4
from opentrail.wire.faults import Fault
from opentrail.wire.http import Headers, Request
from opentrail.wire.scope import STREAMING_SIGNED, STREAMING_UNSIGNED_TRAILER, UNSIGNED_PAYLOAD, Scope, Verified
from simulators.raw_upstream import RawUpstream, Received, says

CLOCK = ManualClock()
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
OURS = {"access_key_id": "AKIAOURS", "secret_access_key": "ours", "session_token": "session", "region": "us-east-1"}


def forwarded(request: Request, service: str = "s3", **options: Any) -> tuple[Received, str]:
    """What the upstream got, and its own address."""

    async def run() -> tuple[Received, str]:
        async with RawUpstream(says(OK)) as upstream:
            proxy = Proxy(Upstreams.parse([f"*={upstream.url.replace('//', '//AKIATHEIRS:the%2Firs@')}"]), CLOCK)
            await proxy.open()
            try:
                answer = await proxy.forward(request, service=service, signing_name=service, region="eu-west-1", **options)
                assert await answer.read(100) == b"ok"
            finally:
                await proxy.close()
            return upstream.requests[0], upstream.url.removeprefix("http://")

    return asyncio.run(run())


def checked(received: Received, *, streamed: bool = False) -> sigv4.Verified:
    """The upstream's own check of the signature."""
    method, target, _ = received.line.split(" ")
    path, _, query = target.partition("?")
    request = Request(method=method, path=path, query=query, headers=Headers(received.lines), body=received.body)
    return sigv4.verify(request, secret="the/irs", session_token=None, now=CLOCK.time(), streamed=streamed)


def signed_by_us(
    method: str = "POST", path: str = "/", query: str = "", body: bytes = b"", service: str = "iam", **headers: str
) -> Request:
    lines = [("host", "127.0.0.1:4747"), *((name.replace("_", "-"), value) for name, value in headers.items())]
    plain = Request(method=method, path=path, query=query, headers=Headers(lines), body=body)
    return sigv4.sign(plain, signing_name=service, now=CLOCK.time(), **OURS)


def test_a_call_is_signed_with_the_upstreams_credentials() -> None:
    request = signed_by_us(body=b"Action=ListUsers", content_type="application/x-www-form-urlencoded", user_agent="aws-cli")
    received, authority = forwarded(request, "iam")
    verified = checked(received)
    assert verified.scope == Scope(access_key_id="AKIATHEIRS", date="20260105", region="eu-west-1", signing_name="iam")
    assert received.body == b"Action=ListUsers"
    assert received.header("host") == authority
    assert received.header("user-agent") == "aws-cli"
    assert received.header("x-amz-security-token") is None
    assert len([name for name, _ in received.lines if name == "authorization"]) == 1


def test_odd_keys_and_queries_stay_what_they_are() -> None:
    received, _ = forwarded(signed_by_us("GET", "/b/a%20b/../c//(d)%2B", "versionId=x/y&tagging", service="s3"))
    assert checked(received).scope.access_key_id == "AKIATHEIRS"
    assert received.line == "GET /b/a%20b/../c//%28d%29%2B?tagging=&versionId=x%2Fy HTTP/1.1"


def test_a_presigned_url_loses_its_old_signature() -> None:
    request = Request(
        method="GET", path="/b/k", query="AWSAccessKeyId=A&Signature=s&Expires=1&versionId=1", headers=Headers([("host", "x")])
    )
    received, _ = forwarded(request)
    assert received.line == "GET /b/k?versionId=1 HTTP/1.1"
    assert checked(received).scope.access_key_id == "AKIATHEIRS"


async def arriving(body: bytes) -> AsyncIterator[bytes]:
    for at in range(0, len(body), 11):
        yield body[at : at + 11]


def test_a_streamed_body_keeps_its_hash() -> None:
    body = b"streamed body"
    request = signed_by_us("PUT", "/b/k", body=body, service="s3")
    received, _ = forwarded(request, body=arriving(body), content_length=len(body))
    assert checked(received).payload == sha256(body).hexdigest()
    assert received.body == body


def framed(payload: bytes, trailer: str) -> bytes:
    return b"%x\r\n%b\r\n0\r\n%b\r\n\r\n" % (len(payload), payload, trailer.encode())


def framed_request(payload: bytes, **headers: str) -> tuple[Request, Verified]:
    request = Request(
        method="PUT",
        path="/b/k",
        headers=Headers(
            [
                ("host", "127.0.0.1:4747"),
                ("content-encoding", "aws-chunked,gzip"),
                ("x-amz-content-sha256", STREAMING_UNSIGNED_TRAILER),
                ("x-amz-decoded-content-length", str(len(payload))),
                ("x-amz-trailer", "x-amz-checksum-crc32"),
                ("x-amz-sdk-checksum-algorithm", "CRC32"),
                ("x-amz-meta-a", "1"),
            ]
        ),
    )
    scope = Scope(access_key_id="AKIAOURS", date="20260105", region="us-east-1", signing_name="s3")
    verified = Verified(scope=scope, timestamp="", payload=STREAMING_UNSIGNED_TRAILER, signature="", signing_key=b"")
    return request, verified


@pytest.mark.parametrize("whole", [True, False])
def test_frames_are_taken_off(whole: bool) -> None:
    payload = b"payload " * 20
    crc = base64.b64encode(zlib.crc32(payload).to_bytes(4, "big")).decode()
    body = framed(payload, f"x-amz-checksum-crc32:{crc}")
    request, verified = framed_request(payload)
    received, _ = forwarded(
        request, body=body if whole else arriving(body), content_length=len(body), decoder=chunked.decoder(request, verified)
    )
    assert received.body == payload
    assert checked(received).payload == (sha256(payload).hexdigest() if whole else UNSIGNED_PAYLOAD)
    assert received.header("content-length") == str(len(payload))
    assert received.header("content-encoding") == "gzip"
    assert received.header("x-amz-meta-a") == "1"
    for name in ("x-amz-decoded-content-length", "x-amz-trailer", "x-amz-sdk-checksum-algorithm"):
        assert received.header(name) is None


def test_a_body_that_is_not_what_was_declared_never_arrives_whole() -> None:
    """The last octets are held back until the trailer has been checked."""
    payload = b"payload " * 20

    async def run() -> None:
        async with RawUpstream(says(OK)) as upstream:
            proxy = Proxy(Upstreams.parse([f"*={upstream.url.replace('//', '//A:b@')}"]), CLOCK)
            await proxy.open()
            request, verified = framed_request(payload)
            with pytest.raises(Fault, match="BadDigest"):
                await proxy.forward(
                    request,
                    service="s3",
                    signing_name="s3",
                    region="us-east-1",
                    body=arriving(framed(payload, "x-amz-checksum-crc32:AAAAAA==")),
                    decoder=chunked.decoder(request, verified),
                )
            await upstream.until(lambda: upstream.ended == 1)
            assert upstream.requests[0].body == b""
            await proxy.close()

    asyncio.run(run())


def test_frames_without_a_decoder_are_refused() -> None:
    request, _ = framed_request(b"x")
    with pytest.raises(UpstreamError, match="decoder"):
        forwarded(request, body=arriving(b"x"))


def test_without_credentials_frames_and_signature_go_through() -> None:
    request = signed_by_us("PUT", "/b/k", service="s3", x_amz_meta_a="1")
    lines = [(name, STREAMING_SIGNED if name == "x-amz-content-sha256" else value) for name, value in request.headers]

    async def run() -> None:
        async with RawUpstream(says(OK)) as upstream:
            proxy = Proxy(Upstreams.parse([f"*={upstream.url}"]), CLOCK)
            await proxy.open()
            sent = Request(method="PUT", path="/b/k", headers=Headers(lines))
            await proxy.forward(sent, service="s3", signing_name="s3", region="us-east-1", body=arriving(b"5;frames"), content_length=8)
            assert upstream.requests[0].lines == [*lines, ("content-length", "8")]
            assert upstream.requests[0].body == b"5;frames"
            await proxy.close()

    asyncio.run(run())


def test_over_tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a certificate that the machine trusts, and not without."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "upstream")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = tmp_path / "upstream.pem"
    pem.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK)
        await writer.drain()
        await reader.read()
        writer.close()

    async def run() -> bytes:
        async with await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context) as server:
            proxy = Proxy(Upstreams.parse([f"*=https://127.0.0.1:{server.sockets[0].getsockname()[1]}"]), CLOCK)
            await proxy.open()
            try:
                sent = await proxy.forward(signed_by_us("GET"), service="iam", signing_name="iam", region="us-east-1")
                return await sent.read(100)
            finally:
                await proxy.close()

    with pytest.raises(UpstreamError, match="cannot be reached"):
        asyncio.run(run())
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    assert asyncio.run(run()) == b"ok"
