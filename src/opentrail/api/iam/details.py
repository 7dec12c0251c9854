"""The whole account at once: GetAccountAuthorizationDetails."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from opentrail.api.call import Call, Result
from opentrail.api.iam import paging, shapes
from opentrail.api.iam.caller import Operation
from opentrail.identity import Identities
from opentrail.identity.attachments import Owner
from opentrail.identity.entities import QUOTAS, Entity
from opentrail.identity.managed_policies import ManagedPolicy

Shown = Callable[[], dict[str, Any]]

_LISTS = ("UserDetailList", "GroupDetailList", "RoleDetailList", "Policies")


def get_account_authorization_details(identities: Identities, call: Call) -> Result:
    """GetAccountAuthorizationDetails: users, groups, roles, policies, one after the other; a page takes what comes next of them."""
    wanted = set(call.parameters.get("Filter") or ("User", "Group", "Role", "LocalManagedPolicy", "AWSManagedPolicy"))
    every: list[tuple[str, Shown]] = []
    if "User" in wanted:
        every += [("UserDetailList", _later(_user, identities, one)) for one in _all(identities.users, call, "user")]
    if "Group" in wanted:
        every += [("GroupDetailList", _later(_group, identities, one)) for one in _all(identities.groups, call, "group")]
    if "Role" in wanted:
        every += [("RoleDetailList", _later(_role, identities, one)) for one in _all(identities.roles, call, "role")]
    for name, scope in (("LocalManagedPolicy", "Local"), ("AWSManagedPolicy", "AWS")):
        if name in wanted:
            every += [("Policies", _later(_policy, identities, one, call.account_id)) for one in _policies(identities, call, scope)]
    page = paging.paged(call, "Items", every, lambda item: (item[0], item[1]()))
    items = page.pop("Items")
    return {name: [shown for kind, shown in items if kind == name] for name in _LISTS} | page


def _later(show: Callable[..., dict[str, Any]], *of: Any) -> Shown:
    return lambda: show(*of)


def _all(room: Any, call: Call, kind: Any) -> Sequence[Entity]:
    found: Sequence[Entity] = room.list(call.account_id, limit=QUOTAS[kind][1]).items
    return found


def _policies(identities: Identities, call: Call, scope: Any) -> Sequence[ManagedPolicy]:
    """The account's own policies; of AWS's those that are in use."""
    limit = QUOTAS["policy"][1]
    return identities.managed_policies.list(call.account_id, scope=scope, only_attached=scope == "AWS", limit=limit).items


def _user(identities: Identities, user: Entity) -> dict[str, Any]:
    groups = [group.name for group in identities.users.groups(user.account_id, user.name)]
    return {
        **shapes.user(user),
        "UserPolicyList": _inline(identities, "user", user),
        "GroupList": groups,
        **_attached(identities, "user", user),
    }


def _group(identities: Identities, group: Entity) -> dict[str, Any]:
    return {**shapes.group(group), "GroupPolicyList": _inline(identities, "group", group), **_attached(identities, "group", group)}


def _role(identities: Identities, role: Entity) -> dict[str, Any]:
    shown = shapes.role(role, last_use=identities.last_uses.get(role.id))
    for name in ("MaxSessionDuration", "Description"):
        shown.pop(name, None)
    profiles = [
        shapes.instance_profile(profile, [shapes.role(role, whole=False)])
        for profile in identities.instance_profiles.of_role(role.account_id, role.name)
    ]
    return {
        **shown,
        "InstanceProfileList": profiles,
        "RolePolicyList": _inline(identities, "role", role),
        **_attached(identities, "role", role),
    }


def _policy(identities: Identities, policy: ManagedPolicy, account_id: str) -> dict[str, Any]:
    versions = identities.managed_policies.versions(account_id, policy.arn)
    shown = shapes.policy(policy)
    shown.pop("Tags", None)
    return {**shown, "PolicyVersionList": [shapes.version(version) for version in versions]}


def _inline(identities: Identities, kind: Owner, owner: Entity) -> list[dict[str, str]]:
    found = identities.attachments.inline(owner.account_id, kind, owner.name)
    return [{"PolicyName": name, "PolicyDocument": shapes.document(document)} for name, document in found]


def _attached(identities: Identities, kind: Owner, owner: Entity) -> dict[str, Any]:
    arns = identities.attachments.attached(owner.account_id, kind, owner.name)
    return {"AttachedManagedPolicies": [{"PolicyName": arn.rpartition("/")[2], "PolicyArn": arn} for arn in arns]}


OPERATIONS: Mapping[str, Operation] = {"GetAccountAuthorizationDetails": get_account_authorization_details}
