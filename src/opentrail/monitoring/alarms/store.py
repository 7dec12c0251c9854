"""The tables of alarms, and the rows as values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import JSON, Column, Connection, Float, Index, Integer, MetaData, Row, String, Table, Text, UniqueConstraint, select, update
from sqlalchemy.dialects.sqlite import insert

from opentrail.monitoring.alarms.settings import Watched, watched
from opentrail.storage.database import Database

METRIC: Final = "MetricAlarm"
COMPOSITE: Final = "CompositeAlarm"

tables = MetaData()

alarms = Table(
    "alarms",
    tables,
    Column("number", Integer, primary_key=True),
    Column("account_id", String(12), nullable=False),
    Column("region", String(64), nullable=False),
    Column("name", Text, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("settings", JSON, nullable=False),  # spelled as the API does
    Column("tags", JSON, nullable=False),
    Column("version", Integer, nullable=False),  # counts how often it was put
    Column("configured", Float, nullable=False),
    Column("state", String(20), nullable=False),
    Column("reason", Text, nullable=False),
    Column("reason_data", Text),
    Column("updated", Float, nullable=False),  # when state or reason last changed
    Column("transitioned", Float, nullable=False),  # when the state last changed
    Column("changed", Integer, nullable=False, index=True),  # the count of `alarms_changes` when the row last changed
    UniqueConstraint("account_id", "region", "name"),
    sqlite_autoincrement=True,
)

changes = Table("alarms_changes", tables, Column("id", Integer, primary_key=True), Column("count", Integer, nullable=False))
"""Counts what happened to alarms."""

history = Table(
    "alarm_history",
    tables,
    Column("number", Integer, primary_key=True),
    Column("account_id", String(12), nullable=False),
    Column("region", String(64), nullable=False),
    Column("name", Text, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("time", Float, nullable=False, index=True),
    Column("item", String(24), nullable=False),
    Column("summary", Text, nullable=False),
    Column("data", Text, nullable=False),
    Index("alarm_history_of_account", "account_id", "region", "number"),
    sqlite_autoincrement=True,
)

actions = Table(
    "alarm_actions",
    tables,
    Column("number", Integer, primary_key=True),
    Column("lane", Text, nullable=False),  # what must keep its order: one alarm to one address
    Column("kind", String(8), nullable=False),  # sns, event
    Column("account_id", String(12), nullable=False),
    Column("region", String(64), nullable=False),
    Column("name", Text, nullable=False),
    Column("alarm_kind", String(16), nullable=False),
    Column("address", Text, nullable=False),
    Column("subject", Text),
    Column("message", Text, nullable=False),
    Column("made", Float, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("due", Float, nullable=False, index=True),
    Index("alarm_actions_by_lane", "lane", "number"),
    sqlite_autoincrement=True,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """One alarm as it stood when it was read."""

    number: int
    account_id: str
    region: str
    name: str
    kind: str
    settings: Mapping[str, Any]
    tags: Mapping[str, str] = field(default_factory=dict)
    version: int
    configured: float
    state: str
    reason: str
    reason_data: str | None
    updated: float
    transitioned: float
    changed: int

    @property
    def arn(self) -> str:
        return alarm_arn(self.account_id, self.region, self.name)

    @property
    def watched(self) -> Watched:
        """Of a metric alarm: what it looks at."""
        return watched(self.settings, account_id=self.account_id, region=self.region)


def alarm_arn(account_id: str, region: str, name: str) -> str:
    """The ARN of an alarm, whether it exists or not."""
    partition = "aws-cn" if region.startswith("cn-") else "aws-us-gov" if region.startswith("us-gov-") else "aws"
    return f"arn:{partition}:cloudwatch:{region}:{account_id}:alarm:{name}"


class AlarmStore:
    """Alarms of every account and Region. Thread-safe, and safe beside another process."""

    def __init__(self, database: Database) -> None:
        """`database` is `DataFolder.monitoring`."""
        self.database = database
        database.create(tables)
        with database.begin() as connection:
            connection.execute(insert(changes).values(id=1, count=0).on_conflict_do_nothing())

    def changes(self) -> int:
        """How much has happened to alarms."""
        found = self.database.first("SELECT count FROM alarms_changes WHERE id = 1", ())
        return 0 if found is None else int(found[0])

    def changed(self, after: int) -> tuple[list[Alarm], list[int]]:
        """Alarms that changed after that count, and the numbers of all there are."""
        with self.database.read() as connection:
            found = [alarm_of(row) for row in connection.execute(select(alarms).where(alarms.c.changed > after))]
            return found, list(connection.execute(select(alarms.c.number)).scalars())


def count_change(connection: Connection) -> int:
    """Count one more change; the new count."""
    connection.exec_driver_sql(
        "INSERT INTO alarms_changes (id, count) VALUES (1, 1) ON CONFLICT (id) DO UPDATE SET count = alarms_changes.count + 1"
    )
    return int(connection.exec_driver_sql("SELECT count FROM alarms_changes WHERE id = 1").scalar_one())


def find(connection: Connection, account_id: str, region: str, name: str) -> Alarm | None:
    """The alarm of that name."""
    place = (alarms.c.account_id == account_id, alarms.c.region == region, alarms.c.name == name)
    row = connection.execute(select(alarms).where(*place)).first()
    return None if row is None else alarm_of(row)


def find_number(connection: Connection, number: int) -> Alarm | None:
    """The alarm with that number."""
    row = connection.execute(select(alarms).where(alarms.c.number == number)).first()
    return None if row is None else alarm_of(row)


def states(connection: Connection, account_id: str, region: str, names: Iterable[str]) -> dict[str, str]:
    """The states of alarms of one account and Region, by name or ARN as given; those that do not exist are left out."""
    found = {}
    for name in names:
        row = connection.execute(
            select(alarms.c.state).where(alarms.c.account_id == account_id, alarms.c.region == region, alarms.c.name == plain(name))
        ).first()
        if row is not None and (not name.startswith("arn:") or name == alarm_arn(account_id, region, plain(name))):
            found[name] = row.state
    return found


def plain(name: str) -> str:
    """The name of an alarm that is given by name or ARN."""
    return name.split(":", 6)[6] if name.startswith("arn:") and name.count(":") >= 6 else name


def change(connection: Connection, number: int, **values: Any) -> None:
    """Change columns of one alarm."""
    connection.execute(update(alarms).where(alarms.c.number == number).values(changed=count_change(connection), **values))


def alarm_of(row: Row[Any]) -> Alarm:
    """The alarm in a row of `alarms`."""
    return Alarm(**row._mapping)
