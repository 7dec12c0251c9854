"""EventBridge's pattern language once more, said as plainly as can be and with no thought of speed: what `rules.patterns` is compared with.

An event is flattened to (path, value, elements around it); a pattern is turned into all its branches; a branch matches when some choice
of a value for each of its fields, in the order of their paths, lies in no two elements of one array.
"""

from __future__ import annotations

import fnmatch
import ipaddress
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

Around = dict[tuple[Any, ...], int]
"""By array (the way to it, keys and indexes), the element that a value lies in."""
Flat = list[tuple[str, Any, Around]]


def matches(pattern: str, event: Mapping[str, Any]) -> bool:
    """Whether `event` has what `pattern` (which is valid) asks for."""
    fields = list(_flat(event, (), (), {}))
    branches: list[dict[str, Any]] = [{}]
    return any(_choose(sorted(branch.items()), fields, {}) for branch in _branches(json.loads(pattern), "", branches))


def _flat(value: Any, names: tuple[str, ...], way: tuple[Any, ...], around: Around) -> Iterator[tuple[str, Any, Around]]:
    if isinstance(value, Mapping):
        for name, member in value.items():
            yield from _flat(member, (*names, name), (*way, name), around)
    elif isinstance(value, list):
        for index, member in enumerate(value):
            inner = {**around, way: index} if isinstance(member, Mapping | list) else around
            yield from _flat(member, names, (*way, index), inner)
    else:
        yield ".".join(names), value, around


def _branches(pattern: dict[str, Any], path: str, branches: list[dict[str, Any]]) -> list[dict[str, Any]]:
    for name, asked in pattern.items():
        if name == "$or":
            branches = [made for one in asked for made in _branches(one, path, [dict(branch) for branch in branches])]
        elif isinstance(asked, dict):
            branches = _branches(asked, f"{path}{name}.", branches)
        else:
            for branch in branches:
                branch[path + name] = asked
    return branches


def _choose(asked: list[tuple[str, Any]], fields: Flat, chosen: Around) -> bool:
    if not asked:
        return True
    (path, alternatives), *rest = asked
    reachable = [
        (value, around)
        for name, value, around in fields
        if name == path and all(chosen.get(array, at) == at for array, at in around.items())
    ]
    if {"exists": False} in alternatives and not reachable and _choose(rest, fields, chosen):
        return True
    return any(
        any(accepts(alternative, value) for alternative in alternatives) and _choose(rest, fields, chosen | around)
        for value, around in reachable
    )


def accepts(alternative: Any, value: Any) -> bool:
    """Whether a value that is there is what one member of the list of a field asks for."""
    if not isinstance(alternative, dict):
        if isinstance(alternative, str) and isinstance(value, str) and _address(alternative):
            return _address(alternative) == _address(value)
        return _kind(alternative) == _kind(value) and alternative == value
    ((operator, operand),) = alternative.items()
    if operator == "anything-but":
        return not _excluded(operand, value)
    if operator == "exists":
        return bool(operand)
    if operator == "numeric":
        return _kind(value) == "number" and all(
            {"=": value == bound, "<": value < bound, "<=": value <= bound, ">": value > bound, ">=": value >= bound}[sign]
            for sign, bound in zip(operand[::2], operand[1::2], strict=True)
        )
    return isinstance(value, str) and _text(operator, operand, value)


def _excluded(operand: Any, value: Any) -> bool:
    if isinstance(operand, dict):
        ((operator, texts),) = operand.items()
        return any(accepts({operator: text}, value) for text in (texts if isinstance(texts, list) else [texts]))
    return any(_kind(one) == _kind(value) and one == value for one in (operand if isinstance(operand, list) else [operand]))


def _text(operator: str, operand: Any, value: str) -> bool:
    if isinstance(operand, dict):
        ends = range(len(value) + 1)
        parts = [value[:at] if operator == "prefix" else value[at:] for at in ends]
        return any(_text("equals-ignore-case", operand["equals-ignore-case"], part) for part in parts)
    if operator == "prefix":
        return value.startswith(operand)
    if operator == "suffix":
        return value.endswith(operand)
    if operator == "cidr":
        found = _address(value)
        network = ipaddress.ip_network(operand, strict=False)
        return found is not None and found.version == network.version and found in network
    if operator == "equals-ignore-case":
        letters = (f"(?:{re.escape(letter.lower())}|{re.escape(letter.upper())})" for letter in operand)
        return re.fullmatch("".join(letters), value) is not None
    if operator == "exactly":
        return value == operand
    assert operator == "wildcard"
    plain = re.sub(r"\\(.)", lambda found: chr(0xE000 + ord(found[1])), operand)
    shell = "".join(f"[{letter}]" if letter in "?[" else letter for letter in plain)
    shell = "".join(chr(ord(letter) - 0xE000) if letter == "\ue05c" else "[*]" if letter == "\ue02a" else letter for letter in shell)
    return fnmatch.fnmatchcase(value, shell)


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    return "number" if isinstance(value, int | float) else type(value).__name__


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    if not re.fullmatch(r"[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+|[0-9a-fA-F:]*:[0-9a-fA-F:]*", text):
        return None
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found
