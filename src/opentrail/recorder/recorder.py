"""From one observation to one event record. See the package's docstring."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import orjson
from botocore.model import ServiceModel

from opentrail.clock import iso_seconds
from opentrail.events import categories, names
from opentrail.events import record as records
from opentrail.identity.principals import Principal
from opentrail.recorder import errors, limits, masking, s3, user_identity
from opentrail.recorder.copies import copies
from opentrail.recorder.network import network_record
from opentrail.recorder.observation import Observation, tls_details
from opentrail.recorder.operations import Operation, Operations

log = logging.getLogger(__name__)

_IDENTITIES_KEPT = 4096
_OPERATIONS_KEPT = 4096
_UNMODELLED_KEPT = 1024


class Modelled(Protocol):
    """A service of the catalogue."""

    @property
    def model(self) -> ServiceModel:
        """botocore's model."""


class Models(Protocol):
    """Where the models come from: `wire.models.Catalogue`."""

    def service(self, name: str) -> Modelled:
        """The service of botocore's name; raises for an unknown one."""


class Recorder:
    """Describes calls. Thread-safe; `describe` takes microseconds and does no I/O but the first loading of a service's model.

    `new_event_id` makes `eventID`s.
    """

    def __init__(
        self,
        catalogue: Models,
        *,
        new_event_id: Callable[[], Any] = uuid.uuid4,
    ) -> None:
        self._catalogue = catalogue
        self._new_event_id = new_event_id
        self._compiler = Operations()
        self._operations: dict[tuple[str, str | None], Operation] = {}
        self._unmodelled: dict[tuple[str, str | None], Operation] = {}
        self._identities: dict[int, tuple[Principal, orjson.Fragment]] = {}
        self._second: tuple[int, str] = (0, iso_seconds(0))

    def describe(self, observation: Observation) -> bytes:
        """The record's JSON bytes. Every call gets a record, whatever it contains; whether somebody wants it is not asked here."""
        record = self._record(observation, self.operation_of(observation))
        text = records.encode(record)
        return text if len(text) <= limits.RECORD else _shrunk(record)

    def describe_network(self, observation: Observation, *, denied: bool) -> bytes:
        """The network activity record of a call whose VPC endpoint is known, for its owner. `denied`: the endpoint's policy refused it."""
        operation = self.operation_of(observation)
        return network_record(
            observation,
            operation,
            denied=denied,
            identity=self._identity,
            event_time=self._time(observation.time),
            event_id=self.new_event_id(),
            shared_event_id=observation.shared_event_id or self.new_event_id(),
        )

    def copies(self, observation: Observation, owner: str | None) -> tuple[Observation, ...]:
        """The observation as each account is told of it (`copies`)."""
        return copies(observation, owner, self.new_event_id)

    def new_event_id(self) -> str:
        """A fresh id for a record, or for what several records share."""
        return str(self._new_event_id())

    def owner(self, observation: Observation) -> str | None:
        """The account, not the caller's, that owns what a successful call was about, as far as its parameters and result tell."""
        operation = self.operation_of(observation)
        if operation.resources is None or observation.error_code:
            return None
        accounts = (entry.get("accountId") for entry in operation.resources(observation))
        return next((account for account in accounts if account and account != observation.account_id), None)

    def operation_of(self, observation: Observation) -> Operation:
        """`operation` of a call that was made: S3 has several event sources, told by what a call was about."""
        return self.operation(observation.service, observation.operation, _source(observation))

    def operation(self, service: str, name: str | None, other_source: str | None = None) -> Operation:
        """What records say of an operation: event source (unless `other_source`) and name, category, what reads and what writes."""
        key = (service if other_source is None else other_source, name)
        known = self._operations.get(key) or self._unmodelled.get(key)
        if known is not None:
            return known
        model: ServiceModel | None = None
        try:
            model = self._catalogue.service(service).model
            if name is not None and name in model.operation_names:
                if len(self._operations) >= _OPERATIONS_KEPT:
                    # what is compiled holds its model: somebody who calls everything there is shall not fill the memory
                    self._operations, self._compiler = {}, Operations()
                compiled = self._operations[key] = self._compiler.compile(model.operation_model(name), other_source)
                return compiled
        except Exception:
            # a service that the catalogue cannot give, or a model that cannot be compiled: the call is recorded by its bare names
            log.debug("no model of %s %s", service, name)
        source = names.event_source(model) if model is not None else limits.cut(service or "unknown") + ".amazonaws.com"
        made = self._compiler.unmodelled(service, source, None if name is None else limits.cut(name))
        if len(self._unmodelled) >= _UNMODELLED_KEPT:
            # the names come from clients
            self._unmodelled.clear()
        self._unmodelled[key] = made
        return made

    def _record(self, observation: Observation, operation: Operation) -> dict[str, Any]:
        principal, code = observation.principal, observation.error_code
        by_service = principal.type == "AWSService"
        record: dict[str, Any] = {
            "eventVersion": records.VERSION,
            "userIdentity": self._identity(principal, operation),
            "eventTime": self._time(observation.time),
            "eventSource": operation.source,
            "eventName": operation.name,
            "awsRegion": names.recorded_region(operation.source, observation.region, observation.host),
            "sourceIPAddress": observation.source_ip,
            "userAgent": _user_agent(observation, operation, by_service),
        }
        if code:
            said = f"{operation.error_name(code, observation.status)}\n{observation.error_message or ''}"
            name, _, message = _masked(said, observation, operation).partition("\n")
            record["errorCode"] = limits.cut(name)
            if message:
                record["errorMessage"] = limits.cut(message)
        record["requestParameters"] = _request(observation, operation)
        record["responseElements"] = _response(observation, operation)
        additional = _additional(observation, operation)
        if additional is not None:
            record["additionalEventData"] = additional
        record["requestID"] = limits.cut(observation.request_id)
        record["eventID"] = observation.event_id or self.new_event_id()
        record["readOnly"] = operation.read_only
        resources = _resources(observation, operation)
        if resources:
            record["resources"] = resources
        record["eventType"] = "AwsApiCall"
        if operation.api_version is not None:
            record["apiVersion"] = operation.api_version
        record["managementEvent"] = operation.category == categories.MANAGEMENT
        record["recipientAccountId"] = observation.account_id
        if observation.shared_event_id:
            record["sharedEventID"] = observation.shared_event_id
        if observation.vpc_endpoint_id:
            record["vpcEndpointId"] = observation.vpc_endpoint_id
            if observation.vpc_endpoint_account_id:
                record["vpcEndpointAccountId"] = observation.vpc_endpoint_account_id
        record["eventCategory"] = operation.category
        if not by_service and not principal.invoked_by:
            tls = tls_details(observation.tls, masking.host(observation.host))
            if tls:
                record["tlsDetails"] = tls
        if principal.session is not None and principal.session.from_console:
            record["sessionCredentialFromConsole"] = "true"
        return record

    def _identity(self, principal: Principal, operation: Operation) -> orjson.Fragment:
        if operation.service == "s3" and s3.anonymous(principal):
            return orjson.Fragment(records.encode(user_identity.anonymous()))
        known = self._identities.get(id(principal))
        if known is not None and known[0] is principal:
            return known[1]
        made = orjson.Fragment(records.encode(user_identity.user_identity(principal)))
        if len(self._identities) >= _IDENTITIES_KEPT:
            self._identities.clear()
        # kept with the principal itself, so that its id cannot become another's
        self._identities[id(principal)] = (principal, made)
        return made

    def _time(self, at: float) -> str:
        second, text = self._second
        if second != int(at):
            second, text = self._second = int(at), iso_seconds(at)
        return text


