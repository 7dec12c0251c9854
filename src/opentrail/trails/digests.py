"""Digest files: the signed, chained lists of what was delivered (reference of delivery, §10).

One chain per account, source Region and trail. A digest covers what was delivered in `[start, end)`; `end` lies on the grid of the
digest interval, and `start` is the end of the one before it. When a trail stops, is deleted or is no longer validated, the chain ends with
a digest up to that second, once every file of the chain is in its bucket. The bytes and the signature are spooled and planned, together
with the new state of the chain, before anything is put: a crash repeats the very same digest.

A chain waits while its newest digest is refused by the bucket: one digest, not one for each hour, is then on its way. What could not be
made in time, for that or because nobody was running, is made up by backfill digests (`periods` says what is late), which have a chain of
their own; the next regular digest goes on behind them and names the regular one before them. So no time is left out, and none is in two.

A chain's times never go back. When the clock is set back, the next digest waits until the clock has passed the end of the last one, and
covers everything in between; when it is set forward, the jump is made up for as any other outage.

A deleted trail makes only its last digests: when all is delivered, or as soon as a new trail of its name has a chain, which then covers
what comes late (`succession`; see also `Courier`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import deflate
from sqlalchemy.engine import Connection

from opentrail.clock import Clock
from opentrail.config import TrailsSettings
from opentrail.storage.database import Database
from opentrail.trails import digest_file, notices, organization_members, periods, plans, store, stretches
from opentrail.trails.courier import Courier
from opentrail.trails.digest_file import Piece, SigningKey
from opentrail.trails.keys import Chain
from opentrail.trails.periods import Period
from opentrail.trails.plans import ChainState, Link, Plan
from opentrail.trails.regions import Regions
from opentrail.trails.spool import Spool
from opentrail.trails.store import Trail
from opentrail.trails.succession import NOBODY, Succession, name_of, succession

AT_ONCE = 32
"""Chains whose digests are made in one step."""
MADE_UP_AT_ONCE = 24
"""Digests of one chain that are made in one step."""
LOOK_AGAIN = 1.0
"""Seconds between two looks at chains that wait for their end: digest times are whole seconds."""


class SigningKeys(Protocol):
    """Gives the key of a Region that is valid now."""

    def current(self, region: str) -> SigningKey: ...


@dataclass(frozen=True, slots=True)
class _Open:
    """An open chain that may need a digest."""

    trail: Trail
    state: ChainState
    goes_on: bool
    succession: Succession
    """Of a deleted trail."""
    has_left: bool
    """Whether the account is no member of the trail's organization any more, or the trail none of the organization."""
    organization_id: str | None
    """The organization in whose folder the files of the chain lie."""

    @property
    def chain(self) -> Chain:
        return Chain(self.state.trail_id, self.state.account_id, self.state.region)


@dataclass(frozen=True, slots=True)
class _Due:
    """The digests that a chain has to have, the oldest first."""

    open: _Open
    pieces: tuple[Piece, ...]
    end: int
    """Up to when everything is then in a digest."""
    last: bool
    """Whether the chain ends with them."""
    left: tuple[int, ...]
    """Ids of the files that were delivered since."""

    @property
    def covering(self) -> Chain | None:
        """The chain that takes over what is left."""
        to = self.open.succession.living or self.open.succession.heir
        return Chain(to.trail_id, to.account_id, to.region) if to is not None else None

    @property
    def files(self) -> list[int]:
        """Ids of all the files that are covered."""
        return sorted(file.id for piece in self.pieces for file in piece.files)


