"""Many patterns at once."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

from opentrail.rules.patterns.conditions import ABSENT, Condition
from opentrail.rules.patterns.consistency import holds, together
from opentrail.rules.patterns.fields import Elements, Many, Path
from opentrail.rules.patterns.index import Entry, Read, Tree
from opentrail.rules.patterns.pattern import Pattern

_SLACK = 64
"""So many changes are never a reason to build the tree anew."""


class PatternSet:
    """Finds the patterns that match an event, among thousands, without asking each. Not for several threads at once.

    Adding and removing cost what one pattern costs; now and then (when as many were added, or half as many removed, as there are)
    everything is put in order anew.
    """

    def __init__(self, patterns: Mapping[Hashable, Pattern] | None = None) -> None:
        self._entries: dict[Hashable, list[Entry]] = {}
        self._conditions: dict[Condition, Condition] = {}
        """Equal ones are one, so that each is asked once."""
        self._paths: dict[str, Path] = {}
        self._tree = Tree(self._read)
        self._added = self._removed = 0
        """Branches, since the tree was built."""
        self._size = 0
        """Branches in all."""
        for key, pattern in (patterns or {}).items():
            self._take(key, pattern)
        self._build()

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, key: Hashable) -> bool:
        return key in self._entries

    def add(self, key: Hashable, pattern: Pattern) -> None:
        """Put `pattern` under `key`, in place of one that is there."""
        if key in self._entries:
            self.remove(key)
        for entry in self._take(key, pattern):
            self._tree.add(entry)
        self._added += len(pattern.branches)
        if self._added > max(_SLACK, self._size // 2):
            self._build()

    def remove(self, key: Hashable) -> None:
        """Take away what is under `key`; raises `KeyError` when nothing is."""
        for entry in self._entries.pop(key):
            entry.gone = True
            self._removed += 1
            self._size -= 1
        if self._removed > max(_SLACK, self._size // 2):
            self._build()

    def matching(self, event: Mapping[str, Any]) -> list[Hashable]:
        """The keys of the patterns that match, each once, in no particular order."""
        whole = event if event.__class__ is dict else dict(event)
        elements = Elements()
        found: dict[str, Any] = {}
        known: dict[Condition, bool] = {}
        matched: dict[Hashable, None] = {}
        nodes = [self._tree.root]
        while nodes:
            node = nodes.pop()
            for table in node.tables:
                path = table.path
                value = found.get(path, found)
                if value is found:
                    value = found[path] = table.read(whole, elements)
                if value is not ABSENT:
                    table.lead(value, nodes)
            for conditions, entries in node.asked.items():
                for condition in conditions:
                    path = condition.path
                    value = found.get(path, found)
                    if value is found:
                        value = found[path] = self._paths[path].read(whole, elements)
                    if condition.costly or value.__class__ is Many:
                        held = known.get(condition)
                        if held is None:
                            held = known[condition] = holds(condition, value)
                        if not held:
                            break
                    elif not condition.accepts(value):
                        break
                else:
                    for entry in entries:
                        if not entry.gone and (not elements.arrays or _hold_together(entry, found, elements)):
                            matched[entry.key] = None
        return list(matched)

    def _read(self, path: str) -> Read:
        return self._paths[path].read

    def _take(self, name: Hashable, pattern: Pattern) -> list[Entry]:
        made = [Entry(name, tuple(self._one(condition) for condition in branch)) for branch in pattern.branches]
        self._entries[name] = made
        self._size += len(made)
        return made

    def _one(self, condition: Condition) -> Condition:
        if condition.path not in self._paths:
            self._paths[condition.path] = Path(condition.path)
        return self._conditions.setdefault(condition, condition)

    def _build(self) -> None:
        """Put everything in order anew, without what was removed."""
        entries = [entry for entries in self._entries.values() for entry in entries]
        self._conditions = {condition: condition for entry in entries for condition in entry.branch}
        self._paths = {condition.path: self._paths[condition.path] for condition in self._conditions}
        self._tree.build(entries)
        self._added = self._removed = 0


def _hold_together(entry: Entry, found: Mapping[str, Any], elements: Elements) -> bool:
    return together([(condition, found[condition.path]) for condition in entry.branch], elements)
