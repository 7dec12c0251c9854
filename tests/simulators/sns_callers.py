"""Callers of SNS without HTTP: asked for permission as the endpoint does, answers checked against the model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel

from opentrail.api.authorisation import Authorisation
from opentrail.api.call import Answer, Call
from opentrail.api.sns import SNS
from opentrail.clock import ManualClock
from opentrail.identity import Principal
from opentrail.wire.faults import Fault
from opentrail.wire.http import Request
from simulators.kms import REGION, House
from simulators.kms_callers import conforms
from simulators.topics import TopicHouse

MODEL = ServiceModel(Loader().load_service_model("sns", "service-2"), "sns")


class SnsHouse:
    """One data folder with identities, KMS and topics."""

    def __init__(self, folder: Path) -> None:
        clock = ManualClock()
        self.keys = House(folder, clock)
        self.identities = self.keys.identities
        self.topics = TopicHouse(folder, clock)
        self.service = SNS(self.topics.messages, MODEL, keys=self.keys.kms.service_keys)


class SnsCaller:
    """One principal that calls SNS: `caller("Publish", TopicArn=…)` is the result, `caller.refused(code, …)` the message of the fault."""

    def __init__(self, house: SnsHouse, principal: Principal, region: str = REGION) -> None:
        self.house = house
        self.principal = principal
        self.region = region

    def there(self, region: str) -> SnsCaller:
        """The same in another Region."""
        return SnsCaller(self.house, self.principal, region)

    def __call__(self, operation: str, **parameters: Any) -> dict[str, Any]:
        call = Call(
            service="sns",
            operation=operation,
            parameters=parameters,
            caller=self.principal,
            account_id=self.principal.account_id,
            region=self.region,
            request_id="r",
            source_ip="127.0.0.1",
            user_agent="",
            time=self.house.topics.clock.now(),
            secure=True,
            request=Request(method="POST", path="/"),
        )
        service = self.house.service
        Authorisation(identities=self.house.identities).check(call, service.needs(call), protocol="query")
        found: Any = service.operations[operation](call)
        answer = found if isinstance(found, Answer) else Answer(result=found or {})
        result: Mapping[str, Any] = answer.result
        conforms(result, MODEL.operation_model(operation).output_shape, operation)
        return dict(result)

    def refused(self, code: str, operation: str, **parameters: Any) -> str:
        with pytest.raises(Fault) as fault:
            self(operation, **parameters)
        assert fault.value.code == code, fault.value
        return fault.value.message

    def topic(self, name: str = "news", **more: Any) -> str:
        """A new topic; its ARN."""
        return str(self("CreateTopic", Name=name, **more)["TopicArn"])
