"""SQS's own API, a module per subject. JSON 1.0 and the older query protocol are served alike; `wire` knows their difference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from opentrail.api.call import Call, Handler, Need
from opentrail.api.sqs.message_calls import MessageOperations
from opentrail.api.sqs.move_calls import MoveOperations
from opentrail.api.sqs.needs import Needs
from opentrail.api.sqs.queue_calls import QueueOperations
from opentrail.messaging.queues import Queues
from opentrail.messaging.queues.faults import InvalidParameterValue


class SQS:
    """The service `sqs`, as `api.call.Service` asks for."""

    name = "sqs"

    def __init__(self, queues: Queues) -> None:
        self._needs = Needs(queues)
        self.operations: Mapping[str, Handler] = {
            **QueueOperations(queues).operations,
            **MessageOperations(queues).operations,
            **MoveOperations(queues).operations,
        }

    def needs(self, call: Call) -> Sequence[Need]:
        """What the caller must be allowed. A request that no caller could make is refused here, before any handler is asked."""
        _check_text(call.parameters)
        return self._needs.of(call)


def _check_text(value: Any) -> None:
    """Raises `InvalidParameterValue` for text that is no Unicode (half of a surrogate pair): nothing can store it."""
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
            raise InvalidParameterValue("A text in the request is not valid Unicode.") from None
