"""Decisions about single operations: does it change anything?

By event source (without `.amazonaws.com`). An operation stands here because its first word says neither, or says something that is not so.
Marks: seen = in delivered files; documented = the record on the service's own CloudTrail page; all others follow the access level that
the service authorization reference gives the action (Read and List read; Write, Tagging and Permissions management change), and where
it has none, what the operation's own documentation says it does. `spec/records.md` §7 wins over both.
"""

from __future__ import annotations


def _table(rows: dict[str, str]) -> dict[str, frozenset[str]]:
    return {source: frozenset(names.split()) for source, names in rows.items()}


READING = _table(
    {
        "amplifyuibuilder": "ExportComponents ExportForms ExportThemes",
        "apigateway": "ExportApi",
        "appsync": "EvaluateCode EvaluateMappingTemplate",
        "artifact": "ExportComplianceInquiry",
        "backup": "ExportBackupPlanTemplate",
        # seen in published detonation logs: InvokeModel
        "bedrock": "AgenticRetrieveStream ApplyGuardrail Converse ConverseStream ExportAutomatedReasoningPolicyVersion "
        "GenerateQuery InvokeAgent InvokeFlow InvokeGuardrailChecks InvokeInlineAgent InvokeModel InvokeModelWithBidirectionalStream "
        "InvokeModelWithResponseStream OptimizePrompt Retrieve",
        "bedrock-agentcore": "CompleteResourceTokenAuth InvokeWebSearch RetrieveMemoryRecords",
        "cloudfront": "VerifyDnsConfiguration",
        "codecommit": "EvaluatePullRequestApprovalRules",
        "config": "DeliverConfigSnapshot",
        "connect": "EvaluateDataTableValues",
        "datapipeline": "EvaluateExpression",
        "deadline": "StartSessionsStatisticsAggregation",
        "devops-guru": "StartCostEstimation",
        "ds": "VerifyTrust",
        "dynamodb": "TransactGetItems",
        "ec2": "ExportClientVpnClientCertificateRevocationList ExportClientVpnClientConfiguration "
        "ExportVerifiedAccessInstanceClientConfiguration StartDeclarativePoliciesReport",
        "eks-auth": "AssumeRoleForPodIdentity",
        "elasticbeanstalk": "RequestEnvironmentInfo RetrieveEnvironmentInfo",
        "elemental-inference": "ExportDictionaryEntries",
        "gamelift": "RequestUploadCredentials ResolveAlias",
        "geo": "ForecastGeofenceEvents VerifyDevicePosition",
        "geo-places": "ReverseGeocode",
        "geo-routes": "OptimizeWaypoints SnapToRoads",
        "greengrass": "ResolveComponentCandidates",
        "iam": "GenerateCredentialReport GenerateOrganizationsAccessReport GenerateServiceLastAccessedDetails",
        "internetmonitor": "StartQuery StopQuery",
        "iotsitewise": "ExecuteQuery InvokeAssistant",
        "iottwinmaker": "ExecuteQuery",
        "kendra": "Retrieve",
        "kendra-ranking": "Rescore",
        "kinesis": "SubscribeToShard",
        "kinesisanalytics": "CreateApplicationPresignedUrl",
        # seen: Encrypt, Decrypt, GenerateDataKey; documented: cryptographic use of a key reads
        "kms": "Decapsulate Decrypt DeriveSharedSecret Encapsulate Encrypt GenerateDataKey GenerateDataKeyPair "
        "GenerateDataKeyPairWithoutPlaintext GenerateDataKeyWithoutPlaintext GenerateMac GenerateRandom ReEncrypt Sign Verify VerifyMac",
        "lex": "GenerateBotElement",
        "logs": "StartLiveTail StartQuery StopQuery",
        "mediaconvert": "Probe",
        "neptune-db": "ExecuteGremlinExplainQuery ExecuteGremlinProfileQuery ExecuteOpenCypherExplainQuery",
        # as KMS: cryptographic use of a key reads
        "payment-cryptography": "DecryptData EncryptData GenerateAs2805KekValidation GenerateAuthRequestCryptogram "
        "GenerateCardValidationData GenerateMac GenerateMacEmvPinChange GeneratePinData ReEncryptData TranslateKeyMaterial "
        "TranslatePinData VerifyAuthRequestCryptogram VerifyCardValidationData VerifyMac VerifyPinData",
        "pinpoint": "PhoneNumberValidate",
        "polly": "StartSpeechSynthesisStream SynthesizeSpeech",
        "qbusiness": "Chat ChatSync",
        "quicksight": "PredictQAResults",
        "rds": "DownloadDBLogFilePortion",
        "sagemaker": "CreateHubContentPresignedUrls InvokeEndpoint InvokeEndpointAsync InvokeEndpointWithResponseStream "
        "InvokeInferenceRouter InvokeInferenceRouterAsync RenderUiTemplate Sample SampleWithResponseStream",
        "schemas": "ExportSchema",
        "sdb": "DomainMetadata",
        "servicequotas": "StartQuotaUtilizationReport",
        "signin": "IntrospectOAuth2TokenWithIAM",
        "sms-voice": "CarrierLookup",
        "sqs": "ReceiveMessage",
        "ssm": "StartExecutionPreview",
        # spec/records.md §7 (seen: AssumeRole)
        "sts": "AssumeRole AssumeRoleWithSAML AssumeRoleWithWebIdentity DecodeAuthorizationMessage",
        "timestream": "PrepareQuery",
        "translate": "TranslateDocument TranslateText",
        "wafv2": "GenerateMobileSdkReleaseUrl",
        "wellarchitected": "ExportLens",
        "wisdom": "RenderMessageTemplate Retrieve",
        "xray": "CancelTraceRetrieval StartTraceRetrieval",
    }
)
"""Operations without effect."""

