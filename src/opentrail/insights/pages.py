"""The token of the next page: where the last one ended, and the request to which it belongs. Pure.

It gives no access to anything: account and Region come from the caller, never from the token.
"""

from __future__ import annotations

import binascii
import hashlib
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from typing import Any, Final

from opentrail.insights.faults import InvalidParameterException

_DIGEST: Final = 16


def token(place: tuple[int, ...], request: Mapping[str, Any]) -> str:
    """The token for `place` in the answer to `request`."""
    return urlsafe_b64encode(json.dumps([*place, _digest(request)]).encode()).decode()


def place(given: str, request: Mapping[str, Any], length: int) -> tuple[int, ...]:
    """The place of `length` numbers in the token. Raises `InvalidParameterException` when it was not given for `request`."""
    try:
        *numbers, digest = json.loads(urlsafe_b64decode(given.encode()))
    except (binascii.Error, ValueError, TypeError):
        numbers, digest = [], None
    if digest != _digest(request) or len(numbers) != length or not all(type(number) is int for number in numbers):
        raise InvalidParameterException("NextToken is not valid: send the one of the last answer, with the same parameters as before.")
    return tuple(numbers)


def _digest(request: Mapping[str, Any]) -> str:
    said = {member: value for member, value in request.items() if member != "NextToken"}
    return hashlib.sha256(json.dumps(said, sort_keys=True, default=str).encode()).hexdigest()[:_DIGEST]
