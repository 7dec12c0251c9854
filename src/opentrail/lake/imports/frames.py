"""Values over a pipe between the importer and its workers: the length (u64, big-endian) and MessagePack."""

from __future__ import annotations

import struct
from typing import IO, Any, Final

import msgspec

_LENGTH: Final = struct.Struct(">Q")


def send(stream: IO[bytes], value: Any) -> None:
    """Write one value, and see that it leaves. Raises `OSError` when nobody reads any more."""
    body = msgspec.msgpack.encode(value)
    stream.write(_LENGTH.pack(len(body)))
    stream.write(body)
    stream.flush()


def receive(stream: IO[bytes]) -> Any:
    """Read one value. Raises `EOFError` at the end, also in the middle of a value."""
    (length,) = _LENGTH.unpack(_exactly(stream, _LENGTH.size))
    return msgspec.msgpack.decode(_exactly(stream, length))


def _exactly(stream: IO[bytes], size: int) -> bytes:
    found = stream.read(size)
    if len(found) != size:
        raise EOFError
    return found
