"""CloudWatch's own API, a module per subject. CBOR, JSON and the older query protocol are served alike; `wire` knows their difference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from botocore.model import ServiceModel

from opentrail.api.call import Call, Handler, Need
from opentrail.api.cloudwatch.alarm_calls import AlarmOperations
from opentrail.api.cloudwatch.metric_calls import MetricOperations
from opentrail.api.cloudwatch.needs import Needs
from opentrail.api.cloudwatch.tag_calls import TagOperations
from opentrail.api.iam.validation import check
from opentrail.clock import Clock
from opentrail.monitoring.alarms.control import Alarms
from opentrail.monitoring.metrics.faults import InvalidParameterValueException, ValidationError
from opentrail.monitoring.metrics.store import MetricStore
from opentrail.storage.writer import Writer

ON_METRICS: Final = frozenset({"PutMetricData", "GetMetricStatistics", "ListMetrics"})
"""Operations that call what the model does not allow `InvalidParameterValue`; the others say `ValidationError`."""


class CloudWatch:
    """The service `cloudwatch`, as `api.call.Service` asks for."""

    name = "cloudwatch"

    def __init__(self, metrics: MetricStore, alarms: Alarms, model: ServiceModel, clock: Clock, writer: Writer) -> None:
        """`model` is botocore's model of CloudWatch, whose constraints requests must satisfy; `writer` takes metric data."""
        self._model = model
        self._needs = Needs(alarms)
        parts = (MetricOperations(metrics, clock, writer), AlarmOperations(alarms), TagOperations(alarms))
        self.operations: Mapping[str, Handler] = {name: handler for part in parts for name, handler in part.operations.items()}

    def needs(self, call: Call) -> Sequence[Need]:
        """What the caller must be allowed. A request that no caller could make is refused here, before any handler is asked."""
        shape = self._model.operation_model(call.operation).input_shape
        check(call.parameters, shape, InvalidParameterValueException if call.operation in ON_METRICS else ValidationError)
        _check_text(call.parameters)
        return self._needs.of(call)


def _check_text(value: Any) -> None:
    """Raises `InvalidParameterValue` for text that is no Unicode, or that holds what XML cannot: nothing could be answered with it."""
    if isinstance(value, Mapping):
        for name, item in value.items():
            _check_text(name)
            _check_text(item)
    elif isinstance(value, list):
        for item in value:
            _check_text(item)
    elif isinstance(value, str) and not (value.isascii() and value.isprintable()):
        try:
            value.encode()
        except UnicodeEncodeError:
            raise InvalidParameterValueException("A text in the request is not valid Unicode.") from None
        if any((letter < " " and letter not in "\t\n\r") or letter in "\ufffe\uffff" for letter in value):
            raise InvalidParameterValueException("A text in the request holds a control character.")
