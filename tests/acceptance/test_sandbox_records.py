"""What a developer's calls to the sandbox look like in the event history: boto3 against a real server, record by record."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from simulators.running import RunningOpenTrail

ACCOUNT = "123456789012"
CANARY = "canary-Zq9-7f3e"
"""Part of every secret that is sent; it may stand in no record and in no log."""
CANARY_64 = base64.b64encode(CANARY.encode()).decode()
ROLE = f"arn:aws:iam::{ACCOUNT}:role/runner"
TRUST = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}'
HIDDEN = "HIDDEN_DUE_TO_SECURITY_REASONS"
TOKENS = frozenset({"clientToken", "clientRequestToken"})
"""Parameters that the client makes up."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """One call and the main facts of its record. `$name` in any text is what an earlier call kept under `name`."""

    call: str
    """Client and method of boto3."""
    sent: Mapping[str, Any] = field(default_factory=dict)
    event: str
    """First label of `eventSource`, and `eventName`."""
    printed: Mapping[str, Any] | None = None
    """`requestParameters`, all of them."""
    answered: Mapping[str, Any] | None = None
    """What `responseElements` hold at least; `None` when they are null."""
    error: str | None = None
    """`errorCode` of the record."""
    reads: bool = False
    resources: tuple[str, ...] = ()
    """The ARNs in `resources`."""
    region: str = "us-east-1"
    recorded_in: str | None = None
    """`awsRegion`, where it is not `region`."""
    keep: Mapping[str, str] = field(default_factory=dict)
    """Name → path in the result."""


def write(call: str, event: str, **facts: Any) -> Case:
    return Case(call=call, event=event, **facts)


def read(call: str, event: str, **facts: Any) -> Case:
    return Case(call=call, event=event, reads=True, **facts)


ITEMS = "items"
KEY_ARN = "arn:aws:kms:us-east-1:123456789012:key/$key"
TABLE_ARN = "arn:aws:dynamodb:us-east-1:123456789012:table/t1"
TABLE = {
    "TableName": "t1",
    "KeySchema": [{"AttributeName": "k", "KeyType": "HASH"}],
    "AttributeDefinitions": [{"AttributeName": "k", "AttributeType": "S"}],
    "BillingMode": "PAY_PER_REQUEST",
}
PRINTED_TABLE = {
    "tableName": "t1",
    "keySchema": [{"attributeName": "k", "keyType": "HASH"}],
    "attributeDefinitions": [{"attributeName": "k", "attributeType": "S"}],
    "billingMode": "PAY_PER_REQUEST",
}
DATABASE = {
    "DBInstanceIdentifier": "db1",
    "DBInstanceClass": "db.t3.micro",
    "Engine": "postgres",
    "MasterUsername": "ana",
    "MasterUserPassword": CANARY,
    "AllocatedStorage": 20,
}

CASES = [
    # EC2: its own names, sets of items, a request id in the response; errors say whose mistake it was
    write("ec2.create_vpc", "ec2:CreateVpc", sent={"CidrBlock": "10.0.0.0/16"}, printed={"cidrBlock": "10.0.0.0/16"},
          answered={"requestId": "$request_id", "vpc": {"cidrBlock": "10.0.0.0/16", "vpcId": "$vpc"}}, keep={"vpc": "Vpc.VpcId"}),
    read("ec2.describe_vpcs", "ec2:DescribeVpcs", sent={"VpcIds": ["$vpc"]},
         printed={"vpcSet": {ITEMS: [{"vpcId": "$vpc"}]}, "filterSet": {}}),
    read("ec2.describe_regions", "ec2:DescribeRegions", region="eu-west-1", sent={"RegionNames": ["us-east-1"]},
         printed={"regionSet": {ITEMS: [{"regionName": "us-east-1"}]}}),
    read("ec2.describe_vpcs", "ec2:DescribeVpcs", sent={"VpcIds": ["vpc-0"]}, error="Client.InvalidVpcID.NotFound",
         printed={"vpcSet": {ITEMS: [{"vpcId": "vpc-0"}]}, "filterSet": {}}),
    write("ec2.create_security_group", "ec2:CreateSecurityGroup", sent={"GroupName": "web", "Description": "d", "VpcId": "$vpc"},
          printed={"groupName": "web", "groupDescription": "d", "vpcId": "$vpc"}, answered={"_return": True, "groupId": "$group"},
          keep={"group": "GroupId"}),
    write("ec2.create_key_pair", "ec2:CreateKeyPair", sent={"KeyName": "door"}, printed={"keyName": "door"},
          answered={"keyName": "door", "keyMaterial": "<sensitiveDataRemoved>"}),
    write("ec2.create_launch_template", "ec2:CreateLaunchTemplate",
          sent={"LaunchTemplateName": "lt", "LaunchTemplateData": {"ImageId": "ami-12c6146b", "UserData": CANARY_64}},
          printed={"CreateLaunchTemplateRequest": {"LaunchTemplateName": "lt", "LaunchTemplateData": {
              "ImageId": "ami-12c6146b", "UserData": "<sensitiveDataRemoved>"}, "ClientToken": "$any"}},
          answered={"CreateLaunchTemplateResponse": {"launchTemplate": {"launchTemplateName": "lt"}}}),
    write("ec2.delete_security_group", "ec2:DeleteSecurityGroup", sent={"GroupId": "sg-0"}, printed={"groupId": "sg-0"},
          error="Client.InvalidGroup.NotFound"),
    # Lambda (rest-json): names with a date; the environment's values stay out
    write("iam.create_role", "iam:CreateRole", sent={"RoleName": "runner", "AssumeRolePolicyDocument": TRUST},
          printed={"roleName": "runner", "assumeRolePolicyDocument": TRUST}, answered={"role": {"roleName": "runner", "arn": ROLE}}),
    write("lambda.create_function", "lambda:CreateFunction20150331",
          sent={"FunctionName": "f1", "Runtime": "python3.11", "Role": ROLE, "Handler": "f.run", "Code": {"ZipFile": b"PK"},
                "Environment": {"Variables": {"DB_PASSWORD": CANARY}}},
          printed={"functionName": "f1", "runtime": "python3.11", "role": ROLE, "handler": "f.run", "code": {}, "publish": False,
                   "environment": {}},
          answered={"functionName": "f1", "functionArn": f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:f1", "environment": {}}),
    write("lambda.delete_function", "lambda:DeleteFunction20150331", sent={"FunctionName": "f1"}, printed={"functionName": "f1"}),
    write("lambda.delete_function", "lambda:DeleteFunction20150331", sent={"FunctionName": "f1"}, printed={"functionName": "f1"},
          error="ResourceNotFoundException"),
    # DynamoDB (json 1.0): the table is listed, whether it is there or not
    write("dynamodb.create_table", "dynamodb:CreateTable", sent=TABLE, printed=PRINTED_TABLE,
          answered={"tableDescription": {"tableName": "t1", "tableArn": TABLE_ARN}}, resources=(TABLE_ARN,)),
    write("dynamodb.create_table", "dynamodb:CreateTable", sent=TABLE, printed=PRINTED_TABLE, error="ResourceInUseException",
          resources=(TABLE_ARN,)),
    read("dynamodb.list_tables", "dynamodb:ListTables"),
    # SQS and SNS: administration is recorded, messages are data events
    write("sqs.create_queue", "sqs:CreateQueue", sent={"QueueName": "q1", "Attributes": {"DelaySeconds": "5"}},
          printed={"queueName": "q1", "attributes": {"DelaySeconds": "5"}}, answered={"queueUrl": "$queue"}, keep={"queue": "QueueUrl"}),
    read("sqs.get_queue_url", "sqs:GetQueueUrl", sent={"QueueName": "q9"}, printed={"queueName": "q9"},
         error="AWS.SimpleQueueService.NonExistentQueue"),
    write("sns.create_topic", "sns:CreateTopic", sent={"Name": "news"}, printed={"name": "news"}, answered={"topicArn": "$topic"},
          keep={"topic": "TopicArn"}),
    write("sns.create_platform_application", "sns:CreatePlatformApplication",
          sent={"Name": "app", "Platform": "GCM", "Attributes": {"PlatformCredential": CANARY}},
          printed={"name": "app", "platform": "GCM", "attributes": {"PlatformCredential": HIDDEN}}, error="NotImplemented"),
    read("sns.get_topic_attributes", "sns:GetTopicAttributes", sent={"TopicArn": "$topic-not"}, printed={"topicArn": "$topic-not"},
         error="NotFoundException"),
    # KMS: cryptography reads; neither plaintext nor ciphertext is printed
    write("kms.create_key", "kms:CreateKey", sent={"Description": "d"},
          printed={"description": "d", "origin": "AWS_KMS", "keyUsage": "ENCRYPT_DECRYPT", "bypassPolicyLockoutSafetyCheck": False,
                   "keySpec": "SYMMETRIC_DEFAULT", "customerMasterKeySpec": "SYMMETRIC_DEFAULT"},
          answered={"keyMetadata": {"keyId": "$key", "arn": KEY_ARN}}, resources=(KEY_ARN,), keep={"key": "KeyMetadata.KeyId"}),
    read("kms.encrypt", "kms:Encrypt", sent={"KeyId": "$key", "Plaintext": CANARY.encode(), "EncryptionContext": {"a": "b"}},
         printed={"keyId": "$key", "encryptionContext": {"a": "b"}, "encryptionAlgorithm": "SYMMETRIC_DEFAULT"}, resources=(KEY_ARN,)),
    write("kms.schedule_key_deletion", "kms:ScheduleKeyDeletion", sent={"KeyId": "$key", "PendingWindowInDays": 7},
          printed={"keyId": "$key", "pendingWindowInDays": 7}, answered={"keyId": KEY_ARN}, resources=(KEY_ARN,)),
    # Parameters and secrets
    write("ssm.put_parameter", "ssm:PutParameter", sent={"Name": "/app/door", "Value": CANARY, "Type": "SecureString"},
          printed={"name": "/app/door", "value": HIDDEN, "type": "SecureString"}, answered={"version": 1},
          resources=(f"arn:aws:ssm:us-east-1:{ACCOUNT}:parameter/app/door",)),
    read("ssm.get_parameter", "ssm:GetParameter", sent={"Name": "/app/door", "WithDecryption": True},
         printed={"name": "/app/door", "withDecryption": True}, resources=(f"arn:aws:ssm:us-east-1:{ACCOUNT}:parameter/app/door",)),
    write("secretsmanager.create_secret", "secretsmanager:CreateSecret", sent={"Name": "s1", "SecretString": CANARY},
          printed={"name": "s1"}, answered={"arn": "$secret"}, keep={"secret": "ARN"}),
    read("secretsmanager.get_secret_value", "secretsmanager:GetSecretValue", sent={"SecretId": "s1"}, printed={"secretId": "s1"}),
    # RDS (query): the result without the structure around it
    write("rds.create_db_instance", "rds:CreateDBInstance", sent=DATABASE,
          printed={"dBInstanceIdentifier": "db1", "dBInstanceClass": "db.t3.micro", "engine": "postgres", "masterUsername": "ana",
                   "masterUserPassword": HIDDEN, "allocatedStorage": 20},
          answered={"dBInstanceIdentifier": "db1", "engine": "postgres"}),
    write("rds.delete_db_instance", "rds:DeleteDBInstance", sent={"DBInstanceIdentifier": "db9", "SkipFinalSnapshot": True},
          printed={"dBInstanceIdentifier": "db9", "skipFinalSnapshot": True}, error="DBInstanceNotFoundFault"),
    # Route 53 (rest-xml): a global service
    write("route53.create_hosted_zone", "route53:CreateHostedZone", region="eu-west-1", recorded_in="us-east-1",
          sent={"Name": "example.com", "CallerReference": "1"}, printed={"name": "example.com", "callerReference": "1"},
          answered={"hostedZone": {"name": "example.com."}}),
    read("route53.get_hosted_zone", "route53:GetHostedZone", sent={"Id": "Z0"}, printed={"id": "Z0"}, error="NoSuchHostedZone"),
    # CloudFormation: keys of parameters, not their values
    write("cloudformation.create_stack", "cloudformation:CreateStack",
          sent={"StackName": "st", "TemplateBody": '{"Resources":{"Q":{"Type":"AWS::SQS::Queue"}},"Parameters":{"P":{"Type":"String"}}}',
                "Parameters": [{"ParameterKey": "P", "ParameterValue": CANARY}]},
          printed={"stackName": "st", "parameters": [{"parameterKey": "P"}]}, answered={"stackId": "$stack"}, keep={"stack": "StackId"}),
    # API Gateway, Step Functions, logs, CloudWatch, EventBridge
    write("apigateway.create_api_key", "apigateway:CreateApiKey", sent={"name": "k", "value": CANARY + "0123456789"},
          printed={"name": "k", "value": HIDDEN}, answered={"name": "k", "value": HIDDEN}),
    read("stepfunctions.describe_state_machine", "states:DescribeStateMachine",
         sent={"stateMachineArn": f"arn:aws:states:us-east-1:{ACCOUNT}:stateMachine:m"},
         printed={"stateMachineArn": f"arn:aws:states:us-east-1:{ACCOUNT}:stateMachine:m"}, error="StateMachineDoesNotExist"),
    write("logs.create_log_group", "logs:CreateLogGroup", sent={"logGroupName": "/g"}, printed={"logGroupName": "/g"}),
    write("cloudwatch.put_metric_alarm", "monitoring:PutMetricAlarm",
          sent={"AlarmName": "al", "MetricName": "m", "Namespace": "n", "Statistic": "Sum", "Period": 60, "EvaluationPeriods": 1,
                "Threshold": 1.5, "ComparisonOperator": "GreaterThanThreshold"},
          printed={"alarmName": "al", "metricName": "m", "namespace": "n", "statistic": "Sum", "period": 60, "evaluationPeriods": 1,
                   "threshold": 1.5, "comparisonOperator": "GreaterThanThreshold"}),
    write("events.put_rule", "events:PutRule", sent={"Name": "r1", "EventPattern": '{"source":["x"]}'},
          printed={"name": "r1", "eventPattern": '{"source":["x"]}'}, answered={"ruleArn": f"arn:aws:events:us-east-1:{ACCOUNT}:rule/r1"}),
    write("events.create_connection", "events:CreateConnection",
          sent={"Name": "c1", "AuthorizationType": "BASIC",
                "AuthParameters": {"BasicAuthParameters": {"Username": "u", "Password": CANARY}}},
          printed={"name": "c1", "authorizationType": "BASIC",
                   "authParameters": {"basicAuthParameters": {"username": "u", "password": HIDDEN}}},
          answered={"connectionState": "AUTHORIZED"}),
    # Containers, streams, catalogues, mail
    write("ecr.create_repository", "ecr:CreateRepository", sent={"repositoryName": "repo"}, printed={"repositoryName": "repo"},
          answered={"repository": {"repositoryName": "repo"}}, resources=(f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/repo",)),
    write("kinesis.create_stream", "kinesis:CreateStream", sent={"StreamName": "ks", "ShardCount": 1},
          printed={"streamName": "ks", "shardCount": 1}),
    write("glue.create_connection", "glue:CreateConnection",
          sent={"ConnectionInput": {"Name": "gc", "ConnectionType": "JDBC", "ConnectionProperties": {"PASSWORD": CANARY}}},
          printed={"connectionInput": {"name": "gc", "connectionType": "JDBC", "connectionProperties": {"PASSWORD": HIDDEN}}},
          answered={"createConnectionStatus": "READY"}),
    write("ses.verify_email_identity", "ses:VerifyEmailIdentity", sent={"EmailAddress": "ana@example.com"},
          printed={"emailAddress": "ana@example.com"}),
]  # fmt: skip


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningOpenTrail]:
    with RunningOpenTrail(tmp_path_factory.mktemp("sandbox-records"), options=("--sandbox",)) as server:
        yield server


@dataclass(frozen=True)
class Done:
    """A call that was made: its request id as the client was told, and the values for `$name`."""

    request_id: str
    known: Mapping[str, str]


@pytest.fixture(scope="module")
def calls(running: RunningOpenTrail) -> list[Done]:
    """Every call of the table, in its order."""
    clients: dict[tuple[str, str], Any] = {}
    known: dict[str, str] = {}
    done: list[Done] = []
    for case in CASES:
        service, _, method = case.call.partition(".")
        if (service, case.region) not in clients:
            clients[service, case.region] = running.client(service, region=case.region)
        try:
            result = getattr(clients[service, case.region], method)(**filled(case.sent, known))
        except ClientError as error:
            if case.error is None:
                raise
            result = error.response
        for name, path in case.keep.items():
            value = result
            for step in path.split("."):
                value = value[step]
            known[name] = str(value)
        request_id = result["ResponseMetadata"]["RequestId"]
        done.append(Done(request_id, {**known, "request_id": request_id}))
    return done


@pytest.fixture(scope="module")
def records(running: RunningOpenTrail, calls: list[Done]) -> dict[str, dict[str, Any]]:
    """The records of the event history by request id."""
    found: dict[str, dict[str, Any]] = {}
    for region in ("us-east-1", "eu-west-1"):
        for page in running.client("cloudtrail", region=region).get_paginator("lookup_events").paginate():
            for event in page["Events"]:
                record = json.loads(event["CloudTrailEvent"])
                assert record["requestID"] not in found, "two records of one call"
                found[record["requestID"]] = {"looked_up": event, **record}
    return found


@pytest.mark.parametrize("number", range(len(CASES)), ids=[f"{number}-{case.event}" for number, case in enumerate(CASES)])
def test_the_record_tells_what_was_done(
    number: int, running: RunningOpenTrail, calls: list[Done], records: dict[str, dict[str, Any]]
) -> None:
    case, done = CASES[number], calls[number]
    record = records[done.request_id]
    source, _, name = case.event.partition(":")
    assert (record["eventSource"], record["eventName"]) == (f"{source}.amazonaws.com", name)
    assert (record["readOnly"], record.get("errorCode")) == (case.reads, case.error)
    assert ("errorMessage" in record) == (case.error is not None)
    printed = filled(case.printed, done.known)
    assert without_tokens(record["requestParameters"]) == printed
    if case.answered is None:
        assert record["responseElements"] is None
    else:
        assert_holds(record["responseElements"], filled(case.answered, done.known))
    assert [entry["ARN"] for entry in record.get("resources", [])] == [filled(arn, done.known) for arn in case.resources]
    assert record["awsRegion"] == (case.recorded_in or case.region)
    assert record["userIdentity"] == {
        "type": "Root", "principalId": ACCOUNT, "arn": f"arn:aws:iam::{ACCOUNT}:root", "accountId": ACCOUNT, "accessKeyId": running.key[0],
    }  # fmt: skip
    assert record["sourceIPAddress"] == "127.0.0.1"
    assert "Boto3/" in record["userAgent"]
    assert (record["eventType"], record["eventCategory"], record["managementEvent"]) == ("AwsApiCall", "Management", True)
    assert record["recipientAccountId"] == ACCOUNT
    assert abs((datetime.now(UTC) - datetime.fromisoformat(record["eventTime"])).total_seconds()) < 600
    looked_up = record["looked_up"]
    assert (looked_up["EventId"], looked_up["EventName"], looked_up["ReadOnly"]) == (record["eventID"], name, str(case.reads).lower())


def test_no_secret_is_in_a_record_or_a_log(running: RunningOpenTrail, records: dict[str, dict[str, Any]]) -> None:
    logs = [running.log, *(path for path in (running.data / "logs").rglob("*") if path.is_file())]
    written = {path.name: path.read_text() for path in logs} | {"records": json.dumps(records, default=str)}
    assert [name for name, text in written.items() if CANARY in text or CANARY_64 in text] == []


@pytest.mark.parametrize(
    ("name", "kind", "event"),
    [
        ("q1", "AWS::SQS::Queue", "CreateQueue"),
        ("al", "AWS::CloudWatch::Alarm", "PutMetricAlarm"),
        ("r1", "AWS::Events::Rule", "PutRule"),
        ("st", "AWS::CloudFormation::Stack", "CreateStack"),
        ("repo", "AWS::ECR::Repository", "CreateRepository"),
        ("t1", "AWS::DynamoDB::Table", "CreateTable"),
        ("/app/door", "AWS::SSM::Parameter", "PutParameter"),
        ("db1", "AWS::RDS::DBInstance", "CreateDBInstance"),
    ],
)
def test_a_resource_of_a_forwarded_service_is_found_by_its_name(
    name: str, kind: str, event: str, running: RunningOpenTrail, calls: list[Done]
) -> None:
    client = running.client("cloudtrail")
    found = client.lookup_events(LookupAttributes=[{"AttributeKey": "ResourceName", "AttributeValue": name}])["Events"]
    assert event in {entry["EventName"] for entry in found}
    assert {"ResourceType": kind, "ResourceName": name} in found[0]["Resources"]


def filled(value: Any, known: Mapping[str, str]) -> Any:
    """`value` with what is known in place of each `$name`."""
    if isinstance(value, Mapping):
        return {key: filled(item, known) for key, item in value.items()}
    if isinstance(value, list):
        return [filled(item, known) for item in value]
    return re.sub(r"\$(\w+)", lambda found: known.get(found[1], found[0]), value) if isinstance(value, str) else value


def without_tokens(value: Any) -> Any:
    """`value` without the idempotency tokens the client added; EC2's younger operations print theirs inside."""
    if not isinstance(value, dict):
        return value
    return {key: "$any" if key == "ClientToken" else without_tokens(item) for key, item in value.items() if key not in TOKENS}


def assert_holds(found: Any, wanted: Any) -> None:
    """`found` has at least the members of `wanted`."""
    if isinstance(wanted, dict):
        assert isinstance(found, dict)
        for key, item in wanted.items():
            assert key in found
            assert_holds(found[key], item)
    else:
        assert found == wanted
