"""How calls are called, whether they change anything, which category they are in."""

from __future__ import annotations

import pytest
from botocore.model import ServiceModel

from opentrail.events import categories, names
from opentrail.events.read_only import EXCEPTIONS, read_only
from opentrail.wire.models import Catalogue


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return Catalogue()


def _model(catalogue: Catalogue, service: str) -> ServiceModel:
    return catalogue.service(service).model


@pytest.mark.parametrize(
    ("service", "source"),
    [
        ("iam", "iam"), ("cloudwatch", "monitoring"), ("events", "events"), ("logs", "logs"), ("stepfunctions", "states"),
        ("ses", "ses"), ("sesv2", "ses"), ("s3control", "s3"), ("ecr", "ecr"), ("elbv2", "elasticloadbalancing"),
        ("dynamodbstreams", "dynamodb"), ("opensearch", "es"), ("emr", "elasticmapreduce"), ("bedrock-runtime", "bedrock"),
        ("application-autoscaling", "autoscaling"), ("sagemaker", "sagemaker"), ("neptune", "rds"), ("amp", "aps"), ("sso-admin", "sso"),
        ("pinpoint", "mobiletargeting"), ("cloudtrail-data", "cloudtrail-data"), ("rds-data", "rdsdata"), ("servicecatalog-appregistry",
                                                                                                         "servicecatalog-appregistry"),
    ],
)  # fmt: skip
def test_event_source(service: str, source: str, catalogue: Catalogue) -> None:
    assert names.event_source(_model(catalogue, service)) == f"{source}.amazonaws.com"


@pytest.mark.parametrize(
    ("service", "operation", "name"),
    [
        ("lambda", "CreateFunction", "CreateFunction20150331"),
        ("lambda", "GetFunctionConfiguration", "GetFunctionConfiguration20150331v2"),
        ("lambda", "ListTags", "ListTags20170331"),
        ("lambda", "PutFunctionConcurrency", "PutFunctionConcurrency20171031"),
        ("lambda", "PublishLayerVersion", "PublishLayerVersion20181031"),
        ("lambda", "CreateFunctionUrlConfig", "CreateFunctionUrlConfig"),
        ("lambda", "Invoke", "Invoke"),
        ("s3", "PutBucketLifecycleConfiguration", "PutBucketLifecycle"),
        ("s3", "PutPublicAccessBlock", "PutBucketPublicAccessBlock"),
        ("s3control", "PutPublicAccessBlock", "PutAccountPublicAccessBlock"),
        ("s3", "ListObjectsV2", "ListObjects"),
        ("s3", "PutBucketAcl", "PutBucketAcl"),
        ("cloudfront", "UpdateDistribution", "UpdateDistribution"),
        ("iam", "CreateUser", "CreateUser"),
    ],
)
def test_event_name(service: str, operation: str, name: str, catalogue: Catalogue) -> None:
    assert names.event_name(_model(catalogue, service).operation_model(operation)) == name


@pytest.mark.parametrize(
    ("source", "region", "host", "recorded"),
    [
        ("iam", "eu-west-1", "", "us-east-1"),
        ("cloudfront", "us-east-1", "", "us-east-1"),
        ("globalaccelerator", "us-east-1", "", "us-west-2"),
        ("sts", "eu-west-1", "sts.eu-west-1.amazonaws.com", "eu-west-1"),
        ("sts", "eu-west-1", "sts.amazonaws.com", "us-east-1"),
        ("sts", "eu-west-1", "sts.amazonaws.com:443", "us-east-1"),
        ("sts", "eu-west-1", "localhost:4747", "eu-west-1"),
        ("s3", "eu-west-1", "", "eu-west-1"),
    ],
)
def test_region(source: str, region: str, host: str, recorded: str) -> None:
    assert names.recorded_region(f"{source}.amazonaws.com", region, host) == recorded


def test_global_services() -> None:
    assert names.is_global("iam.amazonaws.com")
    assert not names.is_global("s3.amazonaws.com")
    assert names.is_global("sts.amazonaws.com", sts_endpoint="global")
    assert not names.is_global("sts.amazonaws.com", sts_endpoint="regional")


