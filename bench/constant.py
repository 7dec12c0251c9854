"""A server that gives every request the same answer: `python bench/constant.py PORT`. The ceiling of the HTTP stack, and an upstream."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import uvicorn
import uvloop

ANSWER = b'{"Table": {"TableName": "orders", "TableStatus": "ACTIVE", "ItemCount": 0, "Note": "' + b"x" * 300 + b'"}}'
HEADERS = [
    (b"content-type", b"application/x-amz-json-1.0"),
    (b"content-length", str(len(ANSWER)).encode()),
    (b"x-amzn-requestid", b"0B7C1A52111140E9D1C0000000000A1"),
]


async def application(
    scope: Mapping[str, Any], receive: Callable[[], Awaitable[Mapping[str, Any]]], send: Callable[[Mapping[str, Any]], Awaitable[None]]
) -> None:
    """Answer."""
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    await send({"type": "http.response.body", "body": ANSWER})


if __name__ == "__main__":
    config = uvicorn.Config(
        application,
        host="127.0.0.1",
        port=int(sys.argv[1]),
        http="httptools",
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        backlog=1024,
    )
    uvloop.run(uvicorn.Server(config).serve())
