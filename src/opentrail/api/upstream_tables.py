"""What IAM calls the services, actions and resources of calls that somebody else serves: data, from the service authorization reference.

What is not in a table goes by the rule: the prefix is the signing name, the action the operation, and the resource cannot be told.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

PREFIXES: Mapping[str, str] = {
    # botocore's service → prefix of its actions, where that is not the signing name
    "cloudcontrol": "cloudformation",
    "cloudwatch": "cloudwatch",
    "iot-data": "iot",
    "iot-jobs-data": "iotjobsdata",
    "iotsecuretunneling": "iot",
    "mturk": "mechanicalturk",
    "resourcegroupstaggingapi": "tag",
    "sso": "sso",
}

ACTIONS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    # botocore's service → operation → actions, where they are not called like the operation
    "apigatewaymanagementapi": dict.fromkeys(("DeleteConnection", "GetConnection", "PostToConnection"), ("ManageConnections",)),
    "bedrock-runtime": {"Converse": ("InvokeModel",), "ConverseStream": ("InvokeModelWithResponseStream",)},
    "kms": {"ReEncrypt": ("ReEncryptFrom", "ReEncryptTo")},
    "lambda": {"Invoke": ("InvokeFunction",), "InvokeWithResponseStream": ("InvokeFunction",)},
    "secretsmanager": {"BatchGetSecretValue": ("BatchGetSecretValue", "GetSecretValue")},
    "sns": {"PublishBatch": ("Publish",)},
    "sqs": {
        "ChangeMessageVisibilityBatch": ("ChangeMessageVisibility",),
        "DeleteMessageBatch": ("DeleteMessage",),
        "SendMessageBatch": ("SendMessage",),
    },
}

PARTIQL: Mapping[str, str] = {
    "SELECT": "PartiQLSelect", "EXISTS": "PartiQLSelect", "INSERT": "PartiQLInsert", "UPDATE": "PartiQLUpdate", "DELETE": "PartiQLDelete",
}  # fmt: skip
"""First word of a statement → action of DynamoDB."""

TRANSACTED: Mapping[str, str] = {
    "Get": "GetItem", "Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem", "ConditionCheck": "ConditionCheckItem",
}  # fmt: skip
"""Member of an item of a DynamoDB transaction → action."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Where the resources of an operation are named."""

    members: tuple[str, ...]
    """Members of the parameters; the first one that is there counts. A list names several resources, a mapping does by its keys."""
    arn: str = ""
    """ARN of a bare name: `{partition}`, `{region}`, `{account}`, `{name}` (a leading `/` is dropped) or another member of the parameters.
    `""`: only ARNs can be told."""
    owner: str = ""
    """Member with the account of the resource, when it can be another than the caller's."""


_TABLE = Rule(
    members=("TableName", "TableArn", "ResourceArn", "BackupArn", "ExportArn", "ImportArn", "SourceTableArn", "RequestItems"),
    arn="arn:{partition}:dynamodb:{region}:{account}:table/{name}",
)
_QUEUE = Rule(
    members=("QueueUrl", "QueueName", "SourceArn"), arn="arn:{partition}:sqs:{region}:{account}:{name}", owner="QueueOwnerAWSAccountId"
)
_TOPIC = Rule(members=("TopicArn", "TargetArn", "ResourceArn"))
_FUNCTION = Rule(members=("FunctionName", "Resource"), arn="arn:{partition}:lambda:{region}:{account}:function:{name}")
_STREAM = Rule(members=("StreamARN", "StreamName", "ResourceARN"), arn="arn:{partition}:kinesis:{region}:{account}:stream/{name}")
_DELIVERY = Rule(members=("DeliveryStreamName",), arn="arn:{partition}:firehose:{region}:{account}:deliverystream/{name}")
_KEY = Rule(members=("KeyId",), arn="arn:{partition}:kms:{region}:{account}:key/{name}")
_PARAMETER = Rule(members=("Name", "Names", "Path"), arn="arn:{partition}:ssm:{region}:{account}:parameter/{name}")
_MACHINE = Rule(members=("stateMachineArn", "executionArn", "activityArn", "resourceArn"))
_REPOSITORY = Rule(
    members=("repositoryName", "repositoryNames"), arn="arn:{partition}:ecr:{region}:{account}:repository/{name}", owner="registryId"
)
_INSTANCES = Rule(members=("InstanceIds", "InstanceId"), arn="arn:{partition}:ec2:{region}:{account}:instance/{name}")
_LOG_STREAM = Rule(members=("logGroupName",), arn="arn:{partition}:logs:{region}:{account}:log-group:{name}:log-stream:{logStreamName}")
_ROLE = Rule(members=("RoleArn",))