@pytest.mark.parametrize(
    ("source", "name", "expected"),
    [
        ("iam", "ListUsers", True), ("iam", "CreateUser", False), ("kms", "Decrypt", True), ("kms", "GenerateDataKeyPair", True),
        ("kms", "CreateKey", False), ("sts", "AssumeRole", True), ("sts", "GetSessionToken", False), ("sts", "GetCallerIdentity", True),
        ("sts", "AssumeRoot", False), ("signin", "ConsoleLogin", False), ("events", "TestEventPattern", True), ("s3", "HeadBucket", True),
        ("license-manager", "CheckoutLicense", False), ("license-manager", "CheckInLicense", False), ("ec2", "GetPasswordData", True),
        ("ses", "VerifyEmailIdentity", False), ("cognito-idp", "VerifyUserAttribute", False), ("elasticache", "TestFailover", False),
        ("storagegateway", "RetrieveTapeArchive", False), ("codepipeline", "PollForJobs", False), ("kms", "Verify", True),
        ("dynamodb", "Query", True), ("lambda", "Invoke", False), ("x", "Unknown", False), ("x", "", False), ("x", "Getaway", False),
    ],
)  # fmt: skip
def test_read_only(source: str, name: str, expected: bool) -> None:
    assert read_only(f"{source}.amazonaws.com", name) is expected


@pytest.mark.parametrize(
    ("source", "name", "kind"),
    [
        ("s3", "GetObject", "AWS::S3::Object"), ("s3", "ListObjects", "AWS::S3::Object"), ("lambda", "Invoke", "AWS::Lambda::Function"),
        ("dynamodb", "PutItem", "AWS::DynamoDB::Table"), ("dynamodb", "GetRecords", "AWS::DynamoDB::Stream"),
        ("sns", "Publish", "AWS::SNS::Topic"), ("sqs", "SendMessage", "AWS::SQS::Queue"), ("ebs", "PutSnapshotBlock", "AWS::EC2::Snapshot"),
        ("kinesis", "PutRecord", "AWS::Kinesis::Stream"), ("cognito-identity", "GetId", "AWS::Cognito::IdentityPool"),
        ("s3", "CreateBucket", None), ("s3", "PutBucketPolicy", None), ("dynamodb", "CreateTable", None), ("sqs", "CreateQueue", None),
        ("lambda", "CreateFunction20150331", None), ("kms", "Decrypt", None),
    ],
)  # fmt: skip
def test_category(source: str, name: str, kind: str | None) -> None:
    assert categories.resource_type(f"{source}.amazonaws.com", name) == kind
    assert categories.category(f"{source}.amazonaws.com", name) == ("Management" if kind is None else "Data")


def test_every_data_event_is_an_operation_of_some_service(catalogue: Catalogue) -> None:
    """No row of the table is misspelt (a few rows are younger or older than botocore's models)."""
    services = (
        "appconfigdata", "bedrock-agent-runtime", "bedrock-runtime", "cloudfront-keyvaluestore", "cloudtrail-data", "cloudwatch",
        "cognito-identity", "dynamodb", "dynamodbstreams", "ebs", "firehose", "iot-data", "keyspacesstreams", "kinesis", "lambda",
        "payment-cryptography-data", "rds-data", "s3", "sagemaker-featurestore-runtime", "sagemaker-metrics", "sagemaker-runtime",
        "servicediscovery", "ses", "sesv2", "sns", "sqs", "stepfunctions", "swf", "timestream-query", "timestream-write",
        "verifiedpermissions", "xray",
    )  # fmt: skip
    known = {
        (names.event_source(model), names.event_name(model.operation_model(name)))
        for model in (_model(catalogue, service) for service in services)
        for name in model.operation_names
    }
    listed = {(source, name) for source, kinds in categories.DATA_EVENTS.items() for row in kinds.values() for name in row}
    assert listed - known == set()


def test_every_exception_is_an_operation_of_some_service(catalogue: Catalogue) -> None:
    """No row of the table is misspelt: each changes what the first word of an operation that is there would say."""
    known: set[tuple[str, str]] = {("signin.amazonaws.com", name) for name in EXCEPTIONS["signin.amazonaws.com"]}
    for service in catalogue.listings:
        model = _model(catalogue, service)
        source = names.event_source(model)
        if source in EXCEPTIONS:
            known.update((source, name) for name in model.operation_names)
    assert {(source, name) for source, calls in EXCEPTIONS.items() for name in calls} - known == set()
