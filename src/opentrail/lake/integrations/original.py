"""The source's own event, kept whole in `additionalEventData.original` as far as the limit lets it. Pure.

What does not fit is left out by members, the largest first, and named: nobody takes a part for the whole.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from opentrail.events import activity

NOTED: Final = 2048
"""Bytes kept for what is said beside the original."""
MOST_NAMED: Final = 20


def kept(original: Any, notes: Sequence[str]) -> dict[str, Any]:
    """`additionalEventData` with the original, and `notes` on what is not as it was."""
    limit = activity.LIMITS["additionalEventData"] - NOTED
    if activity.too_deep(original, activity.DEEPEST - 4):
        return {"original": None, "notes": ["the original is nested too deep to be kept", *notes[:4]]}
    size = activity.size(original)
    shown, left_out = (original, {}) if size <= limit else _fitting(original, limit)
    told: dict[str, Any] = {"original": shown}
    if left_out:
        named = dict(sorted(left_out.items(), key=lambda item: -item[1])[:MOST_NAMED])
        told["originalTruncated"] = {"bytes": size, "leftOut": {name[:64]: length for name, length in named.items()}}
    if notes:
        told["notes"] = [note[:200] for note in notes[:5]]
    return told


def _fitting(original: Any, limit: int) -> tuple[Any, dict[str, int]]:
    if not isinstance(original, Mapping):
        return None, {"(all of it)": activity.size(original)}
    sizes = {name: activity.size(name) + activity.size(item) + 2 for name, item in original.items()}
    total = 2 + sum(sizes.values())
    left_out: dict[str, int] = {}
    for name in sorted(sizes, key=lambda name: -sizes[name]):
        if total <= limit:
            break
        total -= sizes[name]
        left_out[name] = sizes[name]
    return {name: item for name, item in original.items() if name not in left_out}, left_out
