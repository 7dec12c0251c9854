"""`AuditClient`: give it events, it gets them to OpenTrail in the background."""

from __future__ import annotations

import atexit
import hashlib
import logging
import os
import re
import threading
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from opentrail.clock import Clock, SystemClock
from opentrail.middleware.buffer import Buffer
from opentrail.middleware.delivery import MOST_EVENTS, Door, PutAuditEvents
from opentrail.middleware.event import AuditEvent, Who, Written, written
from opentrail.middleware.sender import QUEUE_FULL, UNWRITABLE, Drops, Sender
from opentrail.middleware.settings import AuditSettings

CLOSE_TIMEOUT = 5.0
"""Seconds that the end of the process waits for the last events to get through; what does not goes to the spool."""

EVENTS_DROPPED = "EventsDropped"
"""`eventName` of the event that reports dropped events."""

log = logging.getLogger("opentrail.middleware")

OnDropped = Callable[[Mapping[str, int]], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """How a client is doing."""

    queued: int
    """Events that wait in memory."""
    spooled: int
    """Bytes that wait on disk."""
    sent: int
    """Events that OpenTrail has taken from this process."""
    dropped: Mapping[str, int]
    """Events that are gone, by reason: `queue_full`, `refused` (for good, by OpenTrail), `damaged` (on disk), `lost` (at the end of the
    process, without a spool), `unwritable`."""
    trouble: str
    """Why events are not getting through at the moment; empty when they are."""


class AuditClient:
    """Takes events in microseconds and never raises for one; a thread of its own sends them. Any thread may call any method.

        client = AuditClient(source="orders.example.com")
        client.put(AuditEvent(name="RefundOrder", who=Who(principal_id="ana"), resource="order/17"))

    The thread starts with the first event, and anew after a fork; the process ends only when `close` has run, for `CLOSE_TIMEOUT` at
    the most.
    """

    def __init__(
        self,
        settings: AuditSettings | None = None,
        *,
        clock: Clock | None = None,
        on_dropped: OnDropped | None = None,
        door: Door | None = None,
        **given: Any,
    ) -> None:
        """Without `settings`, what is `given` (fields of `AuditSettings`) and the environment tell; raises `SettingError` when that is
        not enough. `on_dropped` hears the numbers of dropped events by reason when the way is free again; it is called from the thread.
        """
        self.settings = settings if settings is not None else AuditSettings.from_environment(**given)
        self._clock: Clock = clock or SystemClock()
        self._on_dropped = on_dropped
        self._door = door
        self._fresh()
        this = weakref.ref(self)
        os.register_at_fork(after_in_child=lambda: _forked(this))
        atexit.register(_ending, this)

    def _fresh(self) -> None:
        """Everything that belongs to one process."""
        self._drops = Drops()
        self._buffer = Buffer(self.settings.queue_events, self.settings.queue_size)
        self._sender = Sender(
            buffer=self._buffer,
            door=self._door or PutAuditEvents(self.settings, self._clock),
            drops=self._drops,
            clock=self._clock,
            settings=self.settings,
            destination=_destination(self.settings),
            dropped=self._dropped,
        )
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._former: threading.Thread | None = None
        """The thread before, which may still be at the network."""
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._hurry = False
        self._worked = threading.Condition()

    def put(self, event: AuditEvent) -> bool:
        """Have `event` sent. `False` when it was dropped (and counted). Waits for nothing, raises nothing."""
        try:
            text = written(event, source=self.settings.source, version=self.settings.version, now=self._clock.time())
        except Exception as error:
            # its content is nobody's business here: only the kind of the error is told
            log.warning("an audit event cannot be written: %s", type(error).__name__)
            self._drops.add(UNWRITABLE)
            return False
        if not self._buffer.put(text):
            self._drops.add(QUEUE_FULL)
            return False
        if self._thread is None:
            self.start()
        elif len(self._buffer) >= MOST_EVENTS and not self._wake.is_set():
            self._wake.set()
        return True

    def start(self) -> None:
        """Start the thread, if it does not run: it also sends what earlier processes have left behind."""
        with self._starting:
            if self._thread is not None:
                return
            self._stop = threading.Event()
            thread = threading.Thread(target=self._run, args=(self._stop, self._former), name="opentrail-audit", daemon=True)
            try:
                thread.start()
            except RuntimeError as error:  # the interpreter is ending
                log.warning("audit events cannot be sent any more: %s", error)
                return
            self._thread = thread

    def flush(self, timeout: float = CLOSE_TIMEOUT) -> bool:
        """Send what waits, now; whether all of it got through within `timeout` seconds."""
        if self._thread is None:
            if self._sender.idle:
                return True
            self.start()
        return self._flushed(timeout, patient=True)

    def _flushed(self, timeout: float, *, patient: bool) -> bool:
        """Unless `patient`, the first failure is the end of it."""
        with self._worked:
            self._hurry = True
            self._wake.set()
            try:
                self._worked.wait_for(lambda: self._sender.idle or (not patient and bool(self._sender.trouble)), timeout)
            finally:
                self._hurry = False
        return self._sender.idle

    def close(self, timeout: float = CLOSE_TIMEOUT) -> bool:
        """Flush, stop the thread, put what is left on disk; whether everything got through. A later `put` begins anew."""
        with self._starting:
            thread = self._thread
        if thread is None and not len(self._buffer):
            return True
        if thread is None:
            self.start()
            thread = self._thread
        # A server that is away now will hardly be back within the time-out: what is spooled is safe.
        through = self._flushed(timeout, patient=False)
        self._stop.set()
        self._wake.set()
        if thread is not None and thread is not threading.current_thread():
            thread.join(0.5)
        with self._starting:  # an event that comes from here on starts a thread again
            self._thread, self._former = None, thread
        self._sender.put_away()
        self._sender.close()
        return through

    @property
    def dropped(self) -> int:
        """Events of this process that are gone."""
        return sum(self._drops.counts().values())

    @property
    def figures(self) -> Figures:
        """How it is doing."""
        sender = self._sender
        return Figures(
            queued=len(self._buffer), spooled=sender.spooled, sent=sender.sent, dropped=self._drops.counts(), trouble=sender.trouble
        )

    def count_unwritable(self) -> None:
        """Note that an event could not even be made."""
        self._drops.add(UNWRITABLE)

    def _run(self, stop: threading.Event, former: threading.Thread | None) -> None:
        if former is not None:
            former.join()
        sender, wake = self._sender, self._wake
        while not stop.is_set():
            try:
                pause = sender.step(hurry=self._hurry)
            except Exception:
                log.exception("the audit thread was interrupted and goes on")
                pause = self.settings.longest_pause
            with self._worked:
                self._worked.notify_all()
            if pause > 0:
                wake.wait(pause)
            wake.clear()

    def _dropped(self, counts: Mapping[str, int]) -> Sequence[Written]:
        """Tell the application, and OpenTrail."""
        if self._on_dropped is not None:
            try:
                self._on_dropped(counts)
            except Exception:
                log.exception("on_dropped failed")
        total = sum(counts.values())
        log.warning("%d audit events were dropped: %s", total, ", ".join(f"{reason} {count}" for reason, count in sorted(counts.items())))
        event = AuditEvent(
            name=EVENTS_DROPPED,
            who=Who(principal_id=self.settings.source, type="AuditClient"),
            error_code=EVENTS_DROPPED,
            error_message=f"{total} events were dropped.",
            additional={"count": total, "reasons": dict(counts), "process": os.getpid()},
        )
        return [written(event, source=self.settings.source, version=self.settings.version, now=self._clock.time())]

    def _after_fork(self) -> None:
        self._sender.abandon()
        self._fresh()


def _destination(settings: AuditSettings) -> Path | None:
    """The folder of all processes that could send each other's events: same application, same place."""
    if settings.spool is None:
        return None
    parts = (settings.source, settings.endpoint, settings.region, settings.channel, settings.account_id or "", settings.external_id or "")
    digest = hashlib.sha256("\n".join(parts).encode()).hexdigest()
    name = re.sub(r"[^A-Za-z0-9.-]", "_", settings.source)[:80].lstrip(".")
    return settings.spool / f"{name}-{digest[:16]}"


def _forked(this: weakref.ref[AuditClient]) -> None:
    client = this()
    if client is not None:
        client._after_fork()


def _ending(this: weakref.ref[AuditClient]) -> None:
    client = this()
    if client is not None:
        client.close()
