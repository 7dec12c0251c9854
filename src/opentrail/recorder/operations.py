"""How the calls of one operation are recorded, compiled from the model and the tables when the operation is first met."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.model import OperationModel, ServiceModel

from opentrail.events import categories, names
from opentrail.events.read_only import read_only
from opentrail.recorder import dynamodb, ec2, errors, masking, quirks, resources, s3
from opentrail.recorder.observation import Observation
from opentrail.recorder.spelling import LOWER_CASE, Speller

Part = Callable[[Observation], Mapping[str, Any]]

RESPONDING_READS = frozenset({"AssumeRole", "AssumeRoleWithSAML", "AssumeRoleWithWebIdentity"})
"""Read-only operations of STS whose result is recorded (`spec/records.md` §5)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """Everything about an operation that its records need."""

    service: str
    source: str
    name: str
    read_only: bool
    category: categories.Category
    resource_types: tuple[str, ...]
    """Those by which selectors may find a data event."""
    listed_types: frozenset[str]
    """Every `resources.type` that records of a data event may list."""
    api_version: str | None
    error_name: errors.Namer
    parameters_anyway: bool
    request: Part | None
    response: Part | None
    resources: resources.Finder | None
    additional: Part | None
    secret_members: masking.Tree
    """Where its parameters may hold something that is not recorded, and that an answer might repeat."""


class Operations:
    """The compiled operations of all services, made one by one as they are met."""

    def __init__(self) -> None:
        self._spellers: dict[str, Speller] = {}

    def compile(self, operation: OperationModel, source: str | None = None) -> Operation:
        """The operation of the model. `source`: its event source, where that depends on what is called (S3's directory buckets)."""
        model = operation.service_model
        service = model.service_name
        source, name = source or names.event_source(model), names.event_name(operation)
        types = categories.resource_types(source, name)
        reads = read_only(source, name)
        responds = not reads or (service == "sts" and operation.name in RESPONDING_READS)
        request, response = self._writers(service, model, operation)
        return Operation(
            service=service,
            source=source,
            name=name,
            read_only=reads,
            category=categories.category(source, name),
            resource_types=types,
            listed_types=categories.listed_types(source, name),
            api_version=names.api_version(service),
            error_name=errors.namer(operation),
            parameters_anyway=service in errors.PARAMETERS_ANYWAY,
            request=request,
            response=response if responds else None,
            resources=resources.finder(service, operation.name, types),
            additional={"s3": s3.additional, "s3control": s3.additional, "sts": quirks.sts_request_details}.get(service),
            secret_members=masking.secret_members(service, operation.input_shape),
        )

    def unmodelled(self, service: str, source: str, operation: str | None) -> Operation:
        """An operation that botocore does not have: its name is recorded, its parameters are not."""
        name = operation or "Unknown"
        return Operation(
            service=service,
            source=source,
            name=name,
            read_only=read_only(source, name),
            category=categories.MANAGEMENT,
            resource_types=(),
            listed_types=frozenset(),
            api_version=names.api_version(service),
            error_name=errors.plain,
            parameters_anyway=False,
            request=None,
            response=None,
            resources=None,
            additional=None,
            secret_members={},
        )

    def _writers(self, service: str, model: ServiceModel, operation: OperationModel) -> tuple[Part | None, Part | None]:
        if service == "ec2":
            return _of_parameters(ec2.request(operation)), _with_request_id(ec2.response(operation))
        if service in ("s3", "s3control"):
            return s3.request(operation), _of_result(s3.response(operation))
        if service == "dynamodb" and (data := dynamodb.request(operation.name)) is not None:
            return _of_parameters(data), None
        if (service, operation.name) in LOWER_CASE:
            lower = Speller(model, wire_case=False)
            return _of_parameters(lower.request(operation)), _of_result(lower.response(operation))
        speller = self._spellers.get(service)
        if speller is None:
            speller = self._spellers[service] = Speller(model)
        request = _of_parameters(speller.request(operation))
        response = _of_result(speller.response(operation))
        return quirks.request(service, operation.name, request), quirks.response(service, operation.name, response)


def _of_parameters(write: Callable[[Mapping[str, Any]], Any] | None) -> Part | None:
    return None if write is None else lambda observation: write(observation.parameters or {})


def _of_result(write: Callable[[Mapping[str, Any]], Any] | None) -> Part | None:
    return None if write is None else lambda observation: write(observation.result or {})


def _with_request_id(write: ec2.Response) -> Part:
    return lambda observation: write(observation.result or {}, observation.request_id)
