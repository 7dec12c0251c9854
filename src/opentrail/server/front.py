"""The front: HTTP in, answers out; the only process that appends to the journal. Reads as a table of contents."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import uvicorn
import uvloop

from opentrail.api.asgi import Application
from opentrail.api.authentication import Authentication
from opentrail.api.authorisation import Authorisation
from opentrail.api.call import Service
from opentrail.api.cloudtrail import CloudTrailService
from opentrail.api.cloudtrail.delegates import DelegateOperations
from opentrail.api.cloudtrail.history import History
from opentrail.api.cloudtrail.organization_trails import OrganizationTrailOperations
from opentrail.api.cloudtrail_data.webhooks import PREFIX as WEBHOOKS
from opentrail.api.endpoint import Endpoint
from opentrail.api.forward import Forward
from opentrail.api.iam import IAM
from opentrail.api.kms import KMS
from opentrail.api.organizations import OrganizationsService
from opentrail.api.pages import Pages
from opentrail.api.reading import Asked, Reading
from opentrail.api.recording import Recording
from opentrail.api.request_ids import RequestIds
from opentrail.api.s3 import S3
from opentrail.api.signin import Door, Federation, PasswordSignIn, Roles, UserDevices
from opentrail.api.sns import SNS
from opentrail.api.sns.certificate import certificate_pages
from opentrail.api.sqs import SQS
from opentrail.api.sts import STS
from opentrail.api.sts.fetching import Fetcher
from opentrail.buckets import Buckets, ObjectKeys, ServiceWriter
from opentrail.clock import Clock, SystemClock
from opentrail.identity import Identities
from opentrail.identity.issuers import Issuers, read_given
from opentrail.identity.vault import Vault
from opentrail.journal import Journal, Reader
from opentrail.journal.positions import Positions
from opentrail.kms import KeyManagement
from opentrail.link import Link
from opentrail.messaging.queues import Queues
from opentrail.messaging.topics import Notifications
from opentrail.messaging.topics.service_publisher import ServicePublisher
from opentrail.messaging.topics.signing import MessageSigner
from opentrail.proxy import Proxy, Upstreams
from opentrail.recorder import Recorder
from opentrail.sandbox import Mirror
from opentrail.server.announcing import Announcing
from opentrail.server.folder import DataFolder
from opentrail.server.http import bounded_protocol
from opentrail.server.lake_front import LakeFront
from opentrail.server.listening import Listener, own_authority, tls_context
from opentrail.server.log_buckets import TrailKeysAnywhere, is_ours, log_buckets
from opentrail.server.own_deliveries import OwnDeliveries
from opentrail.server.reset_door import ResetDoor
from opentrail.server.roles import Orders
from opentrail.server.selections import Selections
from opentrail.server.servers import Servers
from opentrail.server.trail_log_groups import TrailLogGroups
from opentrail.server.watch_front import WatchFront
from opentrail.signing import SigningKeys
from opentrail.storage.database import Database
from opentrail.storage.outbox import Outbox
from opentrail.trails.control import Trails
from opentrail.trails.directory_buckets import read_directories
from opentrail.trails.encryption import TrailKeys
from opentrail.trails.neighbours import Neighbours
from opentrail.trails.regions import known_regions
from opentrail.trails.selection import Selection
from opentrail.wire.models import Catalogue
from opentrail.wire.routing import Router

SAVE_USES = 60.0
"""Seconds between two times that the last uses of keys are written down."""
SAVE_STATUSES = 1.0
"""Seconds between two times that the latest attempts to put events are written down."""
KEEP_KEYS = 60.0
"""Seconds between two times that KMS keys are looked at whose deletion or rotation may be due."""
KEEP_QUEUES = 1.0
"""Seconds between two looks at what is due in queues."""

log = logging.getLogger("opentrail.front")


class Front:
    """The front of one data folder. Built and run by `main`."""

    def __init__(self, orders: Orders, clock: Clock) -> None:
        folder = DataFolder(orders.data_dir)
        settings = orders.settings
        account_id = settings.identity.account_id
        self._orders = orders
        self._clock = clock
        self._folder = folder
        self._database = Database.at(folder.state)
        self._messages = Database.at(folder.messages)
        http_issuers = settings.identity.http_issuers
        outbox = Outbox(self._database)
        self._identities = Identities(self._database, folder.keys, clock, account_id=account_id, outbox=outbox, http_issuers=http_issuers)
        self._root = self._identities.ensure_root(account_id)
        positions = Positions(self._database)
        floor = max(positions.all().values(), default=0)
        self._journal = Journal.open(folder.journal, settings=settings.journal, clock=clock, floor=floor)
        self._announcing = Announcing(outbox=outbox, journal=self._journal, reader=Reader(folder.journal))
        outbox.on_put = self._announcing.wake
        self._kms = KeyManagement(self._database, folder.keys, clock, outbox=outbox, identities=self._identities)
        vault = Vault.open(folder.keys)
        self._queues = Queues(self._messages, clock, vault=vault, secret=folder.token_secret(), keys=self._kms.service_keys)
        self._buckets = buckets = Buckets(self._database, folder.buckets, clock)
        object_keys = ObjectKeys(self._kms.service_keys)
        writer = ServiceWriter(buckets, clock, keys=object_keys)
        regions = known_regions()
        selection = Selection(self._database, clock)
        upstreams = Upstreams.parse(orders.upstreams, sandbox=orders.sandbox)
        all_buckets = log_buckets(settings, upstreams, writer)
        catalogue = Catalogue()
        self._watch = watch = WatchFront(
            orders,
            self._database,
            clock,
            catalogue=catalogue,
            identities=self._identities,
            kms=self._kms,
            regions=regions,
            head=lambda: self._journal.head,
        )
        trails = Trails(
            self._database,
            clock,
            buckets=all_buckets,
            regions=regions,
            head=lambda: self._journal.head,
            changed=selection.changed,
            neighbours=Neighbours(
                topics=ServicePublisher(self._messages, clock, keys=self._kms.service_keys),
                keys=TrailKeysAnywhere(
                    TrailKeys(self._kms.service_keys, writer),
                    is_ours=lambda bucket: is_ours(settings, upstreams, bucket),
                    is_directory=read_directories(settings.trails.directories).__contains__,
                ),
                organizations=self._identities.organizations.asked,
                log_groups=TrailLogGroups(watch.log_groups, self._identities, clock, available=upstreams.named("logs", "logs") is None),
            ),
        )
        self._identities.organizations.accompanied_by(trails.organization)
        self._asker = Link(Path(orders.link))
        history = History(self._asker.ask, lambda: self._journal.head, secret=folder.token_secret())
        keys = SigningKeys(self._database, folder.keys, clock)
        self._proxy = Proxy(upstreams, clock)
        self._mirror = Mirror(orders.sandbox, clock) if orders.sandbox is not None else None
        authorisation = Authorisation(identities=self._identities)
        check = partial(authorisation.check, protocol="json")
        self._lake = lake = LakeFront(
            orders,
            self._database,
            clock,
            journal=self._journal,
            identities=self._identities,
            kms=self._kms,
            buckets=buckets,
            bucket=all_buckets,
            upstreams=upstreams,
            regions=regions,
            vault=vault,
            check=check,
            recent=self._audit_events,
        )
        delegates = DelegateOperations(self._identities, check)
        organization_trails = OrganizationTrailOperations(trails, self._identities, check)
        given = read_given(Path(settings.identity.issuer_keys)) if settings.identity.issuer_keys else {}
        sts = STS(self._identities, catalogue.service("sts").model, Issuers(Fetcher(http=http_issuers), clock, given=given))
        services: list[Service] = [
            IAM(self._identities, catalogue.service("iam").model),
            sts,
            S3(buckets, object_keys, self._identities.mfa_devices),
            CloudTrailService(
                trails,
                keys,
                {**history.operations, **delegates.operations, **organization_trails.operations, **watch.operations(trails)},
                subjects=lake.subjects,
                lake=lake.sharing,
            ),
            OrganizationsService(self._identities.organizations, catalogue.service("organizations").model),
            KMS(self._kms, catalogue.service("kms").model),
            SNS(Notifications(self._messages, clock), catalogue.service("sns").model, keys=self._kms.service_keys),
            SQS(self._queues),
            lake.data,
            *watch.services,
        ]
        request_ids = RequestIds()
        known = frozenset(region for names in regions.partitions.values() for region in names)
        recorder = Recorder(catalogue, new_event_id=request_ids.uuid)
        authentication = Authentication(identities=self._identities, clock=clock, account_id=account_id, open_door=settings.identity.open)
        self._recording = Recording(
            recorder=recorder,
            journal=self._journal,
            selection=Selections(selection, lake.selection),
            is_account=self._identities.accounts.exists,
            pass_on_failure=settings.journal.on_failure == "pass",
        )
        self._own_deliveries = OwnDeliveries(self._database, buckets, self._recording, Reader(folder.journal))
        self._endpoint = Endpoint(
            reading=Reading(
                router=Router(catalogue), authentication=authentication, request_ids=request_ids, max_body=settings.front.max_body
            ),
            authorisation=authorisation,
            services=[service for service in services if upstreams.named(service.name, service.name) is None],
            forward=Forward(proxy=self._proxy),
            recording=self._recording,
            clock=clock,
            account_id=account_id,
            region=settings.identity.region,
            regions=known,
            note_use=self._identities.note_use,
            after=self._tell_sandbox,
            identify=sts.identify,
            enforce_upstream=settings.identity.enforce_upstream,
        )
        self._signin = Door(
            passwords=PasswordSignIn(
                identities=self._identities, multi_factor=UserDevices(self._identities), account_id=account_id, regions=known
            ),
            federation=Federation(identities=self._identities, clock=clock, secret=folder.token_secret(), account_id=account_id),
            roles=Roles(identities=self._identities, authorisation=authorisation, sts=sts, recorder=Recorder(catalogue)),
            authentication=authentication,
            journal=self._journal,
            clock=clock,
            regions=known,
            loopback=all(listener.is_loopback for listener in orders.listeners),
            pass_on_journal_failure=settings.journal.on_failure == "pass",
        )
        trusted = [address.strip() for address in settings.front.trusted_proxies.split(",") if address.strip()]
        signer = MessageSigner.open(folder.keys, clock)
        own = Pages(journal=self._journal, ask=self._asker.ask, ask_watch=watch.link.ask, ask_lake=lake.link.ask)
        pages = {**own.by_path(), **certificate_pages(signer)}
        doors = dict(self._signin.by_path())
        if settings.testing.reset_door:
            told = (selection.changed, lake.changed)
            doors |= ResetDoor(
                [self._database, self._messages, *watch.databases],
                buckets.removed,
                partial(self._identities.ensure_root, account_id),
                *told,
            ).by_path()
        self._applications = {
            listener: Application(
                answer=self._endpoint.answer,
                pages=pages,
                clock=clock,
                trusted_proxies=trusted,
                doors=None if listener.vpc_endpoint else doors,
                halls=None if listener.vpc_endpoint else {WEBHOOKS: lake.webhooks.answer},
                vpc_endpoint=listener.vpc_endpoint,
            )
            for listener in orders.listeners
        }

    async def _audit_events(self, limit: int) -> Sequence[tuple[str, int | None]]:
        """Ids of the newest events that applications have put, all those that are in the journal now among them, and what they tell of."""
        found = await self._asker.ask("audit_events", {"at_least": self._journal.head, "limit": limit})
        return [(event_id, int(deed, 16) if deed else None) for event_id, deed in found]

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
        servers = Servers([self._config(listener) for listener in orders.listeners])

        def stop() -> None:
            self._queues.messages.polls.stop()  # nobody who waits for a message holds up the end
            servers.stop()

        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop)
        await self._proxy.open()
        if self._mirror is not None:
            await self._mirror.open()
        serving = asyncio.create_task(servers.serve())
        chores = [
            asyncio.create_task(chore)
            for chore in (
                self._save_uses(),
                self._own_deliveries.run(),
                self._keep_keys(),
                self._keep_queues(),
                self._announcing.run(),
                self._save_statuses(),
            )
        ]
        try:
            if await servers.listen():
                self._tell_address()
                print(self._greeting(), flush=True)
            await serving
        finally:
            for chore in chores:
                chore.cancel()
            await self._proxy.close()
            if self._mirror is not None:
                await self._mirror.close()
            await self._asker.close()
            await self._lake.link.close()
            await self._watch.close()
            self._endpoint.close()
            self._signin.close()
            await asyncio.to_thread(self._queues.close)
            self._journal.close()
            self._buckets.close()
            self._identities.save_uses()
            self._lake.statuses.save()
            self._messages.close()
            self._database.close()

    async def _save_uses(self) -> None:
        """Write down now and then when each key and role was last used; what a crash takes is only the latest of it."""
        while True:
            await asyncio.sleep(SAVE_USES)
            await asyncio.to_thread(self._identities.save_uses)

    async def _save_statuses(self) -> None:
        """Write down what came in by channels; what fails (a full disk) is tried again the next time."""
        while True:
            await asyncio.sleep(SAVE_STATUSES)
            try:
                await asyncio.to_thread(self._lake.statuses.save)
            except Exception:
                log.exception("what came in by channels could not be written down")

    async def _keep_keys(self) -> None:
        """Delete and rotate the KMS keys that are due; what fails (a full disk) is tried again the next time."""
        while True:
            try:
                await asyncio.to_thread(self._kms.keeper.work, self._clock.time())
            except Exception:
                log.exception("KMS keys could not be deleted or rotated")
            await asyncio.sleep(KEEP_KEYS)

    async def _keep_queues(self) -> None:
        """Move and remove the messages that are due; what fails (a full disk) is tried again the next time."""
        while True:
            try:
                await asyncio.to_thread(self._queues.keeper.work, self._clock.time())
            except Exception:
                log.exception("what is due in queues could not be done")
            await asyncio.sleep(KEEP_QUEUES)

    def _config(self, listener: Listener) -> uvicorn.Config:
        settings = self._orders.settings.front
        config = uvicorn.Config(
            self._applications[listener],
            host=listener.host,
            port=listener.port,
            http=bounded_protocol(settings.max_headers),
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
        config.load()
        config.ssl = tls_context(settings) if listener.tls else None
        return config

    def _tell_address(self) -> None:
        """Write down where we listen, for `opentrail env` and the other verbs."""
        listeners, settings = self._orders.listeners, self._orders.settings
        self._folder.write_address(
            endpoint=listeners[0].url,
            region=settings.identity.region,
            digest_interval=settings.trails.digest_interval,
            account_id=settings.identity.account_id,
            link=self._orders.link,
            lake_link=self._orders.lake_link,
            ca_bundle=own_authority(Path(settings.front.tls_certificate)) if listeners[0].tls else None,
            vpc_endpoints={one.vpc_endpoint.id: one.url for one in listeners if one.vpc_endpoint is not None},
            directories=read_directories(settings.trails.directories),
        )

    def _greeting(self) -> str:
        root = self._folder.root
        here = Path.cwd()
        shown = root.relative_to(here) if root.is_relative_to(here) else root
        option = "" if str(shown) == "opentrail-data" else f" --data-dir {shown}"
        further = "".join(
            f"It listens on {one.url} as well{f', for VPC endpoint {one.vpc_endpoint.id}' if one.vpc_endpoint else ''}.\n"
            for one in self._orders.listeners[1:]
        )
        return (
            f"OpenTrail listens on {self._orders.listeners[0].url} (account {self._identities.account_id}, data in {shown}).\n{further}"
            f"Its root access key is {self._root.access_key_id}; the secret is in {shown / 'keys' / 'root.json'}. In another terminal:\n"
            f'  eval "$(opentrail env{option})"\n'
            "  aws sts get-caller-identity"
        )


def main(orders: Orders) -> None:
    """The role process; started by the supervisor."""
    uvloop.run(Front(orders, SystemClock()).run())
