"""botocore's own protocol test vectors, turned round: its serialised requests are parsed here, its expected results are serialised here.

The vectors are not in botocore's wheel. Give a checkout of https://github.com/boto/botocore as BOTOCORE_CHECKOUT to run them:

    BOTOCORE_CHECKOUT=../botocore python -m pytest tests/conformance/test_protocol_vectors.py
"""

from __future__ import annotations

import base64
import copy
import json
import math
import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from botocore.model import ListShape, MapShape, Shape, StructureShape
from botocore.utils import parse_timestamp

from conformance.protocol_samples import client_result, differences, without_empty
from opentrail.wire import form
from opentrail.wire.faults import Fault
from opentrail.wire.http import Headers, Request, Response
from opentrail.wire.models import Listing, Operation, Service
from opentrail.wire.parse import parse
from opentrail.wire.paths import PathTable
from opentrail.wire.routing import Route
from opentrail.wire.serialise import fault, serialise
from opentrail.wire.serialise_values import float_name

_CHECKOUT = os.environ.get("BOTOCORE_CHECKOUT")
_FOLDER = Path(_CHECKOUT or ".") / "tests" / "unit" / "protocols"

if not _CHECKOUT:
    pytest.skip("needs a checkout of botocore's repository in BOTOCORE_CHECKOUT", allow_module_level=True)

Case = tuple[dict[str, Any], dict[str, Any]]

_EMPTY = "the client sends nothing for an empty list or map"
_EMPTY_PAYLOAD = "the client sends {} for a payload that is not there"
_QUERY_MAP = "the same query parameters are bound to members and to a map; here the map has what is left"

NOT_READ = {
    "input/ec2:8:1:Ec2EmptyQueryLists": _EMPTY,
    "input/query:10:3:QueryEmptyQueryMaps": _EMPTY,
    "input/rest-json:0:0:RestJsonAllQueryStringTypes": _QUERY_MAP,
    "input/rest-json:0:2:RestJsonQueryStringEscaping": _QUERY_MAP,
    "input/rest-json:0:3:RestJsonSupportsNaNFloatQueryValues": _QUERY_MAP,
    "input/rest-json:0:4:RestJsonSupportsInfinityFloatQueryValues": _QUERY_MAP,
    "input/rest-json:0:5:RestJsonSupportsNegativeInfinityFloatQueryValues": _QUERY_MAP,
    "input/rest-json:0:6:RestJsonZeroAndFalseQueryValues": _QUERY_MAP,
    "input/rest-json:15:1:RestJsonHttpPrefixHeadersAreNotPresent": _EMPTY,
    "input/rest-json:35:0:RestJsonOmitsEmptyListQueryValues": _EMPTY,
    "input/rest-json:47:0:RestJsonHttpWithEmptyStructurePayload": _EMPTY_PAYLOAD,
    "input/rest-json:47:2:RestJsonHttpWithHeadersButNoPayload": _EMPTY_PAYLOAD,
    "input/rest-xml:18:1:HttpPrefixHeadersAreNotPresent": _EMPTY,
    "legacy/input/rest-json:13:1:": _EMPTY_PAYLOAD,
    "legacy/input/rest-json:25:2:": _EMPTY_PAYLOAD,
    "legacy/input/rest-json:25:4:": _EMPTY_PAYLOAD,
    "legacy/input/rest-json:25:7:": "a member is bound to Content-Type, which the client sends anyway",
    "legacy/input/rest-json:26:1:": _EMPTY,
    "legacy/input/rest-xml:26:1:": _EMPTY,
}
"""Requests that do not tell the parameters they were made of, with the reason."""

_STREAM = "event streams are not written"
_ALL_HEADERS = "a member takes all headers of the answer, those of the transport as well"
_UNKNOWN_MEMBER = "what a client makes of a union member it does not know"

NOT_WRITTEN = {
    "legacy/output/json:6:0:": _STREAM,
    "legacy/output/rest-json:9:0:": _ALL_HEADERS,
    "legacy/output/rest-json:17:2:": _UNKNOWN_MEMBER,
    "legacy/output/rest-xml:14:0:": _STREAM,
    "legacy/output/rest-xml:14:1:": _STREAM,
    "legacy/output/rest-xml:14:2:": _STREAM,
    "legacy/output/rest-xml:16:2:": _UNKNOWN_MEMBER,
    "output/rest-json:15:0:HttpPrefixHeadersResponse": _ALL_HEADERS,
}
"""Results that botocore does not read back from our responses as they were, with the reason."""


def _ignored(protocol: str, direction: str, suite: str, case: str | None) -> bool:
    """Whether botocore leaves the case out itself, by the list beside the vectors."""
    listed = json.loads((_FOLDER / "protocol-tests-ignore-list.json").read_text(encoding="utf-8"))
    for scope in (listed.get("general", {}), listed.get("protocols", {}).get(protocol, {})):
        names = scope.get(direction, {})
        if suite in names.get("suites", ()) or case in names.get("cases", ()):
            return True
    return False


def _cases(direction: str) -> Iterator[Any]:
    for path in sorted(_FOLDER.rglob(f"{direction}/*.json")):
        for suite, model in enumerate(json.loads(path.read_text(encoding="utf-8"))):
            for number, case in enumerate(model.pop("cases")):
                if _ignored(path.stem, direction, model["description"], case.get("id")):
                    continue
                label = f"{path.relative_to(_FOLDER).with_suffix('')}:{suite}:{number}:{case.get('id', '')}"
                yield pytest.param((model, case), label, id=label)


