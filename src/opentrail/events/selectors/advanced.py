"""Advanced event selectors: checked against the table of fields (reference of trails, §7)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from opentrail.events.selectors.fields import DESELECTING, FIELDS, OPERATORS, SELECTING, TOGETHER, Owner, Rule
from opentrail.events.selectors.matching import SelectorError

MOST_VALUES: Final = 500
"""Values in all fields of all selectors together."""
LONGEST_VALUE: Final = 2048
LONGEST_NAME: Final = 1000

_ARN: Final = re.compile(r"arn:aws(?:-[a-z]+)*:([a-z0-9-]+):[a-z0-9-]*:(?:\d{12}|aws)?:.+", re.DOTALL)
_ARNS: Final = {
    # resources.type → what follows the partition in a full ARN of it; the others must only look like an ARN
    "AWS::S3::Object": re.compile(r"s3:::[A-Za-z0-9._-]{3,255}/.+", re.DOTALL),
    "AWS::S3::AccessPoint": re.compile(r"s3:[a-z0-9-]+:\d{12}:accesspoint/.+", re.DOTALL),
    "AWS::Lambda::Function": re.compile(r"lambda:[a-z0-9-]+:\d{12}:function:.+"),
    "AWS::DynamoDB::Table": re.compile(r"dynamodb:[a-z0-9-]+:\d{12}:table/[A-Za-z0-9_.-]+"),
    "AWS::DynamoDB::Stream": re.compile(r"dynamodb:[a-z0-9-]+:\d{12}:table/[A-Za-z0-9_.-]+/stream/.+"),
    "AWS::SNS::Topic": re.compile(r"sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]+(?:\.fifo)?"),
    "AWS::SQS::Queue": re.compile(r"sqs:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]+(?:\.fifo)?"),
    "AWS::Kinesis::Stream": re.compile(r"kinesis:[a-z0-9-]+:\d{12}:stream/[A-Za-z0-9_.-]+"),
}


def checked_advanced(selectors: Sequence[Mapping[str, Any]], *, owner: Owner) -> list[dict[str, Any]]:
    """The selectors as they are stored, members without values left out. Raises `SelectorError`."""
    if not selectors:
        raise SelectorError("Specify at least one advanced event selector.")
    given = [field for selector in selectors for field in selector.get("FieldSelectors") or ()]
    values = sum(len(field.get(operator) or ()) for field in given for operator in OPERATORS)
    if values > MOST_VALUES:
        raise SelectorError(f"Advanced event selectors have at most {MOST_VALUES} values; these have {values}.")
    checked = [_checked(selector, owner) for selector in selectors]
    categories = {field["Equals"][0] for one in checked for field in one["FieldSelectors"] if field["Field"] == "eventCategory"}
    if not categories <= TOGETHER and len(categories) > 1:
        raise SelectorError(f"Selectors of the categories {' and '.join(sorted(categories))} cannot be used together.")
    return checked


def _checked(selector: Mapping[str, Any], owner: Owner) -> dict[str, Any]:
    name = selector.get("Name") or ""
    if len(name) > LONGEST_NAME:
        raise SelectorError(f"The name of an advanced event selector has at most {LONGEST_NAME} characters.")
    fields: dict[str, dict[str, Any]] = {}
    for given in selector.get("FieldSelectors") or ():
        field = _field(given)
        if field["Field"] in fields:
            raise SelectorError(f"Field {field['Field']} is specified more than once in one advanced event selector.")
        fields[field["Field"]] = field
    rules = FIELDS[owner][_category(fields, owner)]
    for field_name, rule in rules.items():
        if rule.needed and field_name not in fields:
            raise SelectorError(f"An advanced event selector of this category must have the field {field_name}.")
    category = fields["eventCategory"]["Equals"][0]
    for field_name, field in fields.items():
        if field_name != "eventCategory":
            if field_name not in rules:
                raise SelectorError(f"Field {field_name} is not valid for events of the category {category} of {_WHOSE[owner]}.")
            _check(field, rules[field_name])
    if "resources.ARN" in fields:
        _check_arns(fields["resources.type"]["Equals"][0], fields["resources.ARN"])
    stored: dict[str, Any] = {"FieldSelectors": list(fields.values())}
    return {"Name": name, **stored} if name else stored


_WHOSE: Final = {"trail": "a trail", "store": "an event data store"}


def _field(given: Mapping[str, Any]) -> dict[str, Any]:
    name = given.get("Field")
    if not isinstance(name, str) or not name:
        raise SelectorError("Every field selector must name its Field.")
    field: dict[str, Any] = {"Field": name, **{operator: list(given[operator]) for operator in OPERATORS if given.get(operator)}}
    if len(field) == 1:
        raise SelectorError(f"Field {name} has no operator with a value.")
    for selecting, deselecting in zip(SELECTING, DESELECTING, strict=True):
        both = set(field.get(selecting, ())) & set(field.get(deselecting, ()))
        if both:
            raise SelectorError(f"Field {name} has the value {min(both)} for both {selecting} and {deselecting}.")
    for value in _values(field):
        if not 1 <= len(value) <= LONGEST_VALUE:
            raise SelectorError(f"Values of the field {name} have between 1 and {LONGEST_VALUE} characters.")
    return field


def _category(fields: Mapping[str, Mapping[str, Any]], owner: Owner) -> str:
    field = fields.get("eventCategory", {})
    if set(field) != {"Field", "Equals"} or len(field["Equals"]) != 1:
        raise SelectorError("Every advanced event selector must have the field eventCategory with exactly one Equals value.")
    category: str = field["Equals"][0]
    if category not in FIELDS[owner]:
        raise SelectorError(f"Value {category} for eventCategory is invalid for {_WHOSE[owner]}: use {', '.join(FIELDS[owner])}.")
    return category


def _check(field: Mapping[str, Any], rule: Rule) -> None:
    name = field["Field"]
    operators = [operator for operator in field if operator != "Field"]
    wrong = [operator for operator in operators if operator not in rule.operators]
    if wrong:
        raise SelectorError(f"Field {name} takes the operator {' or '.join(rule.operators)}, not {wrong[0]}.")
    values = list(_values(field))
    if rule.single and len(values) != 1:
        raise SelectorError(f"Field {name} takes exactly one value; use a further advanced event selector for another one.")
    if rule.values is not None:
        for value in values:
            if value not in rule.values:
                allowed = f": use {' or '.join(sorted(rule.values))}" if len(rule.values) <= 2 else ""
                raise SelectorError(f"Value {value} for {name} is invalid{allowed}.")


def _check_arns(kind: str, field: Mapping[str, Any]) -> None:
    """`Equals` and `NotEquals` compare whole ARNs, so what cannot be one would never be met."""
    for operator in ("Equals", "NotEquals"):
        for value in field.get(operator, ()):
            form = _ARNS.get(kind)
            if not _ARN.fullmatch(value) or (form is not None and not form.fullmatch(value.split(":", 2)[2])):
                raise SelectorError(
                    f"Value {value} for resources.ARN is not the ARN of a resource of the type {kind}. "
                    "Use StartsWith or EndsWith to match a part of an ARN."
                )


def _values(field: Mapping[str, Any]) -> Iterable[str]:
    for operator in OPERATORS:
        yield from field.get(operator, ())
