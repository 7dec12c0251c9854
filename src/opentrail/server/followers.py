"""The followers: everything that reads the journal. Trail delivery and digests in one thread, the event store in another; questions
about events come in over the link. Reads as a table of contents.

Each piece of work is tried again by itself when it fails, so that trouble in one place (a damaged lake, a full disk) stops nothing else.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import signal
import string
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import uvloop

from opentrail import history
from opentrail.buckets import Buckets, ObjectKeys, ServiceWriter
from opentrail.clock import Clock, SystemClock
from opentrail.errors import JournalError
from opentrail.events.categories import DATA
from opentrail.eventstore.settings import EventStoreSettings
from opentrail.eventstore.store import EventStore
from opentrail.identity import Identities
from opentrail.identity.vault import Vault
from opentrail.journal import Reader, trim
from opentrail.journal.positions import Positions
from opentrail.kms import KeyManagement
from opentrail.link import LinkServer
from opentrail.messaging.queues import Queues
from opentrail.messaging.queues.service_sender import ServiceSender
from opentrail.messaging.topics.service_publisher import ServicePublisher
from opentrail.proxy import Upstreams
from opentrail.server.background import let_calls_go_first
from opentrail.server.folder import DataFolder
from opentrail.server.log_buckets import is_ours, log_buckets
from opentrail.server.messages import OwnQueues, dispatcher
from opentrail.server.roles import LAKE, WATCH, Orders
from opentrail.signing import SigningKeys
from opentrail.storage.database import Database
from opentrail.storage.news import News
from opentrail.storage.outbox import Outbox
from opentrail.trails import plans
from opentrail.trails.courier import Courier
from opentrail.trails.delivery import FOLLOWER as TRAILS
from opentrail.trails.delivery import Delivery
from opentrail.trails.digests import Digests
from opentrail.trails.notifications import Notifications
from opentrail.trails.regions import known_regions
from opentrail.trails.selection import Selection
from opentrail.trails.spool import Spool
from opentrail.wire.faults import ServiceUnavailable, UnknownOperationException

IDLE = 0.25
"""Seconds a follower waits for the journal before it looks at the clock again."""
QUIET, RARELY = 8, 1.0
"""Waits in vain after which nobody is expected to call in the next moment, and how long a follower then waits."""
TROUBLE = 2.0
"""Seconds a follower waits after something went wrong."""
BREATH = 0.2
"""Seconds that a follower lets records gather when it is nearly there."""
NEAR = 1000
"""Records behind the head at which a follower counts as nearly there."""
EXPIRY = 5.0
"""Seconds between two looks at whether lifecycle rules are due, or have changed."""
TRIM_INTERVAL = 5.0
"""Seconds between two looks at what the journal may forget."""
COURIERS = 8
"""Buckets that are written to at the same time."""
PACKERS = 2
"""Log files that are packed at the same time; most of the time there is one."""
ASKERS = 8
"""Questions about events that are answered at the same time; the status is told beside them, however long they take."""
OPENING = 10.0
"""Seconds a question waits for the event store to be opened."""
ANNOUNCING = "announcing"
"""The front's name here, while it records services' own events."""
EVENT_STORE = "eventstore"
"""The event store's name among the followers; its position lies in its own snapshots, what is saved under it is never below."""

log = logging.getLogger("opentrail.followers")


