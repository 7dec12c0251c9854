"""CloudTrail records as events on a bus (EventBridge guide, "AWS service events delivered via AWS CloudTrail"). Pure."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from opentrail.rules.values import ENABLED, ENABLED_WITH_ALL, RuleState

MOST: Final = 256 << 10
"""Bytes of an event at most; a larger one is not sent."""

DETAIL_TYPES: Final = {
    "AwsApiCall": "AWS API Call via CloudTrail",
    "AwsConsoleSignIn": "AWS Console Sign In via CloudTrail",
    "AwsConsoleAction": "AWS Console Action via CloudTrail",
    "AwsServiceEvent": "AWS Service Event via CloudTrail",
    "AwsCloudTrailInsight": "AWS Insight via CloudTrail",
    "AwsVpceEvent": "AWS Network Activity Event via CloudTrail",
}
"""`eventType` → `detail-type`."""

_READING: Final = ("List", "Get", "Describe")
_SENT_ALL_THE_SAME: Final = frozenset({"GetFederationToken", "GetSessionToken"})
"""Calls of STS that read nothing and reach every rule."""
_IDS: Final = uuid.UUID("5b6c1f4e-0f0e-5d8e-9a53-6f1f6f0f8c11")


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """An event for the default bus of its account and Region."""

    event: Mapping[str, Any]
    reads_only: bool
    """It is a management event that reads: only rules that ask for all of them get it."""

    def reaches(self, state: RuleState) -> bool:
        """Whether a rule in this state sees the event at all."""
        return state == ENABLED_WITH_ALL or (state == ENABLED and not self.reads_only)


def happening(record: bytes) -> Happening | None:
    """The event that a record makes; `None` when it makes none: of no kind that is sent, too large, no record.

    The id is not the record's `eventID`, but follows from it: reading the record a second time makes the same event.
    """
    try:
        detail = orjson.loads(record)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(detail, dict):
        return None
    detail_type = DETAIL_TYPES.get(str(detail.get("eventType")))
    account, region = detail.get("recipientAccountId"), detail.get("awsRegion")
    if detail_type is None or not isinstance(account, str) or not isinstance(region, str):
        return None
    detail.pop("eventContext", None)  # what event data stores add
    event: dict[str, Any] = {
        "version": "0",
        "id": str(uuid.uuid5(_IDS, f"{account} {detail.get('eventID')}")),
        "detail-type": detail_type,
        "source": _source(detail),
        "account": account,
        "time": detail.get("eventTime"),
        "region": region,
        "resources": [],
        "detail": detail,
    }
    if len(record) > MOST - 1024 and len(orjson.dumps(event)) > MOST:
        return None
    return Happening(event=event, reads_only=_reads_only(detail))


def _source(detail: Mapping[str, Any]) -> str:
    match detail["eventType"]:
        case "AwsConsoleSignIn":
            return "aws.signin"
        case "AwsCloudTrailInsight":
            return "aws.cloudtrail"
        case _:
            return "aws." + str(detail.get("eventSource", "")).partition(".")[0]


def _reads_only(detail: Mapping[str, Any]) -> bool:
    if detail.get("eventCategory", "Management") != "Management" or detail["eventType"] == "AwsCloudTrailInsight":
        return False
    name = str(detail.get("eventName", ""))
    if detail.get("eventSource") == "sts.amazonaws.com" and name in _SENT_ALL_THE_SAME:
        return False
    return detail.get("readOnly") is True or name.startswith(_READING)
