"""`eventContext`: what a store with context keys adds to its management and data events (reference of history and Insights, §12; of Lake,
§2.6). Pure; who knows tags and organizations is asked through `Context`.

Keys of the request's context are derived from the record. A key of which the record says nothing is left out, as it is absent from the
request context of such a call.
"""

from __future__ import annotations

import calendar
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import orjson

from opentrail.events.categories import DATA, MANAGEMENT
from opentrail.lake.event_data_store import Stretch

CATEGORIES: Final = frozenset({MANAGEMENT, DATA})
"""Only these are enriched."""
VERSION: Final = "1.11"
"""The lowest `eventVersion` of an event with a context."""


class Context(Protocol):
    """What the record does not say itself."""

    def principal_tags(self, arn: str, account_id: str) -> Mapping[str, str]:
        """The tags of the user or role with this ARN."""

    def resource_tags(self, arn: str) -> Mapping[str, str]:
        """The tags of a resource; empty when it is not known, or gone."""

    def organization(self, account_id: str) -> tuple[str, Sequence[str]] | None:
        """The organization that the account is in: its id, and the paths of the account in it."""


class NoContext:
    """Nobody knows any tags or organizations."""

    def principal_tags(self, arn: str, account_id: str) -> Mapping[str, str]:
        return {}

    def resource_tags(self, arn: str) -> Mapping[str, str]:
        return {}

    def organization(self, account_id: str) -> tuple[str, Sequence[str]] | None:
        return None


@dataclass(frozen=True, slots=True)
class Keys:
    """The context keys of a store, by type."""

    request: tuple[str, ...]
    tags: tuple[str, ...]

    @classmethod
    def of(cls, stretch: Stretch) -> Keys | None:
        """Those of the stretch; `None` when its events are not enriched."""
        if not stretch.context_key_selectors:
            return None
        by_type = {selector["Type"]: tuple(selector["Equals"]) for selector in stretch.context_key_selectors}
        return cls(by_type.get("RequestContext", ()), by_type.get("TagContext", ()))


def enriched(record: bytes, keys: Keys, context: Context) -> bytes:
    """`record` with its `eventContext`; every other field stays as it is, but for an `eventVersion` that is too low for one."""
    event: dict[str, Any] = orjson.loads(record)
    event["eventContext"] = event_context(event, keys, context)
    if _version(event.get("eventVersion")) < _version(VERSION):
        event["eventVersion"] = VERSION
    return orjson.dumps(event)


def event_context(event: Mapping[str, Any], keys: Keys, context: Context) -> dict[str, Any]:
    """The `eventContext` of an event. Each part may be empty."""
    identity = _object(event, "userIdentity")
    facts = _Caller(event, identity, _object(identity, "sessionContext"))
    request = {key: value for key in keys.request if (value := _request_key(key, facts, context)) is not None}
    tags: dict[str, Any] = {}
    if keys.tags:
        principal = facts.principal_arn
        owned = context.principal_tags(principal, str(identity.get("accountId", ""))) if principal is not None else {}
        resources = []
        for resource in event.get("resources") or ():
            arn = resource.get("ARN") if isinstance(resource, dict) else None
            chosen = _chosen(context.resource_tags(arn), keys.tags) if isinstance(arn, str) else {}
            if chosen:
                resources.append({"arn": arn, "tags": chosen})
        tags = {"resourceTags": resources, "principalTags": _chosen(owned, keys.tags)}
    return {"requestContext": request, "tagContext": tags}


@dataclass(frozen=True, slots=True)
class _Caller:
    event: Mapping[str, Any]
    identity: Mapping[str, Any]
    session: Mapping[str, Any]

    @property
    def is_service(self) -> bool:
        return self.identity.get("type") == "AWSService"

    @property
    def principal_arn(self) -> str | None:
        """Of a session of a role: the role's."""
        if self.identity.get("type") == "AssumedRole":
            return _text(_object(self.session, "sessionIssuer").get("arn"))
        return _text(self.identity.get("arn"))

    def attribute(self, name: str) -> str | None:
        return _text(_object(self.session, "attributes").get(name))


