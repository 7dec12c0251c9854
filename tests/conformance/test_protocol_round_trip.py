"""Every operation of every service that botocore knows, in every protocol it is spoken in, both ways over the wire.

In: botocore's client serialises parameters (all members; then only the required ones), our router and parser must find the same operation
and parameters. Out: our serialiser writes a result with every member, botocore's client must read the same. Errors: botocore's client must
read the code and message of every error that an operation declares. Nothing is let through that is not listed here with its reason.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from botocore.model import Shape, StructureShape

from conformance.protocol_samples import Samples, client_request, client_result, differences, without_empty
from opentrail.wire.faults import Fault
from opentrail.wire.models import Catalogue, Operation, Service
from opentrail.wire.parse import parse
from opentrail.wire.routing import Route, Router
from opentrail.wire.scope import Scope
from opentrail.wire.serialise import fault, serialise
from opentrail.wire.serialise_faults import query_code

CATALOGUE = Catalogue(keep=8)
ROUTER = Router(CATALOGUE)
LISTINGS = tuple(CATALOGUE.listings)

TWINS = {
    ("s3", "GetBucketLifecycle"): "GetBucketLifecycleConfiguration",
    ("s3", "GetBucketNotification"): "GetBucketNotificationConfiguration",
    ("s3", "PutBucketLifecycle"): "PutBucketLifecycleConfiguration",
    ("s3", "PutBucketNotification"): "PutBucketNotificationConfiguration",
}
"""Deprecated operations whose request line is that of their successor: the successor is meant."""

SIBLINGS = {
    "bedrock-agent-runtime": {"bedrock-agent"},
    "bedrock-data-automation": {"bedrock"},
    "chime-sdk-media-pipelines": {"chime-sdk-identity"},
    "chime-sdk-meetings": {"chime-sdk-identity"},
    "chime-sdk-messaging": {"chime-sdk-identity"},
    "chime-sdk-voice": {"chime", "chime-sdk-identity"},
    "docdb": {"rds"},
    "greengrassv2": {"greengrass"},
    "ivs-realtime": {"ivs"},
    "lambda-microvms": {"lambda"},
    "lex-models": {"lexv2-models"},
    "neptune": {"rds"},
    "pinpoint-sms-voice": {"sms-voice"},
    "qconnect": {"wisdom"},
    "signer-data": {"signer"},
    "timestream-write": {"timestream-query"},
}
"""Services with operations that look exactly like those of an older one under the same signing name: only the User-Agent can tell."""

MINIMAL_TWINS = {("s3", "ListDirectoryBuckets"): "ListBuckets"}
"""Operations whose request line without optional parameters is that of another."""

NOT_WRITTEN = {
    ("billingconductor", "ListTagsForResource"): "status 204, which has no body, with members in the body",
    ("chime", "PutRetentionSettings"): "status 204 with members in the body",
    ("lexv2-models", "DeleteResourcePolicy"): "status 204 with members in the body",
    ("lexv2-models", "DeleteResourcePolicyStatement"): "status 204 with members in the body",
    ("quicksight", "DeleteSpace"): "status 204 with members in the body",
    ("dataexchange", "SendApiAsset"): "a member takes all headers of the answer, those of the transport as well",
    ("s3", "GetBucketNotification"): "the deprecated members Event and Events share an element",
    ("s3", "GetBucketLocation"): "the member is the outermost element; botocore reads that in a hook (see test_protocol_serialise)",
}
"""Results that botocore's bare parser does not read back as they were."""

TRANSPORT = ("content-length", "content-type")
"""Headers that every message has, whether a member is bound to them or not."""


def _spoken() -> Iterator[tuple[str, str]]:
    for name in LISTINGS:
        for protocol in CATALOGUE.listings[name].protocols:
            yield name, protocol


def _scope(operation: Operation) -> Scope:
    return Scope(access_key_id="AKIDEXAMPLE", date="20260105", region="us-east-1", signing_name=operation.service.signing_name)


def _agent(service: Service) -> str:
    """A User-Agent that names the service: as an SDK does, or as the CLI where botocore lists one service under two names."""
    if service.name == "pinpoint-sms-voice":
        return f"aws-cli/2.0 md/command#{service.name}.any-operation"
    return f"aws-sdk-go-v2/1.0 ua/2.1 api/{service.model.metadata['serviceId'].replace(' ', '')}#1.0"


def _route(operation: Operation, parameters: dict[str, object]) -> Route:
    service = operation.service
    request = client_request(operation.model, service.protocol, parameters)
    route = ROUTER.route(request, scope=_scope(operation))
    if route.operation.service.name != service.name and route.operation.service.name in SIBLINGS.get(service.name, ()):
        request = client_request(operation.model, service.protocol, parameters, user_agent=_agent(service))
        route = ROUTER.route(request, scope=_scope(operation))
    return route


