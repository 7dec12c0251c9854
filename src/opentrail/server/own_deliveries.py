"""Records CloudTrail's own puts into log buckets, for whoever selects the objects of those buckets."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Collection, Sequence
from typing import Protocol

from opentrail.api.recording import Recording
from opentrail.buckets import Buckets
from opentrail.buckets.faults import NoSuchBucket
from opentrail.buckets.service_writer import ACL
from opentrail.errors import JournalTrimmed
from opentrail.events import record as records
from opentrail.identity.principals import service_principal
from opentrail.journal.reader import Entry
from opentrail.recorder import Observation
from opentrail.storage.database import Database
from opentrail.trails import deliveries
from opentrail.trails.deliveries import Delivered
from opentrail.trails.facts import CLOUDTRAIL

INTERVAL = 1.0
"""Seconds between two looks at what was delivered."""

PAGE = 1000
"""Records that are read at a time."""
MARK = b'"invokedBy":"cloudtrail.amazonaws.com"'
"""What the record of a put of CloudTrail's holds in any case."""

log = logging.getLogger("opentrail.front")


class Reading(Protocol):
    """The journal, read: `journal.Reader`."""

    def first(self) -> int:
        """Position of the oldest record that is kept."""

    def read(self, after: int, limit: int) -> Sequence[Entry]:
        """Entries above `after`. Raises `JournalTrimmed`."""


class OwnDeliveries:
    """Takes the notes that the followers leave. `run` never ends by itself."""

    def __init__(self, database: Database, buckets: Buckets, recording: Recording, reader: Reading) -> None:
        """`reader` reads the journal: what was recorded by a front that died before it took the note off is found there."""
        self._database = database
        self._buckets = buckets
        self._recording = recording
        self._reader = reader
        self._unsure = True
        """Whether a round was begun and, as far as is known here, not ended: some of its records may be there."""

    async def run(self) -> None:
        """Look now and then; trouble only postpones."""
        while True:
            await asyncio.sleep(INTERVAL)
            try:
                while await self.step():
                    pass
            except Exception:
                log.exception("deliveries could not be recorded; they will be")

    async def step(self) -> bool:
        """Record some of what was delivered; whether there was anything. A record is on disk before its note goes."""
        if not deliveries.is_pending(self._database):
            self._unsure = False
            return False
        noted = await asyncio.to_thread(deliveries.pending, self._database)
        recorded: frozenset[str] = frozenset()
        if noted and self._unsure:
            recorded = await asyncio.to_thread(self._recorded, {one.event_id for one in noted})
        self._unsure = True
        for one in noted:
            if one.event_id in recorded:
                continue
            observation = await asyncio.to_thread(self._observed, one)
            if observation is not None:
                await self._recording.keep(observation, owner=observation.account_id)
        if noted:
            await asyncio.to_thread(deliveries.done, self._database, noted)
        self._unsure = False
        return bool(noted)

    def _recorded(self, event_ids: Collection[str]) -> frozenset[str]:
        """Those of the notes whose records are in the journal already. Only the oldest notes can be: those of one round."""
        found: set[str] = set()
        after = self._reader.first() - 1
        while True:
            try:
                page = self._reader.read(after, PAGE)
            except JournalTrimmed:
                after = self._reader.first() - 1
                continue
            if not page:
                return frozenset(found)
            for entry in page:
                if MARK in entry.record and (event_id := records.read(entry.record).event_id) in event_ids:
                    found.add(event_id)
            after = page[-1].position

    def _observed(self, delivered: Delivered) -> Observation | None:
        try:
            bucket = self._buckets.configurations.access(delivered.bucket).bucket
        except NoSuchBucket:
            return None
        return Observation(
            service="s3",
            operation="PutObject",
            principal=service_principal(CLOUDTRAIL),
            account_id=bucket.account_id,
            region=bucket.region,
            request_id=secrets.token_hex(8).upper(),
            source_ip=CLOUDTRAIL,
            user_agent=CLOUDTRAIL,
            time=delivered.delivered_at,
            parameters={"Bucket": delivered.bucket, "Key": delivered.key, "ACL": ACL},
            result={},
            host=f"{delivered.bucket}.s3.{bucket.region}.amazonaws.com",
            bytes_in=delivered.size,
            event_id=delivered.event_id,
            shared_event_id=delivered.shared_event_id,
        )
