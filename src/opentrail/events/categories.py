"""Management or data? Which calls are data events, and of which `resources.type`.

A data event is about what is inside a resource (an object, an item, a message), not the resource. The table is data: (event source) →
resource type → event names, as `events.names` makes them; everything that is not in it is a management event. Sources: the page "Logging
data events" of the CloudTrail user guide names the types (`spec/trails.md` §9), and the page named beside each group the operations. Types
whose operations are not public, or that no operation of botocore's models belongs to, are not here: AppSync's GraphQL, CQL, MQTT, agents.
Where a page leaves a doubt the call is a management event, so that it is recorded.
"""

from __future__ import annotations

from typing import Final, Literal

MANAGEMENT: Final = "Management"
DATA: Final = "Data"
NETWORK_ACTIVITY: Final = "NetworkActivity"
"""Not of a call, but of its way through a VPC endpoint: beside the call's own record."""
Category = Literal["Management", "Data"]

_S3_OBJECT = """
    AbortMultipartUpload CompleteMultipartUpload CopyObject CreateMultipartUpload CreateSession DeleteObject DeleteObjects
    DeleteObjectTagging GetObject GetObjectAcl GetObjectAttributes GetObjectLegalHold GetObjectRetention GetObjectTagging GetObjectTorrent
    HeadBucket HeadObject ListMultipartUploads ListObjects ListObjectVersions ListParts PutObject PutObjectAcl PutObjectLegalHold
    PutObjectRetention PutObjectTagging RenameObject RestoreObject SelectObjectContent UpdateObjectEncryption UploadPart UploadPartCopy
"""
_SES_SEND = "SendBounce SendBulkEmail SendBulkTemplatedEmail SendCustomVerificationEmail SendEmail SendRawEmail SendTemplatedEmail"

