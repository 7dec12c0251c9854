"""Bodies as they arrive: checked against what was signed and against the checksums that came with them, without being held.

`decoder` chooses by what the signature says of the body: a plain body, or `aws-chunked` frames whose chunks are signed, whose trailer is
signed, or neither. Feed it what arrives; it gives back the payload, piece by piece, and raises a `Fault` once something does not hold.
Pieces are given out before the end is known, so a caller must not make them visible before `finish` has returned.

    body = decoder(request, verified)
    async for piece in decoded(arriving, body): ...

Frames, from the S3 API reference ("Transferring payload in multiple chunks", "Including trailing headers"):

    <hex size>[;chunk-signature=<hex>]CRLF <data> CRLF  ...  0[;chunk-signature=<hex>]CRLF  [<trailer>:<value>CRLF ...]  CRLF
"""

from __future__ import annotations

import hmac
import re
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import AsyncIterator, Iterator, Mapping
from hashlib import sha256
from typing import Protocol

from opentrail.wire import checksums
from opentrail.wire.faults import Fault
from opentrail.wire.http import Request
from opentrail.wire.scope import (
    STREAMING,
    STREAMING_SIGNED,
    STREAMING_UNSIGNED_TRAILER,
    UNSIGNED_PAYLOAD,
    Verified,
)

MAX_CHUNK_HEADER = 256
"""Octets of the line before a chunk."""
MAX_TRAILER = 8192
"""Octets of all trailer lines together."""

_CHECKSUM_PREFIX = "x-amz-checksum-"
_SIZE = re.compile(rb"[0-9a-fA-F]{1,16}")
_NOTHING = sha256(b"").hexdigest()


class IncompleteBody(Fault):
    """You did not provide the number of bytes specified by the Content-Length HTTP header."""


class InvalidRequest(Fault):
    """The request is not valid."""


class MissingContentLength(Fault):
    """You must provide the Content-Length HTTP header."""

    status = 411


class MalformedTrailerError(Fault):
    """The request contained trailing data that was not well-formed or did not conform to our published schema."""


class BadDigest(Fault):
    """The checksum you specified did not match what we received."""


class InvalidDigest(Fault):
    """The Content-MD5 you specified was invalid."""


class XAmzContentSHA256Mismatch(Fault):
    """The provided 'x-amz-content-sha256' header does not match what was computed."""


class SignatureDoesNotMatch(Fault):
    """The request signature we calculated does not match the signature you provided. Check your key and signing method."""

    status = 403


class Decoder(Protocol):
    """A body under way."""

    @property
    def length(self) -> int | None:
        """Octets that the payload will have, as far as the request says."""

    @property
    def checksums(self) -> Mapping[str, str]:
        """After `finish`: the checksums that the client gave and that hold, base64 by `crc32`, `sha256`, ...; a kind that cannot be
        computed here (`xxhash64`) is as the client gave it."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The payload in `data`, to be iterated to its end. Raises a `Fault`."""

    def finish(self) -> None:
        """Nothing more will arrive. Raises a `Fault` when the payload is not whole, or not what was declared."""


def decoder(request: Request, verified: Verified) -> Decoder:
    """The decoder for the body of `request`. Raises a `Fault` for headers that contradict each other."""
    framing, declared = verified.payload, request.headers.get("x-amz-content-sha256")
    if framing not in STREAMING and declared in STREAMING:  # presigned URLs and SigV2 sign UNSIGNED-PAYLOAD whatever the framing
        if declared != STREAMING_UNSIGNED_TRAILER:
            raise InvalidRequest("Signed chunks need a request signed in its Authorization header.")
        framing = STREAMING_UNSIGNED_TRAILER
    given = _given_checksums(request)
    if framing not in STREAMING:
        length = request.headers.get("content-length")
        expected = None if framing == UNSIGNED_PAYLOAD else framing
        return PlainBody(length=None if length is None else _length(length), content_sha256=expected, given=given)
    length = request.headers.get("x-amz-decoded-content-length")
    if length is None:
        raise MissingContentLength
    announced = _names(request.headers.get("x-amz-trailer") or "")
    return ChunkedBody(
        length=_length(length),
        verified=None if framing == STREAMING_UNSIGNED_TRAILER else verified,
        trailing=framing != STREAMING_SIGNED,
        announced=announced,
        given=given,
    )


async def decoded(body: AsyncIterator[bytes], decoder: Decoder) -> AsyncIterator[bytes]:
    """The payload of `body`. Its last piece is held back until `decoder.finish()` has found all of it right. Raises a `Fault`."""
    held = b""
    async for data in body:
        for piece in decoder.feed(data):
            if held:
                yield held
            held = piece
    decoder.finish()
    if held:
        yield held


