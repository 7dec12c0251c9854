"""Digest files: the signed, chained lists of what was delivered (reference of delivery, §10).

One chain per account, source Region and trail. A digest covers what was delivered in `[start, end)`; `end` lies on the grid of the
digest interval, and `start` is the end of the one before it, so that after downtime one digest covers all of it and no time is left
out. When a trail stops, is deleted or is no longer validated, the chain ends with a digest up to that second, once every file of the
chain is in its bucket. The bytes and the signature are spooled and planned, together with the new state of the chain, before anything
is put: a crash repeats the very same digest.

A chain's times never go back. When the clock is set back, the next digest waits until the clock has passed the end of the last one, and
covers everything in between; when it is set forward, one digest covers the jump.

Digests are found by the name of their trail, so trails that had the same name one after the other make one walk. A deleted trail makes
only its last digest: when all is delivered, or as soon as a new trail of its name has a chain, which then covers what comes late (see
`Courier`). No two of them ever make a digest with the same key.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import deflate
import orjson
from sqlalchemy.engine import Connection

from opentrail.clock import Clock, iso_seconds
from opentrail.config import TrailsSettings
from opentrail.storage.database import Database
from opentrail.trails import keys, notices, organization_members, plans, store
from opentrail.trails.courier import Courier
from opentrail.trails.keys import Chain
from opentrail.trails.plans import ChainState, Plan
from opentrail.trails.regions import Regions
from opentrail.trails.signature import ALGORITHM, string_to_sign
from opentrail.trails.spool import Spool
from opentrail.trails.store import Trail

AT_ONCE = 16
"""Chains whose digest is made in one step."""
LOOK_AGAIN = 1.0
"""Seconds between two looks at chains that wait for their end: digest times are whole seconds."""


class SigningKey(Protocol):
    """A private key; who holds it need not be known here."""

    @property
    def fingerprint(self) -> str: ...
    def sign(self, message: bytes) -> bytes: ...


class SigningKeys(Protocol):
    """Gives the key of a Region that is valid now."""

    def current(self, region: str) -> SigningKey: ...


@dataclass(frozen=True, slots=True)
class _Open:
    """An open chain that may need a digest."""

    trail: Trail
    state: ChainState
    goes_on: bool
    has_namesake: bool
    """Whether a trail of the same name is there too (one of them deleted): its digests would have the same keys."""
    has_heir: bool
    """Whether the trail is deleted and the chain of a new one of its name covers what is still delivered for it."""
    has_left: bool
    """Whether the account is no member of the trail's organization any more, or the trail none of the organization."""
    organization_id: str | None
    """The organization in whose folder the files of the chain lie."""

    @property
    def chain(self) -> Chain:
        return Chain(self.state.trail_id, self.state.account_id, self.state.region)