RESOURCES: Mapping[str, Mapping[str, Rule]] = {
    # botocore's service → operation ("" is all others) → rule
    "dynamodb": {"": _TABLE},
    "dynamodbstreams": {"": Rule(members=("StreamArn",))},
    "ec2": dict.fromkeys(
        ("StartInstances", "StopInstances", "RebootInstances", "TerminateInstances", "MonitorInstances", "UnmonitorInstances",
         "GetConsoleOutput", "GetPasswordData"), _INSTANCES),
    "ecr": {"": _REPOSITORY},
    "firehose": {"": _DELIVERY},
    "kinesis": {"": _STREAM},
    "kms": {"": _KEY},
    "lambda": {"": _FUNCTION},
    "logs": dict.fromkeys(
        ("CreateLogGroup", "DeleteLogGroup", "PutRetentionPolicy", "DeleteRetentionPolicy", "DescribeLogStreams", "FilterLogEvents",
         "PutMetricFilter", "DeleteMetricFilter", "PutSubscriptionFilter", "DeleteSubscriptionFilter", "CreateLogStream",
         "DeleteLogStream", "GetLogEvents", "PutLogEvents"), _LOG_STREAM),
    "secretsmanager": {"": Rule(members=("SecretId",))},
    "sns": {"": _TOPIC, "CreateTopic": Rule(members=("Name",), arn="arn:{partition}:sns:{region}:{account}:{name}")},
    "sqs": {"": _QUEUE},
    "ssm": dict.fromkeys(
        ("DeleteParameter", "DeleteParameters", "GetParameter", "GetParameterHistory", "GetParameters", "GetParametersByPath",
         "PutParameter", "LabelParameterVersion", "UnlabelParameterVersion"), _PARAMETER),
    "stepfunctions": {"": _MACHINE},
    "sts": dict.fromkeys(("AssumeRole", "AssumeRoleWithSAML", "AssumeRoleWithWebIdentity"), _ROLE),
}  # fmt: skip

NO_RESOURCE: Mapping[str, tuple[str, ...]] = {
    # botocore's service → operations that act on no resource
    "dynamodb": ("DescribeEndpoints", "DescribeLimits", "ListBackups", "ListContributorInsights", "ListExports", "ListGlobalTables",
                 "ListImports", "ListTables"),
    "ec2": ("DescribeAccountAttributes", "DescribeAvailabilityZones", "DescribeImages", "DescribeInstanceStatus", "DescribeInstances",
            "DescribeInstanceTypes", "DescribeKeyPairs", "DescribeRegions", "DescribeRouteTables", "DescribeSecurityGroups",
            "DescribeSnapshots", "DescribeSubnets", "DescribeTags", "DescribeVolumes", "DescribeVpcs"),
    "ecr": ("GetAuthorizationToken",),
    "firehose": ("ListDeliveryStreams",),
    "kinesis": ("DescribeLimits", "ListStreams"),
    "kms": ("CreateKey", "GenerateRandom", "ListAliases", "ListKeys"),
    "lambda": ("GetAccountSettings", "ListEventSourceMappings", "ListFunctions", "ListLayers"),
    "logs": ("DescribeLogGroups",),
    "secretsmanager": ("GetRandomPassword", "ListSecrets"),
    "sns": ("ListSubscriptions", "ListTopics"),
    "sqs": ("ListQueues",),
    "ssm": ("DescribeParameters",),
    "stepfunctions": ("ListActivities", "ListStateMachines"),
    "sts": ("DecodeAuthorizationMessage", "GetAccessKeyInfo"),
}  # fmt: skip

NEEDS_NOTHING = frozenset({("sts", "GetCallerIdentity"), ("sts", "GetSessionToken")})
"""Operations (service, operation) that any caller with valid credentials may call."""