CHANGING = _table(
    {
        "access-analyzer": "GenerateFindingRecommendation",
        "account": "VerifyPhoneNumber",
        "acm": "ExportCertificate",  # documented
        "aidevops": "ValidateAwsAssociations",
        "amplify": "GenerateAccessLogs",
        "amplifybackend": "GenerateBackendAPIModels",
        "apigateway": "GenerateClientCertificate PreviewPortal TestInvokeAuthorizer TestInvokeMethod",
        "appconfig": "ValidateConfiguration",
        "appfabric": "BatchGetUserAccessTasks",
        "appsync": "ListApiKeys",  # documented
        "athena": "ExportNotebook GetSessionEndpoint",
        "b2bi": "GenerateMapping TestConversion TestMapping TestParsing",
        "backup-gateway": "TestHypervisorConfiguration",
        "bedrock": "InvokeBlueprintOptimizationAsync InvokeDataAutomation InvokeDataAutomationAsync "
        "InvokeDataAutomationLibraryIngestionJob PrepareAgent PrepareFlow Rerank RetrieveAndGenerate RetrieveAndGenerateStream",
        "bedrock-agentcore": "Evaluate GetWorkloadAccessToken GetWorkloadAccessTokenForJWT GetWorkloadAccessTokenForUserId "
        "InvokeAgentRuntime InvokeAgentRuntimeCommand InvokeBrowser InvokeCodeInterpreter InvokeHarness ProcessPayment",
        "cloudformation": "TestType",
        "cloudfront": "TestConnectionFunction TestFunction",
        "cloudtrail": "GenerateQuery",
        "codeartifact": "GetAuthorizationToken",  # documented
        "codecatalyst": "VerifySession",
        "codecommit": "TestRepositoryTriggers",
        "codepipeline": "PollForJobs PollForThirdPartyJobs",
        "cognito-identity": "GetCredentialsForIdentity GetId GetOpenIdToken GetOpenIdTokenForDeveloperIdentity",  # documented: the first
        "cognito-idp": "AdminUserGlobalSignOut GetTokensFromRefreshToken SignUp VerifySoftwareToken VerifyUserAttribute",
        "compute-optimizer": "ExportAutoScalingGroupRecommendations ExportEBSVolumeRecommendations ExportEC2InstanceRecommendations "
        "ExportECSServiceRecommendations ExportIdleRecommendations ExportLambdaFunctionRecommendations ExportLicenseRecommendations "
        "ExportRDSDatabaseRecommendations",
        "datapipeline": "PollForTask",
        "datazone": "GetIamPortalLoginUrl",
        "deadline": "AssumeFleetRoleForRead AssumeFleetRoleForWorker AssumeQueueRoleForRead AssumeQueueRoleForUser "
        "AssumeQueueRoleForWorker",
        "discovery": "ExportConfigurations",
        "dms": "ExportMetadataModelAssessment",
        "drs": "ExportSourceNetworkCfnTemplate ReverseReplication",
        "dynamodb": "ExportTableToPointInTime TransactWriteItems",
        "ec2": "ExportImage ExportTransitGatewayRoutes",
        "ecs": "DiscoverPollEndpoint",
        "elasticache": "ExportServerlessCacheSnapshot PrepareMigration TestFailover TestMigration",
        "elasticmapreduce": "GetClusterSessionCredentials GetOnClusterAppUIPresignedURL GetPersistentAppUIPresignedURL",
        "emr-containers": "GetManagedEndpointSessionCredentials",
        "end-user-messaging": "ValidateNotifyCodeVerification",
        "entityresolution": "GenerateMatchId",
        "es": "InsightFeedback",
        "gameliftstreams": "ExportStreamSessionFiles",
        "geo": "BatchEvaluateGeofences",
        "glue": "TestConnection",
        "invoicing": "VerifyProcurementPortalValidation",
        "iotwireless": "TestWirelessDevice",
        "kinesis": "ReceiveDeadLetterQueueRecords ReceiveQueueRecords",
        "kinesisanalytics": "ExportSnapshot",
        "lakeformation": "AssumeDecoratedRoleWithSAML",
        "lambda": "Invoke InvokeAsync InvokeWithResponseStream",
        "lex": "RecognizeText RecognizeUtterance",
        "license-manager": "CheckInLicense",
        "lightsail": "DownloadDefaultKeyPair ExportSnapshot GetInstanceAccessDetails GetRelationalDatabaseMasterUserPassword TestAlarm",
        "machinelearning": "Predict",
        "macie2": "TestCustomDataIdentifier",
        "airflow": "InvokeRestApi",
        "marketplacecommerceanalytics": "GenerateDataSet",
        "metering-marketplace": "ResolveCustomer",
        "network-security-manager": "GenerateRuleConfiguration",
        "nova-act": "InvokeActStep",
        "payment-cryptography": "ExportKey",
        "pinpoint": "VerifyOTPMessage",
        "qapps": "ExportQAppSessionData PredictQApp",
        "quicksight": "GenerateEmbedUrlForAnonymousUser GenerateEmbedUrlForRegisteredUser GenerateEmbedUrlForRegisteredUserWithIdentity",
        "redshift": "GetClusterCredentials GetClusterCredentialsWithIAM",
        "redshift-serverless": "GetCredentials",
        "resiliencehub": "ResolveAppVersionResources",
        "sagemaker": "SampleTrainingSession SampleTrainingSessionWithResponseStream",
        "route53domains": "RetrieveDomainAuthCode",
        "sagemaker-geospatial": "ExportEarthObservationJob ExportVectorEnrichmentJob",
        "security-ir": "GetCaseAttachmentUploadUrl",
        "securityagent": "BatchExportFindings VerifyTargetDomain",
        "securityhub": "GenerateRecommendedPolicyV2",
        "ses": "TestRenderEmailTemplate TestRenderTemplate VerifyDomainDkim VerifyDomainIdentity VerifyEmailAddress VerifyEmailIdentity",
        # seen: ConsoleLogin, CheckMfa
        "signin": "CheckMfa ConsoleLogin GetSigninToken",
        "signer": "SignPayload",
        "sms-voice": "VerifyDestinationNumber",
        "sns": "VerifySMSSandboxPhoneNumber",
        "social-messaging": "GetWhatsAppMessageMedia",
        "states": "GetActivityTask TestState",
        "storagegateway": "RetrieveTapeArchive RetrieveTapeRecoveryPoint",
        # spec/records.md §7 (seen: GetFederationToken)
        "sts": "AssumeRoot GetDelegatedAccessToken GetFederationToken GetSessionToken GetWebIdentityToken",
        "support": "ResolveCase",
        "swf": "PollForActivityTask PollForDecisionTask",
        "transfer": "TestConnection",
        "voiceid": "EvaluateSession",
        "workmail": "AssumeImpersonationRole",
    }
)
"""Operations with an effect."""
