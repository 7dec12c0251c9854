"""CloudWatch Logs' own API, a module per subject."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from botocore.model import ServiceModel

from opentrail.api.call import Call, Handler, Need
from opentrail.api.iam.validation import check
from opentrail.api.logs.needs import Needs
from opentrail.monitoring.faults import InvalidParameterException


class Operations(Protocol):
    """One subject of the API."""

    @property
    def operations(self) -> Mapping[str, Handler]:
        """Operation name → handler."""


class Logs:
    """The service `logs`, as `api.call.Service` asks for."""

    name = "logs"

    def __init__(self, needs: Needs, model: ServiceModel, *parts: Operations) -> None:
        """`model` is botocore's model of CloudWatch Logs, whose constraints requests must satisfy."""
        self._needs = needs
        self._model = model
        self.operations: Mapping[str, Handler] = {name: handler for part in parts for name, handler in part.operations.items()}

    def needs(self, call: Call) -> Sequence[Need]:
        """What the caller must be allowed. A request that no caller could make is refused here, before any handler is asked."""
        given = call.parameters
        if call.operation == "PutLogEvents":
            given = {**given, "logEvents": given.get("logEvents", ())[:1]}  # each of them is looked at when they are put
        check(given, self._model.operation_model(call.operation).input_shape, InvalidParameterException)
        _check_text(given)
        return self._needs.of(call)


def _check_text(value: Any) -> None:
    """Raises `InvalidParameterException` for text that is no Unicode (half of a surrogate pair): nothing can store it."""
    if isinstance(value, Mapping):
        for name, item in value.items():
            _check_text(name)
            _check_text(item)
    elif isinstance(value, list):
        for item in value:
            _check_text(item)
    elif isinstance(value, str) and not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise InvalidParameterException("A text in the request is not valid Unicode.") from None
