"""PutResourcePolicy, GetResourcePolicy, DeleteResourcePolicy (reference of Lake, §4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from opentrail.api.call import Call, Handler, Need
from opentrail.api.cloudtrail.lake_needs import LakeNeeds
from opentrail.lake.stores.resource_policies import Policies, ResourcePolicies


class ResourcePolicyOperations:
    """The policies of event data stores, and of every kind of resource that has joined."""

    def __init__(self, policies: ResourcePolicies, needs: LakeNeeds) -> None:
        self._policies = policies
        self._needs = needs
        self.operations: Mapping[str, Handler] = {
            "PutResourcePolicy": self.put,
            "GetResourcePolicy": self.get,
            "DeleteResourcePolicy": self.delete,
        }

    def needs(self, call: Call) -> Sequence[Need]:
        """The action on the resource; what is no ARN of one is for the handler to refuse."""
        action, arn = f"cloudtrail:{call.operation}", call.parameters["ResourceArn"]
        return [self._needs.of_arn(call, action, arn) or Need(action=action, resource=arn)]

    def put(self, call: Call) -> Mapping[str, Any]:
        arn, text = call.parameters["ResourceArn"], call.parameters["ResourcePolicy"]
        return _shown(arn, self._policies.put(call.account_id, call.region, arn, text))

    def get(self, call: Call) -> Mapping[str, Any]:
        arn = call.parameters["ResourceArn"]
        return _shown(arn, self._policies.get(call.account_id, call.region, arn))

    def delete(self, call: Call) -> Mapping[str, Any]:
        self._policies.delete(call.account_id, call.region, call.parameters["ResourceArn"])
        return {}


def _shown(arn: str, found: Policies) -> dict[str, Any]:
    texts = {"ResourcePolicy": found.own, "DelegatedAdminResourcePolicy": found.delegated}
    return {"ResourceArn": arn, **{name: text for name, text in texts.items() if text is not None}}
