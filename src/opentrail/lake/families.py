"""Families of events: a store holds CloudTrail's own events, or exactly one of the other categories (reference of Lake, §2.4). Pure."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Final


class Family(Enum):
    """What a store holds; the value is the word used in tables of ours and in file names."""

    EVENTS = "events"
    INSIGHTS = "insights"
    CONFIGURATION = "configuration"
    EVIDENCE = "evidence"
    ACTIVITY = "activity"


FAMILIES: Final[Mapping[str, Family]] = {
    "Management": Family.EVENTS,
    "Data": Family.EVENTS,
    "NetworkActivity": Family.EVENTS,
    "Insight": Family.INSIGHTS,
    "ConfigurationItem": Family.CONFIGURATION,
    "Evidence": Family.EVIDENCE,
    "ActivityAuditLog": Family.ACTIVITY,
}
"""`eventCategory` of a selector, and of a record → the family."""
