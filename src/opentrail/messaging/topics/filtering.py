"""Filter policies: which messages a subscription wants (SNS developer guide, "Amazon SNS subscription filter policies"). Pure.

    policy = FilterPolicy.parse('{"event": [{"prefix": "order"}], "price": [{"numeric": [">", 100]}]}', scope="MessageAttributes")
    policy.accepts_attributes({"event": MessageAttribute("String", "order_placed"), ...})

Every key must be there with a value that one of its conditions takes; `$or` takes one of several such objects. A policy on the body
may be nested; where the message has a list, one element must satisfy what stands below.
"""

from __future__ import annotations

import ipaddress
import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Literal, TypeAlias

from opentrail.messaging.topics.faults import InvalidParameterException
from opentrail.messaging.topics.globs import matches
from opentrail.messaging.topics.values import MessageAttribute

Scope: TypeAlias = Literal["MessageAttributes", "MessageBody"]
Value: TypeAlias = str | float | bool | None
Test: TypeAlias = Callable[[Value], bool]

MAX_KEYS: Final = 5
"""Keys of a policy that have conditions."""
MAX_COMBINATIONS: Final = 150
"""Product over all keys of the number of their conditions, times how deep they lie."""
MAX_SIZE: Final = 256 << 10
"""Bytes of a policy."""
MAX_NUMBER: Final = 1_000_000_000
MAX_DEPTH: Final = 32
"""Objects within objects, of a policy or a body, that are looked into."""

_NUMERIC: Final[Mapping[str, Callable[[float, float], bool]]] = {
    "=": lambda value, bound: value == bound,
    "<": lambda value, bound: value < bound,
    "<=": lambda value, bound: value <= bound,
    ">": lambda value, bound: value > bound,
    ">=": lambda value, bound: value >= bound,
}
_OR: Final = "$or"


class _Key:
    """The conditions on one key: tests of its values, and whether its absence is wanted."""

    __slots__ = ("absent", "present", "tests")

    def __init__(self, conditions: Sequence[Any], path: str) -> None:
        self.tests: list[Test] = []
        self.absent = self.present = False
        for condition in conditions:
            if isinstance(condition, dict) and "exists" in condition:
                wanted = _only(condition, path)
                if not isinstance(wanted, bool):
                    raise _wrong(f"exists of {path} must be true or false")
                self.present |= wanted
                self.absent |= not wanted
            else:
                self.tests.append(_condition(condition, path))

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
            raise _wrong("Filter policy is nested too deep")
        for name, conditions in given.items():
            where = f"{path}.{name}" if path else name
            if name == _OR and isinstance(conditions, list) and conditions and all(isinstance(one, dict) for one in conditions):
                if len(conditions) < 2 or not all(conditions):
                    raise _wrong("$or must have at least two alternatives, none of them empty")
                self.alternatives = [_Node(one, path, depth + 1, scope) for one in conditions]
            elif isinstance(conditions, list):
                if not conditions:
                    raise _wrong(f"Empty arrays are not allowed: {where}")
                self.keys[name] = _Key(conditions, where)
            elif isinstance(conditions, dict) and scope == "MessageBody":
                if not conditions:
                    raise _wrong(f"Empty objects are not allowed: {where}")
                self.below[name] = _Node(conditions, where, depth + 1, scope)
            elif isinstance(conditions, dict):
                raise _wrong("Filter policy scope MessageAttributes does not support nested filter policy")
            else:
                raise _wrong(f'"{where}" must be an object or an array')

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
            raise _wrong("Filter policy is too long")
        try:
            given = json.loads(text, object_pairs_hook=_distinct, parse_constant=_no_constant)
        except (ValueError, RecursionError):
            raise _wrong("failed to parse JSON") from None
        if not isinstance(given, dict):
            raise _wrong("failed to parse JSON: an object is expected")
        root = _Node(given, "", 1, scope)
        if len(root.names()) > MAX_KEYS:
            raise _wrong("Filter policy can not have more than 5 keys")
        if root.combinations(1) > MAX_COMBINATIONS:
            raise _wrong("Filter policy is too complex")
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


def _condition(condition: Any, path: str) -> Test:
    if isinstance(condition, dict):
        return _operator(*_single(condition, path), path)
    if isinstance(condition, list):
        raise _wrong(f"Match value of {path} must be String, number, true, false, or null")
    return _equal(condition)


