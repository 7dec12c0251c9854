"""Which permission each operation takes: action, resource ARNs, condition keys (service authorization reference, "AWS Organizations").

What a member of the organization may besides its own affairs comes from two sides: a delegated administrator reads, and the
organization's resource policy grants what it names. Where the resource policy has to decide, it goes along with the need, as the policy
of something that the management account owns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from opentrail.api.call import Call, Need
from opentrail.api.iam.permissions import tag_context
from opentrail.identity.organizations import Organizations, ids
from opentrail.identity.organizations.documents import DELEGABLE_READS, DELEGABLE_WRITES
from opentrail.identity.organizations.tree import SERVICE_CONTROL_POLICY, Standing

_OF_ACCOUNT = {
    "CloseAccount",
    "DeregisterDelegatedAdministrator",
    "DescribeAccount",
    "ListDelegatedServicesForAccount",
    "MoveAccount",
    "RegisterDelegatedAdministrator",
    "RemoveAccountFromOrganization",
}
"""Operations on the account in `AccountId`."""

_TARGETS: Sequence[str] = (
    "RootId",
    "ParentId",
    "OrganizationalUnitId",
    "ChildId",
    "TargetId",
    "SourceParentId",
    "DestinationParentId",
)
"""Members that name a root, a unit or an account."""

_CREATING_WITH_TAGS = {"CreateAccount", "CreateOrganizationalUnit", "CreatePolicy", "InviteAccountToOrganization", "PutResourcePolicy"}

_ON_POLICIES = {"AttachPolicy", "DetachPolicy", "UpdatePolicy", "DeletePolicy", "DescribePolicy", "ListTargetsForPolicy"}
"""Operations that a policy's own type is a condition of."""


def needs(organizations: Organizations, call: Call) -> Sequence[Need]:
    """The permissions that `call` takes. One or two small reads of the state."""
    given = call.parameters
    standing = organizations.standing(call.account_id)
    owner = _owner(standing, call.operation)
    policy = standing.resource_policy if standing is not None and owner is not None else None
    request = tag_context(given.get("Tags", ()))
    if given.get("TagKeys"):
        request["aws:TagKeys"] = tuple(given["TagKeys"])
    request |= _conditions(call)
    actions = [f"organizations:{call.operation}"]
    if given.get("Tags") and call.operation in _CREATING_WITH_TAGS:
        actions.append("organizations:TagResource")
    found: list[Need] = []
    for resource_id, arn in _resources(organizations, call, standing).items():
        tags = {f"aws:ResourceTag/{key}": (value,) for key, value in organizations.tags.of(resource_id).items()} if resource_id else {}
        found += [
            Need(action=action, resource=arn, context=request | tags, resource_policy=policy, resource_account_id=owner)
            for action in actions
        ]
    return found


def _owner(standing: Standing | None, operation: str) -> str | None:
    """The management account, where a member needs its resource policy for this operation."""
    if standing is None or standing.management or standing.resource_policy is None:
        return None
    if operation in DELEGABLE_WRITES or (operation in DELEGABLE_READS - {"DescribeOrganization"} and not standing.delegated):
        return standing.organization.management_account_id
    return None


def _resources(organizations: Organizations, call: Call, standing: Standing | None) -> Mapping[str, str]:
    """Ids and ARNs of what the call is about; `*` when it is about nothing in particular."""
    given = call.parameters
    manager, organization = call.account_id, "*"
    if standing is not None:
        manager, organization = standing.organization.management_account_id, standing.organization.id
    found: dict[str, str] = {}
    if given.get("AccountId") and call.operation in _OF_ACCOUNT:
        found[given["AccountId"]] = ids.target_arn(manager, organization, given["AccountId"])
    if given.get("PolicyId"):
        found[given["PolicyId"]] = ids.policy_arn(manager, organization, SERVICE_CONTROL_POLICY, given["PolicyId"])
    for member in _TARGETS:
        if given.get(member):
            found[given[member]] = ids.target_arn(manager, organization, given[member])
    if given.get("HandshakeId"):
        unknown = ids.arn(manager, "handshake", organization, "*", given["HandshakeId"])
        found[given["HandshakeId"]] = organizations.handshakes.arn(given["HandshakeId"]) or unknown
    if call.operation == "InviteAccountToOrganization" and given["Target"]["Type"] == "ACCOUNT":
        found[given["Target"]["Id"]] = ids.target_arn(manager, organization, given["Target"]["Id"])
    if given.get("ResourceId"):
        found[given["ResourceId"]] = _taggable(manager, organization, given["ResourceId"])
    if call.operation in ("PutResourcePolicy", "DeleteResourcePolicy"):
        found[""] = ids.arn(manager, "resourcepolicy", organization, "*")
    return found or {"": "*"}


def _taggable(manager: str, organization: str, resource_id: str) -> str:
    if resource_id.startswith("rp-"):
        return ids.arn(manager, "resourcepolicy", organization, resource_id)
    if resource_id.startswith("p-"):
        return ids.policy_arn(manager, organization, SERVICE_CONTROL_POLICY, resource_id)
    return ids.target_arn(manager, organization, resource_id)


def _conditions(call: Call) -> dict[str, Sequence[str]]:
    given = call.parameters
    found: dict[str, Sequence[str]] = {}
    if given.get("ServicePrincipal"):
        found["organizations:ServicePrincipal"] = (given["ServicePrincipal"],)
    kind = given.get("PolicyType") or given.get("Type")
    if call.operation in ("ListPolicies", "ListPoliciesForTarget"):
        kind = given["Filter"]
    elif call.operation in _ON_POLICIES:
        kind = SERVICE_CONTROL_POLICY  # the only type there is
    if kind:
        found["organizations:PolicyType"] = (kind,)
    return found
