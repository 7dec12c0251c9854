"""Questions from one process to another on the same machine, over a Unix domain socket.

    server = await LinkServer.start(path, handler)          # in the one that knows; handler(name, payload) -> answer
    link = Link(path)                                       # in the one that asks
    answer = await link.ask("lookup", {"attribute": "EventName"})

A frame is its length (u32, big-endian) and MessagePack: `[id, name, payload]` one way, `[id, answered, answer or fault]` the other. Many
questions are under way over one connection, answers come in any order. Payloads and answers are what MessagePack holds: None, truth
values, numbers, text, bytes, lists, dictionaries, aware datetimes (tuples come back as lists). A `Fault` of the handler is raised again
on the asking side.

A question may be asked twice: when the connection breaks before the answer, `ask` connects again and repeats it. So only what changes
nothing, or may be repeated, belongs here.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import struct
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import msgspec

from opentrail.wire.faults import Fault, InternalFailure, ServiceUnavailable, fault

MAX_FRAME = 64 << 20
"""Bytes of the largest question or answer."""

MAX_OPEN = 1024
"""Questions of one connection that are worked on at the same time; further ones wait in the socket."""

PATIENCE = 5.0
"""Seconds for which a question waits for the other side to come (back)."""

TIMEOUT = 60.0
"""Seconds after which a question that has no answer is given up."""

SHORTEST, LONGEST = 0.01, 0.2
"""Seconds between two attempts to connect."""

Handler = Callable[[str, Any], Awaitable[Any]]

_LENGTH = struct.Struct(">I")
_log = logging.getLogger(__name__)


class LinkServer:
    """The side that answers. Make it with `LinkServer.start`."""

    def __init__(self, path: Path, handler: Handler) -> None:
        self._path = path
        self._handler = handler
        self._server: asyncio.Server | None = None
        self._inode = 0
        self._connections: set[asyncio.Task[None]] = set()

    @classmethod
    async def start(cls, path: Path, handler: Handler) -> LinkServer:
        """Listen on the socket `path` (mode 0600), taking the place of one that is there already. Raises `OSError`."""
        made = cls(path, handler)
        listener, made._inode = _listening(path)
        made._server = await asyncio.start_unix_server(made._connected, sock=listener)
        return made

    async def close(self) -> None:
        """Stop listening and break off what is under way; the askers find out at once."""
        if self._server is None:
            return
        self._server.close()
        connections = list(self._connections)
        for connection in connections:
            connection.cancel()
        await asyncio.gather(*connections, return_exceptions=True)
        await self._server.wait_closed()
        self._server = None
        with contextlib.suppress(OSError):
            if self._path.stat().st_ino == self._inode:  # not the socket of a successor
                self._path.unlink()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        free = asyncio.Semaphore(MAX_OPEN)
        answering: set[asyncio.Task[None]] = set()
        try:
            while True:
                number, name, payload = await _received(reader)
                if not isinstance(name, str):
                    raise ValueError("A question has no name.")
                await free.acquire()
                answer = asyncio.create_task(self._answered(writer, number, name, payload))
                answering.add(answer)
                answer.add_done_callback(answering.discard)
                answer.add_done_callback(lambda _: free.release())
        except ValueError as error:
            _log.warning("A connection to %s was closed: %s", self._path, error)
        except (OSError, EOFError, asyncio.CancelledError):
            pass  # the asker went away, or `close` was called
        finally:
            self._connections.discard(task)
            for answer in answering:
                answer.cancel()
            writer.close()

    async def _answered(self, writer: asyncio.StreamWriter, number: int, name: str, payload: Any) -> None:
        try:
            frame = _frame([number, True, await self._handler(name, payload)])
        except Fault as refused:
            frame = _frame([number, False, _told(refused)])
        except Exception:
            _log.exception("The question %s could not be answered", name)
            frame = _frame([number, False, _told(InternalFailure())])
        with contextlib.suppress(OSError):  # who asked is gone
            writer.write(frame)
            await writer.drain()


class Link:
    """The side that asks. For one event loop; connects when it is first asked, and again when the other side was restarted."""

    def __init__(self, path: Path, *, patience: float = PATIENCE, timeout: float = TIMEOUT) -> None:
        """`patience` and `timeout` in seconds; see `PATIENCE` and `TIMEOUT`."""
        self._path = path
        self._patience = patience
        self._timeout = timeout
        self._numbers = count(1)
        self._connecting = asyncio.Lock()
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None
        self._asked: dict[int, asyncio.Future[Any]] = {}
        self._closed = False

    async def ask(self, name: str, payload: Any = None) -> Any:
        """The handler's answer to the question `name`.

        Raises the handler's `Fault`; `InternalFailure` when the handler failed, or when question or answer are larger than
        `MAX_FRAME` or hold what MessagePack cannot; `ServiceUnavailable` when the other side does not come back in time.
        """
        number = next(self._numbers)
        try:
            frame = _frame([number, name, payload])
        except (TypeError, ValueError, OverflowError) as error:
            raise InternalFailure(f"The question {name} cannot be asked: {error}") from error
        try:
            async with asyncio.timeout(self._timeout):
                while True:
                    try:
                        return await self._asking(number, frame)
                    except OSError:  # the other side went away; ask the one that takes its place
                        await asyncio.sleep(SHORTEST)
        except TimeoutError as error:
            raise ServiceUnavailable(f"There is no answer to {name} at the moment. Try again later.") from error

    async def close(self) -> None:
        """Break off; questions under way, and later ones, raise `ServiceUnavailable`."""
        self._closed = True
        self._broken(ServiceUnavailable("The link is closed."))
        reading, self._reading = self._reading, None
        if reading is not None:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)

    async def _asking(self, number: int, frame: bytes) -> Any:
        writer = await self._connection()
        future = self._asked[number] = asyncio.get_running_loop().create_future()
        try:
            writer.write(frame)
            await writer.drain()
            return await future
        finally:
            self._asked.pop(number, None)
            if future.done() and not future.cancelled():
                future.exception()  # looked at, even when the write failed first

    async def _connection(self) -> asyncio.StreamWriter:
        async with self._connecting:
            if self._closed:
                raise ServiceUnavailable("The link is closed.")
            if self._writer is None:
                reader, self._writer = await self._opened()
                self._reading = asyncio.create_task(self._read(reader, self._writer))
            return self._writer

    async def _opened(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        pause = waited = 0.0
        while True:
            try:
                with _short(self._path) as address:
                    return await asyncio.open_unix_connection(address)
            except OSError as error:
                if waited >= self._patience or self._closed:
                    raise ServiceUnavailable("The process that could answer is not there at the moment. Try again later.") from error
            pause = min(max(2 * pause, SHORTEST), LONGEST)
            await asyncio.sleep(pause)
            waited += pause

    async def _read(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                number, answered, answer = await _received(reader)
                future = self._asked.get(number)
                if future is None or future.done():
                    continue  # whoever asked has given up
                if answered:
                    future.set_result(answer)
                else:
                    future.set_exception(_raised(answer))
        except (OSError, EOFError, ValueError) as error:
            if self._writer is writer:
                self._broken(ConnectionResetError(str(error)))
        finally:
            writer.close()

    def _broken(self, error: Exception) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()
        for future in self._asked.values():
            if not future.done():
                future.set_exception(error)


async def _received(reader: asyncio.StreamReader) -> tuple[int, Any, Any]:
    """The three parts of the next frame; `EOFError` at the end, `ValueError` for what is no frame."""
    (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
    if length > MAX_FRAME:
        raise ValueError(f"A frame of {length} bytes is larger than {MAX_FRAME} bytes.")
    try:
        parts = msgspec.msgpack.decode(await reader.readexactly(length))
    except msgspec.MsgspecError as error:
        raise ValueError(f"A frame cannot be read: {error}.") from error
    if not (isinstance(parts, list) and len(parts) == 3 and isinstance(parts[0], int)):
        raise ValueError("A frame does not have its three parts.")
    return parts[0], parts[1], parts[2]


def _frame(parts: list[Any]) -> bytes:
    body = msgspec.msgpack.encode(parts)
    if len(body) > MAX_FRAME:
        raise ValueError(f"A frame of {len(body)} bytes is larger than {MAX_FRAME} bytes.")
    return _LENGTH.pack(len(body)) + body


def _told(refused: Fault) -> dict[str, Any]:
    members = {name: value if isinstance(value, (bool, int, float)) else str(value) for name, value in refused.members.items()}
    return {"code": refused.code, "message": refused.message, "status": refused.status, "sender": refused.sender, "members": members}


def _raised(told: dict[str, Any]) -> Fault:
    made = fault(told["code"], told["message"], status=told["status"], sender=told["sender"])
    made.members = told["members"]
    return made


def _listening(path: Path) -> tuple[socket.socket, int]:
    """A socket that is put in its place only when it listens, with its mode set before anybody can connect; and its inode."""
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with _short(fresh) as address:
            listener.bind(address)
        fresh.chmod(0o600)
        listener.listen(128)
        fresh.replace(path)
    except BaseException:
        listener.close()
        raise
    return listener, path.stat().st_ino


@contextmanager
def _short(path: Path) -> Iterator[str]:
    """The socket's address. The kernel takes 107 bytes, so its folder is named by a descriptor, however deep it lies."""
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
