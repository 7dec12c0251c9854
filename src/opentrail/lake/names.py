"""ARNs and ids of stores, channels and dashboards (reference of Lake, §1, §2.1, §3, §7). Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from opentrail.lake.faults import ChannelARNInvalidException, EventDataStoreARNInvalidException, ResourceARNNotValidException

UUID: Final = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_ID: Final = re.compile(UUID)
_ARN: Final = re.compile(r"arn:(aws[a-z-]*):cloudtrail:([a-z0-9-]+):(\d{12}):(eventdatastore|channel|dashboard)/([A-Za-z0-9_-]{1,128})")
NAME: Final = re.compile(r"[a-zA-Z0-9._\-]{3,128}")
"""Names of stores and channels."""
DASHBOARD_NAME: Final = re.compile(r"[a-zA-Z0-9_\-]{3,128}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a name without an ARN is looked for: the caller's."""

    partition: str
    region: str
    account_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """What an ARN names; nothing says yet that there is one."""

    partition: str
    region: str
    account_id: str
    kind: str
    """`eventdatastore`, `channel` or `dashboard`."""
    id: str
    """UUID of a store or channel, name of a dashboard."""

    @property
    def arn(self) -> str:
        return f"arn:{self.partition}:cloudtrail:{self.region}:{self.account_id}:{self.kind}/{self.id}"


def event_data_store(given: str, place: Place) -> Named:
    """The store behind an ARN, or behind an id in `place`. Raises `EventDataStoreARNInvalidException`."""
    found = _uuid(given, "eventdatastore", place)
    if found is None:
        raise EventDataStoreARNInvalidException(
            f"{given[:200]!r} is neither the ARN nor the ID of an event data store: give "
            f"arn:{place.partition}:cloudtrail:REGION:ACCOUNT:eventdatastore/ID."
        )
    return found


def channel(given: str, place: Place) -> Named:
    """The channel behind an ARN, or behind an id in `place`. Raises `ChannelARNInvalidException`."""
    found = _uuid(given, "channel", place)
    if found is None:
        raise ChannelARNInvalidException(
            f"{given[:200]!r} is neither the ARN nor the ID of a channel: give arn:{place.partition}:cloudtrail:REGION:ACCOUNT:channel/ID."
        )
    return found


def dashboard(given: str, place: Place) -> Named:
    """The dashboard behind an ARN, or behind a name in `place`. Raises `ResourceARNNotValidException`."""
    found = parse(given)
    if found is not None and found.kind == "dashboard":
        return found
    if found is None and DASHBOARD_NAME.fullmatch(given):
        return Named(partition=place.partition, region=place.region, account_id=place.account_id, kind="dashboard", id=given)
    raise ResourceARNNotValidException(f"{given[:200]!r} is neither the ARN nor the name of a dashboard.")


def parse(arn: str) -> Named | None:
    """What `arn` names; `None` when it is the ARN of no store, channel or dashboard."""
    match = _ARN.fullmatch(arn)
    if match is None or (match[4] != "dashboard" and not _ID.fullmatch(match[5])):
        return None
    return Named(partition=match[1], region=match[2], account_id=match[3], kind=match[4], id=match[5])


def _uuid(given: str, kind: str, place: Place) -> Named | None:
    if _ID.fullmatch(given):
        return Named(partition=place.partition, region=place.region, account_id=place.account_id, kind=kind, id=given)
    found = parse(given)
    return found if found is not None and found.kind == kind else None
