"""What CloudWatch answers when it cannot do as asked. Codes are those of the query protocol; `wire` knows the shapes that carry them."""

from __future__ import annotations

from typing import Any

from opentrail.wire.faults import Fault


class InvalidParameterValueException(Fault):
    """The value of an input parameter is bad or out-of-range."""

    code = "InvalidParameterValue"


class InvalidParameterCombinationException(Fault):
    """Parameters were used together that cannot be used together."""

    code = "InvalidParameterCombination"


class MissingRequiredParameterException(Fault):
    """An input parameter that is required is missing."""

    code = "MissingParameter"


class InvalidNextToken(Fault):
    """The next token specified is invalid."""


class InvalidFormatFault(Fault):
    """Data was not syntactically valid JSON."""

    code = "InvalidFormat"


class LimitExceededFault(Fault):
    """The quota for alarms for this customer has already been reached."""

    code = "LimitExceeded"


class ResourceNotFound(Fault):
    """The named resource does not exist."""

    status = 404


class ResourceNotFoundException(Fault):
    """The named resource does not exist."""

    status = 404


class ValidationError(Fault):
    """The input fails to satisfy the constraints that CloudWatch sets."""

    def __init__(self, message: str | None = None, **members: Any) -> None:
        super().__init__(message, **members)
