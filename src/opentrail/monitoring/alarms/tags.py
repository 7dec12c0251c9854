"""Tags of alarms. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from opentrail.monitoring.metrics.faults import InvalidParameterValueException

MOST_TAGS: Final = 50


def joined(present: Mapping[str, str], given: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """`present` with the tags of a request in or on it. Raises `InvalidParameterValue`."""
    tags = dict(present)
    seen = set()
    for tag in given:
        key = tag["Key"]
        if key.lower().startswith("aws:"):
            raise InvalidParameterValueException(f"Tag keys must not begin with aws:, as {key} does.")
        if key in seen:
            raise InvalidParameterValueException(f"The tag key {key} is given twice.")
        seen.add(key)
        tags[key] = tag["Value"]
    if len(tags) > MOST_TAGS:
        raise InvalidParameterValueException(f"An alarm has at most {MOST_TAGS} tags.")
    return tags
