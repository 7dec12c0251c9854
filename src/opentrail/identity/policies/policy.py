"""A policy, compiled once: statements that answer whether they apply to a request."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

from opentrail.identity.policies.conditions import Test, compile_condition
from opentrail.identity.policies.document import Document, read
from opentrail.identity.policies.document import Statement as Written
from opentrail.identity.policies.naming import Naming
from opentrail.identity.policies.patterns import Lookup, Matcher, pattern, resource_pattern


def _nothing(_key: str) -> None:
    return None


class _Actions:
    """The actions of a statement, ordered so that one action meets only the patterns of its own service."""

    __slots__ = ("_everything", "_exact", "_patterns", "_prefixes")

    def __init__(self, actions: Sequence[str]) -> None:
        exact: set[str] = set()
        prefixes: dict[str, list[str]] = {}
        patterns: dict[str, list[Matcher]] = {}
        for action in (written.lower() for written in actions):
            vendor, _, name = action.partition(":")
            if "*" not in name and "?" not in name:
                exact.add(action)
            elif "*" not in name[:-1] and "?" not in name:
                prefixes.setdefault(vendor, []).append(action[:-1])
            else:
                patterns.setdefault(vendor, []).append(pattern(action))
        self._everything = not {"*", "*:*"}.isdisjoint(actions)
        self._exact = frozenset(exact)
        self._prefixes = {vendor: tuple(found) for vendor, found in prefixes.items()}
        self._patterns = {vendor: tuple(found) for vendor, found in patterns.items()}

    def has(self, action: str) -> bool:
        """Whether `action` (in lower case) is among them."""
        if self._everything or action in self._exact:
            return True
        vendor = action.partition(":")[0]
        if action.startswith(self._prefixes.get(vendor, ())):
            return True
        return any(matcher(action, _nothing) for matcher in self._patterns.get(vendor, ()))


class Statement:
    """One compiled statement."""

    __slots__ = ("_actions", "_conditions", "_every_resource", "_not_action", "_not_resource", "_resources", "naming", "sid")

    def __init__(self, written: Written, *, variables: bool) -> None:
        self.sid = written.sid
        self.naming = None if written.principal is None else Naming(written.principal, negated=written.not_principal)
        self._actions = _Actions(written.actions)
        self._not_action = written.not_action
        # A trust policy has no Resource element: it is about the role that carries it.
        self._every_resource = written.resources is None or ("*" in written.resources and not written.not_resource)
        self._resources: tuple[Matcher, ...] = tuple(resource_pattern(item, variables=variables) for item in written.resources or ())
        self._not_resource = written.not_resource
        self._conditions: tuple[Test, ...] = tuple(
            compile_condition(operator, key, values, variables=variables) for operator, key, values in written.conditions
        )

    def applies(self, action: str, resource: str, lookup: Lookup) -> bool:
        """Whether action (in lower case), resource and conditions fit; the caller is not looked at."""
        if self._actions.has(action) == self._not_action:
            return False
        if not self._every_resource:
            named = any(matcher(resource, lookup) for matcher in self._resources)
            if named == self._not_resource:
                return False
        return all(test(lookup) for test in self._conditions)


class Policy:
    """A compiled policy document. Equal texts make equal policies."""

    __slots__ = ("allows", "denies", "text")

    def __init__(self, text: str, document: Document) -> None:
        self.text = text
        """The document as written."""
        allows: list[Statement] = []
        denies: list[Statement] = []
        for written in document.statements:
            (allows if written.effect == "Allow" else denies).append(Statement(written, variables=document.variables))
        self.allows = tuple(allows)
        self.denies = tuple(denies)

    @classmethod
    def parse(cls, text: str, *, check: Callable[[Document], None] | None = None) -> Policy:
        """Compile a policy from its JSON text.

        `check` is one of the checks of `grammar.py`; without it anything that has the shape of a policy is taken.
        Raises `PolicyError` with the message that IAM would give.
        """
        document = read(text)
        if check is not None:
            check(document)
        return cls(text, document)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Policy) and other.text == self.text

    def __hash__(self) -> int:
        return hash(self.text)

    def __repr__(self) -> str:
        return f"Policy({self.text!r})"


@lru_cache(maxsize=4096)
def parsed(text: str) -> Policy:
    """`Policy.parse(text)`, remembered: for policies that are evaluated again and again (a bucket's). Raises `PolicyError`."""
    return Policy.parse(text)
