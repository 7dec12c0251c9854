"""Responses byte for byte where clients or people depend on them: results and faults of every protocol."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest

from opentrail.wire import cbor
from opentrail.wire.faults import Fault, NotImplemented, ServiceUnavailable
from opentrail.wire.faults import fault as make_fault
from opentrail.wire.http import Response
from opentrail.wire.serialise import fault, serialise
from unit.wire.protocol_calls import CATALOGUE

MOMENT = datetime(2026, 1, 5, 10, 11, 12, tzinfo=UTC)
XML = '<?xml version="1.0" encoding="UTF-8"?>\n'


class TrailNotFoundException(Fault):
    """Unknown trail: audit"""


class NoSuchEntity(Fault):
    """The user with name bob cannot be found."""


class QueueDoesNotExist(Fault):
    """The specified queue does not exist."""


class NoSuchBucket(Fault):
    """The specified bucket does not exist"""

    status = 404


def answer(service: str, operation: str, result: dict[str, Any] | None, protocol: str | None = None, **more: Any) -> Response:
    return serialise(CATALOGUE.service(service, protocol).operation(operation), result, request_id="r-1", **more)


def text(response: Response) -> str:
    assert isinstance(response.body, bytes)
    return response.body.decode("utf-8")


RESULTS = [
    (
        "cloudtrail",
        None,
        "CreateTrail",
        {"Name": "a", "KmsKeyId": None, "IsMultiRegionTrail": False},
        '{"Name":"a","IsMultiRegionTrail":false}',
    ),
    ("cloudtrail", None, "LookupEvents", {"Events": [{"EventTime": MOMENT}]}, '{"Events":[{"EventTime":1767607872}]}'),
    ("cloudtrail", None, "LookupEvents", {"Events": [{"EventTime": 1767607872.4567}]}, '{"Events":[{"EventTime":1767607872.456}]}'),
    ("cloudtrail", None, "DeleteTrail", {}, "{}"),
    ("kms", None, "Encrypt", {"CiphertextBlob": b"\x00\x01"}, '{"CiphertextBlob":"AAE="}'),
    ("cloudwatch", "json", "GetMetricStatistics", {"Datapoints": [{"Sum": float("nan")}]}, '{"Datapoints":[{"Sum":"NaN"}]}'),
    (
        "iam",
        None,
        "ListUsers",
        {"Users": [{"UserName": "a<b", "CreateDate": MOMENT}], "IsTruncated": False},
        XML
        + '<ListUsersResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><ListUsersResult><Users><member><UserName>a&lt;b</UserName>'
        "<CreateDate>2026-01-05T10:11:12Z</CreateDate></member></Users><IsTruncated>false</IsTruncated></ListUsersResult>"
        "<ResponseMetadata><RequestId>r-1</RequestId></ResponseMetadata></ListUsersResponse>",
    ),
    (
        "iam",
        None,
        "DeleteUser",
        None,
        XML
        + '<DeleteUserResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><ResponseMetadata><RequestId>r-1</RequestId></ResponseMetadata>'
        "</DeleteUserResponse>",
    ),
    (
        "sqs",
        "query",
        "GetQueueAttributes",
        {"Attributes": {"DelaySeconds": "5"}},
        XML
        + '<GetQueueAttributesResponse xmlns="http://queue.amazonaws.com/doc/2012-11-05/"><GetQueueAttributesResult><Attribute><Name>DelaySeconds</Name>'
        "<Value>5</Value></Attribute></GetQueueAttributesResult><ResponseMetadata><RequestId>r-1</RequestId></ResponseMetadata></GetQueueAttributesResponse>",
    ),
    (
        "ec2",
        None,
        "DescribeInstances",
        {"Reservations": [{"Groups": [], "Instances": [{"InstanceId": "i-1", "LaunchTime": MOMENT}]}]},
        XML
        + '<DescribeInstancesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15"><requestId>r-1</requestId><reservationSet><item><groupSet/>'
        "<instancesSet><item><instanceId>i-1</instanceId><launchTime>2026-01-05T10:11:12.000Z</launchTime></item></instancesSet></item></reservationSet>"
        "</DescribeInstancesResponse>",
    ),
    (
        "s3",
        None,
        "ListBuckets",
        {"Buckets": [{"Name": "logs", "CreationDate": MOMENT}], "Owner": {"ID": "1"}},
        XML + '<ListAllMyBucketsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Buckets><Bucket><Name>logs</Name>'
        "<CreationDate>2026-01-05T10:11:12.000Z</CreationDate></Bucket></Buckets><Owner><ID>1</ID></Owner></ListAllMyBucketsResult>",
    ),
    (
        "s3",
        None,
        "ListObjectsV2",
        {"Name": "logs", "KeyCount": 1, "IsTruncated": False, "Contents": [{"Key": "a\x01\r", "ETag": '"e"', "Size": 3}]},
        XML
        + '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>logs</Name><KeyCount>1</KeyCount><IsTruncated>false</IsTruncated>'
        '<Contents><Key>a\ufffd&#13;</Key><ETag>"e"</ETag><Size>3</Size></Contents></ListBucketResult>',
    ),
    (
        "s3",
        None,
        "GetBucketLocation",
        {"LocationConstraint": None},
        XML + '<LocationConstraint xmlns="http://s3.amazonaws.com/doc/2006-03-01/"></LocationConstraint>',
    ),
    (
        "s3",
        None,
        "GetBucketLocation",
        {"LocationConstraint": "eu-west-1"},
        XML + '<LocationConstraint xmlns="http://s3.amazonaws.com/doc/2006-03-01/">eu-west-1</LocationConstraint>',
    ),
    ("s3", None, "GetBucketPolicy", {"Policy": '{"a":1}'}, '{"a":1}'),
    (
        "s3",
        None,
        "GetBucketAcl",
        {"Grants": [{"Grantee": {"Type": "CanonicalUser", "ID": "1"}, "Permission": "READ"}]},
        XML + '<AccessControlPolicy xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><AccessControlList><Grant><Grantee '
        'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="CanonicalUser"><ID>1</ID></Grantee>'
        "<Permission>READ</Permission></Grant>"
        "</AccessControlList></AccessControlPolicy>",
    ),
    (
        "s3",
        None,
        "CopyObject",
        {"CopyObjectResult": {"ETag": '"e"'}, "VersionId": "v"},
        XML + '<CopyObjectResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><ETag>"e"</ETag></CopyObjectResult>',
    ),
    ("lambda", None, "ListFunctions", {"Functions": []}, '{"Functions":[]}'),
    ("lambda", None, "TagResource", None, ""),
]


@pytest.mark.parametrize(("service", "protocol", "operation", "result", "body"), RESULTS)
def test_body(service: str, protocol: str | None, operation: str, result: dict[str, Any] | None, body: str) -> None:
    response = answer(service, operation, result, protocol)
    assert text(response) == body
    if response.status != 204:
        assert dict(response.headers)["content-length"] == str(len(body.encode()))


HEADERS = [
    ("cloudtrail", None, "DeleteTrail", {}, 200, {"x-amzn-requestid": "r-1", "content-type": "application/x-amz-json-1.1"}),
    ("sqs", None, "PurgeQueue", {}, 200, {"x-amzn-requestid": "r-1", "content-type": "application/x-amz-json-1.0"}),
    ("iam", None, "DeleteUser", {}, 200, {"x-amzn-requestid": "r-1", "content-type": "text/xml;charset=UTF-8"}),
    ("cloudwatch", "smithy-rpc-v2-cbor", "ListMetrics", {}, 200, {"content-type": "application/cbor", "smithy-protocol": "rpc-v2-cbor"}),
    (
        "s3",
        None,
        "DeleteObject",
        {"VersionId": "v", "DeleteMarker": True},
        204,
        {"x-amz-version-id": "v", "x-amz-delete-marker": "true", "x-amz-request-id": "r-1", "x-amz-id-2": "ci0x"},
    ),
    (
        "s3",
        None,
        "GetObject",
        {"Body": b"abc", "ContentType": "text/plain", "Metadata": {"Signature": "ab"}, "LastModified": MOMENT},
        200,
        {
            "content-type": "text/plain",
            "x-amz-meta-signature": "ab",
            "last-modified": "Mon, 05 Jan 2026 10:11:12 GMT",
            "content-length": "3",
        },
    ),
    ("s3", None, "GetObject", {"Body": b"abc"}, 200, {"content-type": "binary/octet-stream"}),
    ("s3", None, "HeadObject", {"ContentLength": 7, "ETag": '"e"'}, 200, {"content-length": "7", "etag": '"e"'}),
    ("lambda", None, "Invoke", {"Payload": b"{}", "StatusCode": 202}, 202, {"content-type": "application/octet-stream"}),
]


@pytest.mark.parametrize(("service", "protocol", "operation", "result", "status", "headers"), HEADERS)
def test_status_and_headers(
    service: str, protocol: str | None, operation: str, result: dict[str, Any], status: int, headers: dict[str, str]
) -> None:
    response = answer(service, operation, result, protocol)
    assert response.status == status
    assert headers.items() <= dict(response.headers).items()
    assert len(dict(response.headers)) == len(response.headers)


def test_status_and_headers_given_by_the_handler_win() -> None:
    result = {"Body": b"a", "ContentType": "text/plain"}
    response = answer("s3", "GetObject", result, status=206, headers={"Content-Range": "bytes 0-0/3", "Content-Type": "x/y"})
    assert response.status == 206
    assert [line for line in response.headers if line[0] in ("content-range", "content-type")] == [
        ("content-range", "bytes 0-0/3"),
        ("content-type", "x/y"),
    ]


def test_not_modified_and_head_have_no_body() -> None:
    assert answer("s3", "GetObject", {"Body": b"abc"}, status=304).body == b""
    assert answer("s3", "HeadBucket", {}).body == b""


def test_streamed_payload_passes_through() -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"a"

    body = chunks()
    response = answer("s3", "GetObject", {"Body": body, "ContentLength": 1})
    assert response.body is body
    assert dict(response.headers)["content-length"] == "1"


def test_no_header_can_be_smuggled_in() -> None:
    result = {"Body": b"", "Metadata": {"note": "a\r\nSet-Cookie: b"}, "ContentDisposition": "é ☃"}
    lines = dict(answer("s3", "GetObject", result).headers)
    assert lines["x-amz-meta-note"] == "a  Set-Cookie: b"
    assert lines["content-disposition"].startswith("=?utf-8?")
    assert all(value.isascii() and value.isprintable() for value in lines.values())


WRONG = [
    ("cloudtrail", "CreateTrail", {"Nmae": "a"}),
    ("cloudtrail", "LookupEvents", {"Events": [{"When": 1}]}),
    ("iam", "GetUser", {"User": {"Name": "a"}}),
    ("iam", "DeleteUser", {"User": {}}),
    ("s3", "ListObjects", {"Keys": []}),
    ("lambda", "ListFunctions", {"functions": []}),
]


@pytest.mark.parametrize(("service", "operation", "result"), WRONG)
def test_a_member_that_the_model_does_not_have_is_a_mistake_of_ours(service: str, operation: str, result: dict[str, Any]) -> None:
    with pytest.raises(TypeError):
        answer(service, operation, result)


FAULTS = [
    ("cloudtrail", None, TrailNotFoundException(), 400, '{"__type":"TrailNotFoundException","Message":"Unknown trail: audit"}'),
    ("kms", None, make_fault("NotFoundException", "No key"), 400, '{"__type":"NotFoundException","message":"No key"}'),
    ("kms", None, make_fault("AccessDeniedException", "No", Extra=1), 400, '{"__type":"AccessDeniedException","message":"No","Extra":1}'),
    ("cloudtrail", None, ServiceUnavailable("Later"), 503, '{"__type":"ServiceUnavailable","Message":"Later"}'),
    (
        "iam",
        None,
        NoSuchEntity(),
        404,
        XML + '<ErrorResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><Error><Type>Sender</Type><Code>NoSuchEntity</Code>'
        "<Message>The user with name bob cannot be found.</Message></Error><RequestId>r-1</RequestId></ErrorResponse>",
    ),
    (
        "iam",
        None,
        make_fault("ServiceFailure", "a<b", status=500),
        500,
        XML + '<ErrorResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><Error><Type>Receiver</Type><Code>ServiceFailure</Code>'
        "<Message>a&lt;b</Message></Error><RequestId>r-1</RequestId></ErrorResponse>",
    ),
    (
        "ec2",
        None,
        make_fault("InvalidInstanceID.NotFound", "No i-1"),
        400,
        XML + "<Response><Errors><Error><Code>InvalidInstanceID.NotFound</Code><Message>No i-1</Message></Error></Errors>"
        "<RequestID>r-1</RequestID></Response>",
    ),
    (
        "s3",
        None,
        NoSuchBucket(BucketName="logs", Resource="/logs"),
        404,
        XML + "<Error><Code>NoSuchBucket</Code><Message>The specified bucket does not exist</Message><BucketName>logs</BucketName>"
        "<Resource>/logs</Resource><RequestId>r-1</RequestId><HostId>ci0x</HostId></Error>",
    ),
    (
        "sqs",
        "query",
        QueueDoesNotExist(),
        400,
        XML + '<ErrorResponse xmlns="http://queue.amazonaws.com/doc/2012-11-05/"><Error><Type>Sender</Type>'
        "<Code>AWS.SimpleQueueService.NonExistentQueue</Code><Message>The specified queue does not exist.</Message></Error>"
        "<RequestId>r-1</RequestId></ErrorResponse>",
    ),
    ("lambda", None, make_fault("ResourceNotFoundException", "No f", Type="User"), 404, '{"Type":"User","Message":"No f"}'),
]


@pytest.mark.parametrize(("service", "protocol", "error", "status", "body"), FAULTS)
def test_fault(service: str, protocol: str | None, error: Fault, status: int, body: str) -> None:
    response = fault(CATALOGUE.service(service, protocol), error, request_id="r-1")
    assert response.status == status
    if body.startswith("{"):
        assert json.loads(text(response)) == json.loads(body)
    else:
        assert text(response) == body


def test_rest_json_names_the_error_in_a_header() -> None:
    response = fault(CATALOGUE.service("lambda"), make_fault("ResourceNotFoundException", "No f"), request_id="r-1")
    assert dict(response.headers)["x-amzn-errortype"] == "ResourceNotFoundException"


@pytest.mark.parametrize("protocol", ["json", "smithy-rpc-v2-cbor"])
def test_former_query_services_give_both_codes(protocol: str) -> None:
    error = make_fault("DashboardNotFoundError", "No d")
    response = fault(CATALOGUE.service("cloudwatch", protocol, query_mode=True), error, request_id="r-1")
    assert response.status == 404
    assert dict(response.headers)["x-amzn-query-error"] == "ResourceNotFound;Sender"
    assert isinstance(response.body, bytes)
    body = json.loads(response.body) if protocol == "json" else cbor.loads(response.body)
    assert body == {"__type": "com.amazonaws.cloudwatch#DashboardNotFoundError", "message": "No d"}
    plain = fault(CATALOGUE.service("cloudwatch", protocol), error, request_id="r-1")
    assert "x-amzn-query-error" not in dict(plain.headers)


def test_the_old_code_of_a_queue_error_finds_its_shape() -> None:
    error = make_fault("AWS.SimpleQueueService.NonExistentQueue", "No q")
    response = fault(CATALOGUE.service("sqs", query_mode=True), error, request_id="r-1")
    assert json.loads(text(response)) == {"__type": "com.amazonaws.sqs#QueueDoesNotExist", "message": "No q"}
    assert dict(response.headers)["x-amzn-query-error"] == "AWS.SimpleQueueService.NonExistentQueue;Sender"


def test_head_fault_has_no_body() -> None:
    response = fault(CATALOGUE.service("s3"), NoSuchBucket(), request_id="r-1", head=True)
    assert (response.status, response.body, dict(response.headers)["content-length"]) == (404, b"", "0")


def test_fault_without_a_service() -> None:
    response = fault(None, NotImplemented("Use --upstream"), request_id="r-1")
    assert (response.status, json.loads(text(response))) == (501, {"__type": "NotImplemented", "message": "Use --upstream"})
