"""Which resources an event is shown with."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opentrail.eventstore import resource_types
from opentrail.eventstore.resources import LIMIT, Resource, arn_name, derive, has_rules

ROLE = "arn:aws:iam::111122223333:role/team/Deployer"

CASES: list[tuple[str, str, Any, Any, list[dict[str, Any]], tuple[Resource, ...]]] = [
    ("iam", "CreateUser", {"userName": "ana"}, None, [], (("AWS::IAM::User", "ana"),)),
    (
        "iam",
        "AttachRolePolicy",
        {"roleName": "R", "policyArn": "arn:aws:iam::aws:policy/P"},
        None,
        [],
        (("AWS::IAM::Role", "R"), ("AWS::IAM::Policy", "arn:aws:iam::aws:policy/P")),
    ),
    (
        "iam",
        "CreateAccessKey",
        {"userName": "ana"},
        {"accessKey": {"accessKeyId": "AKIAEXAMPLEKEY000002", "userName": "ana"}},
        [],
        (("AWS::IAM::User", "ana"), ("AWS::IAM::AccessKey", "AKIAEXAMPLEKEY000002")),
    ),
    (
        "sts",
        "AssumeRole",
        {"roleArn": ROLE, "roleSessionName": "s"},
        {
            "credentials": {"accessKeyId": "ASIAX"},
            "assumedRoleUser": {"assumedRoleId": "AROAX:s", "arn": "arn:aws:sts::1:assumed-role/D/s"},
        },
        [],
        (
            ("AWS::IAM::Role", ROLE),
            ("AWS::IAM::AccessKey", "ASIAX"),
            ("AWS::STS::AssumedRole", "AROAX:s"),
            ("AWS::STS::AssumedRole", "arn:aws:sts::1:assumed-role/D/s"),
        ),
    ),
    (
        "ec2",
        "RunInstances",
        {"instancesSet": {"items": [{"imageId": "ami-1", "keyName": "k"}]}, "iamInstanceProfile": {"name": "profile"}},
        {"instancesSet": {"items": [{"instanceId": "i-1", "imageId": "ami-1", "groupSet": {"items": [{"groupId": "sg-1"}]}}]}},
        [],
        (
            ("AWS::EC2::Ami", "ami-1"),
            ("AWS::EC2::KeyPair", "k"),
            ("AWS::IAM::InstanceProfile", "profile"),
            ("AWS::EC2::Instance", "i-1"),
            ("AWS::EC2::SecurityGroup", "sg-1"),
        ),
    ),
    ("s3", "PutBucketPolicy", {"bucketName": "b", "bucketPolicy": {"bucketName": "no"}}, None, [], (("AWS::S3::Bucket", "b"),)),
    (
        "cloudtrail",
        "CreateTrail",
        {"name": "t", "s3BucketName": "b", "tagsList": [{"key": "name", "value": "x", "name": "no"}]},
        {"name": "t", "trailARN": "arn:aws:cloudtrail:us-east-1:1:trail/t"},
        [],
        (("AWS::CloudTrail::Trail", "t"), ("AWS::S3::Bucket", "b"), ("AWS::CloudTrail::Trail", "arn:aws:cloudtrail:us-east-1:1:trail/t")),
    ),
    (
        "kms",
        "Decrypt",
        None,
        None,
        [{"type": "AWS::KMS::Key", "ARN": "arn:aws:kms:r:1:key/k"}],
        (("AWS::KMS::Key", "arn:aws:kms:r:1:key/k"), ("AWS::KMS::Key", "k")),
    ),
    ("lambda", "Invoke", {"functionName": "f"}, None, [], (("AWS::Lambda::Function", "f"),)),
    ("dynamodb", "CreateTable", {"tableName": "t"}, None, [], (("AWS::DynamoDB::Table", "t"),)),
    ("sqs", "CreateQueue", {"queueName": "q"}, {"queueUrl": "http://q"}, [], (("AWS::SQS::Queue", "q"), ("AWS::SQS::Queue", "http://q"))),
    ("sqs", "DeleteQueue", {"queueUrl": "http://h:1/1/q"}, None, [], (("AWS::SQS::Queue", "http://h:1/1/q"), ("AWS::SQS::Queue", "q"))),
    (
        "cloudtrail",
        "PutEventSelectors",
        {"trailName": "t", "advancedEventSelectors": [{"name": "All writes", "fieldSelectors": [{"field": "eventCategory"}]}]},
        None,
        [],
        (("AWS::CloudTrail::Trail", "t"),),
    ),
    (
        "monitoring",
        "DeleteAlarms",
        {"alarmNames": ["a", "b"]},
        None,
        [],
        (("AWS::CloudWatch::Alarm", "a"), ("AWS::CloudWatch::Alarm", "b")),
    ),
    (
        "cloudformation",
        "CreateStack",
        {"stackName": "s"},
        {"stackId": "arn:s"},
        [],
        (("AWS::CloudFormation::Stack", "s"), ("AWS::CloudFormation::Stack", "arn:s")),
    ),
    ("events", "DeleteRule", {"name": "r"}, None, [], (("AWS::Events::Rule", "r"),)),
    ("events", "PutTargets", {"rule": "r", "targets": [{"id": "1", "name": "no"}]}, None, [], (("AWS::Events::Rule", "r"),)),
    ("ecr", "DescribeRepositories", {"repositoryNames": ["r"]}, None, [], (("AWS::ECR::Repository", "r"),)),
    ("glue", "CreateJob", {"name": "j", "command": {"name": "glueetl"}}, None, [], (("AWS::Glue::Job", "j"),)),
    (
        "glue",
        "GetTable",
        {"databaseName": "d", "name": "t"},
        None,
        [],
        (("AWS::Glue::Database", "d"), ("AWS::Glue::Table", "t")),
    ),
    (
        "ecs",
        "CreateCluster",
        {"clusterName": "c"},
        {"cluster": {"clusterArn": "arn:c", "clusterName": "c", "settings": [{"name": "no"}]}},
        [],
        (("AWS::ECS::Cluster", "c"), ("AWS::ECS::Cluster", "arn:c")),
    ),
    ("states", "CreateStateMachine", {"name": "m"}, None, [], (("AWS::StepFunctions::StateMachine", "m"),)),
    ("route53", "DeleteHostedZone", {"id": "Z1"}, None, [], (("AWS::Route53::HostedZone", "Z1"),)),
    ("apigateway", "CreateRestApi", {"name": "n"}, {"id": "a1", "name": "n"}, [], (("AWS::ApiGateway::RestApi", "a1"),)),
    ("sns", "CreateTopic", {"name": "t"}, {"topicArn": "arn:t"}, [], (("AWS::SNS::Topic", "t"), ("AWS::SNS::Topic", "arn:t"))),
    ("logs", "CreateLogGroup", {"logGroupName": "/g"}, None, [], (("AWS::Logs::LogGroup", "/g"),)),
    ("rds", "DeleteDBInstance", {"dBInstanceIdentifier": "db"}, None, [], (("AWS::RDS::DBInstance", "db"),)),
    ("ssm", "GetParameters", {"names": ["/a", "/b"]}, None, [], (("AWS::SSM::Parameter", "/a"), ("AWS::SSM::Parameter", "/b"))),
    ("ssm", "UpdateThing", {"name": "/a"}, None, [], ()),
    (
        "secretsmanager",
        "CreateSecret",
        {"name": "s"},
        {"arn": "arn:s"},
        [],
        (("AWS::SecretsManager::Secret", "s"), ("AWS::SecretsManager::Secret", "arn:s")),
    ),
    ("unheardof", "Do", {"bucketName": "b"}, None, [{"ARN": "arn:aws:new:r:1:thing/x"}], (("", "arn:aws:new:r:1:thing/x"), ("", "x"))),
    ("s3", "ListBuckets", {"Host": "s3.amazonaws.com"}, None, [{"type": "AWS::S3::Object", "ARNPrefix": "arn:aws:s3:::b/p"}], ()),
]


@pytest.mark.parametrize(("service", "name", "request_", "response", "listed", "expected"), CASES)
def test_resources_come_from_request_response_and_record(
    service: str, name: str, request_: Any, response: Any, listed: list[dict[str, Any]], expected: tuple[Resource, ...]
) -> None:
    assert derive(f"{service}.amazonaws.com", name, request_, response, listed) == expected


def test_what_one_call_names_is_looked_for() -> None:
    """`has_rules` decides whether a call is looked into at all."""
    assert all(has_rules(source) for source, _ in resource_types.FURTHER)


def test_a_type_is_not_lost_to_a_later_unknown() -> None:
    assert derive("s3.amazonaws.com", "X", {"bucketName": "b"}, None, [{"ARN": "arn:aws:s3:::b"}]) == (
        ("AWS::S3::Bucket", "b"),
        ("", "arn:aws:s3:::b"),
    )


def test_a_call_of_thousands_keeps_the_first() -> None:
    names = [f"/p{number}" for number in range(1000)]
    assert [name for _, name in derive("ssm.amazonaws.com", "GetParameters", {"names": names}, None, [])] == names[:LIMIT]


@pytest.mark.parametrize(
    ("arn", "name"),
    [
        ("arn:aws:s3:::bucket", "bucket"),
        ("arn:aws:iam::1:role/a/b", "b"),
        ("arn:aws:kms:us-east-1:1:key/0-1", "0-1"),
        ("arn:aws:sns:us-east-1:1:topic", "topic"),
        ("arn:aws:rds:us-east-1:1:db:name", "name"),
        ("arn:aws:lambda:us-east-1:1:function:f", "f"),
    ],
)
def test_the_name_of_an_arn(arn: str, name: str) -> None:
    assert arn_name(arn) == name


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["userName", "user", "arn", "items", "x"]), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(request_=st.dictionaries(st.text(max_size=5), JSON, max_size=4), response=st.dictionaries(st.just("user"), JSON))
def test_any_parameters_give_names_once(request_: dict[str, Any], response: dict[str, Any]) -> None:
    found = derive("iam.amazonaws.com", "Any", request_, response, [])
    assert len({name for _, name in found}) == len(found)
    assert all(name and type_ for type_, name in found)
