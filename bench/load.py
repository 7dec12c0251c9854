"""A load generator that costs little: requests are signed once, sent as raw bytes over keep-alive connections.

python bench/load.py URL --clients 32 --seconds 5        signed GetCallerIdentity; prints JSON
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import time
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials


@dataclass
class Load:
    """What came back: latencies in seconds, statuses seen."""

    latencies: list[float] = field(default_factory=list)
    statuses: dict[int, int] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def rate(self) -> float:
        """Answers per second."""
        return len(self.latencies) / self.seconds if self.seconds else 0.0


def signed(url: str, body: str, service: str, key: tuple[str, str], headers: dict[str, str] | None = None, path: str = "/") -> bytes:
    """One signed POST request, ready to be written to a socket as often as wanted within 15 minutes."""
    request = AWSRequest(
        method="POST",
        url=url.rstrip("/") + path,
        data=body.encode(),
        headers={"Content-Type": "application/x-www-form-urlencoded; charset=utf-8", "User-Agent": "Boto3/1.44 bench", **(headers or {})},
    )
    SigV4Auth(Credentials(*key), service, "us-east-1").add_auth(request)
    lines = [f"POST {path} HTTP/1.1", f"Host: {urlsplit(url).netloc}", f"Content-Length: {len(body.encode())}"]
    lines += [f"{name}: {value}" for name, value in request.headers.items() if name.lower() not in ("host", "content-length")]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body.encode()


def caller_identity(url: str, key: tuple[str, str]) -> bytes:
    """A signed sts:GetCallerIdentity."""
    return signed(url, "Action=GetCallerIdentity&Version=2011-06-15", "sts", key)


async def exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> tuple[int, bytes]:
    """Send one request, read one answer; returns its status and its body."""
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    status = int(head[9:12])
    lower = head.lower()
    at = lower.find(b"content-length:")
    if at >= 0:
        length = int(lower[at + 15 : lower.index(b"\r\n", at)])
        return status, await reader.readexactly(length) if length else b""
    body = b""
    while True:
        size = int(await reader.readline(), 16)
        piece = await reader.readexactly(size + 2)
        if size == 0:
            return status, body
        body += piece[:-2]


async def load(url: str, request: bytes, clients: int, seconds: float, warm_up: float = 0.5) -> Load:
    """Keep `clients` connections busy for `seconds` and count the answers."""
    parts = urlsplit(url)
    result = Load()
    counting = False
    stop = False

    async def client() -> None:
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        while not stop:
            began = time.perf_counter()
            status, _ = await exchange(reader, writer, request)
            if counting:
                result.latencies.append(time.perf_counter() - began)
                result.statuses[status] = result.statuses.get(status, 0) + 1
        writer.close()

    tasks = [asyncio.create_task(client()) for _ in range(clients)]
    await asyncio.sleep(warm_up)
    counting = True
    began = time.perf_counter()
    await asyncio.sleep(seconds)
    counting = False
    result.seconds = time.perf_counter() - began
    stop = True
    await asyncio.gather(*tasks)
    return result


def main() -> None:
    """See the module's first lines."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("url")
    arguments.add_argument("--clients", type=int, default=1)
    arguments.add_argument("--seconds", type=float, default=5)
    given = arguments.parse_args()
    key = (os.environ.get("AWS_ACCESS_KEY_ID", "test"), os.environ.get("AWS_SECRET_ACCESS_KEY", "test"))
    found = asyncio.run(load(given.url, caller_identity(given.url, key), given.clients, given.seconds))
    ordered = sorted(found.latencies)
    print(
        json.dumps(
            {
                "rate": found.rate,
                "p50": ordered[len(ordered) // 2],
                "p99": ordered[int(len(ordered) * 0.99)],
                "statuses": found.statuses,
            }
        )
    )


if __name__ == "__main__":
    main()
