"""What passes between the lake and the process of one query, over a socket pair: kind (one byte), length (u32, big-endian), payload."""

from __future__ import annotations

import socket
import struct
from typing import Final

LARGEST: Final = 256 << 20
"""Bytes of a payload; more is a mistake, or a process that is no longer itself."""

READY: Final = b"r"
"""child → lake: it can take a query."""
CHECK: Final = b"c"
"""lake → child: a statement, and the stores it may read."""
ACCEPTED: Final = b"a"
"""child → lake: names of the result, and what is wanted of the stores (`sql.wanted`)."""
REFUSED: Final = b"n"
"""child → lake: code and message of a fault."""
RUN: Final = b"g"
"""lake → child: the files of the stores."""
ROWS: Final = b"d"
"""child → lake: number of rows (u32), and the rows, packed."""
CSV: Final = b"v"
"""child → lake: more of the current part."""
PART: Final = b"p"
"""child → lake: the part is complete."""
DONE: Final = b"e"
"""child → lake: what was measured."""
FAILED: Final = b"f"
"""child → lake: why the query failed, and what was measured."""

_HEAD: Final = struct.Struct(">cI")
_SMALL: Final = 64 << 10
"""Bytes of a payload that is copied behind its head."""
COUNT: Final = struct.Struct(">I")


class Ended(Exception):
    """The other side is gone, or says what has no meaning."""


def send(channel: socket.socket, kind: bytes, payload: bytes = b"") -> None:
    """Raises `Ended` when nobody reads."""
    try:
        if len(payload) <= _SMALL:
            channel.sendall(_HEAD.pack(kind, len(payload)) + payload)  # one call, and the reader wakes up once
        else:
            channel.sendall(_HEAD.pack(kind, len(payload)))
            channel.sendall(payload)
    except TimeoutError:
        raise
    except OSError as error:
        raise Ended from error


def receive(channel: socket.socket) -> tuple[bytes, bytes]:
    """The next kind and payload. Raises `Ended`, and `TimeoutError` as the socket is set."""
    kind, length = _HEAD.unpack(_exactly(channel, _HEAD.size))
    if length > LARGEST:
        raise Ended
    return kind, _exactly(channel, length)


def _exactly(channel: socket.socket, length: int) -> bytes:
    taken = bytearray(length)
    view, at = memoryview(taken), 0
    while at < length:
        try:
            count = channel.recv_into(view[at:])
        except TimeoutError:
            raise
        except OSError as error:
            raise Ended from error
        if count == 0:
            raise Ended
        at += count
    return bytes(taken)
