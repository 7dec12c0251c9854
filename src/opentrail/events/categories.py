"""Management or data? Which calls are data events, and of which `resources.type`.

A data event is about what is inside a resource (an object, an item, a message), not the resource. The table is data: (event source) →
resource type → event names; everything that is not in it is a management event. Sources: the lists "data events" in the CloudTrail
user guide and on the services' own CloudTrail pages, `resources.type` values as in `spec/trails.md` §9; names as `events.names` makes
them. Where these leave a doubt the call is a management event, so that it is recorded.
"""

from __future__ import annotations

from typing import Final, Literal

MANAGEMENT: Final = "Management"
DATA: Final = "Data"
NETWORK_ACTIVITY: Final = "NetworkActivity"
"""Not of a call, but of its way through a VPC endpoint: beside the call's own record."""
Category = Literal["Management", "Data"]

DATA_EVENTS: dict[str, dict[str, tuple[str, ...]]] = {
    "s3.amazonaws.com": {
        "AWS::S3::Object": (
            "AbortMultipartUpload", "CompleteMultipartUpload", "CopyObject", "CreateMultipartUpload", "DeleteObject", "DeleteObjects",
            "DeleteObjectTagging", "GetObject", "GetObjectAcl", "GetObjectAttributes", "GetObjectLegalHold", "GetObjectRetention",
            "GetObjectTagging", "GetObjectTorrent", "HeadBucket", "HeadObject", "ListMultipartUploads", "ListObjects",
            "ListObjectVersions", "ListParts", "PutObject", "PutObjectAcl", "PutObjectLegalHold", "PutObjectRetention",
            "PutObjectTagging", "RenameObject", "RestoreObject", "SelectObjectContent", "UpdateObjectEncryption", "UploadPart",
            "UploadPartCopy", "CreateSession",
        ),
        "AWS::S3ObjectLambda::AccessPoint": ("WriteGetObjectResponse",),
    },
    "lambda.amazonaws.com": {"AWS::Lambda::Function": ("Invoke", "InvokeAsync", "InvokeWithResponseStream")},
    "dynamodb.amazonaws.com": {
        "AWS::DynamoDB::Table": (
            "BatchExecuteStatement", "BatchGetItem", "BatchWriteItem", "DeleteItem", "ExecuteStatement", "ExecuteTransaction", "GetItem",
            "PutItem", "Query", "Scan", "TransactGetItems", "TransactWriteItems", "UpdateItem",
        ),
        "AWS::DynamoDB::Stream": ("GetRecords", "GetShardIterator"),
    },
    "sns.amazonaws.com": {
        "AWS::SNS::Topic": ("Publish", "PublishBatch"),
    },
    "sqs.amazonaws.com": {
        "AWS::SQS::Queue": (
            "ChangeMessageVisibility", "ChangeMessageVisibilityBatch", "DeleteMessage", "DeleteMessageBatch", "ReceiveMessage",
            "SendMessage", "SendMessageBatch",
        ),
    },
    "kinesis.amazonaws.com": {
        "AWS::Kinesis::Stream": ("GetRecords", "GetShardIterator", "PutRecord", "PutRecords"),
        "AWS::Kinesis::StreamConsumer": ("SubscribeToShard",),
    },
    "firehose.amazonaws.com": {"AWS::KinesisFirehose::DeliveryStream": ("PutRecord", "PutRecordBatch")},
    "ebs.amazonaws.com": {
        "AWS::EC2::Snapshot": ("CompleteSnapshot", "GetSnapshotBlock", "ListChangedBlocks", "ListSnapshotBlocks", "PutSnapshotBlock"),
    },
    "cognito-identity.amazonaws.com": {
        "AWS::Cognito::IdentityPool": (
            "GetCredentialsForIdentity", "GetId", "GetOpenIdToken", "GetOpenIdTokenForDeveloperIdentity", "UnlinkDeveloperIdentity",
            "UnlinkIdentity",
        ),
    },
    "cloudtrail-data.amazonaws.com": {"AWS::CloudTrail::Channel": ("PutAuditEvents",)},
    "monitoring.amazonaws.com": {"AWS::CloudWatch::Metric": ("GetMetricData", "GetMetricWidgetImage", "PutMetricData")},
    "states.amazonaws.com": {
        "AWS::StepFunctions::StateMachine": ("StartSyncExecution",),
        "AWS::StepFunctions::Activity": ("GetActivityTask", "SendTaskFailure", "SendTaskHeartbeat", "SendTaskSuccess"),
    },
    "swf.amazonaws.com": {
        "AWS::SWF::Domain": (
            "CountClosedWorkflowExecutions", "CountOpenWorkflowExecutions", "CountPendingActivityTasks", "CountPendingDecisionTasks",
            "GetWorkflowExecutionHistory", "PollForActivityTask", "PollForDecisionTask", "RecordActivityTaskHeartbeat",
            "RequestCancelWorkflowExecution", "RespondActivityTaskCanceled", "RespondActivityTaskCompleted",
            "RespondActivityTaskFailed", "RespondDecisionTaskCompleted", "SignalWorkflowExecution", "StartWorkflowExecution",
            "TerminateWorkflowExecution",
        ),
    },
    "timestream.amazonaws.com": {"AWS::Timestream::Table": ("WriteRecords",), "AWS::Timestream::Database": ("Query", "PrepareQuery")},
    "sagemaker.amazonaws.com": {
        "AWS::SageMaker::Endpoint": ("InvokeEndpoint", "InvokeEndpointAsync", "InvokeEndpointWithResponseStream"),
        "AWS::SageMaker::FeatureGroup": ("BatchGetRecord", "DeleteRecord", "GetRecord", "PutRecord"),
        "AWS::SageMaker::ExperimentTrialComponent": ("BatchPutMetrics",),
    },
    "servicediscovery.amazonaws.com": {"AWS::ServiceDiscovery::Service": ("DiscoverInstances", "DiscoverInstancesRevision")},
    "xray.amazonaws.com": {"AWS::XRay::Trace": ("PutTraceSegments", "GetTraceSummaries", "BatchGetTraces")},
    "verifiedpermissions.amazonaws.com": {
        "AWS::VerifiedPermissions::PolicyStore": (
            "BatchIsAuthorized", "BatchIsAuthorizedWithToken", "IsAuthorized", "IsAuthorizedWithToken",
        ),
    },
    "rdsdata.amazonaws.com": {
        "AWS::RDS::DBCluster": (
            "BatchExecuteStatement", "BeginTransaction", "CommitTransaction", "ExecuteSql", "ExecuteStatement", "RollbackTransaction",
        ),
    },
    "payment-cryptography.amazonaws.com": {
        "AWS::PaymentCryptography::Key": (
            "DecryptData", "EncryptData", "GenerateCardValidationData", "GenerateMac", "GeneratePinData", "ReEncryptData",
            "TranslatePinData", "VerifyAuthRequestCryptogram", "VerifyCardValidationData", "VerifyMac", "VerifyPinData",
        ),
    },
    "ses.amazonaws.com": {
        "AWS::SES::EmailIdentity": (
            "SendBounce", "SendBulkEmail", "SendBulkTemplatedEmail", "SendCustomVerificationEmail", "SendEmail", "SendRawEmail",
            "SendTemplatedEmail",
        ),
    },
    "bedrock.amazonaws.com": {
        "AWS::Bedrock::AgentAlias": ("InvokeAgent",),
        "AWS::Bedrock::KnowledgeBase": ("Retrieve", "RetrieveAndGenerate", "RetrieveAndGenerateStream"),
        "AWS::Bedrock::FlowAlias": ("InvokeFlow",),
        "AWS::Bedrock::Guardrail": ("ApplyGuardrail",),
        "AWS::Bedrock::InlineAgent": ("InvokeInlineAgent",),
        "AWS::Bedrock::Model": ("InvokeModelWithBidirectionalStream",),
        "AWS::Bedrock::AsyncInvoke": ("GetAsyncInvoke", "StartAsyncInvoke"),
    },
    "appconfig.amazonaws.com": {"AWS::AppConfig::Configuration": ("GetLatestConfiguration", "StartConfigurationSession")},
    "cassandra.amazonaws.com": {"AWS::Cassandra::Stream": ("GetRecords", "GetShardIterator", "GetStream", "ListStreams")},
    "cloudfront-keyvaluestore.amazonaws.com": {
        "AWS::CloudFront::KeyValueStore": ("DeleteKey", "DescribeKeyValueStore", "GetKey", "ListKeys", "PutKey", "UpdateKeys"),
    },
    "iotdata.amazonaws.com": {
        "AWS::IoT::Thing": ("DeleteThingShadow", "GetThingShadow", "ListNamedShadowsForThing", "UpdateThingShadow"),
    },
}  # fmt: skip

