"""The pages of ListTrails: in order of name, a token that tells where the last one ended."""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from typing import Any

from opentrail.trails.faults import InvalidNextTokenException
from opentrail.trails.store import Trail

PAGE = 100
"""Trails on one page."""


def page(trails: Sequence[Trail], token: str | None, *, size: int = PAGE) -> dict[str, Any]:
    """What ListTrails answers. Trails that come or go between two pages neither repeat nor hide others.

    Raises `InvalidNextTokenException`.
    """
    after = _read(token) if token else ("", "")
    rest = sorted((trail for trail in trails if (trail.name, trail.arn) > after), key=lambda trail: (trail.name, trail.arn))
    shown = rest[:size]
    answer: dict[str, Any] = {"Trails": [{"TrailARN": trail.arn, "Name": trail.name, "HomeRegion": trail.home_region} for trail in shown]}
    if len(rest) > size:
        answer["NextToken"] = urlsafe_b64encode(f"{shown[-1].name}\n{shown[-1].arn}".encode()).decode()
    return answer


def _read(token: str) -> tuple[str, str]:
    try:
        name, arn = urlsafe_b64decode(token.encode()).decode().split("\n")
    except (binascii.Error, ValueError):  # UnicodeDecodeError is one
        raise InvalidNextTokenException from None
    return name, arn