def _operation(model: dict[str, Any], case: dict[str, Any]) -> Operation:
    given = case["given"]
    description = copy.deepcopy({**model, "operations": {given["name"]: given}})
    metadata = description["metadata"]
    protocol = metadata["protocol"]
    if protocol == "query" and "output" in given and description["shapes"][given["output"]["shape"]].get("members"):
        description["operations"][given["name"]]["output"]["resultWrapper"] = f"{given['name']}Result"
    listing = Listing(
        name="vectors",
        version=metadata.get("apiVersion", "2020-01-01"),
        signing_name="vectors",
        endpoint_prefix="vectors",
        service_id="vectors",
        target=metadata.get("targetPrefix"),
        protocols=(protocol,),
        path=Path(),
    )
    return Service(listing, description, protocol, query_mode="awsQueryCompatible" in metadata).operation(given["name"])


def _typed(shape: Shape | None, value: Any) -> Any:
    """A value as the vectors write it (texts for blobs, numbers for times) as Python sees it."""
    if value is None or shape is None:
        return value
    if isinstance(shape, StructureShape) and not shape.is_document_type:
        return {name: _typed(shape.members[name], item) for name, item in value.items() if item is not None}
    if isinstance(shape, ListShape):
        return [_typed(shape.member, item) for item in value]
    if isinstance(shape, MapShape):
        return {key: _typed(shape.value, item) for key, item in value.items()}
    if shape.type_name == "timestamp":
        return parse_timestamp(value)
    if shape.type_name == "blob":
        return value.encode() if isinstance(value, str) else value
    if shape.type_name in ("float", "double"):
        return float(value)
    return value


def _comparable(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _comparable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_comparable(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return float_name(value)  # botocore's JSON parser leaves the name as it is
    if isinstance(value, datetime):
        return value.timestamp()
    return value


def _route(operation: Operation, serialized: dict[str, Any]) -> Route:
    binary = operation.service.protocol == "smithy-rpc-v2-cbor"
    text = serialized.get("body", "")
    body = base64.b64decode(text) if binary else text.encode("utf-8")
    path, _, query = serialized["uri"].partition("?")
    headers = Headers(serialized.get("headers", {}).items())
    method = serialized.get("method", operation.model.http.get("method", "POST"))
    request = Request(method=method, path=path, query=query, headers=headers, body=body)
    fields = form.fields(query)
    if operation.service.protocol in ("query", "ec2"):
        return Route(operation=operation, request=request, fields=form.body_fields(body))
    labels: dict[str, str] = {}
    if operation.service.protocol.startswith("rest-"):
        match = PathTable(operation.service.description).find(request.method, path, dict(reversed(fields)), headers)
        assert match is not None, f"{request.method} {serialized['uri']} is not found"
        labels = dict(match.labels)
    return Route(operation=operation, request=request, labels=labels, fields=fields)


@pytest.mark.parametrize(("case", "label"), list(_cases("input")))
def test_request_is_parsed(case: Case, label: str) -> None:
    model, vector = case
    operation = _operation(model, vector)
    shape = operation.model.input_shape
    wanted = _typed(shape, vector.get("params", {}))
    if operation.streaming_input and shape is not None:
        wanted.pop(shape.serialization.get("payload"), None)
    found = parse(_route(operation, vector["serialized"]))
    told = list(differences(_comparable(wanted), _comparable(found)))
    assert bool(told) == (label in NOT_READ), told


@pytest.mark.parametrize(("case", "label"), list(_cases("output")))
def test_result_is_read_back(case: Case, label: str) -> None:
    model, vector = case
    operation = _operation(model, vector)
    if label in NOT_WRITTEN:
        with pytest.raises((TypeError, AssertionError, KeyError, AttributeError)):
            _check_result(operation, vector)
    elif "error" in vector:
        _check_error(operation, vector)
    else:
        _check_result(operation, vector)


def _check_result(operation: Operation, vector: dict[str, Any]) -> None:
    wanted = _typed(operation.model.output_shape, vector["result"])
    response = serialise(operation, wanted, request_id="request-1", status=vector["response"].get("status_code"))
    found = client_result(operation, response)
    found.pop("ResponseMetadata", None)
    assert list(differences(_comparable(wanted), _comparable(found))) == []
    _check_wire(operation, vector["response"], response)


def _check_wire(operation: Operation, expected: dict[str, Any], response: Response) -> None:
    """The headers that the model binds are those of the vector."""
    shape = operation.model.output_shape
    assert isinstance(response.body, bytes)
    sent = dict(response.headers)
    for member in getattr(shape, "members", {}).values():
        name = str(member.serialization.get("name", "")).lower()
        told = {key.lower(): value for key, value in expected.get("headers", {}).items()}.get(name)
        if member.serialization.get("location") == "header" and told is not None and not isinstance(member, ListShape):
            assert sent[name] == told or (member.type_name == "timestamp" and parse_timestamp(sent[name]) == parse_timestamp(told))


def _check_error(operation: Operation, vector: dict[str, Any]) -> None:
    code = vector.get("errorCode", "")
    shape = operation.service.error(code)
    members = _typed(shape, vector["error"])
    message = vector.get("errorMessage", "") or str(members.get("message", members.get("Message", "")))
    error = type("Fault", (Fault,), {"code": code, "status": vector["response"]["status_code"]})(message or "said")
    error.members = {name: value for name, value in members.items() if name.lower() != "message"}
    response = fault(operation.service, error, request_id="request-1", operation=operation)
    said = client_result(operation, response)["Error"]
    assert (said["Code"], said["Message"]) == (code, message or "said")
    if shape is not None:
        found = client_result(operation, response, shape=shape)
        wanted = {name: value for name, value in members.items() if name.lower() != "message"}
        kept = {name: value for name, value in found.items() if name.lower() != "message"}
        assert list(differences(_comparable(without_empty(wanted)), _comparable(without_empty(kept)))) == []
