"""What may stand in `resources.type` of data events and in `eventSource` of network activity events (reference of trails, §9 and §10).

Both lists grow often; they are data, and nothing else depends on what is in them.
"""

from __future__ import annotations

_RESOURCE_TYPES = """
AIDevOps: AgentSpace Association OperatorAppTeam PipelineMetadata Service
AIOps: InvestigationGroup
AppConfig: Configuration
AppSync: GraphQLApi
B2BI: Transformer
Backup: SearchJob
Bedrock: AdvancedOptimizePromptJob AgentAlias AsyncInvoke AutomatedReasoningPolicy AutomatedReasoningPolicyVersion Blueprint
Bedrock: DataAutomationInvocation DataAutomationProfile DataAutomationProject FlowAlias FlowExecution Guardrail InlineAgent
Bedrock: KnowledgeBase Model PromptVersion Session Tool
BedrockAgentCore: APIKeyCredentialProvider Browser BrowserCustom CodeInterpreter CodeInterpreterCustom Evaluator Gateway Memory
BedrockAgentCore: OAuth2CredentialProvider Runtime RuntimeEndpoint TokenVault WorkloadIdentity WorkloadIdentityDirectory
Cassandra: Stream Table
CloudFront: KeyValueStore
CloudOptimization: Profile Recommendation
CloudTrail: Channel
CloudWatch: Metric
CodeGuruProfiler: ProfilingGroup
CodeWhisperer: Customization Profile
Cognito: IdentityPool
DSQL: Cluster
DataExchange: Asset
Deadline: Fleet Job Queue Worker
DynamoDB: Stream Table
EC2: InstanceConnectEndpoint Snapshot
ECS: ContainerInstance
EKS: Dashboard
EMRWAL: Workspace
Events: EventBus
FSx: Volume
FinSpace: Environment
GameLiftStreams: Application StreamGroup
GeoMaps: Provider
GeoPlaces: Provider
GeoRoutes: Provider
Glue: Table
GreengrassV2: ComponentVersion Deployment
GuardDuty: Detector MalwareScan
IoT: Certificate Thing
IoTSiteWise: Asset TimeSeries
IoTTwinMaker: Entity Workspace
KendraRanking: ExecutionPlan
Kinesis: Stream StreamConsumer
KinesisFirehose: DeliveryStream
KinesisVideo: SignalingChannel Stream
Lambda: Function
MWAA: Environment
MachineLearning: MlModel
ManagedBlockchain: Network Node
ManagedBlockchainQuery: QueryAPI
MedicalImaging: Datastore Imageset
NeptuneGraph: Graph
NetworkFlowMonitor: Monitor Scope
NovaAct: WorkflowDefinition WorkflowRun
One: UKey User
PCAConnectorAD: Connector
PCAConnectorSCEP: Connector
PaymentCryptography: Alias Key
Pinpoint: App
QApps: QApp QAppSession
QBusiness: Application DataSource Index Integration WebExperience
QDeveloper: Integration
QuickSight: Flow FlowSession
Quicksight: ActionConnector
RDS: DBCluster
RUM: AppMonitor
Redshift: Cluster
S3: AccessPoint Object
S3Express: Object
S3ObjectLambda: AccessPoint
S3Outposts: Object
S3Tables: Table TableBucket
S3Vectors: Index VectorBucket
SCN: Instance
SDB: Domain
SES: ConfigurationSet EmailIdentity Template
SMSVoice: Message OriginationIdentity
SNS: PlatformEndpoint Topic
SQS: Queue
SSM: ExecutionPreview ManagedNode
SSMMessages: ControlChannel
SWF: Domain
SageMaker: Endpoint ExperimentTrialComponent FeatureGroup MlflowTrackingServer
ServiceDiscovery: Namespace Service
Signer: SigningJob SigningProfile
SitewiseAssistant: Conversation
SocialMessaging: PhoneNumberId WabaId
StepFunctions: Activity StateMachine
SupportAccess: Tenant TrustingAccount TrustingRole
ThinClient: Device Environment
Timestream: Database RegionalEndpoint Table
Transform: AgentInstance
TransformCustom: Campaign Conversation KnowledgeItem Package
VerifiedPermissions: PolicyStore
XRay: Trace
"""

RESOURCE_TYPES = frozenset(
    f"AWS::{service}::{kind}"
    for line in _RESOURCE_TYPES.strip().splitlines()
    for service, _, kinds in (line.partition(": "),)
    for kind in kinds.split()
)
"""Every `resources.type` that data events can be selected by."""

_NETWORK_SOURCES = """
aco-automation appconfig application-signals appmesh athena b2bi backup-gateway bcm-data-exports bcm-pricing-calculator
bedrock-agentcore bedrock billing cassandra ce cloudcontrolapi cloudformation cloudhsm cloudoptimization cloudtrail codedeploy
comprehend comprehendmedical config ds dynamodb ec2 ecs elasticfilesystem elasticloadbalancing events firehose frauddetector freetier
fsx glue healthlake invoicing iot iotfleetwise iotsecuredtunneling kms lakeformation lambda license-manager lookoutequipment
lookoutvision monitoring nova-act personalize qbusiness rds rekognition rolesanywhere s3 sagemaker scheduler secretsmanager
servicediscovery sns sqs ssm-contacts ssm storagegateway swf textract transcribe transcribestreaming transform-agents transform-custom
transform translate user-subscriptions verifiedpermissions voiceid workmail workmailmessageflow
"""

NETWORK_SOURCES = frozenset(f"{name}.amazonaws.com" for name in _NETWORK_SOURCES.split())
"""Every `eventSource` that network activity events can be selected by."""
