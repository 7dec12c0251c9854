from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from simulators.event_callers import EventCaller, EventHouse
from simulators.kms import ACCOUNT
from simulators.topics import OTHER


@pytest.fixture
def house(tmp_path: Path) -> EventHouse:
    made = EventHouse(tmp_path)
    made.identities.accounts.ensure(OTHER)
    return made


@pytest.fixture
def root(house: EventHouse) -> EventCaller:
    return EventCaller(house, house.identities.root(ACCOUNT))


@pytest.fixture
def stranger(house: EventHouse) -> EventCaller:
    """The root user of another account."""
    return EventCaller(house, house.identities.root(OTHER))


@pytest.fixture
def user(house: EventHouse) -> Callable[..., EventCaller]:
    """Makes a user that may do the actions with every resource, or with one."""

    def make(name: str, *actions: str, resource: str = "*", **more: Any) -> EventCaller:
        house.identities.users.create(ACCOUNT, name)
        if actions:
            statement = {"Effect": "Allow", "Action": list(actions), "Resource": resource, **more}
            document = {"Version": "2012-10-17", "Statement": [statement]}
            house.identities.attachments.put_inline(ACCOUNT, "user", name, "own", json.dumps(document))
        key, _ = house.identities.access_keys.create(ACCOUNT, name)
        credential = house.identities.credential(key.access_key_id)
        assert credential is not None
        return EventCaller(house, credential.principal)

    return make
