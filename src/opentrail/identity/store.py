"""The tables of identities, and the transactions on them.

Users, groups, roles, managed policies, instance profiles, identity providers, MFA devices and server certificates are rows of one table,
for they share nearly everything: a name unique in its account and kind, a path, a unique id, tags. What only one kind has lies in
`details`, or in a table of its own where it is secret or asked for by itself.

`generation` is one number that grows with every change of anything that could be remembered by a process (`identities.py`). New
sessions do not touch it: nobody can remember what was not there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy import (
    JSON,
    Column,
    Connection,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    insert,
    select,
    update,
)

from opentrail.storage.database import Database

tables = MetaData()

generation = Table("identity_generation", tables, Column("id", Integer, primary_key=True), Column("value", Integer, nullable=False))

accounts = Table(
    "identity_accounts",
    tables,
    Column("account_id", String(12), primary_key=True),
    Column("alias", String(63), unique=True),
    Column("name", String(50)),
    Column("created", Float, nullable=False),
)

entities = Table(
    "identity_entities",
    tables,
    Column("id", String(32), primary_key=True),
    Column("kind", String(32), nullable=False),
    Column("account_id", String(12), nullable=False),
    Column("name", String(256), nullable=False),
    Column("folded", String(256), nullable=False),  # names differ by more than case, and lists are sorted by it
    Column("path", String(512), nullable=False),
    Column("created", Float, nullable=False),
    Column("boundary", String(2048)),
    Column("tags", JSON, nullable=False),
    Column("details", JSON, nullable=False),
    UniqueConstraint("account_id", "kind", "folded"),
)

memberships = Table(
    "identity_memberships",
    tables,
    Column("group_id", ForeignKey("identity_entities.id"), primary_key=True),
    Column("user_id", ForeignKey("identity_entities.id"), primary_key=True, index=True),
    Column("joined", Float, nullable=False),
)

inline_policies = Table(
    "identity_inline_policies",
    tables,
    Column("owner_id", ForeignKey("identity_entities.id"), primary_key=True),
    Column("name", String(128), primary_key=True),
    Column("document", Text, nullable=False),
)

attachments = Table(
    "identity_attachments",
    tables,
    Column("owner_id", ForeignKey("identity_entities.id"), primary_key=True),
    Column("policy_arn", String(2048), primary_key=True, index=True),
    Column("attached", Float, nullable=False),
)

policy_versions = Table(
    "identity_policy_versions",
    tables,
    Column("policy_id", ForeignKey("identity_entities.id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("document", Text, nullable=False),
    Column("created", Float, nullable=False),
)

profile_roles = Table(
    "identity_profile_roles",
    tables,
    Column("profile_id", ForeignKey("identity_entities.id"), primary_key=True),
    Column("role_id", ForeignKey("identity_entities.id"), nullable=False, index=True),
)

access_keys = Table(
    "identity_access_keys",
    tables,
    Column("access_key_id", String(128), primary_key=True),
    Column("account_id", String(12), nullable=False),
    Column("user_id", ForeignKey("identity_entities.id"), index=True),  # none: a key of the root user
    Column("sealed", LargeBinary, nullable=False),
    Column("status", String(8), nullable=False),
    Column("created", Float, nullable=False),
)

last_uses = Table(
    "identity_last_uses",
    tables,
    Column("subject", String(128), primary_key=True),  # access key id, or unique id of a role
    Column("at", Float, nullable=False),
    Column("service", String(64), nullable=False),
    Column("region", String(64), nullable=False),
)

login_profiles = Table(
    "identity_login_profiles",
    tables,
    Column("user_id", ForeignKey("identity_entities.id"), primary_key=True),
    Column("salt", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Column("reset_required", Integer, nullable=False),
    Column("created", Float, nullable=False),
)

old_passwords = Table(
    "identity_old_passwords",
    tables,
    Column("user_id", ForeignKey("identity_entities.id"), primary_key=True),
    Column("number", Integer, primary_key=True),  # counts up; the largest is the latest
    Column("salt", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Column("since", Float, nullable=False),
)

password_policies = Table(
    "identity_password_policies",
    tables,
    Column("account_id", String(12), primary_key=True),
    Column("policy", JSON, nullable=False),
)

saml_metadata = Table(
    "identity_saml_metadata",
    tables,
    Column("provider_id", ForeignKey("identity_entities.id"), primary_key=True),
    Column("document", Text, nullable=False),
)

mfa_devices = Table(
    "identity_mfa_devices",
    tables,
    Column("device_id", ForeignKey("identity_entities.id"), primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
    Column("owner_id", String(32), index=True),  # unique id of a user, or account id of a root user; none: nobody's yet
    Column("enabled", Float),
    Column("drift", Integer, nullable=False),  # time steps by which the device's clock is ahead of ours
    Column("used", Integer, nullable=False),  # the latest time step whose code has been used
)

user_items = Table(
    "identity_user_items",
    tables,
    Column("id", String(128), primary_key=True),
    Column("user_id", ForeignKey("identity_entities.id"), nullable=False, index=True),
    Column("kind", String(32), nullable=False),  # ssh-public-key, signing-certificate, service-specific-credential
    Column("status", String(8), nullable=False),
    Column("created", Float, nullable=False),
    Column("details", JSON, nullable=False),
)

reports = Table(
    "identity_credential_reports",
    tables,
    Column("account_id", String(12), primary_key=True),
    Column("made", Float, nullable=False),
    Column("content", LargeBinary, nullable=False),
)

sessions = Table(
    "identity_sessions",
    tables,
    Column("access_key_id", String(128), primary_key=True),
    Column("account_id", String(12), nullable=False),
    Column("kind", String(16), nullable=False),  # AssumedRole, IAMUser, Root, FederatedUser
    Column("issuer_id", String(32), nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("created", Float, nullable=False),
    Column("expires", Float, nullable=False),
    Column("details", JSON, nullable=False),
    Index("identity_sessions_expires", "expires"),
)


class Store:
    """Transactions on the tables above. `on_change` hears each new generation, once it is durable."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.on_change: Callable[[int], None] = lambda _generation: None
        database.create(tables)
        with database.begin() as connection:
            if connection.execute(select(generation.c.value)).first() is None:
                connection.execute(insert(generation).values(id=1, value=1))

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that changes what somebody may remember; raises the generation."""
        with self._database.begin() as connection:
            yield connection
            connection.execute(update(generation).values(value=generation.c.value + 1))
            reached = current_generation(connection)
        self.on_change(reached)

    @contextmanager
    def add(self) -> Iterator[Connection]:
        """A transaction that only adds, or writes what is never remembered (last use)."""
        with self._database.begin() as connection:
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A consistent read."""
        with self._database.read() as connection:
            yield connection


def current_generation(connection: Connection) -> int:
    """The generation that this connection sees."""
    return int(connection.execute(select(generation.c.value)).scalar_one())
