"""What an upstream answered, as the proxy understands it."""

from __future__ import annotations

from typing import Any

import pytest

from opentrail.wire.faults import fault as make_fault
from opentrail.wire.responses import Outcome, read
from opentrail.wire.serialise import fault, serialise
from unit.wire.protocol_calls import CATALOGUE


def test_results_come_back() -> None:
    for service, name, result in (
        ("cloudtrail", "CreateTrail", {"Name": "a"}),
        ("iam", "GetUser", {"User": {"UserName": "a"}}),
        ("lambda", "GetFunctionConcurrency", {"ReservedConcurrentExecutions": 3}),
        ("s3", "GetBucketVersioning", {"Status": "Enabled"}),
        ("s3", "GetBucketLocation", {"LocationConstraint": "eu-west-1"}),
    ):
        operation = CATALOGUE.service(service).operation(name)
        response = serialise(operation, result, request_id="r-1")
        assert isinstance(response.body, bytes)
        assert read(operation, response.status, response.headers, response.body) == Outcome(result=result, request_id="r-1")


def test_location_of_us_east_1_is_none() -> None:
    operation = CATALOGUE.service("s3").operation("GetBucketLocation")
    response = serialise(operation, {"LocationConstraint": "us-east-1"}, request_id="r-1")
    assert isinstance(response.body, bytes)
    assert read(operation, 200, response.headers, response.body).result == {"LocationConstraint": None}


@pytest.mark.parametrize("service", ["cloudtrail", "iam", "ec2", "lambda", "s3", "route53", "cloudwatch"])
def test_errors_come_back(service: str) -> None:
    spoken = CATALOGUE.service(service)
    operation = spoken.operation(spoken.operation_names[0])
    response = fault(spoken, make_fault("AccessDenied", "You may not", status=403), request_id="r-1")
    assert isinstance(response.body, bytes)
    found = read(operation, response.status, response.headers, response.body)
    assert (found.result, found.error_code, found.error_message, found.request_id) == (None, "AccessDenied", "You may not", "r-1")


def test_a_streamed_answer_needs_no_body() -> None:
    operation = CATALOGUE.service("s3").operation("GetObject")
    headers = [("ETag", '"e"'), ("Content-Length", "3"), ("x-amz-request-id", "r-1"), ("Last-Modified", "nonsense"), ("x-amz-meta-a", "b")]
    found = read(operation, 200, headers, b"")
    assert found == Outcome(result={"ETag": '"e"', "ContentLength": 3, "Metadata": {"a": "b"}}, request_id="r-1")


UNREADABLE: list[tuple[str, str, int, bytes, dict[str, Any] | None, str | None]] = [
    ("iam", "GetUser", 200, b"<html>", {}, None),
    ("iam", "GetUser", 502, b"<html><body>Bad gateway</body></html>", None, "502"),
    ("iam", "GetUser", 403, b"no xml", None, "403"),
    ("cloudtrail", "GetTrail", 200, b"\xff", {}, None),
    ("cloudtrail", "LookupEvents", 200, b'{"Events":[{"EventTime":"never"}]}', {}, None),
    ("cloudtrail", "GetTrail", 400, b"[]", None, "400"),
    ("s3", "HeadObject", 404, b"", None, "404"),
    ("cloudwatch", "ListMetrics", 500, b"", None, "500"),
]


@pytest.mark.parametrize(("service", "name", "status", "body", "result", "code"), UNREADABLE)
def test_answers_that_cannot_be_read(
    service: str, name: str, status: int, body: bytes, result: dict[str, Any] | None, code: str | None
) -> None:
    found = read(CATALOGUE.service(service).operation(name), status, [], body)
    assert (found.result, found.error_code) == (result, code)
