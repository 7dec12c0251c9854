"""Versions of objects: what they are called, and what a write or a removal does to those that are there. Pure.

Rules of the S3 user guide ("How S3 Versioning works"). In a bucket with versioning enabled a write adds a version and a removal adds a
delete marker. While versioning is suspended, or was never on, what is written is the version `null`, and takes the place of the version
`null` that is there. Removing a version by its id is for good, and brings back the one before it.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass

from opentrail.buckets.faults import InvalidArgument
from opentrail.buckets.values import ENABLED, StoredObject

_ID = re.compile(r"[0-9a-f]{40}")
_END = (1 << 56) - 1
"""Microseconds since the epoch; version ids count down from here."""


def new_version(now: float, newest: StoredObject | None) -> str:
    """An id that nobody guesses, in byte order before that of every older version of the key, even if the clock was set back."""
    moment = int(now * 1_000_000)
    if newest is not None:
        moment = max(moment, _END - int(newest.version[:14], 16) + 1)
    return f"{_END - moment:014x}{secrets.token_hex(13)}"


def check_version_id(version_id: str | None, argument: str = "versionId") -> None:
    """Raise `InvalidArgument` for what cannot be a version id."""
    if version_id is not None and version_id != "null" and not _ID.fullmatch(version_id):
        raise InvalidArgument("Invalid version id specified", ArgumentName=argument, ArgumentValue=version_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What happens to the versions of one key, beside what is added."""

    remove: StoredObject | None = None
    """This one is gone for good."""
    retire: StoredObject | None = None
    """The latest one has a successor now."""
    revive: StoredObject | None = None
    """This one is the latest again."""

    @property
    def moved(self) -> list[StoredObject]:
        """Those whose data change place."""
        return [stored for stored in (self.retire, self.revive) if stored is not None and not stored.marker]


def by_addition(versioning: str | None, latest: StoredObject | None, null: StoredObject | None) -> Change:
    """An object or a marker is added as the latest version of the key; `null` is the version of that name, wherever it stands."""
    if versioning == ENABLED:
        return Change(retire=latest)
    replaced = latest is not None and latest.null
    return Change(remove=null, retire=None if replaced else latest)


def by_removal(doomed: StoredObject, latest: StoredObject | None, following: StoredObject | None) -> Change:
    """The version `doomed` is removed; `following` is the one behind the latest."""
    is_latest = latest is not None and latest.sequence == doomed.sequence
    return Change(remove=doomed, revive=following if is_latest else None)
