"""Resource policies: put, delete, describe."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opentrail.api.call import Call, Handler, Result
from opentrail.api.logs.group_calls import PAGE, read_token, token
from opentrail.monitoring.logs import LogGroups
from opentrail.monitoring.logs.values import ResourcePolicy


class PolicyOperations:
    """One handler for each operation on resource policies."""

    def __init__(self, logs: LogGroups) -> None:
        self._policies = logs.policies
        self.operations: Mapping[str, Handler] = {
            "PutResourcePolicy": self.put_resource_policy,
            "DeleteResourcePolicy": self.delete_resource_policy,
            "DescribeResourcePolicies": self.describe_resource_policies,
        }

    def put_resource_policy(self, call: Call) -> Result:
        given = call.parameters
        policy = self._policies.put(
            call.account_id,
            call.region,
            given.get("policyName"),
            given.get("policyDocument") or "",
            resource_arn=given.get("resourceArn", ""),
            expected=given.get("expectedRevisionId"),
        )
        return {"resourcePolicy": _described(policy), "revisionId": policy.revision}

    def delete_resource_policy(self, call: Call) -> Result:
        given = call.parameters
        self._policies.delete(
            call.account_id,
            call.region,
            given.get("policyName"),
            resource_arn=given.get("resourceArn", ""),
            expected=given.get("expectedRevisionId"),
        )
        return {}

    def describe_resource_policies(self, call: Call) -> Result:
        given = call.parameters
        after, limit = read_token(given.get("nextToken"), "policies"), given.get("limit", PAGE)
        of_resources = given.get("policyScope") == "RESOURCE" or given.get("resourceArn") is not None
        arn = given.get("resourceArn", "").removesuffix(":*")
        found = [
            policy
            for policy in self._policies.list(call.account_id, call.region)
            if bool(policy.resource_arn) == of_resources and arn in ("", policy.resource_arn) and _place(policy) > after
        ]
        answer: dict[str, Any] = {"resourcePolicies": [_described(policy) for policy in found[:limit]]}
        if len(found) > limit:
            answer["nextToken"] = token(_place(found[limit - 1]), "policies")
        return answer


def _place(policy: ResourcePolicy) -> str:
    return f"{policy.name}\t{policy.resource_arn}"


def _described(policy: ResourcePolicy) -> dict[str, Any]:
    optional = {"policyName": policy.name, "resourceArn": policy.resource_arn}
    return {
        **{name: value for name, value in optional.items() if value},
        "policyDocument": policy.document,
        "lastUpdatedTime": policy.updated,
        "policyScope": "RESOURCE" if policy.resource_arn else "ACCOUNT",
        "revisionId": policy.revision,
    }
