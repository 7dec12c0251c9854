"""Which policies give access to a service."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from opentrail.api.call import Call, Result
from opentrail.api.iam.caller import Operation
from opentrail.api.iam.sources import Source, entity_of, sources
from opentrail.identity import Identities
from opentrail.identity.policies import grammar


def list_policies_granting_service_access(identities: Identities, call: Call) -> Result:
    """ListPoliciesGrantingServiceAccess"""
    found = sources(identities, entity_of(identities, call.account_id, call.parameters["Arn"]))
    listed = [
        {"ServiceNamespace": namespace, "Policies": _granting(found, namespace)} for namespace in call.parameters["ServiceNamespaces"]
    ]
    return {"PoliciesGrantingServiceAccess": listed, "IsTruncated": False}


def _granting(found: Sequence[Source], namespace: str) -> list[dict[str, Any]]:
    return [_shown(source) for source in found if any(_grants(one, namespace.lower()) for one in grammar.read(source.document).statements)]


def _grants(statement: grammar.Statement, namespace: str) -> bool:
    actions = [action.lower() for action in statement.actions]
    everything = {"*", "*:*", f"{namespace}:*"}
    if statement.effect != "Allow":
        return False
    if statement.not_action:
        return not everything & set(actions)
    return any(action in everything or action.partition(":")[0] == namespace for action in actions)


def _shown(source: Source) -> dict[str, Any]:
    if source.arn is not None:
        return {"PolicyName": source.name, "PolicyType": "MANAGED", "PolicyArn": source.arn}
    return {
        "PolicyName": source.name,
        "PolicyType": "INLINE",
        "EntityType": source.owner.kind.upper(),
        "EntityName": source.owner.name,
    }


OPERATIONS: Mapping[str, Operation] = {"ListPoliciesGrantingServiceAccess": list_policies_granting_service_access}
