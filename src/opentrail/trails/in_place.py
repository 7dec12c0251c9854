"""A trail read in place from the state database, by plain `sqlite3`: what `opentrail validate --local` has to know of it."""

from __future__ import annotations

from dataclasses import dataclass

from opentrail.storage.read_only import ReadOnlyDatabase
from opentrail.trails import stretch
from opentrail.trails.stretch import Known, Stretch

_QUERY = """
SELECT account_id, home_region, s3_bucket_name, s3_key_prefix, is_multi_region_trail, digests_since, organization_id
FROM trails WHERE arn = ? AND deleted_at IS NULL
"""
_MEMBER = """
SELECT since FROM trail_members WHERE account_id = ? AND stop IS NULL
AND trail_id IN (SELECT id FROM trails WHERE arn = ? AND deleted_at IS NULL)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingTrail:
    """One trail as it is set up now."""

    account_id: str
    home_region: str
    bucket: str
    prefix: str | None
    is_multi_region: bool
    digests_since: float | None
    """Since when it is both logging and validated; `None` while it is not."""
    organization_id: str | None
    """The organization whose accounts it serves."""


def find_trail(database: ReadOnlyDatabase, arn: str) -> StandingTrail | None:
    """The trail, unless there is none (any more). Raises `Unreadable`."""
    for account_id, home_region, bucket, prefix, multi, digests_since, organization_id in database.rows(_QUERY, (arn,)):
        return StandingTrail(
            account_id=account_id,
            home_region=home_region,
            bucket=bucket,
            prefix=prefix,
            is_multi_region=bool(multi),
            digests_since=digests_since,
            organization_id=organization_id,
        )
    return None


def member_since(database: ReadOnlyDatabase, arn: str, account_id: str) -> float | None:
    """Since when an organization trail serves an account that does not own it; `None` when it does not. Raises `Unreadable`."""
    for (since,) in database.rows(_MEMBER, (account_id, arn)):
        return float(since)
    return None


def known_digests(database: ReadOnlyDatabase, arn: str, account_id: str, region: str, *, since: int, until: int) -> Known:
    """What is known of a chain of digests in a time range (epoch seconds), of a deleted trail too. Raises `Unreadable`."""
    asked = {"arn": arn, "account": account_id, "region": region, "since": since, "until": until}
    rows = [row for query in (stretch.ENDED, stretch.OPEN) for row in database.rows(query, asked)]
    regions = database.rows(stretch.REGIONS, asked)
    return Known(since=since, stretches=tuple(Stretch.of(row) for row in rows), regions=tuple(region for (region,) in regions))
