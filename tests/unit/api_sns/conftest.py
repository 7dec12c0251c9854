from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from simulators.kms import ACCOUNT
from simulators.sns_callers import SnsCaller, SnsHouse
from simulators.topics import OTHER


@pytest.fixture
def house(tmp_path: Path) -> SnsHouse:
    made = SnsHouse(tmp_path)
    made.identities.accounts.ensure(OTHER)
    return made


@pytest.fixture
def root(house: SnsHouse) -> SnsCaller:
    return SnsCaller(house, house.identities.root(ACCOUNT))


@pytest.fixture
def stranger(house: SnsHouse) -> SnsCaller:
    """The root user of another account."""
    return SnsCaller(house, house.identities.root(OTHER))


@pytest.fixture
def user(house: SnsHouse) -> Callable[..., SnsCaller]:
    """Makes a user that may do the actions with every resource."""

    def make(name: str, *actions: str, resource: str = "*", **more: Any) -> SnsCaller:
        house.identities.users.create(ACCOUNT, name)
        if actions:
            statement = {"Effect": "Allow", "Action": list(actions), "Resource": resource, **more}
            document = {"Version": "2012-10-17", "Statement": [statement]}
            house.identities.attachments.put_inline(ACCOUNT, "user", name, "own", json.dumps(document))
        key, _ = house.identities.access_keys.create(ACCOUNT, name)
        credential = house.identities.credential(key.access_key_id)
        assert credential is not None
        return SnsCaller(house, credential.principal)

    return make
