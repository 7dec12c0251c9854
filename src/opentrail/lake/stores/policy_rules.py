"""What the resource policies of event data stores, channels and dashboards may say, and the one of delegated administrators
(reference of Lake, §4). Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from opentrail.identity.policies import Policy, PolicyError, check_resource
from opentrail.identity.policies.document import Document, Statement
from opentrail.lake.faults import ResourcePolicyNotValidException

LONGEST_POLICY: Final = 8192
"""Characters."""
CLOUDTRAIL: Final = "cloudtrail.amazonaws.com"

_QUERIES: Final = (
    "cloudtrail:StartQuery", "cloudtrail:CancelQuery", "cloudtrail:ListQueries", "cloudtrail:DescribeQuery", "cloudtrail:GetQueryResults",
    "cloudtrail:GenerateQuery", "cloudtrail:GenerateQueryResultsSummary", "cloudtrail:GetEventDataStore",
)  # fmt: skip
_OF_THE_SERVICE: Final = frozenset({"aws:sourcearn", "aws:sourceaccount"})

DELEGATED: Final = (
    *_QUERIES, "cloudtrail:UpdateEventDataStore", "cloudtrail:DeleteEventDataStore", "cloudtrail:RestoreEventDataStore",
    "cloudtrail:StartEventDataStoreIngestion", "cloudtrail:StopEventDataStoreIngestion", "cloudtrail:EnableFederation",
    "cloudtrail:DisableFederation", "cloudtrail:GetEventDataStoreData", "cloudtrail:GetInsightSelectors",
    "cloudtrail:GetEventConfiguration", "cloudtrail:PutEventConfiguration", "cloudtrail:AddTags", "cloudtrail:RemoveTags",
    "cloudtrail:ListTags",
)  # fmt: skip
"""What a delegated administrator may do with an organization store."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rule:
    """What a statement of the policy of one kind of resource may hold."""

    principals: tuple[str, ...] = ()
    """Actions for principals of accounts."""
    service: tuple[str, ...] = ()
    """Actions for CloudTrail itself, in a statement of its own."""
    most_statements: int | None = None
    most_principals: int | None = None


_RULES: Final[Mapping[str, _Rule]] = {
    "eventdatastore": _Rule(principals=_QUERIES, service=("cloudtrail:StartQuery",)),
    "channel": _Rule(principals=("cloudtrail-data:PutAuditEvents",), most_statements=20, most_principals=50),
    "dashboard": _Rule(service=("cloudtrail:StartDashboardRefresh",)),
}


def check(kind: str, arn: str, text: str) -> None:
    """Whether `text` can be the policy of the resource `arn`. Raises `ResourcePolicyNotValidException`."""
    if not 1 <= len(text) <= LONGEST_POLICY:
        raise ResourcePolicyNotValidException(f"A resource policy has between 1 and {LONGEST_POLICY} characters; this one has {len(text)}.")
    try:
        Policy.parse(text, check=lambda document: _check(_RULES[kind], arn, document))
    except PolicyError as error:
        raise ResourcePolicyNotValidException(f"The resource policy is not valid: {error}") from None


def _check(rule: _Rule, arn: str, document: Document) -> None:
    check_resource(document)
    if rule.most_statements is not None and len(document.statements) > rule.most_statements:
        raise PolicyError(f"It has {len(document.statements)} statements; at most {rule.most_statements} are allowed.")
    for number, statement in enumerate(document.statements, 1):
        if statement.not_principal or statement.not_action or statement.not_resource:
            raise PolicyError(f"Statement {number} uses NotPrincipal, NotAction or NotResource: say what it is about instead.")
        if set(statement.resources or ()) != {arn}:
            raise PolicyError(f"The Resource of statement {number} must be {arn}.")
        _check_statement(rule, statement, number)


def _check_statement(rule: _Rule, statement: Statement, number: int) -> None:
    named = statement.principal if isinstance(statement.principal, dict) else {"AWS": statement.principal}
    if set(named) not in ({"AWS"}, {"Service"}):
        raise PolicyError(f"The Principal of statement {number} must be either AWS accounts and identities, or the service {CLOUDTRAIL}.")
    names = [name for listed in named.values() for name in ([listed] if isinstance(listed, str) else listed)]
    if "Service" in named:
        if names != [CLOUDTRAIL] or not rule.service:
            raise PolicyError(f"The Principal of statement {number} is not allowed in the policy of this resource.")
        _check_actions(statement, number, rule.service)
        _check_service_conditions(statement, number)
        return
    if not rule.principals:
        raise PolicyError(f"The Principal of statement {number} must be the service {CLOUDTRAIL}.")
    if rule.most_principals is not None and len(names) > rule.most_principals:
        raise PolicyError(f"Statement {number} has {len(names)} principals; at most {rule.most_principals} are allowed.")
    _check_actions(statement, number, rule.principals)
    for operator, key, _ in statement.conditions:
        if key.lower() == "cloudtrail:externalid" and operator != "StringEquals":
            raise PolicyError(f"The condition key cloudtrail:ExternalId of statement {number} takes the operator StringEquals.")


def _check_actions(statement: Statement, number: int, allowed: Sequence[str]) -> None:
    known = {action.lower() for action in allowed}
    for action in statement.actions:
        if action.lower() not in known:
            raise PolicyError(f"The action {action} of statement {number} is not allowed: use {', '.join(allowed)}.")


def _check_service_conditions(statement: Statement, number: int) -> None:
    for _, key, _ in statement.conditions:
        if key.lower() not in _OF_THE_SERVICE:
            raise PolicyError(f"The condition key {key} of statement {number} is not allowed: use AWS:SourceArn and AWS:SourceAccount.")


def for_delegates(arn: str, account_ids: Sequence[str]) -> str | None:
    """The policy that an organization store has besides its own; `None` where nobody is delegated."""
    if not account_ids:
        return None
    partition = arn.split(":")[1]
    principals = [f"arn:{partition}:iam::{account_id}:root" for account_id in account_ids]
    statement = {
        "Sid": "DelegatedAdministrators",
        "Effect": "Allow",
        "Principal": {"AWS": principals[0] if len(principals) == 1 else principals},
        "Action": list(DELEGATED),
        "Resource": arn,
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]}, separators=(",", ":"))


def together(first: str | None, second: str | None) -> str | None:
    """One policy that says what both say: statements of `second` with the version of `first`."""
    if first is None or second is None:
        return first or second
    document: dict[str, Any] = json.loads(first)
    statements = [one for policy in (document, json.loads(second)) for one in _listed(policy["Statement"])]
    kept = [{name: value for name, value in one.items() if name != "Sid"} for one in statements]  # the ids of the two may be the same
    return json.dumps({**document, "Statement": kept}, separators=(",", ":"))


def _listed(statements: Any) -> list[dict[str, Any]]:
    return [statements] if isinstance(statements, dict) else list(statements)