@dataclass(frozen=True, slots=True)
class _Made:
    """What was made of it."""

    due: _Due
    cuts: tuple[plans.Cut, ...]
    previous: Link | None
    backfill: Link | None

    @property
    def state(self) -> ChainState:
        """The chain behind them."""
        return replace(self.due.open.state, is_open=not self.due.last, start=self.due.end, previous=self.previous, backfill=self.backfill)


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

    def _look(self, now: float, changes: int) -> None:
        """Find the chains that have to be seen to, and when to look the next time."""
        if self._changes == -1:
            self._begin_chains()
        with self._database.read() as connection:
            trails = {trail.id: trail for trail in store.working_trails(connection)}
            states = plans.open_chains_of(connection)
            everybody = organization_members.everybody(connection)
            names = Counter(name_of(trail) for trail in trails.values())
            beside = plans.chains_of(connection, [trail.id for trail in trails.values() if names[name_of(trail)] > 1])
        boundary = periods.boundary(now, self._interval)
        waiting = any(trail.deleted_at is not None for trail in trails.values())
        self._todo = []
        for state in states:
            trail = trails[state.trail_id]
            has_left = not everybody.serves(trail, state.account_id)
            goes_on = trail.digests_since is not None and trail.covers(state.region) and not has_left
            waiting = waiting or not goes_on
            if not goes_on or boundary > state.start:
                others = succession(trail, state, trails, beside) if trail.deleted_at is not None else NOBODY
                organization_id = everybody.organization_id(trail, state.account_id)
                self._todo.append(_Open(trail, state, goes_on, others, has_left, organization_id))
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

    def _due(
        self, connection: Connection, one: _Open, now: float, waiting: Collection[tuple[Chain, str, str]], files: Sequence[Plan]
    ) -> _Due | None:
        """What the chain has to have now, `files` being those that no digest covers."""
        trail, state = one.trail, one.state
        last_end: int | None = None
        if not one.goes_on:
            # While the trail logs on without validation, files cut from now on are nobody's business; a stopped one has to be drained.
            goes_on_unvalidated = trail.is_logging and trail.digests_since is None and not one.has_left
            unread = store.has_unread(connection, trail.id) and not trail.is_logging
            unread = unread or organization_members.has_unread(connection, trail, state.account_id)
            others = one.succession
            drained = goes_on_unvalidated or others.living is not None or not plans.has_undelivered(connection, trail.id, one.chain)
            if drained and not unread and not others.waits:
                last_end = others.heir.began if others.heir is not None else int(now)
            elif trail.deleted_at is not None:
                return None  # a new trail may have its name: two of them must not make digests for the same hours
        if trail.deleted_at is None and (one.chain, trail.s3_bucket_name, trail.s3_key_prefix or "") in waiting:
            return None
        wanted = self._periods(one, now, last_end)[:MADE_UP_AT_ONCE]
        end = wanted[-1].end if wanted else state.start
        last = end == last_end if wanted else last_end is not None and one.succession.heir is not None
        if not wanted and not last:
            return None  # or a second later
        left = tuple(sorted(file.id for file in files if (file.delivered_at or 0.0) >= end))
        due = _Due(one, digest_file.pieces(trail, state, wanted, files, one.organization_id), end, last, left)
        return None if last and left and due.covering is None else due

    def _periods(self, one: _Open, now: float, last_end: int | None) -> list[Period]:
        stopped = last_end is not None and one.trail.deleted_at is None
        if stopped and last_end is not None and periods.is_boundary(last_end, self._interval):
            return []  # a second later: there a trail that goes on has digests, too
        return periods.due(one.state.start, now, self._interval, last_end=last_end)

    def _make(self, group: Sequence[_Open], now: float) -> bool:
        with self._database.read() as connection:
            waiting = plans.digests_waiting(connection)
            files = plans.uncovered(connection, [one.chain for one in group])
            found = [self._due(connection, one, now, waiting, files.get(one.chain, ())) for one in group]
        due = [one for one in found if one is not None]
        if len(due) < len(group):
            self._look_at = min(self._look_at, now + LOOK_AGAIN)
        if not due:
            return False
        made: list[_Made] = []
        trouble: Exception | None = None
        try:
            for one in due:
                try:
                    made.append(self._signed(one))
                except OSError as error:  # of one Region's key, perhaps: the other chains go on
                    trouble = error
            self._spool.sync()
            kept = self._keep(made)
        except BaseException:
            self._courier.left_over()
            self._look_at = now
            raise
        if kept < len(due) or any(one.end < periods.boundary(now, self._interval) for one in due):
            self._look_at = min(self._look_at, now + LOOK_AGAIN)
        if trouble is not None:
            raise trouble
        return kept > 0

    def _keep(self, made: Sequence[_Made]) -> int:
        """Plan the digests that still say the truth, in one transaction; returns of how many chains."""
        refused: list[_Made] = []
        kept: list[_Made] = []
        chains = [one.due.open.chain for one in made]
        with self._database.begin() as connection:
            states, arrived = plans.states(connection, chains), plans.uncovered_ids(connection, chains)
            for one in made:
                due = one.due
                chain = due.open.chain
                unchanged = states.get(chain) == due.open.state
                (kept if unchanged and self._still_true(connection, due, arrived.get(chain, ())) else refused).append(one)
            plans.add_all(connection, [cut for one in kept for cut in one.cuts])
            plans.remove(connection, [number for one in kept for number in one.due.files])
            plans.advance(connection, [one.state for one in kept])
            for one in kept:
                due = one.due
                if due.last:
                    stretches.end(connection, due.open.trail, due.open.state, due.end, one.previous)
                    if due.left and due.covering is not None:
                        plans.hand_over(connection, due.left, due.covering)
            if any(one.due.last for one in kept):
                organization_members.forget_finished(connection)
        for one in refused:
            for cut in one.cuts:
                self._spool.remove(cut.spool)
        for one in made:
            for cut in one.cuts:
                self._courier.expect(cut.destination)
        return len(kept)

    def _still_true(self, connection: Connection, due: _Due, arrived: Sequence[tuple[int, float]]) -> bool:
        """Whether what the digests say still holds under the write lock, the files `arrived` being there: a put may have been noted."""
        covered = [number for number, delivered_at in arrived if delivered_at < due.end]
        if due.last:
            trail = store.trail(connection, due.open.trail.id)
            if trail is None or trail.digests_since != due.open.trail.digests_since:
                return False
            if due.open.has_left == organization_members.serves(connection, trail, due.open.state.account_id):
                return False  # it has come back, and its chain goes on
            if due.left != tuple(sorted(number for number, delivered_at in arrived if delivered_at >= due.end)):
                return False
        return sorted(covered) == due.files

    def _signed(self, due: _Due) -> _Made:
        trail, state = due.open.trail, due.open.state
        key, now = self._keys.current(state.region), self._clock.time()
        previous, backfill = state.previous, state.backfill
        cuts: list[plans.Cut] = []
        for piece in due.pieces:
            late = piece.period.is_backfill
            signed = digest_file.sign(piece, state.account_id, backfill if late else previous, key, now)
            if late:
                backfill = signed.link
            else:
                previous = signed.link
            cuts.append(
                plans.Cut(
                    trail_id=trail.id,
                    account_id=state.account_id,
                    region=state.region,
                    kind="digest",
                    bucket=piece.bucket,
                    prefix=trail.s3_key_prefix or "",
                    key=piece.key,
                    spool=self._spool.write(bytes(deflate.gzip_compress(signed.text, 6))),
                    hash=signed.link.hash,
                    metadata=signed.metadata,
                    records=0,
                    oldest=signed.oldest,
                    newest=signed.newest,
                    cut_at=now,
                    covers_from=piece.period.start,
                )
            )
        return _Made(due, tuple(cuts), previous, backfill)

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
            # After its last digests begin those of another trail of its name: remembered until that goes without saying.
            and not any(end > int(now) for end in plans.chain_ends(connection, trail.id))
        )
