"""IAM: users, groups, roles, policies, access keys. One module per subject; this one puts them together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from botocore.model import ServiceModel

from opentrail.api.call import Call, Handler, Need, Result
from opentrail.api.iam import (
    accounts,
    attachments,
    certificates,
    details,
    keys,
    mfa,
    oidc_providers,
    passwords,
    permissions,
    policies,
    reports,
    roles,
    saml_providers,
    service_access,
    service_credentials,
    simulations,
    ssh_keys,
    users,
)
from opentrail.api.iam.caller import Operation
from opentrail.api.iam.validation import check
from opentrail.identity import Identities
from opentrail.identity.faults import InvalidClientTokenId

_SUBJECTS = (
    users,
    roles,
    policies,
    attachments,
    keys,
    passwords,
    mfa,
    ssh_keys,
    certificates,
    service_credentials,
    oidc_providers,
    saml_providers,
    simulations,
    service_access,
    details,
    reports,
    accounts,
)


class IAM:
    """The service `iam`, as `api.call.Service` asks for."""

    name = "iam"

    def __init__(self, identities: Identities, model: ServiceModel) -> None:
        """`model` is botocore's model of IAM, whose constraints requests must satisfy."""
        self._identities = identities
        self._model = model
        self.operations: Mapping[str, Handler] = {
            name: self._handler(name, operation) for subject in _SUBJECTS for name, operation in subject.OPERATIONS.items()
        }

    def needs(self, call: Call) -> Sequence[Need]:
        """The permissions that `call` takes."""
        return permissions.needs(self._identities, call)

    def _handler(self, name: str, operation: Operation) -> Handler:
        # Shapes are looked up when first called: the model is large and most of it is never needed.
        def handle(call: Call) -> Result:
            session = call.caller.session
            proven = session is None or session.mfa or session.from_console
            if not proven and call.caller.type in ("IAMUser", "FederatedUser"):
                # Credentials of GetSessionToken (without MFA) and GetFederationToken cannot call IAM.
                raise InvalidClientTokenId
            check(call.parameters, self._model.operation_model(name).input_shape)
            return operation(self._identities, call)

        return handle
