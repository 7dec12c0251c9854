"""What SNS answers when it cannot do as asked. Codes and statuses are those of botocore's model."""

from __future__ import annotations

from opentrail.wire.faults import Fault


class AuthorizationErrorException(Fault):
    """The caller is not authorized to do this."""

    code = "AuthorizationError"
    status = 403


class BatchEntryIdsNotDistinctException(Fault):
    """Two or more batch entries in the request have the same Id."""

    code = "BatchEntryIdsNotDistinct"


class BatchRequestTooLongException(Fault):
    """The length of all the batch messages put together is more than the limit."""

    code = "BatchRequestTooLong"


class EmptyBatchRequestException(Fault):
    """The batch request doesn't contain any entries."""

    code = "EmptyBatchRequest"


class InvalidBatchEntryIdException(Fault):
    """The Id of a batch entry in a batch request doesn't abide by the specification."""

    code = "InvalidBatchEntryId"


class InvalidParameterException(Fault):
    """Invalid parameter"""

    code = "InvalidParameter"


class InvalidParameterValueException(Fault):
    """A value is not valid."""

    code = "ParameterValueInvalid"


class KMSAccessDeniedException(Fault):
    """The key of the topic does not let the caller use it: kms:GenerateDataKey* and kms:Decrypt are needed."""

    code = "KMSAccessDenied"


class KMSDisabledException(Fault):
    """The key of the topic is disabled."""

    code = "KMSDisabled"


class KMSInvalidStateException(Fault):
    """The state of the key of the topic does not allow its use."""

    code = "KMSInvalidState"


class KMSNotFoundException(Fault):
    """The key of the topic does not exist."""

    code = "KMSNotFound"


class NotFoundException(Fault):
    """Topic does not exist"""

    code = "NotFound"
    status = 404


class ResourceNotFoundException(Fault):
    """Resource does not exist"""

    code = "ResourceNotFound"
    status = 404


class TagLimitExceededException(Fault):
    """Could not complete request: tag quota of per resource exceeded"""

    code = "TagLimitExceeded"


class TooManyEntriesInBatchRequestException(Fault):
    """The batch request contains more entries than permissible."""

    code = "TooManyEntriesInBatchRequest"


class TopicLimitExceededException(Fault):
    """The account has as many topics as it can have."""

    code = "TopicLimitExceeded"
    status = 403


def invalid(what: str) -> InvalidParameterException:
    """`InvalidParameter` in SNS's words: `Invalid parameter: <what>`."""
    return InvalidParameterException(f"Invalid parameter: {what}")
