"""Pages of a list in order: a token tells where the last page ended and which request it belongs to."""

from __future__ import annotations

import binascii
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from opentrail.lake.faults import InvalidNextTokenException

Item = TypeVar("Item")


def page(
    items: Sequence[Item], size: int, token: str | None, request: Mapping[str, Any], *, key: Callable[[Item], str]
) -> tuple[Sequence[Item], str | None]:
    """At most `size` of `items` (in the order of `key`, which is unlike for each), and the token of the next page.

    Items that come or go between two pages neither repeat nor hide others. Raises `InvalidNextTokenException` for a token that was
    not given
    for `request`.
    """
    after = _read(token, request) if token is not None else None
    rest = [item for item in items if after is None or key(item) > after]
    shown = rest[:size]
    if len(rest) <= size:
        return shown, None
    return shown, urlsafe_b64encode(json.dumps([key(shown[-1]), dict(request)], sort_keys=True).encode()).decode()


def _read(token: str, request: Mapping[str, Any]) -> str:
    try:
        after, asked = json.loads(urlsafe_b64decode(token.encode()))
    except (binascii.Error, ValueError, TypeError):
        raise InvalidNextTokenException from None
    if asked != dict(request) or not isinstance(after, str):
        raise InvalidNextTokenException
    return after
