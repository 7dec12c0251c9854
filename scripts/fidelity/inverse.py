"""From a record's `requestParameters` back to the parameters that a client gave: the recorder's spelling, read the other way.

Only what the record still says can be brought back. `Turned.unknown` names the keys that no member of the operation is printed as; a call
made without them cannot have the same record. Two services with ways of their own have modules of their own (`inverse_ec2`, `inverse_s3`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from botocore.model import ListShape, MapShape, OperationModel, Shape, StructureShape

from opentrail.recorder.spelling import LOWER_CASE, Speller

US = re.compile(r"[A-Z][a-z]{2} \d{1,2}, \d{4},? \d{1,2}:\d{2}:\d{2}[ \u202f][AP]M")
ISO = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})")
PLACEHOLDER = "hidden-in-the-record"
"""Stands where the record has a marker in place of a secret."""


@dataclass
class Turned:
    """Parameters of a call, and what could not be turned back."""

    parameters: dict[str, Any] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)


def turned(operation: OperationModel, printed: Mapping[str, Any] | None) -> Turned:
    """The parameters of a call of `operation` whose record says `printed`."""
    result = Turned()
    if printed and operation.input_shape is not None:
        lower = (operation.service_model.service_name, operation.name) in LOWER_CASE
        speller = Speller(operation.service_model, wire_case=False if lower else None)
        result.parameters = _Back(speller, result.unknown).structure(operation.input_shape, printed, "")
    elif printed:
        result.unknown.extend(printed)
    return result


class _Back:
    def __init__(self, speller: Speller, unknown: list[str]) -> None:
        self._speller = speller
        self._unknown = unknown

    def structure(self, shape: StructureShape, printed: Any, path: str) -> dict[str, Any]:
        if not isinstance(printed, Mapping):
            return {}
        members = {self._speller.name(member, inner): member for member, inner in shape.members.items()}
        found: dict[str, Any] = {}
        for key, value in printed.items():
            member = members.get(key)
            if member is None:
                self._unknown.append(f"{path}{key}")
            else:
                found[member] = self.value(shape.members[member], value, f"{path}{key}.")
        return found

    def value(self, shape: Shape, printed: Any, path: str) -> Any:
        if isinstance(shape, StructureShape):
            return printed if shape.is_document_type else self.structure(shape, printed, path)
        if isinstance(shape, ListShape):
            items = printed if isinstance(printed, list) else [printed]
            return [self.value(shape.member, item, path) for item in items]
        if isinstance(shape, MapShape):
            entries = printed if isinstance(printed, Mapping) else {PLACEHOLDER: printed}
            return {key: self.value(shape.value, item, path) for key, item in entries.items()}
        return scalar(shape, printed)


def scalar(shape: Shape, printed: Any) -> Any:
    """One value; instants are read in every style that records have."""
    kind = shape.type_name
    if kind == "timestamp":
        return instant(printed) or printed
    if kind == "blob":
        return str(printed).encode()
    if kind in ("integer", "long") and isinstance(printed, str):
        return int(printed) if re.fullmatch(r"-?\d+", printed) else 1
    if kind == "boolean" and isinstance(printed, str):
        return printed == "true"
    if kind in ("string", "character") and not isinstance(printed, str):
        return str(printed).lower() if isinstance(printed, bool) else str(printed)
    return printed


def instant(printed: Any) -> datetime | None:
    """A printed instant as a datetime; `None` for what is none."""
    if isinstance(printed, int | float) and not isinstance(printed, bool):
        return datetime.fromtimestamp(printed / 1000 if printed > 1e11 else printed, UTC)
    if not isinstance(printed, str):
        return None
    if US.fullmatch(printed):
        text = printed.replace("\u202f", " ").replace(", ", " ").replace(",", " ")
        return datetime.strptime(text, "%b %d %Y %I:%M:%S %p").replace(tzinfo=UTC)
    if ISO.fullmatch(printed):
        return datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", printed)).astimezone(UTC)
    return None
