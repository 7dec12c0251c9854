"""KMS's own API, a module per subject."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from botocore.model import ServiceModel

from opentrail.api.call import Call, Handler, Need, Result
from opentrail.api.iam.validation import check
from opentrail.api.kms import recorded
from opentrail.api.kms.aliases import AliasOperations
from opentrail.api.kms.cryptography import CryptographicOperations
from opentrail.api.kms.grants import GrantOperations
from opentrail.api.kms.keys import KeyOperations
from opentrail.api.kms.naming import Operation
from opentrail.api.kms.needs import Needs
from opentrail.api.kms.policies import PolicyOperations
from opentrail.api.kms.rotation import RotationOperations
from opentrail.api.kms.tags import TagOperations
from opentrail.kms import KeyManagement
from opentrail.wire.faults import Fault, ValidationException

_PARTS = (KeyOperations, PolicyOperations, TagOperations, AliasOperations, GrantOperations, RotationOperations, CryptographicOperations)


class KMS:
    """The service `kms`, as `api.call.Service` asks for."""

    name = "kms"

    def __init__(self, kms: KeyManagement, model: ServiceModel) -> None:
        """`model` is botocore's model of KMS, whose constraints requests must satisfy."""
        self._kms = kms
        self._model = model
        self._needs = Needs(kms)
        self.operations: Mapping[str, Handler] = {
            name: self._handler(operation) for part in _PARTS for name, operation in part(kms).operations.items()
        }

    def needs(self, call: Call) -> Sequence[Need]:
        """What the caller must be allowed. A request that no caller could make is refused here, before any handler is asked."""
        check(call.parameters, self._model.operation_model(call.operation).input_shape, ValidationException)
        _check_text(call.parameters)
        for token in call.parameters.get("GrantTokens") or ():
            self._kms.grants.by_token(token)
        return self._needs.of(call)

    def _handler(self, operation: Operation) -> Handler:
        def handle(call: Call) -> Result:
            try:
                return operation(call)
            except Fault as fault:
                fault.recorded = {"resources": recorded.resources(self._kms, call)}
                raise

        return handle


def _check_text(value: Any) -> None:
    """Raises `ValidationException` for text that is no Unicode (half of a surrogate pair): nothing can store it."""
    if isinstance(value, Mapping):
        for name, item in value.items():
            _check_text(name)
            _check_text(item)
    elif isinstance(value, list):
        for item in value:
            _check_text(item)
    elif isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            raise ValidationException("A text in the request is not valid Unicode.") from None
