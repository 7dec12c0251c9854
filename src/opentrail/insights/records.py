"""Insights event records (reference of records, §12). Pure.

The ids are made from what the record tells of: the same episode of the same series always has the same ones.
"""

from __future__ import annotations

import uuid
from typing import Any, Final

from opentrail.clock import iso_seconds
from opentrail.events import record as records
from opentrail.insights import sketches
from opentrail.insights.counts import Attributed
from opentrail.insights.detector import Turn
from opentrail.insights.values import CALL_RATE, Series

VERSION: Final = "1.09"
"""`eventVersion` of Insights records."""
_NAMESPACE: Final = uuid.UUID("6d1f0e9a-5d0b-4c0e-9a60-51b4f1a3c0de")


def event_ids(series: Series, turn: Turn) -> tuple[str, str]:
    """`eventID` and `sharedEventID`; the latter is the same at the start and the end."""
    shared = uuid.uuid5(_NAMESPACE, "\n".join((*series, str(turn.start))))
    return str(uuid.uuid5(shared, turn.state)), str(shared)


def record(series: Series, turn: Turn, insight: Attributed, baseline: Attributed) -> bytes:
    """The record that tells of `turn`; `insight` and `baseline` say who called in the episode and before."""
    event_id, shared_event_id = event_ids(series, turn)
    return records.encode(
        {
            "eventVersion": VERSION,
            "eventTime": iso_seconds(turn.minute * 60),
            "awsRegion": series.region,
            "eventID": event_id,
            "eventType": "AwsCloudTrailInsight",
            "recipientAccountId": series.account_id,
            "sharedEventID": shared_event_id,
            "insightDetails": _details(series, turn, insight, baseline),
            "eventCategory": "Insight",
        }
    )


def _details(series: Series, turn: Turn, insight: Attributed, baseline: Attributed) -> dict[str, Any]:
    details: dict[str, Any] = {
        "state": turn.state,
        "eventSource": series.source,
        "eventName": series.name,
        "insightType": series.insight_type,
    }
    if series.error_code:
        details["errorCode"] = series.error_code
    details["sourceEventCategory"] = series.category
    if series.insight_source:
        details["insightSource"] = series.insight_source
    details["insightContext"] = {
        "statistics": {
            "baseline": {"average": round(turn.baseline_average, 10)},
            "insight": {"average": round(turn.insight_average, 10)},
            "insightDuration": turn.insight_minutes,
            "baselineDuration": turn.baseline_minutes,
        },
        "attributions": [
            {
                "attribute": attribute,
                "insight": sketches.shares(during, turn.insight_average),
                "baseline": sketches.shares(before, turn.baseline_average),
            }
            for attribute, during, before in (
                ("userIdentityArn", insight.callers, baseline.callers),
                ("userAgent", insight.agents, baseline.agents),
                ("errorCode", insight.codes, baseline.codes),
            )
            if attribute != "errorCode" or series.insight_type == CALL_RATE
        ],
    }
    return details
