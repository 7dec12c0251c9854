"""Callers of Organizations without HTTP: permission as the endpoint asks for it, the call, and the answer checked against the model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from botocore.loaders import Loader
from botocore.model import ListShape, ServiceModel, Shape, StringShape, StructureShape

from opentrail.api.authorisation import Authorisation
from opentrail.api.call import Call
from opentrail.api.organizations import OrganizationsService
from opentrail.api.organizations.validation import _compiled
from opentrail.clock import ManualClock
from opentrail.identity import Identities, Principal
from opentrail.storage.database import Database
from opentrail.storage.outbox import Outbox
from opentrail.wire.faults import Fault
from opentrail.wire.http import Request

ACCOUNT = "123456789012"
MODEL = ServiceModel(Loader().load_service_model("organizations", "service-2"), "organizations")


def conforms(value: Any, shape: Shape | None, path: str = "") -> None:
    """Members, enumerations and patterns are those of the model."""
    if isinstance(shape, StructureShape):
        assert set(value) <= set(shape.members), path
        for name, member in value.items():
            assert member is not None, f"{path}.{name}"
            conforms(member, shape.members[name], f"{path}.{name}")
    elif isinstance(shape, ListShape):
        for item in value:
            conforms(item, shape.member, path)
    elif isinstance(shape, StringShape):
        assert not shape.enum or value in shape.enum, path
        pattern = shape.metadata.get("pattern")
        assert not pattern or _compiled(pattern).fullmatch(value), f"{path}: {value} {pattern}"


class Caller:
    """One principal that calls Organizations."""

    def __init__(self, identities: Identities, clock: ManualClock, principal: Principal) -> None:
        self.identities = identities
        self.clock = clock
        self.principal = principal
        self.service = OrganizationsService(identities.organizations, MODEL)
        self.authorisation = Authorisation(identities=identities)

    @property
    def id(self) -> str:
        return self.principal.account_id

    def call(self, operation: str, parameters: Mapping[str, Any]) -> Call:
        return Call(
            service="organizations",
            operation=operation,
            parameters=parameters,
            caller=self.principal,
            account_id=self.principal.account_id,
            region="us-east-1",
            request_id="r",
            source_ip="127.0.0.1",
            user_agent="",
            time=self.clock.now(),
            secure=True,
            request=Request(method="POST", path="/"),
        )

    def __call__(self, operation: str, **parameters: Any) -> Any:
        call = self.call(operation, parameters)
        self.authorisation.check(call, self.service.needs(call), protocol="json")
        result = self.service.operations[operation](call)
        conforms(result or {}, MODEL.operation_model(operation).output_shape, operation)
        return result

    def all(self, operation: str, member: str, **parameters: Any) -> list[Any]:
        """Every item of a list, page by page."""
        found: list[Any] = []
        token: dict[str, str] = {}
        while True:
            page = self(operation, **parameters, **token)
            found += page[member]
            if "NextToken" not in page:
                return found
            token = {"NextToken": page["NextToken"]}

    def refused(self, code: str, operation: str, reason: str | None = None, **parameters: Any) -> str:
        """The message of the fault with which the call is refused; a fault that the model knows for the operation."""
        with pytest.raises(Fault) as fault:
            self(operation, **parameters)
        assert fault.value.code == code, fault.value
        assert fault.value.members.get("Reason") == reason
        shape = next(shape for shape in MODEL.operation_model(operation).error_shapes if shape.name == code)
        if reason is not None:
            assert reason in shape.members["Reason"].enum
        return fault.value.message

    def root_id(self) -> str:
        return str(self("ListRoots")["Roots"][0]["Id"])

    def unit(self, name: str, parent: str | None = None) -> str:
        return str(self("CreateOrganizationalUnit", ParentId=parent or self.root_id(), Name=name)["OrganizationalUnit"]["Id"])

    def account(self, name: str) -> str:
        return str(self("CreateAccount", Email=f"{name}@example.com", AccountName=name)["CreateAccountStatus"]["AccountId"])

    def policy(self, name: str, content: str) -> str:
        made = self("CreatePolicy", Name=name, Description="", Type="SERVICE_CONTROL_POLICY", Content=content)
        return str(made["Policy"]["PolicySummary"]["Id"])


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return Database.at(tmp_path / "state.db")


@pytest.fixture
def outbox(database: Database) -> Outbox:
    return Outbox(database)


@pytest.fixture
def identities(tmp_path: Path, database: Database, outbox: Outbox, clock: ManualClock) -> Identities:
    return Identities(database, tmp_path / "keys", clock, account_id=ACCOUNT, outbox=outbox)


@pytest.fixture
def root_of(identities: Identities, clock: ManualClock) -> Callable[[str], Caller]:
    """The root user of any account."""

    def make(account_id: str) -> Caller:
        identities.accounts.ensure(account_id)
        return Caller(identities, clock, identities.root(account_id))

    return make


@pytest.fixture
def alone(root_of: Callable[[str], Caller]) -> Caller:
    """The root user of an account outside of organizations."""
    return root_of(ACCOUNT)


@pytest.fixture
def manager(alone: Caller) -> Caller:
    """The root user of the management account of an organization with all features."""
    alone("CreateOrganization")
    return alone


@pytest.fixture
def governed(manager: Caller) -> Caller:
    """The same, with service control policies enabled."""
    manager("EnablePolicyType", RootId=manager.root_id(), PolicyType="SERVICE_CONTROL_POLICY")
    return manager
