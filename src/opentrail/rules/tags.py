"""Tags of rules and buses. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from opentrail.wire.faults import ValidationException

MAX_TAGS: Final = 50
"""On one resource."""


def checked(given: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """The tags of a request, in order. Raises `ValidationException` for a key that comes twice or that is kept for AWS."""
    tags: dict[str, str] = {}
    for tag in given:
        key = tag["Key"]
        if key.lower().startswith("aws:"):
            raise ValidationException(f"Parameter Tags is not valid. Reason: Tag keys must not begin with aws:, as {key} does.")
        if key in tags:
            raise ValidationException(f"Parameter Tags is not valid. Reason: The key {key} comes twice.")
        tags[key] = tag["Value"]
    return joined({}, tags)


def joined(present: Mapping[str, str], more: Mapping[str, str]) -> dict[str, str]:
    """`present` with `more` in or on it. Raises `ValidationException` beyond 50."""
    tags = {**present, **more}
    if len(tags) > MAX_TAGS:
        raise ValidationException(f"Parameter Tags is not valid. Reason: A resource has at most {MAX_TAGS} tags.")
    return tags