def _source(observation: Observation) -> str | None:
    """The event source of a call of S3 that is not at `s3.amazonaws.com`; `None` for all others."""
    if observation.service != "s3" or not observation.parameters:
        return None
    return names.s3_source(observation.parameters.get("Bucket"))


def _user_agent(observation: Observation, operation: Operation, by_service: bool) -> str:
    text = limits.cut(masking.without_user_info(observation.user_agent))
    # S3 alone puts what clients send in brackets (seen)
    return f"[{text}]" if operation.service in ("s3", "s3control") and not by_service and text else text


def _request(observation: Observation, operation: Operation) -> orjson.Fragment | None:
    if observation.parameters is None or operation.request is None or _stopped(observation, operation):
        return None
    return _guarded("requestParameters", operation.request, observation)


def _response(observation: Observation, operation: Operation) -> orjson.Fragment | None:
    if operation.response is None or observation.error_code:
        return None
    write = operation.response
    tree = operation.secret_members
    if not tree:
        return _guarded("responseElements", write, observation)
    return _guarded("responseElements", lambda seen: masking.of_value(write(seen), seen.parameters, tree), observation)


def _masked(text: str, observation: Observation, operation: Operation) -> str:
    """An error's code and, on the next line, its message, without the secrets of the request."""
    try:
        # the parameters as they would be recorded, whether they are or not
        printed = operation.request(observation) if operation.request is not None and observation.parameters is not None else {}
        return masking.of_text(text, observation, printed)
    except Exception as error:
        kind = type(error).__name__
        log.warning("an error of %s %s cannot be checked for secrets: %s", observation.service, observation.operation, kind)
        return text.partition("\n")[0] + "\nNot recorded: it could not be checked for secrets."


