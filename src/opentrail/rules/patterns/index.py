"""A tree of tables that leads from the values of an event to the few branches that may hold in it.

Each node has tables: for one path, by exact value, the node with the branches that ask for that value there (among others). What a table has proven is
not asked again below. Branches that no table takes stay at the node and are asked one by one, the same conditions once.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Any

from opentrail.rules.patterns.conditions import Condition
from opentrail.rules.patterns.fields import Elements

FEW = 4
"""So many branches are asked one by one; more are put into tables, as far as they ask for exact values."""
MOST_COPIES = 256
"""Places in the tree of one branch (it has one for each value that it lists, and with two lists one for each pair): what a branch may cost in memory."""
MOST_TABLES = 16
"""Of one node; with more, looking into each would cost more than it spares."""

Read = Callable[[Mapping[str, Any], Elements], Any]


class Entry:
    """A branch of the pattern under a key."""

    __slots__ = ("branch", "gone", "key")

    def __init__(self, key: Hashable, branch: tuple[Condition, ...]) -> None:
        self.key = key
        self.branch = branch
        self.gone = False
        """Removed; it is left out of the tree when that is next built."""


class Waiting:
    """An entry at a node, with the conditions that nothing above has proven."""

    __slots__ = ("conditions", "copies", "entry")

    def __init__(self, entry: Entry, conditions: tuple[Condition, ...], copies: int = 1) -> None:
        self.entry = entry
        self.conditions = conditions
        self.copies = copies
        """How many of it there are at most, with this one."""

    def on(self, path: str) -> Condition | None:
        """The condition on `path`, when a table may take it."""
        for condition in self.conditions:
            if condition.path == path:
                return condition if self._fits(condition) else None
        return None

    def choices(self) -> list[Condition]:
        """Conditions that a table may take."""
        return [condition for condition in self.conditions if self._fits(condition)]

    def below(self, condition: Condition) -> Waiting:
        """What is left of it below a table that has taken `condition`."""
        left = tuple(other for other in self.conditions if other is not condition)
        return Waiting(self.entry, left, self.copies * len(condition.literals))

    def _fits(self, condition: Condition) -> bool:
        return 0 < len(condition.literals) * self.copies <= MOST_COPIES


class Table:
    """By the value at one path."""

    __slots__ = ("nodes", "path", "read")

    def __init__(self, path: str, read: Read) -> None:
        self.path = path
        self.read = read
        self.nodes: dict[Hashable, Node] = {}


class Node:
    """Branches that the same values lead to."""

    __slots__ = ("asked", "movable", "tables")

    def __init__(self) -> None:
        self.tables: list[Table] = []
        self.movable: list[Waiting] = []
        """At most `FEW` that a table could take."""
        self.asked: dict[tuple[Condition, ...], list[Entry]] = {}
        """All that are asked one by one, by what is asked."""


class Tree:
    """Builds and extends nodes. `path(name)` gives how a path is read, the same for the same name."""

    def __init__(self, path: Callable[[str], Read]) -> None:
        self._path = path
        self.root = Node()

    def build(self, entries: Iterable[Entry]) -> None:
        """A new tree, of `entries`; which paths get tables, and in which order, follows from what all of them ask."""
        self.root = Node()
        self._fill(self.root, [Waiting(entry, entry.branch) for entry in entries])

    def add(self, entry: Entry) -> None:
        """Add to the tree as it is."""
        left = [(self.root, Waiting(entry, entry.branch))]
        while left:
            node, waiting = left.pop()
            for table in node.tables:
                condition = waiting.on(table.path)
                if condition is not None:
                    below = waiting.below(condition)
                    left += [(table.nodes.setdefault(literal, Node()), below) for literal in condition.literals]
                    break
            else:
                self._stay(node, waiting)
                if len(node.movable) > FEW:
                    self._fill(node, self._taken(node))

    def _taken(self, node: Node) -> list[Waiting]:
        """Take the movable ones off the node."""
        taken, node.movable = node.movable, []
        for waiting in taken:
            same = node.asked[waiting.conditions]
            same.remove(waiting.entry)
            if not same:
                del node.asked[waiting.conditions]
        return taken

    def _stay(self, node: Node, waiting: Waiting) -> None:
        node.asked.setdefault(waiting.conditions, []).append(waiting.entry)
        if len(node.tables) < MOST_TABLES and waiting.choices():
            node.movable.append(waiting)

    def _fill(self, node: Node, waiting: list[Waiting]) -> None:
        """Put into tables of `node`, one path after the other, what can be, as long as it is more than a few."""
        left = [(node, waiting)]
        while left:
            node, waiting = left.pop()
            while len(waiting) > FEW and len(node.tables) < MOST_TABLES and (path := _best(waiting)) is not None:
                table = Table(path, self._path(path))
                node.tables.append(table)
                by_value: dict[Hashable, list[Waiting]] = defaultdict(list)
                rest = []
                for one in waiting:
                    condition = one.on(path)
                    if condition is None:
                        rest.append(one)
                        continue
                    below = one.below(condition)
                    for literal in condition.literals:
                        by_value[literal].append(below)
                for literal, those in by_value.items():
                    table.nodes[literal] = Node()
                    left.append((table.nodes[literal], those))
                waiting = rest
            for one in waiting:
                self._stay(node, one)


def _best(waiting: list[Waiting]) -> str | None:
    """The path whose values part these best: most go to a table, and few of them to the same place."""
    covered: Counter[str] = Counter()
    values: dict[str, Counter[Hashable]] = defaultdict(Counter)
    for one in waiting:
        for condition in one.choices():
            covered[condition.path] += 1
            values[condition.path].update(condition.literals)
    if not covered:
        return None

    def worth(path: str) -> tuple[float, int, str]:
        counts = values[path].values()
        return covered[path] - sum(count * count for count in counts) / sum(counts), covered[path], path

    return max(covered, key=worth)
