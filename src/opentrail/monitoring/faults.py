"""What CloudWatch Logs answers when it cannot do as asked. Codes are those of botocore's model; the words are the service's own."""

from __future__ import annotations

from typing import Any

from opentrail.wire.faults import Fault


class InvalidParameterException(Fault):
    """A parameter is specified incorrectly."""


class ResourceNotFoundException(Fault):
    """The specified resource does not exist."""


class ResourceAlreadyExistsException(Fault):
    """The specified resource already exists."""


class LimitExceededException(Fault):
    """You have reached the maximum number of resources that can be created."""


class OperationAbortedException(Fault):
    """Multiple concurrent requests to update the same resource were in conflict."""


class TooManyTagsException(Fault):
    """A resource can have no more than 50 tags."""

    def __init__(self, message: str | None = None, *, resource: str = "") -> None:
        members: dict[str, Any] = {"resourceName": resource} if resource else {}
        super().__init__(message, **members)


class AccessDeniedException(Fault):
    """You don't have sufficient permissions to perform this action."""


class InvalidOperationException(Fault):
    """The operation is not valid on the specified resource."""


class UnsupportedOperationException(Fault):
    """The operation is not served here."""
