"""The members of a field's list: values, and operators such as `{"prefix": "x"}`. Reasons and their order are those of the matcher behind
the service."""

from __future__ import annotations

import math
from decimal import Decimal, InvalidOperation

from opentrail.rules.patterns.addresses import NoRange, address, address_range
from opentrail.rules.patterns.conditions import Alternative
from opentrail.rules.patterns.reading import Reader
from opentrail.rules.patterns.texts import NoWildcard, pieces

_ONE_KEY = "Only one key allowed in match expression"
_TOO_MANY = "Too many elements in numeric expression"
_OF_ANYTHING_BUT = ("equals-ignore-case", "prefix", "suffix", "wildcard")
_SCALARS = ("string", "number", "true", "false", "null")


def alternative(reader: Reader, token: str) -> Alternative:
    """The member that begins with `token`; raises `InvalidEventPatternException`."""
    if token == "{":
        return _operator(reader)
    if token not in _SCALARS:
        raise reader.fault("Match value must be String, number, true, false, or null")
    if token == "string":
        found = address(reader.text)
        return Alternative("text", reader.text) if found is None else Alternative("address", found)
    if token == "number":
        return Alternative("number", _literal(reader.text))
    return Alternative("constant", {"true": True, "false": False, "null": None}[token])


def _operator(reader: Reader) -> Alternative:
    if reader.next() != "name":
        raise reader.fault("Match expression name not found")
    name = reader.name
    if name == "exists":
        return _exists(reader)
    if name == "numeric":
        return _numeric(reader)
    if name == "anything-but":
        return _anything_but(reader)
    if name not in ("exactly", "prefix", "suffix", "cidr", "equals-ignore-case", "wildcard"):
        raise reader.fault(f"Unrecognized match type {name}")
    token = reader.next()
    if token == "{" and name in ("prefix", "suffix"):
        return _ignoring_case(reader, name)
    if token != "string":
        word = {"exactly": "exact", "cidr": "prefix"}.get(name, name)
        raise reader.fault(f"{word} match pattern must be a string")
    text = reader.text
    if name == "cidr":
        try:
            found = Alternative("cidr", address_range(text))
        except NoRange as error:
            raise reader.fault(str(error)) from None
    elif name == "wildcard":
        found = Alternative("wildcard", _pieces(reader, text))
    else:
        found = Alternative("text" if name == "exactly" else name, text)
    _end(reader, _ONE_KEY)
    return found


def _end(reader: Reader, reason: str) -> None:
    if reader.next() != "}":
        raise reader.fault(reason)


def _pieces(reader: Reader, text: str) -> tuple[str, ...]:
    try:
        return pieces(text)
    except NoWildcard as error:
        raise reader.fault(str(error)) from None


def _ignoring_case(reader: Reader, name: str) -> Alternative:
    if reader.next() != "name":
        raise reader.fault(f"{name.capitalize()} expression name not found")
    if reader.name != "equals-ignore-case":
        raise reader.fault(f"Unsupported {name} pattern: {reader.name}")
    if reader.next() != "string":
        raise reader.fault("equals-ignore-case match pattern must be a string")
    text = reader.text
    _end(reader, _ONE_KEY)
    _end(reader, _ONE_KEY)
    return Alternative(f"{name}-ignore-case", text)


def _exists(reader: Reader) -> Alternative:
    token = reader.next()
    if token not in ("true", "false"):
        raise reader.fault("exists match pattern must be either true or false.")
    _end(reader, _ONE_KEY)
    return Alternative("present" if token == "true" else "absent")


