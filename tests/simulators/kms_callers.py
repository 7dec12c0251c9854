"""Callers of KMS without HTTP: asked for permission as the endpoint does, answers checked against the model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from botocore.loaders import Loader
from botocore.model import ListShape, ServiceModel, Shape, StructureShape

from opentrail.api.authorisation import Authorisation
from opentrail.api.call import Answer, Call
from opentrail.api.kms import KMS
from opentrail.identity import Principal
from opentrail.wire.faults import Fault
from opentrail.wire.http import Request
from simulators.kms import REGION, House

OTHER = "444455556666"
MODEL = ServiceModel(Loader().load_service_model("kms", "service-2"), "kms")


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
    """One principal that calls KMS: `caller("Encrypt", KeyId=…)` is the result, `caller.refused(code, …)` the message of the fault."""

    def __init__(self, house: House, principal: Principal, region: str = REGION) -> None:
        self.house = house
        self.principal = principal
        self.region = region
        self.service = KMS(house.kms, MODEL)
        self.authorisation = Authorisation(identities=house.identities)
        self.recorded: Mapping[str, Any] = {}

    def there(self, region: str) -> Caller:
        """The same in another Region."""
        return Caller(self.house, self.principal, region)

    def __call__(self, operation: str, **parameters: Any) -> dict[str, Any]:
        call = Call(
            service="kms",
            operation=operation,
            parameters=parameters,
            caller=self.principal,
            account_id=self.principal.account_id,
            region=self.region,
            request_id="r",
            source_ip="127.0.0.1",
            user_agent="",
            time=self.house.clock.now(),
            secure=True,
            request=Request(method="POST", path="/"),
        )
        self.authorisation.check(call, self.service.needs(call), protocol="json")
        found: Any = self.service.operations[operation](call)
        answer = found if isinstance(found, Answer) else Answer(result=found or {})
        self.recorded = answer.recorded
        conforms(answer.result, MODEL.operation_model(operation).output_shape, operation)
        return dict(answer.result)

    def refused(self, code: str, operation: str, **parameters: Any) -> str:
        with pytest.raises(Fault) as fault:
            self(operation, **parameters)
        assert fault.value.code == code, fault.value
        return fault.value.message

    def key(self, **parameters: Any) -> str:
        """A new key; its ARN."""
        return str(self("CreateKey", **parameters)["KeyMetadata"]["Arn"])
