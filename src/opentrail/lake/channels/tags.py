"""Tags of channels: the rules of a request's `Tags` (reference of trails, §8; of Lake, §10). Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from opentrail.lake.faults import InvalidTagParameterException, TagsLimitExceededException

MOST_TAGS: Final = 50
_CHARACTERS: Final = re.compile(r"[\w \t.:/=+\-@]*")


def checked(given: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Tags by key. Raises `InvalidTagParameterException` or `TagsLimitExceededException`."""
    found: dict[str, str] = {}
    for tag in given:
        key, value = tag["Key"], tag.get("Value") or ""
        if key in found:
            raise InvalidTagParameterException(f"The tag key {key} is specified more than once.")
        if not 1 <= len(key) <= 128 or len(value) > 256 or key.lower().startswith("aws:"):
            raise InvalidTagParameterException(f"The tag with key {key[:128]} is not valid.")
        if not _CHARACTERS.fullmatch(key) or not _CHARACTERS.fullmatch(value):
            raise InvalidTagParameterException(f"The tag with key {key} contains characters that cannot be used.")
        found[key] = value
    if len(found) > MOST_TAGS:
        raise TagsLimitExceededException(f"A channel has at most {MOST_TAGS} tags.")
    return found
