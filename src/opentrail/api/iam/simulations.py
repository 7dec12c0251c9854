"""Policies tried out: simulations, and the condition keys that policies ask for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from opentrail.api.call import Call
from opentrail.api.call import Result as Answered
from opentrail.api.iam import paging
from opentrail.api.iam.caller import Operation
from opentrail.api.iam.sources import entity_of, sources
from opentrail.identity import Identities, Principal, Session
from opentrail.identity.entities import Entity
from opentrail.identity.faults import InvalidInput
from opentrail.identity.policies import Policy, PolicyError, check_identity, check_resource
from opentrail.identity.simulation import Named, Result, Setting, keys_of, simulate


def simulate_custom_policy(identities: Identities, call: Call) -> Answered:
    """SimulateCustomPolicy"""
    principal = Principal(
        type="IAMUser",
        account_id=call.account_id,
        principal_id="AIDASIMULATEDPOLICY00",
        arn=call.parameters.get("CallerArn", f"arn:aws:iam::{call.account_id}:user/simulated"),
        user_name=call.parameters.get("CallerArn", "simulated").rpartition("/")[2],
    )
    if call.parameters.get("ResourcePolicy") and not call.parameters.get("CallerArn"):
        raise InvalidInput("CallerArn must be given when ResourcePolicy is.")
    return _answer(call, _setting(call, principal, _given(call), ()))


def simulate_principal_policy(identities: Identities, call: Call) -> Answered:
    """SimulatePrincipalPolicy"""
    if call.parameters.get("PolicyExclusionList"):
        raise InvalidInput("PolicyExclusionList is not taken: use SimulateCustomPolicy with the policies that shall count.")
    entity = entity_of(identities, call.account_id, call.parameters["PolicySourceArn"])
    identity = [Named(id=one.name, kind=one.kind, policy=Policy.parse(one.document)) for one in sources(identities, entity)]
    boundary: Sequence[str] = ()
    if entity.boundary is not None:
        policy = identities.managed_policies.get(call.account_id, entity.boundary)
        boundary = (identities.managed_policies.version(call.account_id, entity.boundary, policy.default_version).document,)
    setting = _setting(call, _principal(entity, call), [*identity, *_given(call)], boundary)
    return _answer(call, replace(setting, service_control=identities.service_control(call.account_id)))


def _principal(entity: Entity, call: Call) -> Principal:
    if entity.kind != "role":
        # A group stands for a member that has no other policies.
        name = entity.name if entity.kind == "user" else None
        return Principal(
            type="IAMUser", account_id=entity.account_id, principal_id=entity.id, arn=entity.arn, user_name=name, tags=entity.tags
        )
    session = Session(
        issuer_type="Role",
        issuer_id=entity.id,
        issuer_arn=entity.arn,
        issuer_account_id=entity.account_id,
        issuer_name=entity.name,
        created=call.time,
        name="simulated",
    )
    return Principal(
        type="AssumedRole",
        account_id=entity.account_id,
        principal_id=f"{entity.id}:{session.name}",
        arn=f"arn:aws:sts::{entity.account_id}:assumed-role/{entity.name}/{session.name}",
        session=session,
        tags=entity.tags,
    )


def get_context_keys_for_custom_policy(identities: Identities, call: Call) -> Answered:
    """GetContextKeysForCustomPolicy"""
    return {"ContextKeyNames": keys_of(_given(call))}


def get_context_keys_for_principal_policy(identities: Identities, call: Call) -> Answered:
    """GetContextKeysForPrincipalPolicy"""
    entity = entity_of(identities, call.account_id, call.parameters["PolicySourceArn"])
    own = [Named(id=one.name, kind=one.kind, policy=Policy.parse(one.document)) for one in sources(identities, entity)]
    return {"ContextKeyNames": keys_of([*own, *_given(call)])}


def _given(call: Call) -> list[Named]:
    """The policies of the request."""
    texts = call.parameters.get("PolicyInputList", ())
    return [Named(id=f"PolicyInputList.{number}", kind="none", policy=_parsed(text)) for number, text in enumerate(texts, 1)]


def _parsed(text: str, *, of_resource: bool = False) -> Policy:
    try:
        return Policy.parse(text, check=check_resource if of_resource else check_identity)
    except PolicyError as error:
        raise InvalidInput(f"Invalid policy: {error}") from None


def _setting(call: Call, principal: Principal, identity: Sequence[Named], boundary: Sequence[str]) -> Setting:
    given = call.parameters
    context = {entry["ContextKeyName"]: tuple(entry.get("ContextKeyValues", ())) for entry in given.get("ContextEntries", ())}
    text = given.get("ResourcePolicy")
    owner: str | None = given.get("ResourceOwner")
    if owner is not None and owner.startswith("arn:"):
        owner = owner.split(":")[4] if owner.count(":") >= 5 else ""
    if owner is not None and not (len(owner) == 12 and owner.isdecimal()):
        raise InvalidInput(f"ResourceOwner must be an account: {given['ResourceOwner']}")
    return Setting(
        principal=principal,
        identity=identity,
        boundaries=[Policy.parse(item) for item in boundary]
        + [_parsed(item) for item in given.get("PermissionsBoundaryPolicyInputList", ())],
        resource_policy=None if text is None else Named(id="ResourcePolicy", kind="resource", policy=_parsed(text, of_resource=True)),
        resource_account_id=owner,
        context=context,
    )


def _answer(call: Call, setting: Setting) -> Answered:
    given = call.parameters
    for action in given["ActionNames"]:
        if ":" not in action:
            raise InvalidInput(f"Invalid action name {action}: write it as service:Action.")
    pairs = [(action, resource) for action in given["ActionNames"] for resource in given.get("ResourceArns") or ("*",)]
    return paging.paged(call, "EvaluationResults", pairs, lambda pair: _shown(simulate(setting, *pair)))


def _shown(result: Result) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "EvalActionName": result.action,
        "EvalResourceName": result.resource,
        "EvalDecision": result.verdict,
        "MatchedStatements": [{"SourcePolicyId": one.id, "SourcePolicyType": one.kind} for one in result.matched],
        "MissingContextValues": list(result.missing),
    }
    if result.within_boundary is not None:
        shown["PermissionsBoundaryDecisionDetail"] = {"AllowedByPermissionsBoundary": result.within_boundary}
    if result.within_organization is not None:
        shown["OrganizationsDecisionDetail"] = {"AllowedByOrganizations": result.within_organization}
    return shown


OPERATIONS: Mapping[str, Operation] = {
    "SimulateCustomPolicy": simulate_custom_policy,
    "SimulatePrincipalPolicy": simulate_principal_policy,
    "GetContextKeysForCustomPolicy": get_context_keys_for_custom_policy,
    "GetContextKeysForPrincipalPolicy": get_context_keys_for_principal_policy,
}