class Followers:
    """The followers of one data folder. Built and run by `main`."""

    def __init__(self, orders: Orders, clock: Clock) -> None:
        folder = DataFolder(orders.data_dir)
        settings = orders.settings
        self._clock = clock
        self._journal_path = folder.journal
        self._secret = folder.token_secret()
        self._stop = threading.Event()
        self._database = Database.at(folder.state)
        self._messages = Database.at(folder.messages)
        self._reader = Reader(folder.journal)
        self._positions = Positions(self._database)
        self._outbox = Outbox(self._database)
        self._buckets = Buckets(self._database, folder.buckets, clock)
        identities = Identities(self._database, folder.keys, clock, account_id=settings.identity.account_id, outbox=self._outbox)
        kms = KeyManagement(self._database, folder.keys, clock, outbox=self._outbox, identities=identities)
        vault = Vault.open(folder.keys)
        self._queues = Queues(self._messages, clock, vault=vault, secret=self._secret, keys=kms.service_keys)
        own_queues = OwnQueues(ServiceSender(self._queues, clock, service="sns.amazonaws.com"))
        self._dispatcher = dispatcher(orders, self._messages, clock, queues=own_queues)
        self._couriers = ThreadPoolExecutor(COURIERS, thread_name_prefix="courier")
        self._packers = ThreadPoolExecutor(PACKERS, thread_name_prefix="packer")
        regions = known_regions()
        spool = Spool(folder.spool)
        selection = Selection(self._database, clock)
        upstreams = Upstreams.parse(orders.upstreams, sandbox=orders.sandbox)
        courier = Courier(
            self._database,
            clock,
            buckets=log_buckets(settings, upstreams, ServiceWriter(self._buckets, clock, keys=ObjectKeys(kms.service_keys))),
            spool=spool,
            retry_limit=settings.trails.retry_limit,
            executor=self._couriers,
            is_selected=lambda bucket: is_ours(settings, upstreams, bucket) and selection.may(DATA, "s3.amazonaws.com", "PutObject"),
        )
        self._notifications = Notifications(
            self._database,
            clock,
            topics=ServicePublisher(self._messages, clock, keys=kms.service_keys),
            retry_limit=settings.trails.retry_limit,
            executor=self._couriers,
        )

        def cured() -> None:
            courier.try_again()
            self._notifications.try_again()

        self._delivery = Delivery(
            self._database,
            clock,
            journal=Reader(folder.journal),
            positions=self._positions,
            spool=spool,
            courier=courier,
            settings=settings.trails,
            regions=regions,
            unique=_unique,
            cured=cured,
            packers=self._packers,
        )
        self._digests = Digests(
            self._database,
            clock,
            keys=SigningKeys(self._database, folder.keys, clock),
            spool=spool,
            courier=courier,
            settings=settings.trails,
            regions=regions,
        )
        store_settings = EventStoreSettings(retention=settings.history.retention, commit_interval=settings.lake.commit_interval)
        self._store = EventStore(folder.lake, Reader(folder.journal), clock, store_settings, before_commit=self._promise)
        self._store_is_open = threading.Event()
        self._trouble: dict[str, tuple[str, float]] = {}
        self._trouble_lasts = TROUBLE + 2 * settings.lake.commit_interval
        """Seconds for which trouble is told when it does not come again: what is done in intervals fails in intervals."""
        self._trimmed_at = clock.monotonic()
        self._news = News()
        self._news.tell(folder.messages, self._dispatcher.wake)
        self._woken = {TRAILS: threading.Event(), EVENT_STORE: threading.Event()}
        for woken in self._woken.values():
            self._news.tell(folder.journal, woken.set)
        self._askers = ThreadPoolExecutor(ASKERS, thread_name_prefix="lookup")
        self._teller = ThreadPoolExecutor(1, thread_name_prefix="status")

    async def run(self, link: Path) -> None:
        """Follow and answer until SIGTERM."""
        loop = asyncio.get_running_loop()
        stopped = asyncio.Event()
        loop.add_signal_handler(signal.SIGTERM, stopped.set)
        threads = self._threads()
        for thread in threads:
            thread.start()
        answerer = await LinkServer.start(link, self._answer)
        try:
            await stopped.wait()
        finally:
            await answerer.close()
            self._stop.set()
            self._dispatcher.wake()
            for woken in self._woken.values():
                woken.set()
            for thread in threads:
                await asyncio.to_thread(thread.join)
            await asyncio.to_thread(self._dispatcher.close)
            await asyncio.to_thread(self._queues.close)
            for executor in (self._couriers, self._packers, self._askers, self._teller):
                executor.shutdown(cancel_futures=True)
            if self._store_is_open.is_set():
                self._store.close()
            self._buckets.close()
            self._messages.close()
            self._database.close()

    def _threads(self) -> list[threading.Thread]:
        """One thread for each follower, one for lifecycle rules, one for the dispatcher and one that wakes them, not started yet."""
        return [
            threading.Thread(
                target=self._follow,
                args=(TRAILS, (self._step_trails, self._step_notices, self._step_digests), lambda: self._delivery.position),
                name="trails",
            ),
            threading.Thread(
                target=self._follow,
                args=(EVENT_STORE, (self._step_store, self._trim), lambda: self._store.position),
                name="event-store",
            ),
            threading.Thread(target=self._expire, name="lifecycle"),
            threading.Thread(target=self._dispatcher.run, args=(self._stop,), name="messages"),
            threading.Thread(target=self._news.run, args=(self._stop,), name="news"),
        ]

    def _expire(self) -> None:
        """Apply the lifecycle rules of buckets; it follows nothing, but here it delays no answer. What fails is tried again."""
        while not self._stop.is_set():
            pause = EXPIRY
            try:
                if self._buckets.expiry.step():
                    pause = 0.0
            except Exception:
                log.exception("lifecycle rules could not be applied")
            self._stop.wait(pause)

    def _follow(self, name: str, steps: Sequence[Callable[[], bool]], position: Callable[[], int]) -> None:
        """Call every step in turn until told to stop; one returns whether it waits for records, or has worked and may have more to do.

        A follower that is nearly there takes a breath, so that records gather: a batch of hundreds costs little more than one of ten, and
        the front gets the processor. Nobody waits for it: a question about events has them taken in first.
        """
        quiet, woken = 0, self._woken[name]
        while True:
            woken.clear()  # before the steps: what is recorded during them wakes again
            if self._stop.is_set():
                return
            waits: list[bool] = []
            trouble = False
            for step in steps:
                try:
                    waits.append(step())
                except Exception as error:
                    log.exception("the follower %s was interrupted and goes on where it is safe", name)
                    self._trouble[name] = (f"{type(error).__name__}: {error}", self._clock.monotonic())
                    trouble = True
            if trouble:
                self._stop.wait(TROUBLE)
            elif all(waits):
                quiet = 0 if woken.wait(RARELY if quiet >= QUIET else IDLE) else quiet + 1
            elif self._lag(position()) < NEAR:
                self._stop.wait(BREATH)

    def _lag(self, position: int) -> int:
        try:
            return self._reader.head() - position
        except JournalError:
            return 0

    def _ails(self, name: str) -> str:
        """What troubles the follower `name`; empty when nothing does."""
        said, at = self._trouble.get(name, ("", 0.0))
        return said if self._clock.monotonic() - at < self._trouble_lasts else ""

    def _step_trails(self) -> bool:
        return not self._delivery.step()

    def _step_notices(self) -> bool:
        return not self._notifications.step()

    def _step_digests(self) -> bool:
        return not self._digests.step()

    def _step_store(self) -> bool:
        if not self._store_is_open.is_set():
            self._store.open()
            self._store_is_open.set()
            let_calls_go_first()  # not sooner: DuckDB's threads, which answer questions too, are as nice as the one that starts them
        return not self._store.step()

    def _promise(self, position: int) -> None:
        with self._database.begin() as connection:
            self._positions.save(connection, EVENT_STORE, position)

    def _trim(self) -> bool:
        now = self._clock.monotonic()
        if self._store_is_open.is_set() and now - self._trimmed_at >= TRIM_INTERVAL:
            self._trimmed_at = now
            done = self._done()
            last = min(done, key=lambda name: done[name])
            ails = self._ails(last)
            holder = "the front" if last == ANNOUNCING else f"the follower {last}"
            trim(self._journal_path, done[last] + 1, self._stop, holder=f"{holder} ({ails})" if ails else holder)
        return True

    def _done(self) -> dict[str, int]:
        """Follower → position up to which it has made everything durable: the journal may forget what all are done with.

        What the front may have recorded of services' own events, and has not noted as done, is kept as well: asked last (`Outbox`).
        """
        saved = {name: self._positions.get(name) for name in (TRAILS, LAKE, WATCH)}
        done = {**saved, EVENT_STORE: self._store.durable_position}
        tried = self._outbox.lowest_tried()
        return done if tried is None else {**done, ANNOUNCING: tried}

    async def _answer(self, name: str, payload: Any) -> Any:
        loop = asyncio.get_running_loop()
        match name:
            case "lookup":
                return await loop.run_in_executor(self._askers, self._lookup, payload)
            case "audit_events":
                return await loop.run_in_executor(self._askers, self._audit_events, payload)
            case "call_sizes":
                return await loop.run_in_executor(self._askers, self._call_sizes, payload)
            case "calls":
                return await loop.run_in_executor(self._askers, self._calls, payload)
            case "status":
                return await loop.run_in_executor(self._teller, self._status)
            case _:
                raise UnknownOperationException(f"The followers have no answer to {name}.")

    def _opened_store(self, patience: float) -> EventStore:
        if not self._store_is_open.wait(patience):
            ails = self._ails(EVENT_STORE)
            raise ServiceUnavailable(f"The event store cannot be opened: {ails}" if ails else "The event store is being opened.")
        return self._store

    def _lookup(self, question: Any) -> dict[str, Any]:
        lookup = history.Lookup.from_dict(question["lookup"])
        return history.answer(self._opened_store(OPENING), lookup, at_least=question["at_least"], secret=self._secret)

    def _audit_events(self, question: Any) -> list[tuple[str, str]]:
        store = self._opened_store(OPENING)
        if not store.catch_up(question["at_least"], patience=OPENING):
            raise ServiceUnavailable("The event store is catching up with the journal.")
        return store.newest_activity(question["limit"])

    def _call_sizes(self, question: Any) -> list[tuple[int, int]]:
        return self._opened_store(OPENING).call_sizes(question["start"], question["end"])

    def _calls(self, question: Any) -> list[Any]:
        store = self._opened_store(OPENING)
        if not store.catch_up(question["at_least"], patience=OPENING):
            raise ServiceUnavailable("The event store is catching up with the journal.")
        return store.calls(question["start"], question["end"])

    def _status(self) -> dict[str, Any]:
        store = self._opened_store(0).status()
        with self._database.read() as connection:
            waiting = plans.files_waiting(connection)
        head, done = self._reader.head(), self._done()
        return {
            "positions": {TRAILS: self._delivery.position, EVENT_STORE: store.position},
            "counts": {
                "files_waiting": waiting,
                "messages_waiting": self._dispatcher.waiting(),
                "records_quarantined": store.quarantined,
                "events_hot": store.hot_events,
                "events_cold": store.cold_events,
                **{f"records_held_by_{name}": max(0, head - position) for name, position in done.items()},
            },
            "trouble": {name: said for name in (TRAILS, EVENT_STORE) if (said := self._ails(name))},
        }


def _unique() -> str:
    letters = string.ascii_letters + string.digits
    return "".join(secrets.choice(letters) for _ in range(16))


def main(orders: Orders) -> None:
    """The role process; started by the supervisor."""
    uvloop.run(Followers(orders, SystemClock()).run(Path(orders.link)))
