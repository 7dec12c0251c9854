"""What the measuring programs share: percentiles, tables, and ratios against a goal. Prints; keeps nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import ceil


def percentile(values: Iterable[float], share: float) -> float:
    """The value that `share` (0 to 1) of `values` do not exceed (nearest rank); 0.0 when there are none."""
    ordered = sorted(values)
    if not ordered:
        return 0.0
    return ordered[max(0, ceil(round(share * len(ordered), 6)) - 1)]


def milliseconds(seconds: Iterable[float]) -> dict[str, str]:
    """p50, p99 and max of latencies given in seconds, as cells of a table."""
    values = sorted(seconds)
    marks = {"p50 ms": 0.5, "p99 ms": 0.99, "max ms": 1.0}
    return {title: f"{1000 * percentile(values, share):.2f}" for title, share in marks.items()}


def number(value: float) -> str:
    """A figure as people read it: `18 750`, `4.21`."""
    return f"{value:,.0f}".replace(",", " ") if abs(value) >= 100 else f"{value:.2f}"


def table(title: str, rows: Sequence[dict[str, str]]) -> None:
    """Print rows under the columns they name; a cell that a row lacks stays empty."""
    columns = list(dict.fromkeys(column for row in rows for column in row))
    widths = {column: max(len(column), *(len(row.get(column, "")) for row in rows)) for column in columns}
    print(f"\n{title}")
    for cells in ({column: column for column in columns}, *rows):
        first, *others = columns
        print("  ".join([cells.get(first, "").ljust(widths[first]), *(cells.get(column, "").rjust(widths[column]) for column in others)]))


def ratio(name: str, reached: float, against: float, goal: float, *, at_most: bool = False) -> bool:
    """Print one line, `reached / against` beside its goal, and return whether the goal is met."""
    value = reached / against if against else 0.0
    met = value <= goal if at_most else value >= goal
    sign = "<=" if at_most else ">="
    print(f"{'ok  ' if met else 'MISS'}  {name}: {value:.2f} (goal {sign} {goal:g})")
    return met
