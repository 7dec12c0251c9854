"""ListInsightsMetricData and ListInsightsData: what is asked, what is answered, page by page."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from opentrail.insights import listing, metric_data, store
from opentrail.insights.faults import InvalidParameterException
from opentrail.insights.values import STORES
from opentrail.storage.database import Database
from simulators.insight_sources import ACCOUNT, DELETE_ROLE, REGION, TRAIL_ARN

NOW = 1_767_607_872.0  # 2026-01-05T10:11:12Z
TEN = 1_767_607_200  # 10:00
ASKED = {"EventSource": "iam.amazonaws.com", "EventName": "DeleteRole", "InsightType": "ApiCallRateInsight"}


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = Database.at(tmp_path / "insights.db")
    made.create(store.METADATA)
    with made.begin() as connection:
        for series, counts in ((DELETE_ROLE, {0: 30, 60: 60, 300: 5}), (DELETE_ROLE._replace(scope=STORES), {60: 60})):
            (number,) = store.series_ids(connection, [series]).values()
            for at, count in counts.items():
                for period in store.KEPT:
                    time = TEN + at
                    store.add_points(connection, {(number, period, time - time % period): count})
    yield made
    made.close()


def at(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def page(database: Database, **members: Any) -> tuple[list[int], list[float], str | None]:
    found = metric_data.page(database, ACCOUNT, REGION, {**ASKED, **members}, NOW, trail_arn=None)
    return [time - TEN for time in found.times], list(found.values), found.next_token


def test_values_are_calls_per_minute_of_everything_that_takes_the_calls(database: Database) -> None:
    assert page(database) == ([0], [155 / 60], None)
    assert page(database, Period=300) == ([0, 300], [30.0, 1.0], None)
    assert page(database, Period=60) == ([0, 60, 300], [30.0, 120.0, 5.0], None)


def test_the_start_is_inclusive_and_rounded_down_the_end_is_exclusive(database: Database) -> None:
    assert page(database, Period=60, StartTime=at(TEN + 61), EndTime=at(TEN + 300))[0] == [60]
    assert page(database, Period=60, StartTime=at(TEN + 120), EndTime=at(TEN + 301))[0] == [300]


def test_zeros_are_filled_in_on_the_grid(database: Database) -> None:
    times, values, _ = page(database, Period=60, StartTime=at(TEN), EndTime=at(TEN + 360), DataType="FillWithZeros")
    assert times == [0, 60, 120, 180, 240, 300]
    assert values == [30.0, 120.0, 0.0, 0.0, 0.0, 5.0]


@pytest.mark.parametrize(("period", "days"), [(60, 15), (300, 63), (3600, 90)])
def test_nothing_older_than_is_kept_is_filled(database: Database, period: int, days: int) -> None:
    times, _, _ = page(database, Period=period, DataType="FillWithZeros")
    assert times[0] + TEN >= NOW - days * 86_400 > times[0] + TEN - period
    assert len(times) <= metric_data.MOST


@pytest.mark.parametrize("data_type", ["NonZeroData", "FillWithZeros"])
def test_pages_together_are_the_whole(database: Database, data_type: str) -> None:
    asked: dict[str, Any] = {"Period": 60, "StartTime": at(TEN), "DataType": data_type}
    whole = page(database, **asked)
    times: list[int] = []
    values: list[float] = []
    token: str | None = None
    while True:
        more = page(database, **asked, MaxResults=2, **({} if token is None else {"NextToken": token}))
        times, values, token = times + more[0], values + more[1], more[2]
        assert len(more[0]) <= 2
        if token is None:
            break
    assert (times, values) == whole[:2]


def test_a_token_belongs_to_its_request(database: Database) -> None:
    token = page(database, Period=60, MaxResults=1)[2]
    for members in ({"Period": 300, "MaxResults": 1, "NextToken": token}, {"Period": 60, "MaxResults": 1, "NextToken": "x"}):
        with pytest.raises(InvalidParameterException, match="NextToken"):
            page(database, **members)


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({"EventSource": "iam"}, "EventSource"),
        ({"EventName": "Delete-Role"}, "EventName"),
        ({"EventName": "x" * 129}, "EventName"),
        ({"InsightType": "Other"}, "InsightType"),
        ({"InsightType": "ApiErrorRateInsight"}, "ErrorCode is required"),
        ({"InsightType": "ApiErrorRateInsight", "ErrorCode": "a!"}, "ErrorCode must"),
        ({"ErrorCode": "AccessDenied"}, "ErrorCode cannot"),
        ({"Period": 120}, "Period"),
        ({"DataType": "Zeros"}, "DataType"),
        ({"MaxResults": 21_601}, "MaxResults"),
        ({"MaxResults": 0}, "MaxResults"),
        ({"StartTime": at(TEN + 1), "EndTime": at(TEN)}, "StartTime is after"),
    ],
)
def test_what_is_refused(database: Database, members: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidParameterException, match=said):
        page(database, **members)


def test_nothing_counted_is_nothing_shown(database: Database) -> None:
    assert page(database, EventName="CreateUser") == ([], [], None)


LIST = {"InsightSource": TRAIL_ARN, "DataType": "InsightsEvents"}


@pytest.fixture
def listed(database: Database) -> Database:
    with database.begin() as connection:
        for number, (time, name) in enumerate([(TEN, "PutObject"), (TEN + 60, "GetObject"), (TEN + 60, "PutObject")]):
            store.list_event(
                connection,
                {
                    "event_id": f"id-{number}", "insight_source": TRAIL_ARN, "account_id": ACCOUNT, "region": REGION, "time": time,
                    "event_source": "s3.amazonaws.com", "event_name": name, "record": b"{}",
                },
            )  # fmt: skip
    return database


def names(database: Database, **members: Any) -> list[str]:
    return [found.event_id for found in listing.page(database, ACCOUNT, REGION, {**LIST, **members}, NOW)[0]]


def test_the_newest_insights_come_first_and_both_ends_count(listed: Database) -> None:
    assert names(listed) == ["id-2", "id-1", "id-0"]
    assert names(listed, StartTime=at(TEN + 60), EndTime=at(TEN + 60)) == ["id-2", "id-1"]
    assert names(listed, Dimensions={"EventName": "PutObject"}) == ["id-2", "id-0"]
    assert names(listed, Dimensions={"EventId": "id-1"}) == ["id-1"]
    assert names(listed, InsightSource=TRAIL_ARN + "2") == []


def test_pages_of_insights(listed: Database) -> None:
    first, token = listing.page(listed, ACCOUNT, REGION, {**LIST, "MaxResults": 2}, NOW)
    rest, end = listing.page(listed, ACCOUNT, REGION, {**LIST, "MaxResults": 2, "NextToken": token}, NOW)
    assert ([found.event_id for found in (*first, *rest)], end) == (["id-2", "id-1", "id-0"], None)


@pytest.mark.parametrize(
    "members",
    [
        {"DataType": "Other"},
        {"Dimensions": {"EventId": "a", "EventName": "b"}},
        {"Dimensions": {"Username": "a"}},
        {"Dimensions": {"EventId": ""}},
        {"MaxResults": 51},
        {"StartTime": at(TEN + 1), "EndTime": at(TEN)},
    ],
)
def test_what_listing_refuses(listed: Database, members: dict[str, Any]) -> None:
    with pytest.raises(InvalidParameterException):
        names(listed, **members)
