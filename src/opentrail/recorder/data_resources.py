"""What data events are about: `resources.type` → the ARN of what a request names.

Templates name top-level members of the request; where all of a template's members are there, and are texts or lists of texts, it applies,
once for each item. Of several the first one does, or each one for the types in `EACH`. A member that already holds an ARN is that ARN.
`""` is a type that has no ARN: its entry says the type only, as on the CloudWatch page. ARNs: the service authorization reference.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

Name = Callable[[Mapping[str, Any], Mapping[str, str]], list[str]]
"""Of the parameters and the place (`partition`, `region`, `account`): the ARNs of what they name."""

TEMPLATES: dict[str, tuple[str, ...]] = {
    "AWS::AppConfig::Configuration": (
        "appconfig:{region}:{account}:application/{ApplicationIdentifier}/environment/{EnvironmentIdentifier}"
        "/configuration/{ConfigurationProfileIdentifier}",
    ),
    "AWS::B2BI::Transformer": ("b2bi:{region}:{account}:transformer/{transformerId}",),
    "AWS::Bedrock::AgentAlias": ("bedrock:{region}:{account}:agent-alias/{agentId}/{agentAliasId}",),
    "AWS::Bedrock::AsyncInvoke": ("{invocationArn}", "bedrock:{region}::foundation-model/{modelId}"),
    "AWS::Bedrock::DataAutomationInvocation": ("{invocationArn}",),
    "AWS::Bedrock::DataAutomationProfile": ("{dataAutomationProfileArn}",),
    "AWS::Bedrock::FlowAlias": ("bedrock:{region}:{account}:flow/{flowIdentifier}/alias/{flowAliasIdentifier}",),
    "AWS::Bedrock::FlowExecution": (
        "bedrock:{region}:{account}:flow/{flowIdentifier}/alias/{flowAliasIdentifier}/execution/{executionIdentifier}",
        "bedrock:{region}:{account}:flow/{flowIdentifier}/alias/{flowAliasIdentifier}",
        "bedrock:{region}:{account}:flow/{flowIdentifier}",
    ),
    "AWS::Bedrock::Guardrail": ("bedrock:{region}:{account}:guardrail/{guardrailIdentifier}",),
    "AWS::Bedrock::InlineAgent": ("",),
    "AWS::Bedrock::KnowledgeBase": ("bedrock:{region}:{account}:knowledge-base/{knowledgeBaseId}",),
    "AWS::Bedrock::Model": ("bedrock:{region}::foundation-model/{modelId}",),
    "AWS::Bedrock::Session": ("bedrock:{region}:{account}:session/{sessionIdentifier}",),
    "AWS::BedrockAgentCore::APIKeyCredentialProvider": (
        "bedrock-agentcore:{region}:{account}:token-vault/default/apikeycredentialprovider/{resourceCredentialProviderName}",
    ),
    "AWS::BedrockAgentCore::Browser": ("bedrock-agentcore:{region}:{account}:browser-custom/{browserIdentifier}",),
    "AWS::BedrockAgentCore::CodeInterpreter": (
        "bedrock-agentcore:{region}:{account}:code-interpreter-custom/{codeInterpreterIdentifier}",
    ),
    "AWS::BedrockAgentCore::Evaluator": ("bedrock-agentcore:{region}:{account}:evaluator/{evaluatorId}",),
    "AWS::BedrockAgentCore::Memory": ("bedrock-agentcore:{region}:{account}:memory/{memoryId}",),
    "AWS::BedrockAgentCore::OAuth2CredentialProvider": (
        "bedrock-agentcore:{region}:{account}:token-vault/default/oauth2credentialprovider/{resourceCredentialProviderName}",
    ),
    "AWS::BedrockAgentCore::Runtime": ("{agentRuntimeArn}",),
    "AWS::BedrockAgentCore::WorkloadIdentity": (
        "bedrock-agentcore:{region}:{account}:workload-identity-directory/default/workload-identity/{workloadName}",
    ),
    "AWS::Cassandra::Stream": ("{streamArn}", "cassandra:{region}:{account}:/keyspace/{keyspaceName}/table/{tableName}"),
    "AWS::CloudFront::KeyValueStore": ("{KvsARN}",),
    "AWS::CloudTrail::Channel": ("{channelArn}",),
    "AWS::CloudWatch::Metric": ("",),
    "AWS::CodeGuruProfiler::ProfilingGroup": ("codeguru-profiler:{region}:{account}:profilingGroup/{profilingGroupName}",),
    "AWS::Cognito::IdentityPool": ("cognito-identity:{region}:{account}:identitypool/{IdentityPoolId}",),
    "AWS::DataExchange::Asset": ("dataexchange:{region}:{account}:data-sets/{DataSetId}/revisions/{RevisionId}/assets/{AssetId}",),
    "AWS::Deadline::Fleet": ("deadline:{region}:{account}:farm/{farmId}/fleet/{fleetIds}",),
    "AWS::Deadline::Job": (
        "deadline:{region}:{account}:farm/{farmId}/queue/{queueId}/job/{jobId}",
        "deadline:{region}:{account}:farm/{farmId}/queue/{queueId}",
        "deadline:{region}:{account}:farm/{farmId}/queue/{queueIds}",
    ),
    "AWS::Deadline::Queue": ("deadline:{region}:{account}:farm/{farmId}/queue/{queueIds}",),
    "AWS::Deadline::Worker": (
        "deadline:{region}:{account}:farm/{farmId}/fleet/{fleetId}/worker/{workerId}",
        "deadline:{region}:{account}:farm/{farmId}/fleet/{fleetId}",
    ),
    "AWS::EC2::Snapshot": (
        "ec2:{region}::snapshot/{SnapshotId}",
        "ec2:{region}::snapshot/{FirstSnapshotId}",
        "ec2:{region}::snapshot/{SecondSnapshotId}",
    ),
    "AWS::GameLiftStreams::Application": ("gameliftstreams:{region}:{account}:application/{ApplicationIdentifier}",),
    "AWS::GameLiftStreams::StreamGroup": ("gameliftstreams:{region}:{account}:streamgroup/{Identifier}",),
    "AWS::GeoMaps::Provider": ("geo-maps:{region}::provider/default",),
    "AWS::GeoPlaces::Provider": ("geo-places:{region}::provider/default",),
    "AWS::GeoRoutes::Provider": ("geo-routes:{region}::provider/default",),
    "AWS::GreengrassV2::ComponentVersion": ("{arn}", ""),
    "AWS::GuardDuty::MalwareScan": ("",),
    "AWS::IoT::Thing": ("iot:{region}:{account}:thing/{thingName}",),
    "AWS::IoTSiteWise::Asset": ("iotsitewise:{region}:{account}:asset/{assetId}", "iotsitewise:{region}:{account}:asset/{entries.assetId}"),
    "AWS::IoTSiteWise::TimeSeries": (
        "iotsitewise:{region}:{account}:time-series/{propertyAlias}",
        "iotsitewise:{region}:{account}:time-series/{entries.propertyAlias}",
    ),
    "AWS::IoTTwinMaker::Entity": (
        "iottwinmaker:{region}:{account}:workspace/{workspaceId}/entity/{entityId}",
        "iottwinmaker:{region}:{account}:workspace/{workspaceId}",
    ),
    "AWS::IoTTwinMaker::Workspace": ("iottwinmaker:{region}:{account}:workspace/{workspaceId}",),
    "AWS::KendraRanking::ExecutionPlan": ("kendra-ranking:{region}:{account}:rescore-execution-plan/{RescoreExecutionPlanId}",),
    "AWS::Kinesis::Stream": ("{StreamARN}", "kinesis:{region}:{account}:stream/{StreamName}"),
    "AWS::Kinesis::StreamConsumer": ("{ConsumerARN}",),
    "AWS::KinesisFirehose::DeliveryStream": ("firehose:{region}:{account}:deliverystream/{DeliveryStreamName}",),
    "AWS::KinesisVideo::SignalingChannel": ("{ChannelARN}", "{channelArn}"),
    "AWS::KinesisVideo::Stream": ("{StreamARN}", "kinesisvideo:{region}:{account}:stream/{StreamName}"),
    "AWS::MachineLearning::MlModel": ("machinelearning:{region}:{account}:mlmodel/{MLModelId}",),
    "AWS::ManagedBlockchainQuery::QueryAPI": ("",),
    "AWS::MedicalImaging::Datastore": ("medical-imaging:{region}:{account}:datastore/{datastoreId}",),
    "AWS::MedicalImaging::Imageset": (
        "medical-imaging:{region}:{account}:datastore/{datastoreId}/imageset/{imageSetId}",
        "medical-imaging:{region}:{account}:datastore/{datastoreId}/imageset/{sourceImageSetId}",
    ),
    "AWS::NeptuneGraph::Graph": ("neptune-graph:{region}:{account}:graph/{graphIdentifier}",),
    "AWS::NetworkFlowMonitor::Monitor": ("networkflowmonitor:{region}:{account}:monitor/{monitorName}",),
    "AWS::NetworkFlowMonitor::Scope": ("networkflowmonitor:{region}:{account}:scope/{scopeId}",),
    "AWS::Pinpoint::App": ("mobiletargeting:{region}:{account}:apps/{ApplicationId}",),
    "AWS::QApps::QApp": ("qapps:{region}:{account}:application/{instanceId}/qapp/{appId}",),
    "AWS::QApps::QAppSession": ("qapps:{region}:{account}:application/{instanceId}/qapp/*/session/{sessionId}",),
    "AWS::QBusiness::Application": ("qbusiness:{region}:{account}:application/{applicationId}",),
    "AWS::QBusiness::DataSource": ("qbusiness:{region}:{account}:application/{applicationId}/index/{indexId}/data-source/{dataSourceId}",),
    "AWS::QBusiness::Index": ("qbusiness:{region}:{account}:application/{applicationId}/index/{indexId}",),
    "AWS::RDS::DBCluster": ("{resourceArn}", "{dbClusterOrInstanceArn}", ""),
    "AWS::RUM::AppMonitor": ("rum:{region}:{account}:appmonitor/{AppMonitorDetails.name}", "rum:{region}:{account}:appmonitor/{Id}"),
    "AWS::S3Vectors::Index": ("{indexArn}", "s3vectors:{region}:{account}:bucket/{vectorBucketName}/index/{indexName}"),
    "AWS::S3ObjectLambda::AccessPoint": ("",),
    "AWS::SDB::Domain": ("sdb:{region}:{account}:domain/{DomainName}", ""),
    "AWS::SES::ConfigurationSet": ("ses:{region}:{account}:configuration-set/{ConfigurationSetName}",),
    "AWS::SES::Template": (
        "ses:{region}:{account}:template/{Template}",
        "ses:{region}:{account}:custom-verification-email-template/{TemplateName}",
        "ses:{region}:{account}:template/{Content.Template.TemplateName}",
        "ses:{region}:{account}:template/{DefaultContent.Template.TemplateName}",
    ),
    "AWS::SMSVoice::Message": ("sms-voice:{region}:{account}:message/{MessageId}", ""),
    "AWS::SSM::ExecutionPreview": ("",),
    "AWS::SWF::Domain": ("swf:{region}:{account}:/domain/{domain}", ""),
    "AWS::SageMaker::Endpoint": ("sagemaker:{region}:{account}:endpoint/{EndpointName}",),
    "AWS::SageMaker::ExperimentTrialComponent": ("sagemaker:{region}:{account}:experiment-trial-component/{TrialComponentName}",),
    "AWS::SageMaker::FeatureGroup": (
        "sagemaker:{region}:{account}:feature-group/{FeatureGroupName}",
        "sagemaker:{region}:{account}:feature-group/{Identifiers.FeatureGroupName}",
    ),
    "AWS::ServiceDiscovery::Namespace": ("",),
    "AWS::ServiceDiscovery::Service": ("",),
    "AWS::Signer::SigningJob": ("{jobArn}",),
    "AWS::Signer::SigningProfile": ("signer:{region}:{account}:/signing-profiles/{profileName}",),
    "AWS::SitewiseAssistant::Conversation": ("iotsitewise:{region}:{account}:conversation/{conversationId}", ""),
    "AWS::SocialMessaging::PhoneNumberId": (
        "social-messaging:{region}:{account}:phone-number-id/{originationPhoneNumberId}",
    ),
    "AWS::StepFunctions::Activity": ("{activityArn}", ""),
    "AWS::StepFunctions::StateMachine": ("{stateMachineArn}",),
    "AWS::Timestream::Database": ("",),
    "AWS::Timestream::Table": ("timestream:{region}:{account}:database/{DatabaseName}/table/{TableName}",),
    "AWS::VerifiedPermissions::PolicyStore": ("verifiedpermissions::{account}:policy-store/{policyStoreId}",),
    "AWS::XRay::Trace": ("",),
}  # fmt: skip

EACH = frozenset({"AWS::EC2::Snapshot"})
"""Types of which a call may name several, each in a member of its own (documented: ListChangedBlocks)."""

_HOLE = re.compile(r"\{([A-Za-z.]+)\}")
_PLACE = frozenset({"region", "account"})


def namer(kind: str) -> Name | None:
    """How to find the resources of this type in the parameters of a call; `None` for a type that no request names by itself."""
    if kind in _SPECIAL:
        return _SPECIAL[kind]
    made = [_compiled(template) for template in TEMPLATES.get(kind, ()) if template]
    if not made:
        return None
    each = kind in EACH

    def name(parameters: Mapping[str, Any], place: Mapping[str, str]) -> list[str]:
        found: list[str] = []
        for template in made:
            found.extend(template(parameters, place))
            if found and not each:
                break
        return found

    return name


def _compiled(template: str) -> Name:
    pieces = _HOLE.split(template)
    wanted = [hole for hole in pieces[1::2] if hole not in _PLACE]
    last = wanted[-1] if wanted else ""

    def name(parameters: Mapping[str, Any], place: Mapping[str, str]) -> list[str]:
        values: dict[str, list[str]] = {hole: texts(parameters, hole.split(".")) for hole in wanted}
        if not all(values.values()):
            return []
        arns = []
        for item in values[last] if last else [""]:
            if item.startswith("arn:"):
                arns.append(item)
                continue
            filled = {hole: found[0].rpartition("/")[2] if found[0].startswith("arn:") else found[0] for hole, found in values.items()}
            filled |= {last: item, "region": place["region"], "account": place["account"]}
            arns.append(f"arn:{place['partition']}:" + "".join(filled[piece] if at % 2 else piece for at, piece in enumerate(pieces)))
        return arns

    return name


def texts(members: Any, path: list[str]) -> list[str]:
    """The texts at `path` within `members`, of each item where there is a list on the way."""
    if isinstance(members, list | tuple):
        return [text for item in members for text in texts(item, path)]
    if not path:
        return [members] if isinstance(members, str) and members else []
    return texts(members.get(path[0]), path[1:]) if isinstance(members, Mapping) else []


def _queue(parameters: Mapping[str, Any], place: Mapping[str, str]) -> list[str]:
    """The ARN of a queue from its URL, which ends in account and name."""
    parts = str(parameters.get("QueueUrl") or "").rstrip("/").split("/")
    if not parts[-1]:
        return []
    owner = parts[-2] if len(parts) > 1 and parts[-2].isdecimal() else place["account"]
    return [f"arn:{place['partition']}:sqs:{place['region']}:{owner}:{parts[-1]}"]


def _event_bus(parameters: Mapping[str, Any], place: Mapping[str, str]) -> list[str]:
    """The bus of each entry of PutEvents, `default` where none is named."""
    names = [entry.get("EventBusName") or "default" for entry in parameters.get("Entries") or () if isinstance(entry, Mapping)]
    own = f"arn:{place['partition']}:events:{place['region']}:{place['account']}:event-bus/"
    return list(dict.fromkeys(name if name.startswith("arn:") else own + name for name in names if isinstance(name, str)))


def _function(parameters: Mapping[str, Any], place: Mapping[str, str]) -> list[str]:
    """A function from `name`, `name:alias`, `account:function:name` or its ARN."""
    named = str(parameters.get("FunctionName") or "")
    owner, between, name = named.rpartition("function:")
    if not named or named.startswith("arn:"):
        return [named] if named else []
    account = owner.rstrip(":") if between and owner.rstrip(":").isdecimal() else place["account"]
    return [f"arn:{place['partition']}:lambda:{place['region']}:{account}:function:{name}"]


def _topic(parameters: Mapping[str, Any], place: Mapping[str, str]) -> list[str]:
    return [arn for arn in texts(parameters, ["TopicArn"]) + texts(parameters, ["TargetArn"]) if ":endpoint/" not in arn]


def _platform_endpoint(parameters: Mapping[str, Any], place: Mapping[str, str]) -> list[str]:
    return [arn for arn in texts(parameters, ["TargetArn"]) if ":endpoint/" in arn]


_SENDERS = ("FromEmailAddressIdentityArn", "SourceArn", "FromArn", "FromEmailAddress", "Source", "BounceSender", "EmailAddress")


def _sender(parameters: Mapping[str, Any], place: Mapping[str, str]) -> list[str]:
    """The identity that sends a mail: named by its ARN, else by the address it sends from."""
    for member in _SENDERS:
        for text in texts(parameters, [member]):
            address = text.rpartition("<")[2].rstrip(">").strip()
            return (
                [text]
                if text.startswith("arn:")
                else [f"arn:{place['partition']}:ses:{place['region']}:{place['account']}:identity/{address}"]
            )
    return []


def _payment_key(parameters: Mapping[str, Any], place: Mapping[str, str]) -> list[str]:
    """Each key a call uses; all its members are called `…KeyIdentifier` or `…PekIdentifier`."""
    found = []
    for member, value in parameters.items():
        if isinstance(value, str) and member.endswith(("KeyIdentifier", "PekIdentifier")):
            name = value if value.startswith(("arn:", "alias/", "key/")) else f"key/{value}"
            whole = f"arn:{place['partition']}:payment-cryptography:{place['region']}:{place['account']}:{name}"
            found.append(name if name.startswith("arn:") else whole)
    return found


_SPECIAL: dict[str, Name] = {
    "AWS::Events::EventBus": _event_bus,
    "AWS::Lambda::Function": _function,
    "AWS::PaymentCryptography::Key": _payment_key,
    "AWS::SES::EmailIdentity": _sender,
    "AWS::SNS::PlatformEndpoint": _platform_endpoint,
    "AWS::SNS::Topic": _topic,
    "AWS::SQS::Queue": _queue,
}
