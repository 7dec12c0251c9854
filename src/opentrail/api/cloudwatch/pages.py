"""Lists in pages: `NextToken` tells after which item the next one begins."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any

from opentrail.monitoring.metrics.faults import InvalidNextToken, InvalidParameterValueException


def token(after: Any) -> str:
    """The token for going on after this item."""
    return base64.urlsafe_b64encode(json.dumps(after, separators=(",", ":")).encode()).decode()


def after(given: Mapping[str, Any], kind: type[Any]) -> Any:
    """What the token of a request says, of the kind that was put in; `None` without one. Raises `InvalidNextToken`."""
    text = given.get("NextToken")
    if not text:
        return None
    try:
        found = json.loads(base64.b64decode(text.encode(), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, RecursionError):
        found = None
    if not isinstance(found, kind) or isinstance(found, bool):
        raise InvalidNextToken("NextToken is not one that this operation has given out.")
    return found


def size(given: Mapping[str, Any], member: str, most: int, usual: int) -> int:
    """How many items a page may have. Raises `InvalidParameterValue`."""
    number: int = given.get(member, usual)
    if not 1 <= number <= most:
        raise InvalidParameterValueException(f"{member} must be between 1 and {most}.")
    return number
