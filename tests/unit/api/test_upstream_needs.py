"""`identity.enforce_upstream`: what a forwarded call needs, and that it is not forwarded without."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from opentrail.api.call import Call
from opentrail.api.endpoint import Outcome
from opentrail.api.reading import Asked
from opentrail.api.upstream_needs import upstream_needs
from opentrail.identity.credentials import Credential
from opentrail.identity.policies import Policy
from opentrail.identity.principals import Principal
from opentrail.identity.sessions import SessionTerms
from opentrail.wire.http import Headers, Request
from opentrail.wire.models import Operation
from simulators.front_door import ACCOUNT, Answered, FrontDoor, Upstream, catalogue, plain

ALICE = Principal(type="IAMUser", account_id=ACCOUNT, principal_id="AIDA1", arn=f"arn:aws:iam::{ACCOUNT}:user/alice", user_name="alice")
TABLE = f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/"
KEY = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/"


def operation(service: str, name: str) -> Operation:
    return catalogue().service(service).operation(name)


def call(service: str, name: str, parameters: dict[str, Any], *, path: str = "/", method: str = "POST", query: str = "") -> Call:
    return Call(
        service=service,
        operation=name,
        parameters=parameters,
        caller=ALICE,
        account_id=ACCOUNT,
        region="us-east-1",
        request_id="r",
        source_ip="198.51.100.7",
        user_agent="",
        time=datetime(2026, 1, 5, tzinfo=UTC),
        secure=True,
        request=Request(method=method, path=path, query=query, headers=Headers([]), body=b""),
    )


UNKNOWN = None
NEEDS: list[tuple[str, str, dict[str, Any], list[tuple[str, str | None]]]] = [
    # the rule: signing name and operation, and no resource that could be told
    ("glue", "GetTable", {"Name": "t"}, [("glue:GetTable", UNKNOWN)]),
    ("cloudwatch", "PutMetricAlarm", {}, [("cloudwatch:PutMetricAlarm", UNKNOWN)]),
    ("elbv2", "DescribeLoadBalancers", {}, [("elasticloadbalancing:DescribeLoadBalancers", UNKNOWN)]),
    ("stepfunctions", "StartExecution", {"stateMachineArn": "arn:aws:states:x"}, [("states:StartExecution", "arn:aws:states:x")]),
    ("resourcegroupstaggingapi", "GetResources", {}, [("tag:GetResources", UNKNOWN)]),
    ("cloudcontrol", "CreateResource", {}, [("cloudformation:CreateResource", UNKNOWN)]),
    ("bedrock-runtime", "Converse", {"modelId": "m"}, [("bedrock:InvokeModel", UNKNOWN)]),
    # dynamodb
    ("dynamodb", "GetItem", {"TableName": "orders"}, [("dynamodb:GetItem", TABLE + "orders")]),
    ("dynamodb", "GetItem", {"TableName": TABLE + "orders"}, [("dynamodb:GetItem", TABLE + "orders")]),
    ("dynamodb", "Query", {"TableName": "orders", "IndexName": "by-day"}, [("dynamodb:Query", TABLE + "orders/index/by-day")]),
    ("dynamodb", "ListTables", {}, [("dynamodb:ListTables", "*")]),
    ("dynamodb", "GetItem", {}, [("dynamodb:GetItem", UNKNOWN)]),
    (
        "dynamodb",
        "BatchGetItem",
        {"RequestItems": {"a": {}, "b": {}}},
        [("dynamodb:BatchGetItem", TABLE + "a"), ("dynamodb:BatchGetItem", TABLE + "b")],
    ),
    (
        "dynamodb",
        "TransactWriteItems",
        {"TransactItems": [{"Put": {"TableName": "a"}}, {"ConditionCheck": {"TableName": "b"}}]},
        [("dynamodb:PutItem", TABLE + "a"), ("dynamodb:ConditionCheckItem", TABLE + "b")],
    ),
    ("dynamodb", "ExecuteStatement", {"Statement": "select * from secrets"}, [("dynamodb:PartiQLSelect", UNKNOWN)]),
    (
        "dynamodb",
        "BatchExecuteStatement",
        {"Statements": [{"Statement": "UPDATE x"}, {"Statement": "DELETE FROM x"}]},
        [("dynamodb:PartiQLDelete", UNKNOWN), ("dynamodb:PartiQLUpdate", UNKNOWN)],
    ),
    (
        "dynamodb",
        "ExecuteStatement",
        {"Statement": "/* what? */"},
        [(f"dynamodb:PartiQL{way}", UNKNOWN) for way in ("Delete", "Insert", "Select", "Update")],
    ),
    # lambda
    ("lambda", "Invoke", {"FunctionName": "f"}, [("lambda:InvokeFunction", f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:f")]),
    (
        "lambda",
        "Invoke",
        {"FunctionName": "f", "Qualifier": "prod"},
        [("lambda:InvokeFunction", f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:f:prod")],
    ),
    (
        "lambda",
        "Invoke",
        {"FunctionName": "444455556666:function:f:prod"},
        [("lambda:InvokeFunction", "arn:aws:lambda:us-east-1:444455556666:function:f:prod")],
    ),
    ("lambda", "ListFunctions", {}, [("lambda:ListFunctions", "*")]),
    ("lambda", "GetLayerVersion", {"LayerName": "l"}, [("lambda:GetLayerVersion", UNKNOWN)]),
    # queues, topics, streams
    (
        "sqs",
        "SendMessageBatch",
        {"QueueUrl": "https://sqs.us-east-1.amazonaws.com/444455556666/jobs"},
        [("sqs:SendMessage", "arn:aws:sqs:us-east-1:444455556666:jobs")],
    ),
    ("sqs", "SendMessage", {"QueueUrl": "https://elsewhere.example.com/jobs"}, [("sqs:SendMessage", UNKNOWN)]),
    ("sqs", "CreateQueue", {"QueueName": "jobs"}, [("sqs:CreateQueue", f"arn:aws:sqs:us-east-1:{ACCOUNT}:jobs")]),
    ("sns", "PublishBatch", {"TopicArn": "arn:aws:sns:x:1:t"}, [("sns:Publish", "arn:aws:sns:x:1:t")]),
    ("sns", "Publish", {"PhoneNumber": "+1"}, [("sns:Publish", UNKNOWN)]),
    ("kinesis", "PutRecord", {"StreamName": "s"}, [("kinesis:PutRecord", f"arn:aws:kinesis:us-east-1:{ACCOUNT}:stream/s")]),
    (
        "events",
        "PutEvents",
        {"Entries": [{"EventBusName": "orders"}, {}]},
        [
            ("events:PutEvents", f"arn:aws:events:us-east-1:{ACCOUNT}:event-bus/orders"),
            ("events:PutEvents", f"arn:aws:events:us-east-1:{ACCOUNT}:event-bus/default"),
        ],
    ),
    # keys, secrets, parameters
    ("kms", "Encrypt", {"KeyId": "1234"}, [("kms:Encrypt", KEY + "1234")]),
    ("kms", "Encrypt", {"KeyId": "alias/app"}, [("kms:Encrypt", UNKNOWN)]),
    ("kms", "Decrypt", {}, [("kms:Decrypt", UNKNOWN)]),
    (
        "kms",
        "ReEncrypt",
        {"SourceKeyId": KEY + "1", "DestinationKeyId": "alias/b"},
        [("kms:ReEncryptFrom", KEY + "1"), ("kms:ReEncryptTo", UNKNOWN)],
    ),
    ("secretsmanager", "GetSecretValue", {"SecretId": "app"}, [("secretsmanager:GetSecretValue", UNKNOWN)]),
    ("secretsmanager", "GetSecretValue", {"SecretId": "arn:aws:s:x"}, [("secretsmanager:GetSecretValue", "arn:aws:s:x")]),
    ("ssm", "GetParameter", {"Name": "/app/key"}, [("ssm:GetParameter", f"arn:aws:ssm:us-east-1:{ACCOUNT}:parameter/app/key")]),
    (
        "ssm",
        "GetParameters",
        {"Names": ["a", "/b"]},
        [("ssm:GetParameters", f"arn:aws:ssm:us-east-1:{ACCOUNT}:parameter/{name}") for name in "ab"],
    ),
    # logs, registries, instances, gateways
    (
        "logs",
        "PutLogEvents",
        {"logGroupName": "app", "logStreamName": "1"},
        [("logs:PutLogEvents", f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:app:log-stream:1")],
    ),
    (
        "ecr",
        "BatchGetImage",
        {"repositoryName": "web", "registryId": "444455556666"},
        [("ecr:BatchGetImage", "arn:aws:ecr:us-east-1:444455556666:repository/web")],
    ),
    (
        "ec2",
        "TerminateInstances",
        {"InstanceIds": ["i-1", "i-2"]},
        [("ec2:TerminateInstances", f"arn:aws:ec2:us-east-1:{ACCOUNT}:instance/{name}") for name in ("i-1", "i-2")],
    ),
    ("ec2", "DescribeInstances", {}, [("ec2:DescribeInstances", "*")]),
    ("ec2", "RunInstances", {}, [("ec2:RunInstances", UNKNOWN)]),
    ("apigateway", "GetRestApis", {}, [("apigateway:POST", "arn:aws:apigateway:us-east-1::/restapis")]),
    # sts, as anybody may ask who they are
    ("sts", "GetCallerIdentity", {}, []),
    ("sts", "AssumeRole", {"RoleArn": "arn:aws:iam::1:role/r"}, [("sts:AssumeRole", "arn:aws:iam::1:role/r")]),
    # open to everybody by the service's own model
    ("cognito-idp", "SignUp", {"ClientId": "c"}, []),
    # s3
    ("s3", "ListBuckets", {}, [("s3:ListAllMyBuckets", "*")]),
    ("s3", "GetObject", {"Bucket": "b", "Key": "k"}, [("s3:GetObject", "arn:aws:s3:::b/k")]),
    ("s3", "ListObjectsV2", {"Bucket": "b"}, [("s3:ListBucket", "arn:aws:s3:::b")]),
    ("s3", "GetObject", {}, [("s3:GetObject", UNKNOWN)]),
    ("s3", "DeleteObjects", {"Bucket": "b", "Delete": {"Objects": []}}, [("s3:DeleteObjects", UNKNOWN)]),
    (
        "s3",
        "CopyObject",
        {"Bucket": "b", "Key": "k", "CopySource": "a/j"},
        [("s3:PutObject", "arn:aws:s3:::b/k"), ("s3:GetObject", "arn:aws:s3:::a/j")],
    ),
    (
        "s3",
        "CopyObject",
        {"Bucket": "b", "Key": "k", "CopySource": "?"},
        [("s3:PutObject", "arn:aws:s3:::b/k"), ("s3:GetObject", UNKNOWN)],
    ),
]


@pytest.mark.parametrize(("service", "name", "parameters", "wanted"), NEEDS, ids=[f"{row[0]}.{row[1]}-{n}" for n, row in enumerate(NEEDS)])
def test_action_and_resource(service: str, name: str, parameters: dict[str, Any], wanted: list[tuple[str, str | None]]) -> None:
    path = "/restapis" if service == "apigateway" else "/"
    found = upstream_needs(call(service, name, parameters, path=path), operation(service, name))
    assert [(need.action, need.resource if need.resource_known else None) for need in found] == wanted
    assert all(need.resource_known or need.resource == "*" for need in found)


def test_every_operation_has_needs() -> None:
    """Whatever is asked, with nothing in it: no failure, and a permission for everything that is not open by its model."""
    for name in (
        "dynamodb",
        "dynamodbstreams",
        "events",
        "kms",
        "lambda",
        "logs",
        "s3",
        "sns",
        "sqs",
        "ssm",
        "stepfunctions",
        "sts",
        "ec2",
    ):
        service = catalogue().service(name)
        for each in service.model.operation_names:
            found = upstream_needs(call(name, each, {}), service.operation(each))
            assert found or (name == "sts" and each.startswith(("GetCaller", "GetSession", "AssumeRoleWith"))), each


TAGS: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("list", {"Tags": [{"Key": "team", "Value": "blue"}]}, {"aws:RequestTag/team": ("blue",), "aws:TagKeys": ("team",)}),
    ("list of others", {"Tags": [{"TagKey": "team", "TagValue": "blue"}]}, {"aws:RequestTag/team": ("blue",), "aws:TagKeys": ("team",)}),
    ("mapping", {"tags": {"team": "blue"}}, {"aws:RequestTag/team": ("blue",), "aws:TagKeys": ("team",)}),
    ("names", {"TagKeys": ["team"]}, {"aws:TagKeys": ("team",)}),
    ("none", {"Name": "x"}, {}),
]


@pytest.mark.parametrize(("parameters", "context"), [row[1:] for row in TAGS], ids=[row[0] for row in TAGS])
def test_tags_of_the_request_are_told(parameters: dict[str, Any], context: dict[str, Any]) -> None:
    (need,) = upstream_needs(call("glue", "CreateJob", parameters), operation("glue", "CreateJob"))
    assert dict(need.context) == context
    assert need.unknown is not None
    assert not need.unknown("aws:requesttag/team")


@pytest.mark.parametrize("tags", ["team=blue", [1], [{"Value": "blue"}]])
def test_tags_that_cannot_be_read_are_unknown(tags: Any) -> None:
    (need,) = upstream_needs(call("glue", "CreateJob", {"Tags": tags}), operation("glue", "CreateJob"))
    assert need.unknown is not None
    assert need.unknown("aws:requesttag/team")
    assert need.unknown("aws:tagkeys")


KNOWN_KEYS = [
    ("glue", "GetTable", "aws:sourceip", False),
    ("glue", "GetTable", "aws:principaltag/team", False),
    ("glue", "GetTable", "aws:calledvia", False),
    ("glue", "GetTable", "aws:resourcetag/team", True),
    ("glue", "GetTable", "aws:resourceaccount", True),
    ("glue", "GetTable", "glue:roleassumedby", True),
    ("s3", "GetObject", "s3:versionid", False),
    ("s3", "GetObject", "s3:existingobjecttag/class", True),
    ("dynamodb", "GetItem", "aws:resourceaccount", False),
]


@pytest.mark.parametrize(("service", "name", "key", "unknown"), KNOWN_KEYS)
def test_which_condition_keys_are_known(service: str, name: str, key: str, unknown: bool) -> None:
    parameters = {"TableName": "t"} if service == "dynamodb" else {"Bucket": "b", "Key": "k"} if service == "s3" else {}
    (need,) = upstream_needs(call(service, name, parameters), operation(service, name))
    assert need.unknown is not None
    assert need.unknown(key) is unknown


# at the front door


@pytest.fixture
def door(tmp_path: Path) -> Iterator[FrontDoor]:
    async def answer(asked: Asked) -> Outcome:
        built.steps.append(asked.operation.name)
        return Outcome(response=plain(200, b"{}"), parameters={})

    built = FrontDoor(tmp_path, upstream=Upstream({"dynamodb", "s3", "cognito-idp"}, answer), enforce_upstream=True)
    yield built
    built.close()


def statement(effect: str, action: Any, resource: Any = "*", **condition: Any) -> dict[str, Any]:
    return {"Effect": effect, "Action": action, "Resource": resource, **({"Condition": condition} if condition else {})}


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def key_of(door: FrontDoor, *statements: dict[str, Any], boundary: Sequence[dict[str, Any]] = ()) -> Credential:
    limit = None
    if boundary:
        limit = door.identities.managed_policies.create(ACCOUNT, "limit", document(*boundary)).arn
    user = door.identities.users.create(ACCOUNT, "alice", boundary=limit)
    if statements:
        door.identities.attachments.put_inline(ACCOUNT, "user", user.name, "p", document(*statements))
    made, _ = door.identities.access_keys.create(ACCOUNT, user.name)
    key = door.identities.credential(made.access_key_id)
    assert key is not None
    return key


def dynamodb(door: FrontDoor, name: str, parameters: Any, key: Credential | None) -> Answered:
    headers = {"content-type": "application/x-amz-json-1.0", "x-amz-target": f"DynamoDB_20120810.{name}"}
    return door.ask(door.signed("dynamodb", body=json.dumps(parameters).encode(), headers=headers, key=key))


GET = {"TableName": "orders", "Key": {"id": {"S": "1"}}}
DELETE = {"TableName": "orders"}
EVERYTHING = statement("Allow", "*")


def test_root_may_do_everything(door: FrontDoor) -> None:
    assert dynamodb(door, "DeleteTable", DELETE, None).status == 200
    assert door.steps == ["DeleteTable", "record durable", "answer begins"]


def test_nothing_is_forwarded_without_a_policy_and_the_refusal_is_recorded(door: FrontDoor) -> None:
    answered = dynamodb(door, "DeleteTable", DELETE, key_of(door))
    assert answered.status == 400
    assert "AccessDeniedException" in answered.text
    message = (
        f"User: arn:aws:iam::{ACCOUNT}:user/alice is not authorized to perform: dynamodb:DeleteTable on resource: {TABLE}orders "
        "because no identity-based policy allows the dynamodb:DeleteTable action"
    )
    assert message in answered.text
    assert "DeleteTable" not in door.steps
    assert door.record["errorCode"] == "AccessDenied"
    assert door.record["errorMessage"] == message
    assert door.record["eventSource"] == "dynamodb.amazonaws.com"
    assert door.record["requestParameters"] is None  # as in delivered files: a refusal shows no parameters


RULINGS: list[tuple[str, list[dict[str, Any]], str, Any, bool]] = [
    ("the table that is allowed", [statement("Allow", "dynamodb:*", TABLE + "orders")], "DeleteTable", DELETE, True),
    ("another table", [statement("Allow", "dynamodb:*", TABLE + "other")], "DeleteTable", DELETE, False),
    ("a deny for another table", [EVERYTHING, statement("Deny", "*", TABLE + "other")], "DeleteTable", DELETE, True),
    ("a deny for the table", [EVERYTHING, statement("Deny", "*", TABLE + "orders")], "DeleteTable", DELETE, False),
    ("a table that cannot be told, with nothing denied", [EVERYTHING], "ExecuteStatement", {"Statement": "SELECT 1"}, True),
    (
        "a table that cannot be told, with some table denied",
        [EVERYTHING, statement("Deny", "dynamodb:*", TABLE + "secret")],
        "ExecuteStatement",
        {"Statement": "SELECT 1"},
        False,
    ),
    (
        "a table that cannot be told, with some table denied for something else",
        [EVERYTHING, statement("Deny", "dynamodb:DeleteTable", TABLE + "secret")],
        "ExecuteStatement",
        {"Statement": "SELECT 1"},
        True,
    ),
    (
        "a table that cannot be told, with all tables but one denied",
        [EVERYTHING, {"Effect": "Deny", "Action": "dynamodb:*", "NotResource": TABLE + "orders"}],
        "ExecuteStatement",
        {"Statement": "SELECT 1"},
        False,
    ),
    (
        "a table that cannot be told, with one table allowed",
        [statement("Allow", "dynamodb:*", TABLE + "orders")],
        "ExecuteStatement",
        {"Statement": "SELECT 1"},
        False,
    ),
    (
        "a deny on a condition that cannot be told",
        [EVERYTHING, statement("Deny", "dynamodb:*", StringEquals={"dynamodb:LeadingKeys": "x"})],
        "DeleteTable",
        DELETE,
        False,
    ),
    (
        "a deny on a condition that is known not to hold",
        [EVERYTHING, statement("Deny", "*", StringNotEquals={"aws:RequestedRegion": "us-east-1"})],
        "DeleteTable",
        DELETE,
        True,
    ),
    (
        "an allow on a condition that cannot be told",
        [statement("Allow", "*", StringNotEquals={"aws:ResourceTag/class": "secret"})],
        "DeleteTable",
        DELETE,
        False,
    ),
    ("a body that cannot be read", [statement("Allow", "*", TABLE + "*")], "DeleteTable", ["not", "an", "object"], False),
]


@pytest.mark.parametrize(("statements", "name", "parameters", "passes"), [row[1:] for row in RULINGS], ids=[row[0] for row in RULINGS])
def test_ruling(door: FrontDoor, statements: list[dict[str, Any]], name: str, parameters: Any, passes: bool) -> None:
    answered = dynamodb(door, name, parameters, key_of(door, *statements))
    assert (answered.status == 200) is passes
    assert (name in door.steps) is passes


def test_boundaries_count(door: FrontDoor) -> None:
    key = key_of(door, EVERYTHING, boundary=[statement("Allow", "s3:*")])
    assert "because no permissions boundary allows the dynamodb:DeleteTable action" in dynamodb(door, "DeleteTable", DELETE, key).text


def test_session_policies_count(door: FrontDoor) -> None:
    trust = document({"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"})
    role = door.identities.roles.create(ACCOUNT, "worker", trust)
    door.identities.attachments.put_inline(ACCOUNT, "role", role.name, "p", document(EVERYTHING))
    terms = SessionTerms(name="s", policies=[document(statement("Allow", "s3:*"))])
    issued = door.identities.sessions.issue("AssumedRole", ACCOUNT, role.id, duration=900, terms=terms)
    key = door.identities.credential(issued.access_key_id)
    assert "because no session policy allows the dynamodb:DeleteTable action" in dynamodb(door, "DeleteTable", DELETE, key).text


def test_service_control_policies_count_for_root_as_well(door: FrontDoor) -> None:
    levels = [[Policy.parse(document(EVERYTHING)), Policy.parse(document(statement("Deny", "dynamodb:DeleteTable")))]]
    door.identities.service_control = lambda account_id: levels  # type: ignore[method-assign]
    assert "with an explicit deny in a service control policy" in dynamodb(door, "DeleteTable", DELETE, None).text
    assert dynamodb(door, "DescribeTable", DELETE, None).status == 200


def test_nobody_reads_anonymously_what_only_the_upstream_knows_to_be_public(door: FrontDoor) -> None:
    request = Request(method="GET", path="/site/index.html", query="", headers=Headers([("host", "127.0.0.1:4747")]), body=b"")
    answered = door.ask(request)
    assert answered.status == 403
    assert "<Message>Access Denied</Message>" in answered.text
    assert "GetObject" not in door.steps


def test_what_is_open_by_its_model_is_forwarded(door: FrontDoor) -> None:
    headers = Headers(
        [
            ("host", "127.0.0.1:4747"),
            ("content-type", "application/x-amz-json-1.1"),
            ("x-amz-target", "AWSCognitoIdentityProviderService.SignUp"),
        ]
    )
    body = b'{"ClientId":"c","Username":"u","Password":"p"}'
    door.ask(Request(method="POST", path="/", query="", headers=headers, body=body))
    assert "SignUp" in door.steps


def test_an_object_of_s3_that_is_allowed(door: FrontDoor) -> None:
    key = key_of(door, statement("Allow", "s3:GetObject", "arn:aws:s3:::b/alice/*"))
    empty: Callable[[str], Request] = lambda path: door.signed("s3", "GET", path, key=key)  # noqa: E731
    assert door.ask(empty("/b/alice/notes")).status == 200
    assert door.ask(empty("/b/bob/notes")).status == 403


def test_without_the_setting_the_upstream_decides_alone(tmp_path: Path) -> None:
    async def answer(asked: Asked) -> Outcome:
        return Outcome(response=plain(200, b"{}"), parameters={})

    door = FrontDoor(tmp_path, upstream=Upstream({"dynamodb"}, answer))
    assert dynamodb(door, "DeleteTable", DELETE, key_of(door)).status == 200
    door.close()
