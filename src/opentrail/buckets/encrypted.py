"""The form of an encrypted object on disk. Pure but for random numbers.

    head (35 bytes, readable) | chunk 0 | chunk 1 | … | last chunk

Each chunk is up to 64 KiB of the data under AES-256-GCM, with its tag (16 bytes) behind it; only the last may be shorter, and no data
are one empty last chunk. So a range is read by reading the chunks that it touches, and memory stays constant whatever the size.

- The key belongs to one stream: HKDF-SHA256 of the data key, salted with the identity of the stream (16 random bytes, kept with the
  object's row and shown as its entity tag). Data that were written for another object, another part or an older state do not open here.
- The nonce is the number of the chunk and whether it is the last: chunks cannot change places, be left out or repeated, and data cut at
  a chunk's end have no last chunk.
- The head is authenticated with every chunk, and compared when the file is opened.
- The size is kept with the object's row too; a file of any other length is refused before anything is decrypted.

What does not open is an error, never other bytes: see `Decrypter.read`.
"""

from __future__ import annotations

import secrets
import struct
from collections.abc import Callable
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from opentrail.buckets.faults import InternalError

HEAD: Final = b"OpenTrail encrypted object, form 1\n"
CHUNK: Final = 64 << 10
"""Bytes of data in each chunk but the last."""
TAG: Final = 16
_INFO: Final = b"opentrail encrypted object 1"
_NONCE: Final = struct.Struct(">Q3x?")


def new_identity() -> str:
    """The identity of a new stream: 32 hexadecimal digits."""
    return secrets.token_hex(16)


def encrypted_size(size: int) -> int:
    """Bytes of the file that holds `size` bytes of data."""
    return len(HEAD) + size + TAG * _chunks(size)


class Encrypter:
    """Encrypts one stream: every result of `update`, then that of `finish`, make up the file. `key` is a data key of 32 bytes."""

    def __init__(self, key: bytes, identity: str) -> None:
        self._cipher = _cipher(key, identity)
        self._number = 0
        self._rest = b""
        self._begun = False

    def update(self, data: bytes) -> bytes:
        """What can be written now that `data` have come too. The last chunk is held back: only `finish` knows that it is one."""
        held = self._rest + data
        whole = max(0, (len(held) - 1) // CHUNK)
        view = memoryview(held)
        made = [self._chunk(view[start : start + CHUNK], last=False) for start in range(0, whole * CHUNK, CHUNK)]
        self._rest = held[whole * CHUNK :]
        return self._with_head(made)

    def finish(self) -> bytes:
        """The end of the file."""
        return self._with_head([self._chunk(self._rest, last=True)])

    def _with_head(self, made: list[bytes]) -> bytes:
        if not self._begun:
            made.insert(0, HEAD)
            self._begun = True
        return b"".join(made)

    def _chunk(self, data: bytes | memoryview, *, last: bool) -> bytes:
        made = self._cipher.encrypt(_NONCE.pack(self._number, last), data, HEAD)
        self._number += 1
        return made


class Decrypter:
    """Reads one stream of `size` bytes of data. `read_file(start, length)` reads its file."""

    def __init__(self, read_file: Callable[[int, int], bytes], size: int, key: bytes, identity: str) -> None:
        self._read_file = read_file
        self._size = size
        self._cipher = _cipher(key, identity)
        self._last = _chunks(size) - 1

    def read(self, start: int, length: int) -> bytes:
        """Up to `length` bytes from `start`; empty behind the end. Raises `InternalError` when the file is not what was written."""
        end = min(start + length, self._size)
        if start >= end:
            return b""
        first, last = start // CHUNK, (end - 1) // CHUNK
        return b"".join(self._chunks(first, last))[start - first * CHUNK : end - first * CHUNK]

    def check(self) -> None:
        """Whether the file begins and ends as it should, and opens with this key. Raises `InternalError`."""
        if self._read_file(0, len(HEAD)) != HEAD or self._read_file(encrypted_size(self._size), 1):
            raise damaged()
        self._chunks(self._last, self._last)

    def _chunks(self, first: int, last: int) -> list[bytes]:
        """The data of the chunks from `first` to `last`, read in one go."""
        step = CHUNK + TAG
        behind = encrypted_size(self._size) if last == self._last else len(HEAD) + (last + 1) * step
        start = len(HEAD) + first * step
        found = self._read_file(start, behind - start)
        if len(found) != behind - start:
            raise damaged()
        view = memoryview(found)
        try:
            return [
                self._cipher.decrypt(_NONCE.pack(number, number == self._last), view[at : at + step], HEAD)
                for number, at in zip(range(first, last + 1), range(0, len(found), step), strict=True)
            ]
        except InvalidTag:
            raise damaged() from None


def damaged() -> InternalError:
    """What is said of a file that is not what was written."""
    return InternalError("The encrypted data of this object are damaged: the file in the data folder is not what was written.")


def _chunks(size: int) -> int:
    return max(1, -(-size // CHUNK))


def _cipher(key: bytes, identity: str) -> AESGCM:
    salt = bytes.fromhex(identity.partition("-")[0])  # behind it, the number of parts in an entity tag
    return AESGCM(HKDF(algorithm=hashes.SHA256(), length=32, salt=salt, info=_INFO).derive(key))
