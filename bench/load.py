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

import uvloop
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from measure import percentile


@dataclass
class Load:
    """What came back: latencies in seconds, statuses seen."""

    latencies: list[float] = field(default_factory=list)
    statuses: dict[int, int] = field(default_factory=dict)
    answered: int = 0
    """All answers, those before and after the measured time too."""
    seconds: float = 0.0

    @property
    def rate(self) -> float:
        """Answers per second."""
        return len(self.latencies) / self.seconds if self.seconds else 0.0


def signed(
    url: str,
    body: str,
    service: str,
    key: tuple[str, str],
    headers: dict[str, str] | None = None,
    path: str = "/",
    region: str = "us-east-1",
) -> bytes:
    """One signed POST request, ready to be written to a socket as often as wanted within 15 minutes."""
    request = AWSRequest(
        method="POST",
        url=url.rstrip("/") + path,
        data=body.encode(),
        headers={"Content-Type": "application/x-www-form-urlencoded; charset=utf-8", "User-Agent": "Boto3/1.44 bench", **(headers or {})},
    )
    SigV4Auth(Credentials(*key), service, region).add_auth(request)
    lines = [f"POST {path} HTTP/1.1", f"Host: {urlsplit(url).netloc}", f"Content-Length: {len(body.encode())}"]
    lines += [f"{name}: {value}" for name, value in request.headers.items() if name.lower() not in ("host", "content-length")]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body.encode()


def caller_identity(url: str, key: tuple[str, str]) -> bytes:
    """A signed sts:GetCallerIdentity."""
    return signed(url, "Action=GetCallerIdentity&Version=2011-06-15", "sts", key)


def json_call(url: str, key: tuple[str, str], service: str, target: str, parameters: object, region: str = "us-east-1") -> bytes:
    """A signed call of a JSON service; `target` is the X-Amz-Target."""
    headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": target}
    return signed(url, json.dumps(parameters), service, key, headers, region=region)


def lookup_events(url: str, key: tuple[str, str], **parameters: object) -> bytes:
    """A signed cloudtrail:LookupEvents."""
    target = "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.LookupEvents"
    return json_call(url, key, "cloudtrail", target, parameters)


async def exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> tuple[int, bytes]:
    """Send one request, read one answer; returns its status and its body."""
    status, body, _ = await _exchanged(reader, writer, request)
    return status, body


async def _exchanged(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> tuple[int, bytes, bool]:
    """As `exchange`, and whether the connection stays open."""
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    status = int(head[9:12])
    lower = head.lower()
    stays = b"\r\nconnection: close" not in lower
    at = lower.find(b"content-length:")
    if at >= 0:
        length = int(lower[at + 15 : lower.index(b"\r\n", at)])
        return status, await reader.readexactly(length) if length else b"", stays
    body = b""
    while True:
        size = int(await reader.readline(), 16)
        piece = await reader.readexactly(size + 2)
        if size == 0:
            return status, body, stays
        body += piece[:-2]


class Client:
    """One keep-alive connection."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._address = (parts.hostname, parts.port)
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        """Status and body of the answer to `request`."""
        if self._streams is None:
            self._streams = await asyncio.open_connection(*self._address, limit=1 << 20)
        status, body, stays = await _exchanged(*self._streams, request)
        if not stays:
            self.close()
        return status, body

    def close(self) -> None:
        """Give the connection up."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


async def load(url: str, request: bytes, clients: int, seconds: float, warm_up: float = 0.5) -> Load:
    """Keep `clients` connections busy for `seconds` and count the answers."""
    result = Load()
    counting = False
    stop = False

    async def busy() -> None:
        client = Client(url)
        while not stop:
            began = time.perf_counter()
            status, _ = await client.ask(request)
            result.answered += 1
            if counting:
                result.latencies.append(time.perf_counter() - began)
                result.statuses[status] = result.statuses.get(status, 0) + 1
        client.close()

    tasks = [asyncio.create_task(busy()) for _ in range(clients)]
    await asyncio.sleep(warm_up)
    counting = True
    began = time.perf_counter()
    await asyncio.sleep(seconds)
    counting = False
    result.seconds = time.perf_counter() - began
    stop = True
    await asyncio.gather(*tasks)
    return result


async def one_by_one(url: str, request: bytes, count: int) -> list[float]:
    """Latencies in seconds of `count` calls, one after another over one connection. Raises `RuntimeError` for any answer but 200."""
    client = Client(url)
    taken = []
    for _ in range(count):
        began = time.perf_counter()
        status, body = await client.ask(request)
        taken.append(time.perf_counter() - began)
        if status != 200:
            raise RuntimeError(f"{url} answered {status}: {body[:500]!r}")
    client.close()
    return taken


def main() -> None:
    """See the module's first lines."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("url")
    arguments.add_argument("--clients", type=int, default=1)
    arguments.add_argument("--seconds", type=float, default=5)
    given = arguments.parse_args()
    key = (os.environ.get("AWS_ACCESS_KEY_ID", "test"), os.environ.get("AWS_SECRET_ACCESS_KEY", "test"))
    found = uvloop.run(load(given.url, caller_identity(given.url, key), given.clients, given.seconds))
    print(
        json.dumps(
            {
                "rate": found.rate,
                "p50": percentile(found.latencies, 0.5),
                "p99": percentile(found.latencies, 0.99),
                "statuses": found.statuses,
                "answered": found.answered,
            }
        )
    )


if __name__ == "__main__":
    main()
