"""TLS on a real socket: what the application is told of it, and which versions are spoken."""

from __future__ import annotations

import asyncio
import json
import ssl
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from opentrail.api.arrival import Arrival
from opentrail.api.asgi import Application
from opentrail.clock import ManualClock
from opentrail.server.http import bounded_protocol
from opentrail.server.listening import tls_context
from opentrail.server.servers import Servers
from opentrail.wire.http import Response
from simulators.certificates import Certificate


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return Certificate.made(tmp_path_factory.mktemp("tls"))


async def _answer(arrival: Arrival) -> Response:
    tls = arrival.tls
    told = {"secure": arrival.secure, "version": tls and tls.version, "cipher": tls and tls.cipher_suite}
    return Response(status=200, body=json.dumps(told).encode())


def asked(certificate: Certificate, context: ssl.SSLContext | None) -> Any:
    """What the application says to a client with this idea of TLS (`None`: plain HTTP)."""

    async def run() -> Any:
        application = Application(answer=_answer, pages={}, clock=ManualClock())
        configs = []
        for secure in (False, True):
            config = uvicorn.Config(
                application, port=0, http=bounded_protocol(8192), ws="none", lifespan="off", log_config=None, proxy_headers=False
            )
            config.load()
            config.ssl = tls_context(certificate.settings) if secure else None
            configs.append(config)
        servers = Servers(configs)
        serving = asyncio.create_task(servers.serve())
        assert await servers.listen()
        server = servers._servers[0 if context is None else 1]
        port = server.servers[0].sockets[0].getsockname()[1]
        try:
            reader, writer = await asyncio.open_connection("localhost", port, ssl=context)
            writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            answer = await reader.read()
            writer.close()
            return json.loads(answer.partition(b"\r\n\r\n")[2])
        finally:
            servers.stop()
            await serving

    return asyncio.run(run())


def trusting(certificate: Path, version: ssl.TLSVersion) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(certificate))
    context.maximum_version = version
    context.minimum_version = version
    return context


def test_the_names_are_those_that_cloudtrail_prints(certificate: Certificate) -> None:
    newest = asked(certificate, trusting(certificate.certificate, ssl.TLSVersion.TLSv1_3))
    assert (newest["secure"], newest["version"]) == (True, "TLSv1.3")
    assert newest["cipher"] in ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256")
    older = trusting(certificate.certificate, ssl.TLSVersion.TLSv1_2)
    older.set_ciphers("ECDHE-RSA-AES128-GCM-SHA256")
    assert asked(certificate, older) == {"secure": True, "version": "TLSv1.2", "cipher": "ECDHE-RSA-AES128-GCM-SHA256"}


def test_a_plain_connection_tells_nothing_of_tls(certificate: Certificate) -> None:
    assert asked(certificate, None) == {"secure": False, "version": None, "cipher": None}


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated")
def test_older_versions_are_not_spoken(certificate: Certificate) -> None:
    with pytest.raises((ssl.SSLError, ConnectionError)):
        asked(certificate, trusting(certificate.certificate, ssl.TLSVersion.TLSv1_1))
