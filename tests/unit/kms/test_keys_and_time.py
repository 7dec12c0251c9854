"""Keys over time: restarts, rotation, deletion, and what a crash leaves."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, select

from opentrail.clock import ManualClock
from opentrail.events.service_event import ServiceEvent
from opentrail.identity.vault import VaultError
from opentrail.kms.faults import (
    DisabledException,
    InvalidCiphertextException,
    KMSInvalidStateException,
    LimitExceededException,
    NotFoundException,
    UnsupportedOperationException,
)
from opentrail.kms.names import Reference
from opentrail.kms.rotation import MOST_ON_DEMAND
from opentrail.kms.store import materials
from opentrail.kms.values import DAY, Key, Terms
from opentrail.recorder.service_events import service_event
from opentrail.storage.outbox import Outbox
from simulators.kms import ACCOUNT, REGION, House


def names(house: House) -> list[tuple[str, dict[str, str]]]:
    return [(event.event_name, dict(event.details)) for event in house.outbox.pending()]


def test_a_key_survives_a_restart_and_opens_what_it_sealed(house: House) -> None:
    key = house.key()
    house.kms.aliases.create("alias/a", key)
    blob = house.kms.uses.encrypt(key, b"text", {"a": "b"})
    after = house.reopened()
    again = after.kms.keys.get(Reference(account_id=ACCOUNT, region=REGION, alias="alias/a"))
    assert again == key
    assert after.kms.uses.decrypt(again, blob, {"a": "b"}).plaintext == b"text"


def test_what_another_process_changes_is_seen_at_once(house: House) -> None:
    other = House(house.folder, house.clock)
    key = house.key()
    named = Reference(account_id=ACCOUNT, region=REGION, alias="alias/a")
    assert other.kms.keys.find(named) is None
    house.kms.aliases.create("alias/a", key)
    assert other.kms.keys.find(named) == key
    blob = house.kms.uses.encrypt(key, b"text", {})
    assert other.kms.uses.decrypt(key, blob, {}).plaintext == b"text"
    house.kms.keys.disable(key)
    assert other.again(key).state == "Disabled"
    house.kms.aliases.delete(ACCOUNT, REGION, "alias/a")
    assert other.kms.keys.find(named) is None
    assert list(other.kms.aliases.of(key)) == []
    other.database.close()


def test_without_the_master_key_there_is_no_key_material(house: House) -> None:
    key = house.key()
    blob = house.kms.uses.encrypt(key, b"text", {})
    house.database.close()
    (house.folder / "keys" / "identity.key").unlink()
    after = House(house.folder, house.clock)
    with pytest.raises(VaultError):
        after.kms.uses.decrypt(after.again(key), blob, {})


def test_the_material_of_one_key_cannot_be_put_in_the_place_of_anothers(house: House) -> None:
    one, other = house.key(), house.key()
    with house.database.begin() as connection:
        sealed = connection.execute(select(materials.c.sealed).where(materials.c.key_id == one.key_id)).scalar_one()
        connection.execute(materials.update().where(materials.c.key_id == other.key_id).values(sealed=sealed))
    with pytest.raises(VaultError):
        house.kms.uses.encrypt(other, b"text", {})


def test_key_material_is_in_the_state_only_sealed(house: House) -> None:
    key = house.key()
    material = house.kms.keys.material(key, 1)
    assert material is not None
    house.database.close()
    for file in house.folder.rglob("*"):
        if file.is_file():
            assert material not in file.read_bytes()
            assert material.hex().encode() not in file.read_bytes()


# rotation


def test_automatic_rotation_comes_when_it_is_due_and_again_after_that(house: House) -> None:
    key = house.key()
    house.kms.rotations.enable(key, 90)
    assert house.kms.keeper.work(house.clock.time() + 90 * DAY - 1) == 0
    house.clock.advance(90 * DAY)
    assert house.kms.keeper.work(house.clock.time()) == 1
    assert house.kms.keeper.work(house.clock.time()) == 0
    house.clock.advance(90 * DAY)
    assert house.kms.keeper.work(house.clock.time()) == 1
    assert [item.rotation for item in house.kms.rotations.materials(key)] == [None, "AUTOMATIC", "AUTOMATIC"]
    assert names(house) == [("RotateKey", {"rotationType": "AUTOMATIC", "keyId": key.key_id})] * 2


def test_after_years_off_a_key_is_rotated_once(house: House) -> None:
    key = house.key()
    house.kms.rotations.enable(key, 90)
    house.clock.advance(1000 * DAY)
    assert house.kms.keeper.work(house.clock.time()) == 1
    rotation = house.again(key).rotation
    assert rotation is not None
    assert rotation.due == house.clock.time() + 90 * DAY


def test_a_key_that_is_off_is_rotated_when_it_is_on_again(house: House) -> None:
    key = house.key()
    house.kms.rotations.enable(key, None)
    house.kms.keys.disable(key)
    house.clock.advance(400 * DAY)
    assert house.kms.keeper.work(house.clock.time()) == 0
    house.kms.keys.enable(key)
    assert house.kms.keeper.work(house.clock.time()) == 1


def test_a_new_period_counts_from_where_the_old_one_began(house: House) -> None:
    key, began = house.key(), house.clock.time()

    def due() -> float:
        rotation = house.again(key).rotation
        assert rotation is not None
        return rotation.due

    house.kms.rotations.enable(key, None)
    assert due() == began + 365 * DAY
    house.clock.advance(10 * DAY)
    house.kms.rotations.enable(key, None)
    assert due() == began + 365 * DAY
    house.kms.rotations.enable(key, 100)
    assert due() == began + 100 * DAY
    house.clock.advance(80 * DAY)
    house.kms.rotations.enable(key, 90)
    assert due() == house.clock.time()
    house.clock.advance(90 * DAY)
    house.kms.rotations.disable(key)
    assert house.again(key).rotation is None
    assert house.kms.keeper.work(house.clock.time()) == 0


def test_on_demand_rotation_leaves_the_standing_order_as_it_was_and_has_an_end(house: House) -> None:
    key = house.key()
    house.kms.rotations.enable(key, 90)
    ordered = house.again(key).rotation
    house.clock.advance(5 * DAY)
    for _ in range(MOST_ON_DEMAND):
        house.kms.rotations.on_demand(key)
    with pytest.raises(LimitExceededException):
        house.kms.rotations.on_demand(key)
    assert house.again(key).rotation == ordered
    assert house.again(key).number == MOST_ON_DEMAND + 1
    assert names(house) == [("RotateKey", {"rotationType": "ON_DEMAND", "keyId": key.key_id})] * MOST_ON_DEMAND


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(["encrypt", "rotate", "restart"]), max_size=12))
def test_old_ciphertexts_open_however_often_the_key_is_rotated(tmp_path_factory: pytest.TempPathFactory, steps: list[str]) -> None:
    house = House(tmp_path_factory.mktemp("house"), ManualClock())
    key = house.key()
    house.kms.rotations.enable(key, 90)
    kept: list[tuple[bytes, bytes]] = []
    seen = set()
    for number, step in enumerate(steps):
        if step == "encrypt":
            kept.append((b"text %d" % number, house.kms.uses.encrypt(house.again(key), b"text %d" % number, {"n": "x"})))
        elif step == "rotate":
            house.clock.advance(90 * DAY)
            assert house.kms.keeper.work(house.clock.time()) == 1
        else:
            house = house.reopened()
        for plaintext, blob in kept:
            opened = house.kms.uses.decrypt(house.again(key), blob, {"n": "x"})
            assert opened.plaintext == plaintext
            seen.add(opened.material_id)
    assert seen <= {item.material_id for item in house.kms.rotations.materials(key)}
    house.database.close()


def test_ciphertext_of_a_key_material_that_never_was_is_refused(house: House) -> None:
    key = house.key()
    house.kms.rotations.on_demand(key)
    blob = bytearray(house.kms.uses.encrypt(house.again(key), b"text", {}))
    blob[23] = 9
    with pytest.raises(InvalidCiphertextException):
        house.kms.uses.decrypt(house.again(key), bytes(blob), {})


@pytest.mark.parametrize("spec", ["RSA_2048", "ECC_NIST_P256"])
def test_only_symmetric_keys_rotate(house: House, spec: str) -> None:
    key = house.key(spec, "SIGN_VERIFY")
    for deed in (lambda: house.kms.rotations.enable(key, 90), lambda: house.kms.rotations.on_demand(key)):
        with pytest.raises(UnsupportedOperationException):
            deed()


# deletion


def test_after_its_waiting_period_a_key_is_gone_with_all_that_belongs_to_it(house: House) -> None:
    key = house.key()
    house.kms.aliases.create("alias/a", key)
    terms = Terms(operations=("Decrypt",), grantee=f"arn:aws:iam::{ACCOUNT}:user/ana")
    grant = house.kms.grants.create(key, terms, f"arn:aws:iam::{ACCOUNT}:root")
    house.kms.rotations.on_demand(key)
    blob = house.kms.uses.encrypt(key, b"text", {})
    scheduled = house.kms.keys.schedule_deletion(key, 7)
    assert scheduled.deletion == house.clock.time() + 7 * DAY
    house.clock.advance(7 * DAY - 1)
    assert house.kms.keeper.work(house.clock.time()) == 0
    house.clock.advance(1)
    assert house.kms.keeper.work(house.clock.time()) == 1
    assert house.kms.keeper.work(house.clock.time()) == 0
    assert house.kms.keys.by_id(key.key_id, REGION) is None
    assert house.kms.keys.find(Reference(account_id=ACCOUNT, region=REGION, alias="alias/a")) is None
    assert house.kms.grants.find(grant.grant_id) is None
    # Whoever had read the key before cannot use it either.
    with pytest.raises(InvalidCiphertextException):
        house.kms.uses.decrypt(key, blob, {})
    with pytest.raises(KMSInvalidStateException):
        house.kms.uses.encrypt(key, b"text", {})
    with pytest.raises(NotFoundException):
        house.kms.keys.enable(key)


def test_deleted_key_material_is_overwritten_not_only_forgotten(house: House) -> None:
    key = house.key()
    with house.database.read() as connection:
        sealed = connection.execute(select(materials.c.sealed)).scalar_one()

    def is_there() -> bool:
        with sqlite3.connect(house.folder / "state.db") as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()
        return sealed in (house.folder / "state.db").read_bytes()

    assert is_there()
    house.kms.keys.schedule_deletion(key, 7)
    house.clock.advance(7 * DAY)
    house.kms.keeper.work(house.clock.time())
    house.database.close()
    assert not is_there()


def test_a_deletion_can_be_cancelled_and_leaves_the_key_off(house: House) -> None:
    key = house.key()
    house.kms.rotations.enable(key, 90)
    house.kms.keys.schedule_deletion(key, 30)
    house.kms.keys.cancel_deletion(key)
    house.clock.advance(40 * DAY)
    assert house.kms.keeper.work(house.clock.time()) == 0
    now = house.again(key)
    assert (now.state, now.deletion, now.rotation is not None) == ("Disabled", None, True)


def test_a_key_that_waits_for_its_deletion_is_not_rotated(house: House) -> None:
    key = house.key()
    house.kms.rotations.enable(key, 90)
    house.clock.advance(89 * DAY)
    house.kms.keys.schedule_deletion(key, 30)
    house.clock.advance(2 * DAY)
    assert house.kms.keeper.work(house.clock.time()) == 0
    assert house.again(key).number == 1


def test_what_the_keeper_did_is_told_as_cloudtrail_tells_it(house: House) -> None:
    key = house.key()
    house.kms.keys.schedule_deletion(key, 7)
    house.clock.advance(7 * DAY)
    house.kms.keeper.work(house.clock.time())
    (event,) = house.outbox.pending()
    record = service_event(event).decode()
    for part in (
        '"userIdentity":{"accountId":"123456789012","invokedBy":"AWS Internal"}',
        '"eventSource":"kms.amazonaws.com","eventName":"DeleteKey","awsRegion":"us-east-1"',
        f'"resources":[{{"accountId":"123456789012","type":"AWS::KMS::Key","ARN":"{key.arn}"}}]',
        '"eventType":"AwsServiceEvent"',
        f'"serviceEventDetails":{{"keyId":"{key.key_id}"}}',
    ):
        assert part in record


# crashes


class Crash(Exception):
    """The process dies here."""


def crashing(self: Outbox, connection: object, event: ServiceEvent) -> None:
    raise Crash


@pytest.mark.parametrize("deed", ["rotate", "delete", "on demand"])
def test_there_is_no_deed_without_its_event(house: House, deed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    key = house.key()
    works: Callable[[], object] = lambda: house.kms.keeper.work(house.clock.time())  # noqa: E731
    if deed == "rotate":
        house.kms.rotations.enable(key, 90)
    elif deed == "delete":
        house.kms.keys.schedule_deletion(key, 30)
    else:
        works = lambda: house.kms.rotations.on_demand(key)  # noqa: E731
    house.clock.advance(90 * DAY)
    before = house.again(key)
    with monkeypatch.context() as patched:
        patched.setattr(Outbox, "put", crashing)
        with pytest.raises(Crash):
            works()
    house = house.reopened()
    assert house.again(key) == before
    assert len(house.kms.rotations.materials(key)) == 1
    assert names(house) == []
    assert (house.kms.keeper.work(house.clock.time()), len(names(house))) == ((0, 0) if deed == "on demand" else (1, 1))


def test_one_key_that_cannot_be_rotated_does_not_hold_up_the_others(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = [house.key() for _ in range(3)]
    for key in keys:
        house.kms.rotations.enable(key, 90)
    house.clock.advance(90 * DAY)
    rotate = house.kms.keys.rotate

    def failing(connection: Connection, key: Key, *more: Any) -> None:
        if key.key_id == keys[0].key_id:
            raise Crash
        rotate(connection, key, *more)

    with monkeypatch.context() as patched:
        patched.setattr(house.kms.keys, "rotate", failing)
        with pytest.raises(Crash):
            house.kms.keeper.work(house.clock.time())
    assert sorted(house.again(key).number for key in keys) == [1, 2, 2]
    assert house.kms.keeper.work(house.clock.time()) == 1


def test_two_keepers_do_each_deed_once(house: House) -> None:
    keys = [house.key() for _ in range(6)]
    for key in keys[:3]:
        house.kms.rotations.enable(key, 90)
    for key in keys[3:]:
        house.kms.keys.schedule_deletion(key, 7)
    house.clock.advance(90 * DAY)
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda _: house.kms.keeper.work(house.clock.time()), range(4)))
    assert sum(done) == 6
    assert len(names(house)) == 6
    assert [house.again(key).number for key in keys[:3]] == [2, 2, 2]


# AWS managed keys, states


def test_an_aws_managed_key_is_made_once_and_rotates_every_year(house: House) -> None:
    with ThreadPoolExecutor(4) as pool:
        made = {key.key_id for key in pool.map(lambda _: house.kms.keys.ensure_managed(ACCOUNT, REGION, "s3"), range(4))}
    assert len(made) == 1
    key = house.kms.keys.ensure_managed(ACCOUNT, REGION, "s3")
    assert (key.manager, house.kms.aliases.of(key)) == ("AWS", ("alias/aws/s3",))
    assert house.kms.keys.ensure_managed("444455556666", REGION, "s3").key_id not in made
    house.clock.advance(365 * DAY)
    assert house.kms.keeper.work(house.clock.time()) == 2


def test_keys_that_are_off_or_pending_compute_nothing(house: House) -> None:
    key = house.key()
    blob = house.kms.uses.encrypt(key, b"text", {})
    house.kms.keys.disable(key)
    with pytest.raises(DisabledException, match="is disabled"):
        house.kms.uses.decrypt(house.again(key), blob, {})
    house.kms.keys.schedule_deletion(key, 7)
    with pytest.raises(KMSInvalidStateException, match="is pending deletion"):
        house.kms.uses.decrypt(house.again(key), blob, {})


def test_the_files_of_the_folder_are_for_their_owner(house: House, tmp_path: Path) -> None:
    house.key()
    assert (tmp_path / "keys" / "identity.key").stat().st_mode & 0o077 == 0
