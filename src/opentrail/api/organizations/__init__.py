"""AWS Organizations: the service `organizations`. One module per subject; this one puts them together.

It is a global service (signed for us-east-1). What only the management account may do, and what members may, is decided in
`identity/organizations`, inside the transaction of each operation; `permissions` says which IAM permissions a call takes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from botocore.model import ServiceModel

from opentrail.api.call import Call, Handler, Need, Result
from opentrail.api.organizations import (
    account_calls,
    handshake_calls,
    organization_calls,
    permissions,
    policy_calls,
    service_calls,
    tag_calls,
    unit_calls,
    validation,
)
from opentrail.identity.organizations import Organizations

Operation = Callable[[Organizations, Call], Result]


class OrganizationsService:
    """The service `organizations`, as `api.call.Service` asks for."""

    name = "organizations"

    def __init__(self, organizations: Organizations, model: ServiceModel) -> None:
        """`model` is botocore's model of Organizations, whose constraints requests must satisfy."""
        self._organizations = organizations
        self._model = model
        subjects = (organization_calls, account_calls, unit_calls, policy_calls, handshake_calls, service_calls, tag_calls)
        self.operations: Mapping[str, Handler] = {
            name: self._handler(operation) for subject in subjects for name, operation in subject.OPERATIONS.items()
        }

    def needs(self, call: Call) -> Sequence[Need]:
        """The permissions that `call` takes. Raises `InvalidInputException` for what does not satisfy the model: ids become ARNs here."""
        validation.check(call.parameters, self._model.operation_model(call.operation).input_shape)
        return permissions.needs(self._organizations, call)

    def _handler(self, operation: Operation) -> Handler:
        def handle(call: Call) -> Result:
            return operation(self._organizations, call)

        return handle
