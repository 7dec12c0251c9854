"""Parameters and results of most services: first letters lower-cased, nested, maps untouched (`spec/records.md` §5).

For each shape of an operation a writer is compiled once, a closure that turns the parsed value into the value to print. Shapes may be
recursive and large, so a structure's members are compiled when the first value of it is met.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from botocore.model import ListShape, MapShape, OperationModel, ServiceModel, Shape, StructureShape

from opentrail.recorder import secrets
from opentrail.recorder.printing import Writer, epoch_style, iso_style, us_style

WIRE_CASE = frozenset(
    {
        "account", "application-insights", "application-signals", "ce", "codeguru-reviewer", "connect", "dataexchange", "detective",
        "devops-guru", "geo-maps", "geo-places", "geo-routes", "greengrass", "internetmonitor", "mediatailor", "oam",
        "pinpoint-sms-voice", "resource-explorer-2", "resource-groups", "rum", "securityhub", "ssm-guiconnect", "synthetics",
    }
)  # fmt: skip
"""Services whose records keep the wire's spelling (seen: account, ce, devops-guru, resource-explorer-2; the others on their CloudTrail
pages)."""

RAISED = frozenset({"networkflowmonitor", "networkmonitor"})
"""Services whose records begin each name with a capital, although the wire does not (documented)."""

LOWER_CASE = frozenset({("rum", "PutRumEvents")})
"""Operations of theirs that do not (documented)."""

QUERY_TEXT = frozenset({"servicecatalog-appregistry"})
"""Services that print what stands in the URL's query as the text that it is there (seen)."""

PRINTED: dict[tuple[str, str], str] = {
    # (service, member) → its name in records (documented)
    ("kms", "CloudHsmClusterId"): "clusterId",
    ("sqs", "AWSAccountIds"): "AWSAccountIds",
}

UNWRAPPED = frozenset({"rds", "neptune", "docdb", "redshift", "elasticache"})
"""Services whose result is printed without the one structure that wraps it (seen: rds; documented: redshift, elasticache)."""


def lower_first(name: str) -> str:
    """`S3BucketName` → `s3BucketName`."""
    return name[:1].lower() + name[1:]


