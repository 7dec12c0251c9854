"""Condition blocks: each operator, key and list of values becomes one test of a request's context.

Rules (IAM user guide, "condition operators", "multivalued context keys" and "policy variables with no value"):

 - Several values of one key are alternatives; a negated operator asks that none of them matches.
 - An absent key fails a plain operator and passes a negated one, or one with `IfExists`.
 - `ForAllValues` holds for an absent key, `ForAnyValue` does not. To both, and to `Null`, a key with nothing but empty values is absent.
 - A value of the policy that its operator cannot read (no number, no date), or whose variable has no value, equals nothing.
 - Variables have a meaning to the string, ARN and Bool operators only.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network
from operator import eq, ge, gt, le, lt
from typing import Any, Literal

from opentrail.identity.policies.patterns import Lookup, Matcher, arn_pattern, exact, pattern
from opentrail.identity.policies.tokens import Variable, tokens

Test = Callable[[Lookup], bool]
Quantifier = Literal["", "ForAllValues", "ForAnyValue"]

_NUMBER = re.compile(r"[+-]?[0-9]{1,40}(\.[0-9]{1,40})?\Z")
_MONTH = re.compile(r"[0-9]{4}(-[0-9]{2})?\Z")
"""Dates of the W3C profile of ISO 8601 that Python does not read: a year, a month."""
_NETWORK = re.compile(r"[0-9a-fA-F.:]+(/[0-9]{1,3})?\Z")


def compile_condition(operator: str, key: str, values: Sequence[str], *, variables: bool) -> Test:
    """One test. `operator` has passed `document.read`; values that its type cannot read match nothing."""
    name = key.lower()
    if operator.endswith("Null"):
        return _null(name, values)
    quantifier: Quantifier = ""
    if operator.startswith("ForAllValues:"):
        quantifier = "ForAllValues"
    elif operator.startswith("ForAnyValue:"):
        quantifier = "ForAnyValue"
    plain = operator.rpartition(":")[2]
    if_exists = plain.endswith("IfExists")
    compiler, negated = _OPERATORS[plain.removesuffix("IfExists")]
    matchers = tuple(compiler(value, variables) for value in values)
    if quantifier == "ForAllValues":
        return _for_all(name, matchers, negated)
    if quantifier == "ForAnyValue":
        return _for_any(name, matchers, negated, if_exists)
    absent = negated or if_exists

    def test(lookup: Lookup) -> bool:
        found = lookup(name)
        if not found:
            return absent
        for value in found:
            for matcher in matchers:
                if matcher(value, lookup):
                    return not negated
        return negated

    return test


def condition_keys(key: str, values: Sequence[str], *, variables: bool) -> frozenset[str]:
    """All condition keys (in lower case) that a test asks for: its own, and those of the variables in its values."""
    named = (token.key for value in values for token in tokens(value, variables=variables) if isinstance(token, Variable))
    return frozenset((key.lower(), *named))


def _null(name: str, values: Sequence[str]) -> Test:
    wanted = {value.lower() for value in values}

    def test(lookup: Lookup) -> bool:
        return ("true" if _is_null(lookup(name)) else "false") in wanted

    return test


def _is_null(found: Sequence[str] | None) -> bool:
    """Whether a key has no value at all: AWS's "null dataset, such as an empty string"."""
    return not found or not any(found)


def _for_all(name: str, matchers: Sequence[Matcher], negated: bool) -> Test:
    def test(lookup: Lookup) -> bool:
        found = lookup(name)
        if found is None or _is_null(found):
            return True
        return all(any(matcher(value, lookup) for matcher in matchers) != negated for value in found)

    return test


def _for_any(name: str, matchers: Sequence[Matcher], negated: bool, if_exists: bool) -> Test:
    def test(lookup: Lookup) -> bool:
        found = lookup(name)
        if found is None or _is_null(found):
            return if_exists
        return any(any(matcher(value, lookup) for matcher in matchers) != negated for value in found)

    return test


def _never(_value: str, _lookup: Lookup) -> bool:
    return False


def _string_equals(value: str, variables: bool) -> Matcher:
    return exact(value, variables=variables)


