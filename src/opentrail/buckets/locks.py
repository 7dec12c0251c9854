"""Object Lock: what keeps a version from being removed, and who may change that. Rules of the S3 user guide ("How S3 Object Lock works").

A retention ends at an absolute time, which is kept with the version: a clock that is set back makes it last longer, never shorter. Under
`COMPLIANCE` nobody, not even root, removes the version or shortens the retention before; under `GOVERNANCE` those may who have
`s3:BypassGovernanceRetention` and say so. A legal hold has no end of its own. Neither keeps a delete marker from hiding the object.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
from sqlalchemy import Connection

from opentrail.buckets import store
from opentrail.buckets.faults import AccessDenied, InvalidArgument, InvalidRequest, InvalidRetentionPeriod, MalformedXML
from opentrail.buckets.values import Bucket, Lock, StoredObject

GOVERNANCE = "GOVERNANCE"
COMPLIANCE = "COMPLIANCE"
MODES = (GOVERNANCE, COMPLIANCE)
OBJECT_LOCK = "object_lock"
"""Kind of configuration: the default retention of a bucket."""
MAX_DAYS = 36_500
MAX_YEARS = 100
NO_CONFIGURATION = "Bucket is missing Object Lock Configuration"


class DefaultRetention(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a new version gets when its writer does not say otherwise; either `days` or `years`."""

    mode: str
    days: int = 0
    years: int = 0

    def until(self, now: float) -> float:
        """The end of the retention of a version written `now`; years are those of the calendar."""
        moment = datetime.fromtimestamp(now, UTC)
        if self.days:
            return (moment + timedelta(days=self.days)).timestamp()
        year = moment.year + self.years
        try:
            return moment.replace(year=year).timestamp()
        except ValueError:  # 29 February
            return moment.replace(year=year, month=3, day=1).timestamp()


_default = msgspec.json.Decoder(DefaultRetention)


def default_retention(mode: str | None, days: int | None, years: int | None) -> DefaultRetention:
    """Raises `MalformedXML`, `InvalidRetentionPeriod`."""
    if mode not in MODES or (days is None) == (years is None):
        raise MalformedXML()
    if days is not None and not 1 <= days <= MAX_DAYS:
        raise InvalidRetentionPeriod(
            "Default retention period must be a positive integer value." if days < 1 else "Default retention period too large."
        )
    if years is not None and not 1 <= years <= MAX_YEARS:
        raise InvalidRetentionPeriod(
            "Default retention period must be a positive integer value." if years < 1 else "Default retention period too large."
        )
    return DefaultRetention(mode=mode, days=days or 0, years=years or 0)


def default_of(text: str | None) -> DefaultRetention | None:
    """A stored default retention; `None` when there is none."""
    return _default.decode(text) if text else None


def retained(lock: Lock, now: float) -> bool:
    """Whether a retention is running."""
    return lock.mode is not None and now < lock.until


def locked(lock: Lock, now: float) -> bool:
    """Whether a version with this lock is kept by a hold or a retention of either mode."""
    return lock.legal_hold or retained(lock, now)


def check_removable(stored: StoredObject, now: float, *, bypass: bool) -> None:
    """Raise `AccessDenied` for a version that is locked; `bypass` counts for governance mode."""
    lock = stored.lock
    if lock.legal_hold or (retained(lock, now) and not (bypass and lock.mode == GOVERNANCE)):
        raise AccessDenied("Access Denied because object protected by object lock.")


def lock_of_new(connection: Connection, bucket: Bucket, asked: Lock, now: float) -> Lock:
    """The lock of a version written `now`: as `asked`, else with the default retention of its bucket. Raises `InvalidRequest`."""
    if not bucket.object_lock:
        if asked != Lock():
            raise InvalidRequest(NO_CONFIGURATION)
        return asked
    if asked.mode is not None:
        return asked
    default = default_of(store.configurations(connection, bucket.name).get(OBJECT_LOCK))
    if default is None:
        return asked
    return Lock(mode=default.mode, until=default.until(now), legal_hold=asked.legal_hold)


def check_retention(mode: str | None, until: datetime | None, now: float) -> tuple[str, float]:
    """Mode and end of a retention that a request asks for. Raises `InvalidArgument`, `MalformedXML`."""
    if mode not in MODES:
        raise InvalidArgument("Unknown wormMode directive.", ArgumentName="x-amz-object-lock-mode", ArgumentValue=mode)
    if until is None:
        raise MalformedXML()
    end = until.timestamp()
    if end <= now:
        raise InvalidArgument("The retain until date must be in the future!", ArgumentName="x-amz-object-lock-retain-until-date")
    return mode, end


def with_retention(old: Lock, mode: str | None, until: float, now: float, *, bypass: bool) -> Lock:
    """The lock after a PutObjectRetention; `mode` `None` takes the retention off.

    A running retention may always be made longer, and GOVERNANCE be made COMPLIANCE; anything else takes `bypass`, and under COMPLIANCE is
    not possible at all. Raises `AccessDenied`.
    """
    if retained(old, now):
        longer = mode is not None and until >= old.until
        if old.mode == COMPLIANCE and not (longer and mode == COMPLIANCE):
            raise AccessDenied("Access Denied because object protected by object lock.")
        if old.mode == GOVERNANCE and not longer and not bypass:
            raise AccessDenied("Access Denied because object protected by object lock.")
    return Lock(mode=mode, until=until if mode is not None else 0.0, legal_hold=old.legal_hold)