def _equal(wanted: Value) -> Test:
    if isinstance(wanted, bool) or wanted is None:
        return lambda value: value is wanted
    if isinstance(wanted, str):
        return lambda value: value == wanted
    _number(wanted, "value")
    return lambda value: _is_number(value) and value == wanted


def _operator(name: str, operand: Any, path: str) -> Test:
    match name:
        case "prefix" | "suffix" | "equals-ignore-case" | "wildcard":
            return _text(name, operand, path)
        case "anything-but":
            return _anything_but(operand, path)
        case "numeric":
            return _numeric(operand, path)
        case "cidr":
            return _cidr(operand, path)
    raise _wrong(f"Unrecognized match type {name}")


def _text(name: str, operand: Any, path: str) -> Test:
    if not isinstance(operand, str):
        raise _wrong(f"{name} match pattern of {path} must be a string")
    if name == "prefix":
        return lambda value: isinstance(value, str) and value.startswith(operand)
    if name == "suffix":
        return lambda value: isinstance(value, str) and value.endswith(operand)
    if name == "wildcard":
        if "**" in operand or operand.count("*") > 3:
            raise _wrong(f"wildcard match pattern of {path} can have three stars, no two of them side by side")
        return lambda value: isinstance(value, str) and matches(operand, value)
    folded = operand.casefold()
    return lambda value: isinstance(value, str) and value.casefold() == folded


def _anything_but(operand: Any, path: str) -> Test:
    if isinstance(operand, dict):
        name, inner = _single(operand, path)
        if name not in ("prefix", "suffix", "equals-ignore-case", "wildcard"):
            raise _wrong(f"Unsupported anything-but pattern of {path}: {name}")
        choices = inner if isinstance(inner, list) else [inner]
        tests = [_text(name, choice, path) for choice in choices]
    else:
        choices = operand if isinstance(operand, list) else [operand]
        if any(isinstance(choice, (bool, dict, list)) or choice is None for choice in choices):
            raise _wrong(f"anything-but of {path} takes strings or numbers")
        tests = [_equal(choice) for choice in choices]
    if not tests:
        raise _wrong(f"Value of anything-but of {path} must not be empty")
    return lambda value: not any(test(value) for test in tests)


def _numeric(operand: Any, path: str) -> Test:
    if not isinstance(operand, list) or len(operand) not in (2, 4):
        raise _wrong(f"Value of numeric of {path} must be an array: an operator and a number, or a range of both")
    bounds: list[tuple[Callable[[float, float], bool], float]] = []
    for sign, bound in zip(operand[::2], operand[1::2], strict=True):
        if not isinstance(sign, str) or sign not in _NUMERIC:
            raise _wrong(f"Unrecognized numeric range operator of {path}")
        bounds.append((_NUMERIC[sign], _number(bound, path)))
    if len(operand) == 4:
        if operand[0] not in (">", ">=") or operand[2] not in ("<", "<="):
            raise _wrong(f"Bad numeric range of {path}: it begins with > or >=, and goes on with < or <=")
        if not operand[1] < operand[3]:
            raise _wrong(f"Bottom of the numeric range of {path} must be less than its top")
    return lambda value: _is_number(value) and all(test(float(value), bound) for test, bound in bounds)  # type: ignore[arg-type]


def _cidr(operand: Any, path: str) -> Test:
    try:
        network = ipaddress.ip_network(operand if isinstance(operand, str) else "", strict=False)
    except ValueError:
        raise _wrong(f"Malformed CIDR of {path}") from None

    def test(value: Value) -> bool:
        try:
            return isinstance(value, str) and ipaddress.ip_address(value) in network
        except ValueError:
            return False

    return test


def _number(value: Any, path: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise _wrong(f"Value of numeric of {path} must be a number")
    if not -MAX_NUMBER <= value <= MAX_NUMBER or (isinstance(value, float) and not math.isfinite(value)):
        raise _wrong(f"Value of {path} must be between -1.0E9 and +1.0E9, inclusive")
    return float(value)


def _is_number(value: Value) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _single(given: Mapping[str, Any], path: str) -> tuple[str, Any]:
    if len(given) != 1:
        raise _wrong(f"Only one key allowed in match expression of {path}")
    return next(iter(given.items()))


def _only(given: Mapping[str, Any], path: str) -> Any:
    return _single(given, path)[1]


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key comes twice")
    return found


def _no_constant(name: str) -> Any:
    raise ValueError(name)


def _wrong(why: str) -> InvalidParameterException:
    return InvalidParameterException(f"Invalid parameter: FilterPolicy: {why}")
