"""What PutInsightSelectors and PutEventConfiguration take for a trail (reference of history and Insights, §8, §9, §12)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opentrail.events.selectors import checked_advanced
from opentrail.trails import event_configuration, insight_selectors
from opentrail.wire.faults import Fault
from simulators.plain_selectors import takes
from simulators.trails import ACCOUNT, HOME, World

CALL, ERROR = "ApiCallRateInsight", "ApiErrorRateInsight"
DATA_RESOURCE = {"Type": "AWS::S3::Object", "Values": ["arn:aws:s3"]}


def basic(kind: str = "All", *, management: bool = True, data: bool = False) -> dict[str, Any]:
    resources = [DATA_RESOURCE] if data else []
    return {
        "EventSelectors": [
            {
                "ReadWriteType": kind,
                "IncludeManagementEvents": management,
                "DataResources": resources,
                "ExcludeManagementEventSources": [],
            }
        ]
    }


def advanced(*fields: tuple[str, str, str]) -> dict[str, Any]:
    given = [{"FieldSelectors": [{"Field": name, operator: [value]} for name, operator, value in fields]}]
    return {"AdvancedEventSelectors": checked_advanced(given, owner="trail")}


MANAGEMENT = ("eventCategory", "Equals", "Management")
LOGGED = [
    # event selectors, types and categories that can be analysed
    (None, {(CALL, "Management"), (ERROR, "Management")}),
    (basic("WriteOnly"), {(CALL, "Management"), (ERROR, "Management")}),
    (basic("ReadOnly"), {(ERROR, "Management")}),
    (basic(data=True), {(CALL, "Management"), (ERROR, "Management"), (CALL, "Data"), (ERROR, "Data")}),
    (basic(management=False, data=True), {(CALL, "Data"), (ERROR, "Data")}),
    (advanced(MANAGEMENT), {(CALL, "Management"), (ERROR, "Management")}),
    (advanced(MANAGEMENT, ("readOnly", "Equals", "true")), {(ERROR, "Management")}),
    (advanced(MANAGEMENT, ("readOnly", "Equals", "false")), {(CALL, "Management"), (ERROR, "Management")}),
    (advanced(MANAGEMENT, ("eventSource", "NotEquals", "kms.amazonaws.com")), {(CALL, "Management"), (ERROR, "Management")}),
    (
        advanced(("eventCategory", "Equals", "Data"), ("resources.type", "Equals", "AWS::SQS::Queue")),
        {(CALL, "Data"), (ERROR, "Data")},
    ),
    (advanced(("eventCategory", "Equals", "NetworkActivity"), ("eventSource", "Equals", "s3.amazonaws.com")), set()),
]


@pytest.mark.parametrize(("event_selectors", "possible"), LOGGED)
def test_a_type_needs_the_events_that_it_counts(event_selectors: dict[str, Any] | None, possible: set[tuple[str, str]]) -> None:
    for kind in (CALL, ERROR):
        for category in ("Management", "Data"):
            wanted = [{"InsightType": kind, "EventCategories": [category]}]
            if (kind, category) in possible:
                assert insight_selectors.checked(wanted, event_selectors) == {"InsightSelectors": wanted}
            else:
                with pytest.raises(Fault) as raised:
                    insight_selectors.checked(wanted, event_selectors)
                assert raised.value.code == "InvalidInsightSelectorsException"
                assert "must log" in raised.value.message


@given(st.sampled_from(["ReadOnly", "WriteOnly", "All"]), st.booleans(), st.booleans(), st.sampled_from([CALL, ERROR]))
def test_a_type_is_taken_exactly_when_a_trail_takes_some_event_that_it_counts(kind: str, management: bool, data: bool, wanted: str) -> None:
    """The plain reference matcher is asked of a few events of each category."""
    stored = basic(kind, management=management, data=data)
    for category in ("Management", "Data"):
        counted = [
            {
                "eventCategory": category,
                "readOnly": read_only,
                "eventSource": "s3.amazonaws.com",
                "resources": [{"type": "AWS::S3::Object", "ARN": "arn:aws:s3:::b/k"}],
            }
            for read_only in (True, False)
            if not (read_only and wanted == CALL and category == "Management")
        ]
        try:
            insight_selectors.checked([{"InsightType": wanted, "EventCategories": [category]}], stored)
            taken = True
        except Fault:
            taken = False
        assert taken == any(takes(stored, record) for record in counted)


REFUSED = [
    ([{"InsightType": "ApiMoodInsight"}], "InvalidInsightSelectorsException", "ApiMoodInsight"),
    ([{}], "InvalidInsightSelectorsException", "InsightType"),
    ([{"InsightType": CALL}, {"InsightType": CALL}], "InvalidInsightSelectorsException", "more than once"),
    ([{"InsightType": CALL, "EventCategories": []}], "InvalidParameterException", "at least one"),
    ([{"InsightType": CALL, "EventCategories": ["NetworkActivity"]}], "InvalidParameterException", "NetworkActivity"),
    ([{"InsightType": CALL, "EventCategories": ["Data", "Data"]}], "InvalidParameterException", "more than once"),
]


@pytest.mark.parametrize(("selectors", "code", "part"), REFUSED)
def test_insights_selectors_that_are_refused(selectors: list[dict[str, Any]], code: str, part: str) -> None:
    with pytest.raises(Fault) as raised:
        insight_selectors.checked(selectors, basic(data=True))
    assert raised.value.code == code
    assert part in raised.value.message


TEMPLATES = ["API_ACTIVITY", "RESOURCE_ACCESS", "USER_ACTIONS"]


def aggregation(*templates: str, category: str = "Data") -> dict[str, Any]:
    return {"AggregationConfigurations": [{"EventCategory": category, "Templates": list(templates)}]}


def test_aggregations_that_are_taken() -> None:
    for templates in (TEMPLATES, TEMPLATES[:1]):
        assert event_configuration.checked(aggregation(*templates), basic(data=True)) == aggregation(*templates)
    assert event_configuration.checked({"AggregationConfigurations": []}, None) is None


CONFIGURATIONS = [
    ({"MaxEventSize": "Large"}, "InvalidParameterCombinationException", "MaxEventSize"),
    ({"ContextKeySelectors": []}, "InvalidParameterCombinationException", "ContextKeySelectors"),
    ({**aggregation(*TEMPLATES), "MaxEventSize": "Standard"}, "InvalidParameterCombinationException", "MaxEventSize"),
    ({}, "InvalidParameterException", "AggregationConfigurations"),
    ({"AggregationConfigurations": aggregation("API_ACTIVITY")["AggregationConfigurations"] * 2}, "InvalidParameterException", "at most 1"),
    (aggregation("API_ACTIVITY", category="Management"), "InvalidParameterException", "Management"),
    (aggregation(), "InvalidParameterException", "between 1 and 50"),
    (aggregation(*TEMPLATES * 17), "InvalidParameterException", "between 1 and 50"),
    (aggregation("EVERYTHING"), "InvalidParameterException", "EVERYTHING"),
    (aggregation("API_ACTIVITY", "API_ACTIVITY"), "InvalidParameterException", "more than once"),
]


@pytest.mark.parametrize(("configuration", "code", "part"), CONFIGURATIONS)
def test_configurations_that_are_refused(configuration: dict[str, Any], code: str, part: str) -> None:
    with pytest.raises(Fault) as raised:
        event_configuration.checked(configuration, basic(data=True))
    assert raised.value.code == code
    assert part in raised.value.message


def test_only_what_is_logged_is_aggregated() -> None:
    with pytest.raises(Fault) as raised:
        event_configuration.checked(aggregation(*TEMPLATES), None)
    assert (raised.value.code, "log data events" in raised.value.message) == ("InvalidParameterException", True)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.close()


def test_bucket_and_key_are_asked_again_when_insights_begin_and_not_when_they_end(world: World) -> None:
    world.trail("audit")
    world.buckets.denied.add("logs")
    with pytest.raises(Fault) as raised:
        world.trails.put_insight_selectors(ACCOUNT, HOME, "audit", [{"InsightType": CALL}])
    assert raised.value.code == "InsufficientS3BucketPolicyException"
    assert world.trails.put_insight_selectors(ACCOUNT, HOME, "audit", []).insight_selectors is None
    world.buckets.denied.clear()
    world.buckets.missing.add("logs")
    with pytest.raises(Fault) as raised:
        world.trails.put_insight_selectors(ACCOUNT, HOME, "audit", [{"InsightType": CALL}])
    assert raised.value.code == "S3BucketDoesNotExistException"


def test_insights_selectors_outlive_a_stop_and_end_with_the_trail(world: World) -> None:
    world.trail("audit")
    world.trails.put_insight_selectors(ACCOUNT, HOME, "audit", [{"InsightType": CALL}])
    world.trails.stop_logging(ACCOUNT, HOME, "audit", "request")
    assert world.trails.insight_selectors(ACCOUNT, HOME, "audit").insight_selectors == {"InsightSelectors": [{"InsightType": CALL}]}
    world.trails.delete(ACCOUNT, HOME, "audit", "request")
    world.trail("audit")
    with pytest.raises(Fault) as raised:
        world.trails.insight_selectors(ACCOUNT, HOME, "audit")
    assert raised.value.code == "InsightNotEnabledException"
