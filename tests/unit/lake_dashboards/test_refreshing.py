"""Refreshes: by hand and by the clock, within the limits of queries, through deaths of the process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from opentrail.clock import ManualClock
from opentrail.lake.dashboards import store as kept
from opentrail.lake.dashboards.control import Dashboards
from opentrail.lake.dashboards.dashboard import Wanted
from opentrail.lake.dashboards.refreshing import KEPT, LONGEST, Refresher
from opentrail.lake.faults import InactiveEventDataStoreException, InvalidQueryStatementException
from opentrail.lake.stores import attachments
from opentrail.storage.database import Database
from simulators.dashboards import ACCOUNT, PLACE, STORE, Died, QueriesInMemory, StoresInMemory, policy, widget

ARN = f"arn:aws:cloudtrail:us-east-1:{ACCOUNT}:dashboard/Mine"
STORE_ARN = f"arn:aws:cloudtrail:us-east-1:{ACCOUNT}:eventdatastore/{STORE}"
HOURLY = {"Frequency": {"Unit": "HOURS", "Value": 1}, "Status": "ENABLED"}
HOUR = 3600.0


class House:
    """Dashboards, a clock, and the role that refreshes; `restart` is another process on the same database."""

    def __init__(self, path: Path) -> None:
        self.clock = ManualClock()
        self.stores = StoresInMemory()
        self.stores.add()
        self.queries = QueriesInMemory()
        self.database = Database.at(path / "state.db")
        self.restart()

    def restart(self) -> None:
        self.dashboards = Dashboards(self.database, self.clock, self.stores)
        self.refresher = Refresher(self.dashboards, self.clock, self.queries, self.queries)

    def make(self, *given: dict[str, Any], **members: Any) -> None:
        self.dashboards.create(PLACE, "Mine", Wanted(widgets=self.dashboards.draft(PLACE, given or [widget()]), **members), {})

    def permit(self) -> None:
        self.stores.change(resource_policy=policy("cloudtrail:StartQuery", STORE_ARN, ARN))
        with self.database.begin() as connection:
            attachments.put_policy(connection, ARN, policy("cloudtrail:StartDashboardRefresh", ARN, ARN))

    @property
    def shown(self) -> Any:
        return self.dashboards.get(PLACE, "Mine")

    def running(self) -> list[str]:
        with self.database.read() as connection:
            return [one.id for one in kept.running(connection)]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path)
    yield house
    house.database.close()


def test_a_refresh_runs_each_widget_with_its_values(house: House) -> None:
    house.make(widget(f"SELECT 1 FROM {STORE} WHERE eventTime > '?'", ["$StartTime$"]), widget())
    begun = house.dashboards.begin_refresh(PLACE, "Mine", {"$StartTime$": "2024-11-05"})
    house.refresher.advance(begun)
    first, second = house.queries.started
    assert first["statement"] == f"SELECT 1 FROM {STORE} WHERE eventTime > '2024-11-05T00:00:00Z'"
    assert [first["alias"], second["alias"]] == [one.alias for one in house.shown.widgets]
    assert {one["refresh_id"] for one in house.queries.started} == {begun}
    house.refresher.work()
    assert house.running() == [begun]
    house.queries.end()
    house.refresher.work()
    assert house.running() == []
    assert house.dashboards.begin_refresh(PLACE, "Mine", {}) > begun


def test_widgets_wait_until_there_is_room_for_their_queries(house: House) -> None:
    house.make(*[widget()] * 5)
    house.queries.room = 2
    house.dashboards.begin_refresh(PLACE, "Mine", {})
    for started in (2, 4, 5):
        house.refresher.work()
        house.refresher.work()
        assert len(house.queries.started) == started
        house.queries.end()
    house.refresher.work()
    assert house.running() == []


def test_a_query_that_had_begun_when_the_process_died_is_not_begun_again(house: House) -> None:
    house.make(*[widget()] * 3)
    begun = house.dashboards.begin_refresh(PLACE, "Mine", {})
    house.queries.die_after = 2
    with pytest.raises(Died):
        house.refresher.advance(begun)
    house.restart()
    house.refresher.work()
    house.queries.end()
    house.refresher.work()
    assert len(house.queries.started) == 3
    assert house.running() == []


def test_a_refresh_that_hangs_counts_as_over(house: House) -> None:
    house.make()
    begun = house.dashboards.begin_refresh(PLACE, "Mine", {})
    house.refresher.work()
    house.clock.advance(LONGEST + 1)
    house.refresher.advance(begun)
    assert house.running() == []


def test_a_scheduled_refresh_begins_when_it_is_due_and_once(house: House) -> None:
    house.make(refresh_schedule=HOURLY)
    house.permit()
    house.refresher.work()
    assert house.queries.started == []
    house.clock.advance(HOUR)
    house.refresher.work()
    house.restart()
    house.refresher.work()
    assert len(house.queries.started) == 1
    assert house.shown.last_refresh_id == house.queries.started[0]["refresh_id"]
    assert house.shown.last_refresh_failure_reason is None


def test_one_that_was_missed_is_made_up_for_once(house: House) -> None:
    house.make(refresh_schedule=HOURLY)
    house.permit()
    house.clock.advance(50 * HOUR)
    house.refresher.work()
    house.queries.end()
    house.refresher.work()
    house.refresher.work()
    assert len(house.queries.started) == 1


def test_a_scheduled_refresh_waits_its_turn_while_another_one_runs(house: House) -> None:
    house.make(refresh_schedule=HOURLY)
    house.permit()
    house.dashboards.begin_refresh(PLACE, "Mine", {})
    house.clock.advance(HOUR)
    house.refresher.work()
    assert len(house.queries.started) == 1
    house.queries.end()
    house.refresher.work()
    house.clock.advance(HOUR)
    house.refresher.work()
    assert len(house.queries.started) == 2


def test_without_the_policies_a_scheduled_refresh_says_what_is_missing(house: House) -> None:
    house.make(refresh_schedule=HOURLY)
    house.clock.advance(HOUR)
    house.refresher.work()
    assert "StartDashboardRefresh" in house.shown.last_refresh_failure_reason
    with house.database.begin() as connection:
        attachments.put_policy(connection, ARN, policy("cloudtrail:StartDashboardRefresh", ARN, ARN))
    house.stores.change(resource_policy=policy("cloudtrail:StartQuery", STORE_ARN, ARN.replace("Mine", "Other")))
    house.clock.advance(HOUR)
    house.refresher.work()
    assert "StartQuery" in house.shown.last_refresh_failure_reason
    assert house.queries.started == []
    house.permit()
    house.clock.advance(HOUR)
    house.refresher.work()
    house.queries.end()
    house.refresher.work()
    assert house.shown.last_refresh_failure_reason is None
    assert len(house.queries.started) == 1


def test_a_query_that_is_refused_is_told_and_the_others_run(house: House) -> None:
    house.make(refresh_schedule=HOURLY)
    house.permit()
    house.queries.refuse = InvalidQueryStatementException("column 'x' does not exist")
    house.clock.advance(HOUR)
    house.refresher.work()
    assert "column 'x' does not exist" in house.shown.last_refresh_failure_reason
    assert house.running() == []


def test_a_store_that_goes_away_ends_in_a_reason(house: House) -> None:
    house.make(refresh_schedule=HOURLY)
    house.permit()
    house.stores.change(status="PENDING_DELETION")
    with pytest.raises(InactiveEventDataStoreException):
        house.dashboards.begin_refresh(PLACE, "Mine", {})
    house.clock.advance(HOUR)
    house.refresher.work()
    assert "InactiveEventDataStoreException" in house.shown.last_refresh_failure_reason


def test_a_schedule_that_is_disabled_or_deleted_does_nothing(house: House) -> None:
    house.make(refresh_schedule=HOURLY)
    house.permit()
    house.dashboards.update(PLACE, "Mine", Wanted(refresh_schedule={"Status": "DISABLED"}))
    house.clock.advance(2 * HOUR)
    house.refresher.work()
    house.dashboards.update(PLACE, "Mine", Wanted(refresh_schedule={"Status": "ENABLED"}))
    house.dashboards.delete(PLACE, "Mine")
    house.clock.advance(2 * HOUR)
    house.refresher.work()
    assert house.queries.started == []


def test_highlights_asks_every_store_and_counts_an_event_once(house: House) -> None:
    other = "0a1b2c3d-1111-4222-8333-00000000000b"
    house.stores.add(other)
    house.dashboards.create(PLACE, "AWSCloudTrail-Highlights", Wanted(refresh_schedule={"Frequency": {"Unit": "HOURS", "Value": 6}}), {})
    begun = house.dashboards.begin_refresh(PLACE, "AWSCloudTrail-Highlights", {})
    house.refresher.advance(begun)
    assert len(house.queries.started) == 10
    for one in house.queries.started:
        assert STORE in one["statement"]
        assert other in one["statement"]
        assert " UNION SELECT " in one["statement"]
        assert "'2026-01-04T10:11:13Z'" in one["statement"]


def test_old_refreshes_are_forgotten_but_for_the_last(house: House) -> None:
    house.make()
    for _ in range(3):
        last = house.dashboards.begin_refresh(PLACE, "Mine", {})
        house.refresher.work()
        house.queries.end()
        house.refresher.work()
        house.clock.advance(60)
    house.clock.advance(KEPT)
    house.refresher.work()
    with house.database.read() as connection:
        assert len(kept.steps(connection, last)) == 1
        assert connection.exec_driver_sql("SELECT count(*) FROM lake_dashboard_refreshes").scalar() == 1
    assert house.shown.last_refresh_id == last
