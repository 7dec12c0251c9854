"""The services that AWS has, from botocore's models: what there is, which protocols it speaks, its operations.

A model is read when its service is first asked for (all of them together take some 300 MB), without its documentation, and dropped again
when many others have been asked for since. What routing must know of every service (`Listing`) stands at the very start of each model
file: reading that much of all of them takes 20 ms and is done once, at the first question.
"""

from __future__ import annotations

import copy
import gzip
import json
import os
import threading
import zlib
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
from botocore.loaders import ExtrasProcessor, Loader
from botocore.model import OperationModel, ServiceModel, Shape, StructureShape

from opentrail.wire.query_names import QUERY_CODES, QUERY_NAMES, QUERY_NAMESPACES

PREFERENCE = ("json", "rest-json", "rest-xml", "smithy-rpc-v2-cbor", "query", "ec2")
"""botocore's order: the first of these that a service lists is the one its client speaks."""

S3_NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
_MODEL = "service-2.json.gz"
_EXTRAS = "service-2.sdk-extras.json"
_HEAD_BYTES = 8192


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What routing knows of a service without reading its model."""

    name: str
    version: str
    """API version, a date."""
    signing_name: str
    endpoint_prefix: str
    service_id: str
    target: str | None
    """The last dotted part of the `X-Amz-Target` prefix, which is also the service's name in RPC v2 paths."""
    protocols: tuple[str, ...]
    """Every protocol it can be spoken to in; the first is the one botocore's client uses."""
    path: Path


@dataclass(slots=True, eq=False)
class Operation:
    """One operation of a service in one protocol. `reader` and `writer` are compiled and kept here by `parse` and `serialise`."""

    service: Service
    name: str
    model: OperationModel
    streaming_input: bool
    """The body is passed on unread: `parse` takes parameters from labels, query and headers only."""
    streaming_output: bool
    reader: Callable[..., Any] | None = field(default=None, repr=False)
    writer: Callable[..., Any] | None = field(default=None, repr=False)


class Service:
    """One service as spoken to in one protocol (`protocol`); `speaking` gives the same service in another.

    `query_mode` is true for callers of a former query service (SQS, CloudWatch) who want the old error codes beside the new ones.
    """

    def __init__(self, listing: Listing, description: dict[str, Any], protocol: str, *, query_mode: bool = False) -> None:
        self.name = listing.name
        self.listing = listing
        self.protocol = protocol
        self.query_mode = query_mode
        self.source = description
        """The model as it is, whatever the protocol makes of its names."""
        if protocol == "query":
            description = _with_query_names(listing.name, description)
        self.description = description
        metadata: Mapping[str, Any] = description["metadata"]
        self.model = ServiceModel(description, listing.name)
        self.signing_name = listing.signing_name
        self.endpoint_prefix = listing.endpoint_prefix
        self.event_source = f"{listing.endpoint_prefix}.amazonaws.com"
        """Where the record says the call went, unless the recorder knows better."""
        self.api_version = listing.version
        self.json_version: str = metadata.get("jsonVersion", "1.0")
        namespace = S3_NAMESPACE if listing.name == "s3" else QUERY_NAMESPACES.get(listing.name)
        self.xml_namespace: str | None = metadata.get("xmlNamespace", namespace)
        self.operation_names: tuple[str, ...] = tuple(description.get("operations", ()))
        self.lock = threading.RLock()
        """Held while a closure tree is compiled; `readers` and `writers` are only touched under it."""
        self.readers: dict[str, Any] = {}
        self.writers: dict[str, Any] = {}
        self._operations: dict[str, Operation] = {}
        self._errors: dict[str, str] | None = None

    def __repr__(self) -> str:
        return f"Service({self.name!r}, {self.protocol!r})"

    def operation(self, name: str) -> Operation:
        """The operation called `name`; raises KeyError when the service has none of that name."""
        found = self._operations.get(name)
        if found is not None:
            return found
        if name not in self.description["operations"]:
            raise KeyError(name)
        with self.lock:
            model = self.model.operation_model(name)
            made = Operation(self, name, model, _streams(model.input_shape), _streams(model.output_shape))
            return self._operations.setdefault(name, made)

    def error(self, code: str) -> StructureShape | None:
        """The error shape for a code on the wire or for the shape's own name, if the model has one."""
        errors = self._errors
        if errors is None:
            errors = self._errors = _error_names(self.description["shapes"], QUERY_CODES.get(self.name, {}))
        name = errors.get(code)
        if name is None:
            return None
        with self.lock:
            shape = self.model.shape_for(name)
        assert isinstance(shape, StructureShape)
        return shape


