"""The life of a store: made, changed, stopped, deleted, restored, gone; and every refusal on the way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from opentrail.lake.event_data_store import CREATED, ENABLED, PENDING_DELETION, STOPPED_INGESTION
from opentrail.lake.stores import store as rows
from opentrail.lake.stores.control import MOST_STORES
from opentrail.wire.faults import Fault
from simulators.event_data_stores import DATA, DAY, HOME, KEY_ID, MANAGER, StoreWorld, only

STRANGER = "999988887777"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[StoreWorld]:
    made = StoreWorld(tmp_path)
    yield made
    made.close()


def code(call: Any, *args: Any, **named: Any) -> str:
    with pytest.raises(Fault) as raised:
        call(*args, **named)
    assert len(raised.value.message) > 15
    return raised.value.code


def test_create_answers_created_and_the_store_ingests(world: StoreWorld) -> None:
    made = world.create(tags={"team": "audit"})
    assert made.status == CREATED
    assert made.arn == f"arn:aws:cloudtrail:{HOME}:{MANAGER}:eventdatastore/{made.id}"
    assert made.tags == {"team": "audit"}
    assert made.created_timestamp == made.updated_timestamp == world.clock.time()
    assert world.again(made) == replace(made, status=ENABLED)
    assert world.heard == 1
    waiting = world.create("waiting", start_ingestion=False)
    assert (waiting.status, world.again(waiting).status) == (CREATED, STOPPED_INGESTION)
    assert world.create(region="cn-north-1").arn.startswith("arn:aws-cn:")
    assert code(world.create, region="Nowhere/at all") == "OperationNotPermittedException"


def test_names_are_unique_in_account_and_region_until_the_store_is_gone(world: StoreWorld) -> None:
    made = world.create()
    assert code(world.create) == "EventDataStoreAlreadyExistsException"
    world.create(region="eu-west-1")
    world.create(by=STRANGER)
    other = world.create("other")
    assert code(world.update, other, name="events") == "EventDataStoreAlreadyExistsException"
    assert world.update(other, name="other").name == "other"
    world.delete(made)
    assert code(world.create) == "EventDataStoreAlreadyExistsException"
    world.clock.advance(7 * DAY)
    assert world.create().id != made.id


def test_ten_stores_stopped_and_pending_ones_too(world: StoreWorld) -> None:
    made = [world.create(f"store-{number}", start_ingestion=number % 2 == 0) for number in range(MOST_STORES)]
    world.delete(made[0])
    assert code(world.create, "more") == "EventDataStoreMaxLimitExceededException"
    world.create("more", region="eu-west-1")
    world.clock.advance(7 * DAY)
    world.create("more")


def test_update_changes_what_is_named_and_nothing_else(world: StoreWorld) -> None:
    made = world.create(tags={"a": "b"})
    world.clock.advance(60)
    changed = world.update(made, name="renamed", retention_period=3653, multi_region_enabled=False, advanced_event_selectors=[DATA])
    expected = replace(
        made,
        status=ENABLED,
        name="renamed",
        retention_period=3653,
        multi_region_enabled=False,
        advanced_event_selectors=(DATA,),
        updated_timestamp=world.clock.time(),
    )
    assert changed == expected == world.again(made)


def test_a_key_once_set_stays(world: StoreWorld) -> None:
    arn = f"arn:aws:kms:{HOME}:{MANAGER}:key/{KEY_ID}"
    made = world.create(kms_key_id="alias/lake")
    assert made.kms_key_id == arn
    assert world.update(made, kms_key_id=KEY_ID, retention_period=30).kms_key_id == arn
    assert code(world.update, made, kms_key_id="") == "InvalidKmsKeyIdException"
    assert code(world.update, made, kms_key_id="alias/absent") == "KmsKeyNotFoundException"
    plain = world.create("plain")
    world.keys.closed = True
    assert code(world.update, plain, kms_key_id=KEY_ID) == "InsufficientEncryptionPolicyException"
    assert code(world.create, "closed", kms_key_id=KEY_ID) == "InsufficientEncryptionPolicyException"
    world.keys.closed = False
    assert world.update(plain, kms_key_id=KEY_ID).kms_key_id == arn
    world.keys.check = lambda **_: arn.replace("1234", "9999")  # type: ignore[method-assign]
    assert code(world.update, plain, kms_key_id="another") == "InvalidParameterException"
    assert world.again(plain).kms_key_id == arn


def test_delete_refuses_in_order(world: StoreWorld) -> None:
    made = world.create(advanced_event_selectors=[only("ActivityAuditLog")])
    delete = (world.stores.delete, MANAGER, HOME)
    assert code(*delete, f"arn:aws:cloudtrail:{HOME}:{MANAGER}:eventdatastore/{made.id[:-1]}0").startswith("EventDataStoreNotFound")
    world.importing.add(made.id)
    world.channelled.add(made.id)
    world.stores.set_federation(made.id, "ENABLED", "arn:aws:iam::111122223333:role/lake")
    assert code(*delete, made.arn) == "EventDataStoreTerminationProtectedException"
    world.update(made, termination_protection_enabled=False)
    assert code(*delete, made.arn) == "EventDataStoreFederationEnabledException"
    world.stores.set_federation(made.id, "DISABLED", None)
    assert code(*delete, made.arn) == "EventDataStoreHasOngoingImportException"
    world.importing.clear()
    assert code(*delete, made.arn) == "ChannelExistsForEDSException"
    world.channelled.clear()
    assert world.again(made).status == ENABLED
    world.stores.delete(MANAGER, HOME, made.id)
    assert world.again(made).status == PENDING_DELETION
    assert code(*delete, made.id) == "InactiveEventDataStoreException"


def test_a_store_pending_deletion_can_be_seen_and_restored_and_nothing_else(world: StoreWorld) -> None:
    made, stopped = world.create(), world.create("stopped", start_ingestion=False)
    world.delete(made)
    world.delete(stopped)
    stores = world.stores
    assert stores.get(MANAGER, HOME, made.id).status == PENDING_DELETION
    assert [one.name for _, one in stores.list(MANAGER, HOME)] == ["events", "stopped"]
    assert code(world.update, made, name="other") == "InactiveEventDataStoreException"
    assert code(stores.start_ingestion, MANAGER, HOME, stopped.arn) == "InvalidEventDataStoreStatusException"
    assert code(stores.stop_ingestion, MANAGER, HOME, made.arn) == "InvalidEventDataStoreStatusException"
    assert code(stores.set_federation, made.id, "ENABLED", "role") == "InactiveEventDataStoreException"
    world.clock.advance(7 * DAY - 1)
    assert stores.restore(MANAGER, HOME, made.arn).status == ENABLED
    assert stores.restore(MANAGER, HOME, stopped.arn).status == STOPPED_INGESTION
    assert code(stores.restore, MANAGER, HOME, made.arn) == "InvalidEventDataStoreStatusException"
    assert world.again(made).deleted_timestamp is None


def test_seven_days_by_the_clock_and_a_store_is_gone_whether_anybody_looked_or_not(world: StoreWorld) -> None:
    made, kept = world.create(tags={"a": "b"}), world.create("kept")
    world.delete(made)
    world.keeper.work()
    assert world.register.gone() == []
    world.clock.advance(7 * DAY)
    stores = world.stores
    assert world.register.get(made.id) is None
    assert [one.id for one in world.register.all()] == [kept.id]
    for call in (stores.get, stores.restore, stores.delete, stores.start_ingestion):
        assert code(call, MANAGER, HOME, made.arn) == "EventDataStoreNotFoundException"
    assert [one.id for _, one in stores.list(MANAGER, HOME)] == [kept.id]
    for _ in range(2):
        world.keeper.work()
        assert world.register.gone() == [made.id]
    world.register.forget(kept.id)
    world.register.forget(made.id)
    world.register.forget(made.id)
    assert world.register.gone() == []
    assert world.register.get(kept.id) is not None


def test_the_keeper_writes_only_when_something_is_due(world: StoreWorld) -> None:
    world.create()
    before = world.register.generation()
    world.keeper.work()
    assert world.register.generation() == before


SWITCHES = [
    ("ConfigurationItem", ""),
    ("Insight", "InvalidEventDataStoreCategoryException"),
    ("Evidence", "InvalidEventDataStoreCategoryException"),
    ("ActivityAuditLog", "InvalidEventDataStoreCategoryException"),
]


@pytest.mark.parametrize(("category", "refusal"), SWITCHES)
def test_ingestion_is_switched_for_events_and_configuration_items_only(world: StoreWorld, category: str, refusal: str) -> None:
    made = world.create(advanced_event_selectors=[only(category)])
    if refusal:
        assert code(world.stores.stop_ingestion, MANAGER, HOME, made.arn) == refusal
        assert code(world.stores.start_ingestion, MANAGER, HOME, made.arn) == refusal
        return
    assert code(world.stores.start_ingestion, MANAGER, HOME, made.arn) == "InvalidEventDataStoreStatusException"
    world.stores.stop_ingestion(MANAGER, HOME, made.arn)
    assert world.again(made).status == STOPPED_INGESTION
    assert code(world.stores.stop_ingestion, MANAGER, HOME, made.arn) == "InvalidEventDataStoreStatusException"
    world.stores.start_ingestion(MANAGER, HOME, made.arn)
    assert world.again(made).status == ENABLED


def test_what_names_a_store(world: StoreWorld) -> None:
    made = world.create()
    get = world.stores.get
    assert get(MANAGER, HOME, made.id) == get(MANAGER, HOME, made.arn)
    for wrong in ("events", "", made.id.upper(), made.arn.replace("eventdatastore", "channel"), made.arn + "x", "arn:aws:s3:::bucket"):
        assert code(get, MANAGER, HOME, wrong) == "EventDataStoreARNInvalidException"
    assert code(get, MANAGER, "eu-west-1", made.arn) == "EventDataStoreARNInvalidException"
    assert code(get, MANAGER, "eu-west-1", made.id) == "EventDataStoreNotFoundException"
    assert code(get, STRANGER, HOME, made.id) == "EventDataStoreNotFoundException"
    assert code(get, MANAGER, HOME, made.arn.replace(MANAGER, STRANGER)) == "EventDataStoreNotFoundException"
    # whoever was let in by a policy still changes nothing
    assert get(STRANGER, HOME, made.arn).id == made.id
    for call in (world.stores.delete, world.stores.stop_ingestion, world.stores.restore):
        assert code(call, STRANGER, HOME, made.arn) == "NotOrganizationMasterAccountException"
    assert code(world.update, made, by=STRANGER, name="mine") == "NotOrganizationMasterAccountException"


def test_federation_is_noted_and_told(world: StoreWorld) -> None:
    made = world.create()
    assert made.federation_status is None
    on = world.stores.set_federation(made.id, "ENABLED", "role")
    assert (on.federation_status, on.federation_role_arn) == ("ENABLED", "role")
    assert code(world.stores.set_federation, made.id, "ENABLED", "role") == "EventDataStoreFederationEnabledException"
    off = world.stores.set_federation(made.id, "DISABLED", None)
    assert (off.federation_status, off.federation_role_arn) == ("DISABLED", None)
    assert code(world.stores.set_federation, "absent", "ENABLED", "role") == "EventDataStoreNotFoundException"


def test_a_change_that_fails_leaves_nothing(world: StoreWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    made = world.create()

    def die(*_: object) -> None:
        raise RuntimeError("the process dies here")

    monkeypatch.setattr(world.stores.organization, "settle", die)
    with pytest.raises(RuntimeError):
        world.create("second")
    with pytest.raises(RuntimeError):
        world.update(made, name="renamed")
    monkeypatch.undo()
    assert [one.name for one in world.register.all()] == ["events"]
    assert len(world.stretches(made)) == 1
    with world.database.read() as connection:
        assert rows.gone(connection) == []
