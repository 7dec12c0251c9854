"""What the parameters of a call say: which queue, and values within their bounds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from opentrail.api.call import Call, Result
from opentrail.messaging.queues import Place, names
from opentrail.messaging.queues.faults import InvalidParameterValue, MissingParameter, QueueDoesNotExist

Operation = Callable[[Call], Result]

MAX_PAGE: Final = 1000
"""Entries of one page of a list (ListQueues)."""


def place_of(call: Call) -> Place:
    """The queue that `call` is about: its `QueueUrl` or, with the query protocol, the path that it was sent to.

    Raises `MissingParameter`, `QueueDoesNotExist` for a URL that no queue can have.
    """
    url = call.parameters.get("QueueUrl") or (call.request.path if call.request.path.strip("/") else "")
    if not url:
        raise MissingParameter("The request must contain the parameter QueueUrl.")
    found = names.of_url(url, call.account_id, call.region)
    if found is None:
        raise QueueDoesNotExist
    return found


def endpoint_of(call: Call) -> str:
    """What the client calls this server: queue URLs begin so, and work by whatever way it came."""
    host = call.request.headers.get("host") or f"sqs.{call.region}.amazonaws.com"
    return f"{'https' if call.secure else 'http'}://{host}"


def url_of(call: Call, account_id: str, name: str) -> str:
    """The URL of a queue, for the client of `call`."""
    return names.url(endpoint_of(call), account_id, name)


def required(given: Mapping[str, Any], *members: str) -> None:
    """Raises `MissingParameter` for the first of `members` that is not there."""
    for member in members:
        if given.get(member) in (None, "", [], {}):
            raise MissingParameter(f"The request must contain the parameter {member}.")


def number(given: Mapping[str, Any], member: str, low: int, high: int) -> int | None:
    """A number of the request; `None` when it is not there. Raises `InvalidParameterValue` outside `low` to `high`."""
    value = given.get(member)
    if value is None:
        return None
    if not low <= value <= high:
        raise InvalidParameterValue(
            f"Value {value} for parameter {member} is invalid. Reason: Must be between {low} and {high}, if provided."
        )
    return int(value)
