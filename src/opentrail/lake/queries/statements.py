"""The statement of an alias with its parameters filled in (reference of Lake, §6.1 and §7). Pure."""

from __future__ import annotations

from collections.abc import Sequence

from opentrail.lake.faults import InvalidParameterException


def filled(statement: str, parameters: Sequence[str]) -> str:
    """Each `?` of `statement`, also one in quotes, replaced by the parameter in its place. Raises `InvalidParameterException`."""
    parts = statement.split("?")
    if len(parts) - 1 != len(parameters):
        raise InvalidParameterException(
            f"The statement behind the alias has {len(parts) - 1} question marks, and there are {len(parameters)} QueryParameters:"
            " give one for each."
        )
    return parts[0] + "".join(value + rest for value, rest in zip(parameters, parts[1:], strict=True))
