"""What EventBridge answers when it cannot do as asked. Codes and statuses are those of botocore's model."""

from __future__ import annotations

from opentrail.wire.faults import Fault


class InvalidEventPatternException(Fault):
    """The event pattern is not valid."""


class ConcurrentModificationException(Fault):
    """There is concurrent modification on a rule, target, archive, or replay."""


class LimitExceededException(Fault):
    """The requested resource exceeds the maximum number allowed."""


class ManagedRuleException(Fault):
    """This rule was created by an AWS service on behalf of your account. It is managed by that service."""


class OperationDisabledException(Fault):
    """The operation you are attempting is not available in this region."""


class PolicyLengthExceededException(Fault):
    """The event bus policy is too long."""


class ResourceAlreadyExistsException(Fault):
    """The resource you are trying to create already exists."""


class ResourceNotFoundException(Fault):
    """An entity that you specified does not exist."""


def no_bus(name: str) -> ResourceNotFoundException:
    """There is no such bus."""
    return ResourceNotFoundException(f"Event bus {name} does not exist.")


def no_rule(name: str, bus: str) -> ResourceNotFoundException:
    """There is no such rule on the bus."""
    return ResourceNotFoundException(f"Rule {name} does not exist on EventBus {bus}.")
