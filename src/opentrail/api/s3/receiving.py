"""Bodies on their way to disk: constant memory, the event loop never waits for the disk."""

from __future__ import annotations

import asyncio
import threading
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Callable
from typing import TypeVar

from opentrail.api.call import Call
from opentrail.buckets.checksums import Checksum, claimed, known_algorithm
from opentrail.buckets.drafts import Draft, Sealed
from opentrail.buckets.faults import BadDigest, IncompleteBody, InvalidDigest, InvalidRequest

PIECE = 1 << 20
"""Bytes that are gathered before a thread writes them."""
_T = TypeVar("_T")


class Expected:
    """What the client says about the body of a call: its length, its MD5, one additional checksum.

    Raises `InvalidDigest`, `InvalidRequest`, `NotServed` when it says nonsense. `own` is an algorithm to compute in any case.
    """

    def __init__(self, call: Call, length: int, *, own: str | None = None) -> None:
        self.length = length
        self._md5 = _md5(call.parameters.get("ContentMD5"))
        self._claimed = claimed(call.parameters)
        # A trailer is checked by the wire, against the same data; what is stored is computed here all the same.
        trailer = (call.request.headers.get("x-amz-trailer") or "").strip().lower()
        announced = trailer.removeprefix("x-amz-checksum-") if trailer.startswith("x-amz-checksum-") else None
        named = self._claimed.algorithm if self._claimed else announced or call.parameters.get("ChecksumAlgorithm")
        self.algorithm = known_algorithm(named) if named else own
        if own is not None and self.algorithm != own:
            actual = (self.algorithm or "null").lower()
            raise InvalidRequest(f"Checksum Type mismatch occurred, expected checksum Type: {own.lower()}, actual checksum Type: {actual}")

    def check(self, sealed: Sealed) -> Checksum | None:
        """The computed checksum of the data. Raises `BadDigest`, `IncompleteBody` unless they are what the client said."""
        if sealed.size != self.length:
            raise IncompleteBody()
        if self._md5 is not None and self._md5 != sealed.md5:
            raise BadDigest(ExpectedDigest=self._md5.hex(), CalculatedDigest=sealed.md5.hex())
        if self.algorithm is None:
            return None
        computed = Checksum(self.algorithm, sealed.checksums[self.algorithm])
        if self._claimed is not None and b64decode(self._claimed.value) != b64decode(computed.value):
            raise BadDigest(f"The {self.algorithm} you specified did not match the calculated checksum.")
        return computed


async def receive(call: Call, length: int, begin: Callable[[], Draft], finish: Callable[[Draft], _T]) -> _T:
    """Write the body of `call` to the draft that `begin` makes, then `finish` it; both run in worker threads.

    Whatever goes wrong, cancellation too, the draft is removed. Raises `IncompleteBody` for more or fewer bytes than `length`.
    """
    intake = _Intake(begin)
    gathered: list[bytes] = []
    size = received = 0
    try:
        if call.body is not None:
            async for piece in call.body:
                received += len(piece)
                if received > length:
                    raise IncompleteBody()
                gathered.append(piece)
                size += len(piece)
                if size >= PIECE:
                    await asyncio.to_thread(intake.take, b"".join(gathered))
                    gathered, size = [], 0
        if received != length:
            raise IncompleteBody()
        return await asyncio.to_thread(intake.end, b"".join(gathered), finish)
    except BaseException:
        # Not awaited: the call may have been cancelled, and a write may still be going on in its thread.
        asyncio.get_running_loop().run_in_executor(None, intake.give_up)
        raise


class _Intake:
    """A draft that is made when the first data come, and given up at most once."""

    def __init__(self, begin: Callable[[], Draft]) -> None:
        self._begin = begin
        self._draft: Draft | None = None
        self._over = False
        self._lock = threading.Lock()

    def take(self, data: bytes) -> None:
        with self._lock:
            self._open().write(data)

    def end(self, data: bytes, finish: Callable[[Draft], _T]) -> _T:
        with self._lock:
            draft = self._open()
            draft.write(data)
            return finish(draft)

    def give_up(self) -> None:
        with self._lock:
            self._over = True
            if self._draft is not None:
                self._draft.give_up()

    def _open(self) -> Draft:
        if self._over:
            raise IncompleteBody()
        if self._draft is None:
            self._draft = self._begin()
        return self._draft


def _md5(text: str | None) -> bytes | None:
    if text is None:
        return None
    try:
        digest = b64decode(text, validate=True)
    except (Base64Error, ValueError):
        digest = b""
    if len(digest) != 16:
        raise InvalidDigest()
    return digest
