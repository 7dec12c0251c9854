"""Digest files: the signed, chained lists of what was delivered (reference of delivery, §10).

One chain per account, source Region and trail. A digest covers what was delivered in `[start, end)`; `end` lies on the grid of the
digest interval, and `start` is the end of the one before it, so that after downtime one digest covers all of it and no time is left
out. When a trail stops, is deleted or is no longer validated, the chain ends with a digest up to that second, once every file of the
chain is in its bucket. The bytes and the signature are spooled and planned, together with the new state of the chain, before anything
is put: a crash repeats the very same digest.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import deflate
import orjson
from sqlalchemy.engine import Connection

from opentrail.clock import Clock, iso_seconds
from opentrail.config import TrailsSettings
from opentrail.storage.database import Database
from opentrail.trails import keys, plans, store
from opentrail.trails.courier import Courier
from opentrail.trails.keys import Chain
from opentrail.trails.plans import ChainState, Plan
from opentrail.trails.spool import Spool
from opentrail.trails.store import Trail

AT_ONCE = 16
"""Chains whose digest is made in one step."""
LOOK_AGAIN = 1.0
"""Seconds between two looks at chains that wait for their end: digest times are whole seconds."""
ALGORITHM = "SHA256withRSA"


class SigningKey(Protocol):
    """A private key; who holds it need not be known here."""

    @property
    def fingerprint(self) -> str: ...
    def sign(self, message: bytes) -> bytes: ...


class SigningKeys(Protocol):
    """Gives the key of a Region that is valid now."""

    def current(self, region: str) -> SigningKey: ...


@dataclass(frozen=True, slots=True)
class _Due:
    """A digest that has to be made: the chain as it stands, the end of the period, and whether it is the last."""

    trail: Trail
    state: ChainState
    end: int
    last: bool
    covered: tuple[Plan, ...]

    @property
    def chain(self) -> Chain:
        return Chain(self.state.trail_id, self.state.account_id, self.state.region)


def string_to_sign(end: str, bucket: str, key: str, digest_hash: str, previous_signature: str | None) -> bytes:
    """What the signature of a digest is made over (reference of delivery, §10.4)."""
    return f"{end}\n{bucket}/{key}\n{digest_hash}\n{previous_signature or 'null'}".encode()


class Digests:
    """Makes digests when they are due; the courier puts them. Runs in the thread of `Delivery`."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        keys: SigningKeys,
        spool: Spool,
        courier: Courier,
        settings: TrailsSettings,
        chain_regions: Callable[[Trail], Sequence[str]],
    ) -> None:
        """`chain_regions` names the Regions in which a trail has a chain whether or not anything happens there."""
        self._database = database
        self._clock = clock
        self._keys = keys
        self._spool = spool
        self._courier = courier
        self._interval = settings.digest_interval
        self._chain_regions = chain_regions
        self._changes = -1
        self._look_at = 0.0
        database.create(store.METADATA)

    def step(self) -> bool:
        """Make the digests that are due, a few at a time; returns whether there was anything to do."""
        now = self._clock.time()
        with self._database.read() as connection:
            changes = store.changes(connection)
        if changes == self._changes and now < self._look_at:
            return False
        did = self._begin_chains() if changes != self._changes else False
        due, waiting = self._due(now)
        for begin in range(0, len(due), AT_ONCE):
            self._make(due[begin : begin + AT_ONCE])
            if begin + AT_ONCE < len(due):
                return True
        did = self._forget_finished() or did or bool(due)
        self._changes = changes
        boundary = self._boundary(now)
        self._look_at = min(self._after(boundary), now + LOOK_AGAIN) if waiting else self._after(boundary)
        return did

    def _boundary(self, now: float) -> int:
        """The newest point of the grid that is not after `now`."""
        return int(math.floor(now / self._interval) * self._interval)

    def _after(self, boundary: int) -> float:
        return boundary + max(1.0, self._interval)

    def _begin_chains(self) -> bool:
        """Chains of Regions that were not known when the trail was started; the others began with it."""
        with self._database.begin() as connection:
            for trail in store.working_trails(connection):
                if trail.digests_since is not None:
                    regions = self._chain_regions(trail)
                    plans.open_chains(connection, trail.id, trail.account_id, regions, int(self._clock.time()))
        return True

    def _due(self, now: float) -> tuple[list[_Due], bool]:
        """What has to be made now, and whether any chain waits for its end."""
        due: list[_Due] = []
        waiting = False
        with self._database.read() as connection:
            for trail in store.working_trails(connection):
                waiting = waiting or trail.deleted_at is not None
                for state in plans.open_chains_of(connection, trail.id):
                    chain = Chain(state.trail_id, state.account_id, state.region)
                    goes_on = trail.digests_since is not None and trail.covers(state.region)
                    waiting = waiting or not goes_on
                    files = plans.uncovered(connection, chain)
                    end, last = self._boundary(now), False
                    unread = store.has_window(connection, trail.id) and not trail.is_logging
                    if not goes_on and not unread and not self._files_wait(connection, trail, chain):
                        end, last = int(now), True
                        if any((file.delivered_at or 0.0) >= end for file in files):
                            continue
                    if end > state.start:
                        covered = tuple(file for file in files if (file.delivered_at or 0.0) < end)
                        due.append(_Due(trail, state, end, last, covered))
        return due, waiting

    def _files_wait(self, connection: Connection, trail: Trail, chain: Chain) -> bool:
        # While the trail logs on without validation, files cut from now on are nobody's business; a stopped one has to be drained.
        return not trail.is_logging and plans.has_undelivered(connection, trail.id, chain)

    def _make(self, due: Sequence[_Due]) -> None:
        made = [(one, self._signed(one)) for one in due]
        self._spool.sync()
        with self._database.begin() as connection:
            for one, (cut, signature) in made:
                if self._still_true(connection, one):
                    plans.add(connection, cut)
                    plans.remove(connection, [file.id for file in one.covered])
                    plans.set_chain(
                        connection,
                        one.chain,
                        {
                            "is_open": not one.last,
                            "start": one.end,
                            "previous_bucket": cut.bucket,
                            "previous_key": cut.key,
                            "previous_hash": cut.hash,
                            "previous_signature": signature,
                        },
                    )
                else:
                    self._spool.remove(cut.spool)
        for _, (cut, _) in made:
            self._courier.expect(cut.destination)

    def _still_true(self, connection: Connection, one: _Due) -> bool:
        """Whether what the digest says still holds under the write lock: a put may have been noted in between."""
        files = plans.uncovered(connection, one.chain)
        covered = tuple(file for file in files if (file.delivered_at or 0.0) < one.end)
        if one.last:
            trail = store.trail(connection, one.trail.id)
            if trail is None or trail.digests_since != one.trail.digests_since or len(covered) != len(files):
                return False
        return plans.chain(connection, one.chain) == one.state and covered == one.covered

    def _signed(self, one: _Due) -> tuple[plans.Cut, str]:
        trail, state = one.trail, one.state
        key = self._keys.current(state.region)
        bucket = trail.s3_bucket_name
        end = iso_seconds(one.end)
        name = keys.digest_key(trail.s3_key_prefix, state.account_id, state.region, trail.name, trail.home_region, one.end)
        newest = max((file.newest or "" for file in one.covered), default=None)
        oldest = min((file.oldest or "" for file in one.covered), default=None)
        text = orjson.dumps(
            {
                "awsAccountId": state.account_id,
                "digestStartTime": iso_seconds(state.start),
                "digestEndTime": end,
                "digestS3Bucket": bucket,
                "digestS3Object": name,
                "digestPublicKeyFingerprint": key.fingerprint,
                "digestSignatureAlgorithm": ALGORITHM,
                "newestEventTime": newest,
                "oldestEventTime": oldest,
                "previousDigestS3Bucket": state.previous_bucket,
                "previousDigestS3Object": state.previous_key,
                "previousDigestHashValue": state.previous_hash,
                "previousDigestHashAlgorithm": "SHA-256" if state.previous_hash else None,
                "previousDigestSignature": state.previous_signature,
                "logFiles": [_entry(file) for file in one.covered],
            }
        )
        digest_hash = hashlib.sha256(text).hexdigest()
        signature = key.sign(string_to_sign(end, bucket, name, digest_hash, state.previous_signature)).hex()
        cut = plans.Cut(
            trail_id=trail.id,
            account_id=state.account_id,
            region=state.region,
            kind="digest",
            bucket=bucket,
            prefix=trail.s3_key_prefix or "",
            key=name,
            spool=self._spool.write(bytes(deflate.gzip_compress(text, 6))),
            hash=digest_hash,
            metadata={"signature": signature, "signature-algorithm": ALGORITHM},
            records=0,
            oldest=oldest,
            newest=newest,
            cut_at=self._clock.time(),
        )
        return cut, signature

    def _forget_finished(self) -> bool:
        """Deleted trails whose every file is delivered or given up."""
        with self._database.read() as connection:
            finished = [trail for trail in store.working_trails(connection) if self._is_finished(connection, trail)]
        if not finished:
            return False
        with self._database.begin() as connection:
            for trail in finished:
                store.forget_trail(connection, trail.id)
        return True

    def _is_finished(self, connection: Connection, trail: Trail) -> bool:
        return (
            trail.deleted_at is not None
            and not store.has_window(connection, trail.id)
            and not plans.has_undelivered(connection, trail.id)
            and not plans.open_chains_of(connection, trail.id)
        )


def _entry(file: Plan) -> dict[str, str | None]:
    return {
        "s3Bucket": file.bucket,
        "s3Object": file.key,
        "hashValue": file.hash,
        "hashAlgorithm": "SHA-256",
        "newestEventTime": file.newest,
        "oldestEventTime": file.oldest,
    }