def _string_ignore_case(value: str, variables: bool) -> Matcher:
    if not variables or "${" not in value:
        folded = value.lower()
        return lambda found, _lookup: found.lower() == folded
    # A value put in for a variable must be lowered too, so the lookup is wrapped; keys of variables are in lower case already.
    matcher = exact(value.lower(), variables=True)

    def matches(found: str, lookup: Lookup) -> bool:
        def lowered(key: str) -> Sequence[str] | None:
            values = lookup(key)
            return None if values is None else [item.lower() for item in values]

        return matcher(found.lower(), lowered)

    return matches


def _string_like(value: str, variables: bool) -> Matcher:
    return pattern(value, variables=variables)


def _arn(value: str, variables: bool) -> Matcher:
    return arn_pattern(value, variables=variables)


def _numeric(compare: Callable[[Any, Any], bool]) -> Callable[[str, bool], Matcher]:
    def compiler(value: str, _variables: bool) -> Matcher:
        limit = _number(value)
        if limit is None:
            return _never

        def matches(found: str, _lookup: Lookup) -> bool:
            number = _number(found)
            return number is not None and compare(number, limit)

        return matches

    return compiler


def _number(text: str) -> Decimal | None:
    return Decimal(text) if _NUMBER.match(text) else None


def _date(compare: Callable[[Any, Any], bool]) -> Callable[[str, bool], Matcher]:
    def compiler(value: str, _variables: bool) -> Matcher:
        limit = _instant(value)
        if limit is None:
            return _never

        def matches(found: str, _lookup: Lookup) -> bool:
            instant = _instant(found)
            return instant is not None and compare(instant, limit)

        return matches

    return compiler


@lru_cache(maxsize=1024)
def _instant(text: str) -> Decimal | None:
    """Seconds since the epoch, from ISO 8601 or epoch seconds; four digits are a year, eight a day."""
    if _MONTH.match(text):
        text = f"{text}-01-01" if len(text) == 4 else f"{text}-01"
    number = _number(text)
    if number is not None and len(text) != 8:
        return number
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        return number
    aware = read if read.tzinfo else read.replace(tzinfo=UTC)
    return Decimal(str(aware.timestamp()))


def _bool(value: str, variables: bool) -> Matcher:
    if not (variables and "${" in value) and value.lower() not in ("true", "false"):
        return _never
    return _string_ignore_case(value, variables)


def _binary(value: str, _variables: bool) -> Matcher:
    wanted = _decoded(value)
    if wanted is None:
        return _never
    return lambda found, _lookup: _decoded(found) == wanted


def _decoded(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def _ip(value: str, _variables: bool) -> Matcher:
    if not _NETWORK.match(value):
        return _never
    try:
        network = ip_network(value, strict=False)
    except ValueError:
        return _never
    version, start, mask = network.version, int(network.network_address), int(network.netmask)

    def matches(found: str, _lookup: Lookup) -> bool:
        address = _address(found)
        return address is not None and address[0] == version and address[1] & mask == start

    return matches


@lru_cache(maxsize=4096)
def _address(text: str) -> tuple[int, int] | None:
    """IP version and number; an IPv4 address in IPv6 clothes is an IPv4 address."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return address.version, int(address)


_OPERATORS: dict[str, tuple[Callable[[str, bool], Matcher], bool]] = {
    "StringEquals": (_string_equals, False),
    "StringNotEquals": (_string_equals, True),
    "StringEqualsIgnoreCase": (_string_ignore_case, False),
    "StringNotEqualsIgnoreCase": (_string_ignore_case, True),
    "StringLike": (_string_like, False),
    "StringNotLike": (_string_like, True),
    "NumericEquals": (_numeric(eq), False),
    "NumericNotEquals": (_numeric(eq), True),
    "NumericLessThan": (_numeric(lt), False),
    "NumericLessThanEquals": (_numeric(le), False),
    "NumericGreaterThan": (_numeric(gt), False),
    "NumericGreaterThanEquals": (_numeric(ge), False),
    "DateEquals": (_date(eq), False),
    "DateNotEquals": (_date(eq), True),
    "DateLessThan": (_date(lt), False),
    "DateLessThanEquals": (_date(le), False),
    "DateGreaterThan": (_date(gt), False),
    "DateGreaterThanEquals": (_date(ge), False),
    "Bool": (_bool, False),
    "BinaryEquals": (_binary, False),
    "IpAddress": (_ip, False),
    "NotIpAddress": (_ip, True),
    "ArnEquals": (_arn, False),
    "ArnLike": (_arn, False),
    "ArnNotEquals": (_arn, True),
    "ArnNotLike": (_arn, True),
}
