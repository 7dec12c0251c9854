"""Requests and routes for the tests of the wire, in few words."""

from __future__ import annotations

from opentrail.wire.http import Headers, Request
from opentrail.wire.models import Catalogue
from opentrail.wire.routing import Route, Router
from opentrail.wire.scope import Scope

CATALOGUE = Catalogue()
ROUTER = Router(CATALOGUE)

TARGETS = {
    "cloudtrail": "CloudTrail_20131101",
    "dynamodb": "DynamoDB_20120810",
    "kms": "TrentService",
    "logs": "Logs_20140328",
    "sqs": "AmazonSQS",
}


def signed(signing_name: str) -> Scope:
    """A scope; no signature is looked at here."""
    return Scope(access_key_id="AKIDEXAMPLE", date="20260105", region="us-east-1", signing_name=signing_name)


def json_call(service: str, operation: str, body: bytes) -> Route:
    """A JSON 1.x request."""
    headers = Headers([("X-Amz-Target", f"{TARGETS[service]}.{operation}"), ("Content-Type", "application/x-amz-json-1.1")])
    return ROUTER.route(Request(method="POST", path="/", headers=headers, body=body), scope=signed(service))


def form_call(signing_name: str, body: bytes) -> Route:
    """A query or EC2 request."""
    headers = Headers([("Content-Type", "application/x-www-form-urlencoded")])
    return ROUTER.route(Request(method="POST", path="/", headers=headers, body=body), scope=signed(signing_name))


def cbor_call(operation: str, body: bytes) -> Route:
    """An RPC v2 request to CloudWatch."""
    headers = Headers([("smithy-protocol", "rpc-v2-cbor"), ("Content-Type", "application/cbor")])
    path = f"/service/GraniteServiceVersion20100801/operation/{operation}"
    return ROUTER.route(Request(method="POST", path=path, headers=headers, body=body), scope=signed("monitoring"))


def rest_call(signing_name: str, line: str, body: bytes = b"", headers: dict[str, str] | None = None) -> Route:
    """A REST request, `line` as in `PUT /bucket?acl`."""
    method, target = line.split(" ", 1)
    path, _, query = target.partition("?")
    lines = Headers((headers or {}).items())
    return ROUTER.route(Request(method=method, path=path, query=query, headers=lines, body=body), scope=signed(signing_name))
