"""The conditions of filter policies: what one value must be (SNS developer guide, "Filter policy constraints"). Pure."""

from __future__ import annotations

import ipaddress
import math
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from opentrail.messaging.topics.faults import InvalidParameterException
from opentrail.messaging.topics.globs import matches

Value: TypeAlias = str | float | bool | None
Test: TypeAlias = Callable[[Value], bool]

MAX_NUMBER: Final = 1_000_000_000

_NUMERIC: Final[Mapping[str, Callable[[float, float], bool]]] = {
    "=": lambda value, bound: value == bound,
    "<": lambda value, bound: value < bound,
    "<=": lambda value, bound: value <= bound,
    ">": lambda value, bound: value > bound,
    ">=": lambda value, bound: value >= bound,
}


def condition_test(condition: Any, path: str) -> Test:
    """One condition on the key `path`, compiled. Raises `InvalidParameter`."""
    if isinstance(condition, dict):
        return _operator(*single(condition, path), path)
    if isinstance(condition, list):
        raise wrong(f"Match value of {path} must be String, number, true, false, or null")
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
    raise wrong(f"Unrecognized match type {name}")


def _text(name: str, operand: Any, path: str) -> Test:
    if not isinstance(operand, str):
        raise wrong(f"{name} match pattern of {path} must be a string")
    if name == "prefix":
        return lambda value: isinstance(value, str) and value.startswith(operand)
    if name == "suffix":
        return lambda value: isinstance(value, str) and value.endswith(operand)
    if name == "wildcard":
        if "**" in operand or operand.count("*") > 3:
            raise wrong(f"wildcard match pattern of {path} can have three stars, no two of them side by side")
        return lambda value: isinstance(value, str) and matches(operand, value)
    folded = operand.casefold()
    return lambda value: isinstance(value, str) and value.casefold() == folded


def _anything_but(operand: Any, path: str) -> Test:
    if isinstance(operand, dict):
        name, inner = single(operand, path)
        if name not in ("prefix", "suffix", "equals-ignore-case", "wildcard"):
            raise wrong(f"Unsupported anything-but pattern of {path}: {name}")
        choices = inner if isinstance(inner, list) else [inner]
        tests = [_text(name, choice, path) for choice in choices]
    else:
        choices = operand if isinstance(operand, list) else [operand]
        if any(isinstance(choice, (bool, dict, list)) or choice is None for choice in choices):
            raise wrong(f"anything-but of {path} takes strings or numbers")
        tests = [_equal(choice) for choice in choices]
    if not tests:
        raise wrong(f"Value of anything-but of {path} must not be empty")
    return lambda value: not any(test(value) for test in tests)


def _numeric(operand: Any, path: str) -> Test:
    if not isinstance(operand, list) or len(operand) not in (2, 4):
        raise wrong(f"Value of numeric of {path} must be an array: an operator and a number, or a range of both")
    bounds: list[tuple[Callable[[float, float], bool], float]] = []
    for sign, bound in zip(operand[::2], operand[1::2], strict=True):
        if not isinstance(sign, str) or sign not in _NUMERIC:
            raise wrong(f"Unrecognized numeric range operator of {path}")
        bounds.append((_NUMERIC[sign], _number(bound, path)))
    if len(operand) == 4:
        if operand[0] not in (">", ">=") or operand[2] not in ("<", "<="):
            raise wrong(f"Bad numeric range of {path}: it begins with > or >=, and goes on with < or <=")
        if not operand[1] < operand[3]:
            raise wrong(f"Bottom of the numeric range of {path} must be less than its top")
    return lambda value: _is_number(value) and all(test(float(value), bound) for test, bound in bounds)  # type: ignore[arg-type]


def _cidr(operand: Any, path: str) -> Test:
    try:
        network = ipaddress.ip_network(operand if isinstance(operand, str) else "", strict=False)
    except ValueError:
        raise wrong(f"Malformed CIDR of {path}") from None

    def test(value: Value) -> bool:
        try:
            return isinstance(value, str) and ipaddress.ip_address(value) in network
        except ValueError:
            return False

    return test


def _number(value: Any, path: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise wrong(f"Value of numeric of {path} must be a number")
    if not -MAX_NUMBER <= value <= MAX_NUMBER or (isinstance(value, float) and not math.isfinite(value)):
        raise wrong(f"Value of {path} must be between -1.0E9 and +1.0E9, inclusive")
    return float(value)


def _is_number(value: Value) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def single(given: Mapping[str, Any], path: str) -> tuple[str, Any]:
    """The name and operand of an operator. Raises `InvalidParameter`."""
    if len(given) != 1:
        raise wrong(f"Only one key allowed in match expression of {path}")
    return next(iter(given.items()))


def wrong(why: str) -> InvalidParameterException:
    """What a filter policy is refused with."""
    return InvalidParameterException(f"Invalid parameter: FilterPolicy: {why}")
