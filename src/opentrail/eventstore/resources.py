"""Which resources an event is about: what `LookupEvents` prints as `Resources` and finds by name or type.

CloudTrail derives them from the request and the response (`CreateUser` shows the user, `RunInstances` the instance, image, subnet…), and
names types as AWS Config does. The knowledge is a table: per event source, which member means which resource type. A member
is written as its name (`instanceId`), or as `parent.name` where the name alone says too little (`user.arn`); EC2's `items` levels
do not count as parents. What the record's own `resources` array adds is taken too, by ARN and by name. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

Resource = tuple[str, str]
"""(type, name); the type is `""` where nobody knows it."""

LIMIT: Final = 100
"""Most resources kept for one event; a call that names more (a batch of thousands) keeps its first ones."""

MAX_NAME: Final = 2000
"""Longest name kept: `LookupEvents` cannot ask for a longer one (spec/history-and-insights.md §2)."""

MAX_DEPTH: Final = 12

_OPAQUE: Final = frozenset(
    ("tags", "tagSet", "tagsList", "tagList", "tagSpecificationSet", "bucketPolicy", "policyDocument", "assumeRolePolicyDocument")
)
"""Members whose content is the caller's own text, not names of resources."""

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
        "name": "AWS::CloudTrail::Trail",
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
    "sqs.amazonaws.com": {"queueName": "AWS::SQS::Queue", "queueUrl": "AWS::SQS::Queue"},
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
}
"""Event source → member → resource type, for every call of the service."""

_PARAMETER: Final = {"name": "AWS::SSM::Parameter", "names": "AWS::SSM::Parameter"}
_TOPIC: Final = {"name": "AWS::SNS::Topic"}
_SECRET: Final = {"name": "AWS::SecretsManager::Secret"}

FURTHER: Final[Mapping[tuple[str, str], Mapping[str, str]]] = {
    **{
        ("ssm.amazonaws.com", call): _PARAMETER
        for call in ("PutParameter", "GetParameter", "GetParameters", "DeleteParameter", "DeleteParameters", "GetParameterHistory")
    },
    ("ssm.amazonaws.com", "LabelParameterVersion"): _PARAMETER,
    **{
        ("ssm.amazonaws.com", call): {"name": "AWS::SSM::Document"}
        for call in ("CreateDocument", "DeleteDocument", "GetDocument", "UpdateDocument", "DescribeDocument", "ModifyDocumentPermission")
    },
    ("sns.amazonaws.com", "CreateTopic"): _TOPIC,
    ("secretsmanager.amazonaws.com", "CreateSecret"): _SECRET,
    ("dynamodb.amazonaws.com", "RestoreTableFromBackup"): {"targetTableName": "AWS::DynamoDB::Table"},
    ("s3.amazonaws.com", "CreateBucket"): {"bucketName": "AWS::S3::Bucket"},
}
"""(event source, event name) → members that mean something only in that call."""


def derive(
    source: str, name: str, request: Mapping[str, Any] | None, response: Mapping[str, Any] | None, listed: Sequence[Mapping[str, Any]]
) -> tuple[Resource, ...]:
    """The resources of one event, in the order found, each once: request, response, then the record's own `resources`."""
    members = MEMBERS.get(source)
    further = FURTHER.get((source, name))
    found: dict[str, str] = {}
    if members or further:
        table = {**(members or {}), **(further or {})} if further else members or {}
        for tree in (request, response):
            if tree:
                _walk(tree, "", table, found, 0)
    for type_, listed_name in _listed(listed):
        _keep(found, listed_name, type_)
    return tuple((type_, known) for known, type_ in found.items())


def has_rules(source: str) -> bool:
    """Whether the request and response of `source` need to be looked into at all."""
    return source in MEMBERS


def arn_name(arn: str) -> str:
    """The name at the end of an ARN: `arn:aws:iam::1:role/a/b` → `b`, `arn:aws:s3:::bucket` → `bucket`."""
    resource = arn.split(":", 5)[-1]
    return resource.rsplit("/", 1)[-1].rsplit(":", 1)[-1]


def _listed(entries: Sequence[Mapping[str, Any]]) -> Iterable[Resource]:
    for entry in entries:
        arn = entry.get("ARN")
        if not isinstance(arn, str) or not arn:
            continue
        type_ = entry.get("type")
        type_ = type_ if isinstance(type_, str) else ""
        yield type_, arn
        if arn.startswith("arn:") and (name := arn_name(arn)):
            yield type_, name


def _keep(found: dict[str, str], name: str, type_: str) -> None:
    if name and len(name) <= MAX_NAME and len(found) < LIMIT and not found.get(name):
        found[name] = type_


def _walk(tree: Mapping[str, Any], parent: str, table: Mapping[str, str], found: dict[str, str], depth: int) -> None:
    for member, value in tree.items():
        if isinstance(value, str):
            type_ = table.get(member) or table.get(f"{parent}.{member}")
            if type_:
                _keep(found, value, type_)
        elif member in _OPAQUE or depth >= MAX_DEPTH:
            continue
        elif isinstance(value, dict):
            _walk(value, parent if member == "items" else member, table, found, depth + 1)
        elif isinstance(value, list):
            type_ = table.get(member) or ""
            for item in value:
                if isinstance(item, dict):
                    _walk(item, parent if member == "items" else member, table, found, depth + 1)
                elif type_ and isinstance(item, str):
                    _keep(found, item, type_)
