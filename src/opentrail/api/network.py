"""VPC endpoints at the door: what they refuse, and the network activity events of their owners.

A call that the policy of the endpoint refuses, and that would have been allowed otherwise, makes no record in the caller's account (KMS
developer guide, "Logging requests that use a VPC endpoint"); the owner of the endpoint sees it, when a trail of the owner selects it.
A call that is refused for another reason is recorded as always, and the endpoint has let it through.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from opentrail.events import names
from opentrail.recorder import Observation
from opentrail.recorder.network_activity import ACCESS_DENIED, network_activity
from opentrail.wire.faults import Fault
from opentrail.wire.models import Operation


class RefusedByEndpoint(Fault):
    """The policy of the VPC endpoint does not let the call through. The client is told what `fault` says."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.message)
        self.fault = fault


class NetworkSelected(Protocol):
    """Whether anybody wants a network activity event; answers from memory."""

    def __call__(self, account_id: str, source: str, name: str, error_code: str | None, vpce_id: str) -> bool:
        """`account_id` owns the endpoint `vpce_id`; the call is `name` of the event source `source`; `error_code` is
        `VpceAccessDenied` or `None`."""


def nobody(account_id: str, source: str, name: str, error_code: str | None, vpce_id: str) -> bool:
    """No trail selects network activity events."""
    return False


class NetworkActivity:
    """Describes calls that come through VPC endpoints for the owners of the endpoints."""

    def __init__(self, *, selected: NetworkSelected, new_event_id: Callable[[], Any]) -> None:
        self._selected = selected
        self._new_event_id = new_event_id

    def record(self, observation: Observation, operation: Operation, *, denied: bool) -> bytes | None:
        """The event's record, or `None`: the call came another way, or nobody selected it."""
        endpoint, owner = observation.vpc_endpoint_id, observation.vpc_endpoint_account_id
        if endpoint is None or owner is None:
            return None
        model = operation.model
        source, name = names.event_source(model.service_model), names.event_name(model)
        if not self._selected(owner, source, name, ACCESS_DENIED if denied else None, endpoint):
            return None
        return network_activity(
            observation,
            source=source,
            name=name,
            denied=denied,
            event_id=str(self._new_event_id()),
            shared_event_id=str(self._new_event_id()),
        )
