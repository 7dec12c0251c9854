"""What a call takes besides for what it says about locks: permissions and condition keys (service authorization reference, "Amazon S3")."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

MODE = "s3:object-lock-mode"
UNTIL = "s3:object-lock-retain-until-date"
DAYS = "s3:object-lock-remaining-retention-days"
HOLD = "s3:object-lock-legal-hold"
LOCK_KEYS = (MODE, UNTIL, DAYS, HOLD)
BYPASS = "s3:BypassGovernanceRetention"


def lock_actions(given: Mapping[str, Any]) -> list[str]:
    """Permissions for the lock that the headers of a write ask for."""
    actions = []
    if given.get("ObjectLockMode") or given.get("ObjectLockRetainUntilDate"):
        actions.append("s3:PutObjectRetention")
    if given.get("ObjectLockLegalHoldStatus"):
        actions.append("s3:PutObjectLegalHold")
    return actions


def lock_keys(given: Mapping[str, Any], now: datetime) -> dict[str, Sequence[str]]:
    """Condition keys: what a write, PutObjectRetention or PutObjectLegalHold asks for. Days are begun ones."""
    asked = given.get("Retention") or {}
    mode = asked.get("Mode") or given.get("ObjectLockMode")
    until = asked.get("RetainUntilDate") or given.get("ObjectLockRetainUntilDate")
    hold = (given.get("LegalHold") or {}).get("Status") or given.get("ObjectLockLegalHoldStatus")
    context: dict[str, Sequence[str]] = {}
    if mode:
        context[MODE] = (str(mode),)
    if isinstance(until, datetime):
        context[UNTIL] = (until.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),)
        context[DAYS] = (str(math.ceil((until - now).total_seconds() / 86400)),)
    if hold:
        context[HOLD] = (str(hold),)
    return context
