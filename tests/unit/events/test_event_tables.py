"""How calls are called, whether they change anything, which category they are in."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from botocore.model import ServiceModel

from opentrail.events import categories, names
from opentrail.events.read_only import CHANGING_WORDS, READING_WORDS, decided, read_only
from opentrail.events.read_only_operations import CHANGING, READING
from opentrail.wire.models import Catalogue


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return Catalogue(keep=4)


def _model(catalogue: Catalogue, service: str) -> ServiceModel:
    return catalogue.service(service).model


@pytest.mark.parametrize(
    ("service", "source"),
    [
        ("iam", "iam"), ("cloudwatch", "monitoring"), ("events", "events"), ("logs", "logs"), ("stepfunctions", "states"),
        ("ses", "ses"), ("sesv2", "ses"), ("s3control", "s3"), ("ecr", "ecr"), ("elbv2", "elasticloadbalancing"),
        ("dynamodbstreams", "dynamodb"), ("opensearch", "es"), ("emr", "elasticmapreduce"), ("bedrock-runtime", "bedrock"),
        ("application-autoscaling", "autoscaling"), ("sagemaker", "sagemaker"), ("neptune", "rds"), ("amp", "aps"), ("sso-admin", "sso"),
        ("pinpoint", "pinpoint"), ("mq", "amazonmq"), ("appstream", "appstream"),
        ("cloudtrail-data", "cloudtrail-data"), ("rds-data", "rdsdata"),
        ("servicecatalog-appregistry", "servicecatalog-appregistry"),
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
    assert next(iter(categories.resource_types(f"{source}.amazonaws.com", name)), None) == kind
    assert categories.category(f"{source}.amazonaws.com", name) == ("Management" if kind is None else "Data")


@pytest.fixture(scope="module")
def calls() -> dict[tuple[str, str], list[str]]:
    """Every operation of every service of botocore, by event source and event name → the services that have it."""
    catalogue = Catalogue(keep=2)
    found: dict[tuple[str, str], list[str]] = {}
    for service in catalogue.listings:
        model = _model(catalogue, service)
        source = names.event_source(model)
        for name in model.operation_names:
            found.setdefault((source, names.event_name(model.operation_model(name))), []).append(service)
    return found


def _rows(table: dict[str, frozenset[str]]) -> Iterator[tuple[str, str]]:
    for source, listed in table.items():
        for name in listed:
            yield f"{source}.amazonaws.com", name


def test_there_is_a_decision_about_every_operation_of_every_service(calls: dict[tuple[str, str], list[str]]) -> None:
    """Whether it changes anything is said by its first word or by the table, never by a guess."""
    assert len(calls) > 19_000
    assert [call for call in calls if decided(*call) is None] == []


def test_no_word_reads_and_changes() -> None:
    assert not READING_WORDS & CHANGING_WORDS
    assert not set(_rows(READING)) & set(_rows(CHANGING))


def test_every_decision_is_needed_and_about_an_operation_that_exists(calls: dict[tuple[str, str], list[str]]) -> None:
    sign_in = {("signin.amazonaws.com", name) for name in ("CheckMfa", "ConsoleLogin", "GetSigninToken")}
    for table in (READING, CHANGING):
        for source, name in _rows(table):
            assert (source, name) in calls or (source, name) in sign_in
            assert decided("nobody.amazonaws.com", name) is not (table is READING)


def test_every_data_event_is_an_operation_of_some_service(calls: dict[tuple[str, str], list[str]]) -> None:
    """No row of the table is misspelt. S3's operations go by two more sources, told by the bucket."""
    listed = {(source, name) for source, kinds in categories.DATA_EVENTS.items() for row in kinds.values() for name in row}
    of_buckets = ("s3express.amazonaws.com", "s3-outposts.amazonaws.com")
    assert {(("s3.amazonaws.com" if source in of_buckets else source), name) for source, name in listed} - set(calls) == set()


@pytest.mark.parametrize(
    ("bucket", "source"),
    [
        ("logs", None), ("logs--use1-az4--x-s3", "s3express.amazonaws.com"), ("x" * 10 + "--use1-az4--xa-s3", "s3express.amazonaws.com"),
        ("arn:aws:s3-outposts:us-east-1:111122223333:outpost/op-1/bucket/b", "s3-outposts.amazonaws.com"),
        ("arn:aws:s3:us-east-1:111122223333:accesspoint/a", None), (None, None),
    ],
)  # fmt: skip
def test_the_bucket_tells_which_s3_is_called(bucket: str | None, source: str | None) -> None:
    assert names.s3_source(bucket) == source
