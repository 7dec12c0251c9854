"""S3 and S3 Control: parameters as they stand in the URL, the headers and the body.

`bucketName`, `Host`, `key`; the sub-resource with `""`; query parameters and `x-amz-…` headers by their names, values as text; an
XML body under the name of its root. A presigned URL shows its `X-Amz-…` parameters, never its signature, credential or token.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

import orjson
from botocore.model import ListShape, OperationModel, Shape, StructureShape

from opentrail.identity.principals import Principal
from opentrail.recorder import masking, secrets, xml
from opentrail.recorder.observation import Observation
from opentrail.recorder.printing import instant
from opentrail.recorder.spelling import lower_first

Request = Callable[[Observation], dict[str, Any]]

_PRESIGNED = {"x-amz-algorithm": "X-Amz-Algorithm", "x-amz-date": "X-Amz-Date", "x-amz-expires": "X-Amz-Expires",
              "x-amz-signedheaders": "X-Amz-SignedHeaders"}  # fmt: skip
_HEADERS_UNSAID = frozenset({"x-amz-mfa", "x-amz-sdk-checksum-algorithm", "x-amz-content-sha256", "x-amz-account-id"})
LABELS = {"Bucket": "bucketName", "Key": "key"}
"""Members in the URL's path → their names in records."""
_LABELS_UNSAID = {"s3": frozenset[str](), "s3control": frozenset({"AccountId", "ConfigId"})}
PARSED_BODIES = {"PutBucketPolicy": ("Policy", "bucketPolicy")}
"""Operations whose body is printed as the JSON that it is: the member, its name in records."""


def request(operation: OperationModel) -> Request:
    """Writer of `requestParameters`."""
    service = operation.service_model.service_name
    static = static_query(operation)
    members: dict[str, Callable[[Any], tuple[str, Any] | None]] = {}
    shape = operation.input_shape
    if shape is not None:
        for member, inner in shape.members.items():
            writer = _member(service, shape.name, member, inner)
            if writer is not None:
                members[member] = writer
        payload = shape.serialization.get("payload")
        if payload is not None:
            _payload(members, service, operation, payload, shape.members[payload])
        else:
            envelope = shape.serialization.get("name")
            if envelope and any("location" not in inner.serialization for inner in shape.members.values()):
                # S3 Control's operations whose whole input is the body
                return _with_envelope(service, static, members, shape, envelope)

    def write(observation: Observation) -> dict[str, Any]:
        return _written(observation, static, members)

    return write


def _written(
    observation: Observation, static: Mapping[str, str], members: Mapping[str, Callable[[Any], tuple[str, Any] | None]]
) -> dict[str, Any]:
    printed: dict[str, Any] = {}
    for member, value in (observation.parameters or {}).items():
        writer = members.get(member)
        if writer is not None and value is not None:
            entry = writer(value)
            if entry is not None:
                printed[entry[0]] = entry[1]
    if observation.host:
        printed["Host"] = masking.host(observation.host)
    printed.update(static)
    if "X-Amz-" in observation.query or "x-amz-" in observation.query:
        for name, text in parse_qsl(observation.query):
            known = _PRESIGNED.get(name.lower())
            if known is not None:
                printed[known] = text
    return printed


def _with_envelope(
    service: str,
    static: Mapping[str, str],
    members: Mapping[str, Callable[[Any], tuple[str, Any] | None]],
    shape: StructureShape,
    envelope: str,
) -> Request:
    namespace = shape.serialization.get("xmlNamespace", {}).get("uri")
    located = {member for member, inner in shape.members.items() if "location" in inner.serialization}

    def write(observation: Observation) -> dict[str, Any]:
        body = {member: value for member, value in (observation.parameters or {}).items() if member not in located}
        printed = _written(observation, static, members)
        if body:
            content = xml.structure(service, shape, body)
            printed[envelope] = {"xmlns": namespace, **content} if namespace and "xmlns" not in content else content
        return printed

    return write


def static_query(operation: OperationModel) -> dict[str, str]:
    """The sub-resource of an operation, as its URL has it: `{"acl": ""}`."""
    query = operation.http.get("requestUri", "").partition("?")[2]
    return {name: value for name, value in parse_qsl(query, keep_blank_values=True) if name != "x-id"}


def _member(service: str, owner: str, member: str, shape: Shape) -> Callable[[Any], tuple[str, Any] | None] | None:
    location = shape.serialization.get("location")
    name = shape.serialization.get("name", member)
    if location == "uri":
        if member in _LABELS_UNSAID[service]:
            return None
        label = LABELS.get(member, lower_first(member))
        return lambda value: (label, value)
    if location == "querystring":
        return lambda value: (name, _text(value))
    if location != "header" or not name.startswith("x-amz-") or name in _HEADERS_UNSAID or "checksum" in name:
        return None
    if secrets.treatment(service, owner, member, shape) is not None or name.endswith("-customer-key-md5"):
        return None
    return lambda value: (name, _text(value))