@dataclass(frozen=True, slots=True)
class _Due:
    """A digest that has to be made: the chain as it stands, the end of the period, and whether it is the last."""

    open: _Open
    end: int
    last: bool
    covered: tuple[Plan, ...]
    key: str


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
        regions: Regions,
    ) -> None:
        self._database = database
        self._clock = clock
        self._keys = keys
        self._spool = spool
        self._courier = courier
        self._interval = settings.digest_interval
        self._regions = regions
        self._changes = -1
        self._looked_at = 0.0
        self._look_at = 0.0
        self._todo: list[_Open] = []
        database.create(store.METADATA)

    def step(self) -> bool:
        """Make the digests that are due, a few at a time; returns whether there was anything to do.

        Whatever is raised, the chains whose digests could be made have them; the others are tried again.
        """
        now = self._clock.time()
        with self._database.read() as connection:
            changes = store.changes(connection)
        # A clock that was set back is noticed too: what ends by the second must not wait until it has come round again.
        if changes != self._changes or (not self._todo and not self._looked_at <= now < self._look_at):
            self._look(now, changes)
        elif not self._todo:
            return False
        group, self._todo = self._todo[:AT_ONCE], self._todo[AT_ONCE:]
        did = self._make(group, now)
        if self._todo:
            return True
        return self._forget_finished(now) or did

    def _boundary(self, now: float) -> int:
        """The newest point of the grid that is not after `now`."""
        return int(math.floor(now / self._interval) * self._interval)

    def _look(self, now: float, changes: int) -> None:
        """Find the chains that have to be seen to, and when to look the next time."""
        if self._changes == -1:
            self._begin_chains()
        with self._database.read() as connection:
            trails = {trail.id: trail for trail in store.working_trails(connection)}
            states = plans.open_chains_of(connection)
            everybody = organization_members.everybody(connection)
        names = Counter((trail.account_id, trail.home_region, trail.name) for trail in trails.values())
        boundary = self._boundary(now)
        waiting = any(trail.deleted_at is not None for trail in trails.values())
        heirs = {
            (trail.account_id, trail.home_region, trail.name, state.account_id, state.region)
            for state in states
            if (trail := trails[state.trail_id]).deleted_at is None
        }
        self._todo = []
        for state in states:
            trail = trails[state.trail_id]
            has_left = not everybody.serves(trail, state.account_id)
            goes_on = trail.digests_since is not None and trail.covers(state.region) and not has_left
            waiting = waiting or not goes_on
            if not goes_on or boundary > state.start:
                name = (trail.account_id, trail.home_region, trail.name)
                has_heir = trail.deleted_at is not None and (*name, state.account_id, state.region) in heirs
                organization_id = everybody.organization_id(trail, state.account_id)
                self._todo.append(_Open(trail, state, goes_on, names[name] > 1, has_heir, has_left, organization_id))
        following = boundary + max(1.0, self._interval)
        self._changes, self._looked_at = changes, now
        self._look_at = min(following, now + LOOK_AGAIN) if waiting else following

    def _begin_chains(self) -> None:
        """At the start: chains of Regions that were not known when the trail was started; the others began with it."""
        with self._database.begin() as connection:
            for trail in store.working_trails(connection):
                if trail.digests_since is not None:
                    for account_id in organization_members.account_ids(connection, trail):
                        plans.open_chains(connection, trail.id, account_id, self._regions.of(trail), int(self._clock.time()))

    def _due(self, connection: Connection, one: _Open, now: float) -> _Due | None:
        trail, state = one.trail, one.state
        end, last = self._boundary(now), False
        if not one.goes_on:
            # While the trail logs on without validation, files cut from now on are nobody's business; a stopped one has to be drained.
            goes_on_unvalidated = trail.is_logging and trail.digests_since is None and not one.has_left
            unread = store.has_window(connection, trail.id) and not trail.is_logging
            unread = unread or organization_members.has_unread(connection, trail, state.account_id)
            drained = goes_on_unvalidated or one.has_heir or not plans.has_undelivered(connection, trail.id, one.chain)
            if drained and not unread:
                end, last = int(now), True
            elif trail.deleted_at is not None:
                return None  # a new trail may have its name: two of them must not make digests for the same hours
        if end <= state.start:
            return None
        files = plans.uncovered(connection, one.chain)
        covered = tuple(file for file in files if (file.delivered_at or 0.0) < end)
        key = keys.digest_key(
            trail.s3_key_prefix,
            state.account_id,
            state.region,
            trail.name,
            trail.home_region,
            end,
            organization_id=one.organization_id,
        )
        due = _Due(one, end, last, covered, key)
        if (last and len(covered) != len(files)) or self._is_taken(connection, due):
            return None
        return due

    def _is_taken(self, connection: Connection, due: _Due) -> bool:
        """Whether a deleted trail of that name, or the one that has its name now, made a digest with this very key."""
        return due.open.has_namesake and plans.is_last_digest(connection, due.open.trail.s3_bucket_name, due.key)

    def _make(self, group: Sequence[_Open], now: float) -> bool:
        with self._database.read() as connection:
            due = [found for one in group if (found := self._due(connection, one, now)) is not None]
        if not due:
            return False
        made: list[tuple[_Due, plans.Cut, str]] = []
        trouble: Exception | None = None
        try:
            for one in due:
                try:
                    made.append((one, *self._signed(one)))
                except OSError as error:  # of one Region's key, perhaps: the other chains go on
                    trouble = error
            self._spool.sync()
            kept = self._keep(made)
        except BaseException:
            self._courier.left_over()
            self._look_at = now
            raise
        if kept < len(due):
            self._look_at = min(self._look_at, now + LOOK_AGAIN)
        if trouble is not None:
            raise trouble
        return kept > 0

    def _keep(self, made: Sequence[tuple[_Due, plans.Cut, str]]) -> int:
        """Plan the digests that still say the truth, in one transaction; returns how many."""
        refused = []
        with self._database.begin() as connection:
            for one, cut, signature in made:
                if not self._still_true(connection, one):
                    refused.append(cut)
                    continue
                plans.add(connection, cut)
                plans.remove(connection, [file.id for file in one.covered])
                plans.set_chain(
                    connection,
                    one.open.chain,
                    {
                        "is_open": not one.last,
                        "start": one.end,
                        "previous_bucket": cut.bucket,
                        "previous_key": cut.key,
                        "previous_hash": cut.hash,
                        "previous_signature": signature,
                    },
                )
            if any(one.last for one, _, _ in made):
                organization_members.forget_finished(connection)
        for cut in refused:
            self._spool.remove(cut.spool)
        for _, cut, _ in made:
            self._courier.expect(cut.destination)
        return len(made) - len(refused)

    def _still_true(self, connection: Connection, one: _Due) -> bool:
        """Whether what the digest says still holds under the write lock: a put may have been noted in between."""
        arrived = plans.uncovered_ids(connection, one.open.chain)
        covered = [number for number, delivered_at in arrived if delivered_at < one.end]
        if one.last:
            trail = store.trail(connection, one.open.trail.id)
            if trail is None or trail.digests_since != one.open.trail.digests_since or len(covered) != len(arrived):
                return False
            if one.open.has_left == organization_members.serves(connection, trail, one.open.state.account_id):
                return False  # it has come back, and its chain goes on
        if plans.chain(connection, one.open.chain) != one.open.state or self._is_taken(connection, one):
            return False
        return covered == [file.id for file in one.covered]

    def _signed(self, one: _Due) -> tuple[plans.Cut, str]:
        trail, state = one.open.trail, one.open.state
        key = self._keys.current(state.region)
        bucket = trail.s3_bucket_name
        end = iso_seconds(one.end)
        newest = max((file.newest or "" for file in one.covered), default=None)
        oldest = min((file.oldest or "" for file in one.covered), default=None)
        text = orjson.dumps(
            {
                "awsAccountId": state.account_id,
                "digestStartTime": iso_seconds(state.start),
                "digestEndTime": end,
                "digestS3Bucket": bucket,
                "digestS3Object": one.key,
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
        signature = key.sign(string_to_sign(end, bucket, one.key, digest_hash, state.previous_signature)).hex()
        cut = plans.Cut(
            trail_id=trail.id,
            account_id=state.account_id,
            region=state.region,
            kind="digest",
            bucket=bucket,
            prefix=trail.s3_key_prefix or "",
            key=one.key,
            spool=self._spool.write(bytes(deflate.gzip_compress(text, 6))),
            hash=digest_hash,
            metadata={"signature": signature, "signature-algorithm": ALGORITHM},
            records=0,
            oldest=oldest,
            newest=newest,
            cut_at=self._clock.time(),
        )
        return cut, signature

    def _forget_finished(self, now: float) -> bool:
        """Deleted trails whose every file is delivered, and told of, or given up."""
        with self._database.read() as connection:
            finished = [trail for trail in store.deleted_trails(connection) if self._is_finished(connection, trail, now)]
        if not finished:
            return False
        with self._database.begin() as connection:
            for trail in finished:
                store.forget_trail(connection, trail.id)
        return True

    def _is_finished(self, connection: Connection, trail: Trail, now: float) -> bool:
        return (
            not store.has_window(connection, trail.id)
            and not plans.has_undelivered(connection, trail.id)
            and not notices.has_pending(connection, trail.id)
            and not plans.open_chains_of(connection, trail.id)
            # The stamps of its last digests are remembered as long as another trail of its name could be about to use them.
            and not any(end >= int(now) or end == self._boundary(now) for end in plans.chain_ends(connection, trail.id))
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
