"""What is known of dashboards, in the state database: the custom ones and Highlights, what query aliases stand for, and refreshes.

Methods take the connection of the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    and_,
    delete,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.engine import Connection, Row

METADATA = MetaData()

DASHBOARDS = Table(
    "lake_dashboards",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("partition", String, nullable=False),
    Column("region", String, nullable=False),
    Column("account_id", String, nullable=False),
    Column("name", String, nullable=False),
    Column("status", String, nullable=False),
    Column("widgets", JSON, nullable=False),
    Column("refresh_schedule", JSON(none_as_null=True)),
    Column("termination_protection_enabled", Boolean, nullable=False),
    Column("created_timestamp", Float, nullable=False),
    Column("updated_timestamp", Float, nullable=False),
    Column("due", Float, index=True),
    Column("last_refresh_failure_reason", String),
    UniqueConstraint("account_id", "region", "name"),
)

ALIASES = Table(
    "lake_query_aliases",
    METADATA,
    Column("account_id", String, primary_key=True),
    Column("region", String, primary_key=True),
    Column("alias", String, primary_key=True),
    Column("statement", String, nullable=False),
    Column("prompt", String),
    Column("dashboard_id", ForeignKey("lake_dashboards.id", ondelete="CASCADE"), index=True),
    Column("made", Float, nullable=False, index=True),
)

REFRESHES = Table(
    "lake_dashboard_refreshes",
    METADATA,
    Column("id", String, primary_key=True),
    Column("partition", String, nullable=False),
    Column("region", String, nullable=False),
    Column("account_id", String, nullable=False),
    Column("dashboard", String, nullable=False),
    Column("scheduled", Boolean, nullable=False),
    Column("started", Float, nullable=False),
    Column("ended", Float),
)
Index("lake_dashboard_refreshes_of", REFRESHES.c.account_id, REFRESHES.c.region, REFRESHES.c.dashboard, REFRESHES.c.id)
Index("lake_dashboard_refreshes_running", REFRESHES.c.ended)

STEPS = Table(
    "lake_dashboard_refresh_steps",
    METADATA,
    Column("refresh_id", ForeignKey("lake_dashboard_refreshes.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("alias", String, nullable=False),
    Column("statement", String, nullable=False),
    Column("state", String, nullable=False),
    Column("query_id", String),
    Column("failure", String),
)

WAITING: Final = "WAITING"
STARTING: Final = "STARTING"
STARTED: Final = "STARTED"
ENDED: Final = "ENDED"
FAILED: Final = "FAILED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A dashboard that somebody made. Times are epoch seconds."""

    id: int
    partition: str
    region: str
    account_id: str
    name: str
    status: str
    widgets: Sequence[Mapping[str, Any]]
    """In botocore's spelling; none for Highlights, whose widgets come with OpenTrail."""
    refresh_schedule: Mapping[str, Any] | None
    """In botocore's spelling."""
    termination_protection_enabled: bool
    created_timestamp: float
    updated_timestamp: float
    due: float | None
    """When it refreshes itself next."""
    last_refresh_failure_reason: str | None
    """Of the last scheduled refresh; `None` when that went well."""

    @property
    def arn(self) -> str:
        return f"arn:{self.partition}:cloudtrail:{self.region}:{self.account_id}:dashboard/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refresh:
    """One refresh of a dashboard, own or managed."""

    id: str
    partition: str
    region: str
    account_id: str
    dashboard: str
    """Its name."""
    scheduled: bool
    started: float
    ended: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One widget's query in a refresh."""

    refresh_id: str
    number: int
    alias: str
    statement: str
    """With the values of the refresh in it."""
    state: str
    """`WAITING`, `STARTING` (whether it began is not known, should the process die now), `STARTED`, `ENDED` or `FAILED`."""
    query_id: str | None = None
    failure: str | None = None


def _kept(row: Row[Any]) -> Kept:
    return Kept(**row._mapping)


def find(connection: Connection, account_id: str, region: str, name: str) -> Kept | None:
    """The dashboard of this name."""
    row = connection.execute(select(DASHBOARDS).where(_named(account_id, region, name))).first()
    return _kept(row) if row else None


def of(connection: Connection, account_id: str, region: str) -> list[Kept]:
    """Every dashboard of an account and Region that somebody made, by name."""
    where = and_(DASHBOARDS.c.account_id == account_id, DASHBOARDS.c.region == region)
    return [_kept(row) for row in connection.execute(select(DASHBOARDS).where(where).order_by(DASHBOARDS.c.name))]


def due(connection: Connection, now: float) -> list[Kept]:
    """Those whose time to refresh has come, the longest overdue first."""
    return [_kept(row) for row in connection.execute(select(DASHBOARDS).where(DASHBOARDS.c.due <= now).order_by(DASHBOARDS.c.due))]


def add(connection: Connection, values: Mapping[str, Any]) -> int:
    """Keep a new dashboard; returns its id."""
    (key,) = connection.execute(insert(DASHBOARDS).values(**values)).inserted_primary_key or (None,)
    assert isinstance(key, int)
    return key


def change(connection: Connection, dashboard_id: int, values: Mapping[str, Any]) -> None:
    """Change columns of a dashboard."""
    connection.execute(update(DASHBOARDS).where(DASHBOARDS.c.id == dashboard_id).values(**values))


