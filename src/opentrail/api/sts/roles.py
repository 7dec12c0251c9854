"""A role that is assumed: what its trust policy is asked, and the session that comes of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from opentrail.api.call import Call, Need
from opentrail.api.iam.permissions import tag_context
from opentrail.api.sts.terms import Inherited, Terms, Wanted
from opentrail.identity import Identities
from opentrail.identity.entities import Entity
from opentrail.identity.faults import AccessDenied, NoSuchEntity, ValidationError
from opentrail.identity.sessions import IssuerGone

DEFAULT_DURATION = 3600
"""Seconds that a session of a role lasts when nothing is said."""

CHAINED_LIMIT = 3600
"""Seconds that a session may last which a session of a role asked for (role chaining)."""

NOBODY: Final = '{"Version":"2012-10-17","Statement":[]}'
"""The trust policy of a role that is not there: its absence looks like a refusal, as in AWS."""


def role_of(identities: Identities, role_arn: str) -> Entity | None:
    """The role that an ARN names, in whichever account."""
    parts = role_arn.split(":", 5)
    if len(parts) != 6 or parts[2] != "iam" or not parts[5].startswith("role/"):
        return None
    try:
        role = identities.roles.get(parts[4], parts[5].rpartition("/")[2])
    except NoSuchEntity:
        return None
    if role.arn != role_arn or identities.organizations.accounts.is_closed(role.account_id):
        return None
    return role


def account_of(role_arn: str, otherwise: str) -> str:
    """The account that the ARN of a role names."""
    parts = role_arn.split(":", 5)
    return parts[4] if len(parts) == 6 else otherwise


def role_needs(
    identities: Identities, call: Call, wanted: Wanted, handed_on: Inherited, extra: Mapping[str, Sequence[str]]
) -> Sequence[Need]:
    """What assuming the role `RoleArn` takes; `extra` are the condition keys of this way of assuming it."""
    role_arn: str = call.parameters.get("RoleArn", "")
    role = role_of(identities, role_arn)
    context: dict[str, Sequence[str]] = {**tag_context(wanted.tags), **extra}
    if wanted.name:
        context["sts:RoleSessionName"] = (wanted.name,)
    if wanted.source_identity:
        context["sts:SourceIdentity"] = (wanted.source_identity,)
    if wanted.transitive:
        context["sts:TransitiveTagKeys"] = tuple(wanted.transitive)
    if role is not None:
        for key, value in role.tags.items():
            context[f"aws:ResourceTag/{key}"] = (value,)
            context[f"iam:ResourceTag/{key}"] = (value,)
    actions = [f"sts:{call.operation}"]
    if wanted.tags or wanted.transitive or handed_on.tags:
        actions.append("sts:TagSession")
    if wanted.source_identity or handed_on.source_identity:
        actions.append("sts:SetSourceIdentity")
    return [
        Need(
            action=action,
            resource=role_arn,
            context=context,
            resource_policy=role.details["trust"] if role is not None else NOBODY,
            resource_account_id=account_of(role_arn, call.account_id),
        )
        for action in actions
    ]


def require_role(identities: Identities, call: Call) -> Entity:
    """The role `RoleArn`, once more: it may have been deleted since its trust policy was asked. Raises `AccessDenied`."""
    role = role_of(identities, call.parameters["RoleArn"])
    if role is None:
        raise refused(call)
    return role


def require_duration(duration: int, role: Entity, *, chained: bool = False) -> None:
    """Raises `ValidationError` for a session that would last longer than it may."""
    if chained and duration > CHAINED_LIMIT:
        raise ValidationError("The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining")
    if duration > role.details["max_session"]:
        raise ValidationError("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")


def session_of(identities: Identities, call: Call, role: Entity, asked: Terms, duration: int) -> dict[str, Any]:
    """Make the session; the part of the answer that all ways have in common. Raises `AccessDenied` for a role that has just gone."""
    try:
        credentials = identities.sessions.issue("AssumedRole", role.account_id, role.id, duration=duration, terms=asked.terms)
    except IssuerGone:
        raise refused(call) from None
    user = {
        "AssumedRoleId": f"{role.id}:{asked.terms.name}",
        "Arn": f"arn:aws:sts::{role.account_id}:assumed-role/{role.name}/{asked.terms.name}",
    }
    return {**asked.shown(credentials), "AssumedRoleUser": user}


def refused(call: Call) -> AccessDenied:
    """The refusal of a role that does not let the caller in, or is not there."""
    resource = call.parameters.get("RoleArn", "")
    if not call.caller.arn:
        return AccessDenied(f"Not authorized to perform sts:{call.operation}")
    return AccessDenied(f"User: {call.caller.arn} is not authorized to perform: sts:{call.operation} on resource: {resource}")
