"""Dashboards: made, looked at, changed, listed and removed by the rules."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from opentrail.clock import ManualClock
from opentrail.lake.dashboards.aliases import QueryAliases
from opentrail.lake.dashboards.control import Dashboards
from opentrail.lake.dashboards.dashboard import Wanted
from opentrail.lake.dashboards.managed import managed
from opentrail.lake.event_data_store import PENDING_DELETION
from opentrail.lake.families import Family
from opentrail.lake.faults import (
    ConflictException,
    EventDataStoreNotFoundException,
    InactiveEventDataStoreException,
    InvalidQueryStatementException,
    ResourceARNNotValidException,
    ResourceNotFoundException,
    ServiceQuotaExceededException,
    UnsupportedOperationException,
)
from opentrail.lake.names import Place
from opentrail.storage.database import Database
from opentrail.wire.faults import ValidationException
from simulators.dashboards import ACCOUNT, PLACE, STORE, StoresInMemory, widget

HIGHLIGHTS = "AWSCloudTrail-Highlights"
EVERY_SIX = {"Frequency": {"Unit": "HOURS", "Value": 6}, "Status": "ENABLED"}
ARN = f"arn:aws:cloudtrail:us-east-1:{ACCOUNT}:dashboard/"


@pytest.fixture
def stores() -> StoresInMemory:
    stores = StoresInMemory()
    stores.add()
    return stores


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database.at(tmp_path / "state.db")
    yield database
    database.close()


@pytest.fixture
def dashboards(database: Database, stores: StoresInMemory) -> Dashboards:
    return Dashboards(database, ManualClock(), stores)


def make(dashboards: Dashboards, name: str = "Mine", *given: dict[str, Any], **members: Any) -> Any:
    return dashboards.create(PLACE, name, Wanted(widgets=dashboards.draft(PLACE, given or [widget()]), **members), {"team": "a"})


def test_a_dashboard_is_what_was_asked_for(dashboards: Dashboards) -> None:
    made = make(dashboards, refresh_schedule={"Frequency": {"Unit": "DAYS", "Value": 1}})
    found = dashboards.get(PLACE, "Mine")
    assert found == made == dashboards.get(PLACE, ARN + "Mine")
    assert (found.arn, found.type, found.status) == (ARN + "Mine", "CUSTOM", "CREATED")
    assert found.refresh_schedule == {"Frequency": {"Unit": "DAYS", "Value": 1}, "Status": "ENABLED", "TimeOfDay": "00:00"}
    assert found.tags == {"team": "a"}
    assert not found.termination_protection_enabled


def test_a_name_is_taken_once_and_free_after_deletion(dashboards: Dashboards) -> None:
    make(dashboards)
    with pytest.raises(ConflictException):
        make(dashboards)
    dashboards.delete(PLACE, "Mine")
    with pytest.raises(ResourceNotFoundException):
        dashboards.get(PLACE, "Mine")
    make(dashboards)


@pytest.mark.parametrize("name", ["ab", "with space", "x" * 129, "AWSCloudTrail-Mine", "AWSCloudTrail-Overview", "dot.ted"])
def test_names_that_cannot_be(dashboards: Dashboards, name: str) -> None:
    with pytest.raises(ValidationException):
        make(dashboards, name)


def test_a_protected_dashboard_is_not_deleted(dashboards: Dashboards) -> None:
    make(dashboards, termination_protection_enabled=True)
    with pytest.raises(ConflictException, match="protect"):
        dashboards.delete(PLACE, "Mine")
    dashboards.update(PLACE, "Mine", Wanted(termination_protection_enabled=False))
    dashboards.delete(PLACE, "Mine")


def test_widgets_are_replaced_as_a_whole(dashboards: Dashboards, database: Database) -> None:
    aliases = QueryAliases(database)
    (first,) = make(dashboards).widgets
    drafted = dashboards.draft(PLACE, [widget(Title="Renamed"), widget(f"SELECT awsRegion FROM {STORE}")], "Mine")
    changed = dashboards.update(PLACE, "Mine", Wanted(widgets=drafted))
    assert changed.status == "UPDATED"
    assert changed.widgets[0].alias == first.alias
    second = changed.widgets[1].alias
    assert aliases.statement(second, ACCOUNT, "us-east-1") == f"SELECT awsRegion FROM {STORE}"
    assert aliases.statement(second, ACCOUNT, "eu-west-1") is None
    dashboards.update(PLACE, "Mine", Wanted(widgets=()))
    assert aliases.statement(second, ACCOUNT, "us-east-1") is None


def test_a_hundred_custom_dashboards_and_no_more(dashboards: Dashboards) -> None:
    dashboards.create(PLACE, HIGHLIGHTS, Wanted(refresh_schedule=EVERY_SIX), {})
    for number in range(100):
        dashboards.create(PLACE, f"number-{number}", Wanted(), {})
    with pytest.raises(ServiceQuotaExceededException):
        dashboards.create(PLACE, "one-more", Wanted(), {})
    dashboards.create(Place(partition="aws", region="eu-west-1", account_id=ACCOUNT), "one-more", Wanted(), {})


def test_widgets_ask_stores_that_are_there(dashboards: Dashboards, stores: StoresInMemory) -> None:
    stores.add("0a1b2c3d-1111-4222-8333-00000000000a", account_id="999999999999")
    for store_id in ("0a1b2c3d-1111-4222-8333-000000000000", "0a1b2c3d-1111-4222-8333-00000000000a"):
        with pytest.raises(EventDataStoreNotFoundException):
            make(dashboards, "Mine", widget(f"SELECT 1 FROM {store_id}"))
    with pytest.raises(InvalidQueryStatementException):
        make(dashboards, "Mine", widget(f"SELECT '{STORE}' -- {STORE}"))
    stores.change(status=PENDING_DELETION)
    with pytest.raises(InactiveEventDataStoreException):
        make(dashboards)


def test_dashboards_of_others_are_not_found(dashboards: Dashboards) -> None:
    make(dashboards)
    elsewhere = Place(partition="aws", region="eu-west-1", account_id=ACCOUNT)
    stranger = Place(partition="aws", region="us-east-1", account_id="999999999999")
    for place, given in ((elsewhere, "Mine"), (elsewhere, ARN + "Mine"), (stranger, "Mine"), (stranger, ARN + "Mine")):
        with pytest.raises(ResourceNotFoundException):
            dashboards.get(place, given)
    with pytest.raises(ResourceARNNotValidException):
        dashboards.get(PLACE, "arn:aws:cloudtrail:us-east-1:123456789012:trail/Mine")


def test_highlights_needs_its_schedule_and_protects_itself(dashboards: Dashboards) -> None:
    for schedule in (None, {**EVERY_SIX, "Status": "DISABLED"}, {"Frequency": {"Unit": "HOURS", "Value": 1}}):
        with pytest.raises(ValidationException):
            dashboards.create(PLACE, HIGHLIGHTS, Wanted(refresh_schedule=schedule), {})
    with pytest.raises(UnsupportedOperationException):
        dashboards.create(PLACE, HIGHLIGHTS, Wanted(refresh_schedule=EVERY_SIX, widgets=dashboards.draft(PLACE, [widget()])), {})
    made = dashboards.create(PLACE, HIGHLIGHTS, Wanted(refresh_schedule=EVERY_SIX), {})
    assert (made.type, made.termination_protection_enabled, len(made.widgets)) == ("MANAGED", True, 10)
    with pytest.raises(UnsupportedOperationException):
        dashboards.update(PLACE, HIGHLIGHTS, Wanted(widgets=dashboards.draft(PLACE, [widget()])))
    with pytest.raises(ConflictException):
        dashboards.delete(PLACE, HIGHLIGHTS)
    dashboards.update(PLACE, HIGHLIGHTS, Wanted(termination_protection_enabled=False))
    dashboards.delete(PLACE, HIGHLIGHTS)
    with pytest.raises(ResourceNotFoundException):
        dashboards.get(PLACE, HIGHLIGHTS)


def test_managed_dashboards_are_looked_at_only(dashboards: Dashboards) -> None:
    found = dashboards.get(PLACE, "AWSCloudTrail-Overview")
    assert (found.type, found.created_timestamp, len(found.widgets)) == ("MANAGED", None, 6)
    for change in (
        lambda: dashboards.update(PLACE, "AWSCloudTrail-Overview", Wanted(termination_protection_enabled=True)),
        lambda: dashboards.delete(PLACE, "AWSCloudTrail-Overview"),
    ):
        with pytest.raises(UnsupportedOperationException):
            change()


def test_the_list_has_both_kinds_in_order(dashboards: Dashboards) -> None:
    make(dashboards, "Zebra")
    make(dashboards, "A-first")
    found = dashboards.list(PLACE)
    names = [arn.rpartition("/")[2] for arn, _ in found]
    assert names == sorted(names)
    assert dict(found)[ARN + "Zebra"] == "CUSTOM"
    assert len(found) == 2 + len(managed()) - 1
    dashboards.create(PLACE, HIGHLIGHTS, Wanted(refresh_schedule=EVERY_SIX), {})
    assert dict(dashboards.list(PLACE))[ARN + HIGHLIGHTS] == "MANAGED"


def test_a_refresh_of_a_managed_one_needs_a_store_of_its_kind(dashboards: Dashboards, stores: StoresInMemory) -> None:
    with pytest.raises(ValidationException, match="EventDataStoreId"):
        dashboards.begin_refresh(PLACE, "AWSCloudTrail-Overview", {})
    stores.add("0a1b2c3d-1111-4222-8333-00000000000b", family=Family.INSIGHTS)
    with pytest.raises(UnsupportedOperationException):
        dashboards.begin_refresh(PLACE, "AWSCloudTrail-Overview", {"$EventDataStoreId$": "0a1b2c3d-1111-4222-8333-00000000000b"})
    with pytest.raises(EventDataStoreNotFoundException):
        dashboards.begin_refresh(PLACE, "AWSCloudTrail-Overview", {"$EventDataStoreId$": "0a1b2c3d-1111-4222-8333-00000000000c"})
    begun = dashboards.begin_refresh(PLACE, "AWSCloudTrail-Overview", {"$EventDataStoreId$": STORE})
    assert 10 <= len(begun) <= 20
    assert begun.isdigit()
    assert dashboards.get(PLACE, "AWSCloudTrail-Overview").last_refresh_id == begun


def test_one_refresh_at_a_time(dashboards: Dashboards) -> None:
    make(dashboards)
    dashboards.begin_refresh(PLACE, "Mine", {})
    with pytest.raises(ServiceQuotaExceededException):
        dashboards.begin_refresh(PLACE, "Mine", {})
