"""The credential report of an account: every user and the state of its credentials, as CSV. Good for four hours."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, delete, func, insert, select

from opentrail.clock import Clock
from opentrail.identity import entities, mfa, password_policies
from opentrail.identity.entities import Entity, instant
from opentrail.identity.faults import NoSuchEntity, ReportExpired, ReportNotPresent
from opentrail.identity.passwords import DAY
from opentrail.identity.store import Store, access_keys, accounts, last_uses, login_profiles, old_passwords, reports, user_items

GOOD_FOR = 4 * 3600.0
"""Seconds for which a report is handed out and no new one is made."""

COLUMNS = (
    "user", "arn", "user_creation_time", "password_enabled", "password_last_used", "password_last_changed", "password_next_rotation",
    "mfa_active",
    "access_key_1_active", "access_key_1_last_rotated", "access_key_1_last_used_date", "access_key_1_last_used_region",
    "access_key_1_last_used_service",
    "access_key_2_active", "access_key_2_last_rotated", "access_key_2_last_used_date", "access_key_2_last_used_region",
    "access_key_2_last_used_service",
    "cert_1_active", "cert_1_last_rotated", "cert_2_active", "cert_2_last_rotated",
)  # fmt: skip

NOTHING, NOT_SUPPORTED, NO_INFORMATION = "N/A", "not_supported", "no_information"


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialReport:
    """One report."""

    made: datetime
    content: bytes


class CredentialReports:
    """The latest report of each account."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def generate(self, account_id: str) -> bool:
        """Make a report unless there is a good one; whether one was made."""
        now = self._clock.time()
        with self._store.add() as connection:
            made = connection.execute(select(reports.c.made).where(reports.c.account_id == account_id)).scalar()
            if made is not None and 0 <= now - made < GOOD_FOR:
                return False
            connection.execute(delete(reports).where(reports.c.account_id == account_id))
            connection.execute(insert(reports).values(account_id=account_id, made=now, content=_content(connection, account_id)))
        return True

    def get(self, account_id: str) -> CredentialReport:
        """The latest report. Raises `ReportNotPresent`, `ReportExpired`."""
        with self._store.read() as connection:
            row = connection.execute(select(reports).where(reports.c.account_id == account_id)).first()
        if row is None:
            raise ReportNotPresent
        if self._clock.time() - row.made >= GOOD_FOR:
            raise ReportExpired
        return CredentialReport(made=instant(row.made), content=row.content)


def _content(connection: Connection, account_id: str) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerow(_root(connection, account_id))
    for user in entities.page(connection, "user", account_id, limit=entities.QUOTAS["user"][1]).items:
        writer.writerow(_user(connection, user))
    return out.getvalue().encode()


def _root(connection: Connection, account_id: str) -> Sequence[str]:
    created = connection.execute(select(accounts.c.created).where(accounts.c.account_id == account_id)).scalar()
    if created is None:
        raise NoSuchEntity(f"The account {account_id} cannot be found.")
    return (
        "<root_account>", f"arn:aws:iam::{account_id}:root", _date(created), NOT_SUPPORTED, NO_INFORMATION, NOT_SUPPORTED, NOT_SUPPORTED,
        _yes(mfa.owned_by(connection, account_id)), *_keys(connection, account_id, None), *_certificates(connection, None),
    )  # fmt: skip


def _user(connection: Connection, user: Entity) -> Sequence[str]:
    return (
        user.name, user.arn, _date(user.created.timestamp()), *_password(connection, user), _yes(mfa.owned_by(connection, user.id)),
        *_keys(connection, user.account_id, user.id), *_certificates(connection, user.id),
    )  # fmt: skip


def _password(connection: Connection, user: Entity) -> Sequence[str]:
    created = connection.execute(select(login_profiles.c.created).where(login_profiles.c.user_id == user.id)).scalar()
    if created is None:
        return "false", NOTHING, NOTHING, NOTHING
    changed = connection.execute(select(func.max(old_passwords.c.since)).where(old_passwords.c.user_id == user.id)).scalar() or created
    policy = password_policies.of_account(connection, user.account_id)
    rotation = _date(changed + policy.max_age * DAY) if policy is not None and policy.max_age else NOTHING
    used = connection.execute(select(last_uses.c.at).where(last_uses.c.subject == user.id)).scalar()
    return "true", NO_INFORMATION if used is None else _date(used), _date(changed), rotation


def _keys(connection: Connection, account_id: str, user_id: str | None) -> Sequence[str]:
    owned = access_keys.c.user_id.is_(None) if user_id is None else access_keys.c.user_id == user_id
    rows = connection.execute(
        select(access_keys.c.status, access_keys.c.created, last_uses.c.at, last_uses.c.region, last_uses.c.service)
        .select_from(access_keys.outerjoin(last_uses, last_uses.c.subject == access_keys.c.access_key_id))
        .where(access_keys.c.account_id == account_id, owned)
        .order_by(access_keys.c.created, access_keys.c.access_key_id)
    ).all()
    found: list[str] = []
    for row in rows[:2]:
        used = (NOTHING, NOTHING, NOTHING) if row.at is None else (_date(row.at), row.region, row.service)
        found += [_yes(row.status == "Active"), _date(row.created), *used]
    return found + ["false", NOTHING, NOTHING, NOTHING, NOTHING] * (2 - len(rows[:2]))


def _certificates(connection: Connection, user_id: str | None) -> Sequence[str]:
    rows = connection.execute(
        select(user_items.c.status, user_items.c.created)
        .where(user_items.c.kind == "signing-certificate", user_items.c.user_id == user_id)
        .order_by(user_items.c.created, user_items.c.id)
    ).all()
    found: list[str] = []
    for row in rows[:2]:
        found += [_yes(row.status == "Active"), _date(row.created)]
    return found + ["false", NOTHING] * (2 - len(rows[:2]))


def _date(at: float) -> str:
    return datetime.fromtimestamp(int(at), UTC).isoformat()


def _yes(value: bool) -> str:
    return "true" if value else "false"
