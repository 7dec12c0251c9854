"""What an upstream answered is in the record: errors by the code of their service, results of writes, in every protocol."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSPreparedRequest
from botocore.config import Config

from opentrail.api.forward import Forward
from opentrail.wire.http import Headers, Request
from simulators.front_door import ACCOUNT, Everything, FrontDoor, catalogue
from simulators.told_upstream import ToldProxy

XML_ERROR = (
    b"<ErrorResponse><Error><Type>Sender</Type><Code>%b</Code><Message>said</Message></Error><RequestId>u-1</RequestId></ErrorResponse>"
)
EC2_ERROR = b"<Response><Errors><Error><Code>%b</Code><Message>said</Message></Error></Errors><RequestID>u-1</RequestID></Response>"
S3_ERROR = b'<?xml version="1.0"?><Error><Code>%b</Code><Message>said</Message><RequestId>u-1</RequestId></Error>'


class Kept:
    """A forwarder that remembers how the last call ended, recorded or not."""

    def __init__(self, forward: Forward) -> None:
        self.serves = forward.serves
        self._forward = forward
        self.outcome_kept: Any = None

    async def outcome(self, *call: Any) -> Any:
        self.outcome_kept = await self._forward.outcome(*call)
        return self.outcome_kept


class _Caught(Exception):
    def __init__(self, request: AWSPreparedRequest) -> None:
        super().__init__(request.url)
        self.request = request


def made(door: FrontDoor, service: str, operation: str, parameters: dict[str, Any], **config: Any) -> Request:
    """The request that boto3 makes for the call, signed by the door's root key at the door's time."""
    client = boto3.client(
        service,
        region_name="us-east-1",
        endpoint_url="http://127.0.0.1:4747",
        aws_access_key_id=door.root.access_key_id,
        aws_secret_access_key=door.root.secret_access_key,
        config=Config(retries={"total_max_attempts": 1}, parameter_validation=False, inject_host_prefix=False, **config),
    )

    def catch(request: AWSPreparedRequest, **_: Any) -> None:
        raise _Caught(request)

    client.meta.events.register("before-send.*.*", catch)
    with pytest.raises(_Caught) as caught:
        client._make_api_call(operation, parameters)
    sent: Any = caught.value.request
    path, _, query = sent.url.removeprefix("http://127.0.0.1:4747").partition("?")
    body = sent.body.encode() if isinstance(sent.body, str) else bytes(sent.body or b"")
    lines = {name.lower(): value.decode() if isinstance(value, bytes) else str(value) for name, value in sent.headers.items()}
    unsigned = {name: value for name, value in lines.items() if name not in ("authorization", "x-amz-date", "x-amz-content-sha256", "host")}
    again = Request(method=sent.method, path=path or "/", query=query, headers=Headers(unsigned.items()), body=body)
    return door.signed(
        catalogue().service(service).signing_name, again.method, again.path, query=query, headers=dict(again.headers), body=body
    )


@pytest.fixture
def door(tmp_path: Path) -> Any:
    proxy = ToldProxy(lambda request: (200, {}, b""))
    kept = Kept(Forward(proxy=proxy))  # type: ignore[arg-type]
    made_door = FrontDoor(
        tmp_path,
        upstream=kept,  # type: ignore[arg-type]
        selection=Everything(),
    )
    made_door.proxy, made_door.kept = proxy, kept  # type: ignore[attr-defined]
    yield made_door
    made_door.close()


def _called(door: Any, answer: tuple[int, dict[str, str], bytes], service: str, operation: str, parameters: dict[str, Any]) -> Any:
    door.proxy.answers = lambda request: answer
    door.ask(made(door, service, operation, parameters))
    return door.record


@pytest.mark.parametrize(
    ("service", "operation", "parameters", "status", "headers", "body", "code"),
    [
        ("secretsmanager", "DeleteSecret", {"SecretId": "s"}, 400, {}, b'{"__type":"ResourceNotFoundException","Message":"said"}',
         "ResourceNotFoundException"),
        ("ssm", "DeleteParameter", {"Name": "n"}, 400, {}, b'{"__type":"com.amazonaws.ssm#ParameterNotFound","message":"said"}',
         "ParameterNotFound"),
        ("lambda", "DeleteFunction", {"FunctionName": "f"}, 404, {"x-amzn-ErrorType": "ResourceNotFoundException:http://x/"},
         b'{"message":"said"}', "ResourceNotFoundException"),
        ("rds", "DeleteDBInstance", {"DBInstanceIdentifier": "d"}, 404, {}, XML_ERROR % b"DBInstanceNotFound",
         "DBInstanceNotFoundFault"),
        ("ec2", "DeleteVpc", {"VpcId": "vpc-1"}, 400, {}, EC2_ERROR % b"InvalidVpcID.NotFound", "Client.InvalidVpcID.NotFound"),
        ("ec2", "RunInstances", {"ImageId": "a", "MinCount": 1, "MaxCount": 1}, 500, {}, EC2_ERROR % b"InsufficientInstanceCapacity",
         "Server.InsufficientInstanceCapacity"),
        ("s3", "DeleteBucket", {"Bucket": "b"}, 409, {}, S3_ERROR % b"BucketNotEmpty", "BucketNotEmpty"),
        ("route53", "DeleteHostedZone", {"Id": "Z1"}, 404, {}, XML_ERROR % b"NoSuchHostedZone", "NoSuchHostedZone"),
        ("kms", "Decrypt", {"CiphertextBlob": b"x"}, 400, {"content-encoding": "gzip"},
         gzip.compress(b'{"__type":"NotFoundException","message":"said"}', mtime=0), "NotFoundException"),
        ("glue", "DeleteJob", {"JobName": "j"}, 400, {}, b'{"__type":"AccessDeniedException","Message":"said"}', "AccessDenied"),
    ],
)  # fmt: skip
def test_an_error_of_the_upstream_is_recorded(
    door: Any, service: str, operation: str, parameters: dict[str, Any], status: int, headers: dict[str, str], body: bytes, code: str
) -> None:
    record = _called(door, (status, headers, body), service, operation, parameters)
    assert (record["errorCode"], record["errorMessage"]) == (code, "said")
    assert record["responseElements"] is None


@pytest.mark.parametrize(
    ("service", "operation", "parameters", "headers", "body", "expected"),
    [
        ("secretsmanager", "CreateSecret", {"Name": "s", "SecretString": "x"}, {}, b'{"ARN":"arn:a","Name":"s"}', {"arn": "arn:a"}),
        ("sqs", "CreateQueue", {"QueueName": "q"}, {}, b'{"QueueUrl":"http://q"}', {"queueUrl": "http://q"}),
        ("sns", "CreateTopic", {"Name": "t"}, {},
         b"<CreateTopicResponse><CreateTopicResult><TopicArn>arn:t</TopicArn></CreateTopicResult></CreateTopicResponse>",
         {"topicArn": "arn:t"}),
        ("lambda", "PublishVersion", {"FunctionName": "f"}, {}, b'{"FunctionName":"f","Version":"2"}',
         {"functionName": "f", "version": "2"}),
        ("s3", "CreateBucket", {"Bucket": "b"}, {"Location": "/b"}, b"", None),
        ("dynamodb", "DeleteTable", {"TableName": "t"}, {"content-encoding": "gzip"},
         gzip.compress(b'{"TableDescription":{"TableName":"t"}}', mtime=0), {"tableDescription": {"tableName": "t"}}),
    ],
)  # fmt: skip
def test_the_result_of_a_write_is_recorded(
    door: Any, service: str, operation: str, parameters: dict[str, Any], headers: dict[str, str], body: bytes, expected: Any
) -> None:
    record = _called(door, (200, headers, body), service, operation, parameters)
    assert "errorCode" not in record
    assert record["responseElements"] == expected


@pytest.mark.parametrize(
    ("operation", "parameters", "status", "body", "code"),
    [
        ("HeadObject", {"Bucket": "b", "Key": "k"}, 404, b"", "NoSuchKey"),
        ("HeadBucket", {"Bucket": "b"}, 404, b"", "NoSuchBucket"),
        ("HeadBucket", {"Bucket": "b"}, 403, b"", "AccessDenied"),
        ("HeadObject", {"Bucket": "b", "Key": "k"}, 412, b"", "412"),
        ("CopyObject", {"Bucket": "b", "Key": "k", "CopySource": "b/a"}, 200, S3_ERROR % b"InternalError", "InternalError"),
        ("CompleteMultipartUpload", {"Bucket": "b", "Key": "k", "UploadId": "u"}, 200, b"  " + S3_ERROR % b"NoSuchUpload", "NoSuchUpload"),
        ("CopyObject", {"Bucket": "b", "Key": "k", "CopySource": "b/a"}, 200, b"<CopyObjectResult/>", None),
        ("HeadObject", {"Bucket": "b", "Key": "k"}, 304, b"", None),
    ],
)
def test_s3_says_some_errors_without_a_body_or_with_status_200(
    door: Any, operation: str, parameters: dict[str, Any], status: int, body: bytes, code: str | None
) -> None:
    door.proxy.answers = lambda request: (status, {}, body)
    answered = door.ask(made(door, "s3", operation, parameters))
    assert (answered.status, answered.body) == (status, body)
    assert door.kept.outcome_kept.error_code == code


def test_ec2s_result_has_its_own_form(door: Any) -> None:
    body = b"<DeleteVpcResponse><requestId>u-9</requestId><return>true</return></DeleteVpcResponse>"
    assert _called(door, (200, {}, body), "ec2", "DeleteVpc", {"VpcId": "vpc-1"})["responseElements"] == {
        "requestId": "u-9", "_return": True,
    }  # fmt: skip


def test_a_read_is_recorded_without_its_result(door: Any) -> None:
    record = _called(door, (200, {}, json.dumps({"Name": "s"}).encode()), "secretsmanager", "DescribeSecret", {"SecretId": "s"})
    assert record["responseElements"] is None
    assert record["readOnly"] is True


def test_the_caller_is_told_what_the_upstream_said_word_for_word(door: Any) -> None:
    said = S3_ERROR % b"BucketNotEmpty"
    door.proxy.answers = lambda request: (409, {"x-amz-id-2": "EXAMPLE="}, said)
    answered = door.ask(made(door, "s3", "DeleteBucket", {"Bucket": "b"}))
    assert (answered.status, answered.body) == (409, said)
    assert door.record["additionalEventData"]["x-amz-id-2"] == "EXAMPLE="
    assert door.record["additionalEventData"]["bytesTransferredOut"] == len(said)
    assert ACCOUNT in door.record["resources"][0]["accountId"]
