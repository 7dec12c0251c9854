"""What a sample query is to answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Rows of the tables, as `simulators.lake_tables.insert` takes them, and the answer."""

    events: Sequence[dict[str, Any]] = ()
    items: Sequence[dict[str, Any]] = ()
    """Rows of the store of configuration items."""
    expected: Sequence[Sequence[str | None]]
    is_ordered: bool = False
