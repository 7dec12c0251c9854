from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from opentrail.clock import ManualClock
from simulators.kms import ACCOUNT, House
from simulators.kms_callers import OTHER, Caller


@pytest.fixture
def house(tmp_path: Path) -> House:
    made = House(tmp_path, ManualClock())
    made.identities.accounts.ensure(OTHER)
    return made


@pytest.fixture
def root(house: House) -> Caller:
    return Caller(house, house.identities.root(ACCOUNT))


@pytest.fixture
def stranger(house: House) -> Caller:
    """The root user of another account."""
    return Caller(house, house.identities.root(OTHER))


@pytest.fixture
def user(house: House) -> Callable[..., Caller]:
    """Makes a user that may do the actions with every resource."""

    def make(name: str, *actions: str, account: str = ACCOUNT, **more: Any) -> Caller:
        house.identities.users.create(account, name)
        if actions:
            statement = {"Effect": "Allow", "Action": list(actions), "Resource": "*", **more}
            document = {"Version": "2012-10-17", "Statement": [statement]}
            house.identities.attachments.put_inline(account, "user", name, "own", json.dumps(document))
        key, _ = house.identities.access_keys.create(account, name)
        credential = house.identities.credential(key.access_key_id)
        assert credential is not None
        return Caller(house, credential.principal)

    return make
