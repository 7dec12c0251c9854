"""Callers of EventBridge without HTTP: asked for permission as the endpoint does, answers checked against the model."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel

from opentrail.api.authorisation import Authorisation
from opentrail.api.call import Answer, Call
from opentrail.api.eventbridge import EventBridge
from opentrail.clock import ManualClock
from opentrail.identity import Principal
from opentrail.identity.vault import Vault
from opentrail.rules import rows
from opentrail.rules.control import EventBuses
from opentrail.rules.values import BusEvent
from opentrail.storage.database import Database
from opentrail.wire.faults import Fault
from opentrail.wire.http import Request
from simulators.kms import ACCOUNT, REGION, House
from simulators.kms_callers import conforms

MODEL = ServiceModel(Loader().load_service_model("events", "service-2"), "events")
PATTERN = '{"source":["app"]}'
ARN = f"arn:aws:events:{REGION}:{ACCOUNT}"
QUEUE = f"arn:aws:sqs:{REGION}:{ACCOUNT}:inbox"
TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:news"


class EventHouse:
    """One data folder with identities and event buses."""

    def __init__(self, folder: Path) -> None:
        self.clock = ManualClock()
        self.identities = House(folder, self.clock).identities
        self.head = 0
        """Newest position of a journal that nobody needs here."""
        self.database = Database.at(folder / "rules.db")
        self.vault = Vault.open(folder / "event-keys")
        self.buses = EventBuses(self.database, self.clock, vault=self.vault, identities=self.identities, head=lambda: self.head)
        self.service = EventBridge(self.buses, MODEL, check=partial(Authorisation(identities=self.identities).check, protocol="json"))

    def role(self, name: str = "r", *, service: str = "events.amazonaws.com", condition: Mapping[str, Any] | None = None) -> str:
        """A new role that the service may assume; its ARN."""
        statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole", "Condition": condition or {}}
        trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        return self.identities.roles.create(ACCOUNT, name, trust).arn

    def events(self, after: int = 0) -> list[BusEvent]:
        """What the buses have taken."""
        with self.buses.store.read() as connection:
            return rows.events_after(connection, after, 1000)


class EventCaller:
    """One principal that calls EventBridge: `caller("PutRule", Name=…)` is the result, `caller.refused(code, …)` the fault's message."""

    def __init__(self, house: EventHouse, principal: Principal, region: str = REGION) -> None:
        self.house = house
        self.principal = principal
        self.region = region

    def there(self, region: str) -> EventCaller:
        """The same in another Region."""
        return EventCaller(self.house, self.principal, region)

    def __call__(self, operation: str, **parameters: Any) -> dict[str, Any]:
        call = Call(
            service="events",
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
        service = self.house.service
        Authorisation(identities=self.house.identities).check(call, service.needs(call), protocol="json")
        found: Any = service.operations[operation](call)
        answer = found if isinstance(found, Answer) else Answer(result=found or {})
        result: Mapping[str, Any] = answer.result
        shape = MODEL.operation_model(operation).output_shape
        if shape is not None:
            conforms(result, shape, operation)
        return dict(result)

    def refused(self, code: str, operation: str, **parameters: Any) -> str:
        with pytest.raises(Fault) as fault:
            self(operation, **parameters)
        assert fault.value.code == code, fault.value
        return fault.value.message

    def rule(self, name: str = "watch", **more: Any) -> str:
        """A new rule; its ARN."""
        return str(self("PutRule", Name=name, **({"EventPattern": PATTERN} | more))["RuleArn"])

    def target(self, rule: str = "watch", **more: Any) -> None:
        """Give a rule a target, `q` unless told otherwise."""
        self("PutTargets", Rule=rule, Targets=[{"Id": "q", "Arn": QUEUE, **more}])

    def put(self, *entries: Mapping[str, Any]) -> list[dict[str, Any]]:
        """PutEvents; what is said of each entry."""
        result = self("PutEvents", Entries=[{"Source": "app", "DetailType": "t", "Detail": "{}", **entry} for entry in entries])
        assert result["FailedEntryCount"] == sum("ErrorCode" in entry for entry in result["Entries"])
        found: list[dict[str, Any]] = result["Entries"]
        return found