def _service(caller: _Caller) -> str | None:
    return _text(caller.identity.get("invokedBy")) if caller.is_service else None


def _mfa_age(caller: _Caller) -> str | None:
    signed_in, now = _epoch(caller.attribute("creationDate")), _epoch(_text(caller.event.get("eventTime")))
    if caller.attribute("mfaAuthenticated") != "true" or signed_in is None or now is None:
        return None
    return str(max(0, now - signed_in))


def _federated(caller: _Caller) -> str | None:
    provider = _object(caller.session, "webIdFederationData").get("federatedProvider")
    return _text(provider) or _text(caller.identity.get("identityProvider"))


def _epoch_text(caller: _Caller) -> str | None:
    at = _epoch(_text(caller.event.get("eventTime")))
    return None if at is None else str(at)


_TYPES: Final[Mapping[str, str]] = {
    "Root": "Account",
    "IAMUser": "User",
    "AssumedRole": "AssumedRole",
    "FederatedUser": "FederatedUser",
    "AWSAccount": "Anonymous",
}
"""`userIdentity.type` → `aws:PrincipalType`."""

_REQUEST: Final[Mapping[str, Callable[[_Caller], str | None]]] = {
    "aws:FederatedProvider": _federated,
    "aws:TokenIssueTime": lambda caller: caller.attribute("creationDate"),
    "aws:MultiFactorAuthAge": _mfa_age,
    "aws:MultiFactorAuthPresent": lambda caller: caller.attribute("mfaAuthenticated"),
    "aws:SourceIdentity": lambda caller: _text(caller.session.get("sourceIdentity")),
    "aws:PrincipalAccount": lambda caller: _text(caller.identity.get("accountId")),
    "aws:PrincipalArn": lambda caller: caller.principal_arn,
    "aws:PrincipalIsAWSService": lambda caller: "true" if caller.is_service else "false",
    "aws:PrincipalServiceName": _service,
    "aws:PrincipalServiceNamesList": _service,
    "aws:PrincipalType": lambda caller: _TYPES.get(str(caller.identity.get("type"))),
    "aws:userid": lambda caller: _text(caller.identity.get("principalId")),
    "aws:username": lambda caller: _text(caller.identity.get("userName")) if caller.identity.get("type") == "IAMUser" else None,
    "aws:RequestedRegion": lambda caller: _text(caller.event.get("awsRegion")),
    "aws:SecureTransport": lambda caller: "true" if caller.event.get("tlsDetails") else "false",
    "aws:ViaAWSService": lambda caller: "true" if caller.identity.get("invokedBy") and not caller.is_service else "false",
    "aws:CurrentTime": lambda caller: _text(caller.event.get("eventTime")),
    "aws:EpochTime": _epoch_text,
    "aws:SourceAccount": lambda caller: _text(_object(caller.identity, "inScopeOf").get("sourceAccount")),
}


def _request_key(key: str, caller: _Caller, context: Context) -> str | None:
    if key in ("aws:PrincipalOrgID", "aws:PrincipalOrgPaths", "aws:SourceOrgID"):
        account = _REQUEST["aws:SourceAccount" if key == "aws:SourceOrgID" else "aws:PrincipalAccount"](caller)
        found = context.organization(account) if account is not None else None
        if found is None:
            return None
        return ",".join(found[1]) if key == "aws:PrincipalOrgPaths" else found[0]
    derived = _REQUEST.get(key)
    return derived(caller) if derived is not None else None


def _chosen(tags: Mapping[str, str], keys: Sequence[str]) -> dict[str, str]:
    return {key: tags[key] for key in keys if key in tags}


def _object(parent: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = parent.get(name)
    return found if isinstance(found, dict) else {}


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _epoch(text: str | None) -> int | None:
    try:
        return calendar.timegm(time.strptime(text or "", "%Y-%m-%dT%H:%M:%SZ"))
    except ValueError:
        return None


def _version(text: Any) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in str(text).split("."))
    except ValueError:
        return ()
