"""A caller of IAM without HTTP: asks for permission as the endpoint does, calls, and checks the answer against the model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from botocore.loaders import Loader
from botocore.model import ListShape, ServiceModel, Shape, StructureShape

from opentrail.api.call import Call
from opentrail.api.iam import IAM
from opentrail.clock import ManualClock
from opentrail.identity import Identities, Principal
from opentrail.identity.policies import PolicyRequest, denial, evaluate, parsed
from opentrail.storage.database import Database
from opentrail.wire.faults import Fault
from opentrail.wire.http import Request

ACCOUNT = "123456789012"
MODEL = ServiceModel(Loader().load_service_model("iam", "service-2"), "iam")


class Denied(Exception):
    """The endpoint would have answered AccessDenied."""


def conforms(value: Any, shape: Shape | None, path: str = "") -> None:
    """Every key is a member, every required member is there."""
    if isinstance(shape, StructureShape):
        assert set(value) <= set(shape.members), path
        assert set(shape.required_members) <= set(value), path
        for name, member in value.items():
            assert member is not None, f"{path}.{name}"
            conforms(member, shape.members[name], f"{path}.{name}")
    elif isinstance(shape, ListShape):
        for item in value:
            conforms(item, shape.member, path)


class Caller:
    """One principal that calls IAM."""

    def __init__(self, identities: Identities, principal: Principal) -> None:
        self.identities = identities
        self.service = IAM(identities, MODEL)
        self.principal = principal

    def call(self, operation: str, parameters: Mapping[str, Any]) -> Call:
        return Call(
            service="iam",
            operation=operation,
            parameters=parameters,
            caller=self.principal,
            account_id=self.principal.account_id,
            region="us-east-1",
            request_id="r",
            source_ip="127.0.0.1",
            user_agent="",
            time=ManualClock().now(),
            secure=True,
            request=Request(method="POST", path="/"),
        )

    def __call__(self, operation: str, **parameters: Any) -> Any:
        call = self.call(operation, parameters)
        for need in self.service.needs(call):
            request = PolicyRequest(
                principal=self.principal,
                action=need.action,
                resource=need.resource,
                context=need.context,
                resource_account_id=need.resource_account_id,
            )
            resource_policy = parsed(need.resource_policy) if need.resource_policy else None
            decision = evaluate(request, self.identities.policies(self.principal), resource_policy)
            if not decision.allowed:
                raise Denied(denial(request, decision))
        result = self.service.operations[operation](call)
        conforms(result or {}, MODEL.operation_model(operation).output_shape, operation)
        return result

    def refused(self, code: str, operation: str, **parameters: Any) -> str:
        """The message of the fault with which the call is refused."""
        with pytest.raises(Fault) as fault:
            self(operation, **parameters)
        assert fault.value.code == code
        return fault.value.message


@pytest.fixture
def identities(tmp_path: Path) -> Identities:
    return Identities(Database.at(tmp_path / "state.db"), tmp_path / "keys", ManualClock(), account_id=ACCOUNT)


@pytest.fixture
def root(identities: Identities) -> Caller:
    return Caller(identities, identities.root(ACCOUNT))


@pytest.fixture
def user(identities: Identities) -> Callable[..., Caller]:
    """Makes a user with inline statements and calls as that user."""

    def make(name: str, policy: str | None = None) -> Caller:
        identities.users.create(ACCOUNT, name)
        if policy is not None:
            identities.attachments.put_inline(ACCOUNT, "user", name, "own", policy)
        key, _ = identities.access_keys.create(ACCOUNT, name)
        credential = identities.credential(key.access_key_id)
        assert credential is not None
        return Caller(identities, credential.principal)

    return make
