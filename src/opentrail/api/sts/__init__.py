"""STS: who am I, and temporary credentials. One module per way of getting credentials; this one puts them together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from botocore.model import ServiceModel

from opentrail.api.call import Call, Handler, Need, Result
from opentrail.api.iam.validation import check
from opentrail.api.sts.assume_role import AssumeRole
from opentrail.api.sts.callers import Callers
from opentrail.api.sts.saml import AssumeRoleWithSAML
from opentrail.api.sts.user_tokens import UserTokens
from opentrail.api.sts.web_identity import AssumeRoleWithWebIdentity
from opentrail.identity import Identities, Principal
from opentrail.identity.issuers import Issuers

Operation = Callable[[Call], Result]


class _Way(Protocol):
    """One way of getting credentials."""

    operations: Mapping[str, Operation]

    def needs(self, call: Call) -> Sequence[Need]:
        """The permissions that `call` takes."""


class STS:
    """The service `sts`, as `api.call.Service` asks for.

    Callers of the operations in `identify` have no keys: these functions name them by the token or assertion that they bring. The
    endpoint must be given them.
    """

    name = "sts"

    def __init__(self, identities: Identities, model: ServiceModel, issuers: Issuers) -> None:
        """`model` is botocore's model of STS, whose constraints requests must satisfy; `issuers` knows the keys of identity providers."""
        self._model = model
        callers = Callers()
        web, saml = AssumeRoleWithWebIdentity(identities, issuers), AssumeRoleWithSAML(identities)
        ways: Sequence[_Way] = (callers, AssumeRole(identities), UserTokens(identities), web, saml)
        self._ways = {name: way for way in ways for name in way.operations}
        checked = {name: self._checked(name, operation) for way in ways for name, operation in way.operations.items()}
        # The most frequent call touches nothing but the call, so it runs where it is.
        self.operations: Mapping[str, Handler] = {**checked, "GetCallerIdentity": callers.get_caller_identity}
        self.identify: Mapping[tuple[str, str], Callable[[Call], Principal]] = {
            ("sts", "AssumeRoleWithWebIdentity"): self._checked_first(web.identify),
            ("sts", "AssumeRoleWithSAML"): self._checked_first(saml.identify),
        }

    def needs(self, call: Call) -> Sequence[Need]:
        """The permissions that `call` takes; the trust policy of a role goes along where one is assumed."""
        way = self._ways.get(call.operation)
        return () if way is None else way.needs(call)

    def _checked(self, name: str, operation: Operation) -> Operation:
        def handle(call: Call) -> Result:
            check(call.parameters, self._model.operation_model(name).input_shape)
            return operation(call)

        return handle

    def _checked_first(self, identify: Callable[[Call], Principal]) -> Callable[[Call], Principal]:
        def named(call: Call) -> Principal:
            check(call.parameters, self._model.operation_model(call.operation).input_shape)
            return identify(call)

        return named
