"""Whatever is done in whatever order: every account has one parent, levels follow the tree, nothing hangs on what is gone."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from sqlalchemy import select

from opentrail.clock import ManualClock
from opentrail.identity import Identities
from opentrail.identity.organizations import store
from opentrail.identity.organizations.policies import MAX_ATTACHED
from opentrail.identity.policies import PolicyRequest, evaluate
from opentrail.storage.database import Database
from opentrail.storage.outbox import Outbox
from opentrail.wire.faults import Fault

MANAGER = "123456789012"
SCP = "SERVICE_CONTROL_POLICY"
ACTIONS = ("s3:GetObject", "ec2:RunInstances", "kms:Decrypt")


def deny(action: str) -> str:
    return f'{{"Version":"2012-10-17","Statement":[{{"Effect":"Deny","Action":"{action}","Resource":"*"}}]}}'


class OrganizationMachine(RuleBasedStateMachine):
    """A model in plain dictionaries beside the real thing; what the model forbids must be refused, what it allows must work."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        path = Path(self.folder.name)
        self.clock = ManualClock()
        self.database = Database.at(path / "state.db")
        self.identities = Identities(self.database, path / "keys", self.clock, account_id=MANAGER, outbox=Outbox(self.database))
        self.organizations = self.identities.organizations
        self.parents: dict[str, str] = {}
        self.units: dict[str, tuple[str, str]] = {}
        self.policies: dict[str, str] = {}
        self.attached: dict[str, set[str]] = {}
        self.enabled = False
        self.outside: list[str] = []
        self.number = 0

    def teardown(self) -> None:
        self.database.close()
        self.folder.cleanup()

    @initialize()
    def found(self) -> None:
        made = self.organizations.create(MANAGER)
        self.root = made.root_id
        self.parents[MANAGER] = self.root
        self.start(self.root)
        self.start(MANAGER)

    def pick(self, data: Any, among: Iterable[str]) -> str:
        # By place: the ids themselves are other ones each time.
        known = list(among)
        return known[data.draw(st.integers(0, len(known) - 1))]

    def containers(self) -> list[str]:
        return [self.root, *self.units]

    def chain(self, container: str) -> list[str]:
        above = [container]
        while above[-1] != self.root:
            above.append(self.units[above[-1]][0])
        return above[::-1]

    def start(self, target: str) -> None:
        self.attached[target] = {"p-FullAWSAccess"}

    def tried(self, call: Any, *, allowed: bool) -> Any:
        try:
            found = call()
        except Fault:
            assert not allowed
            return None
        assert allowed
        return found

    @rule()
    def make_account(self) -> None:
        self.number += 1
        request = self.organizations.accounts.create(MANAGER, email=f"a{self.number}@example.com", name="n", tags={})
        assert request.account_id is not None
        self.parents[request.account_id] = self.root
        self.start(request.account_id)

    @rule(data=st.data(), name=st.sampled_from("abc"))
    def make_unit(self, data: Any, name: str) -> None:
        parent = self.pick(data, self.containers())
        allowed = len(self.chain(parent)) <= 5 and (parent, name) not in self.units.values()
        made = self.tried(lambda: self.organizations.units.create(MANAGER, parent, name, tagged={}), allowed=allowed)
        if made is not None:
            self.units[made.id] = (parent, name)
            self.start(made.id)

    @rule(data=st.data())
    def delete_unit(self, data: Any) -> None:
        if self.units:
            unit = self.pick(data, self.units)
            empty = unit not in self.parents.values() and unit not in {parent for parent, _ in self.units.values()}
            self.tried(lambda: self.organizations.units.delete(MANAGER, unit), allowed=empty)
            if empty:
                del self.units[unit], self.attached[unit]

    @rule(data=st.data())
    def move(self, data: Any) -> None:
        account = self.pick(data, self.parents)
        source, destination = self.pick(data, self.containers()), self.pick(data, self.containers())
        allowed = self.parents[account] == source != destination
        self.tried(lambda: self.organizations.units.move(MANAGER, account, source, destination), allowed=allowed)
        if allowed:
            self.parents[account] = destination

    @rule(data=st.data(), leaving=st.booleans())
    def depart(self, data: Any, leaving: bool) -> None:
        account = self.pick(data, self.parents)
        accounts = self.organizations.accounts
        going = (lambda: accounts.leave(account)) if leaving else (lambda: accounts.remove(MANAGER, account))
        self.tried(going, allowed=account != MANAGER)
        if account != MANAGER:
            del self.parents[account], self.attached[account]
            self.outside.append(account)

    @rule(data=st.data())
    def come_back(self, data: Any) -> None:
        if self.outside:
            account = self.pick(data, self.outside)
            made = self.organizations.handshakes.invite(MANAGER, "ACCOUNT", account, notes=None, tagged={})
            self.organizations.handshakes.accept(account, made.id)
            self.outside.remove(account)
            self.parents[account] = self.root
            self.start(account)

    @rule()
    def switch(self) -> None:
        policies = self.organizations.policies
        (policies.disable_type if self.enabled else policies.enable_type)(MANAGER, self.root, SCP)
        self.enabled = not self.enabled
        for target in self.attached:
            if not self.enabled:
                self.start(target)

    @rule(action=st.sampled_from(ACTIONS))
    def make_policy(self, action: str) -> None:
        self.number += 1
        made = self.organizations.policies.create(
            MANAGER, kind=SCP, name=f"p{self.number}", description="", content=deny(action), tagged={}
        )
        self.policies[made.id] = action

    @rule(data=st.data())
    def attach(self, data: Any) -> None:
        target, policy = self.pick(data, self.attached), self.pick(data, ["p-FullAWSAccess", *self.policies])
        present = self.attached[target]
        allowed = self.enabled and policy not in present and len(present) < MAX_ATTACHED
        self.tried(lambda: self.organizations.policies.attach(MANAGER, policy, target), allowed=allowed)
        if allowed:
            present.add(policy)

    @rule(data=st.data())
    def detach(self, data: Any) -> None:
        target, policy = self.pick(data, self.attached), self.pick(data, ["p-FullAWSAccess", *self.policies])
        present = self.attached[target]
        allowed = self.enabled and policy in present and len(present) > 1
        self.tried(lambda: self.organizations.policies.detach(MANAGER, policy, target), allowed=allowed)
        if allowed:
            present.remove(policy)

    @rule(data=st.data())
    def delete_policy(self, data: Any) -> None:
        if self.policies:
            policy = self.pick(data, self.policies)
            free = not any(policy in present for present in self.attached.values())
            self.tried(lambda: self.organizations.policies.delete(MANAGER, policy), allowed=free)
            if free:
                del self.policies[policy]

    @invariant()
    def every_account_is_where_the_model_has_it(self) -> None:
        membership = self.organizations.of(MANAGER)
        assert membership is not None
        assert set(membership.account_ids) == set(self.parents)
        for account, parent in self.parents.items():
            place = self.organizations.place(account)
            assert place is not None
            assert place.path == "/".join([membership.organization_id, *self.chain(parent)]) + "/"
        for account in self.outside:
            assert self.organizations.of(account) is None
            assert self.identities.service_control(account) == ()

    @invariant()
    def policies_are_in_force_as_the_model_has_it(self) -> None:
        for account, parent in self.parents.items():
            levels = [self.attached[target] for target in [*self.chain(parent), account]]
            bound = self.enabled and account != MANAGER
            for action in ACTIONS:
                denied = any(self.policies.get(policy) == action for level in levels for policy in level)
                allowed = not bound or (not denied and all("p-FullAWSAccess" in level for level in levels))
                request = PolicyRequest(principal=self.identities.root(account), action=action, resource="*")
                assert evaluate(request, service_control=self.identities.service_control(account)).allowed == allowed

    @invariant()
    def nothing_hangs_on_what_is_gone(self) -> None:
        with self.database.read() as connection:
            rows = connection.execute(select(store.attachments.c.target_id, store.attachments.c.policy_id)).all()
        assert {(row.target_id, row.policy_id) for row in rows} == {
            (target, policy) for target, present in self.attached.items() for policy in present
        }


TestOrganizations = OrganizationMachine.TestCase
TestOrganizations.settings = settings(
    max_examples=12, stateful_step_count=30, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)
