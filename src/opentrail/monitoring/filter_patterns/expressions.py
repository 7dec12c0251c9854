"""Conditions joined by `&&` and `||`: `()` binds tightest, then `&&`, then `||`. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Generic, TypeAlias, TypeVar

from opentrail.monitoring.filter_patterns.scanner import Scanner

DEEPEST: Final = 50
"""Parentheses within each other."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class AllOf(Generic[T]):
    """Every one of them holds."""

    parts: tuple[Expression[T], ...]


@dataclass(frozen=True, slots=True)
class AnyOf(Generic[T]):
    """At least one of them holds."""

    parts: tuple[Expression[T], ...]


Expression: TypeAlias = "T | AllOf[T] | AnyOf[T]"


def expression(scanner: Scanner, condition: Callable[[Scanner], T], depth: int = 0) -> Expression[T]:
    """Read one; `condition` reads what is joined. Raises `InvalidParameterException`."""
    parts = [_all(scanner, condition, depth)]
    while _operator(scanner, "||"):
        parts.append(_all(scanner, condition, depth))
    return parts[0] if len(parts) == 1 else AnyOf(tuple(parts))


def _all(scanner: Scanner, condition: Callable[[Scanner], T], depth: int) -> Expression[T]:
    parts = [_one(scanner, condition, depth)]
    while _operator(scanner, "&&"):
        parts.append(_one(scanner, condition, depth))
    return parts[0] if len(parts) == 1 else AllOf(tuple(parts))


def _one(scanner: Scanner, condition: Callable[[Scanner], T], depth: int) -> Expression[T]:
    scanner.blanks()
    if not scanner.take("("):
        return condition(scanner)
    if depth == DEEPEST:
        raise scanner.wrong(f"more than {DEEPEST} parentheses lie within each other")
    inner = expression(scanner, condition, depth + 1)
    scanner.expect(")")
    return inner


def _operator(scanner: Scanner, operator: str) -> bool:
    scanner.blanks()
    return scanner.take(operator) is not None
