"""Names that former query services had on the wire and that their present models no longer tell.

SQS moved to JSON in November 2023; clients from before (and the error codes of all clients, by `x-amzn-query-error`) still use the query
names. A path is `Shape.member` for structures, `List.member`, `Map.key` and `Map.value` for the others.
"""

from __future__ import annotations

from collections.abc import Mapping

_SQS_LISTS = {
    "AWSAccountIdList": "AWSAccountId",
    "ActionNameList": "ActionName",
    "AttributeNameList": "AttributeName",
    "BatchResultErrorEntryList": "BatchResultErrorEntry",
    "BinaryList": "BinaryListValue",
    "ChangeMessageVisibilityBatchRequestEntryList": "ChangeMessageVisibilityBatchRequestEntry",
    "ChangeMessageVisibilityBatchResultEntryList": "ChangeMessageVisibilityBatchResultEntry",
    "DeleteMessageBatchRequestEntryList": "DeleteMessageBatchRequestEntry",
    "DeleteMessageBatchResultEntryList": "DeleteMessageBatchResultEntry",
    "ListMessageMoveTasksResultEntryList": "ListMessageMoveTasksResultEntry",
    "MessageAttributeNameList": "MessageAttributeName",
    "MessageList": "Message",
    "MessageSystemAttributeList": "MessageSystemAttributeName",
    "QueueUrlList": "QueueUrl",
    "SendMessageBatchRequestEntryList": "SendMessageBatchRequestEntry",
    "SendMessageBatchResultEntryList": "SendMessageBatchResultEntry",
    "StringList": "StringListValue",
    "TagKeyList": "TagKey",
}
_SQS_NAMED_MAPS = ("MessageBodyAttributeMap", "MessageBodySystemAttributeMap", "MessageSystemAttributeMap", "QueueAttributeMap")
_SQS_MEMBERS = {
    "CreateQueueRequest.Attributes": "Attribute",
    "CreateQueueRequest.tags": "Tag",
    "GetQueueAttributesResult.Attributes": "Attribute",
    "ListQueueTagsResult.Tags": "Tag",
    "Message.Attributes": "Attribute",
    "Message.MessageAttributes": "MessageAttribute",
    "MessageAttributeValue.BinaryListValues": "BinaryListValue",
    "MessageAttributeValue.StringListValues": "StringListValue",
    "MessageSystemAttributeValue.BinaryListValues": "BinaryListValue",
    "MessageSystemAttributeValue.StringListValues": "StringListValue",
    "SendMessageBatchRequestEntry.MessageAttributes": "MessageAttribute",
    "SendMessageBatchRequestEntry.MessageSystemAttributes": "MessageSystemAttribute",
    "SendMessageRequest.MessageAttributes": "MessageAttribute",
    "SendMessageRequest.MessageSystemAttributes": "MessageSystemAttribute",
    "SetQueueAttributesRequest.Attributes": "Attribute",
    "TagMap.key": "Key",
    "TagMap.value": "Value",
    "TagQueueRequest.Tags": "Tag",
}

QUERY_NAMES: Mapping[str, Mapping[str, str]] = {
    "sqs": {
        **{f"{shape}.member": name for shape, name in _SQS_LISTS.items()},
        **{f"{shape}.key": "Name" for shape in _SQS_NAMED_MAPS},
        **{f"{shape}.value": "Value" for shape in _SQS_NAMED_MAPS},
        **_SQS_MEMBERS,
    }
}
"""Service → path in the model → name on the wire of the query protocol."""

QUERY_NAMESPACES: Mapping[str, str] = {"sqs": "http://queue.amazonaws.com/doc/2012-11-05/"}
"""XML namespaces that the model no longer tells."""

QUERY_CODES: Mapping[str, Mapping[str, str]] = {
    "sqs": {
        "BatchEntryIdsNotDistinct": "AWS.SimpleQueueService.BatchEntryIdsNotDistinct",
        "BatchRequestTooLong": "AWS.SimpleQueueService.BatchRequestTooLong",
        "EmptyBatchRequest": "AWS.SimpleQueueService.EmptyBatchRequest",
        "InvalidBatchEntryId": "AWS.SimpleQueueService.InvalidBatchEntryId",
        "KmsAccessDenied": "KMS.AccessDeniedException",
        "KmsDisabled": "KMS.DisabledException",
        "KmsInvalidKeyUsage": "KMS.InvalidKeyUsageException",
        "KmsInvalidState": "KMS.InvalidStateException",
        "KmsNotFound": "KMS.NotFoundException",
        "KmsOptInRequired": "KMS.OptInRequired",
        "KmsThrottled": "KMS.ThrottlingException",
        "MessageNotInflight": "AWS.SimpleQueueService.MessageNotInflight",
        "PurgeQueueInProgress": "AWS.SimpleQueueService.PurgeQueueInProgress",
        "QueueDeletedRecently": "AWS.SimpleQueueService.QueueDeletedRecently",
        "QueueDoesNotExist": "AWS.SimpleQueueService.NonExistentQueue",
        "QueueNameExists": "QueueAlreadyExists",
        "TooManyEntriesInBatchRequest": "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
        "UnsupportedOperation": "AWS.SimpleQueueService.UnsupportedOperation",
    }
}
"""Service → error shape → its code in the query protocol, where the model does not tell."""

QUERY_CODES_OF_ALL: Mapping[str, str] = {"AccessDeniedException": "AccessDenied"}
"""Code of an error that every service has, in JSON → in the query protocol."""