def _added_by_transport(shape: Shape | None, sent: dict[str, Any], found: dict[str, Any]) -> set[str]:
    """Members of `found` that were not sent but stand for the message's own headers, or for an empty payload."""
    if not isinstance(shape, StructureShape):
        return set()
    payload = shape.serialization.get("payload")
    added = {name for name in found if str(shape.members[name].serialization.get("name", "")).lower() in TRANSPORT}
    if payload is not None and found.get(payload) == {}:
        added.add(payload)
    return added - set(sent)


def _check_input(operation: Operation, samples: Samples, twins: Mapping[tuple[str, str], str] = TWINS) -> list[str]:
    shape = operation.model.input_shape
    parameters = samples.structure(shape) if isinstance(shape, StructureShape) else {}
    route = _route(operation, parameters)
    found = (route.operation.service.name, route.operation.service.protocol, route.operation.name)
    wanted_name = twins.get((operation.service.name, operation.name), operation.name)
    if found != (operation.service.name, operation.service.protocol, wanted_name):
        return [f"routed to {found}"]
    if wanted_name != operation.name:
        return []
    wanted = dict(parameters)
    if operation.streaming_input and shape is not None:
        wanted.pop(shape.serialization.get("payload"), None)
    if operation.service.protocol in ("query", "ec2"):
        wanted = without_empty(wanted)  # that is what its client sends of an empty structure: nothing
    parsed = parse(route)
    for name in _added_by_transport(shape, wanted, parsed):
        del parsed[name]
    return list(differences(wanted, parsed, "in"))


def _check_output(operation: Operation) -> list[str]:
    shape = operation.model.output_shape
    result = Samples().structure(shape) if isinstance(shape, StructureShape) else {}
    response = serialise(operation, result, request_id="request-1")
    sent = dict(response.headers)
    if "request-1" not in (sent.get("x-amzn-requestid"), sent.get("x-amz-request-id")):
        return ["out: no request id in the headers"]
    found = client_result(operation, response)
    metadata = found.pop("ResponseMetadata", {})
    if metadata.get("RequestId", "request-1") != "request-1":
        return ["out: another request id in the body"]
    for name in _added_by_transport(shape, result, found):
        del found[name]
    return list(differences(result, found, "out"))


def _check_errors(operation: Operation) -> list[str]:
    wrong = []
    for shape in operation.model.error_shapes:
        assert isinstance(shape, StructureShape)
        members = Samples().structure(shape)
        message = 'No <trail> "é" & co'
        error = type("Fault", (Fault,), {"code": shape.name})(message)
        error.members = {name: value for name, value in members.items() if name.lower() != "message"}
        response = fault(operation.service, error, request_id="request-1", operation=operation)
        said = client_result(operation, response).get("Error", {})
        wanted = {shape.name, shape.error_code, query_code(operation.service, error, shape)}
        if said.get("Code") not in wanted or said.get("Message") != message:
            wrong.append(f"error {shape.name}: {said}")
    return wrong


@pytest.mark.parametrize(("name", "protocol"), list(_spoken()))
def test_every_operation_passes_both_ways(name: str, protocol: str) -> None:
    service = CATALOGUE.service(name, protocol)
    wrong: list[str] = []
    for operation_name in service.operation_names:
        operation = service.operation(operation_name)
        wrong += [f"{operation_name} {line}" for line in _check_input(operation, Samples())]
        wrong += [
            f"{operation_name} (required only) {line}" for line in _check_input(operation, Samples(required=True), TWINS | MINIMAL_TWINS)
        ]
        if operation.model.has_event_stream_output:
            with pytest.raises(TypeError, match="event streams"):
                serialise(operation, {}, request_id="request-1")
        elif (name, operation_name) not in NOT_WRITTEN:
            wrong += [f"{operation_name} {line}" for line in _check_output(operation)]
        wrong += [f"{operation_name} {line}" for line in _check_errors(operation)]
    assert not wrong, "\n".join(wrong[:40])


def test_exceptions_are_few_and_exist() -> None:
    pairs = sum(len(CATALOGUE.service(name, protocol).operation_names) for name, protocol in _spoken())
    streams = sum(
        CATALOGUE.service(name, protocol).operation(operation).model.has_event_stream_output
        for name, protocol in _spoken()
        for operation in CATALOGUE.service(name, protocol).operation_names
    )
    for name, operation in (*TWINS, *NOT_WRITTEN):
        CATALOGUE.service(name).operation(operation)
    exceptions = len(TWINS) + len(NOT_WRITTEN) + streams
    assert 1 - exceptions / (2 * pairs) >= 0.999, f"{exceptions} exceptions among {pairs} pairs"
