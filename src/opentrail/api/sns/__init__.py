"""SNS's own API, a module per subject."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from botocore.model import ServiceModel, StructureShape

from opentrail.api.call import Call, Handler, Need
from opentrail.api.iam.validation import check
from opentrail.api.sns.needs import Needs
from opentrail.api.sns.publishing import PublishOperations
from opentrail.api.sns.subscriptions import SubscriptionOperations
from opentrail.api.sns.tags import TagOperations
from opentrail.api.sns.topics import TopicOperations
from opentrail.messaging.topics import Notifications
from opentrail.messaging.topics.faults import InvalidParameterException, invalid
from opentrail.messaging.topics.neighbours import Keys


class SNS:
    """The service `sns`, as `api.call.Service` asks for."""

    name = "sns"

    def __init__(self, messages: Notifications, model: ServiceModel, *, keys: Keys) -> None:
        """`model` is botocore's model of SNS, whose constraints requests must satisfy; `keys` are asked for encrypted topics."""
        self._model = model
        self._needs = Needs(messages)
        parts = (TopicOperations(messages), SubscriptionOperations(messages), PublishOperations(messages, keys), TagOperations(messages))
        self.operations: Mapping[str, Handler] = {name: handler for part in parts for name, handler in part.operations.items()}

    def needs(self, call: Call) -> Sequence[Need]:
        """What the caller must be allowed. A request that no caller could make is refused here, before any handler is asked."""
        shape = self._model.operation_model(call.operation).input_shape
        if isinstance(shape, StructureShape):
            for name in shape.required_members:
                if call.parameters.get(name) is None:
                    raise invalid(f"{name} Reason: no value for required parameter")
        check(call.parameters, shape, InvalidParameterException)
        _check_text(call.parameters)
        return self._needs.of(call)


def _check_text(value: Any) -> None:
    """Raises `InvalidParameter` for text that is no Unicode, or that holds what XML cannot: nothing could be answered with it."""
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
            raise invalid("a text in the request is not valid Unicode") from None
        if any((letter < " " and letter not in "\t\n\r") or letter in "\ufffe\uffff" for letter in value):
            raise invalid("a text in the request holds a character that is not allowed (#x9, #xA, #xD, and #x20 and above are)")
