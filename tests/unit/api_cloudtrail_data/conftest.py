"""An application that puts events, and users with policies."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from opentrail.identity.credentials import Credential
from simulators.audit_events import PuttingApplication
from simulators.front_door import ACCOUNT


@pytest.fixture
def application(tmp_path: Path) -> Iterator[PuttingApplication]:
    made = PuttingApplication(tmp_path)
    yield made
    made.door.close()
    made.ground.close()


@pytest.fixture
def user(application: PuttingApplication) -> Callable[..., Credential]:
    """Makes a user with the given policy and gives its access key."""

    def make(policy: str | None = None, account: str = ACCOUNT) -> Credential:
        identities = application.door.identities
        identities.accounts.ensure(account)
        identities.users.create(account, "app")
        if policy is not None:
            identities.attachments.put_inline(account, "user", "app", "own", policy)
        key, _ = identities.access_keys.create(account, "app")
        credential = identities.credential(key.access_key_id)
        assert credential is not None
        return credential

    return make
