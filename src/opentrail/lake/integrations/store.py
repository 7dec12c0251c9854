"""The integrations in the state database. Secrets are sealed by the vault for the integration's name and channel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import JSON, Column, Float, Integer, LargeBinary, MetaData, String, Table, delete, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert
from sqlalchemy.engine import Connection, Row

from opentrail.identity.vault import Vault
from opentrail.lake.integrations.integration import KINDS, Integration, IntegrationError, checked
from opentrail.storage.database import Database

METADATA = MetaData()

INTEGRATIONS = Table(
    "lake_integrations",
    METADATA,
    Column("name", String, primary_key=True),
    Column("kind", String, nullable=False),
    Column("channel_arn", String, nullable=False),
    Column("settings", JSON, nullable=False),
    Column("secret", LargeBinary, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("cursor", JSON, nullable=False),
    Column("taken", Integer, nullable=False),
    Column("refused", Integer, nullable=False),
    Column("seen_at", Float),
    Column("trouble", String),
)
CHANGES = Table("lake_integration_changes", METADATA, Column("id", Integer, primary_key=True), Column("count", Integer, nullable=False))


class IntegrationStore:
    """All integrations of a data folder. Blocking, thread-safe; several processes may use it."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database = database
        self._vault = vault
        database.create(METADATA)

    def add(
        self, *, name: str, kind: str, channel_arn: str, settings: Mapping[str, Any], secret: str, at: float, cursor: Mapping[str, Any]
    ) -> None:
        """Keep a new integration. Raises `IntegrationError`."""
        checked(name, kind, settings, secret)
        with self._database.begin() as connection:
            if connection.scalar(select(INTEGRATIONS.c.name).where(INTEGRATIONS.c.name == name)) is not None:
                raise IntegrationError(f"There is an integration {name} already.")
            values = {"name": name, "kind": kind, "channel_arn": channel_arn, "settings": dict(settings), "created_at": at}
            sealed = self._vault.seal(secret, _purpose(name, channel_arn))
            connection.execute(insert(INTEGRATIONS).values(**values, secret=sealed, cursor=dict(cursor), taken=0, refused=0))
            _changed(connection)

    def remove(self, name: str) -> None:
        """Forget an integration and its secret; its events stay. Raises `IntegrationError` where there is none."""
        with self._database.begin() as connection:
            if not connection.execute(delete(INTEGRATIONS).where(INTEGRATIONS.c.name == name)).rowcount:
                raise IntegrationError(f"There is no integration {name}: `opentrail integrate list` shows them.")
            _changed(connection)

    def all(self) -> list[Integration]:
        """Every integration, in order of name. Raises `VaultError` when the secrets belong to another data folder."""
        with self._database.read() as connection:
            return [self._read(row) for row in connection.execute(select(INTEGRATIONS).order_by(INTEGRATIONS.c.name))]

    def get(self, name: str) -> Integration:
        """One integration. Raises `IntegrationError` where there is none."""
        with self._database.read() as connection:
            row = connection.execute(select(INTEGRATIONS).where(INTEGRATIONS.c.name == name)).first()
        if row is None:
            raise IntegrationError(f"There is no integration {name}: `opentrail integrate list` shows them.")
        return self._read(row)

    def changes(self) -> int:
        """How often integrations were added and removed. Microseconds."""
        found = self._database.first("SELECT count FROM lake_integration_changes", ())
        return int(found[0]) if found else 0

    def came(self, name: str, *, taken: int, refused: int, at: float, cursor: Mapping[str, Any] | None = None) -> None:
        """Events have come, and are durable in the journal; from now on go on behind `cursor`."""
        columns = INTEGRATIONS.c
        values: dict[Any, Any] = {columns.taken: columns.taken + taken, columns.refused: columns.refused + refused, columns.seen_at: at}
        values |= {columns.trouble: None} | ({} if cursor is None else {columns.cursor: dict(cursor)})
        with self._database.begin() as connection:
            connection.execute(update(INTEGRATIONS).where(columns.name == name).values(values))

    def ails(self, name: str, trouble: str) -> None:
        """Something is wrong with it."""
        with self._database.begin() as connection:
            connection.execute(update(INTEGRATIONS).where(INTEGRATIONS.c.name == name).values(trouble=trouble[:500]))

    def _read(self, row: Row[Any]) -> Integration:
        values = dict(row._mapping)
        kind, secret = KINDS[values.pop("kind")], self._vault.unseal(values.pop("secret"), _purpose(row.name, row.channel_arn))
        return Integration(**values, kind=kind, secret=secret)


def _purpose(name: str, channel_arn: str) -> str:
    return f"integration {name} {channel_arn}"


def _changed(connection: Connection) -> None:
    row = upsert(CHANGES).values(id=1, count=1)
    connection.execute(row.on_conflict_do_update(index_elements=["id"], set_={"count": CHANGES.c.count + 1}))
