"""Records CloudTrail's own puts into log buckets, for whoever selects the objects of those buckets."""

from __future__ import annotations

import asyncio
import logging
import secrets

from opentrail.api.recording import Recording
from opentrail.buckets import Buckets
from opentrail.buckets.faults import NoSuchBucket
from opentrail.buckets.service_writer import ACL
from opentrail.identity.principals import service_principal
from opentrail.recorder import Observation
from opentrail.storage.database import Database
from opentrail.trails import deliveries
from opentrail.trails.deliveries import Delivered
from opentrail.trails.facts import CLOUDTRAIL

INTERVAL = 1.0
"""Seconds between two looks at what was delivered."""

log = logging.getLogger("opentrail.front")


class OwnDeliveries:
    """Takes the notes that the followers leave. `run` never ends by itself."""

    def __init__(self, database: Database, buckets: Buckets, recording: Recording) -> None:
        self._database = database
        self._buckets = buckets
        self._recording = recording

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
        noted = await asyncio.to_thread(deliveries.pending, self._database)
        for one in noted:
            observation = await asyncio.to_thread(self._observed, one)
            if observation is not None:
                await self._recording.keep(observation, owner=observation.account_id)
        if noted:
            await asyncio.to_thread(deliveries.done, self._database, noted)
        return bool(noted)

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
