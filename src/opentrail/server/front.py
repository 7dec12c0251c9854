"""The front: HTTP in, answers out; the only process that appends to the journal. Reads as a table of contents."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
import uvloop

from opentrail.api.asgi import Application
from opentrail.api.authentication import Authentication
from opentrail.api.authorisation import Authorisation
from opentrail.api.call import Service
from opentrail.api.cloudtrail import CloudTrailService
from opentrail.api.cloudtrail.history import History
from opentrail.api.endpoint import Endpoint
from opentrail.api.forward import Forward
from opentrail.api.iam import IAM
from opentrail.api.pages import Pages
from opentrail.api.reading import Asked, Reading
from opentrail.api.request_ids import RequestIds
from opentrail.api.s3 import S3
from opentrail.api.sts import STS
from opentrail.api.upstream_needs import upstream_needs
from opentrail.buckets import Buckets, ServiceWriter
from opentrail.clock import Clock, SystemClock
from opentrail.identity import Identities
from opentrail.journal import Journal
from opentrail.journal.positions import Positions
from opentrail.link import Link
from opentrail.proxy import Proxy, Upstreams
from opentrail.recorder import Recorder
from opentrail.sandbox import Mirror
from opentrail.server.folder import DataFolder
from opentrail.server.http import bounded_protocol
from opentrail.server.orphan import stop_with_parent
from opentrail.server.roles import Orders
from opentrail.signing import SigningKeys
from opentrail.storage.database import Database
from opentrail.trails.control import Trails
from opentrail.trails.regions import known_regions
from opentrail.wire.models import Catalogue
from opentrail.wire.routing import Router

SAVE_USES = 60.0
"""Seconds between two times that the last uses of keys are written down."""

log = logging.getLogger("opentrail.front")


class Front:
    """The front of one data folder. Built and run by `main`."""

    def __init__(self, orders: Orders, clock: Clock) -> None:
        folder = DataFolder(orders.data_dir)
        settings = orders.settings
        account_id = settings.identity.account_id
        self._orders = orders
        self._folder = folder
        self._database = Database.at(folder.state)
        self._identities = Identities(self._database, folder.keys, clock, account_id=account_id)
        self._root = self._identities.ensure_root(account_id)
        positions = Positions(self._database)
        floor = max(positions.all().values(), default=0)
        self._journal = Journal.open(folder.journal, settings=settings.journal, clock=clock, floor=floor)
        self._buckets = buckets = Buckets(self._database, folder.buckets, clock)
        regions = known_regions()
        trails = Trails(
            self._database,
            clock,
            buckets=ServiceWriter(buckets, clock),
            regions=regions,
            head=lambda: self._journal.head,
        )
        catalogue = Catalogue()
        self._asker = Link(Path(orders.link))
        history = History(self._asker.ask, lambda: self._journal.head, secret=folder.token_secret())
        keys = SigningKeys(self._database, folder.keys, clock)
        upstreams = Upstreams.parse(orders.upstreams, sandbox=orders.sandbox)
        self._proxy = Proxy(upstreams, clock)
        self._mirror = Mirror(orders.sandbox, clock) if orders.sandbox is not None else None
        services: list[Service] = [
            IAM(self._identities, catalogue.service("iam").model),
            STS(self._identities, catalogue.service("sts").model),
            S3(buckets),
            CloudTrailService(trails, keys, history.operations),
        ]
        request_ids = RequestIds()
        authentication = Authentication(identities=self._identities, clock=clock, account_id=account_id, open_door=settings.identity.open)
        self._endpoint = Endpoint(
            reading=Reading(
                router=Router(catalogue), authentication=authentication, request_ids=request_ids, max_body=settings.front.max_body
            ),
            authorisation=Authorisation(identities=self._identities),
            services=[service for service in services if upstreams.named(service.name, service.name) is None],
            forward=Forward(proxy=self._proxy),
            recorder=Recorder(catalogue, new_event_id=request_ids.uuid),
            journal=self._journal,
            clock=clock,
            account_id=account_id,
            region=settings.identity.region,
            regions=[region for names in regions.partitions.values() for region in names],
            pass_on_journal_failure=settings.journal.on_failure == "pass",
            note_use=self._identities.note_use,
            after=self._tell_sandbox,
            upstream_needs=upstream_needs if settings.identity.enforce_upstream else None,
        )
        trusted = [address.strip() for address in settings.front.trusted_proxies.split(",") if address.strip()]
        self._application = Application(
            answer=self._endpoint.answer,
            pages=Pages(journal=self._journal, ask=self._asker.ask).by_path(),
            clock=clock,
            trusted_proxies=trusted,
        )

    async def _tell_sandbox(self, asked: Asked) -> None:
        """The sandbox has an IAM of its own, in which its Lambda looks for roles: it is told what ours did."""
        if self._mirror is None or asked.operation.service.name != "iam":
            return
        name = asked.operation.name
        if not name.startswith(("Get", "List")) and not any(secret in name for secret in ("AccessKey", "LoginProfile", "Password")):
            await self._mirror.replay(asked.request)

    async def run(self) -> None:
        """Serve until SIGTERM; calls in flight are answered first."""
        orders = self._orders
        config = uvicorn.Config(
            self._application,
            host=orders.host,
            port=orders.port,
            http=bounded_protocol(orders.settings.front.max_headers),
            ws="none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=False,
            proxy_headers=False,  # whom to believe about addresses is said by front.trusted_proxies
            timeout_graceful_shutdown=5,
            backlog=1024,
        )
        server = _Server(config)
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, server.handle_exit, signal.SIGTERM, None)
        await self._proxy.open()
        if self._mirror is not None:
            await self._mirror.open()
        serving = asyncio.create_task(server.serve())
        saving = asyncio.create_task(self._save_uses())
        try:
            await asyncio.wait({serving, asyncio.ensure_future(server.listening.wait())}, return_when=asyncio.FIRST_COMPLETED)
            if server.started:
                self._folder.write_address(
                    endpoint=self._address(),
                    region=orders.settings.identity.region,
                    digest_interval=orders.settings.trails.digest_interval,
                )
                print(self._greeting(), flush=True)
            await serving
        finally:
            saving.cancel()
            await self._proxy.close()
            if self._mirror is not None:
                await self._mirror.close()
            await self._asker.close()
            self._endpoint.close()
            self._journal.close()
            self._buckets.close()
            self._identities.save_uses()
            self._database.close()

    async def _save_uses(self) -> None:
        """Write down now and then when each key and role was last used; what a crash takes is only the latest of it."""
        while True:
            await asyncio.sleep(SAVE_USES)
            await asyncio.to_thread(self._identities.save_uses)

    def _address(self) -> str:
        host = self._orders.host
        reachable = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)
        return f"http://{reachable}:{self._orders.port}"

    def _greeting(self) -> str:
        root = self._folder.root
        here = Path.cwd()
        shown = root.relative_to(here) if root.is_relative_to(here) else root
        option = "" if str(shown) == "opentrail-data" else f" --data-dir {shown}"
        return (
            f"OpenTrail listens on {self._address()} (account {self._identities.account_id}, data in {shown}).\n"
            f"Its root access key is {self._root.access_key_id}; the secret is in {shown / 'keys' / 'root.json'}. In another terminal:\n"
            f'  eval "$(opentrail env{option})"\n'
            "  aws sts get-caller-identity"
        )


class _Server(uvicorn.Server):
    """uvicorn's server without its own signal handling, which would end the process before the journal is closed."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def main() -> None:
    """The role process; started by the supervisor."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    stop_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the supervisor says when to stop
    orders = Orders.read(os.environ)
    uvloop.run(Front(orders, SystemClock()).run())


if __name__ == "__main__":
    main()
