"""Metric data: what is put together, what is told apart, and what is kept how long."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opentrail.clock import ManualClock
from opentrail.monitoring.metrics.buckets import MOST_VALUES, Bucket, bucket, read
from opentrail.monitoring.metrics.expiry import DAY, Expiry
from opentrail.monitoring.metrics.series import series
from opentrail.monitoring.metrics.statistics import percentile, statistic
from opentrail.monitoring.metrics.store import MetricStore, key_of
from opentrail.monitoring.values import Metric, MetricPoint
from opentrail.storage.database import Database

NOW = 1_767_607_800
METRIC = Metric(account_id="111122223333", region="us-east-1", namespace="app", name="errors")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(at=NOW)


@pytest.fixture
def store(tmp_path: Path, clock: ManualClock) -> MetricStore:
    return MetricStore(Database.at(tmp_path / "monitoring.db"), clock)


def put(store: MetricStore, *values: float, at: float = NOW, metric: Metric = METRIC, **more: Any) -> None:
    with store.database.begin() as connection:
        store.put(connection, [MetricPoint(metric=metric, time=at, sum=one, minimum=one, maximum=one, **more) for one in values])


def seen(store: MetricStore, period: int, *, start: int = NOW - 60, end: int = NOW + 60, unit: str | None = None) -> dict[int, Bucket]:
    with store.database.read() as connection:
        return series(store, connection, key_of(METRIC), start=start, end=end, period=period, unit=unit)


def test_points_of_a_stretch_are_put_together(store: MetricStore) -> None:
    put(store, 1, 5)
    put(store, 3, at=NOW + 9.99)
    put(store, 7, at=NOW + 10)
    assert seen(store, 60)[NOW] == Bucket(sum=16, count=4, minimum=1, maximum=7, values={1: 1, 5: 1, 3: 1, 7: 1})
    assert {at: found.sum for at, found in seen(store, 10).items()} == {NOW: 9, NOW + 10: 7}
    assert seen(store, 1) == {}
    put(store, 4, at=NOW + 3, high_resolution=True)
    assert {at: found.sum for at, found in seen(store, 1).items()} == {NOW + 3: 4}
    assert seen(store, 30)[NOW].sum == 20
    assert seen(store, 60)[NOW].sum == 20


def test_a_metric_is_its_whole_set_of_dimensions(store: MetricStore) -> None:
    put(store, 1)
    put(store, 2, metric=Metric(account_id="111122223333", region="us-east-1", namespace="app", name="errors", dimensions=(("a", "b"),)))
    put(store, 4, metric=Metric(account_id="111122223333", region="eu-west-1", namespace="app", name="errors"))
    put(store, 8, unit="Bytes")
    assert seen(store, 60)[NOW].sum == 9
    assert seen(store, 60, unit="None")[NOW].sum == 1
    assert seen(store, 60, unit="Bytes")[NOW].sum == 8
    listed = store.list(account_id="111122223333", region="us-east-1", limit=10)
    assert [metric.dimensions for metric in listed] == [(("a", "b"),), ()]
    assert [m.dimensions for m in store.list(account_id="111122223333", region="us-east-1", dimensions={"a": None}, limit=10)] == [
        (("a", "b"),)
    ]
    assert store.list(account_id="111122223333", region="us-east-1", dimensions={"a": "c"}, limit=10) == []
    assert store.list(account_id="111122223333", region="us-east-1", since=NOW + 1, limit=10) == []


def test_what_changed_is_found(store: MetricStore) -> None:
    before = store.changes()
    put(store, 1)
    assert store.changed(before) == [key_of(METRIC)]
    assert store.changed(store.changes()) == []


def test_a_transaction_that_is_rolled_back_leaves_nothing(store: MetricStore) -> None:
    def half_way() -> None:
        with store.database.begin() as connection:
            store.put(connection, [MetricPoint(metric=METRIC, time=NOW, sum=1, minimum=1, maximum=1)])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        half_way()
    assert (store.changes(), seen(store, 60)) == (0, {})


def test_old_data_are_thinned_out_and_forgotten(store: MetricStore, clock: ManualClock) -> None:
    expiry = Expiry(store, clock)
    put(store, 1, 2, high_resolution=True)
    put(store, 4, at=NOW + 70)
    put(store, 8, at=NOW + 70, unit="Bytes")

    def at(days: float) -> dict[int, float]:
        clock.at = NOW + days * DAY
        while expiry.step():
            pass
        return {start: found.sum for start, found in seen(store, 60, start=NOW - 7200, end=NOW + 7200).items()}

    assert at(0.2) == {NOW: 3, NOW + 60: 12}
    assert seen(store, 10) == {}
    assert at(16) == {NOW: 15}  # one bucket of five minutes
    assert seen(store, 60)[NOW].values == {1: 1, 2: 1, 4: 1, 8: 1}
    assert at(64) == {NOW // 3600 * 3600: 15}
    assert at(456) == {}
    assert store.list(account_id="111122223333", region="us-east-1", limit=10) == []


def test_late_points_go_where_they_belong(store: MetricStore, clock: ManualClock) -> None:
    clock.at = NOW + 2 * DAY
    put(store, 1)
    assert seen(store, 60)[NOW].sum == 1
    assert seen(store, 10) == {}  # too old for that


@pytest.mark.parametrize(
    ("name", "value"),
    [("Sum", 10.0), ("Average", 2.5), ("SampleCount", 4.0), ("Minimum", 1.0), ("Maximum", 4.0), ("p50", 2.5), ("p0", 1.0), ("p100", 4.0),
     ("p99.9", pytest.approx(3.997))],
)  # fmt: skip
def test_statistics(name: str, value: float) -> None:
    found = statistic(name)
    assert found is not None
    assert found.of(bucket(sum_=10, count=4, minimum=1, maximum=4, values=[(1, 1), (2, 1), (3, 1), (4, 1)])) == value


@pytest.mark.parametrize("name", ["p", "p101", "p-1", "P99", "sum", "p99.", "tm99", "", "p1e1"])
def test_names_that_are_no_statistic(name: str) -> None:
    assert statistic(name) is None


def test_a_statistic_set_has_no_percentiles_unless_all_its_values_are_alike() -> None:
    half = statistic("p50")
    assert half is not None
    unknown = bucket(sum_=10, count=4, minimum=1, maximum=4)
    assert half.of(unknown) is None
    assert half.of(unknown.plus(bucket(sum_=1, count=1, minimum=1, maximum=1))) is None
    assert half.of(bucket(sum_=8, count=4, minimum=2, maximum=2)) == 2.0


@given(st.lists(st.floats(-1e100, 1e100), min_size=1, max_size=40), st.floats(0, 100))
def test_percentiles_lie_between_the_values_around_their_place(values: list[float], percent: float) -> None:
    counts: dict[float, float] = {}
    for value in values:
        counts[value] = counts.get(value, 0) + 1
    ordered = sorted(values)
    place = percent / 100 * (len(values) - 1)
    found = percentile(counts, percent)
    low, high = ordered[math.floor(place)], ordered[min(math.floor(place) + 1, len(values) - 1)]
    assert low <= found <= high or math.isclose(found, high) or math.isclose(found, low)


@given(st.lists(st.tuples(st.floats(-1e300, 1e300), st.integers(1, 9)), min_size=1, max_size=30), st.integers(0, 29))
def test_buckets_put_together_are_the_bucket_of_all_and_can_be_stored(pairs: list[tuple[float, int]], cut: int) -> None:
    def of(some: list[tuple[float, int]]) -> Bucket:
        only = [value for value, _ in some]
        return bucket(sum_=0, count=sum(count for _, count in some), minimum=min(only), maximum=max(only), values=some)

    whole = of(pairs)
    if 0 < cut < len(pairs):
        assert of(pairs[:cut]).plus(of(pairs[cut:])) == whole
    assert read(whole.sum, whole.count, whole.minimum, whole.maximum, whole.written()) == whole


def test_a_bucket_stays_small_and_percentiles_close() -> None:
    whole = bucket(sum_=0, count=1, minimum=0, maximum=0)
    for number in range(1, 20_000):
        whole = whole.plus(bucket(sum_=number, count=1, minimum=number, maximum=number)) if number % 10 == 0 else whole
    assert whole.values is not None
    assert len(whole.values) <= MOST_VALUES
    assert sum(whole.values.values()) == whole.count
    assert percentile(whole.values, 50) == pytest.approx(10_000, rel=0.02)
    wild = bucket(sum_=0, count=3000, minimum=0, maximum=0, values=[(float(f"{n % 9 + 1}e{n % 600 - 300}"), 1) for n in range(30_000)])
    assert wild.values is not None
    assert len(wild.values) <= MOST_VALUES
