"""Filter policies: which messages a subscription wants (SNS developer guide, "Amazon SNS subscription filter policies"). Pure.

    policy = FilterPolicy.parse('{"event": [{"prefix": "order"}], "price": [{"numeric": [">", 100]}]}', scope="MessageAttributes")
    policy.accepts_attributes({"event": MessageAttribute("String", "order_placed"), ...})

Every key must be there with a value that one of its conditions takes; `$or` takes one of several such objects. A policy on the body
may be nested; where the message has a list, one element must satisfy what stands below.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, TypeAlias

from opentrail.messaging.topics.filter_conditions import Test, Value, condition_test, single, wrong
from opentrail.messaging.topics.values import MessageAttribute

Scope: TypeAlias = Literal["MessageAttributes", "MessageBody"]

MAX_KEYS: Final = 5
"""Keys of a policy that have conditions."""
MAX_COMBINATIONS: Final = 150
"""Product over all keys of the number of their conditions, times how deep they lie."""
MAX_SIZE: Final = 256 << 10
"""Bytes of a policy."""
MAX_DEPTH: Final = 32
"""Objects within objects, of a policy or a body, that are looked into."""

_OR: Final = "$or"


class _Key:
    """The conditions on one key: tests of its values, and whether its absence is wanted."""

    __slots__ = ("absent", "present", "tests")

    def __init__(self, conditions: Sequence[Any], path: str) -> None:
        self.tests: list[Test] = []
        self.absent = self.present = False
        for condition in conditions:
            if isinstance(condition, dict) and "exists" in condition:
                wanted = single(condition, path)[1]
                if not isinstance(wanted, bool):
                    raise wrong(f"exists of {path} must be true or false")
                self.present |= wanted
                self.absent |= not wanted
            else:
                self.tests.append(condition_test(condition, path))

    def takes(self, values: Sequence[Value] | None) -> bool:
        """`values` are those of the message; `None`: it has no such key."""
        if values is None:
            return self.absent
        return self.present or any(test(value) for value in values for test in self.tests)


class _Node:
    """An object of a policy: keys, objects below it, and alternatives."""

    __slots__ = ("alternatives", "below", "keys")

    def __init__(self, given: Mapping[str, Any], path: str, depth: int, scope: Scope) -> None:
        self.keys: dict[str, _Key] = {}
        self.below: dict[str, _Node] = {}
        self.alternatives: list[_Node] = []
        if depth > MAX_DEPTH:
            raise wrong("Filter policy is nested too deep")
        for name, conditions in given.items():
            where = f"{path}.{name}" if path else name
            if name == _OR and isinstance(conditions, list) and conditions and all(isinstance(one, dict) for one in conditions):
                if len(conditions) < 2 or not all(conditions):
                    raise wrong("$or must have at least two alternatives, none of them empty")
                self.alternatives = [_Node(one, path, depth + 1, scope) for one in conditions]
            elif isinstance(conditions, list):
                if not conditions:
                    raise wrong(f"Empty arrays are not allowed: {where}")
                self.keys[name] = _Key(conditions, where)
            elif isinstance(conditions, dict) and scope == "MessageBody":
                if not conditions:
                    raise wrong(f"Empty objects are not allowed: {where}")
                self.below[name] = _Node(conditions, where, depth + 1, scope)
            elif isinstance(conditions, dict):
                raise wrong("Filter policy scope MessageAttributes does not support nested filter policy")
            else:
                raise wrong(f'"{where}" must be an object or an array')

    def combinations(self, depth: int) -> int:
        found = 1
        for key in self.keys.values():
            found *= max(1, len(key.tests) + key.absent + key.present) * depth
        for node in self.below.values():
            found *= node.combinations(depth + 1)
        if self.alternatives:
            found *= sum(node.combinations(depth) for node in self.alternatives)
        return found

    def names(self, path: str = "") -> set[str]:
        found = {f"{path}{name}" for name in self.keys}
        for name, node in self.below.items():
            found |= node.names(f"{path}{name}.")
        for node in self.alternatives:
            found |= node.names(path)
        return found

    def takes_attributes(self, values: Mapping[str, Sequence[Value]]) -> bool:
        return all(key.takes(values.get(name)) for name, key in self.keys.items()) and (
            not self.alternatives or any(node.takes_attributes(values) for node in self.alternatives)
        )

    def takes_body(self, body: Any) -> bool:
        """`body` is what the message has where this object stands: one object, or a list of which one element must do."""
        if isinstance(body, list):
            return any(self.takes_body(item) for item in body)
        if not isinstance(body, dict):
            body = {}  # nothing is there: conditions on absence hold
        return (
            all(key.takes(_values(body[name]) if name in body else None) for name, key in self.keys.items())
            and all(node.takes_body(body.get(name)) for name, node in self.below.items())
            and (not self.alternatives or any(node.takes_body(body) for node in self.alternatives))
        )


class FilterPolicy:
    """A compiled filter policy."""

    __slots__ = ("_root", "scope")

    def __init__(self, root: _Node, scope: Scope) -> None:
        self._root = root
        self.scope = scope

    @classmethod
    def parse(cls, text: str, *, scope: Scope) -> FilterPolicy:
        """Compile `text`. Raises `InvalidParameter`, saying what is wrong."""
        if len(text.encode()) > MAX_SIZE:
            raise wrong("Filter policy is too long")
        try:
            given = json.loads(text, object_pairs_hook=_distinct, parse_constant=_no_constant)
        except (ValueError, RecursionError):
            raise wrong("failed to parse JSON") from None
        if not isinstance(given, dict):
            raise wrong("failed to parse JSON: an object is expected")
        root = _Node(given, "", 1, scope)
        if len(root.names()) > MAX_KEYS:
            raise wrong("Filter policy can not have more than 5 keys")
        if root.combinations(1) > MAX_COMBINATIONS:
            raise wrong("Filter policy is too complex")
        return cls(root, scope)

    def accepts(self, body: str, attributes: Mapping[str, MessageAttribute]) -> bool:
        """Whether the subscription wants a message."""
        return self.accepts_attributes(attributes) if self.scope == "MessageAttributes" else self.accepts_body(body)

    def accepts_attributes(self, attributes: Mapping[str, MessageAttribute]) -> bool:
        """The same by message attributes alone. Binary ones count as not there."""
        values = {name: found for name, attribute in attributes.items() if (found := _of_attribute(attribute)) is not None}
        return self._root.takes_attributes(values)

    def accepts_body(self, text: str) -> bool:
        """The same by the body, which must be a JSON object."""
        try:
            body = json.loads(text)
            return isinstance(body, dict) and self._root.takes_body(body)
        except (ValueError, RecursionError):
            return False


def _of_attribute(attribute: MessageAttribute) -> Sequence[Value] | None:
    kind = attribute.data_type
    if kind.startswith("Binary") or not isinstance(attribute.value, str):
        return None
    if kind.startswith("Number"):
        return (float(attribute.value),)
    if kind == "String.Array":
        try:
            return _values(json.loads(attribute.value))
        except (ValueError, RecursionError):
            return ()
    return (attribute.value,)


def _values(found: Any) -> Sequence[Value]:
    """The values at a key of a body; objects are none."""
    if isinstance(found, list):
        return [item for part in found for item in (part if isinstance(part, list) else (part,)) if not isinstance(item, (dict, list))]
    return () if isinstance(found, dict) else (found,)


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key comes twice")
    return found


def _no_constant(name: str) -> Any:
    raise ValueError(name)
