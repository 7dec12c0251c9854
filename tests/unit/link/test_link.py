"""Questions and answers over the link, faults, restarts of the other side, and bytes that are no question."""

from __future__ import annotations

import asyncio
import math
import socket
import stat
import struct
from collections.abc import Coroutine
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opentrail import link
from opentrail.link import Link, LinkServer
from opentrail.wire.faults import Fault, InternalFailure, ServiceUnavailable, ValidationException


class TrailNotFoundException(Fault):
    """There is no such trail."""

    status = 404


async def echo(name: str, payload: Any) -> Any:
    return [name, payload]


def run(story: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(story, 60))


PAYLOADS = {
    "nothing": None,
    "text": "Ärger \U0001f4a1",
    "bytes": b"\x00\xff",
    "numbers": [0, -1, 2**63 - 1, 1.5, True],
    "a time": datetime(2026, 1, 5, 10, 11, 12, 345000, tzinfo=UTC),
    "a tree": {"LookupAttributes": [{"AttributeKey": "EventName", "AttributeValue": "RunInstances"}], "MaxResults": 50},
    "a megabyte": b"x" * (1 << 20),
}


@pytest.mark.parametrize("payload", PAYLOADS.values(), ids=PAYLOADS)
def test_a_question_is_answered(tmp_path: Path, payload: Any) -> None:
    async def story() -> None:
        server = await LinkServer.start(tmp_path / "socket", echo)
        asking = Link(tmp_path / "socket")
        assert await asking.ask("lookup", payload) == ["lookup", payload]
        await asking.close()
        await server.close()

    run(story())


FAULTS = [
    TrailNotFoundException("Unknown trail: x"),
    TrailNotFoundException(),
    ValidationException("bad", status_code=4, Resource="arn:aws:x", code="c", status="s"),
    ServiceUnavailable(),
]


@pytest.mark.parametrize("raised", FAULTS, ids=str)
def test_a_fault_is_raised_again_on_the_asking_side(tmp_path: Path, raised: Fault) -> None:
    async def refuse(name: str, payload: Any) -> Any:
        raise raised

    async def story() -> None:
        server = await LinkServer.start(tmp_path / "socket", refuse)
        asking = Link(tmp_path / "socket")
        for _ in range(2):
            with pytest.raises(Fault) as caught:
                await asking.ask("lookup")
            for fact in ("code", "status", "sender", "message", "members"):
                assert getattr(caught.value, fact) == getattr(raised, fact)
        await asking.close()
        await server.close()

    try:
        run(story())
    finally:
        raised.__traceback__ = None


def test_a_handler_that_breaks_is_an_internal_failure_without_details(tmp_path: Path) -> None:
    async def broken(name: str, payload: Any) -> Any:
        return {"secret": 1 / 0} if name == "divide" else object()

    async def story() -> None:
        server = await LinkServer.start(tmp_path / "socket", broken)
        asking = Link(tmp_path / "socket")
        for name in ("divide", "unspeakable"):
            with pytest.raises(Fault) as caught:
                await asking.ask(name)
            assert (caught.value.code, caught.value.message) == ("InternalFailure", InternalFailure().message)
        await asking.close()
        await server.close()

    run(story())


def test_many_questions_share_a_connection_and_slow_ones_hold_up_nobody(tmp_path: Path) -> None:
    async def story() -> None:
        slow = asyncio.Event()

        async def handler(name: str, payload: Any) -> Any:
            if name == "slow":
                await slow.wait()
            return payload

        server = await LinkServer.start(tmp_path / "socket", handler)
        asking = Link(tmp_path / "socket")
        waiting = [asyncio.ensure_future(asking.ask("slow", number)) for number in range(20)]
        answers = await asyncio.gather(*(asking.ask("quick", number) for number in range(2000)))
        assert answers == list(range(2000))
        assert len(server._connections) == 1
        assert not any(question.done() for question in waiting)
        slow.set()
        assert await asyncio.gather(*waiting) == list(range(20))
        await asking.close()
        await server.close()

    run(story())


def test_a_question_waits_for_the_other_side_to_start(tmp_path: Path) -> None:
    async def story() -> None:
        asking = Link(tmp_path / "socket", patience=30)
        question = asyncio.ensure_future(asking.ask("early", 1))
        await asyncio.sleep(0)
        server = await LinkServer.start(tmp_path / "socket", echo)
        assert await question == ["early", 1]
        await asking.close()
        await server.close()

    run(story())


def test_a_question_is_asked_again_when_the_other_side_restarts(tmp_path: Path) -> None:
    async def story() -> None:
        reached = asyncio.Event()

        async def never(name: str, payload: Any) -> Any:
            reached.set()
            await asyncio.Event().wait()

        server = await LinkServer.start(tmp_path / "socket", never)
        asking = Link(tmp_path / "socket", patience=30)
        questions = [asyncio.ensure_future(asking.ask("again", number)) for number in range(10)]
        await reached.wait()
        await server.close()
        assert not (tmp_path / "socket").exists()
        server = await LinkServer.start(tmp_path / "socket", echo)
        assert await asyncio.gather(*questions) == [["again", number] for number in range(10)]
        await asking.close()
        await server.close()

    run(story())


