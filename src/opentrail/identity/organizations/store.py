"""The tables of organizations. They belong to the one store of the identity room (`identity/store.py`) and are made by it."""

from __future__ import annotations

from sqlalchemy import JSON, Column, Float, Index, String, Table, Text, UniqueConstraint

from opentrail.identity.store import tables

organizations = Table(
    "organizations",
    tables,
    Column("id", String(34), primary_key=True),
    Column("management_account_id", String(12), nullable=False, unique=True),
    Column("root_id", String(34), nullable=False, unique=True),
    Column("feature_set", String(24), nullable=False),
    Column("policy_types", JSON, nullable=False),  # those enabled in the root
    Column("created", Float, nullable=False),
)

units = Table(
    "organization_units",
    tables,
    Column("id", String(68), primary_key=True),
    Column("organization_id", String(34), nullable=False, index=True),
    Column("parent_id", String(68), nullable=False),  # root or unit
    Column("name", String(128), nullable=False),
    Column("created", Float, nullable=False),
    UniqueConstraint("parent_id", "name"),
)

members = Table(
    "organization_members",
    tables,
    Column("account_id", String(12), primary_key=True),  # an account is in one organization at most, and has one parent there
    Column("organization_id", String(34), nullable=False),
    Column("parent_id", String(68), nullable=False, index=True),
    Column("joined_method", String(8), nullable=False),
    Column("joined", Float, nullable=False),
    Index("organization_members_of", "organization_id", "account_id"),
)

contacts = Table(
    # e-mail and name of an account; they stay with it when it leaves
    "identity_account_contacts",
    tables,
    Column("account_id", String(12), primary_key=True),
    Column("email", String(64), nullable=False),
    Column("folded", String(64), nullable=False, unique=True),
    Column("name", String(128), nullable=False),
)

closures = Table(
    # accounts that are closed: nobody acts in them any more, in an organization or out of it
    "identity_account_closures",
    tables,
    Column("account_id", String(12), primary_key=True),
    Column("closed", Float, nullable=False),
)

policies = Table(
    "organization_policies",
    tables,
    Column("id", String(130), primary_key=True),
    Column("organization_id", String(34), nullable=False),
    Column("type", String(48), nullable=False),
    Column("name", String(128), nullable=False),
    Column("description", String(512), nullable=False),
    Column("content", Text, nullable=False),
    Column("created", Float, nullable=False),
    UniqueConstraint("organization_id", "type", "name"),
)

attachments = Table(
    "organization_attachments",
    tables,
    Column("target_id", String(68), primary_key=True),  # root, unit or account
    Column("policy_id", String(130), primary_key=True, index=True),
    Column("organization_id", String(34), nullable=False, index=True),
    Column("attached", Float, nullable=False),
)

trusted_services = Table(
    "organization_trusted_services",
    tables,
    Column("organization_id", String(34), primary_key=True),
    Column("service_principal", String(128), primary_key=True),
    Column("enabled", Float, nullable=False),
)

delegations = Table(
    "organization_delegations",
    tables,
    Column("account_id", String(12), primary_key=True),
    Column("service_principal", String(128), primary_key=True),
    Column("organization_id", String(34), nullable=False, index=True),
    Column("since", Float, nullable=False),
)

requests = Table(
    "organization_account_requests",
    tables,
    Column("id", String(36), primary_key=True),
    Column("organization_id", String(34), nullable=False, index=True),
    Column("name", String(50), nullable=False),
    Column("state", String(16), nullable=False),
    Column("requested", Float, nullable=False),
    Column("completed", Float, nullable=False),
    Column("account_id", String(12)),
    Column("failure", String(64)),
)

handshakes = Table(
    "organization_handshakes",
    tables,
    Column("id", String(34), primary_key=True),
    Column("organization_id", String(34), nullable=False, index=True),
    Column("management_account_id", String(12), nullable=False),
    Column("action", String(32), nullable=False),
    Column("party_type", String(16)),  # ACCOUNT or EMAIL; none: the organization itself
    Column("party_id", String(64), index=True),  # e-mails in lower case
    Column("state", String(16), nullable=False),
    Column("requested", Float, nullable=False),
    Column("expires", Float, nullable=False),
    Column("ended", Float),
    Column("parent_id", String(34), index=True),
    Column("resources", JSON, nullable=False),
    Column("tags", JSON, nullable=False),
)

tags = Table(
    "organization_tags",
    tables,
    Column("resource_id", String(130), primary_key=True),
    Column("key", String(128), primary_key=True),
    Column("value", String(256), nullable=False),
    Column("organization_id", String(34), nullable=False, index=True),
)

resource_policies = Table(
    "organization_resource_policies",
    tables,
    Column("organization_id", String(34), primary_key=True),
    Column("id", String(131), nullable=False),
    Column("content", Text, nullable=False),
)
