"""Tags of keys (KMS developer guide, "tags in AWS KMS"). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from opentrail.kms.faults import TagException

MAX_TAGS = 50
"""On one key."""


def checked(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The tags of a request, in order. Raises `TagException` for a key that comes twice or that is kept for AWS."""
    tags: dict[str, str] = {}
    for key, value in pairs:
        if key.lower().startswith("aws:"):
            raise TagException(f"Tag keys must not begin with aws:, as {key} does.")
        if key in tags:
            raise TagException(f"The tag key {key} comes more than once.")
        tags[key] = value
    return joined({}, tags)


def joined(present: Mapping[str, str], more: Mapping[str, str]) -> dict[str, str]:
    """`present` with `more` in or on it. Raises `TagException` when they are too many."""
    tags = {**present, **more}
    if len(tags) > MAX_TAGS:
        raise TagException(f"Too many tags: a key can have {MAX_TAGS}.")
    return tags
