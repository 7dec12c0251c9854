"""The dashboards that come with OpenTrail: complete, and every query of theirs runs."""

from __future__ import annotations

import re

import pytest

from opentrail.lake.dashboards.managed import HIGHLIGHTS, Managed, managed, statements
from opentrail.lake.dashboards.parameters import EXAMPLES, STORE, named
from opentrail.lake.dashboards.scope import Scope
from opentrail.lake.dashboards.widgets import MOST, Widget, checked
from opentrail.lake.families import Family
from simulators import lake_engine
from simulators.dashboards import PLACE, StoresInMemory
from simulators.lake_engine import Engine
from simulators.lake_records import RECORDS

WINDOW = {"$StartTime$": "2000-01-01T00:00:00Z", "$EndTime$": "2100-01-01T00:00:00Z", "$Period$": "hour"}
EVERY = [(one, widget) for one in managed().values() for widget in one.widgets]

TITLES = {
    "AWSCloudTrail-SecurityMonitoring": 10,
    "AWSCloudTrail-IAMActivity": 9,
    "AWSCloudTrail-UserActivity": 8,
    "AWSCloudTrail-EnrichedEvents": 8,
    "AWSCloudTrail-ErrorAnalysis": 7,
    "AWSCloudTrail-EC2Activity": 8,
    "AWSCloudTrail-OrganizationsActivity": 9,
    "AWSCloudTrail-ResourceChanges": 8,
    "AWSCloudTrail-DataEventsOverview": 6,
    "AWSCloudTrail-LambdaDataEvents": 6,
    "AWSCloudTrail-DynamoDBDataEvents": 7,
    "AWSCloudTrail-S3DataEvents": 4,
    "AWSCloudTrail-InsightsEvents": 6,
    "AWSCloudTrail-ManagementEvents": 6,
    "AWSCloudTrail-Overview": 6,
    "AWSCloudTrail-Highlights": 10,
}


@pytest.fixture(scope="module")
def engines() -> dict[Family, tuple[Engine, Engine]]:
    return {family: (Engine(family), Engine(family, RECORDS[family])) for family in (Family.EVENTS, Family.INSIGHTS)}


def test_all_of_them_are_there() -> None:
    assert {one.name: len(one.widgets) for one in managed().values()} == TITLES
    assert len(statements()) == sum(TITLES.values())


@pytest.mark.parametrize("one", managed().values(), ids=lambda one: one.name)
def test_each_could_be_a_custom_dashboard_but_for_the_store(one: Managed) -> None:
    assert len(one.widgets) <= MOST
    for widget in one.widgets:
        assert STORE in widget.parameters
        assert re.fullmatch(r"[a-zA-Z][a-zA-Z0-9._\-]*", widget.alias)
        assert len(widget.parameters) <= 10
        checked([{"QueryStatement": "SELECT 1", "ViewProperties": widget.view}], lambda: "alias")


@pytest.mark.parametrize(("one", "widget"), EVERY, ids=[widget.alias for _, widget in EVERY])
def test_the_query_of_a_widget_runs(one: Managed, widget: Widget, engines: dict[Family, tuple[Engine, Engine]]) -> None:
    store = lake_engine.STORE
    if one.name == HIGHLIGHTS:
        stores = StoresInMemory()
        stores.add(store)
        store = Scope(stores).everything(PLACE)
    empty, filled = engines[one.family]
    assert empty.rows(named(widget.statement, widget.parameters, {**EXAMPLES, STORE: store})) == []
    filled.rows(named(widget.statement, widget.parameters, {**WINDOW, STORE: store}))


@pytest.mark.parametrize(
    ("alias", "row"),
    [
        ("AWSCloudTrail-SecurityMonitoring-TopAccessDeniedEvents", ("iam.amazonaws.com", "DeleteUser", "AccessDenied", "1")),
        ("AWSCloudTrail-SecurityMonitoring-FailedConsoleloginAttemptsByIpAddress", ("203.0.113.7", "1")),
        ("AWSCloudTrail-Overview-MostThrottledApis", ("Query", "1")),
        ("AWSCloudTrail-EnrichedEvents-TopResourceTagPairs", ("team", "a", "1")),
        ("AWSCloudTrail-S3DataEvents-MostAccessedS3Objects", ("my-bucket", "folder/file.txt", "1")),
        ("AWSCloudTrail-InsightsEvents-CallRateInsightsBySource", ("ec2.amazonaws.com", "1")),
        ("AWSCloudTrail-ManagementEvents-TlsVersions", ("TLSv1.0", "1")),
    ],
)
def test_the_answers_are_right(alias: str, row: tuple[str, ...], engines: dict[Family, tuple[Engine, Engine]]) -> None:
    one, widget = next((one, widget) for one, widget in EVERY if widget.alias == alias)
    _, filled = engines[one.family]
    assert row in filled.rows(named(widget.statement, widget.parameters, {**WINDOW, STORE: lake_engine.STORE}))