def _guarded(field: str, write: Callable[[Observation], Mapping[str, Any]], observation: Observation) -> orjson.Fragment | None:
    """The free-form object, or a note in its place: a call is never left without record because its content is odd."""
    try:
        return limits.printed(field, write(observation))
    except Exception as error:
        # the error's text may quote the content: only its kind goes to the log
        log.warning("%s of %s %s cannot be printed: %s", field, observation.service, observation.operation, type(error).__name__)
        return limits.printed(field, {"reason": f"{field} could not be printed", "omitted": True})


def _additional(observation: Observation, operation: Operation) -> orjson.Fragment | None:
    if operation.additional is None and not observation.additional:
        return None
    facts = dict(operation.additional(observation)) if operation.additional is not None else {}
    facts.update(observation.additional)
    return limits.printed("additionalEventData", facts)


def _resources(observation: Observation, operation: Operation) -> list[Mapping[str, str]]:
    found: list[Mapping[str, str]] = []
    stopped = _stopped(observation, operation)
    if operation.resources is not None and not stopped:
        found += operation.resources(observation)
    told = {entry.get("ARN") for entry in found}
    found += [entry for entry in observation.resources if entry.get("ARN") not in told]
    if operation.resource_types and not any(entry.get("type") in operation.listed_types for entry in found):
        # By its type alone somebody may have selected it.
        kind = operation.resource_types[0]
        found.append({"type": kind} if stopped else {"accountId": observation.account_id, "type": kind})
    if found and operation.secret_members and observation.result:
        found = masking.of_value(found, observation.parameters, operation.secret_members)
    return found


def _stopped(observation: Observation, operation: Operation) -> bool:
    """Whether the call was stopped before its service looked at it, and the service does not record what it did not look at."""
    return observation.error_code in errors.WITHOUT_PARAMETERS and not operation.parameters_anyway


def _shrunk(record: dict[str, Any]) -> bytes:
    """The record without what makes it too long: first the resources beyond the first hundred, then the free-form objects."""
    if isinstance(record.get("resources"), list):
        record["resources"] = record["resources"][:100]
    text = records.encode(record)
    for field in ("responseElements", "requestParameters", "additionalEventData"):
        if len(text) <= limits.RECORD:
            break
        if record.get(field) is not None:
            size = len(records.encode(record[field]))
            record[field] = limits.omitted(field, size)
            text = records.encode(record)
    return text
