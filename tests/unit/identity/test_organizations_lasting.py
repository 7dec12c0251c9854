"""Organizations outlast the process, show in other processes, and come out in one order when changed at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from opentrail.clock import ManualClock
from opentrail.identity import Identities
from opentrail.identity.identities import FRESHNESS
from opentrail.identity.organizations import Membership
from opentrail.storage.database import Database
from opentrail.storage.outbox import Outbox
from opentrail.wire.faults import Fault

MANAGER = "123456789012"
SCP = "SERVICE_CONTROL_POLICY"
DENY = '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"s3:*","Resource":"*"}]}'


def opened(folder: Path, clock: ManualClock) -> Identities:
    return Identities(Database.at(folder / "state.db"), folder / "keys", clock, account_id=MANAGER)


def governed(identities: Identities) -> tuple[str, str, str]:
    """An organization with service control policies, a unit and an account in it: ids of root, unit and account."""
    organizations = identities.organizations
    root = organizations.create(MANAGER).root_id
    organizations.policies.enable_type(MANAGER, root, SCP)
    unit = organizations.units.create(MANAGER, root, "u", tagged={"k": "v"}).id
    account = organizations.accounts.create(MANAGER, email="a@example.com", name="n", tags={}).account_id
    assert account is not None
    organizations.units.move(MANAGER, account, root, unit)
    return root, unit, account


def test_an_organization_is_there_after_a_restart(tmp_path: Path) -> None:
    clock = ManualClock()
    before = opened(tmp_path, clock)
    _, unit, account = governed(before)
    policy = before.organizations.policies.create(MANAGER, kind=SCP, name="p", description="", content=DENY, tagged={})
    before.organizations.policies.attach(MANAGER, policy.id, unit)
    before.organizations.services.enable(MANAGER, "cloudtrail.amazonaws.com")
    before.organizations.services.register(MANAGER, account, "cloudtrail.amazonaws.com")
    levels, context = before.service_control(account), before.organization_context(account)
    after = opened(tmp_path, clock)
    assert after.service_control(account) == levels
    assert [len(level) for level in levels] == [1, 2, 1]
    assert after.organization_context(account) == context
    assert after.organizations.describe(account) == before.organizations.describe(MANAGER)
    assert after.organizations.is_delegated(account, "cloudtrail.amazonaws.com")
    assert after.organizations.trusts(account, "cloudtrail.amazonaws.com")
    assert after.organizations.tags.list(MANAGER, unit) == {"k": "v"}
    organization = after.organizations.describe(MANAGER)[0]
    assert after.organizations.of(account) == Membership(
        organization_id=organization.id,
        management_account_id=MANAGER,
        feature_set="ALL",
        account_ids=tuple(sorted([MANAGER, account])),
    )


def test_a_change_is_seen_at_once_here_and_soon_in_other_processes(tmp_path: Path) -> None:
    clock = ManualClock()
    here, there = opened(tmp_path, clock), opened(tmp_path, clock)
    root, unit, account = governed(here)
    clock.advance(FRESHNESS)
    assert len(there.service_control(account)) == 3
    generation = there.generation()
    here.organizations.units.move(MANAGER, account, unit, root)
    assert len(here.service_control(account)) == 2
    assert there.generation() > generation
    clock.advance(FRESHNESS)
    assert len(there.service_control(account)) == 2


def test_a_crash_in_the_middle_of_making_an_account_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = ManualClock()
    identities = opened(tmp_path, clock)
    identities.organizations.create(MANAGER)
    outbox = Outbox(Database.at(tmp_path / "state.db"))
    told = len(outbox.pending())
    known = identities.accounts.ids()

    def dies(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("opentrail.identity.organizations.membership.tags.put", dies)
    with pytest.raises(KeyboardInterrupt):
        identities.organizations.accounts.create(MANAGER, email="a@example.com", name="n", tags={})
    monkeypatch.undo()
    assert identities.accounts.ids() == known
    assert len(outbox.pending()) == told
    assert identities.organizations.accounts.create(MANAGER, email="a@example.com", name="n", tags={}).state == "SUCCEEDED"


def test_opentrail_starts_although_its_default_account_is_closed(tmp_path: Path) -> None:
    clock = ManualClock()
    identities = opened(tmp_path, clock)
    other = "210987654321"
    identities.accounts.ensure(other)
    identities.organizations.create(other)
    invitation = identities.organizations.handshakes.invite(other, "ACCOUNT", MANAGER, notes=None, tagged={})
    identities.organizations.handshakes.accept(MANAGER, invitation.id)
    key = identities.ensure_root(MANAGER)
    identities.organizations.accounts.close(other, MANAGER)
    again = opened(tmp_path, clock)
    assert again.ensure_root(MANAGER).access_key_id == key.access_key_id
    assert again.credential(key.access_key_id) is None


def test_changes_made_at_once_come_out_in_one_order(tmp_path: Path) -> None:
    clock = ManualClock()
    identities = opened(tmp_path, clock)
    root, unit, account = governed(identities)
    organizations = identities.organizations
    others = [organizations.units.create(MANAGER, root, f"u{number}", tagged={}).id for number in range(4)]

    def succeeds(number: int) -> bool:
        try:
            organizations.units.move(MANAGER, account, unit, others[number])
        except Fault:
            return False
        return True

    def takes(number: int) -> str:
        return organizations.accounts.create(MANAGER, email="same@example.com", name=str(number), tags={}).state

    with ThreadPoolExecutor(4) as pool:
        moved = list(pool.map(succeeds, range(4)))
        states = list(pool.map(takes, range(4)))
    assert moved.count(True) == 1
    assert organizations.units.parent(MANAGER, account) == others[moved.index(True)]
    assert sorted(states) == ["FAILED", "FAILED", "FAILED", "SUCCEEDED"]
