"""Prompts that want something done; a query only looks. Pure."""

from __future__ import annotations

import re
from typing import Final

_ORDERS: Final = re.compile(
    r"^\W*(?:please |now |can you |could you |go |just )*(?:delete|drop|update|insert|create|remove|disable|enable|"
    r"stop|start|terminate|run|execute|"
    r"send|write|revoke|grant|attach|detach|block|change|modify|rotate|truncate|alter|merge|kill|reset|add|make|set|"
    r"put|upload|launch)\b(?! (?:me|a list|the list))",
    re.IGNORECASE,
)


def is_order(question: str) -> bool:
    """Whether it asks for something to be done rather than found out."""
    return _ORDERS.match(question) is not None
