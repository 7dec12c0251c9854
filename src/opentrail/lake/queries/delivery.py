"""Delivering results to a bucket: the parts, then the file that vouches for them, made once, so that a repeat delivers the same."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from opentrail.clock import Clock
from opentrail.lake.neighbours import ResultBucket
from opentrail.lake.queries import places, store
from opentrail.lake.queries.query import (
    ACCESS_DENIED,
    ACCESS_DENIED_SIGNING_FILE,
    DELIVERY_FAILED,
    FAILED_SIGNING_FILE,
    RESOURCE_NOT_FOUND,
    SUCCESS,
    UNKNOWN,
    Query,
)
from opentrail.storage.database import Database
from opentrail.wire.faults import Fault

FIRST_PAUSE, LONGEST_PAUSE = 2.0, 300.0
"""Seconds until what failed is tried again: doubled each time, up to the longest."""
GIVEN_UP: Final = 86400.0
"""Seconds after the end of the query at which its delivery is given up."""
COURIERS: Final = 2
"""Results that are delivered at the same time."""

log = logging.getLogger("opentrail.lake")


class Delivery:
    """Delivers what finished queries have left. Thread-safe."""

    def __init__(self, database: Database, clock: Clock, *, bucket: ResultBucket, folder: Path) -> None:
        """`folder` holds a folder of results per query."""
        self._database = database
        self._clock = clock
        self._bucket = bucket
        self._folder = folder
        self._couriers = ThreadPoolExecutor(COURIERS, thread_name_prefix="result-courier")
        self._lock = threading.Lock()
        self._pauses: dict[str, tuple[float, float]] = {}
        """Query → when it is due again (monotonic), and the pause before that."""
        self._busy: set[str] = set()

    def begin(self, query: Query) -> None:
        """Have the results of `query` delivered soon, unless that is under way, or not due again yet."""
        with self._lock:
            due, _ = self._pauses.get(query.id, (0.0, 0.0))
            if query.id in self._busy or self._clock.monotonic() < due:
                return
            self._busy.add(query.id)
        self._couriers.submit(self._deliver, query)

    def close(self) -> None:
        """Finish what is under way; the rest goes on after the next start."""
        self._couriers.shutdown(cancel_futures=True)

    def _deliver(self, query: Query) -> None:
        try:
            status = self.deliver(query)
            if status is None:
                self._later(query)
                return
            with self._database.begin() as connection:
                store.delivered(connection, query.id, status)
            with self._lock:
                self._pauses.pop(query.id, None)
        except Exception:
            log.exception("the results of query %s could not be delivered", query.id)
            self._later(query)
        finally:
            with self._lock:
                self._busy.discard(query.id)

    def _later(self, query: Query) -> None:
        with self._lock:
            _, pause = self._pauses.get(query.id, (0.0, 0.0))
            pause = min(max(FIRST_PAUSE, pause * 2), LONGEST_PAUSE)
            self._pauses[query.id] = (self._clock.monotonic() + pause, pause)

    def deliver(self, query: Query) -> str | None:
        """One attempt; the delivery's last status, or `None` when it is to be tried again."""
        assert query.delivery_s3_uri is not None
        _, prefix = places.bucket_and_prefix(query.delivery_s3_uri)
        folder = self._folder / query.id
        key = places.folder(prefix, query.owner_account_id, query.id, query.created)
        number = 1
        while (part := folder / places.part_name(number)).exists():
            refused = self._put(query, key + part.name, part)
            if refused is not None:
                return self._judged(query, refused, ACCESS_DENIED, DELIVERY_FAILED)
            number += 1
        if number == 1:
            log.error("the results of query %s are gone and cannot be delivered", query.id)
            return UNKNOWN
        signed = folder / places.SIGN_FILE
        if not signed.exists():
            return FAILED_SIGNING_FILE
        refused = self._put(query, key + signed.name, signed)
        if refused is not None:
            return self._judged(query, refused, ACCESS_DENIED_SIGNING_FILE, FAILED_SIGNING_FILE)
        return SUCCESS

    def _put(self, query: Query, key: str, file: Path) -> Fault | None:
        assert query.delivery_s3_uri is not None
        bucket, _ = places.bucket_and_prefix(query.delivery_s3_uri)
        try:
            self._bucket.put(
                bucket=bucket,
                key=key,
                body=file.read_bytes(),
                metadata={},
                source_arn=query.source_arn,
                account_id=query.owner_account_id,
            )
        except Fault as refused:
            return refused
        return None

    def _judged(self, query: Query, refused: Fault, denied: str, failed: str) -> str | None:
        if refused.code == "NoSuchBucket":
            return RESOURCE_NOT_FOUND
        if refused.code.startswith("AccessDenied"):
            return denied
        log.warning("the results of query %s could not be put into %s: %s", query.id, query.delivery_s3_uri, refused)
        outlived = query.ended is not None and self._clock.time() - query.ended >= GIVEN_UP
        return failed if outlived or refused.status < 500 else None
