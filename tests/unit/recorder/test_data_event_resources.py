"""Selectors find a data event by what it is about: each has an entry in `resources`, with the ARN of what its request names."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.model import ListShape, MapShape, Shape, StructureShape

from opentrail.events import categories, names
from opentrail.identity.principals import Principal
from opentrail.recorder import Observation, Recorder
from opentrail.recorder.data_resources import TEMPLATES
from opentrail.wire.models import Catalogue

ACCOUNT = "111122223333"
CALLER = Principal(type="Root", account_id=ACCOUNT, principal_id=ACCOUNT, access_key_id="AKIAEXAMPLE")

SERVICES = (
    "appconfigdata", "b2bi", "bedrock-agent-runtime", "bedrock-agentcore", "bedrock-data-automation-runtime", "bedrock-runtime",
    "cloudfront-keyvaluestore", "cloudtrail-data", "cloudwatch", "codeguruprofiler", "cognito-identity", "dataexchange", "deadline",
    "dynamodb", "dynamodbstreams", "ebs", "events", "firehose", "gameliftstreams", "geo-maps", "geo-places", "geo-routes", "greengrassv2",
    "guardduty", "iot-data", "iotsitewise", "iottwinmaker", "kendra-ranking", "keyspacesstreams", "kinesis", "kinesis-video-archived-media",
    "kinesis-video-media", "kinesis-video-signaling", "kinesis-video-webrtc-storage", "lambda", "machinelearning",
    "managedblockchain-query", "medical-imaging", "neptune-graph", "networkflowmonitor", "payment-cryptography-data", "pinpoint",
    "pinpoint-sms-voice-v2", "qapps", "qbusiness", "rds-data", "rum", "s3", "s3vectors", "sagemaker-featurestore-runtime",
    "sagemaker-metrics", "sagemaker-runtime", "sdb", "servicediscovery", "ses", "sesv2", "signer", "sns", "socialmessaging", "sqs", "ssm",
    "stepfunctions", "swf", "timestream-query", "timestream-write", "verifiedpermissions", "xray",
)  # fmt: skip

NAMELESS = {kind for kind, templates in TEMPLATES.items() if templates == ("",)}
"""Types without ARNs, or whose ARN no request gives away."""
UNNAMED = {
    # event names whose requests name nothing
    "AWS::AppConfig::Configuration": {"GetLatestConfiguration"},
    "AWS::Cassandra::Stream": {"GetRecords"},
    "AWS::Cognito::IdentityPool": {"GetCredentialsForIdentity", "GetOpenIdToken", "UnlinkIdentity"},
    "AWS::GreengrassV2::ComponentVersion": {"ResolveComponentCandidates"},
    "AWS::PaymentCryptography::Key": {"TranslateKeyMaterial"},
    "AWS::SDB::Domain": {"Select"},
    "AWS::SMSVoice::Message": {"SendMediaMessage", "SendTextMessage", "SendVoiceMessage"},
    "AWS::StepFunctions::Activity": {"SendTaskFailure", "SendTaskHeartbeat", "SendTaskSuccess"},
    "AWS::SWF::Domain": {
        "RecordActivityTaskHeartbeat", "RespondActivityTaskCanceled", "RespondActivityTaskCompleted", "RespondActivityTaskFailed",
        "RespondDecisionTaskCompleted",
    },
    "AWS::Bedrock::KnowledgeBase": {"RetrieveAndGenerate", "RetrieveAndGenerateStream"},
}  # fmt: skip


def _example(shape: Shape, member: str, depth: int = 0) -> Any:
    """Any value of the shape, with names that look like names."""
    if isinstance(shape, StructureShape):
        if shape.is_document_type or depth > 4:
            return {}
        return {name: _example(inner, name, depth + 1) for name, inner in shape.members.items() if not inner.serialization.get("streaming")}
    if isinstance(shape, ListShape):
        return [_example(shape.member, member, depth + 1)]
    if isinstance(shape, MapShape):
        return {"some": _example(shape.value, member, depth + 1)}
    if shape.type_name == "string":
        if member in ("StreamArn", "ShardIterator"):
            return f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/t/stream/2026|1|x" if member == "ShardIterator" else _ARN
        if member == "Statement":
            return "SELECT * FROM \"music\" WHERE a = 'b'"
        return _ARN if re.search("arn$", member, re.IGNORECASE) else f"x-{member.lower()}"
    return {"boolean": True, "blob": b"x", "timestamp": 0.0}.get(shape.type_name, 1)


_ARN = f"arn:aws:some:us-east-1:{ACCOUNT}:thing/some"


def _cases() -> Iterator[tuple[str, str, str, dict[str, Any], tuple[str, ...]]]:
    catalogue = Catalogue(keep=2)
    for service in SERVICES:
        model = catalogue.service(service).model
        for operation in model.operation_names:
            shape = model.operation_model(operation).input_shape
            types = categories.resource_types(names.event_source(model), names.event_name(model.operation_model(operation)))
            if types:
                parameters = _example(shape, "") if shape is not None else {}
                yield service, operation, names.event_name(model.operation_model(operation)), parameters, types


CASES = list(_cases())


@pytest.fixture(scope="module")
def recorder() -> Recorder:
    return Recorder(Catalogue(keep=4))


def _resources(recorder: Recorder, service: str, operation: str, parameters: dict[str, Any], **more: Any) -> list[dict[str, str]]:
    described = recorder.describe(
        Observation(
            service=service,
            operation=operation,
            principal=CALLER,
            account_id=ACCOUNT,
            region="us-east-1",
            request_id="r",
            source_ip="198.51.100.20",
            user_agent="boto3",
            time=0.0,
            parameters=parameters,
            **more,
        )
    )
    assert described is not None
    record = json.loads(described)
    assert record["managementEvent"] is False
    assert record["eventCategory"] == "Data"
    found = record["resources"]
    assert isinstance(found, list)
    return found


@pytest.mark.parametrize("case", CASES, ids=[f"{service}-{operation}" for service, operation, *_ in CASES])
def test_a_data_event_says_what_it_is_about(case: tuple[str, str, str, dict[str, Any], tuple[str, ...]], recorder: Recorder) -> None:
    service, operation, name, parameters, types = case
    if operation == "Publish":
        parameters["TargetArn"] = f"arn:aws:sns:us-east-1:{ACCOUNT}:endpoint/GCM/app/1"
    entries = _resources(recorder, service, operation, parameters)
    assert {entry.get("type") for entry in entries} & set(types)
    for entry in entries:
        if entry["type"] in NAMELESS or name in UNNAMED.get(entry["type"], ()):
            assert set(entry) == {"type"}
        else:
            assert re.fullmatch(r"arn:aws:[a-z0-9-]+:[a-z0-9-]*:[0-9]*:[^{}]+", entry.get("ARN") or entry["ARNPrefix"])


def test_every_type_of_the_table_is_tried() -> None:
    """But those that are told by the bucket, below."""
    tried = {kind for *_, types in CASES for kind in types}
    listed = {kind for kinds in categories.DATA_EVENTS.values() for kind in kinds}
    assert listed - tried == {"AWS::S3Express::Object", "AWS::S3Outposts::Object"}
    assert len(CASES) > 250


@pytest.mark.parametrize(
    ("service", "operation", "parameters", "expected"),
    [
        ("sqs", "SendMessage", {"QueueUrl": "http://localhost/111122223333/jobs"}, [("SQS::Queue", "sqs:us-east-1:111122223333:jobs")]),
        ("sqs", "SendMessage", {"QueueUrl": "http://localhost/444455556666/jobs"}, [("SQS::Queue", "sqs:us-east-1:444455556666:jobs")]),
        ("sns", "Publish", {"TargetArn": "arn:aws:sns:us-east-1:111122223333:endpoint/GCM/app/1"},
         [("SNS::PlatformEndpoint", "sns:us-east-1:111122223333:endpoint/GCM/app/1")]),
        ("sns", "Publish", {"TopicArn": "arn:aws:sns:us-east-1:111122223333:t"}, [("SNS::Topic", "sns:us-east-1:111122223333:t")]),
        ("ebs", "ListChangedBlocks", {"FirstSnapshotId": "snap-1", "SecondSnapshotId": "snap-2"},
         [("EC2::Snapshot", "ec2:us-east-1::snapshot/snap-1"), ("EC2::Snapshot", "ec2:us-east-1::snapshot/snap-2")]),
        ("lambda", "Invoke", {"FunctionName": "f"}, [("Lambda::Function", "lambda:us-east-1:111122223333:function:f")]),
        ("dynamodb", "BatchGetItem", {"RequestItems": {"a": {"Keys": []}, "b": {"Keys": []}}},
         [("DynamoDB::Table", "dynamodb:us-east-1:111122223333:table/a"), ("DynamoDB::Table", "dynamodb:us-east-1:111122223333:table/b")]),
        ("dynamodb", "TransactWriteItems", {"TransactItems": [{"Put": {"TableName": "a"}}, {"Delete": {"TableName": "a"}}]},
         [("DynamoDB::Table", "dynamodb:us-east-1:111122223333:table/a")]),
        ("dynamodb", "ExecuteStatement", {"Statement": "INSERT INTO \"Music\" VALUE {'Artist': 'x'}"},
         [("DynamoDB::Table", "dynamodb:us-east-1:111122223333:table/Music")]),
        ("dynamodbstreams", "GetRecords", {"ShardIterator": "arn:aws:dynamodb:us-east-1:111122223333:table/M/stream/2026|1|AAA"},
         [("DynamoDB::Table", "dynamodb:us-east-1:111122223333:table/M"),
          ("DynamoDB::Stream", "dynamodb:us-east-1:111122223333:table/M/stream/2026")]),
        ("kinesis", "PutRecord", {"StreamName": "s"}, [("Kinesis::Stream", "kinesis:us-east-1:111122223333:stream/s")]),
        ("iotsitewise", "GetAssetPropertyValue", {"propertyAlias": "/a/b"},
         [("IoTSiteWise::TimeSeries", "iotsitewise:us-east-1:111122223333:time-series//a/b")]),
        ("sesv2", "SendEmail", {"FromEmailAddress": "Ana <ana@example.com>", "ConfigurationSetName": "c"},
         [("SES::EmailIdentity", "ses:us-east-1:111122223333:identity/ana@example.com"),
          ("SES::ConfigurationSet", "ses:us-east-1:111122223333:configuration-set/c")]),
        ("payment-cryptography-data", "VerifyPinData", {"VerificationKeyIdentifier": "alias/v", "EncryptionKeyIdentifier": "e"},
         [("PaymentCryptography::Key", "payment-cryptography:us-east-1:111122223333:alias/v"),
          ("PaymentCryptography::Key", "payment-cryptography:us-east-1:111122223333:key/e")]),
        ("s3", "GetObject", {"Bucket": "b", "Key": "k"}, [("S3::Object", "s3:::b/k"), ("S3::Bucket", "s3:::b")]),
        ("s3", "GetObject", {"Bucket": "arn:aws:s3:us-east-1:111122223333:accesspoint/a", "Key": "k"},
         [("S3::Object", "s3:us-east-1:111122223333:accesspoint/a/object/k"),
          ("S3::AccessPoint", "s3:us-east-1:111122223333:accesspoint/a")]),
        ("s3", "PutObject", {"Bucket": "arn:aws:s3-outposts:us-east-1:111122223333:outpost/op-1/bucket/b", "Key": "k"},
         [("S3Outposts::Object", "s3-outposts:us-east-1:111122223333:outpost/op-1/bucket/b/k"),
          ("S3Outposts::Bucket", "s3-outposts:us-east-1:111122223333:outpost/op-1/bucket/b")]),
        ("s3", "GetObject", {"Bucket": "b--use1-az4--x-s3", "Key": "k"},
         [("S3Express::Object", "s3express:us-east-1:111122223333:bucket/b--use1-az4--x-s3/"),
          ("S3Express::DirectoryBucket", "s3express:us-east-1:111122223333:bucket/b--use1-az4--x-s3")]),
    ],
)  # fmt: skip
def test_what_the_request_names(
    service: str, operation: str, parameters: dict[str, Any], expected: list[tuple[str, str]], recorder: Recorder
) -> None:
    entries = _resources(recorder, service, operation, parameters)
    assert [(entry["type"], entry.get("ARN") or entry["ARNPrefix"]) for entry in entries] == [
        (f"AWS::{kind}", f"arn:aws:{arn}") for kind, arn in expected
    ]


def test_a_data_event_of_a_resource_elsewhere_names_its_partition(recorder: Recorder) -> None:
    described = recorder.describe(
        Observation(
            service="kinesis", operation="PutRecord", principal=CALLER, account_id=ACCOUNT, region="cn-north-1", request_id="r",
            source_ip="198.51.100.20", user_agent="boto3", time=0.0, parameters={"StreamName": "s"},
        )
    )  # fmt: skip
    assert described is not None
    assert json.loads(described)["resources"][0]["ARN"] == f"arn:aws-cn:kinesis:cn-north-1:{ACCOUNT}:stream/s"


def test_a_directory_bucket_is_called_at_its_own_source(recorder: Recorder) -> None:
    told = []
    for bucket in ("b", "b--use1-az4--x-s3"):
        record = json.loads(
            recorder.describe(
                Observation(
                    service="s3", operation="GetObject", principal=CALLER, account_id=ACCOUNT, region="us-east-1", request_id="r",
                    source_ip="198.51.100.20", user_agent="boto3", time=0.0, parameters={"Bucket": bucket, "Key": "k"},
                )
            )
        )  # fmt: skip
        told.append((record["eventSource"], record["resources"][0]["type"]))
    assert told == [("s3.amazonaws.com", "AWS::S3::Object"), ("s3express.amazonaws.com", "AWS::S3Express::Object")]