def _payload(
    members: dict[str, Callable[[Any], tuple[str, Any] | None]], service: str, operation: OperationModel, payload: str, shape: Shape
) -> None:
    members.pop(payload, None)
    if operation.name in PARSED_BODIES and service == "s3":
        member, name = PARSED_BODIES[operation.name]
        members[member] = lambda value: (name, _json(value))
    elif isinstance(shape, StructureShape):
        root = shape.serialization.get("name", shape.name)
        namespace = shape.serialization.get("xmlNamespace", {}).get("uri")

        def write(value: Any) -> tuple[str, Any]:
            content = xml.structure(service, shape, value) if isinstance(value, Mapping) else {}
            if namespace and "xmlns" not in content:
                content = {"xmlns": namespace, **content}
            return root, content or ""

        members[payload] = write


def _json(value: Any) -> Any:
    try:
        return orjson.loads(value)
    except (orjson.JSONDecodeError, TypeError):
        return value if isinstance(value, str) else None


def _text(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float | str):
        return str(value)
    if isinstance(value, list | tuple):
        return ",".join(str(item) for item in value)
    at = instant(value)
    return at.strftime("%Y-%m-%dT%H:%M:%SZ") if at is not None else value


def response(operation: OperationModel) -> Callable[[Mapping[str, Any]], dict[str, Any]] | None:
    """Writer of `responseElements`: the `x-amz-…` headers of the answer; a result in the body under its root."""
    shape = operation.output_shape
    if shape is None:
        return None
    service = operation.service_model.service_name
    headers = {
        member: inner.serialization["name"]
        for member, inner in shape.members.items()
        if inner.serialization.get("location") == "header"
        and inner.serialization["name"].startswith("x-amz-")
        and "checksum" not in inner.serialization["name"]
        and not inner.serialization["name"].endswith("-customer-key-md5")
        and secrets.treatment(service, shape.name, member, inner) is None
    }
    root = shape.name.removesuffix("Output").removesuffix("Result") + "Result"
    body = {member for member, inner in shape.members.items() if "location" not in inner.serialization and not _bulky(inner)}

    def write(result: Mapping[str, Any]) -> dict[str, Any]:
        printed: dict[str, Any] = {headers[member]: _text(value) for member, value in result.items() if member in headers}
        content = {member: value for member, value in result.items() if member in body and value is not None}
        if content:
            printed[root] = xml.structure(service, shape, content)
        return printed

    return write


def _bulky(shape: Shape) -> bool:
    return shape.type_name == "blob" or bool(shape.serialization.get("streaming")) or isinstance(shape, ListShape)


def additional(observation: Observation) -> dict[str, Any]:
    """`additionalEventData` of an S3 call: how it was signed, how much was moved."""
    printed: dict[str, Any] = {}
    signed = _signature(observation)
    if signed is not None:
        printed["SignatureVersion"] = signed[0]
    if observation.tls is not None and observation.tls.cipher_suite:
        printed["CipherSuite"] = observation.tls.cipher_suite
    printed["bytesTransferredIn"] = observation.bytes_in
    if signed is not None:
        printed["AuthenticationMethod"] = signed[1]
    if observation.extended_request_id:
        printed["x-amz-id-2"] = observation.extended_request_id
    printed["bytesTransferredOut"] = observation.bytes_out
    return printed


def _signature(observation: Observation) -> tuple[str, str] | None:
    authorization = observation.headers.get("authorization")
    if authorization:
        return _algorithm(authorization), "AuthHeader"
    if "X-Amz-Signature=" in observation.query:
        return ("SigV4A" if "ECDSA" in observation.query else "SigV4"), "QueryString"
    if "AWSAccessKeyId=" in observation.query:
        return "SigV2", "QueryString"
    # handed in without its headers: a caller with a key must have signed somehow
    return ("SigV4", "AuthHeader") if observation.principal.access_key_id and not len(observation.headers) else None


def _algorithm(authorization: str) -> str:
    if authorization.startswith("AWS "):
        return "SigV2"
    return "SigV4A" if authorization.startswith("AWS4-ECDSA") else "SigV4"


def anonymous(principal: Principal) -> bool:
    """Whether nobody signed the call: S3 then names the caller `ANONYMOUS_PRINCIPAL`."""
    return principal.type in ("Unknown", "AWSAccount") and not (principal.access_key_id or principal.arn or principal.principal_id)
