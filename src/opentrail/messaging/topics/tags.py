"""Tags of topics. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from opentrail.messaging.topics.faults import TagLimitExceededException, invalid

MAX_TAGS: Final = 50
"""On one topic."""


def checked(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The tags of a request, in order. Raises `InvalidParameter` for a key that comes twice or that is kept for AWS."""
    tags: dict[str, str] = {}
    for key, value in pairs:
        if key.lower().startswith("aws:"):
            raise invalid(f"Tags Reason: Tag keys must not begin with aws:, as {key} does")
        if key in tags:
            raise invalid("Duplicated keys are not allowed.")
        tags[key] = value
    return joined({}, tags)


def joined(present: Mapping[str, str], more: Mapping[str, str]) -> dict[str, str]:
    """`present` with `more` in or on it. Raises `TagLimitExceeded`."""
    tags = {**present, **more}
    if len(tags) > MAX_TAGS:
        raise TagLimitExceededException
    return tags
