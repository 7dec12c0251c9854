"""How much S3's records say was moved: what came in, and what went out or is announced to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from opentrail.api.arrival import Arrival, IncompleteBody
from opentrail.api.endpoint import Outcome, _announced
from opentrail.clock import ManualClock
from opentrail.wire.http import Headers, Request, Response
from simulators.front_door import Fake, FrontDoor, Upstream, plain


def _arrival(*pieces: bytes, cut: bool = False, **headers: str) -> Arrival:
    waiting: list[dict[str, Any]] = [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces]
    waiting.append({"type": "http.disconnect"} if cut else {"type": "http.request", "body": b""})

    async def receive() -> dict[str, Any]:
        return waiting.pop(0)

    lines = Headers((name.replace("_", "-"), value) for name, value in headers.items())
    request = Request(method="PUT", path="/b/k", headers=lines)
    clock = ManualClock()
    return Arrival(request=request, receive=receive, content_length=None, source_ip="198.51.100.7", secure=False, time=clock.now())


async def _read(arrival: Arrival) -> None:
    async for _ in arrival.pieces():
        pass


def test_what_came_in_is_counted_however_long_it_was_said_to_be() -> None:
    arrival = _arrival(b"abc", b"defg")
    asyncio.run(_read(arrival))
    assert arrival.moved == 7


def test_the_framing_of_a_signed_stream_is_not_counted() -> None:
    arrival = _arrival(b"3;chunk-signature=x\r\nabc\r\n0;chunk-signature=x\r\n\r\n", x_amz_decoded_content_length="3")
    asyncio.run(_read(arrival))
    assert arrival.moved == 3


def test_of_a_body_that_breaks_off_what_came_is_counted() -> None:
    arrival = _arrival(b"abc", cut=True, x_amz_decoded_content_length="300")
    with pytest.raises(IncompleteBody):
        asyncio.run(_read(arrival))
    assert arrival.moved == 3


async def _streamed() -> AsyncIterator[bytes]:
    yield b"abc"


@pytest.mark.parametrize(
    ("response", "method", "expected"),
    [
        (Response(status=200, body=b"abcd"), "GET", 4),
        (Response(status=200, headers=(("Content-Length", "2048"),), body=_streamed()), "GET", 2048),
        (Response(status=200, headers=(("content-length", "2048"),), body=_streamed()), "HEAD", 0),
        (Response(status=200, headers=(("content-length", "2048"),)), "HEAD", 0),
        (Response(status=200, headers=(("content-length", "many"),), body=_streamed()), "GET", 0),
        (Response(status=200, body=_streamed()), "GET", 0),
    ],
)
def test_an_answer_that_is_still_to_be_streamed_counts_as_announced(response: Response, method: str, expected: int) -> None:
    assert _announced(response, method) == expected


def test_a_call_of_ours_says_both(tmp_path: Path) -> None:
    door = FrontDoor(tmp_path, services=[Fake("s3", {"PutBucketVersioning": lambda call: None})])
    body = b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"
    answered = door.ask(door.signed("s3", "PUT", "/b", query="versioning=", body=body))
    assert answered.status == 200
    said = door.record["additionalEventData"]
    assert (said["bytesTransferredIn"], said["bytesTransferredOut"]) == (len(body), 0)
    assert (said["SignatureVersion"], said["AuthenticationMethod"]) == ("SigV4", "AuthHeader")
    door.close()


def test_a_forwarded_call_says_both_and_the_upstreams_id(tmp_path: Path) -> None:
    upstream = Upstream({"s3"})

    async def answer(asked: Any) -> Outcome:
        return Outcome(response=plain(200, b"<LocationConstraint/>", x_amz_id_2="EXAMPLEID2="), parameters={"Bucket": "b"})

    upstream.answer = answer
    door = FrontDoor(tmp_path, upstream=upstream)
    door.ask(door.signed("s3", "GET", "/b", query="location="))
    said = door.record["additionalEventData"]
    assert (said["bytesTransferredIn"], said["bytesTransferredOut"], said["x-amz-id-2"]) == (0, 21, "EXAMPLEID2=")
    door.close()
