"""Callers of STS without HTTP: who proves what, permission as the endpoint asks for it, the call, and the model's opinion of the answer."""

from __future__ import annotations

import asyncio
import inspect
import json
from dataclasses import replace
from typing import Any

import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel, Shape, StructureShape

from opentrail.api.call import Call
from opentrail.api.sts import STS
from opentrail.clock import Clock
from opentrail.identity import Identities, Principal
from opentrail.identity.issuers import Issuers
from opentrail.identity.policies import PolicyRequest, evaluate, parsed
from opentrail.wire.faults import Fault
from opentrail.wire.http import Request

ACCOUNT, OTHER = "123456789012", "999999999999"
MODEL = ServiceModel(Loader().load_service_model("sts", "service-2"), "sts")
DEPLOY = f"arn:aws:iam::{ACCOUNT}:role/team/deploy"


class Denied(Exception):
    """The endpoint would have answered AccessDenied."""


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action: Any, resource: Any = "*", **more: Any) -> str:
    return document({"Effect": "Allow", "Action": action, "Resource": resource, **more})


def trust(principal: Any, action: Any = "sts:AssumeRole", **more: Any) -> str:
    return document({"Effect": "Allow", "Principal": principal, "Action": action, **more})


def nowhere(url: str) -> bytes:
    """No network."""
    raise ConnectionRefusedError(f"nobody listens at {url}")


def conforms(value: Any, shape: Shape | None) -> None:
    if isinstance(shape, StructureShape):
        assert set(value) <= set(shape.members)
        assert set(shape.required_members) <= set(value)
        for name, member in value.items():
            conforms(member, shape.members[name])


class Caller:
    """Calls STS as somebody."""

    def __init__(self, identities: Identities, principal: Principal, clock: Clock, issuers: Issuers | None = None) -> None:
        self.identities = identities
        self.principal = principal
        self.clock = clock
        self.service: Any = STS(identities, MODEL, issuers or Issuers(nowhere, clock))

    def __call__(self, operation: str, **parameters: Any) -> Any:
        call = Call(
            service="sts",
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
        identify = self.service.identify.get(("sts", operation))
        if identify is not None:
            call = replace(call, caller=identify(call))
        self.identified = call.caller
        for need in self.service.needs(call):
            request = PolicyRequest(
                principal=call.caller,
                action=need.action,
                resource=need.resource,
                context={"aws:EpochTime": (str(int(self.clock.time())),), **need.context},
                resource_account_id=need.resource_account_id,
            )
            resource_policy = parsed(need.resource_policy) if need.resource_policy else None
            if not evaluate(request, self.identities.policies(call.caller), resource_policy).allowed:
                raise Denied(need.action)
        result: Any = self.service.operations[operation](call)
        if inspect.isawaitable(result):
            result = asyncio.run(_awaited(result))
        conforms(result, MODEL.operation_model(operation).output_shape)
        return result

    def refused(self, code: str, operation: str, **parameters: Any) -> str:
        with pytest.raises(Fault) as fault:
            self(operation, **parameters)
        assert fault.value.code == code
        return fault.value.message

    def becomes(self, operation: str, **parameters: Any) -> Caller:
        """The holder of the credentials that a call gives."""
        given = self(operation, **parameters)["Credentials"]
        credential = self.identities.credential(given["AccessKeyId"])
        assert credential is not None
        assert (credential.secret_access_key, credential.session_token) == (given["SecretAccessKey"], given["SessionToken"])
        assert credential.expires == given["Expiration"].timestamp()
        return Caller(self.identities, credential.principal, self.clock)

    def assume(self, name: str = "ci", **parameters: Any) -> Caller:
        return self.becomes("AssumeRole", **{"RoleArn": DEPLOY, "RoleSessionName": name, **parameters})

    def may(self, action: str, **context: Any) -> bool:
        request = PolicyRequest(principal=self.principal, action=action, resource="arn:aws:s3:::b/k", context=context)
        return evaluate(request, self.identities.policies(self.principal)).allowed

    def blind(self) -> Caller:
        """The same caller, whose permission was given before: what comes now meets the handler alone."""
        given = self.service
        self.service = type("Blind", (), {"needs": lambda _self, _call: (), "operations": given.operations, "identify": given.identify})()
        return self


async def _awaited(result: Any) -> Any:
    return await result
