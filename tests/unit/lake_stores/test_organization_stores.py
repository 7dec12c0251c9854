"""Organization stores: who may have them, and whose events are in them, record by record."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from opentrail.identity.organizations.service_names import CLOUDTRAIL
from opentrail.lake.stores import event_configuration, insights
from opentrail.wire.faults import Fault
from simulators.event_data_stores import HOME, MANAGER, StoreWorld, only


@pytest.fixture
def world(tmp_path: Path) -> Iterator[StoreWorld]:
    made = StoreWorld(tmp_path)
    yield made
    made.close()


def code(call: Any, *args: Any, **named: Any) -> str:
    with pytest.raises(Fault) as raised:
        call(*args, **named)
    return raised.value.code


def test_each_thing_that_an_organization_store_needs_has_its_fault(world: StoreWorld) -> None:
    def create(by: str = MANAGER) -> str:
        return code(world.create, by=by, organization_enabled=True)

    assert create() == "OrganizationsNotInUseException"
    world.organizations.create(MANAGER, "CONSOLIDATED_BILLING")
    assert create() == "OrganizationNotInAllFeaturesModeException"
    world.organizations.delete(MANAGER)
    world.organizations.create(MANAGER)
    assert create() == "CloudTrailAccessNotEnabledException"
    world.organizations.services.enable(MANAGER, CLOUDTRAIL)
    assert create(world.member()) == "NotOrganizationMasterAccountException"
    assert world.create(organization_enabled=True).organization_enabled


def test_a_delegated_administrator_makes_it_for_the_management_account(world: StoreWorld) -> None:
    world.found()
    delegate, member = world.delegate(), world.member()
    made = world.create(by=delegate, organization_enabled=True)
    assert made.account_id == MANAGER
    own = world.create("own", by=delegate)
    assert own.account_id == delegate
    stores = world.stores
    assert [one.name for _, one in stores.list(delegate, HOME)] == ["events", "own"]
    assert [one.name for _, one in stores.list(MANAGER, HOME)] == ["events"]
    assert stores.list(member, HOME) == []
    # by ARN and by bare id
    assert stores.get(delegate, HOME, made.id).id == stores.get(delegate, HOME, made.arn).id == made.id
    assert code(stores.get, member, HOME, made.id) == "EventDataStoreNotFoundException"
    assert world.update(made, by=delegate, name="renamed", termination_protection_enabled=False).name == "renamed"
    stores.stop_ingestion(delegate, HOME, made.id)
    stores.start_ingestion(delegate, HOME, made.arn)
    stores.delete(delegate, HOME, made.arn)
    assert stores.restore(delegate, HOME, made.arn).id == made.id
    for refused in (stores.delete, stores.stop_ingestion):
        assert code(refused, member, HOME, made.arn) == "NotOrganizationMasterAccountException"
    assert code(world.create, "insights", by=delegate, organization_enabled=True, advanced_event_selectors=[only("Insight")]) == (
        "NotOrganizationMasterAccountException"
    )
    world.create("items", by=delegate, organization_enabled=True, advanced_event_selectors=[only("ConfigurationItem")])


def test_only_the_management_account_converts_and_enables_insights(world: StoreWorld) -> None:
    world.found()
    delegate = world.delegate()
    made = world.create(organization_enabled=True)
    own = world.create("own", by=delegate)
    refused = "NotOrganizationMasterAccountException"
    assert code(world.update, made, by=delegate, organization_enabled=False) == refused
    assert code(world.update, own, organization_enabled=True) == refused
    assert world.update(made, by=delegate, organization_enabled=True).organization_enabled, "it is one already"
    selectors = [{"InsightType": "ApiCallRateInsight"}]
    collecting = world.create("insights", advanced_event_selectors=[only("Insight")])
    assert code(insights.put, world.stores, delegate, HOME, made.arn, collecting.arn, selectors) == refused
    assert insights.put(world.stores, MANAGER, HOME, made.arn, collecting.arn, selectors).insights is not None
    configured = event_configuration.put(world.stores, delegate, HOME, {"EventDataStore": made.arn, "MaxEventSize": "Large"})
    assert configured.max_event_size == "Large"
    assert world.update(made, organization_enabled=False).organization_enabled is False
    assert code(world.update, made, by=delegate, name="mine") == refused, "it is the organization's no more"


def test_members_are_covered_from_the_record_after_they_join_to_the_last_before_they_leave(world: StoreWorld) -> None:
    world.found()
    first = world.member()
    made = world.create(organization_enabled=True)
    world.write()
    second = world.member()
    world.write()
    world.organizations.accounts.remove(MANAGER, first)
    world.write()
    world.stores.stop_ingestion(MANAGER, HOME, made.arn)
    third = world.member()
    world.stores.start_ingestion(MANAGER, HOME, made.arn)
    spans = [(one.start, one.stop, one.accounts) for one in world.stretches(made)]
    assert spans == [
        (100, 110, {first}),
        (110, 120, {first, second}),
        (120, 130, {second}),
        (130, None, {second, third}),
    ]


def test_ordinary_stores_do_not_follow_the_organization(world: StoreWorld) -> None:
    world.found()
    made = world.create()
    world.write()
    world.member()
    assert [(one.start, one.accounts) for one in world.stretches(made)] == [(100, frozenset())]


def test_conversion_begins_and_ends_the_members_share(world: StoreWorld) -> None:
    world.found()
    member = world.member()
    made = world.create()
    world.write()
    world.update(made, organization_enabled=True)
    world.write()
    world.update(made, organization_enabled=False)
    assert [(one.start, one.stop, one.accounts) for one in world.stretches(made)] == [
        (100, 110, frozenset()),
        (110, 120, {member}),
        (120, None, frozenset()),
    ]


@pytest.mark.parametrize("way", ["distrusted", "deleted"])
def test_without_the_organization_it_is_an_ordinary_store(world: StoreWorld, way: str) -> None:
    world.found()
    made = world.create(organization_enabled=True)
    pending = world.create("pending", organization_enabled=True)
    world.delete(pending)
    heard = world.heard
    world.write()
    if way == "distrusted":
        member = world.member()
        world.write()
        world.organizations.services.disable(MANAGER, CLOUDTRAIL)
        assert [(one.start, one.stop, one.accounts) for one in world.stretches(made)] == [
            (100, 110, frozenset()),
            (110, 120, {member}),
            (120, None, frozenset()),
        ]
    else:
        world.organizations.delete(MANAGER)
        assert world.bounds(made) == [(100, None)]
    assert world.heard > heard
    for one in (made, pending):
        assert (world.again(one).organization_enabled, world.again(one).organization_id) == (False, None)
    assert world.stores.restore(MANAGER, HOME, pending.arn).organization_enabled is False


def test_every_companion_is_told(world: StoreWorld) -> None:
    class Notebook:
        def __init__(self) -> None:
            self.told: list[str] = []

        def joined(self, connection: Any, organization_id: str, account_id: str) -> None:
            self.told.append(account_id)

        def departed(self, connection: Any, organization_id: str, account_id: str) -> None:
            self.told.remove(account_id)

        def distrusted(self, connection: Any, organization_id: str, service_principal: str) -> None:
            self.told.append(service_principal)

    first, second = Notebook(), Notebook()
    world.organizations.accompanied_by(first)
    world.organizations.accompanied_by(second)
    world.found()
    made = world.create(organization_enabled=True)
    world.write()
    member = world.member()
    assert first.told == second.told == [MANAGER, member]
    assert world.stretches(made)[-1].accounts == {member}
