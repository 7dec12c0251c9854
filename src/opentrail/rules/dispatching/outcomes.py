"""What a delivery takes, and how an attempt ended, in the words of EventBridge's dead letters. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Protocol

from opentrail.rules.dispatching.outbox import Delivery, Failure
from opentrail.rules.target_kinds import Kind
from opentrail.rules.values import ApiDestination, Connection, Rule, Target
from opentrail.wire.faults import Fault

MOST_PER_SECOND: Final = 300
"""Calls of an API destination in a second, where it says nothing else."""

_CODES: Final = {
    "AccessDenied": "NO_PERMISSIONS",
    "AccessDeniedException": "NO_PERMISSIONS",
    "AuthorizationError": "NO_PERMISSIONS",
    "KMSAccessDenied": "NO_PERMISSIONS",
    "KmsAccessDenied": "NO_PERMISSIONS",
    "NotFound": "NO_RESOURCE",
    "ResourceNotFoundException": "NO_RESOURCE",
    "QueueDoesNotExist": "NO_RESOURCE",
    "InvalidParameter": "INVALID_PARAMETER",
    "InvalidParameterValue": "INVALID_PARAMETER",
    "InvalidParameterException": "INVALID_PARAMETER",
    "InvalidMessageContents": "INVALID_PARAMETER",
    "TooManyRequestsException": "THROTTLING",
    "ThrottlingException": "THROTTLING",
    "LimitExceededException": "RESOURCE_LIMIT_EXCEEDED",
}
"""Code of a fault → code of a dead letter (EventBridge guide, "Dead-letter queue error codes")."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How one attempt ended."""

    error: Failure | None = None
    """`None`: it was delivered."""
    permanent: bool = False
    """Trying again would not help."""


DONE: Final = Outcome()


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """Everything that a delivery takes."""

    delivery: Delivery
    rule: Rule
    target: Target
    kind: Kind | None
    destination: ApiDestination | None = None
    connection: Connection | None = None

    @property
    def per_second(self) -> int | None:
        """Calls in a second at most; `None`: any number."""
        return (self.destination.rate_limit or MOST_PER_SECOND) if self.destination is not None else None

    def instead(self, delivery: Delivery) -> Load:
        """The same for another delivery to the target."""
        return replace(self, delivery=delivery)


class Carries(Protocol):
    """What carries one delivery: `carrier.Carrier`."""

    def carry(self, load: Load) -> Outcome:
        """One attempt."""

    def bury(self, load: Load) -> Outcome:
        """One attempt to put it into the dead-letter queue."""


def refused(fault: Fault) -> Outcome:
    """A fault of the target."""
    code = _CODES.get(fault.code, "ERROR_FROM_TARGET")
    return Outcome(error=Failure(code=code, message=fault.message), permanent=fault.status < 500 and code != "THROTTLING")


def unreachable(error: Exception) -> Outcome:
    """No answer, for now. The message tells no secret: only what the system says, or the kind of the error."""
    if isinstance(error, TimeoutError):
        return Outcome(error=Failure(code="TIMEOUT", message="The target did not answer in time."))
    said = error.strerror if isinstance(error, OSError) else None
    return Outcome(error=Failure(code="CONNECTION_FAILURE", message=said or str(error) or type(error).__name__))


def never(code: str, message: str) -> Outcome:
    """It cannot work before somebody changes something."""
    return Outcome(error=Failure(code=code, message=message), permanent=True)
