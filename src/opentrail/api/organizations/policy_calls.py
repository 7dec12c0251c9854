"""Policies: their types, the policies, what they are attached to, and the resource policy."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from opentrail.api.call import Call, Result
from opentrail.api.organizations import paging, shapes
from opentrail.identity.organizations import Organizations
from opentrail.identity.organizations.tags import checked


def enable_policy_type(organizations: Organizations, call: Call) -> Result:
    """EnablePolicyType: done at once."""
    given = call.parameters
    return {"Root": shapes.root(organizations.policies.enable_type(call.account_id, given["RootId"], given["PolicyType"]))}


def disable_policy_type(organizations: Organizations, call: Call) -> Result:
    """DisablePolicyType: done at once."""
    given = call.parameters
    return {"Root": shapes.root(organizations.policies.disable_type(call.account_id, given["RootId"], given["PolicyType"]))}


def create_policy(organizations: Organizations, call: Call) -> Result:
    """CreatePolicy"""
    given = call.parameters
    policy = organizations.policies.create(
        call.account_id,
        kind=given["Type"],
        name=given["Name"],
        description=given["Description"],
        content=given["Content"],
        tagged=checked(given.get("Tags", ())),
    )
    return {"Policy": shapes.policy(policy)}


def update_policy(organizations: Organizations, call: Call) -> Result:
    """UpdatePolicy"""
    given = call.parameters
    policy = organizations.policies.update(
        call.account_id,
        given["PolicyId"],
        name=given.get("Name"),
        description=given.get("Description"),
        content=given.get("Content"),
    )
    return {"Policy": shapes.policy(policy)}


def delete_policy(organizations: Organizations, call: Call) -> None:
    """DeletePolicy"""
    organizations.policies.delete(call.account_id, call.parameters["PolicyId"])


def describe_policy(organizations: Organizations, call: Call) -> Result:
    """DescribePolicy"""
    return {"Policy": shapes.policy(organizations.policies.describe(call.account_id, call.parameters["PolicyId"]))}


def list_policies(organizations: Organizations, call: Call) -> Result:
    """ListPolicies"""
    page = organizations.policies.list(call.account_id, call.parameters["Filter"], **paging.window(call))
    return paging.answer(call, "Policies", page, shapes.summary, lambda policy: policy.id)


def attach_policy(organizations: Organizations, call: Call) -> None:
    """AttachPolicy"""
    organizations.policies.attach(call.account_id, call.parameters["PolicyId"], call.parameters["TargetId"])


def detach_policy(organizations: Organizations, call: Call) -> None:
    """DetachPolicy"""
    organizations.policies.detach(call.account_id, call.parameters["PolicyId"], call.parameters["TargetId"])


def list_policies_for_target(organizations: Organizations, call: Call) -> Result:
    """ListPoliciesForTarget"""
    given = call.parameters
    page = organizations.policies.of_target(call.account_id, given["TargetId"], given["Filter"], **paging.window(call))
    return paging.answer(call, "Policies", page, shapes.summary, lambda policy: policy.id)


def list_targets_for_policy(organizations: Organizations, call: Call) -> Result:
    """ListTargetsForPolicy"""
    page = organizations.policies.targets(call.account_id, call.parameters["PolicyId"], **paging.window(call))
    return paging.answer(call, "Targets", page, shapes.target, lambda target: target.id)


def put_resource_policy(organizations: Organizations, call: Call) -> Result:
    """PutResourcePolicy"""
    given = call.parameters
    policy = organizations.resource_policies.put(call.account_id, given["Content"], tagged=checked(given.get("Tags", ())))
    return {"ResourcePolicy": shapes.resource_policy(policy)}


def describe_resource_policy(organizations: Organizations, call: Call) -> Result:
    """DescribeResourcePolicy"""
    return {"ResourcePolicy": shapes.resource_policy(organizations.resource_policies.describe(call.account_id))}


def delete_resource_policy(organizations: Organizations, call: Call) -> None:
    """DeleteResourcePolicy"""
    organizations.resource_policies.delete(call.account_id)


OPERATIONS: Mapping[str, Callable[[Organizations, Call], Result]] = {
    "EnablePolicyType": enable_policy_type,
    "DisablePolicyType": disable_policy_type,
    "CreatePolicy": create_policy,
    "UpdatePolicy": update_policy,
    "DeletePolicy": delete_policy,
    "DescribePolicy": describe_policy,
    "ListPolicies": list_policies,
    "AttachPolicy": attach_policy,
    "DetachPolicy": detach_policy,
    "ListPoliciesForTarget": list_policies_for_target,
    "ListTargetsForPolicy": list_targets_for_policy,
    "PutResourcePolicy": put_resource_policy,
    "DescribeResourcePolicy": describe_resource_policy,
    "DeleteResourcePolicy": delete_resource_policy,
}
