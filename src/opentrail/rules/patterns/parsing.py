"""From the text of a pattern to its branches.

A branch is a set of conditions that must all hold; a pattern matches when one of its branches does. Without `$or` there is one; each
`$or` multiplies those that are there by its own objects. What is read later about a field replaces what was read before, so a branch of
`$or` replaces what stands before it.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping

from opentrail.rules.faults import InvalidEventPatternException
from opentrail.rules.patterns.conditions import Condition
from opentrail.rules.patterns.operators import alternative
from opentrail.rules.patterns.reading import Reader

LONGEST = 4096
"""Characters of a pattern (botocore's model of `EventPattern`)."""
MOST_BRANCHES = 1000
"""Of one pattern, after `$or` was multiplied out (the guide on `$or`)."""
MOST_CONDITIONS = 20_000
"""Of one pattern, over all its branches: what a pattern may cost in memory."""
MOST_WILDCARDS = 128
"""`*` in the texts of one pattern: what a pattern may cost in time."""
RESERVED = frozenset(
    {"exactly", "equals-ignore-case", "prefix", "suffix", "anything-but", "exists", "wildcard", "numeric", "cidr"}
    | {"=", "<", "<=", ">", ">=", "regex", "not-wildcard", "not-equals-ignore-case"}
    | {"date-after", "date-on-or-after", "date-before", "date-on-or-before", "in-date-range"}
    | {"ip-address-in-range", "ip-address-not-in-range"}
)
"""Names that no field may have inside `$or`."""
_TOO_COMPLEX = "Rule is too complex"

Branch = dict[str, Condition]


def branches(text: str) -> list[Mapping[str, Condition]]:
    """The branches of the pattern, each by path; raises `InvalidEventPatternException`."""
    reader = Reader(text)
    if len(text) > LONGEST:
        raise InvalidEventPatternException(
            f"Event pattern is not valid. Reason: it has {len(text)} characters, and at most {LONGEST} are allowed. Make two rules of it."
        )
    if reader.next() != "{":
        raise reader.fault("Filter is not an object")
    parsing = _Parsing(reader)
    parsing.whole("", inside_or=False)
    reader.finish()
    return list(parsing.found)


class _Parsing:
    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._wildcards = 0
        self.found: list[Branch] = []

    def whole(self, path: str, *, inside_or: bool) -> None:
        """Read on to the end of an object, whose fields begin with `path`."""
        reader = self._reader
        token = reader.next()
        if token == "}":
            raise reader.fault("Empty objects are not allowed")
        while token != "}":
            name = reader.name
            if name == "$or":
                self._or(path)
            elif inside_or and name in RESERVED:
                raise reader.fault(f"{name} is Ruler reserved fieldName which cannot be used inside $or.")
            else:
                self._field(path, name, inside_or=inside_or)
            token = reader.next()

    def _field(self, path: str, name: str, *, inside_or: bool) -> None:
        token = self._reader.next()
        if token == "{":
            self.whole(f"{path}{name}.", inside_or=inside_or)
        elif token == "[":
            self._condition(path + name)
        else:
            raise self._reader.fault(f'"{name}" must be an object or an array')

    def _or(self, path: str) -> None:
        reader = self._reader
        before, self.found = self.found, []
        if reader.next() != "[":
            raise reader.fault("It must be an Array followed with $or.")
        made: list[Branch] = []
        objects = 0
        while (token := reader.next()) != "]":
            if token != "{":
                raise reader.fault("Only JSON object is allowed in array of $or relationship.")
            objects += 1
            self.found = [dict(branch) for branch in before] or [{}]
            self.whole(path, inside_or=True)
            made += self.found
            self._bound(made)
        if objects < 2:
            raise reader.fault("There must have at least 2 Objects in $or relationship.")
        self.found = made

    def _condition(self, path: str) -> None:
        reader = self._reader
        alternatives = []
        while (token := reader.next()) != "]":
            made = alternative(reader, token)
            alternatives.append(made)
            if made.kind.endswith("wildcard"):
                self._count(made.operand if made.kind != "wildcard" else (made.operand,))
        if not alternatives:
            raise reader.fault("Empty arrays are not allowed")
        condition = Condition(path, alternatives)
        self.found = self.found or [{}]
        for branch in self.found:
            branch[path] = condition
        if len(self.found) > 1:
            self._bound(self.found)

    def _count(self, wildcards: Hashable) -> None:
        assert isinstance(wildcards, frozenset | tuple)
        self._wildcards += sum(len(pieces) - 1 for pieces in wildcards)
        if self._wildcards > MOST_WILDCARDS:
            raise self._reader.fault(_TOO_COMPLEX)

    def _bound(self, made: list[Branch]) -> None:
        if len(made) > MOST_BRANCHES or sum(map(len, made)) > MOST_CONDITIONS:
            raise self._reader.fault(_TOO_COMPLEX)
