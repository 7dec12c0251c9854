"""What a caller must be allowed before a call is forwarded (`identity.enforce_upstream`): action, and resource as far as it can be told.

Only the caller's own policies are asked: identity, session and boundary policies, and service control policies. What the resource's
policy says is the upstream's to know. Where the resource or a condition key cannot be told, statements that deny count as fitting and
statements that allow do not (`Need.resource_known`, `Need.unknown`): in doubt the call is refused rather than let through.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from opentrail.api.call import Call, Need
from opentrail.api.reading import is_unsigned
from opentrail.api.s3.needs import TOLD_KEYS, Needs
from opentrail.api.upstream_tables import ACTIONS, NEEDS_NOTHING, NO_RESOURCE, PARTIQL, PREFIXES, RESOURCES, TRANSACTED, Rule
from opentrail.wire.models import Operation

_ACCOUNT_PATH = re.compile(r"/(?P<account>[0-9]{12})/(?P<name>[^/]+)\Z")
_FUNCTION = re.compile(r"(?:(?P<account>[0-9]{12}):)?(?:function:)?(?P<name>[^:]+)(?::(?P<qualifier>[^:]+))?\Z")
_UNTOLD = (
    "aws:resourcetag/",
    "aws:resourceorg",
    "aws:resourceaccount",
    "aws:sourcevpcarn",
    "aws:vpce",
)
"""Beginnings of the global keys of which a forwarded request may have some without our knowing."""

_TAG_MEMBERS = ("Tags", "tags", "TagList", "tagList")
_TAG_KEY_MEMBERS = ("TagKeys", "tagKeys")


def upstream_needs(call: Call, operation: Operation) -> Sequence[Need]:
    """The permissions that `call` of `operation` takes; empty for operations that are open to everybody (`authtype: none`)."""
    service = operation.service
    if is_unsigned(operation) or (call.service, call.operation) in NEEDS_NOTHING:
        return ()
    if call.service == "s3":
        return _of_s3(call)
    prefix = PREFIXES.get(call.service, service.signing_name)
    tags, unknown = _tags(call.parameters)
    return [
        Need(
            action=f"{prefix}:{action}",
            resource=resource or "*",
            resource_known=resource is not None,
            context=tags | _owner(resource),
            unknown=_but(unknown, _owner(resource)),
        )
        for action, resource in _asked(call)
    ]


def _asked(call: Call) -> Iterator[tuple[str, str | None]]:
    """Actions (without prefix) and resources; `None`: there is one that cannot be told."""
    given, operation = call.parameters, call.operation
    match call.service, operation:
        case (("apigateway" | "apigatewayv2"), _):
            yield call.request.method, f"arn:{_partition(call)}:apigateway:{call.region}::{call.request.path}"
        case "dynamodb", ("ExecuteStatement" | "BatchExecuteStatement" | "ExecuteTransaction"):
            yield from ((action, None) for action in _partiql(given))
        case "dynamodb", ("TransactGetItems" | "TransactWriteItems"):
            yield from _transacted(call)
        case "events", "PutEvents":
            for entry in given.get("Entries") or [{}]:
                name = entry.get("EventBusName") or "default"
                yield operation, _arn(call, Rule(members=(), arn="arn:{partition}:events:{region}:{account}:event-bus/{name}"), name)
        case "kms", "ReEncrypt":
            for action, member in (("ReEncryptFrom", "SourceKeyId"), ("ReEncryptTo", "DestinationKeyId")):
                yield action, _arn(call, RESOURCES["kms"][""], given.get(member))
        case _:
            actions = ACTIONS.get(call.service, {}).get(operation, (operation,))
            for resource in _resources(call):
                yield from ((action, resource) for action in actions)


def _resources(call: Call) -> Sequence[str | None]:
    if call.operation in NO_RESOURCE.get(call.service, ()):
        return ("*",)
    rules = RESOURCES.get(call.service, {})
    rule = rules.get(call.operation) or rules.get("")
    if rule is None:
        return (None,)
    named = next((value for member in rule.members if (value := call.parameters.get(member))), None)
    names = list(named) if isinstance(named, list | tuple | Mapping) else [named]
    return [_arn(call, rule, name) for name in names] or (None,)


def _arn(call: Call, rule: Rule, named: Any) -> str | None:
    if not isinstance(named, str) or not named:
        return None
    name: str = named
    given = call.parameters
    account = given.get(rule.owner) if rule.owner else None
    if call.service == "kms" and "alias/" in name:
        return None  # which key is behind an alias only the upstream knows
    if call.service == "lambda" and not name.startswith("arn:"):
        found = _FUNCTION.match(name)
        if found is None:
            return None
        account, name = found["account"], found["name"] + (f":{found['qualifier']}" if found["qualifier"] else "")
    if call.service == "sqs" and "://" in name:
        found = _ACCOUNT_PATH.search(urlsplit(name).path)
        if found is None:
            return None
        account, name = found["account"], found["name"]
    if not name.startswith("arn:"):
        if not rule.arn:
            return None
        known = {"partition": _partition(call), "region": call.region, "account": account or call.account_id}
        extra = {"logStreamName": given.get("logStreamName") or ""}
        name = rule.arn.format(**known, **extra, name=name.removeprefix("/"))
    if call.service == "lambda" and given.get("Qualifier") and name.count(":") == 6:
        name += f":{given['Qualifier']}"
    if call.service == "dynamodb" and given.get("IndexName"):
        name += f"/index/{given['IndexName']}"
    return name


def _partiql(given: Mapping[str, Any]) -> Sequence[str]:
    """The actions of the statements: by their first words; all, when one cannot be told."""
    listed = given.get("Statements") or given.get("TransactStatements") or [given]
    words = [str(item.get("Statement") or "").split(None, 1)[:1] for item in listed]
    actions = {PARTIQL.get(word[0].upper()) if word else None for word in words}
    return sorted(set(PARTIQL.values())) if None in actions else sorted(action for action in actions if action)


def _transacted(call: Call) -> Iterator[tuple[str, str | None]]:
    for item in call.parameters.get("TransactItems") or [{}]:
        for member, about in (item or {"": {}}).items():
            table = about.get("TableName") if isinstance(about, Mapping) else None
            for action in [TRANSACTED[member]] if member in TRANSACTED else sorted(TRANSACTED.values()):
                yield action, _arn(call, RESOURCES["dynamodb"][""], table)


def _partition(call: Call) -> str:
    return call.caller.arn.split(":", 2)[1] if call.caller.arn.startswith("arn:") else "aws"


def _owner(resource: str | None) -> dict[str, Sequence[str]]:
    parts = (resource or "").split(":", 5)
    return {"aws:ResourceAccount": (parts[4],)} if len(parts) == 6 and parts[4] else {}


def _tags(given: Mapping[str, Any]) -> tuple[dict[str, Sequence[str]], Callable[[str], bool]]:
    """`aws:RequestTag/…` and `aws:TagKeys`, and which condition keys nothing is known of."""
    context: dict[str, Sequence[str]] = {}
    read = True
    for member, value in given.items():
        if member in _TAG_MEMBERS and (tags := _pairs(value)) is not None:
            context |= {f"aws:RequestTag/{key}": (text,) for key, text in tags.items()}
            context["aws:TagKeys"] = tuple(tags)
        elif member in _TAG_KEY_MEMBERS and isinstance(value, list):
            context["aws:TagKeys"] = tuple(map(str, value))
        elif "tag" in member.lower():
            read = False
    of_tags = () if read else ("aws:requesttag/", "aws:tagkeys")

    def unknown(key: str) -> bool:
        return not key.startswith("aws:") or key.startswith((*_UNTOLD, *of_tags))

    return context, unknown


def _pairs(value: Any) -> dict[str, str] | None:
    """Tags as services write them: a mapping, or a list of keys and values; `None` when it is neither."""
    if isinstance(value, Mapping):
        return {str(key): str(text) for key, text in value.items()}
    found: dict[str, str] = {}
    for item in value if isinstance(value, list) else [None]:
        lowered = {str(name).lower().removeprefix("tag"): text for name, text in item.items()} if isinstance(item, Mapping) else {}
        if not isinstance(lowered.get("key"), str):
            return None
        found[lowered["key"]] = str(lowered.get("value") or "")
    return found


def _but(unknown: Callable[[str], bool], told: Mapping[str, Any]) -> Callable[[str], bool]:
    keys = {key.lower() for key in told}
    return lambda key: key not in keys and unknown(key)


def _of_s3(call: Call) -> Sequence[Need]:
    """S3 as our own would be asked, but that nothing is known of the bucket."""
    needs = list(Needs(None).of(call))
    if not needs or (needs[0].resource == "*" and call.operation != "ListBuckets"):
        needs = [Need(action=f"s3:{call.operation}", resource_known=False)]
    if "CopySource" in call.parameters and all(need.action != "s3:GetObject" for need in needs):
        needs.append(Need(action="s3:GetObject", resource_known=False))
    return [replace(need, unknown=_but(_unknown_to_s3, need.context)) for need in needs]


def _unknown_to_s3(key: str) -> bool:
    if key.startswith("s3:"):
        return key not in TOLD_KEYS and not key.startswith("s3:requestobjecttag/")
    return not key.startswith("aws:") or key.startswith(_UNTOLD)