_TYPES: dict[tuple[str, str], str] = {
    (source, name): kind for source, kinds in DATA_EVENTS.items() for kind, names in kinds.items() for name in names
}

_LISTED_TOO: dict[str, frozenset[str]] = {
    # records of events of this type may list resources of these types too: a table and its stream, what a call went through
    "AWS::DynamoDB::Table": frozenset({"AWS::DynamoDB::Stream"}),
    "AWS::DynamoDB::Stream": frozenset({"AWS::DynamoDB::Table"}),
    "AWS::Kinesis::StreamConsumer": frozenset({"AWS::Kinesis::Stream"}),
    "AWS::S3::Object": frozenset({"AWS::S3::AccessPoint"}),
    "AWS::SNS::Topic": frozenset({"AWS::SNS::PlatformEndpoint"}),
}

FOLLOWED_BY: dict[tuple[str, str], str] = {("s3.amazonaws.com", "DeleteObjects"): "DeleteObject"}
"""Calls that the service follows with an event of its own for each thing they were about (`spec/records.md` §8)."""


def resource_type(event_source: str, event_name: str) -> str | None:
    """`resources.type` under which selectors find this data event (`AWS::S3::Object`), or `None` for a management event."""
    return _TYPES.get((event_source, event_name))


def listed_types(event_source: str, event_name: str) -> frozenset[str]:
    """Every `resources.type` that records of this data event may list; empty for a management event."""
    kind = _TYPES.get((event_source, event_name))
    return frozenset() if kind is None else _LISTED_TOO.get(kind, frozenset()) | {kind}


def category(event_source: str, event_name: str) -> Category:
    """`eventCategory` of an API call."""
    return DATA if (event_source, event_name) in _TYPES else MANAGEMENT
