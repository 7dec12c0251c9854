"""Request → parameters, for every AWS protocol.

    parse(router.route(request, scope=scope))    # {'Name': 'audit', 'S3BucketName': 'logs', ...}

Per operation a closure is compiled from the model at first use and kept. What comes out has botocore's member names and Python types:
times are aware datetimes in UTC, blobs are bytes, a streamed payload is left out. Members of a wrong type are faults; missing members are
not: what is required is the service's own business, and its own words for it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from opentrail.wire import form
from opentrail.wire.faults import Fault
from opentrail.wire.malformed import Malformed
from opentrail.wire.models import Operation, Service
from opentrail.wire.parse_query import QueryReaders
from opentrail.wire.parse_rest import compile_rest
from opentrail.wire.parse_values import body_reader
from opentrail.wire.routing import Route


class SerializationException(Fault):
    """The request body could not be deserialized."""


class MalformedInput(Fault):
    """The request could not be read."""


class MalformedXML(Fault):
    """The XML you provided was not well-formed or did not validate against our published schema"""


class InvalidArgument(Fault):
    """Invalid Argument"""


class InvalidParameterValue(Fault):
    """A value specified in a parameter is not valid."""


def parse(route: Route) -> dict[str, Any]:
    """The parameters of a routed request; raises the service's own kind of fault when they cannot be read."""
    operation = route.operation
    read = operation.reader or _compile(operation)
    try:
        parameters: dict[str, Any] = read(route)
        return parameters
    except Malformed as malformed:
        raise complaint(operation.service, malformed) from None


def complaint(service: Service, malformed: Malformed) -> Fault:
    """The fault by which `service` answers a request that cannot be read."""
    if service.name == "s3":
        return InvalidArgument(malformed.message) if malformed.place == "binding" else MalformedXML()
    if service.protocol == "ec2":
        return InvalidParameterValue(malformed.message)
    if service.protocol in ("query", "rest-xml"):
        return MalformedInput(malformed.message)
    return SerializationException(malformed.message)


def _compile(operation: Operation) -> Callable[[Route], dict[str, Any]]:
    service = operation.service
    with service.lock:
        read = _rest(operation) if service.protocol.startswith("rest-") else _rpc(operation)
        operation.reader = read
    return read


def _rest(operation: Operation) -> Callable[[Route], dict[str, Any]]:
    bindings = compile_rest(operation)
    return lambda route: bindings(route.labels, route.fields, route.request.headers, route.request.body)


def _rpc(operation: Operation) -> Callable[[Route], dict[str, Any]]:
    service, shape = operation.service, operation.model.input_shape
    if service.protocol not in ("query", "ec2"):
        body = body_reader(shape, service.readers, binary=service.protocol == "smithy-rpc-v2-cbor")
        return lambda route: body(route.request.body)
    if shape is None:
        return lambda route: {}
    structure = QueryReaders(service.readers, ec2=service.protocol == "ec2").reader(shape)

    def read(route: Route) -> dict[str, Any]:
        found: dict[str, Any] = structure(form.tree(route.fields))
        return found

    return read
