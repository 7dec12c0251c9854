"""DynamoDB's data events: which table, which key, which attributes; never what is in them.

Keys are printed with their values, items by the names of their attributes only, literals of PartiQL statements as `***(Redacted)` (the page
"Logging DynamoDB operations by using AWS CloudTrail"). A request does not say which attributes of an item are its key, nor which literals
of a statement are: there the names alone are printed, and every literal is redacted.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from opentrail.recorder.observation import Observation
from opentrail.recorder.spelling import lower_first

Entry = dict[str, str]
Request = Callable[[Mapping[str, Any]], dict[str, Any]]

REDACTED = "***(Redacted)"

_LITERAL = re.compile(r"'(?:[^']|'')*'(?P<name>\s*:)?|'.*|(?<![\w\"'.])-?\d+(?:\.\d+)?(?![\w\"'])", re.DOTALL)
"""A text (the name of an attribute when `:` follows), a text that does not end, a number."""
_TABLE_OF_STATEMENT = re.compile(r"(?i)\b(?:from|into|update)\s+\"?([A-Za-z0-9_.-]{3,255})\"?")
_PLAIN = frozenset(
    {
        "TableName", "IndexName", "Select", "AttributesToGet", "Limit", "ConsistentRead", "ConditionalOperator", "ScanIndexForward",
        "ReturnConsumedCapacity", "ReturnItemCollectionMetrics", "ReturnValues", "ReturnValuesOnConditionCheckFailure",
        "ProjectionExpression", "FilterExpression", "KeyConditionExpression", "ConditionExpression", "UpdateExpression",
        "ExpressionAttributeNames", "Segment", "TotalSegments", "ClientRequestToken",
    }
)  # fmt: skip
"""Members that hold no value of an attribute: expressions name their values by placeholders."""


def request(operation: str) -> Request | None:
    """Writer of `requestParameters` of a data event; `None` for an operation that is none."""
    if operation in ("ExecuteStatement", "BatchExecuteStatement", "ExecuteTransaction"):
        return _statements
    if operation in ("TransactWriteItems", "TransactGetItems"):
        return _transaction
    if operation in ("BatchGetItem", "BatchWriteItem"):
        return _batch
    return _item if operation in ("DeleteItem", "GetItem", "PutItem", "Query", "Scan", "UpdateItem") else None


def _item(parameters: Mapping[str, Any]) -> dict[str, Any]:
    printed: dict[str, Any] = {}
    for member, value in parameters.items():
        if value is None:
            continue
        if member in ("Key", "ExclusiveStartKey") and isinstance(value, Mapping):
            printed[lower_first(member)] = _key(value)
        elif member == "Item" and isinstance(value, Mapping):
            printed["item"] = list(value)
        elif member in _PLAIN:
            printed[lower_first(member)] = value
    return printed


def _key(key: Mapping[str, Any]) -> dict[str, Any]:
    """`{"Artist": {"S": "x"}}` → `{"Artist": "x"}`; bytes are left out."""
    printed = {}
    for name, value in key.items():
        plain = next(iter(value.values()), None) if isinstance(value, Mapping) else None
        printed[name] = plain if isinstance(plain, str | int | float | bool) else ""
    return printed


def _transaction(parameters: Mapping[str, Any]) -> dict[str, Any]:
    items = []
    for item in parameters.get("TransactItems") or ():
        for deed, what in item.items() if isinstance(item, Mapping) else ():
            if isinstance(what, Mapping):
                printed = _item(what)
                if "item" in printed:
                    printed["items"] = printed.pop("item")
                items.append({"operation": deed, **printed})
    return {"requestItems": items, **_item({name: value for name, value in parameters.items() if name != "TransactItems"})}


def _batch(parameters: Mapping[str, Any]) -> dict[str, Any]:
    tables: dict[str, Any] = {}
    requested = parameters.get("RequestItems")
    for table, asked in requested.items() if isinstance(requested, Mapping) else ():
        if isinstance(asked, Mapping):
            keys = [_key(key) for key in asked.get("Keys") or () if isinstance(key, Mapping)]
            tables[table] = {"keys": keys, **_item({name: value for name, value in asked.items() if name != "Keys"})}
        elif isinstance(asked, list | tuple):
            tables[table] = [
                {lower_first(deed): _item(what)}
                for one in asked
                for deed, what in (one.items() if isinstance(one, Mapping) else ())
                if isinstance(what, Mapping)
            ]
    return {"requestItems": tables, **_item({name: value for name, value in parameters.items() if name != "RequestItems"})}


def _statements(parameters: Mapping[str, Any]) -> dict[str, Any]:
    rest = _item(parameters)
    several = parameters.get("Statements") or parameters.get("TransactStatements")
    if several is None:
        return {"statement": redacted(parameters.get("Statement")), **rest}
    return {"requestItems": [{"statement": redacted(one.get("Statement"))} for one in several if isinstance(one, Mapping)], **rest}


def redacted(statement: Any) -> str:
    """A PartiQL statement without its literals."""
    if not isinstance(statement, str):
        return ""
    return _LITERAL.sub(lambda found: found[0] if found["name"] else REDACTED, statement)


def table_resources(observation: Observation) -> list[Entry]:
    """The tables of a data event, each once, in the order they are named."""
    names = list(dict.fromkeys(_tables(observation.parameters or {})))
    return [_entry("AWS::DynamoDB::Table", _arn(observation, name)) for name in names] or [{"type": "AWS::DynamoDB::Table"}]


def stream_resources(observation: Observation) -> list[Entry]:
    """Table and stream of a data event of DynamoDB Streams: both types find it (`spec/records.md` §8)."""
    parameters = observation.parameters or {}
    arn = parameters.get("StreamArn") or str(parameters.get("ShardIterator") or "").partition("|")[0]
    if not isinstance(arn, str) or not arn.startswith("arn:"):
        return [{"type": "AWS::DynamoDB::Stream"}]
    return [_entry("AWS::DynamoDB::Table", arn.partition("/stream/")[0]), _entry("AWS::DynamoDB::Stream", arn)]


def _entry(kind: str, arn: str) -> Entry:
    return {"accountId": arn.split(":", 5)[4] if arn.count(":") >= 5 else "", "type": kind, "ARN": arn}


def _arn(observation: Observation, name: str) -> str:
    return name if name.startswith("arn:") else f"arn:aws:dynamodb:{observation.region}:{observation.account_id}:table/{name}"


def _tables(parameters: Mapping[str, Any]) -> list[str]:
    found: list[Any] = [parameters.get("TableName")]
    requested = parameters.get("RequestItems")
    found += list(requested) if isinstance(requested, Mapping) else []
    for item in parameters.get("TransactItems") or ():
        found += [what.get("TableName") for what in item.values() if isinstance(what, Mapping)] if isinstance(item, Mapping) else []
    statements = [parameters, *(parameters.get("Statements") or ()), *(parameters.get("TransactStatements") or ())]
    for statement in statements:
        text = statement.get("Statement") if isinstance(statement, Mapping) else None
        found += _TABLE_OF_STATEMENT.findall(text) if isinstance(text, str) else []
    return [name for name in found if isinstance(name, str) and name]
