"""Object keys of log files and digest files (reference of delivery, §2 and §10.2). Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True, order=True)
class Chain:
    """The work of one trail for one account and Region."""

    trail_id: int
    account_id: str
    region: str


LOG_KINDS: Mapping[str, str] = {
    "Management": "CloudTrail",
    "Data": "CloudTrail",
    "NetworkActivity": "CloudTrail-NetworkActivity",
    "Insight": "CloudTrail-Insight",
    "Aggregated": "CloudTrail-Aggregated",
}
"""`eventCategory` → folder of the log files that hold its records, and the part of their names that says so."""


def logs(prefix: str | None, organization_id: str | None = None) -> str:
    """`[<prefix>/]AWSLogs/[<organization>/]`: below it every account has a folder of its own."""
    return f"{prefix + '/' if prefix else ''}AWSLogs/{organization_id + '/' if organization_id else ''}"


def folder(prefix: str | None, account_id: str, kind: str, region: str, *, organization_id: str | None = None) -> str:
    """`[<prefix>/]AWSLogs/[<organization>/]<account>/<kind>/<region>/`; `kind` is one of `LOG_KINDS` or `CloudTrail-Digest`."""
    return f"{logs(prefix, organization_id)}{account_id}/{kind}/{region}/"


def log_file_key(
    prefix: str | None,
    account_id: str,
    region: str,
    at: float,
    unique: str,
    *,
    kind: str = "CloudTrail",
    organization_id: str | None = None,
) -> str:
    """The key of a log file cut at `at` (epoch seconds); `unique` is 16 characters of `[A-Za-z0-9]`."""
    time = datetime.fromtimestamp(int(at), UTC)
    name = f"{account_id}_{kind}_{region}_{time:%Y%m%dT%H%MZ}_{unique}.json.gz"
    return f"{folder(prefix, account_id, kind, region, organization_id=organization_id)}{time:%Y/%m/%d}/{name}"


def digest_key(
    prefix: str | None,
    account_id: str,
    region: str,
    trail_name: str,
    home_region: str,
    end: int,
    *,
    organization_id: str | None = None,
) -> str:
    """The key of the digest file of `region` whose period ends at `end` (epoch seconds, whole)."""
    time = datetime.fromtimestamp(end, UTC)
    name = f"{account_id}_CloudTrail-Digest_{region}_{trail_name}_{home_region}_{time:%Y%m%dT%H%M%SZ}.json.gz"
    where = folder(prefix, account_id, "CloudTrail-Digest", region, organization_id=organization_id)
    return f"{where}{time:%Y/%m/%d}/{name}"


def backfill(key: str) -> str:
    """The key of a backfill digest, made from that of the regular digest of the same period."""
    return key.removesuffix(".json.gz") + "_backfill.json.gz"
