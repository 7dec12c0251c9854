"""What is on its way to a bucket, and how far each chain of digests has come; in the state database, beside `store`.

A plan is a log file or digest file that is cut: its key, its hash and its spooled bytes are fixed, so putting it again changes nothing.
A delivered log file keeps its plan until a digest covers it; every other plan goes when the bucket has the object.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    ColumnElement,
    Float,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    and_,
    bindparam,
    delete,
    func,
    insert,
    select,
    true,
    tuple_,
    update,
)
from sqlalchemy.dialects.sqlite import insert as upsert
from sqlalchemy.engine import Connection, Row

from opentrail.trails.keys import Chain
from opentrail.trails.store import METADATA, TRAILS

_trail_id = TRAILS.c.id

PLANS = Table(
    "trail_plans",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("trail_id", ForeignKey(_trail_id, ondelete="CASCADE"), nullable=False),
    Column("account_id", String, nullable=False),
    Column("region", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("bucket", String, nullable=False),
    Column("prefix", String, nullable=False),
    Column("key", String, nullable=False),
    Column("spool", String, nullable=False),
    Column("hash", String, nullable=False),
    Column("metadata", JSON, nullable=False),
    Column("records", Integer, nullable=False),
    Column("oldest", String),
    Column("newest", String),
    Column("cut_at", Float, nullable=False),
    Column("covers_from", Integer),
    Column("delivered_at", Float),
    sqlite_autoincrement=True,
)
Index("trail_plans_chain", PLANS.c.trail_id, PLANS.c.region, PLANS.c.delivered_at)
Index("trail_plans_destination", PLANS.c.delivered_at, PLANS.c.trail_id, PLANS.c.bucket, PLANS.c.prefix, PLANS.c.id)

CHAINS = Table(
    "trail_chains",
    METADATA,
    Column("trail_id", ForeignKey(_trail_id, ondelete="CASCADE"), primary_key=True),
    Column("account_id", String, primary_key=True),
    Column("region", String, primary_key=True),
    Column("is_open", Boolean, nullable=False),
    Column("began", Integer, nullable=False),
    Column("start", Integer, nullable=False),
    Column("previous_bucket", String),
    Column("previous_key", String),
    Column("previous_hash", String),
    Column("previous_signature", String),
    Column("backfill_bucket", String),
    Column("backfill_key", String),
    Column("backfill_hash", String),
    Column("backfill_signature", String),
)


@dataclass(frozen=True, slots=True)
class Destination:
    """Where the files of a trail go; what fails at one destination says nothing about another."""

    trail_id: int
    bucket: str
    prefix: str


@dataclass(frozen=True, slots=True)
class Line:
    """Files that a bucket treats alike: those of one account and Region, log files or digest files."""

    account_id: str
    region: str
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """A file that has been cut and spooled."""

    trail_id: int
    account_id: str
    region: str
    kind: Literal["log", "digest"]
    bucket: str
    prefix: str
    """The trail's prefix at the time, `""` for none."""
    key: str
    spool: str
    """Name of the file in the spool that has the object's bytes."""
    hash: str
    """SHA-256 of the uncompressed bytes, hex."""
    metadata: Mapping[str, str]
    records: int
    oldest: str | None
    """`eventTime` of the oldest record in it."""
    newest: str | None
    cut_at: float
    covers_from: int | None = None
    """Of a digest file: the start of its period, epoch seconds."""

    @property
    def destination(self) -> Destination:
        return Destination(self.trail_id, self.bucket, self.prefix)

    @property
    def line(self) -> Line:
        return Line(self.account_id, self.region, self.kind)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan(Cut):
    """A file that is on its way, or delivered and not yet covered by a digest."""

    id: int
    delivered_at: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A digest as the next one of its chain names it."""

    bucket: str
    key: str
    hash: str
    signature: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainState:
    """How far the digests of a chain have come."""

    trail_id: int
    account_id: str
    region: str
    is_open: bool
    began: int
    """When its starting digest begins: epoch seconds."""
    start: int
    """Up to when everything is in a digest, or when the chain began: epoch seconds."""
    previous: Link | None
    """The newest regular digest since then."""
    backfill: Link | None
    """The newest backfill digest of all times: these have a chain of their own."""


def _plan(row: Row[Any]) -> Plan:
    return Plan(**row._mapping)


def add(connection: Connection, cut: Cut) -> None:
    """Keep a plan."""
    connection.execute(insert(PLANS).values(**asdict(cut)))


def add_all(connection: Connection, cuts: Sequence[Cut]) -> None:
    """Keep several plans, in this order."""
    if cuts:
        connection.execute(insert(PLANS), [asdict(cut) for cut in cuts])


def destinations(connection: Connection) -> list[Destination]:
    """Where files wait to go."""
    columns = (PLANS.c.trail_id, PLANS.c.bucket, PLANS.c.prefix)
    rows = connection.execute(select(*columns).where(PLANS.c.delivered_at.is_(None)).distinct())
    return [Destination(*row) for row in rows]


def lines(connection: Connection, destination: Destination) -> list[Line]:
    """The lines of files that wait for `destination`, the one with the oldest file first."""
    columns = (PLANS.c.account_id, PLANS.c.region, PLANS.c.kind)
    query = select(*columns).where(_waits_for(destination)).group_by(*columns).order_by(func.min(PLANS.c.id))
    return [Line(*row) for row in connection.execute(query)]


def waiting(connection: Connection, destination: Destination, line: Line, limit: int) -> list[Plan]:
    """The oldest plans of one line that wait for `destination`."""
    where = and_(_waits_for(destination), PLANS.c.account_id == line.account_id, PLANS.c.region == line.region, PLANS.c.kind == line.kind)
    return [_plan(row) for row in connection.execute(select(PLANS).where(where).order_by(PLANS.c.id).limit(limit))]


def _waits_for(destination: Destination) -> ColumnElement[bool]:
    return and_(
        PLANS.c.delivered_at.is_(None),
        PLANS.c.trail_id == destination.trail_id,
        PLANS.c.bucket == destination.bucket,
        PLANS.c.prefix == destination.prefix,
    )


def spooled(connection: Connection) -> set[str]:
    """The spool files that are still needed."""
    return set(connection.scalars(select(PLANS.c.spool).where(PLANS.c.delivered_at.is_(None))))


def digests_waiting(connection: Connection) -> set[tuple[Chain, str, str]]:
    """The chains that have a digest which is not in its bucket yet, with that bucket and prefix."""
    columns = (PLANS.c.trail_id, PLANS.c.account_id, PLANS.c.region, PLANS.c.bucket, PLANS.c.prefix)
    query = select(*columns).where(and_(PLANS.c.delivered_at.is_(None), PLANS.c.kind == "digest")).distinct()
    return {(Chain(row.trail_id, row.account_id, row.region), row.bucket, row.prefix) for row in connection.execute(query)}


def files_waiting(connection: Connection) -> int:
    """How many files are cut but not in their bucket yet."""
    return connection.scalar(select(func.count()).select_from(PLANS).where(PLANS.c.delivered_at.is_(None))) or 0


def delivered(connection: Connection, plan: Plan, at: float, covering: int | None) -> None:
    """The bucket has the object since `at`. The plan stays only if a digest of the trail `covering` has to cover it."""
    if covering is not None:
        connection.execute(update(PLANS).where(PLANS.c.id == plan.id).values(delivered_at=at, trail_id=covering))
    else:
        connection.execute(delete(PLANS).where(PLANS.c.id == plan.id))


def remove(connection: Connection, ids: Sequence[int]) -> None:
    """Plans that are covered or given up."""
    for begin in range(0, len(ids), 500):
        connection.execute(delete(PLANS).where(PLANS.c.id.in_(ids[begin : begin + 500])))


def hand_over(connection: Connection, ids: Sequence[int], chain_: Chain) -> None:
    """Delivered log files are from now on those of another chain, which covers them in its next digest."""
    taking = chain(connection, chain_)
    start = float(taking.start) if taking is not None else 0.0
    where = PLANS.c.id.in_(ids)
    connection.execute(update(PLANS).where(where).values(trail_id=chain_.trail_id))
    connection.execute(update(PLANS).where(and_(where, PLANS.c.delivered_at < start)).values(delivered_at=start))


def uncovered(connection: Connection, chains: Collection[Chain]) -> dict[Chain, list[Plan]]:
    """The delivered log files of chains that no digest covers yet, oldest first; chains without any are left out."""
    found: dict[Chain, list[Plan]] = {}
    for row in connection.execute(select(PLANS).where(_uncovered(chains)).order_by(PLANS.c.id)):
        found.setdefault(Chain(row.trail_id, row.account_id, row.region), []).append(_plan(row))
    return found


def uncovered_ids(connection: Connection, chains: Collection[Chain]) -> dict[Chain, list[tuple[int, float]]]:
    """The same files by their ids, with the times of their delivery."""
    columns = (PLANS.c.trail_id, PLANS.c.account_id, PLANS.c.region, PLANS.c.id, PLANS.c.delivered_at)
    found: dict[Chain, list[tuple[int, float]]] = {}
    for row in connection.execute(select(*columns).where(_uncovered(chains)).order_by(PLANS.c.id)):
        found.setdefault(Chain(row.trail_id, row.account_id, row.region), []).append((row.id, row.delivered_at))
    return found


def _uncovered(chains: Collection[Chain]) -> ColumnElement[bool]:
    return and_(_among(PLANS, chains), PLANS.c.kind == "log", PLANS.c.delivered_at.is_not(None))


def has_undelivered(connection: Connection, trail_id: int, chain: Chain | None = None) -> bool:
    """Whether a log file of `chain`, or any file of the trail, is still on its way."""
    where: ColumnElement[bool] = and_(PLANS.c.trail_id == trail_id, PLANS.c.delivered_at.is_(None))
    if chain is not None:
        where = and_(where, _of(PLANS, chain), PLANS.c.kind == "log")
    return connection.scalar(select(PLANS.c.id).where(where).limit(1)) is not None


def chain(connection: Connection, key: Chain) -> ChainState | None:
    """How far a chain has come; `None` if it never began."""
    row = connection.execute(select(CHAINS).where(_of(CHAINS, key))).first()
    return _state(row) if row else None


def states(connection: Connection, chains: Collection[Chain]) -> dict[Chain, ChainState]:
    """How far chains have come; those that never began are left out."""
    found = [_state(row) for row in connection.execute(select(CHAINS).where(_among(CHAINS, chains)))]
    return {Chain(state.trail_id, state.account_id, state.region): state for state in found}


def open_chains_of(connection: Connection, trail_id: int | None = None) -> list[ChainState]:
    """The chains of a trail, or of all of them, that will have another digest."""
    query = select(CHAINS).where(CHAINS.c.is_open == true()).order_by(CHAINS.c.trail_id, CHAINS.c.account_id, CHAINS.c.region)
    if trail_id is not None:
        query = query.where(CHAINS.c.trail_id == trail_id)
    return [_state(row) for row in connection.execute(query)]


def _state(row: Row[Any]) -> ChainState:
    return ChainState(
        trail_id=row.trail_id,
        account_id=row.account_id,
        region=row.region,
        is_open=row.is_open,
        began=row.began,
        start=row.start,
        previous=_link(row.previous_bucket, row.previous_key, row.previous_hash, row.previous_signature),
        backfill=_link(row.backfill_bucket, row.backfill_key, row.backfill_hash, row.backfill_signature),
    )


def _link(bucket: str | None, key: str | None, hash_value: str | None, signature: str | None) -> Link | None:
    if bucket is None or key is None or hash_value is None or signature is None:
        return None
    return Link(bucket=bucket, key=key, hash=hash_value, signature=signature)


def _link_columns(kind: Literal["previous", "backfill"], link: Link | None) -> dict[str, str | None]:
    members = asdict(link) if link is not None else dict.fromkeys(("bucket", "key", "hash", "signature"))
    return {f"{kind}_{name}": value for name, value in members.items()}


def chain_ends(connection: Connection, trail_id: int) -> list[int]:
    """Where each chain of a trail ended its last digest, or began."""
    return list(connection.scalars(select(CHAINS.c.start).where(CHAINS.c.trail_id == trail_id)))


def chains_of(connection: Connection, trail_ids: Sequence[int]) -> list[ChainState]:
    """Every chain of these trails, open or not."""
    if not trail_ids:
        return []
    return [_state(row) for row in connection.execute(select(CHAINS).where(CHAINS.c.trail_id.in_(trail_ids)))]


def open_chains(connection: Connection, trail_id: int, account_id: str, regions: Iterable[str], start: int) -> None:
    """Begin the chains that are not open: at `start`, or at the end of the last digest of a chain that was closed later than that.

    A chain that is open goes on: nothing is left uncovered by switching quickly off and on.
    """
    where = and_(CHAINS.c.trail_id == trail_id, CHAINS.c.account_id == account_id)
    known = {row.region: row for row in connection.execute(select(CHAINS).where(where))}
    closed = [region for region in sorted(set(regions)) if region not in known or not known[region].is_open]
    if not closed:
        return
    earliest = _ends_under_the_name(connection, trail_id, account_id)
    rows = [
        {
            "trail_id": trail_id,
            "account_id": account_id,
            "region": region,
            "is_open": True,
            "began": (begin := max(start, earliest.get(region, start))),
            "start": begin,
            **_link_columns("previous", None),
        }
        for region in closed
    ]
    row = upsert(CHAINS)
    anew = {name: row.excluded[name] for name in rows[0] if name not in ("trail_id", "account_id", "region")}
    connection.execute(row.on_conflict_do_update(index_elements=["trail_id", "account_id", "region"], set_=anew), rows)


def _ends_under_the_name(connection: Connection, trail_id: int, account_id: str) -> dict[str, int]:
    """Region → up to when chains of the trail, and of deleted ones of its name, have digests. No digest may have the key of another."""
    mine = select(TRAILS.c.account_id, TRAILS.c.home_region, TRAILS.c.name).where(TRAILS.c.id == trail_id).subquery()
    namesakes = select(TRAILS.c.id).join(
        mine,
        and_(TRAILS.c.account_id == mine.c.account_id, TRAILS.c.home_region == mine.c.home_region, TRAILS.c.name == mine.c.name),
    )
    where = and_(CHAINS.c.account_id == account_id, CHAINS.c.trail_id.in_(namesakes))
    found = connection.execute(select(CHAINS.c.region, func.max(CHAINS.c.start)).where(where).group_by(CHAINS.c.region))
    return {row[0]: row[1] for row in found}


def advance(connection: Connection, states_: Sequence[ChainState]) -> None:
    """Keep how far these chains have come now."""
    if not states_:
        return
    rows = [
        {
            **{f"of_{name}": getattr(state, name) for name in ("trail_id", "account_id", "region")},
            "is_open": state.is_open,
            "start": state.start,
            **_link_columns("previous", state.previous),
            **_link_columns("backfill", state.backfill),
        }
        for state in states_
    ]
    key = [CHAINS.c[name] == bindparam(f"of_{name}") for name in ("trail_id", "account_id", "region")]
    values: dict[str, Any] = {name: bindparam(name) for name in rows[0] if not name.startswith("of_")}
    connection.execute(update(CHAINS).where(and_(*key)).values(values), rows)


def _of(table: Table, key: Chain) -> ColumnElement[bool]:
    return and_(table.c.trail_id == key.trail_id, table.c.account_id == key.account_id, table.c.region == key.region)


def _among(table: Table, chains: Collection[Chain]) -> ColumnElement[bool]:
    keys = [(chain.trail_id, chain.account_id, chain.region) for chain in chains]
    return tuple_(table.c.trail_id, table.c.account_id, table.c.region).in_(keys)
