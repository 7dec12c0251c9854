"""Who may have a store federated, when, and with which role."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from opentrail.lake.federation.control import LONGEST_ROLE, Federations
from opentrail.wire.faults import Fault
from simulators.event_data_stores import HOME, MANAGER, StoreWorld

ROLE = f"arn:aws:iam::{MANAGER}:role/lake"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[StoreWorld]:
    made = StoreWorld(tmp_path)
    yield made
    made.close()


def code(call: Any, *args: Any) -> str:
    with pytest.raises(Fault) as raised:
        call(*args)
    assert len(raised.value.message) > 15
    return raised.value.code


def test_the_wish_is_noted_and_no_second_one_beside_it(world: StoreWorld) -> None:
    made, federations = world.create(), Federations(world.stores, lambda *_: True)
    enable, disable = (federations.enable, MANAGER, HOME, made.arn, ROLE), (federations.disable, MANAGER, HOME, made.id)
    assert code(*disable) == "InvalidParameterException"
    on = federations.enable(MANAGER, HOME, made.id, ROLE)
    assert (on.federation_status, on.federation_role_arn) == ("ENABLING", ROLE)
    assert code(*enable) == "EventDataStoreFederationEnabledException"
    world.federated(made)
    assert code(*enable) == "EventDataStoreFederationEnabledException"
    assert federations.disable(MANAGER, HOME, made.id).federation_status == "DISABLING"
    assert code(*enable) == code(*disable) == "ConcurrentModificationException"
    world.federated(made, "DISABLED")
    assert code(*disable) == "InvalidParameterException"
    assert federations.enable(MANAGER, HOME, made.id, ROLE).federation_status == "ENABLING"


def test_a_store_that_is_not_there_or_pending_deletion_is_refused(world: StoreWorld) -> None:
    made, federations = world.create(), Federations(world.stores, lambda *_: True)
    other = made.id[:-1] + ("0" if made.id[-1] != "0" else "1")
    assert code(federations.enable, MANAGER, HOME, other, ROLE) == "EventDataStoreNotFoundException"
    assert code(federations.enable, MANAGER, HOME, "not an id", ROLE) == "EventDataStoreARNInvalidException"
    world.delete(made)
    assert code(federations.enable, MANAGER, HOME, made.id, ROLE) == "InactiveEventDataStoreException"
    assert code(federations.disable, MANAGER, HOME, made.id) == "InactiveEventDataStoreException"


@pytest.mark.parametrize(
    ("role", "trust", "expected"),
    [
        ("lake", True, "InvalidParameterException"),
        (f"arn:aws:iam::{MANAGER}:user/lake", True, "InvalidParameterException"),
        ("arn:aws:iam::999988887777:role/lake", True, "InvalidParameterException"),
        (ROLE + "x" * (LONGEST_ROLE + 1 - len(ROLE)), True, "InvalidParameterException"),
        (ROLE, None, "InvalidParameterException"),
        (ROLE, False, "AccessDeniedException"),
    ],
)
def test_the_role_is_one_of_the_account_that_lake_formation_may_assume(
    world: StoreWorld, role: str, trust: bool | None, expected: str
) -> None:
    asked: list[tuple[str, ...]] = []

    def trusts(*given: str) -> bool | None:
        asked.append(given)
        return trust

    made = world.create()
    assert code(Federations(world.stores, trusts).enable, MANAGER, HOME, made.id, role) == expected
    assert world.again(made).federation_status is None
    assert asked in ([], [(MANAGER, ROLE, "lakeformation.amazonaws.com", made.arn)])


def test_the_longest_role_is_taken(world: StoreWorld) -> None:
    made = world.create()
    role = ROLE + "x" * (LONGEST_ROLE - len(ROLE))
    assert Federations(world.stores, lambda *_: True).enable(MANAGER, HOME, made.id, role).federation_role_arn == role
