"""EventBridge's own API (`events` in botocore), a module per subject."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from botocore.model import ServiceModel

from opentrail.api.call import Call, Handler, Need
from opentrail.api.eventbridge.absent import AbsentOperations
from opentrail.api.eventbridge.buses import BusOperations
from opentrail.api.eventbridge.connections import ConnectionOperations
from opentrail.api.eventbridge.destinations import DestinationOperations
from opentrail.api.eventbridge.events import Check, EventOperations
from opentrail.api.eventbridge.needs import Needs
from opentrail.api.eventbridge.rules import RuleOperations
from opentrail.api.eventbridge.tags import TagOperations
from opentrail.api.eventbridge.targets import TargetOperations
from opentrail.api.iam.validation import check
from opentrail.rules.control import EventBuses
from opentrail.wire.faults import ValidationException


class EventBridge:
    """The service `events`, as `api.call.Service` asks for."""

    name = "events"

    def __init__(self, buses: EventBuses, model: ServiceModel, *, check: Check) -> None:
        """`model` is botocore's, whose constraints requests must satisfy; `check` judges single entries of PutEvents."""
        self._model = model
        self._needs = Needs(buses)
        parts = (
            BusOperations(buses),
            RuleOperations(buses),
            TargetOperations(buses),
            EventOperations(buses, check, self._needs),
            ConnectionOperations(buses),
            DestinationOperations(buses),
            TagOperations(buses),
            AbsentOperations(),
        )
        self.operations: Mapping[str, Handler] = {name: handler for part in parts for name, handler in part.operations.items()}

    def needs(self, call: Call) -> Sequence[Need]:
        """What the caller must be allowed. A request that no caller could make is refused here, before any handler is asked."""
        check(call.parameters, self._model.operation_model(call.operation).input_shape, ValidationException)
        _check_text(call.parameters)
        return self._needs.of(call)


def _check_text(value: Any) -> None:
    """Raises `ValidationException` for text that is no Unicode: it could not be kept."""
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
