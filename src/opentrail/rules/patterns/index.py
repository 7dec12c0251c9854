"""A tree of tables that leads from the values of an event to the few branches that may hold in it.

Each node has tables: for one path, by exact value or by begin or end of a text, the node with the branches that ask for that there (among
others). What a table has proven is not asked again below. Branches that no table takes stay at the node and are asked one by one, the
same conditions once.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable
from typing import Any

from opentrail.rules.patterns.conditions import Condition, Guide, guide
from opentrail.rules.patterns.fields import Elements, Many

FEW = 4
"""So many branches are asked one by one; more are put into tables, as far as they ask for exact values."""
MOST_COPIES = 256
"""Places in the tree of one branch (it has one for each value that it lists, and with two lists one for each pair): what a branch may
cost in memory."""
MOST_TABLES = 16
"""Of one node; with more, looking into each would cost more than it spares."""


Read = Callable[[dict[str, Any], Elements], Any]


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

    __slots__ = ("asked", "copies", "entry", "open")

    def __init__(self, entry: Entry, open_: tuple[Condition, ...], asked: tuple[Condition, ...], copies: int = 1) -> None:
        self.entry = entry
        self.open = open_
        """Those that a table may take yet."""
        self.asked = asked
        """Those that are to be asked in any case."""
        self.copies = copies
        """How many of it there are at most, with this one."""

    @classmethod
    def first(cls, entry: Entry) -> Waiting:
        """At the root."""
        guided = tuple(condition for condition in entry.branch if condition.guides)
        return cls(entry, guided, tuple(condition for condition in entry.branch if not condition.guides))

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """All that is to be asked when it stays."""
        return self.open + self.asked

    def on(self, path: str) -> Condition | None:
        """The condition on `path`, when a table may take it."""
        for condition in self.open:
            if condition.path == path:
                return condition if self._fits(condition) else None
        return None

    def choices(self) -> list[Condition]:
        """Conditions that a table may take."""
        return [condition for condition in self.open if self._fits(condition)]

    def below(self, condition: Condition) -> Waiting:
        """What is left of it below a table that has taken `condition`."""
        left = tuple(other for other in self.open if other is not condition)
        return Waiting(self.entry, left, self.asked if condition.proven else (*self.asked, condition), self.copies * len(condition.guides))

    def _fits(self, condition: Condition) -> bool:
        return len(condition.guides) * self.copies <= MOST_COPIES


class Table:
    """By the value at one path."""

    __slots__ = ("constants", "numbers", "path", "prefixes", "read", "suffixes", "texts")

    def __init__(self, path: str, read: Read) -> None:
        self.path = path
        self.read = read
        self.texts: dict[Hashable, Node] = {}
        self.numbers: dict[Hashable, Node] = {}
        self.constants: dict[Hashable, Node] = {}
        self.prefixes: dict[int, dict[Hashable, Node]] = {}
        """By length."""
        self.suffixes: dict[int, dict[Hashable, Node]] = {}

    def node(self, guide: Guide) -> Node:
        """The node that `guide` leads to, made when it is not there."""
        kind, operand = guide
        if kind == "prefix" or kind == "suffix":
            assert isinstance(operand, str)
            nodes = (self.prefixes if kind == "prefix" else self.suffixes).setdefault(len(operand), {})
        else:
            nodes = {"text": self.texts, "number": self.numbers, "constant": self.constants}[kind]
        return nodes.setdefault(operand, Node())

    def lead(self, value: Any, to: list[Node]) -> None:
        """Add the nodes that `value` leads to."""
        if value.__class__ is str:
            below = self.texts.get(value)
            if below is not None:
                to.append(below)
            for size, nodes in self.prefixes.items():
                below = nodes.get(value[:size])
                if below is not None:
                    to.append(below)
            for size, nodes in self.suffixes.items():
                below = nodes.get(value[-size:])
                if below is not None:
                    to.append(below)
        elif value.__class__ is Many:
            found: list[Node] = []
            for one in value.values:
                self.lead(one, found)
            to += dict.fromkeys(found)
        else:
            kind, operand = guide(value)
            below = (self.numbers if kind == "number" else self.constants).get(operand)
            if below is not None:
                to.append(below)


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
        self._fill(self.root, [Waiting.first(entry) for entry in entries])

    def add(self, entry: Entry) -> None:
        """Add to the tree as it is."""
        left = [(self.root, Waiting.first(entry))]
        while left:
            node, waiting = left.pop()
            for table in node.tables:
                condition = waiting.on(table.path)
                if condition is not None:
                    below = waiting.below(condition)
                    left += [(table.node(guide), below) for guide in condition.guides]
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
                by_guide: dict[Guide, list[Waiting]] = defaultdict(list)
                rest = []
                for one in waiting:
                    condition = one.on(path)
                    if condition is None:
                        rest.append(one)
                        continue
                    below = one.below(condition)
                    for one_guide in condition.guides:
                        by_guide[one_guide].append(below)
                left += [(table.node(one_guide), those) for one_guide, those in by_guide.items()]
                waiting = rest
            for one in waiting:
                self._stay(node, one)


def _best(waiting: list[Waiting]) -> str | None:
    """The path whose values part these best: most go to a table, and few of them to the same place."""
    covered: Counter[str] = Counter()
    values: dict[str, Counter[Guide]] = defaultdict(Counter)
    for one in waiting:
        for condition in one.choices():
            covered[condition.path] += 1
            values[condition.path].update(condition.guides)
    if not covered:
        return None

    def worth(path: str) -> tuple[float, int, str]:
        counts = values[path].values()
        return covered[path] - sum(count * count for count in counts) / sum(counts), covered[path], path

    return max(covered, key=worth)
