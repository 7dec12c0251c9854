"""Members that a request must have, by the model; the wire lets a request without them pass."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from botocore.model import ListShape, ServiceModel, Shape, StructureShape

from opentrail.wire.faults import ValidationException

_MOST_SHOWN = 10


def check(model: ServiceModel, operation: str, parameters: Mapping[str, Any]) -> None:
    """Raises `ValidationException`, naming each required member of `operation` that is not there."""
    if operation not in model.operation_names:
        return
    shape = model.operation_model(operation).input_shape
    missing = list(_missing(parameters, shape, "")) if shape is not None else []
    if missing:
        plural = "s" if len(missing) > 1 else ""
        told = "; ".join(f"Value null at '{path}' failed to satisfy constraint: Member must not be null" for path in missing[:_MOST_SHOWN])
        raise ValidationException(f"{len(missing)} validation error{plural} detected: {told}")


def _missing(value: Any, shape: Shape, path: str) -> Iterator[str]:
    if value is None:
        yield path
    elif isinstance(shape, StructureShape):
        for name, member in shape.members.items():
            below = f"{path}.{name[:1].lower()}{name[1:]}" if path else f"{name[:1].lower()}{name[1:]}"
            if value.get(name) is not None or name in shape.required_members:
                yield from _missing(value.get(name), member, below)
    elif isinstance(shape, ListShape):
        for number, item in enumerate(value, 1):
            yield from _missing(item, shape.member, f"{path}.{number}.member")
