"""What SQS answers when it cannot do as asked. Codes are those of botocore's model; the last three are common to AWS's older services."""

from __future__ import annotations

from opentrail.wire.faults import Fault


class BatchEntryIdsNotDistinct(Fault):
    """Two or more batch entries in the request have the same Id."""


class BatchRequestTooLong(Fault):
    """The length of all the messages put together is more than the limit."""


class EmptyBatchRequest(Fault):
    """The batch request doesn't contain any entries."""


class InvalidAttributeName(Fault):
    """The specified attribute doesn't exist."""


class InvalidAttributeValue(Fault):
    """A queue attribute value is invalid."""


class InvalidBatchEntryId(Fault):
    """A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long."""


class InvalidMessageContents(Fault):
    """Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF."""


class KmsAccessDenied(Fault):
    """The caller doesn't have the required KMS access."""


class KmsDisabled(Fault):
    """The KMS key of the queue is disabled."""


class KmsInvalidKeyUsage(Fault):
    """The KMS key of the queue is not one for encrypting and decrypting."""


class KmsInvalidState(Fault):
    """The state of the KMS key of the queue does not allow this."""


class KmsNotFound(Fault):
    """The KMS key of the queue does not exist."""


class MessageNotInflight(Fault):
    """The specified message isn't in flight."""


class OverLimit(Fault):
    """The action would go beyond a limit of the queue."""


class PurgeQueueInProgress(Fault):
    """Only one PurgeQueue operation is allowed every 60 seconds."""


class QueueDeletedRecently(Fault):
    """You must wait 60 seconds after deleting a queue before you can create another with the same name."""


class QueueDoesNotExist(Fault):
    """The specified queue does not exist."""


class QueueNameExists(Fault):
    """A queue with this name and other attributes already exists."""


class ReceiptHandleIsInvalid(Fault):
    """The specified receipt handle isn't valid."""


class ResourceNotFoundException(Fault):
    """The resource that you specified for the SourceArn parameter or the task doesn't exist."""

    status = 404


class TooManyEntriesInBatchRequest(Fault):
    """The batch request contains more entries than permissible."""


class UnsupportedOperation(Fault):
    """The operation isn't supported."""


class AccessDenied(Fault):
    """Access to the resource is denied."""

    status = 403


class InvalidParameterValue(Fault):
    """One or more parameters are invalid."""


class MissingParameter(Fault):
    """The request must contain all parameters that the operation needs."""