class Speller:
    """Compiles the writers of one service. Not thread-safe by itself; two threads at worst compile the same writer twice."""

    def __init__(self, service: ServiceModel, *, wire_case: bool | None = None) -> None:
        """`wire_case`: whether names stay as on the wire; `None`: as is usual for the service."""
        self._service = service.service_name
        self._wire_case = self._service in WIRE_CASE if wire_case is None else wire_case
        self._json = service.metadata.get("protocol", "").endswith("json")
        self._structures: dict[str, Writer] = {}

    def request(self, operation: OperationModel) -> Writer | None:
        """Writer of `requestParameters`; `None` for an operation without parameters."""
        return None if operation.input_shape is None else self.structure(operation.input_shape)

    def response(self, operation: OperationModel) -> Writer | None:
        """Writer of `responseElements`; `None` for an operation without result."""
        shape = operation.output_shape
        if shape is None:
            return None
        if self._service in UNWRAPPED and len(shape.members) == 1:
            ((member, inner),) = shape.members.items()
            if isinstance(inner, StructureShape):
                write = self.structure(inner)
                return lambda result: write(result[member]) if result.get(member) is not None else {}
        return self.structure(shape)

    def structure(self, shape: StructureShape) -> Writer:
        """Writer of a structure: a dict with the members that have a value, in the order of the value."""
        known = self._structures.get(shape.name)
        if known is not None:
            return known
        members: dict[str, tuple[str, Writer | None]] | None = None

        def write(value: Any) -> Any:
            nonlocal members
            if not isinstance(value, Mapping):
                return value
            if members is None:
                members = self._members(shape)
            printed = {}
            for member, item in value.items():
                if item is None:
                    continue
                how = members.get(member)
                if how is not None:
                    name, writer = how
                    printed[name] = item if writer is None else writer(item)
            return printed

        self._structures[shape.name] = write
        return write

    def _members(self, shape: StructureShape) -> dict[str, tuple[str, Writer | None]]:
        """Printed name and writer of each member that may be recorded."""
        members: dict[str, tuple[str, Writer | None]] = {}
        for member, inner in shape.members.items():
            if inner.type_name == "blob" or inner.serialization.get("streaming") or inner.serialization.get("eventstream"):
                continue
            if inner.serialization.get("location") == "statusCode":
                continue  # the status of the answer, no part of the result (seen: lambda DeleteFunction)
            instead = secrets.treatment(self._service, shape.name, member, inner)
            if instead == secrets.OMITTED:
                continue
            if instead is not None:
                writer: Writer | None = _always(instead)
            elif secrets.is_environment(member):
                writer = self._environment(inner)
            else:
                writer = self.value(inner)
            members[member] = (self.name(member, inner), writer)
        return members

    def value(self, shape: Shape) -> Writer | None:
        """Writer of any shape; `None` where the parsed value is printed as it is."""
        if self._service in QUERY_TEXT and shape.serialization.get("location") == "querystring":
            return str if shape.type_name in ("integer", "long", "float", "double") else None
        if isinstance(shape, StructureShape):
            return None if shape.is_document_type else self.structure(shape)
        if isinstance(shape, ListShape):
            if secrets.sensitive(shape.member):
                return _each(_always(secrets.marker(self._service)))
            return _dropping if shape.member.type_name == "blob" else _each_of(self.value(shape.member))
        if isinstance(shape, MapShape):
            if secrets.sensitive(shape.key):
                return _always(secrets.marker(self._service))
            if secrets.sensitive(shape.value):
                return _hide_values(secrets.marker(self._service))  # their keys show (documented: cognito-identity)
            if shape.value.type_name == "string":
                return self._hide_speaking
            return _dropping if shape.value.type_name == "blob" else _values_of(self.value(shape.value))
        if shape.type_name == "timestamp":
            return self._instant(shape)
        return None

    def name(self, member: str, shape: Shape) -> str:
        """How a member is called in records."""
        printed = PRINTED.get((self._service, member))
        if printed is not None:
            return printed
        if self._service in RAISED:
            return member[:1].upper() + member[1:]
        if self._wire_case and shape.serialization.get("location") != "header":
            return str(shape.serialization.get("name", member))
        if "location" not in shape.serialization and self._json:
            member = shape.serialization.get("name", member)
        return lower_first(member)

    def _instant(self, shape: Shape) -> Writer:
        if self._wire_case:
            return epoch_style
        return iso_style if self._json and shape.serialization.get("timestampFormat") == "iso8601" else us_style

    def _hide_speaking(self, items: Any) -> Any:
        if not isinstance(items, Mapping):
            return items
        return {key: secrets.marker(self._service) if secrets.speaks(str(key)) else item for key, item in items.items()}

    def _environment(self, shape: Shape) -> Writer | None:
        mark = secrets.marker(self._service)
        if isinstance(shape, MapShape):
            return _hide_values(mark)
        if isinstance(shape, ListShape) and isinstance(shape.member, StructureShape):
            write = self.structure(shape.member)

            def hide(items: Any) -> Any:
                return [
                    {key: mark if key.lower() == "value" else item for key, item in write(entry).items()}
                    for entry in items
                    if isinstance(entry, Mapping)
                ]

            return hide
        return self.value(shape)


def _always(text: str) -> Writer:
    return lambda value: text


def _each(write: Writer) -> Writer:
    return lambda items: [write(item) for item in items] if isinstance(items, list | tuple) else items


def _each_of(write: Writer | None) -> Writer | None:
    return None if write is None else _each(write)


def _values_of(write: Writer | None) -> Writer | None:
    if write is None:
        return None
    return lambda items: {key: write(item) for key, item in items.items()} if isinstance(items, Mapping) else items


def _hide_values(mark: str) -> Writer:
    return lambda items: dict.fromkeys(items, mark) if isinstance(items, Mapping) else mark


def _dropping(items: Any) -> Any:
    return [] if isinstance(items, list | tuple) else {}