def decode_whole(body: bytes, decoder: Decoder) -> bytes:
    """The payload of a body that is already here. Raises a `Fault`."""
    payload = b"".join(decoder.feed(body))
    decoder.finish()
    return payload


class _Payload:
    """What both kinds of body share: the length and the checksums of the payload itself."""

    def __init__(self, *, length: int | None, given: Mapping[str, str], announced: tuple[str, ...] = ()) -> None:
        self.length = length
        self.checksums: dict[str, str] = {}
        self._received = 0
        self._given = dict(given)
        names = {*given, *(name.removeprefix(_CHECKSUM_PREFIX) for name in announced)}
        self._sums = {name: checksums.start(name) for name in names if checksums.known(name)}

    def _take(self, piece: bytes) -> None:
        self._received += len(piece)
        if self.length is not None and self._received > self.length:
            raise IncompleteBody
        for checksum in self._sums.values():
            checksum.update(piece)

    def _check_length(self) -> None:
        if self.length is not None and self._received != self.length:
            raise IncompleteBody

    def _check_sums(self) -> None:
        for name, value in self._given.items():
            if name in self._sums and not hmac.compare_digest(checksums.text(self._sums[name]), value):
                if name == _CONTENT_MD5:
                    raise BadDigest("The Content-MD5 you specified did not match what we received.")
                raise BadDigest(f"The {name.upper()} you specified did not match the calculated checksum.")
        self.checksums = self._given


class PlainBody(_Payload):
    """A body that is its payload."""

    def __init__(self, *, length: int | None, content_sha256: str | None, given: Mapping[str, str]) -> None:
        super().__init__(length=length, given=given)
        self._content_sha256 = content_sha256
        self._signed = sha256()

    def feed(self, data: bytes) -> Iterator[bytes]:
        if data:
            self._take(data)
            if self._content_sha256 is not None:
                self._signed.update(data)
            yield data

    def finish(self) -> None:
        self._check_length()
        if self._content_sha256 is not None:
            computed = self._signed.hexdigest()
            if computed != self._content_sha256:
                raise XAmzContentSHA256Mismatch(None, ClientComputedContentSHA256=self._content_sha256, S3ComputedContentSHA256=computed)
        self._check_sums()


_HEADER, _DATA, _DATA_END, _TRAILER, _END = range(5)


