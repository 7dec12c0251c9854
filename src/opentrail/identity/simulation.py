"""What if? Policies that are tried out on actions and resources, by the evaluation that decides real calls. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from opentrail.identity.policies import Policy, PolicyRequest, PolicySet, evaluate, grammar
from opentrail.identity.policies.context import Context
from opentrail.identity.principals import Principal

Verdict = Literal["allowed", "explicitDeny", "implicitDeny"]

_VARIABLE = re.compile(r"\$\{\s*([^{},\s*?$]+)[^{}]*\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A policy and where it comes from."""

    id: str
    kind: str
    policy: Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """Everything that a simulation is about, but action and resource."""

    principal: Principal
    identity: Sequence[Named]
    boundaries: Sequence[Policy] = ()
    """Each must allow."""
    resource_policy: Named | None = None
    resource_account_id: str | None = None
    context: Mapping[str, Sequence[str]] = field(default_factory=dict)
    service_control: Sequence[Sequence[Policy]] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The outcome for one action and resource."""

    action: str
    resource: str
    verdict: Verdict
    matched: Sequence[Named]
    """Policies with a statement that had a say: those that deny where it is denied, else those that allow."""
    missing: Sequence[str]
    """Condition keys that policies ask for and that nobody gave."""
    within_boundary: bool | None = None
    """Whether the permissions boundaries allow it; `None`: there are none."""
    within_organization: bool | None = None


def simulate(setting: Setting, action: str, resource: str) -> Result:
    """Try one action on one resource (`*`: whatever resource)."""
    policies = PolicySet(identity=tuple(one.policy for one in setting.identity))
    request = PolicyRequest(
        principal=setting.principal,
        action=action,
        resource=resource,
        context=setting.context,
        resource_account_id=setting.resource_account_id,
    )
    resource_policy = setting.resource_policy.policy if setting.resource_policy is not None else None
    decision = evaluate(request, policies, resource_policy, service_control=setting.service_control)
    lookup = Context(setting.principal, setting.context, setting.resource_account_id).get

    def applies(policy: Policy, *, denies: bool) -> bool:
        allowing, denying = policy.about(action.lower())
        return any(one.fits(resource, lookup) for one in (denying if denies else allowing))

    bounded = [applies(policy, denies=False) and not applies(policy, denies=True) for policy in setting.boundaries]
    denied = decision.explicit_deny or any(applies(policy, denies=True) for policy in setting.boundaries)
    verdict: Verdict = "explicitDeny" if denied else ("allowed" if decision.allowed and all(bounded) else "implicitDeny")
    considered = [*setting.identity, *([setting.resource_policy] if setting.resource_policy is not None else [])]
    within = [any(applies(policy, denies=False) for policy in level) for level in setting.service_control]
    return Result(
        action=action,
        resource=resource,
        verdict=verdict,
        matched=[one for one in considered if applies(one.policy, denies=denied)],
        missing=[key for key in keys_of([*considered, *_nameless(setting.boundaries)]) if lookup(key.lower()) is None],
        within_boundary=all(bounded) if bounded else None,
        within_organization=all(within) if within else None,
    )


def _nameless(policies: Sequence[Policy]) -> list[Named]:
    return [Named(id="", kind="none", policy=policy) for policy in policies]


def keys_of(policies: Sequence[Named]) -> list[str]:
    """The condition keys that policies ask for, in conditions and as variables; each once, as first written, in order."""
    found: dict[str, str] = {}
    for one in policies:
        for key in _keys(grammar.read(one.policy.text)):
            found.setdefault(key.lower(), key)
    return sorted(found.values(), key=str.lower)


def _keys(document: grammar.Document) -> Iterator[str]:
    for statement in document.statements:
        texts = list(statement.resources or ())
        for _operator, key, values in statement.conditions:
            yield key
            texts += values
        if document.variables:
            for text in texts:
                yield from _VARIABLE.findall(text)
