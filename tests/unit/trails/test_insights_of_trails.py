"""Which trail an Insights event is for."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest

from opentrail.trails import insights
from opentrail.trails.facts import InsightDetails, facts
from opentrail.trails.store import Trail

ARN = "arn:aws:cloudtrail:us-east-1:111122223333:trail/audit"
S3_DATA = [
    {"FieldSelectors": [{"Field": "eventCategory", "Equals": ["Management"]}]},
    {"FieldSelectors": [{"Field": "eventCategory", "Equals": ["Data"]}, {"Field": "resources.type", "Equals": ["AWS::S3::Object"]}]},
]
READS = [{"FieldSelectors": [{"Field": "eventCategory", "Equals": ["Management"]}, {"Field": "readOnly", "Equals": ["true"]}]}]
CALLS, ERRORS = "ApiCallRateInsight", "ApiErrorRateInsight"


def trail(selectors: list[dict[str, Any]] | None, advanced: list[dict[str, Any]] | None = None) -> Trail:
    members: dict[str, Any] = {field.name: None for field in fields(Trail)}
    members["arn"] = ARN
    members["insight_selectors"] = None if selectors is None else {"InsightSelectors": selectors}
    members["event_selectors"] = None if advanced is None else {"AdvancedEventSelectors": advanced}
    return Trail(**members)


@pytest.mark.parametrize(
    ("selectors", "advanced", "details", "is_for"),
    [
        (None, None, InsightDetails(CALLS), False),
        ([{"InsightType": CALLS}], None, InsightDetails(CALLS), True),
        ([{"InsightType": CALLS}], None, InsightDetails(ERRORS), False),
        ([{"InsightType": CALLS}], READS, InsightDetails(CALLS), False),
        ([{"InsightType": ERRORS}], READS, InsightDetails(ERRORS), True),
        ([{"InsightType": CALLS, "EventCategories": ["Data"]}], S3_DATA, InsightDetails(CALLS), False),
        ([{"InsightType": CALLS, "EventCategories": ["Data"]}], S3_DATA, InsightDetails(CALLS, "Data", ARN), True),
        ([{"InsightType": CALLS, "EventCategories": ["Data"]}], S3_DATA, InsightDetails(CALLS, "Data", ARN + "2"), False),
        ([{"InsightType": CALLS, "EventCategories": ["Data"]}], None, InsightDetails(CALLS, "Data", ARN), False),
        ([{"InsightType": CALLS}], None, InsightDetails(CALLS, "Management", "arn:aws:cloudtrail:…:eventdatastore/1"), False),
    ],
)
def test_trails_get_what_they_ask_for_and_log(
    selectors: list[dict[str, Any]] | None, advanced: list[dict[str, Any]] | None, details: InsightDetails, is_for: bool
) -> None:
    assert insights.is_for(details, trail(selectors, advanced)) is is_for


def test_only_insights_events_are_meant() -> None:
    asking = trail([{"InsightType": CALLS}])
    here = b'"recipientAccountId":"1","awsRegion":"r","eventTime":"t"'
    insight = facts(b'{"eventCategory":"Insight","insightDetails":{"insightType":"ApiCallRateInsight"},' + here + b"}")
    ordinary = facts(b'{"eventCategory":"Management","insightDetails":{"insightType":"ApiCallRateInsight"},' + here + b"}")
    assert insight is not None
    assert ordinary is not None
    assert insights.takes(insight, asking)
    assert not insights.takes(ordinary, asking)


def test_the_history_has_what_trails_found_in_management_events() -> None:
    assert insights.is_in_history(InsightDetails(CALLS))
    assert not insights.is_in_history(InsightDetails(CALLS, "Data", ARN))
