"""Bodies as they arrive: frames, signatures of chunks, trailers, checksums, lengths; cut anywhere, changed anywhere."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import io
import itertools
import tracemalloc
import zlib
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from botocore.httpchecksum import AwsChunkedWrapper, Crc32Checksum, Sha1Checksum, Sha256Checksum
from hypothesis import example, given
from hypothesis import strategies as st

from opentrail.wire import checksums, chunked, sigv4
from opentrail.wire.faults import Fault
from opentrail.wire.http import Headers, Request
from opentrail.wire.scope import (
    STREAMING_SIGNED,
    STREAMING_SIGNED_TRAILER,
    STREAMING_UNSIGNED_TRAILER,
    UNSIGNED_PAYLOAD,
    Scope,
    Verified,
)

SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
SCOPE = Scope(access_key_id="AKIAIOSFODNN7EXAMPLE", date="20130524", region="us-east-1", signing_name="s3")


def verified(payload: str, seed: str = "0" * 64) -> Verified:
    return Verified(
        scope=SCOPE,
        timestamp="20130524T000000Z",
        payload=payload,
        signature=seed,
        signing_key=sigv4.signing_key(SECRET, "20130524", "us-east-1", "s3"),
    )


def request(**headers: str) -> Request:
    return Request(method="PUT", path="/b/k", headers=Headers((name.replace("_", "-"), value) for name, value in headers.items()))


def frames(
    payload: bytes, size: int, *, signed: Verified | None = None, trailers: dict[str, str] | None = None, line_end: bytes = b"\r\n"
) -> bytes:
    """`payload` framed by the rules of the S3 API reference."""
    previous = signed.signature if signed else ""

    def signature(algorithm: str, tail: str) -> str:
        assert signed is not None
        text = f"{algorithm}\n{signed.timestamp}\n{signed.scope.text}\n{previous}\n{tail}"
        return hmac.new(signed.signing_key, text.encode(), "sha256").hexdigest()

    out = b""
    for chunk in [*(payload[at : at + size] for at in range(0, len(payload), size)), b""]:
        extension = ""
        if signed:
            previous = signature("AWS4-HMAC-SHA256-PAYLOAD", f"{hashlib.sha256(b'').hexdigest()}\n{hashlib.sha256(chunk).hexdigest()}")
            extension = f";chunk-signature={previous}"
        out += f"{len(chunk):x}{extension}\r\n".encode() + chunk + (b"\r\n" if chunk else b"")
    if trailers:
        lines = "".join(f"{name}:{value}\n" for name, value in sorted(trailers.items()))
        out += lines.encode().replace(b"\n", line_end)
        if signed:
            previous = signature("AWS4-HMAC-SHA256-TRAILER", hashlib.sha256(lines.encode()).hexdigest())
            out += f"x-amz-trailer-signature:{previous}\r\n".encode()
    return out + b"\r\n"


def read(body: bytes, decoder: chunked.Decoder, cuts: list[int] | None = None) -> bytes:
    out = b""
    edges = [0, *sorted(cut % (len(body) + 1) for cut in cuts or []), len(body)]
    for begin, end in itertools.pairwise(edges):
        out += b"".join(decoder.feed(body[begin:end]))
    decoder.finish()
    return out


def crc32(data: bytes) -> str:
    return base64.b64encode(zlib.crc32(data).to_bytes(4, "big")).decode()


def test_signed_chunks_of_the_api_reference() -> None:
    """The worked example "Transferring payload in multiple chunks": seed and chunk signatures as printed there."""
    seed = "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9"
    signatures = [
        "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
        "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
        "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
    ]
    body = b""
    for size, signature in zip((65536, 1024, 0), signatures, strict=True):
        body += f"{size:x};chunk-signature={signature}\r\n".encode() + b"a" * size + b"\r\n"
    decoder = chunked.decoder(request(x_amz_decoded_content_length="66560"), verified(STREAMING_SIGNED, seed))
    assert read(body, decoder) == b"a" * 66560


def test_signed_trailer_of_the_api_reference() -> None:
    """The worked example "Including trailing headers"."""
    seed = "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e"
    signatures = [
        "b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2",
        "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7",
        "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992",
    ]
    body = b""
    for size, signature in zip((65536, 1024, 0), signatures, strict=True):
        body += f"{size:x};chunk-signature={signature}\r\n".encode() + b"a" * size + (b"\r\n" if size else b"")
    body += b"x-amz-checksum-crc32c:sOO8/Q==\r\n"
    body += b"x-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n\r\n"
    head = request(x_amz_decoded_content_length="66560", x_amz_trailer="x-amz-checksum-crc32c")
    decoder = chunked.decoder(head, verified(STREAMING_SIGNED_TRAILER, seed))
    assert read(body, decoder) == b"a" * 66560
    assert decoder.checksums == {"crc32c": "sOO8/Q=="}


KINDS = [STREAMING_SIGNED, STREAMING_SIGNED_TRAILER, STREAMING_UNSIGNED_TRAILER]


def whole(kind: str, payload: bytes, size: int) -> tuple[Request, Verified, bytes]:
    """Head, signature and body of one kind."""
    proof = verified(kind)
    trailers = None if kind == STREAMING_SIGNED else {"x-amz-checksum-crc32": crc32(payload), "x-amz-checksum-sha1": sha1(payload)}
    head = request(x_amz_decoded_content_length=str(len(payload)), **({"x_amz_trailer": ", ".join(trailers)} if trailers else {}))
    return head, proof, frames(payload, size, signed=None if kind == STREAMING_UNSIGNED_TRAILER else proof, trailers=trailers)


def sha1(data: bytes) -> str:
    return base64.b64encode(hashlib.sha1(data).digest()).decode()


@given(
    kind=st.sampled_from(KINDS),
    payload=st.binary(max_size=300),
    size=st.integers(1, 100),
    cuts=st.lists(st.integers(0, 10_000), max_size=8),
)
def test_any_payload_comes_back_however_it_is_cut(kind: str, payload: bytes, size: int, cuts: list[int]) -> None:
    head, proof, body = whole(kind, payload, size)
    decoder = chunked.decoder(head, proof)
    assert read(body, decoder, cuts) == payload
    assert decoder.length == len(payload)


@given(kind=st.sampled_from(KINDS), at=st.integers(0, 10_000), value=st.integers(1, 255))
def test_a_changed_octet_is_a_fault_or_changes_nothing(kind: str, at: int, value: int) -> None:
    """Whatever octet is changed, the payload that passes is the one that was sent (a hex digit may change its case)."""
    payload = b"The quick brown fox jumps over the lazy dog" * 3
    head, proof, body = whole(kind, payload, 50)
    broken = bytearray(body)
    broken[at % len(body)] ^= value
    try:
        passed = read(bytes(broken), chunked.decoder(head, proof))
    except Fault:
        return
    assert passed == payload


@given(kind=st.sampled_from(KINDS), end=st.integers(0, 10_000))
def test_a_body_that_breaks_off_is_incomplete(kind: str, end: int) -> None:
    payload = b"0123456789" * 20
    head, proof, body = whole(kind, payload, 64)
    cut = body[: end % (len(body) - 2)]
    with pytest.raises(Fault) as caught:
        read(cut, chunked.decoder(head, proof))
    assert caught.value.code in ("IncompleteBody", "SignatureDoesNotMatch")


@given(kind=st.sampled_from(KINDS), body=st.binary(max_size=400), length=st.integers(0, 400))
@example(kind=STREAMING_UNSIGNED_TRAILER, body=b"0\r\n\r\n", length=0)
def test_any_octets_are_a_payload_or_a_fault(kind: str, body: bytes, length: int) -> None:
    head = request(x_amz_decoded_content_length=str(length), x_amz_trailer="x-amz-checksum-crc32")
    try:
        passed = read(body, chunked.decoder(head, verified(kind)))
    except Fault:
        return
    assert len(passed) == length


def test_trailers_apart_by_empty_lines_and_bare_newlines() -> None:
    """As some clients write them."""
    payload = b"hello"
    proof = verified(STREAMING_SIGNED_TRAILER)
    head = request(x_amz_decoded_content_length="5", x_amz_trailer="x-amz-checksum-crc32")
    trailers = {"x-amz-checksum-crc32": crc32(payload)}
    signed = frames(payload, 5, signed=proof, trailers=trailers, line_end=b"\n\r\n")
    assert read(signed, chunked.decoder(head, proof)) == payload
    unsigned = frames(payload, 5, trailers=trailers, line_end=b"\n\r\n") + b"\r\n"
    assert read(unsigned, chunked.decoder(head, verified(STREAMING_UNSIGNED_TRAILER))) == payload


FAULTY: list[tuple[str, str, bytes, dict[str, str], str]] = [
    ("size that never ends", STREAMING_UNSIGNED_TRAILER, b"0" * 5000, {}, "InvalidRequest"),
    ("size of 17 digits", STREAMING_UNSIGNED_TRAILER, b"0" * 17 + b"\r\n", {}, "InvalidRequest"),
    ("no size", STREAMING_UNSIGNED_TRAILER, b"\r\n", {}, "InvalidRequest"),
    ("negative size", STREAMING_UNSIGNED_TRAILER, b"-1\r\n", {}, "InvalidRequest"),
    ("more than declared", STREAMING_UNSIGNED_TRAILER, b"6\r\nabcdef\r\n0\r\n\r\n", {}, "IncompleteBody"),
    ("huge chunk", STREAMING_UNSIGNED_TRAILER, b"ffffffffffffffff\r\n", {}, "IncompleteBody"),
    ("less than declared", STREAMING_UNSIGNED_TRAILER, b"4\r\nabcd\r\n0\r\n\r\n", {}, "IncompleteBody"),
    ("longer than its header", STREAMING_UNSIGNED_TRAILER, b"4\r\nabcde\r\n0\r\n\r\n", {}, "InvalidRequest"),
    ("data after the end", STREAMING_UNSIGNED_TRAILER, b"5\r\nabcde\r\n0\r\n\r\n0\r\n", {}, "IncompleteBody"),
    ("no chunk signature", STREAMING_SIGNED, b"5\r\nabcde\r\n0\r\n\r\n", {}, "InvalidRequest"),
    ("empty chunk signature", STREAMING_SIGNED, b"5;chunk-signature=\r\nabcde\r\n", {}, "SignatureDoesNotMatch"),
    ("other extension", STREAMING_SIGNED, b"5;x=y\r\nabcde\r\n", {}, "InvalidRequest"),
    (
        "trailer not announced",
        STREAMING_UNSIGNED_TRAILER,
        b"5\r\nabcde\r\n0\r\nx-amz-checksum-crc32:hYfRGg==\r\n\r\n",
        {},
        "MalformedTrailerError",
    ),
    (
        "trailer twice",
        STREAMING_UNSIGNED_TRAILER,
        b"5\r\nabcde\r\n0\r\nx-amz-checksum-crc32:hYfRGg==\r\nx-amz-checksum-crc32:hYfRGg==\r\n\r\n",
        {"x_amz_trailer": "x-amz-checksum-crc32"},
        "MalformedTrailerError",
    ),
    (
        "trailer that never ends",
        STREAMING_UNSIGNED_TRAILER,
        b"5\r\nabcde\r\n0\r\n" + b"x" * 9000,
        {"x_amz_trailer": "x-amz-checksum-crc32"},
        "MalformedTrailerError",
    ),
    (
        "wrong checksum in trailer",
        STREAMING_UNSIGNED_TRAILER,
        b"5\r\nabcde\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n",
        {"x_amz_trailer": "x-amz-checksum-crc32"},
        "BadDigest",
    ),
    (
        "checksum that is none",
        STREAMING_UNSIGNED_TRAILER,
        b"5\r\nabcde\r\n0\r\nx-amz-checksum-crc32:AA\r\n\r\n",
        {"x_amz_trailer": "x-amz-checksum-crc32"},
        "InvalidRequest",
    ),
    (
        "announced trailer missing",
        STREAMING_UNSIGNED_TRAILER,
        b"5\r\nabcde\r\n0\r\n\r\n",
        {"x_amz_trailer": "x-amz-checksum-crc32"},
        "IncompleteBody",
    ),
    ("length is no number", STREAMING_SIGNED, b"", {"x_amz_decoded_content_length": "5x"}, "InvalidRequest"),
    ("wrong checksum in header", UNSIGNED_PAYLOAD, b"abcde", {"x_amz_checksum_crc32": "AAAAAA=="}, "BadDigest"),
    ("wrong MD5", UNSIGNED_PAYLOAD, b"abcde", {"content_md5": "1B2M2Y8AsgTpgAmY7PhCfg=="}, "BadDigest"),
    ("MD5 that is none", UNSIGNED_PAYLOAD, b"abcde", {"content_md5": "abc"}, "InvalidDigest"),
    ("signed chunks of a presigned URL", UNSIGNED_PAYLOAD, b"", {"x_amz_content_sha256": STREAMING_SIGNED}, "InvalidRequest"),
    ("another body than signed", hashlib.sha256(b"other").hexdigest(), b"abcde", {}, "XAmzContentSHA256Mismatch"),
    ("shorter than content-length", UNSIGNED_PAYLOAD, b"abcde", {"content_length": "6"}, "IncompleteBody"),
    ("longer than content-length", UNSIGNED_PAYLOAD, b"abcde", {"content_length": "4"}, "IncompleteBody"),
]


@pytest.mark.parametrize(("kind", "body", "headers", "code"), [case[1:] for case in FAULTY], ids=[case[0] for case in FAULTY])
def test_faulty_bodies(kind: str, body: bytes, headers: dict[str, str], code: str) -> None:
    head = request(**{"x_amz_decoded_content_length": "5", **headers})
    with pytest.raises(Fault) as caught:
        read(body, chunked.decoder(head, verified(kind)))
    assert caught.value.code == code


def test_streaming_needs_the_decoded_length() -> None:
    with pytest.raises(chunked.MissingContentLength):
        chunked.decoder(request(), verified(STREAMING_SIGNED))


def test_swapped_chunks_are_found() -> None:
    proof = verified(STREAMING_SIGNED)
    body = frames(b"aaaabbbb", 4, signed=proof)
    frame = len(b"4;chunk-signature=" + b"0" * 64 + b"\r\naaaa\r\n")
    swapped = body[frame : 2 * frame] + body[:frame] + body[2 * frame :]
    with pytest.raises(chunked.SignatureDoesNotMatch):
        read(swapped, chunked.decoder(request(x_amz_decoded_content_length="8"), proof))


def test_chunks_signed_for_another_request_are_found() -> None:
    body = frames(b"aaaabbbb", 4, signed=verified(STREAMING_SIGNED, "1" * 64))
    with pytest.raises(chunked.SignatureDoesNotMatch):
        read(body, chunked.decoder(request(x_amz_decoded_content_length="8"), verified(STREAMING_SIGNED, "2" * 64)))


def test_plain_body_with_every_checksum() -> None:
    data = b"some body"
    given = {name: checksum_of(name, data) for name in checksums.ALGORITHMS if name != "md5"}
    head = request(**{f"x_amz_checksum_{name}": value for name, value in given.items()}, content_md5=checksum_of("md5", data))
    decoder = chunked.decoder(head, verified(hashlib.sha256(data).hexdigest()))
    assert chunked.decode_whole(data, decoder) == data
    assert decoder.checksums == {**given, "md5": checksum_of("md5", data)}


def test_checksums_that_are_not_known_are_handed_on() -> None:
    decoder = chunked.decoder(request(x_amz_checksum_xxhash64="AAAA", x_amz_checksum_algorithm="XXHASH64"), verified(UNSIGNED_PAYLOAD))
    assert chunked.decode_whole(b"x", decoder) == b"x"
    assert decoder.checksums == {"xxhash64": "AAAA"}


def test_presigned_url_with_unsigned_trailer() -> None:
    """The signature says UNSIGNED-PAYLOAD, the header says how the body is framed."""
    head = request(x_amz_content_sha256=STREAMING_UNSIGNED_TRAILER, x_amz_decoded_content_length="5", x_amz_trailer="x-amz-checksum-crc32")
    body = frames(b"abcde", 5, trailers={"x-amz-checksum-crc32": crc32(b"abcde")})
    assert read(body, chunked.decoder(head, verified(UNSIGNED_PAYLOAD))) == b"abcde"


def checksum_of(name: str, data: bytes) -> str:
    checksum = checksums.start(name)
    checksum.update(data)
    return checksums.text(checksum)


@pytest.mark.parametrize(("kind", "checksum"), [("crc32", Crc32Checksum), ("sha256", Sha256Checksum), ("sha1", Sha1Checksum)])
def test_what_botocore_frames(kind: str, checksum: type) -> None:
    """As its S3 client sends bodies over TLS."""
    payload = bytes(range(256)) * 20
    name = f"x-amz-checksum-{kind}"
    body = AwsChunkedWrapper(io.BytesIO(payload), checksum_cls=checksum, checksum_name=name, chunk_size=1000).read()
    head = request(x_amz_decoded_content_length=str(len(payload)), x_amz_trailer=name)
    decoder = chunked.decoder(head, verified(STREAMING_UNSIGNED_TRAILER))
    assert read(body, decoder, [1, 999, 3000]) == payload
    assert decoder.checksums == {kind: checksum_of(kind, payload)}


async def arriving(body: bytes) -> AsyncIterator[bytes]:
    for at in range(0, len(body), 7):
        yield body[at : at + 7]


def test_decoded_streams_and_checks_the_end() -> None:
    async def collect(body: bytes) -> bytes:
        head, proof, _ = whole(STREAMING_SIGNED, b"x" * 100, 30)
        return b"".join([piece async for piece in chunked.decoded(arriving(body), chunked.decoder(head, proof))])

    body = whole(STREAMING_SIGNED, b"x" * 100, 30)[2]
    assert asyncio.run(collect(body)) == b"x" * 100
    with pytest.raises(chunked.IncompleteBody):
        asyncio.run(collect(body[:-60]))


def test_the_last_piece_waits_for_the_end() -> None:
    """What is wrong at the end is found before the last octets are given out."""

    passed: list[bytes] = []

    async def collect(body: bytes) -> None:
        head = request(x_amz_decoded_content_length="50", x_amz_trailer="x-amz-checksum-crc32")
        pieces = chunked.decoded(arriving(body), chunked.decoder(head, verified(STREAMING_UNSIGNED_TRAILER)))
        while True:
            passed.append(await anext(pieces))

    with pytest.raises(chunked.BadDigest):
        asyncio.run(collect(frames(b"abcde" * 10, 50, trailers={"x-amz-checksum-crc32": "AAAAAA=="})))
    assert 0 < len(b"".join(passed)) < 50


def test_a_large_chunk_is_never_held() -> None:
    """One chunk of 32 MB passes through in pieces."""
    size = 32 << 20
    proof = verified(STREAMING_UNSIGNED_TRAILER)
    decoder = chunked.decoder(request(x_amz_decoded_content_length=str(size)), proof)
    piece = bytes(65536)
    tracemalloc.start()
    try:
        passed = sum(len(out) for out in decoder.feed(f"{size:x}\r\n".encode()))
        for _ in range(size // len(piece)):
            passed += sum(len(out) for out in decoder.feed(piece))
        passed += sum(len(out) for out in decoder.feed(b"\r\n0\r\n\r\n"))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    decoder.finish()
    assert passed == size
    assert peak < 1 << 20


def test_signature_of_another_day_does_not_fit() -> None:
    proof = verified(STREAMING_SIGNED)
    body = frames(b"aaaa", 4, signed=proof)
    with pytest.raises(chunked.SignatureDoesNotMatch):
        read(body, chunked.decoder(request(x_amz_decoded_content_length="4"), replace(proof, timestamp="20130525T000000Z")))