class Catalogue:
    """Every service that botocore has a model of. Safe to use from several threads.

    `folder` is a botocore data folder (its own when not given). `keep` bounds how many models stay in memory, so that a stranger who names
    service after service cannot fill it.
    """

    def __init__(self, folder: Path | None = None, *, keep: int = 64) -> None:
        self.folder = folder or Path(Loader.BUILTIN_DATA_PATH)
        self._keep = keep
        self._lock = threading.RLock()
        self._listings: dict[str, Listing] | None = None
        self._loaded: OrderedDict[str, dict[tuple[str, bool], Service]] = OrderedDict()

    @property
    def listings(self) -> Mapping[str, Listing]:
        """Every service by botocore's name for it."""
        found = self._listings
        if found is None:
            with self._lock:
                found = self._listings = self._listings or {listing.name: listing for listing in _listings(self.folder)}
        return found

    def service(self, name: str, protocol: str | None = None, *, query_mode: bool = False) -> Service:
        """The service that botocore calls `name`, in the protocol its client uses or in another that it lists.

        Raises KeyError when there is no such service, ValueError when it does not speak `protocol`.
        """
        listing = self.listings[name]
        spoken = protocol or listing.protocols[0]
        with self._lock:
            forms = self._loaded.get(name)
            if forms is None:
                forms = self._loaded[name] = {}
                while len(self._loaded) > self._keep:
                    self._loaded.popitem(last=False)
            else:
                self._loaded.move_to_end(name)
            found = forms.get((spoken, query_mode))
            if found is None:
                if spoken not in listing.protocols:
                    raise ValueError(f"{name} does not speak {spoken}")
                description = next(iter(forms.values())).source if forms else _load(listing)
                found = forms[(spoken, query_mode)] = Service(listing, description, spoken, query_mode=query_mode)
            return found


def _listings(folder: Path) -> Iterator[Listing]:
    decoder = json.JSONDecoder()
    for name in sorted(os.listdir(folder)):
        versions = folder / name
        if not versions.is_dir():
            continue
        known = [version for version in os.listdir(versions) if (versions / version / _MODEL).exists()]
        if not known:
            continue
        path = versions / max(known) / _MODEL
        with path.open("rb") as file:
            head = zlib.decompressobj(31).decompress(file.read(_HEAD_BYTES), _HEAD_BYTES).decode("utf-8", "ignore")
        try:
            metadata, _ = decoder.raw_decode(head, head.index("{", head.index('"metadata"')))
        except ValueError:  # not at the start: read all of it
            metadata = orjson.loads(gzip.decompress(path.read_bytes()))["metadata"]
        yield _listing(name, metadata, path)


def _listing(name: str, metadata: Mapping[str, Any], path: Path) -> Listing:
    protocols = [kind for kind in PREFERENCE if kind in metadata.get("protocols", (metadata["protocol"],))]
    if "awsQueryCompatible" in metadata and "query" not in protocols:
        protocols.append("query")
    prefix = metadata.get("targetPrefix")
    return Listing(
        name=name,
        version=metadata["apiVersion"],
        signing_name=metadata.get("signingName", metadata["endpointPrefix"]),
        endpoint_prefix=metadata["endpointPrefix"],
        service_id=metadata.get("serviceId", name),
        target=prefix.rpartition(".")[2] if prefix else None,
        protocols=tuple(protocols),
        path=path,
    )


def _load(listing: Listing) -> dict[str, Any]:
    description: dict[str, Any] = orjson.loads(gzip.decompress(listing.path.read_bytes()))
    extras = listing.path.with_name(_EXTRAS)
    if extras.exists():
        ExtrasProcessor().process(description, [orjson.loads(extras.read_bytes())])
    description.pop("documentation", None)
    for operation in description["operations"].values():
        operation.pop("documentation", None)
    for shape in description["shapes"].values():
        shape.pop("documentation", None)
        for member in shape.get("members", {}).values():
            member.pop("documentation", None)
    return description


def _with_query_names(name: str, description: dict[str, Any]) -> dict[str, Any]:
    names = QUERY_NAMES.get(name)
    if names is None:
        return description
    renamed = {**description, "shapes": copy.deepcopy(description["shapes"]), "operations": copy.deepcopy(description["operations"])}
    for operation, model in renamed["operations"].items():
        if "output" in model:
            model["output"].setdefault("resultWrapper", f"{operation}Result")
    for path, wire in names.items():
        shape, member = path.split(".")
        holder = renamed["shapes"].get(shape, {})
        target = holder.get("members", {}).get(member) if "members" in holder else holder.get(member)
        if target is not None:
            target["locationName"] = wire
    return renamed


def trait(shape: Shape, name: str) -> Any:
    """A trait of the model that botocore keeps but gives no access to (`sparse`, `fault`)."""
    return getattr(shape, "_shape_model", {}).get(name)


def _streams(shape: Shape | None) -> bool:
    if not isinstance(shape, StructureShape):
        return False
    if any(member.serialization.get("eventstream") for member in shape.members.values()):
        return True
    payload = shape.serialization.get("payload")
    return payload is not None and bool(shape.members[payload].serialization.get("streaming"))


def _error_names(shapes: Mapping[str, Any], codes: Mapping[str, str]) -> dict[str, str]:
    by_code = {code: name for name, code in codes.items()}
    by_name: dict[str, str] = {}
    for name, shape in shapes.items():
        if shape.get("exception"):
            by_name[name] = name
            by_code.setdefault(shape.get("error", {}).get("code", name), name)
    return {**by_code, **by_name}
