"""What CloudWatch Logs answers when it cannot do as asked. Codes and statuses are those of botocore's model."""

from __future__ import annotations

from opentrail.wire.faults import Fault


class InvalidParameterException(Fault):
    """A parameter is specified incorrectly."""


class InvalidOperationException(Fault):
    """The operation is not valid on the specified resource."""


class LimitExceededException(Fault):
    """You have reached the maximum number of resources that can be created."""


class OperationAbortedException(Fault):
    """Multiple concurrent requests to update the same resource were in conflict."""


class ResourceNotFoundException(Fault):
    """The specified resource does not exist."""


class ServiceUnavailableException(Fault):
    """The service cannot complete the request."""

    status = 503
    sender = False
