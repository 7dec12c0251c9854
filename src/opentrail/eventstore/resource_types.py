"""Which member of a call names which type of resource: the tables behind `resources.derive`.

A member is written as its name (`instanceId`); as `parent.name` where the name alone says too little (`user.arn`), EC2's `items` levels
not counting as parents; or as `.name` where it counts only at the top. Types are AWS Config's, where Config has one. A service that is
not in here has no names but those of the record's own `resources`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

QUEUE: Final = "AWS::SQS::Queue"

_Further = Mapping[tuple[str, str], Mapping[str, str]]

_IAM: Final = {
    "userName": "AWS::IAM::User",
    "user.arn": "AWS::IAM::User",
    "user.userId": "AWS::IAM::User",
    "roleName": "AWS::IAM::Role",
    "role.arn": "AWS::IAM::Role",
    "role.roleId": "AWS::IAM::Role",
    "groupName": "AWS::IAM::Group",
    "group.arn": "AWS::IAM::Group",
    "policyArn": "AWS::IAM::Policy",
    "policyName": "AWS::IAM::Policy",
    "policy.arn": "AWS::IAM::Policy",
    "permissionsBoundary": "AWS::IAM::Policy",
    "accessKeyId": "AWS::IAM::AccessKey",
    "instanceProfileName": "AWS::IAM::InstanceProfile",
    "instanceProfile.arn": "AWS::IAM::InstanceProfile",
    "serialNumber": "AWS::IAM::MFADevice",
    "virtualMFADeviceName": "AWS::IAM::MFADevice",
    "serverCertificateName": "AWS::IAM::ServerCertificate",
    "sAMLProviderArn": "AWS::IAM::SAMLProvider",
    "openIDConnectProviderArn": "AWS::IAM::OIDCProvider",
    "certificateId": "AWS::IAM::SigningCertificate",
    "sSHPublicKeyId": "AWS::IAM::SSHPublicKey",
}

_STS: Final = {
    "credentials.accessKeyId": "AWS::IAM::AccessKey",
    "assumedRoleUser.assumedRoleId": "AWS::STS::AssumedRole",
    "assumedRoleUser.arn": "AWS::STS::AssumedRole",
    "federatedUser.federatedUserId": "AWS::STS::FederatedUser",
    "federatedUser.arn": "AWS::STS::FederatedUser",
    "roleArn": "AWS::IAM::Role",
    "targetPrincipal": "AWS::IAM::Root",
}

_EC2: Final = {
    "instanceId": "AWS::EC2::Instance",
    "imageId": "AWS::EC2::Ami",
    "subnetId": "AWS::EC2::Subnet",
    "vpcId": "AWS::EC2::VPC",
    "keyName": "AWS::EC2::KeyPair",
    "keyPairId": "AWS::EC2::KeyPair",
    "groupId": "AWS::EC2::SecurityGroup",
    "groupName": "AWS::EC2::SecurityGroup",
    "volumeId": "AWS::EC2::Volume",
    "snapshotId": "AWS::EC2::Snapshot",
    "networkInterfaceId": "AWS::EC2::NetworkInterface",
    "routeTableId": "AWS::EC2::RouteTable",
    "internetGatewayId": "AWS::EC2::InternetGateway",
    "gatewayId": "AWS::EC2::InternetGateway",
    "natGatewayId": "AWS::EC2::NatGateway",
    "networkAclId": "AWS::EC2::NetworkAcl",
    "allocationId": "AWS::EC2::EIP",
    "publicIp": "AWS::EC2::EIP",
    "vpcEndpointId": "AWS::EC2::VPCEndpoint",
    "vpcPeeringConnectionId": "AWS::EC2::VPCPeeringConnection",
    "vpnGatewayId": "AWS::EC2::VPNGateway",
    "vpnConnectionId": "AWS::EC2::VPNConnection",
    "customerGatewayId": "AWS::EC2::CustomerGateway",
    "transitGatewayId": "AWS::EC2::TransitGateway",
    "flowLogId": "AWS::EC2::FlowLog",
    "launchTemplateId": "AWS::EC2::LaunchTemplate",
    "launchTemplateName": "AWS::EC2::LaunchTemplate",
    "dhcpOptionsId": "AWS::EC2::DHCPOptions",
    "iamInstanceProfile.name": "AWS::IAM::InstanceProfile",
    "iamInstanceProfile.arn": "AWS::IAM::InstanceProfile",
}

_RDS: Final = {
    "dBInstanceIdentifier": "AWS::RDS::DBInstance",
    "dBInstanceArn": "AWS::RDS::DBInstance",
    "dBClusterIdentifier": "AWS::RDS::DBCluster",
    "dBClusterArn": "AWS::RDS::DBCluster",
    "dBSnapshotIdentifier": "AWS::RDS::DBSnapshot",
    "dBSnapshotArn": "AWS::RDS::DBSnapshot",
    "dBClusterSnapshotIdentifier": "AWS::RDS::DBClusterSnapshot",
    "dBSubnetGroupName": "AWS::RDS::DBSubnetGroup",
    "dBParameterGroupName": "AWS::RDS::DBParameterGroup",
    "dBSecurityGroupName": "AWS::RDS::DBSecurityGroup",
    "optionGroupName": "AWS::RDS::OptionGroup",
}

MEMBERS: Final[Mapping[str, Mapping[str, str]]] = {
    "iam.amazonaws.com": _IAM,
    "sts.amazonaws.com": _STS,
    "ec2.amazonaws.com": _EC2,
    "rds.amazonaws.com": _RDS,
    "s3.amazonaws.com": {"bucketName": "AWS::S3::Bucket"},
    "cloudtrail.amazonaws.com": {
        ".name": "AWS::CloudTrail::Trail",
        "trailName": "AWS::CloudTrail::Trail",
        "trailNameList": "AWS::CloudTrail::Trail",
        "trailARN": "AWS::CloudTrail::Trail",
        "resourceId": "AWS::CloudTrail::Trail",
        "s3BucketName": "AWS::S3::Bucket",
        "snsTopicName": "AWS::SNS::Topic",
        "snsTopicARN": "AWS::SNS::Topic",
        "cloudWatchLogsLogGroupArn": "AWS::Logs::LogGroup",
        "cloudWatchLogsRoleArn": "AWS::IAM::Role",
        "kmsKeyId": "AWS::KMS::Key",
        "eventDataStore": "AWS::CloudTrail::EventDataStore",
        "eventDataStoreArn": "AWS::CloudTrail::EventDataStore",
    },
    "kms.amazonaws.com": {
        "keyId": "AWS::KMS::Key",
        "targetKeyId": "AWS::KMS::Key",
        "destinationKeyId": "AWS::KMS::Key",
        "sourceKeyId": "AWS::KMS::Key",
        "keyMetadata.arn": "AWS::KMS::Key",
        "aliasName": "AWS::KMS::Alias",
    },
    "lambda.amazonaws.com": {
        "functionName": "AWS::Lambda::Function",
        "functionArn": "AWS::Lambda::Function",
        "layerName": "AWS::Lambda::LayerVersion",
        "role": "AWS::IAM::Role",
        "s3Bucket": "AWS::S3::Bucket",
    },
    "dynamodb.amazonaws.com": {
        "tableName": "AWS::DynamoDB::Table",
        "tableArn": "AWS::DynamoDB::Table",
        "globalTableName": "AWS::DynamoDB::GlobalTable",
        "backupArn": "AWS::DynamoDB::Backup",
    },
    "sqs.amazonaws.com": {"queueName": QUEUE, "queueUrl": QUEUE},
    "sns.amazonaws.com": {
        "topicArn": "AWS::SNS::Topic",
        "subscriptionArn": "AWS::SNS::Subscription",
    },
    "logs.amazonaws.com": {
        "logGroupName": "AWS::Logs::LogGroup",
        "logGroupIdentifier": "AWS::Logs::LogGroup",
        "logStreamName": "AWS::Logs::LogStream",
        "filterName": "AWS::Logs::MetricFilter",
    },
    "ssm.amazonaws.com": {
        "documentName": "AWS::SSM::Document",
        "instanceId": "AWS::EC2::Instance",
        "instanceIds": "AWS::EC2::Instance",
        "associationId": "AWS::SSM::Association",
        "windowId": "AWS::SSM::MaintenanceWindow",
        "baselineId": "AWS::SSM::PatchBaseline",
    },
    "secretsmanager.amazonaws.com": {
        "secretId": "AWS::SecretsManager::Secret",
        "arn": "AWS::SecretsManager::Secret",
        "aRN": "AWS::SecretsManager::Secret",
    },
    **{
        f"{service}.amazonaws.com": members
        for service, members in {
            "acm": {"certificateArn": "AWS::ACM::Certificate"},
            "apigateway": {
                "restApiId": "AWS::ApiGateway::RestApi",
                "stageName": "AWS::ApiGateway::Stage",
                "apiId": "AWS::ApiGatewayV2::Api",
            },
            "appsync": {"apiId": "AWS::AppSync::GraphQLApi", "graphqlApi.apiId": "AWS::AppSync::GraphQLApi"},
            "athena": {"workGroup": "AWS::Athena::WorkGroup"},
            "autoscaling": {
                "autoScalingGroupName": "AWS::AutoScaling::AutoScalingGroup",
                "autoScalingGroupNames": "AWS::AutoScaling::AutoScalingGroup",
                "launchConfigurationName": "AWS::AutoScaling::LaunchConfiguration",
                "launchTemplateId": "AWS::EC2::LaunchTemplate",
                "instanceId": "AWS::EC2::Instance",
            },
            "backup": {"backupVaultName": "AWS::Backup::BackupVault", "backupPlanId": "AWS::Backup::BackupPlan"},
            "cloudformation": {
                "stackName": "AWS::CloudFormation::Stack",
                "stackId": "AWS::CloudFormation::Stack",
                "stackSetName": "AWS::CloudFormation::StackSet",
            },
            "cloudfront": {"distribution.id": "AWS::CloudFront::Distribution", "distributionId": "AWS::CloudFront::Distribution"},
            "codebuild": {"projectName": "AWS::CodeBuild::Project", "project.name": "AWS::CodeBuild::Project"},
            "codecommit": {"repositoryName": "AWS::CodeCommit::Repository"},
            "codepipeline": {"pipelineName": "AWS::CodePipeline::Pipeline", "pipeline.name": "AWS::CodePipeline::Pipeline"},
            "cognito-idp": {"userPoolId": "AWS::Cognito::UserPool", "userPool.id": "AWS::Cognito::UserPool"},
            "config": {
                "configurationRecorder.name": "AWS::Config::ConfigurationRecorder",
                "configurationRecorderName": "AWS::Config::ConfigurationRecorder",
                "configRule.configRuleName": "AWS::Config::ConfigRule",
                "configRuleName": "AWS::Config::ConfigRule",
            },
            "ecr": {
                "repositoryName": "AWS::ECR::Repository",
                "repositoryNames": "AWS::ECR::Repository",
                "repository.repositoryArn": "AWS::ECR::Repository",
            },
            "ecs": {
                "clusterName": "AWS::ECS::Cluster",
                "cluster": "AWS::ECS::Cluster",
                "cluster.clusterArn": "AWS::ECS::Cluster",
                "serviceName": "AWS::ECS::Service",
                "service": "AWS::ECS::Service",
                "service.serviceArn": "AWS::ECS::Service",
                "family": "AWS::ECS::TaskDefinition",
                "taskDefinition": "AWS::ECS::TaskDefinition",
                "taskDefinition.taskDefinitionArn": "AWS::ECS::TaskDefinition",
            },
            "eks": {
                "clusterName": "AWS::EKS::Cluster",
                "cluster.name": "AWS::EKS::Cluster",
                "cluster.arn": "AWS::EKS::Cluster",
                "nodegroupName": "AWS::EKS::Nodegroup",
            },
            "elasticache": {
                "cacheClusterId": "AWS::ElastiCache::CacheCluster",
                "replicationGroupId": "AWS::ElastiCache::ReplicationGroup",
            },
            "elasticbeanstalk": {
                "applicationName": "AWS::ElasticBeanstalk::Application",
                "environmentName": "AWS::ElasticBeanstalk::Environment",
            },
            "elasticfilesystem": {"fileSystemId": "AWS::EFS::FileSystem"},
            "elasticloadbalancing": {
                "loadBalancerName": "AWS::ElasticLoadBalancing::LoadBalancer",
                "loadBalancerArn": "AWS::ElasticLoadBalancingV2::LoadBalancer",
                "listenerArn": "AWS::ElasticLoadBalancingV2::Listener",
                "targetGroupArn": "AWS::ElasticLoadBalancingV2::TargetGroup",
            },
            "es": {"domainName": "AWS::OpenSearch::Domain"},
            "events": {
                "rule": "AWS::Events::Rule",
                "ruleArn": "AWS::Events::Rule",
                "eventBusName": "AWS::Events::EventBus",
                "connectionArn": "AWS::Events::Connection",
            },
            "firehose": {"deliveryStreamName": "AWS::KinesisFirehose::DeliveryStream"},
            "glue": {
                "databaseName": "AWS::Glue::Database",
                "databaseInput.name": "AWS::Glue::Database",
                "tableName": "AWS::Glue::Table",
                "tableInput.name": "AWS::Glue::Table",
                "jobName": "AWS::Glue::Job",
                "crawlerName": "AWS::Glue::Crawler",
                "connectionInput.name": "AWS::Glue::Connection",
                "connectionName": "AWS::Glue::Connection",
            },
            "guardduty": {"detectorId": "AWS::GuardDuty::Detector"},
            "iot": {"thingName": "AWS::IoT::Thing", "policyName": "AWS::IoT::Policy", "certificateId": "AWS::IoT::Certificate"},
            "monitoring": {
                "alarmName": "AWS::CloudWatch::Alarm",
                "alarmNames": "AWS::CloudWatch::Alarm",
                "dashboardName": "AWS::CloudWatch::Dashboard",
                "dashboardNames": "AWS::CloudWatch::Dashboard",
            },
            "mq": {"brokerName": "AWS::AmazonMQ::Broker", "brokerId": "AWS::AmazonMQ::Broker"},
            "organizations": {
                "organization.id": "AWS::Organizations::Organization",
                "createAccountStatus.accountId": "AWS::Organizations::Account",
                "accountId": "AWS::Organizations::Account",
                "policyId": "AWS::Organizations::Policy",
                "organizationalUnitId": "AWS::Organizations::OrganizationalUnit",
            },
            "redshift": {"clusterIdentifier": "AWS::Redshift::Cluster"},
            "route53": {"hostedZoneId": "AWS::Route53::HostedZone", "hostedZone.id": "AWS::Route53::HostedZone"},
            "sagemaker": {
                "endpointName": "AWS::SageMaker::Endpoint",
                "modelName": "AWS::SageMaker::Model",
                "notebookInstanceName": "AWS::SageMaker::NotebookInstance",
            },
            "scheduler": {"scheduleArn": "AWS::Scheduler::Schedule"},
            "ses": {"emailIdentity": "AWS::SES::EmailIdentity", "identity": "AWS::SES::EmailIdentity"},
            "states": {"stateMachineArn": "AWS::StepFunctions::StateMachine", "roleArn": "AWS::IAM::Role"},
            "wafv2": {"webACLArn": "AWS::WAFv2::WebACL"},
        }.items()
    },
}
"""Event source → member → resource type, for every call of the service."""


def _calls(
    service: str, kind: str, nouns: Sequence[str], member: str = ".name", verbs: str = "Create Delete Describe Get Update"
) -> _Further:
    """The calls about one kind of resource that call it just `name`: `CreateJob`, `DeleteJob` …"""
    return {(f"{service}.amazonaws.com", verb + noun): {member: kind} for verb in verbs.split() for noun in nouns}


FURTHER: Final[_Further] = {
    **_calls("ssm", "AWS::SSM::Parameter", ["Parameter", "ParameterHistory"], verbs="Put Get Delete"),
    **_calls("ssm", "AWS::SSM::Parameter", ["Parameters"], ".names", verbs="Get Delete"),
    ("ssm.amazonaws.com", "LabelParameterVersion"): {".name": "AWS::SSM::Parameter"},
    **_calls("ssm", "AWS::SSM::Document", ["Document"]),
    ("ssm.amazonaws.com", "ModifyDocumentPermission"): {".name": "AWS::SSM::Document"},
    ("sns.amazonaws.com", "CreateTopic"): {".name": "AWS::SNS::Topic"},
    ("secretsmanager.amazonaws.com", "CreateSecret"): {".name": "AWS::SecretsManager::Secret"},
    ("dynamodb.amazonaws.com", "RestoreTableFromBackup"): {"targetTableName": "AWS::DynamoDB::Table"},
    **_calls("apigateway", "AWS::ApiGateway::RestApi", ["RestApi"], ".id"),
    **_calls("cloudfront", "AWS::CloudFront::Distribution", ["Distribution", "DistributionConfig"], ".id"),
    **_calls("codebuild", "AWS::CodeBuild::Project", ["Project"]),
    **_calls("codepipeline", "AWS::CodePipeline::Pipeline", ["Pipeline", "PipelineState"]),
    **_calls("eks", "AWS::EKS::Cluster", ["Cluster", "ClusterConfig", "ClusterVersion"]),
    **_calls("elasticloadbalancing", "AWS::ElasticLoadBalancingV2::LoadBalancer", ["LoadBalancer"]),
    **_calls("events", "AWS::Events::Rule", ["Rule"], verbs="Put Delete Describe Enable Disable"),
    **_calls("events", "AWS::Events::EventBus", ["EventBus"]),
    **_calls("events", "AWS::Events::Connection", ["Connection"]),
    **_calls("glue", "AWS::Glue::Crawler", ["Crawler"], verbs="Create Delete Get Update Start Stop"),
    **_calls("glue", "AWS::Glue::Database", ["Database"]),
    **_calls("glue", "AWS::Glue::Job", ["Job"]),
    **_calls("glue", "AWS::Glue::Table", ["Table"]),
    **_calls("route53", "AWS::Route53::HostedZone", ["HostedZone", "HostedZoneComment"], ".id"),
    **_calls("scheduler", "AWS::Scheduler::Schedule", ["Schedule"]),
    **_calls("states", "AWS::StepFunctions::StateMachine", ["StateMachine"]),
    **_calls("wafv2", "AWS::WAFv2::WebACL", ["WebACL"]),
}
"""(event source, event name) → members that mean something only in that call."""