def _anything_but(reader: Reader) -> Alternative:
    token = reader.next()
    operator = None
    if token == "{":
        if reader.next() != "name":
            raise reader.fault("Anything-But expression name not found")
        operator = reader.name
        if operator not in _OF_ANYTHING_BUT:
            raise reader.fault(f"Unsupported anything-but pattern: {operator}")
        token = reader.next()
    if token not in ("[", "string", "number"):
        raise reader.fault("Value of anything-but must be an array or single string/number value.")
    excluded: set[object] = set()
    if token == "[":
        while (token := reader.next()) != "]":
            excluded.add(_excluded(reader, token, operator))
    else:
        excluded.add(_excluded(reader, token, operator))
    if operator is None and len({isinstance(value, str) for value in excluded}) != 1:
        raise reader.fault("Inside anything but list, either all values are number or string, mixed type is not supported")
    if operator is not None and not excluded:
        raise reader.fault("Empty arrays are not allowed")
    if operator == "wildcard":
        excluded = {_pieces(reader, str(text)) for text in excluded}
    _end(reader, _TOO_MANY)
    if operator is None:
        return Alternative("anything-but", frozenset(excluded))
    _end(reader, _TOO_MANY)
    return Alternative(f"anything-but-{operator}", frozenset(excluded))


def _excluded(reader: Reader, token: str, operator: str | None) -> object:
    if operator is None:
        if token == "number":
            return _comparable(reader, reader.text)
        if token != "string":
            raise reader.fault("Inside anything but list, start|null|boolean is not supported.")
        return reader.text
    if token != "string":
        raise reader.fault(
            {
                "equals-ignore-case": "Inside anything-but/equals-ignore-case list, number|start|null|boolean is not supported.",
                "wildcard": "wildcard match pattern must be a string",
            }.get(operator, "prefix/suffix match pattern must be a string")
        )
    text = reader.text
    if operator in ("prefix", "suffix") and not text:
        raise reader.fault("Null prefix/suffix not allowed")
    return text


def _numeric(reader: Reader) -> Alternative:
    if reader.next() != "[":
        raise reader.fault("Value of numeric must be an array.")
    token = reader.next()
    if token != "string":
        raise reader.fault(f"Invalid member in numeric match: {_shown(reader, token)}")
    operator = reader.text
    if operator not in ("=", "<", "<=", ">", ">="):
        reader.next()
        raise reader.fault(f"Unrecognized numeric range operator: {operator}")
    if reader.next() != "number":
        raise reader.fault(f"Value of {'equals' if operator == '=' else operator} must be numeric")
    bound = reader.text
    token = reader.next()
    if token == "]":
        found = _range(operator, _comparable(reader, bound))
    elif operator in (">", ">="):
        found = _between(reader, token, operator, bound)
    else:
        raise reader.fault(_TOO_MANY)
    _end(reader, _TOO_MANY)
    return Alternative("numeric", found)


def _range(operator: str, bound: float) -> tuple[float, bool, float, bool]:
    """Bottom, whether it is left out, top, whether it is left out."""
    if operator == "=":
        return bound, False, bound, False
    if operator in (">", ">="):
        return bound, operator == ">", math.inf, False
    return -math.inf, False, bound, operator == "<"


def _between(reader: Reader, token: str, lower: str, bound: str) -> tuple[float, bool, float, bool]:
    if token != "string":
        raise reader.fault(f"Bad value in numeric range: {_shown(reader, token)}")
    upper = reader.text
    if upper not in ("<", "<="):
        raise reader.fault(f"Bad numeric range operator: {upper}")
    if reader.next() != "number":
        raise reader.fault(f"Value of {upper} must be numeric")
    end = reader.text
    if reader.next() != "]":
        raise reader.fault("Too many terms in numeric range expression")
    bottom, top = _comparable(reader, bound), _comparable(reader, end)
    if bottom >= top:
        raise reader.fault("Bottom must be less than top")
    return bottom, lower == ">", top, upper == "<"


def _shown(reader: Reader, token: str) -> str:
    return reader.text if token in _SCALARS else token


def _literal(text: str) -> int | float:
    """A number that need not be comparable (an account number of any length)."""
    return float(text) if any(character in text for character in ".eE") else int(text)


def _comparable(reader: Reader, text: str) -> float:
    """The number; raises `InvalidEventPatternException` when a double cannot hold it."""
    number = float(text)
    try:
        fits = math.isfinite(number) and Decimal(repr(number)) == Decimal(text)
    except InvalidOperation:
        fits = False
    if not fits:
        raise reader.fault(f"Cannot compare number : {text}")
    return number