def forget(connection: Connection, kept: Kept) -> None:
    """Remove a dashboard with its aliases and refreshes."""
    connection.execute(delete(REFRESHES).where(_refreshes_of(kept.account_id, kept.region, kept.name)))
    connection.execute(delete(DASHBOARDS).where(DASHBOARDS.c.id == kept.id))


def put_alias(
    connection: Connection,
    *,
    account_id: str,
    region: str,
    alias: str,
    statement: str,
    made: float,
    prompt: str | None = None,
    dashboard_id: int | None = None,
) -> None:
    """Let `alias` stand for `statement`."""
    row = {"account_id": account_id, "region": region, "alias": alias, "statement": statement, "prompt": prompt, "made": made}
    connection.execute(insert(ALIASES).values(**row, dashboard_id=dashboard_id))


def forget_aliases(connection: Connection, dashboard_id: int) -> None:
    """The widgets of this dashboard are about to be others."""
    connection.execute(delete(ALIASES).where(ALIASES.c.dashboard_id == dashboard_id))


def forget_generated(connection: Connection, before: float) -> None:
    """Drop the aliases of generated queries made before then."""
    connection.execute(delete(ALIASES).where(ALIASES.c.dashboard_id.is_(None), ALIASES.c.made < before))


def aliased(connection: Connection, account_id: str, region: str, alias: str) -> tuple[str, str | None] | None:
    """The statement behind an alias, and the prompt that it was generated from."""
    where = and_(ALIASES.c.account_id == account_id, ALIASES.c.region == region, ALIASES.c.alias == alias)
    row = connection.execute(select(ALIASES.c.statement, ALIASES.c.prompt).where(where)).first()
    return (row.statement, row.prompt) if row else None


def begin_refresh(connection: Connection, refresh: Refresh, steps: Iterable[Step]) -> None:
    """Keep a refresh that begins, and what is to be done for it."""
    connection.execute(insert(REFRESHES).values(**asdict(refresh)))
    for step in steps:
        connection.execute(insert(STEPS).values(**asdict(step)))


def running(connection: Connection) -> list[Refresh]:
    """Refreshes that have not ended, oldest first."""
    return [
        Refresh(**row._mapping) for row in connection.execute(select(REFRESHES).where(REFRESHES.c.ended.is_(None)).order_by(REFRESHES.c.id))
    ]


def is_running(connection: Connection, account_id: str, region: str, name: str) -> bool:
    """Whether a refresh of this dashboard is under way."""
    where = and_(_refreshes_of(account_id, region, name), REFRESHES.c.ended.is_(None))
    return connection.scalar(select(REFRESHES.c.id).where(where).limit(1)) is not None


def refresh(connection: Connection, refresh_id: str) -> Refresh | None:
    """One refresh."""
    row = connection.execute(select(REFRESHES).where(REFRESHES.c.id == refresh_id)).first()
    return Refresh(**row._mapping) if row else None


def last_refresh(connection: Connection, account_id: str, region: str, name: str) -> str | None:
    """Id of the newest refresh of this dashboard."""
    found: str | None = connection.scalar(select(func.max(REFRESHES.c.id)).where(_refreshes_of(account_id, region, name)))
    return found


def steps(connection: Connection, refresh_id: str) -> list[Step]:
    """The queries of a refresh, in the order of the widgets."""
    query = select(STEPS).where(STEPS.c.refresh_id == refresh_id).order_by(STEPS.c.number)
    return [Step(**row._mapping) for row in connection.execute(query)]


def change_step(connection: Connection, step: Step, values: Mapping[str, Any]) -> None:
    """Change columns of a step."""
    where = and_(STEPS.c.refresh_id == step.refresh_id, STEPS.c.number == step.number)
    connection.execute(update(STEPS).where(where).values(**values))


def end_refresh(connection: Connection, refresh: Refresh, at: float, failure: str | None) -> None:
    """The refresh is over. Of a scheduled one the dashboard tells why it failed, or that it did not."""
    connection.execute(update(REFRESHES).where(REFRESHES.c.id == refresh.id).values(ended=at))
    if refresh.scheduled:
        where = _named(refresh.account_id, refresh.region, refresh.dashboard)
        connection.execute(update(DASHBOARDS).where(where).values(last_refresh_failure_reason=failure))


def forget_refreshes(connection: Connection, before: float) -> None:
    """Drop refreshes that ended before then, but for the newest of each dashboard."""
    newest = select(func.max(REFRESHES.c.id)).group_by(REFRESHES.c.account_id, REFRESHES.c.region, REFRESHES.c.dashboard)
    connection.execute(delete(REFRESHES).where(REFRESHES.c.ended < before, REFRESHES.c.id.not_in(newest)))


def _named(account_id: str, region: str, name: str) -> Any:
    return and_(DASHBOARDS.c.account_id == account_id, DASHBOARDS.c.region == region, DASHBOARDS.c.name == name)


def _refreshes_of(account_id: str, region: str, name: str) -> Any:
    return and_(REFRESHES.c.account_id == account_id, REFRESHES.c.region == region, REFRESHES.c.dashboard == name)
