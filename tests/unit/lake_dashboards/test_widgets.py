"""Widgets and their parameters."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest

from opentrail.lake.dashboards import parameters
from opentrail.lake.dashboards.widgets import checked
from opentrail.lake.faults import EventDataStoreARNInvalidException, InvalidQueryStatementException, ServiceQuotaExceededException
from opentrail.wire.faults import ValidationException
from simulators.dashboards import PLACE, STORE, widget

NOW = datetime(2026, 1, 5, 10, 11, 12, tzinfo=UTC)


def check(*given: dict[str, Any]) -> Any:
    numbers = count(1)
    return checked(given, lambda: f"alias-{next(numbers)}")


def test_parameters_are_put_in_by_position_and_also_between_quotes() -> None:
    statement = f"SELECT date_trunc('?', eventTime) FROM {STORE} WHERE eventTime > '?' AND eventTime < '?'"
    assert parameters.substituted(statement, ["hour", "2024-11-05", "2024-11-06"]) == (
        f"SELECT date_trunc('hour', eventTime) FROM {STORE} WHERE eventTime > '2024-11-05' AND eventTime < '2024-11-06'"
    )


@pytest.mark.parametrize("names", [(), ("$StartTime$",), ("$StartTime$", "$EndTime$", "$Period$")])
def test_there_are_as_many_parameters_as_question_marks(names: tuple[str, ...]) -> None:
    with pytest.raises(InvalidQueryStatementException, match="Widget 1"):
        check(widget(f"SELECT 1 FROM {STORE} WHERE eventTime > '?' AND eventTime < '?'", names))


def test_parameters_have_known_names() -> None:
    with pytest.raises(ValidationException, match="EventDataStoreId"):
        check(widget("SELECT 1 FROM ?", ["$EventDataStoreId$"]))


def test_ten_widgets_and_no_more() -> None:
    assert len(check(*[widget()] * 10)) == 10
    with pytest.raises(ServiceQuotaExceededException):
        check(*[widget()] * 11)


@pytest.mark.parametrize(
    "view",
    [
        {"View": "LineChart", "XAxisColumn": "hour", "YAxisColumn": "events"},
        {"View": "LineChart", "XAxisColumn": "hour", "YAxisColumn": "events", "FilterColumn": "name"},
        {"View": "PieChart", "LabelColumn": "name", "ValueColumn": "events"},
        {"View": "BarChart", "LabelColumn": "name", "ValueColumn": "events", "Orientation": "Horizontal"},
        {"Height": "2.5"},
    ],
)
def test_views_with_what_they_need(view: dict[str, str]) -> None:
    (made,) = check(widget(**view))
    assert view.items() <= dict(made.view).items()


@pytest.mark.parametrize(
    "view",
    [
        {"View": "Map"},
        {"View": "LineChart", "XAxisColumn": "hour"},
        {"View": "PieChart", "LabelColumn": "name", "ValueColumn": "events", "Orientation": "Vertical"},
        {"View": "BarChart", "LabelColumn": "name", "ValueColumn": "events", "Orientation": "Diagonal"},
        {"View": "Table", "LabelColumn": "name"},
        {"Title": "a; b"},
        {"Title": ""},
        {"Height": "tall"},
        {"XY": "short key"},
    ],
)
def test_views_that_are_refused(view: dict[str, str]) -> None:
    with pytest.raises(ValidationException, match="Widget 1"):
        check(widget(**view))


def test_a_widget_that_asks_the_same_keeps_its_alias() -> None:
    before = check(widget(), widget(f"SELECT awsRegion FROM {STORE}"))
    after = checked([widget(f"SELECT awsRegion FROM {STORE}", Title="Regions"), widget("SELECT 2")], lambda: "new", before)
    assert [one.alias for one in after] == ["alias-2", "new"]


def test_values_left_out_are_those_of_the_last_day_and_this_second_is_in_it() -> None:
    found = parameters.checked({}, allowed=parameters.CUSTOM, place=PLACE, now=NOW)
    assert found == {"$StartTime$": "2026-01-04T10:11:13Z", "$EndTime$": "2026-01-05T10:11:13Z", "$Period$": "hour"}


def test_values_are_written_as_queries_compare_them() -> None:
    given = {"$StartTime$": "2024-11-05", "$EndTime$": "2024-11-05T10:45:24.5Z", "$Period$": "DAY"}
    found = parameters.checked(given, allowed=parameters.CUSTOM, place=PLACE, now=NOW)
    assert found == {"$StartTime$": "2024-11-05T00:00:00Z", "$EndTime$": "2024-11-05T10:45:24.500Z", "$Period$": "day"}


@pytest.mark.parametrize(
    "given",
    [
        {"$StartTime$": "yesterday"},
        {"$StartTime$": "2024-02-31"},
        {"$StartTime$": "2024-11-05T00:00:00Z'--"},
        {"$StartTime$": "2024-11-06", "$EndTime$": "2024-11-05"},
        {"$Period$": "--"},
        {"$Period$": "fortnight"},
        {"$Region$": "us-east-1"},
        {"$EventDataStoreId$": STORE},
    ],
)
def test_values_that_mean_nothing_are_refused(given: dict[str, str]) -> None:
    with pytest.raises(ValidationException):
        parameters.checked(given, allowed=parameters.CUSTOM, place=PLACE, now=NOW)


def test_a_store_is_given_by_id_or_arn() -> None:
    arn = f"arn:aws:cloudtrail:us-east-1:123456789012:eventdatastore/{STORE}"
    for given in (STORE, arn):
        found = parameters.checked({"$EventDataStoreId$": given}, allowed=parameters.MANAGED, place=PLACE, now=NOW)
        assert found["$EventDataStoreId$"] == STORE
    with pytest.raises(EventDataStoreARNInvalidException):
        parameters.checked({"$EventDataStoreId$": "x;y"}, allowed=parameters.MANAGED, place=PLACE, now=NOW)