_ROWS: dict[str, dict[str, str]] = {
    # Amazon S3 CloudTrail events
    "s3": {
        "AWS::S3::Object": _S3_OBJECT,
        "AWS::S3::AccessPoint": _S3_OBJECT,
        "AWS::S3ObjectLambda::AccessPoint": "WriteGetObjectResponse",
    },
    # Logging with AWS CloudTrail for S3 Express One Zone
    "s3express": {"AWS::S3Express::Object": _S3_OBJECT},
    # Monitoring S3 on Outposts with AWS CloudTrail logs
    "s3-outposts": {"AWS::S3Outposts::Object": _S3_OBJECT},
    # Logging with AWS CloudTrail for S3 Vectors
    "s3vectors": {"AWS::S3Vectors::Index": "DeleteVectors GetVectors ListVectors PutVectors QueryVectors"},
    # Logging AWS Lambda API calls using AWS CloudTrail
    "lambda": {"AWS::Lambda::Function": "Invoke InvokeAsync InvokeWithResponseStream"},
    # Logging DynamoDB operations by using AWS CloudTrail
    "dynamodb": {
        "AWS::DynamoDB::Table": "BatchExecuteStatement BatchGetItem BatchWriteItem DeleteItem ExecuteStatement ExecuteTransaction GetItem "
        "PutItem Query Scan TransactGetItems TransactWriteItems UpdateItem",
        "AWS::DynamoDB::Stream": "GetRecords GetShardIterator",
    },
    # Logging Amazon SNS API calls using AWS CloudTrail
    "sns": {"AWS::SNS::Topic": "Publish PublishBatch", "AWS::SNS::PlatformEndpoint": "Publish"},
    # Logging Amazon SQS API calls using AWS CloudTrail
    "sqs": {
        "AWS::SQS::Queue": "ChangeMessageVisibility ChangeMessageVisibilityBatch DeleteMessage DeleteMessageBatch ReceiveMessage "
        "SendMessage SendMessageBatch",
    },
    # Logging Amazon Kinesis Data Streams API calls with AWS CloudTrail
    "kinesis": {
        "AWS::Kinesis::Stream": "GetRecords GetShardIterator PutRecord PutRecords",
        "AWS::Kinesis::StreamConsumer": "SubscribeToShard",
    },
    "firehose": {"AWS::KinesisFirehose::DeliveryStream": "PutRecord PutRecordBatch"},
    "kinesisvideo": {
        "AWS::KinesisVideo::Stream": "GetClip GetDASHStreamingSessionURL GetHLSStreamingSessionURL GetImages GetMedia "
        "GetMediaForFragmentList ListFragments",
        "AWS::KinesisVideo::SignalingChannel": "GetIceServerConfig JoinStorageSession JoinStorageSessionAsViewer SendAlexaOfferToMaster",
    },
    # Log API calls for EBS direct APIs with AWS CloudTrail
    "ebs": {"AWS::EC2::Snapshot": "GetSnapshotBlock ListChangedBlocks ListSnapshotBlocks PutSnapshotBlock"},
    # Amazon Cognito logging in AWS CloudTrail
    "cognito-identity": {
        "AWS::Cognito::IdentityPool": "GetCredentialsForIdentity GetId GetOpenIdToken GetOpenIdTokenForDeveloperIdentity UnlinkIdentity",
    },
    # Logging data events (CloudTrail user guide)
    "cloudtrail-data": {"AWS::CloudTrail::Channel": "PutAuditEvents"},
    # Logging Amazon CloudWatch API and console operations with AWS CloudTrail
    "monitoring": {"AWS::CloudWatch::Metric": "GetMetricData GetMetricStatistics GetMetricWidgetImage ListMetrics PutMetricData"},
    # Logging Amazon EventBridge API calls using AWS CloudTrail
    "events": {"AWS::Events::EventBus": "PutEvents"},
    "rum": {"AWS::RUM::AppMonitor": "PutRumEvents"},
    "networkflowmonitor": {
        "AWS::NetworkFlowMonitor::Monitor": "GetQueryResultsMonitorTopContributors GetQueryStatusMonitorTopContributors "
        "StartQueryMonitorTopContributors StopQueryMonitorTopContributors",
        "AWS::NetworkFlowMonitor::Scope": "GetQueryResultsWorkloadInsightsTopContributors "
        "GetQueryResultsWorkloadInsightsTopContributorsData GetQueryStatusWorkloadInsightsTopContributors "
        "GetQueryStatusWorkloadInsightsTopContributorsData StartQueryWorkloadInsightsTopContributors "
        "StartQueryWorkloadInsightsTopContributorsData StopQueryWorkloadInsightsTopContributors "
        "StopQueryWorkloadInsightsTopContributorsData",
    },
    # Logging AWS X-Ray API calls with AWS CloudTrail
    "xray": {"AWS::XRay::Trace": "BatchGetTraces GetServiceGraph GetTraceGraph GetTraceSummaries PutTraceSegments"},
    # Recording events in AWS CloudTrail (Step Functions)
    "states": {
        "AWS::StepFunctions::StateMachine": "StartSyncExecution",
        "AWS::StepFunctions::Activity": "GetActivityTask SendTaskFailure SendTaskHeartbeat SendTaskSuccess",
    },
    # Recording API calls in AWS CloudTrail (Amazon SWF)
    "swf": {
        "AWS::SWF::Domain": "CountClosedWorkflowExecutions CountOpenWorkflowExecutions CountPendingActivityTasks CountPendingDecisionTasks "
        "GetWorkflowExecutionHistory PollForActivityTask PollForDecisionTask RecordActivityTaskHeartbeat RequestCancelWorkflowExecution "
        "RespondActivityTaskCanceled RespondActivityTaskCompleted RespondActivityTaskFailed RespondDecisionTaskCompleted "
        "SignalWorkflowExecution StartWorkflowExecution TerminateWorkflowExecution",
    },
    # Logging Timestream for LiveAnalytics API calls with AWS CloudTrail
    "timestream": {"AWS::Timestream::Table": "WriteRecords", "AWS::Timestream::Database": "Query PrepareQuery"},
    # Logging Amazon SageMaker AI API calls using AWS CloudTrail
    "sagemaker": {
        "AWS::SageMaker::Endpoint": "InvokeEndpoint InvokeEndpointAsync InvokeEndpointWithResponseStream",
        "AWS::SageMaker::FeatureGroup": "BatchGetRecord DeleteRecord GetRecord PutRecord",
        "AWS::SageMaker::ExperimentTrialComponent": "BatchPutMetrics",
    },
    # Logging AWS Cloud Map API calls using AWS CloudTrail
    "servicediscovery": {
        "AWS::ServiceDiscovery::Service": "DiscoverInstances DiscoverInstancesRevision",
        "AWS::ServiceDiscovery::Namespace": "DiscoverInstances DiscoverInstancesRevision",
    },
    # Logging Amazon Verified Permissions API calls using AWS CloudTrail
    "verifiedpermissions": {
        "AWS::VerifiedPermissions::PolicyStore": "BatchIsAuthorized BatchIsAuthorizedWithToken IsAuthorized IsAuthorizedWithToken",
    },
    # Logging RDS Data API calls with AWS CloudTrail
    "rdsdata": {
        "AWS::RDS::DBCluster": "BatchExecuteStatement BeginTransaction CommitTransaction ExecuteSql ExecuteStatement RollbackTransaction",
    },
    # Logging AWS Payment Cryptography API calls using AWS CloudTrail
    "payment-cryptography": {
        "AWS::PaymentCryptography::Key": "DecryptData EncryptData GenerateAs2805KekValidation GenerateCardValidationData GenerateMac "
        "GenerateMacEmvPinChange GeneratePinData ReEncryptData TranslateKeyMaterial TranslatePinData VerifyAuthRequestCryptogram "
        "VerifyCardValidationData VerifyMac VerifyPinData",
    },
    # Logging Amazon SES API calls with AWS CloudTrail
    "ses": {
        "AWS::SES::EmailIdentity": _SES_SEND,
        "AWS::SES::ConfigurationSet": _SES_SEND,
        "AWS::SES::Template": "SendBulkEmail SendBulkTemplatedEmail SendCustomVerificationEmail SendEmail SendTemplatedEmail",
    },
    # Logging AWS End User Messaging SMS API calls using AWS CloudTrail; … Social …
    "sms-voice": {"AWS::SMSVoice::Message": "PutMessageFeedback SendMediaMessage SendTextMessage SendVoiceMessage"},
    "social-messaging": {
        "AWS::SocialMessaging::PhoneNumberId": "DeleteWhatsAppMessageMedia GetWhatsAppMessageMedia PostWhatsAppMessageMedia "
        "SendWhatsAppMessage",
    },
    # Monitor Amazon Bedrock API calls using CloudTrail
    "bedrock": {
        "AWS::Bedrock::AgentAlias": "InvokeAgent",
        "AWS::Bedrock::AsyncInvoke": "GetAsyncInvoke StartAsyncInvoke",
        "AWS::Bedrock::DataAutomationProfile": "InvokeDataAutomation InvokeDataAutomationAsync",
        "AWS::Bedrock::DataAutomationInvocation": "GetDataAutomationStatus",
        "AWS::Bedrock::FlowAlias": "InvokeFlow",
        "AWS::Bedrock::FlowExecution": "GetExecutionFlowSnapshot GetFlowExecution ListFlowExecutionEvents ListFlowExecutions "
        "StartFlowExecution StopFlowExecution",
        "AWS::Bedrock::Guardrail": "ApplyGuardrail",
        "AWS::Bedrock::InlineAgent": "InvokeInlineAgent",
        "AWS::Bedrock::KnowledgeBase": "Retrieve RetrieveAndGenerate RetrieveAndGenerateStream",
        "AWS::Bedrock::Model": "InvokeModelWithBidirectionalStream",
        "AWS::Bedrock::Session": "CreateInvocation EndSession GetInvocationStep GetSession ListInvocationSteps ListInvocations "
        "PutInvocationStep UpdateSession",
    },
    # Logging Amazon Bedrock AgentCore API calls with CloudTrail
    "bedrock-agentcore": {
        "AWS::BedrockAgentCore::Browser": "GetBrowserSession InvokeBrowser ListBrowserSessions SaveBrowserSessionProfile "
        "StartBrowserSession StopBrowserSession UpdateBrowserStream",
        "AWS::BedrockAgentCore::CodeInterpreter": "GetCodeInterpreterSession InvokeCodeInterpreter ListCodeInterpreterSessions "
        "StartCodeInterpreterSession StopCodeInterpreterSession",
        "AWS::BedrockAgentCore::Evaluator": "Evaluate",
        "AWS::BedrockAgentCore::Memory": "BatchCreateMemoryRecords BatchDeleteMemoryRecords BatchUpdateMemoryRecords CreateEvent "
        "DeleteEvent DeleteMemoryRecord GetEvent GetMemoryRecord ListActors ListEvents ListMemoryExtractionJobs ListMemoryRecords "
        "ListSessions RetrieveMemoryRecords StartMemoryExtractionJob",
        "AWS::BedrockAgentCore::Runtime": "GetAgentCard InvokeAgentRuntime InvokeAgentRuntimeCommand StopRuntimeSession",
        "AWS::BedrockAgentCore::WorkloadIdentity": "GetWorkloadAccessToken GetWorkloadAccessTokenForJWT GetWorkloadAccessTokenForUserId",
        "AWS::BedrockAgentCore::APIKeyCredentialProvider": "GetResourceApiKey",
        "AWS::BedrockAgentCore::OAuth2CredentialProvider": "GetResourceOauth2Token",
    },
    # Logging Amazon Q Business API calls using AWS CloudTrail
    "qbusiness": {
        "AWS::QBusiness::Application": "Chat ChatSync DeleteConversation ListConversations ListMessages PutFeedback",
        "AWS::QBusiness::Index": "BatchDeleteDocument BatchPutDocument CheckDocumentAccess DeleteGroup GetDocumentContent GetGroup "
        "ListDocuments ListGroups PutGroup",
        "AWS::QBusiness::DataSource": "ListDataSourceSyncJobs StartDataSourceSyncJob StopDataSourceSyncJob",
    },
    "qapps": {
        "AWS::QApps::QApp": "StartQAppSession",
        "AWS::QApps::QAppSession": "ExportQAppSessionData GetQAppSession GetQAppSessionMetadata ListQAppSessionData StopQAppSession "
        "UpdateQAppSession UpdateQAppSessionMetadata",
    },
    # Logging AWS AppConfig API calls using AWS CloudTrail
    "appconfig": {"AWS::AppConfig::Configuration": "GetLatestConfiguration StartConfigurationSession"},
    "b2bi": {"AWS::B2BI::Transformer": "GetTransformerJob StartTransformerJob"},
    # Logging Amazon Keyspaces API calls with AWS CloudTrail
    "cassandra": {"AWS::Cassandra::Stream": "GetRecords GetShardIterator GetStream ListStreams"},
    # Logging Amazon CloudFront API calls using AWS CloudTrail
    "cloudfront-keyvaluestore": {
        "AWS::CloudFront::KeyValueStore": "DeleteKey DescribeKeyValueStore GetKey ListKeys PutKey UpdateKeys",
    },
    "codeguru-profiler": {"AWS::CodeGuruProfiler::ProfilingGroup": "ConfigureAgent PostAgentProfile"},
    "dataexchange": {"AWS::DataExchange::Asset": "SendApiAsset"},
    # Logging Deadline Cloud API calls using AWS CloudTrail
    "deadline": {
        "AWS::Deadline::Fleet": "SearchWorkers",
        "AWS::Deadline::Queue": "SearchJobs",
        "AWS::Deadline::Worker": "BatchGetJobEntity GetWorker ListSessionsForWorker ListWorkers UpdateWorker UpdateWorkerSchedule",
        "AWS::Deadline::Job": "CopyJobTemplate CreateJob GetJob GetSession GetSessionAction GetStep GetTask ListJobParameterDefinitions "
        "ListJobs ListSessionActions ListSessions ListStepConsumers ListStepDependencies ListSteps ListTasks SearchSteps SearchTasks "
        "UpdateJob UpdateSession UpdateStep UpdateTask",
    },
    # Logging Amazon GameLift Streams API calls using AWS CloudTrail
    "gameliftstreams": {
        "AWS::GameLiftStreams::StreamGroup": "CreateStreamSessionConnection ExportStreamSessionFiles GetStreamSession ListStreamSessions "
        "StartStreamSession TerminateStreamSession",
        "AWS::GameLiftStreams::Application": "StartStreamSession",
    },
    # Logging and monitoring with AWS CloudTrail (Amazon Location Service)
    "geo-maps": {"AWS::GeoMaps::Provider": "GetGlyphs GetSprites GetStaticMap GetStyleDescriptor GetTile"},
    "geo-places": {"AWS::GeoPlaces::Provider": "Autocomplete Geocode GetPlace ReverseGeocode SearchNearby SearchText Suggest"},
    "geo-routes": {"AWS::GeoRoutes::Provider": "CalculateIsolines CalculateRouteMatrix CalculateRoutes OptimizeWaypoints SnapToRoads"},
    # Logging AWS IoT Greengrass V2 API calls with AWS CloudTrail
    "greengrass": {"AWS::GreengrassV2::ComponentVersion": "GetComponentVersionArtifact ResolveComponentCandidates"},
    # Logging Amazon GuardDuty API calls with AWS CloudTrail
    "guardduty": {"AWS::GuardDuty::MalwareScan": "SendObjectMalwareScan"},
    "iotdata": {"AWS::IoT::Thing": "DeleteThingShadow GetThingShadow ListNamedShadowsForThing UpdateThingShadow"},
    # Logging AWS IoT SiteWise API calls with AWS CloudTrail
    "iotsitewise": {
        "AWS::IoTSiteWise::Asset": "BatchGetAssetPropertyAggregates BatchGetAssetPropertyValue BatchGetAssetPropertyValueHistory "
        "BatchPutAssetPropertyValue GetAssetPropertyAggregates GetAssetPropertyValue GetAssetPropertyValueHistory "
        "GetInterpolatedAssetPropertyValues",
        "AWS::IoTSiteWise::TimeSeries": "BatchGetAssetPropertyAggregates BatchGetAssetPropertyValue BatchGetAssetPropertyValueHistory "
        "BatchPutAssetPropertyValue GetAssetPropertyAggregates GetAssetPropertyValue GetAssetPropertyValueHistory "
        "GetInterpolatedAssetPropertyValues",
        "AWS::SitewiseAssistant::Conversation": "InvokeAssistant",
    },
    "iottwinmaker": {
        "AWS::IoTTwinMaker::Entity": "GetPropertyValue GetPropertyValueHistory",
        "AWS::IoTTwinMaker::Workspace": "BatchPutPropertyValues ExecuteQuery",
    },
    # Logging Amazon Kendra Intelligent Ranking API calls with AWS CloudTrail logs
    "kendra-ranking": {"AWS::KendraRanking::ExecutionPlan": "Rescore"},
    "machinelearning": {"AWS::MachineLearning::MlModel": "Predict"},
    "managedblockchain-query": {
        "AWS::ManagedBlockchainQuery::QueryAPI": "BatchGetTokenBalance GetAssetContract GetTokenBalance GetTransaction ListAssetContracts "
        "ListFilteredTransactionEvents ListTokenBalances ListTransactionEvents ListTransactions",
    },
    # Using AWS CloudTrail with HealthImaging
    "medical-imaging": {
        "AWS::MedicalImaging::Datastore": "SearchImageSets",
        "AWS::MedicalImaging::Imageset": "CopyImageSet DeleteImageSet GetImageFrame GetImageSet GetImageSetMetadata ListImageSetVersions "
        "UpdateImageSetMetadata",
    },
    # Logging Amazon Neptune Analytics API calls using AWS CloudTrail
    "neptune-graph": {"AWS::NeptuneGraph::Graph": "CancelQuery ExecuteQuery GetGraphSummary GetQuery ListQueries"},
    # Logging Amazon Pinpoint API calls with AWS CloudTrail
    "pinpoint": {
        "AWS::Pinpoint::App": "DeleteEndpoint DeleteUserEndpoints GetEndpoint GetUserEndpoints PutEvents SendMessages SendUsersMessages "
        "UpdateEndpoint UpdateEndpointsBatch",
    },
    "sdb": {"AWS::SDB::Domain": "BatchDeleteAttributes BatchPutAttributes DeleteAttributes GetAttributes PutAttributes Select"},
    # AWS Signer
    "signer": {"AWS::Signer::SigningJob": "GetRevocationStatus", "AWS::Signer::SigningProfile": "SignPayload"},
    # Logging AWS Systems Manager API calls with AWS CloudTrail
    "ssm": {"AWS::SSM::ExecutionPreview": "GetExecutionPreview StartExecutionPreview"},
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

UNRECORDED: Final = frozenset({("logs.amazonaws.com", "PutLogEvents")})
"""Calls that leave no record: neither management nor data events. CloudWatch Logs names the actions that it supports ("Logging Amazon
CloudWatch Logs API calls in AWS CloudTrail"), and PutLogEvents is not among them; a trail that streams to the group of an application would
otherwise record each line that is written. By the same page GetLogEvents and FilterLogEvents are not supported either (an older edition
says so of all three). Those two are recorded here all the same, as management events, because who read the logs is worth knowing: this is
OpenTrail's choice, not what the page says."""

DATA_EVENTS: dict[str, dict[str, tuple[str, ...]]] = {
    f"{source}.amazonaws.com": {kind: tuple(names.split()) for kind, names in kinds.items()} for source, kinds in _ROWS.items()
}
"""Event source → `resources.type` → event names."""


def _types() -> dict[tuple[str, str], tuple[str, ...]]:
    found: dict[tuple[str, str], tuple[str, ...]] = {}
    for source, kinds in DATA_EVENTS.items():
        for kind, names in kinds.items():
            for name in names:
                found[source, name] = (*found.get((source, name), ()), kind)
    return found


_TYPES = _types()


def resource_types(event_source: str, event_name: str) -> tuple[str, ...]:
    """The `resources.type` values under which selectors may find this data event; empty for a management event.

    Most have one. `Publish` is found by `AWS::SNS::Topic` or `AWS::SNS::PlatformEndpoint`, whichever the call names.
    """
    return _TYPES.get((event_source, event_name), ())


def resource_type(event_source: str, event_name: str) -> str | None:
    """The first of `resource_types` (`AWS::S3::Object`), or `None` for a management event."""
    return next(iter(resource_types(event_source, event_name)), None)


def listed_types(event_source: str, event_name: str) -> frozenset[str]:
    """Every `resources.type` that records of this data event may list; empty for a management event."""
    kinds = resource_types(event_source, event_name)
    return frozenset(kinds).union(*(_LISTED_TOO.get(kind, ()) for kind in kinds))


def category(event_source: str, event_name: str) -> Category:
    """`eventCategory` of an API call."""
    return DATA if (event_source, event_name) in _TYPES else MANAGEMENT