def test_a_successor_takes_the_socket_over(tmp_path: Path) -> None:
    """As after a crash, which leaves the socket's file behind, or when both are there for a moment."""

    async def story() -> None:
        first = await LinkServer.start(tmp_path / "socket", echo)
        second = await LinkServer.start(tmp_path / "socket", echo)
        await first.close()
        asking = Link(tmp_path / "socket")
        assert await asking.ask("x") == ["x", None]
        await asking.close()
        await second.close()

    run(story())


def test_an_absent_other_side_is_service_unavailable(tmp_path: Path) -> None:
    async def story() -> None:
        for path in (tmp_path / "socket", tmp_path / "no folder" / "socket"):
            asking = Link(path, patience=0.0)
            with pytest.raises(ServiceUnavailable):
                await asking.ask("lookup")
            await asking.close()

    run(story())


def test_an_answer_that_never_comes_is_given_up(tmp_path: Path) -> None:
    async def never(name: str, payload: Any) -> Any:
        await asyncio.Event().wait() if name == "never" else None
        return "fine"

    async def story() -> None:
        server = await LinkServer.start(tmp_path / "socket", never)
        asking = Link(tmp_path / "socket", timeout=0.01)
        with pytest.raises(ServiceUnavailable, match="no answer to never"):
            await asking.ask("never")
        patient = Link(tmp_path / "socket")
        assert await patient.ask("other") == "fine"
        await patient.close()
        await asking.close()
        await server.close()

    run(story())


def test_closing_ends_what_is_under_way(tmp_path: Path) -> None:
    async def story() -> None:
        reached = asyncio.Event()

        async def never(name: str, payload: Any) -> Any:
            reached.set()
            await asyncio.Event().wait()

        server = await LinkServer.start(tmp_path / "socket", never)
        asking = Link(tmp_path / "socket")
        question = asyncio.ensure_future(asking.ask("never"))
        await reached.wait()
        await asking.close()
        for waiting in (question, asking.ask("later")):
            with pytest.raises(ServiceUnavailable):
                await waiting
        await server.close()
        await server.close()

    run(story())


def test_what_is_too_large_or_cannot_be_said_is_an_internal_failure_on_both_sides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link, "MAX_FRAME", 10_000)

    async def grown(name: str, payload: Any) -> Any:
        return bytes(20_000)

    async def story() -> None:
        server = await LinkServer.start(tmp_path / "socket", grown)
        asking = Link(tmp_path / "socket")
        for payload in (bytes(20_000), object(), 2**70):
            with pytest.raises(InternalFailure, match="cannot be asked"):
                await asking.ask("question", payload)
        with pytest.raises(Fault) as caught:
            await asking.ask("question")
        assert caught.value.code == "InternalFailure"
        await asking.close()
        await server.close()

    run(story())


def test_the_socket_is_for_its_owner_only_and_may_lie_deep(tmp_path: Path) -> None:
    async def story() -> None:
        folder = tmp_path.joinpath(*["a folder with a long name"] * 8)
        folder.mkdir(parents=True)
        path = folder / "socket"
        assert len(str(path)) > 107
        server = await LinkServer.start(path, echo)
        mode = path.stat().st_mode
        assert stat.S_ISSOCK(mode)
        assert stat.S_IMODE(mode) == 0o600
        assert [file.name for file in folder.iterdir()] == ["socket"]
        asking = Link(path)
        assert await asking.ask("x", 1) == ["x", 1]
        await asking.close()
        await server.close()
        assert not path.exists()

    run(story())


NO_QUESTIONS = {
    "an HTTP request": b"GET / HTTP/1.1\r\n\r\n",
    "a frame beyond the bound": struct.pack(">I", link.MAX_FRAME + 1),
    "an empty frame": struct.pack(">I", 0),
    "no MessagePack": struct.pack(">I", 3) + b"\xc1\xc1\xc1",
    "too few parts": struct.pack(">I", 2) + msgspec.msgpack.encode([1]),
    "a number that is none": struct.pack(">I", 5) + msgspec.msgpack.encode(["a", 1, 2]),
    "a name that is none": struct.pack(">I", 4) + msgspec.msgpack.encode([1, 2, 3]),
}


@pytest.mark.parametrize("sent", NO_QUESTIONS.values(), ids=NO_QUESTIONS)
def test_bytes_that_are_no_question_close_their_connection_only(tmp_path: Path, sent: bytes) -> None:
    async def story() -> None:
        server = await LinkServer.start(tmp_path / "socket", echo)
        reader, writer = await asyncio.open_unix_connection(str(tmp_path / "socket"))
        writer.write(sent)
        assert await reader.read() == b""
        writer.close()
        asking = Link(tmp_path / "socket")
        assert await asking.ask("x") == ["x", None]
        await asking.close()
        await server.close()

    run(story())


@settings(max_examples=25, deadline=None)
@given(sent=st.binary(min_size=1, max_size=60))
def test_no_bytes_bring_the_server_down(tmp_path_factory: pytest.TempPathFactory, sent: bytes) -> None:
    path = tmp_path_factory.mktemp("link") / "socket"

    async def story() -> None:
        server = await LinkServer.start(path, echo)
        stranger = socket.socket(socket.AF_UNIX)
        stranger.connect(str(path))
        stranger.sendall(sent)
        stranger.close()
        asking = Link(path)
        assert await asking.ask("x", math.pi) == ["x", math.pi]
        await asking.close()
        await server.close()

    run(story())