class ChunkedBody(_Payload):
    """An `aws-chunked` body. Holds no more than one line at a time."""

    def __init__(
        self, *, length: int, verified: Verified | None, trailing: bool, announced: tuple[str, ...], given: Mapping[str, str]
    ) -> None:
        """`verified`: the signature that the chunks continue, `None` when they are not signed. `announced`: names in `x-amz-trailer`."""
        super().__init__(length=length, given=given, announced=announced)
        self._verified = verified
        self._trailing = trailing
        self._announced = announced
        self._previous = verified.signature if verified else ""
        self._state = _HEADER
        self._line = bytearray()
        self._left = 0
        self._chunk = sha256()
        self._chunk_signature = b""
        self._trailers: dict[str, str] = {}
        self._trailer_size = 0

    def feed(self, data: bytes) -> Iterator[bytes]:
        at = 0
        while at < len(data):
            if self._state == _DATA:
                piece = data[at : at + self._left]
                at += len(piece)
                self._left -= len(piece)
                self._take(piece)
                if self._verified:
                    self._chunk.update(piece)
                if not self._left:
                    self._close_chunk()
                    self._state = _DATA_END
                yield piece
            elif self._state == _END:
                if data[at:].strip(b"\r\n"):  # some clients end with one empty line more
                    raise IncompleteBody("The request body has data after its last chunk.")
                return
            else:
                at = self._take_line(data, at)

    def finish(self) -> None:
        if self._state == _TRAILER and not self._line and self._has_trailer():
            self._close_trailer()  # some clients leave out the last, empty line
        if self._state != _END:
            raise IncompleteBody("The request body terminated unexpectedly")
        self._check_length()
        self._check_sums()

    def _take_line(self, data: bytes, at: int) -> int:
        """Collect a line from `data[at:]` and act on it when it is whole; returns where to go on."""
        limit = MAX_TRAILER - self._trailer_size if self._state == _TRAILER else MAX_CHUNK_HEADER
        end = data.find(b"\n", at, at + limit + 1)
        self._line += data[at : at + limit + 1] if end < 0 else data[at:end]
        if len(self._line) > limit:
            raise MalformedTrailerError if self._state == _TRAILER else InvalidRequest("A chunk header is too long.")
        if end < 0:
            return len(data)
        line = bytes(self._line.removesuffix(b"\r"))
        self._line.clear()
        if self._state == _HEADER:
            self._open_chunk(line)
        elif self._state == _DATA_END:
            if line:
                raise InvalidRequest("A chunk is longer than its header says.")
            self._state = _HEADER
        else:
            self._trailer_size += len(line) + 1
            self._take_trailer(line)
        return end + 1

    def _open_chunk(self, line: bytes) -> None:
        size, _, extension = line.partition(b";")
        if not _SIZE.fullmatch(size):
            raise InvalidRequest("A chunk header does not begin with its size.")
        self._left = int(size, 16)
        assert self.length is not None
        if self._left > self.length - self._received:
            raise IncompleteBody
        if self._verified:
            name, _, self._chunk_signature = extension.partition(b"=")
            if name.strip() != b"chunk-signature":
                raise InvalidRequest("A chunk header has no chunk-signature.")
            self._chunk = sha256()
        if self._left:
            self._state = _DATA
        else:
            self._close_chunk()
            self._state = _TRAILER

    def _close_chunk(self) -> None:
        if self._verified:
            signed = f"{_NOTHING}\n{self._chunk.hexdigest()}"
            self._continue_chain("AWS4-HMAC-SHA256-PAYLOAD", signed, self._chunk_signature)

    def _continue_chain(self, algorithm: str, signed: str, signature: bytes) -> None:
        assert self._verified is not None
        text = f"{algorithm}\n{self._verified.timestamp}\n{self._verified.scope.text}\n{self._previous}\n{signed}"
        expected = hmac.digest(self._verified.signing_key, text.encode("utf-8", "surrogateescape"), "sha256").hex()
        if not hmac.compare_digest(expected.encode(), signature.strip()):
            raise SignatureDoesNotMatch
        self._previous = expected

    def _take_trailer(self, line: bytes) -> None:
        if not line:
            if self._has_trailer():  # some clients set the trailer, and its signature, apart by empty lines
                self._close_trailer()
            return
        name, colon, value = line.decode("latin-1").partition(":")
        name = name.strip().lower()
        if not self._trailing or not colon or name in self._trailers:
            raise MalformedTrailerError
        self._trailers[name] = value.strip()

    def _has_trailer(self) -> bool:
        """Whether all has come that was announced, and its signature."""
        return not self._announced or len(self._trailers) >= len(self._announced) + bool(self._verified)

    def _close_trailer(self) -> None:
        signature = self._trailers.pop("x-amz-trailer-signature", "")
        if set(self._trailers) != set(self._announced):
            raise MalformedTrailerError
        if self._verified and self._trailers:
            lines = "".join(f"{name}:{value}\n" for name, value in sorted(self._trailers.items()))
            self._continue_chain("AWS4-HMAC-SHA256-TRAILER", sha256(lines.encode("latin-1")).hexdigest(), signature.encode("latin-1"))
        for name, value in self._trailers.items():
            if name.startswith(_CHECKSUM_PREFIX):
                algorithm = name.removeprefix(_CHECKSUM_PREFIX)
                self._given[algorithm] = _checked_value(name, algorithm, value, where="trailing header")
        self._state = _END


_CONTENT_MD5 = "md5"
_DIGEST_SIZES = {"crc32": 4, "crc32c": 4, "crc64nvme": 8, "sha1": 20, "sha256": 32, "sha512": 64, "md5": 16}


def _given_checksums(request: Request) -> dict[str, str]:
    """The checksums in the headers of `request`, by algorithm."""
    given: dict[str, str] = {}
    for name, value in request.headers:
        if name.startswith(_CHECKSUM_PREFIX):
            algorithm = name.removeprefix(_CHECKSUM_PREFIX)
            if algorithm not in ("algorithm", "mode", "type"):
                given[algorithm] = _checked_value(name, algorithm, value, where="header")
    md5 = request.headers.get("content-md5")
    if md5 is not None:
        if _decoded_size(md5) != 16:
            raise InvalidDigest
        given[_CONTENT_MD5] = md5
    return given


def _checked_value(name: str, algorithm: str, value: str, *, where: str) -> str:
    size = _DIGEST_SIZES.get(algorithm)
    if size is not None and _decoded_size(value) != size:
        raise InvalidRequest(f"Value for {name} {where} is invalid.")
    return value


def _decoded_size(value: str) -> int | None:
    try:
        return len(b64decode(value, validate=True))
    except (Base64Error, ValueError):
        return None


def _length(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 19):
        raise InvalidRequest("The length of the body is no whole number.")
    return int(text)


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip().lower() for name in text.split(",") if name.strip())
