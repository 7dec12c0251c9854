"""Identities of two accounts, and callers of STS."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from opentrail.clock import ManualClock
from opentrail.identity import Identities
from opentrail.storage.database import Database
from simulators.sts import ACCOUNT, OTHER, Caller


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def identities(tmp_path: Path, clock: ManualClock) -> Identities:
    found = Identities(Database.at(tmp_path / "state.db"), tmp_path / "keys", clock, account_id=ACCOUNT)
    found.accounts.ensure(OTHER)
    return found


@pytest.fixture
def user(identities: Identities, clock: ManualClock) -> Callable[..., Caller]:
    def make(name: str = "alice", policy: str | None = None, account: str = ACCOUNT) -> Caller:
        identities.users.create(account, name)
        if policy is not None:
            identities.attachments.put_inline(account, "user", name, "own", policy)
        key, _ = identities.access_keys.create(account, name)
        credential = identities.credential(key.access_key_id)
        assert credential is not None
        return Caller(identities, credential.principal, clock)

    return make


@pytest.fixture
def root(identities: Identities, clock: ManualClock) -> Caller:
    return Caller(identities, identities.root(ACCOUNT), clock)
