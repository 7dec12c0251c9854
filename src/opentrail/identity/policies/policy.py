"""A policy, compiled once: statements that answer whether they apply to a request."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

from opentrail.identity.policies.conditions import Test, compile_condition, condition_keys
from opentrail.identity.policies.document import Document, read
from opentrail.identity.policies.document import Statement as Written
from opentrail.identity.policies.naming import Naming
from opentrail.identity.policies.patterns import Lookup, Matcher, pattern, resource_pattern

MAX_ACTIONS = 512
"""Actions for which a policy remembers which of its statements are about them."""

Unknown = Callable[[str], bool]
"""Whether nothing is known of a condition key (in lower case): neither whether a request has it nor with what value."""


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

    __slots__ = ("_actions", "_conditions", "_every_resource", "_keys", "_not_action", "_not_resource", "_resources", "naming", "sid")

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
        self._keys = tuple(condition_keys(key, values, variables=variables) for _, key, values in written.conditions)

    def is_about(self, action: str) -> bool:
        """Whether the action (in lower case) is one of those that the statement means."""
        return self._actions.has(action) != self._not_action

    def fits(self, resource: str, lookup: Lookup) -> bool:
        """Whether resource and conditions fit; neither the action nor the caller is looked at."""
        if not self._every_resource:
            for matcher in self._resources:
                if matcher(resource, lookup):
                    if self._not_resource:
                        return False
                    break
            else:
                if not self._not_resource:
                    return False
        return all(test(lookup) for test in self._conditions)

    def could_fit(self, resource: str | None, lookup: Lookup, unknown: Unknown, *, otherwise: bool) -> bool:
        """The same of a request of which not all is known: `resource` may be `None`, and some condition keys `unknown`.

        What cannot be told counts as `otherwise`: `True` for a statement that denies, `False` for one that allows.
        """
        if not self._every_resource:
            if resource is None:
                if not otherwise:
                    return False
            elif any(matcher(resource, lookup) for matcher in self._resources) == self._not_resource:
                return False
        for keys, test in zip(self._keys, self._conditions, strict=True):
            if not (otherwise if any(unknown(key) for key in keys) else test(lookup)):
                return False
        return True


class Policy:
    """A compiled policy document. Equal texts make equal policies."""

    __slots__ = ("_about", "allows", "denies", "text")

    def __init__(self, text: str, document: Document) -> None:
        self.text = text
        """The document as written."""
        self._about: dict[str, tuple[tuple[Statement, ...], tuple[Statement, ...]]] = {}
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

    def about(self, action: str) -> tuple[tuple[Statement, ...], tuple[Statement, ...]]:
        """The statements that allow, and those that deny, as far as they are about the action (in lower case)."""
        found = self._about.get(action)
        if found is None:
            if len(self._about) >= MAX_ACTIONS:
                self._about = {}
            found = self._about[action] = (
                tuple(statement for statement in self.allows if statement.is_about(action)),
                tuple(statement for statement in self.denies if statement.is_about(action)),
            )
        return found

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
