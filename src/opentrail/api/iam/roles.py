"""Roles, service-linked roles and instance profiles."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opentrail.api.call import Call, Result
from opentrail.api.iam import paging, shapes
from opentrail.api.iam.caller import Operation
from opentrail.identity import Identities
from opentrail.identity.entities import Entity, checked_tags
from opentrail.identity.faults import InvalidInput, NoSuchEntity
from opentrail.identity.roles import DEFAULT_SESSION


def create_role(identities: Identities, call: Call) -> Result:
    """CreateRole"""
    given = call.parameters
    role = identities.roles.create(
        call.account_id,
        given["RoleName"],
        given["AssumeRolePolicyDocument"],
        path=given.get("Path", "/"),
        description=given.get("Description", ""),
        max_session=given.get("MaxSessionDuration", DEFAULT_SESSION),
        boundary=given.get("PermissionsBoundary"),
        tags=checked_tags(given.get("Tags", ())),
    )
    return {"Role": _created(role)}


def _created(role: Entity) -> dict[str, Any]:
    shown = shapes.role(role)
    del shown["RoleLastUsed"]
    return shown


def get_role(identities: Identities, call: Call) -> Result:
    """GetRole"""
    role = identities.roles.get(call.account_id, call.parameters["RoleName"])
    return {"Role": shapes.role(role, last_use=identities.last_uses.get(role.id))}


def list_roles(identities: Identities, call: Call) -> Result:
    """ListRoles"""
    page = identities.roles.list(
        call.account_id,
        path_prefix=call.parameters.get("PathPrefix", "/"),
        after=paging.after(call),
        limit=paging.limit_of(call),
    )
    return paging.answer("Roles", page, lambda role: shapes.role(role, whole=False), lambda role: role.name)


def update_role(identities: Identities, call: Call) -> Result:
    """UpdateRole"""
    given = call.parameters
    identities.roles.update(
        call.account_id, given["RoleName"], description=given.get("Description"), max_session=given.get("MaxSessionDuration")
    )
    return {}


def update_role_description(identities: Identities, call: Call) -> Result:
    """UpdateRoleDescription"""
    role = identities.roles.update(call.account_id, call.parameters["RoleName"], description=call.parameters["Description"])
    return {"Role": _created(role)}


def update_assume_role_policy(identities: Identities, call: Call) -> None:
    """UpdateAssumeRolePolicy"""
    identities.roles.set_trust(call.account_id, call.parameters["RoleName"], call.parameters["PolicyDocument"])


def delete_role(identities: Identities, call: Call) -> None:
    """DeleteRole"""
    identities.roles.delete(call.account_id, call.parameters["RoleName"])


def tag_role(identities: Identities, call: Call) -> None:
    """TagRole"""
    identities.roles.tag(call.account_id, call.parameters["RoleName"], checked_tags(call.parameters["Tags"]))


def untag_role(identities: Identities, call: Call) -> None:
    """UntagRole"""
    identities.roles.untag(call.account_id, call.parameters["RoleName"], call.parameters["TagKeys"])


def list_role_tags(identities: Identities, call: Call) -> Result:
    """ListRoleTags"""
    role = identities.roles.get(call.account_id, call.parameters["RoleName"])
    return paging.paged(call, "Tags", shapes.tags(role.tags), dict)


def create_service_linked_role(identities: Identities, call: Call) -> Result:
    """CreateServiceLinkedRole"""
    given = call.parameters
    role = identities.roles.create_service_linked(
        call.account_id,
        given["AWSServiceName"],
        description=given.get("Description", ""),
        suffix=given.get("CustomSuffix"),
    )
    return {"Role": _created(role)}


def delete_service_linked_role(identities: Identities, call: Call) -> Result:
    """DeleteServiceLinkedRole: done at once, though it is answered like a task."""
    return {"DeletionTaskId": identities.roles.delete_service_linked(call.account_id, call.parameters["RoleName"])}


def get_service_linked_role_deletion_status(identities: Identities, call: Call) -> Result:
    """GetServiceLinkedRoleDeletionStatus: whatever task there was is finished."""
    task: str = call.parameters["DeletionTaskId"]
    parts = task.split("/")
    if len(parts) != 5 or parts[:2] != ["task", "aws-service-role"]:
        raise InvalidInput(f"Invalid deletion task id {task}.")
    try:
        role = identities.roles.get(call.account_id, parts[3])
    except NoSuchEntity:
        return {"Status": "SUCCEEDED"}
    if role.id == parts[4]:
        raise NoSuchEntity(f"The deletion task {task} cannot be found.")
    return {"Status": "SUCCEEDED"}


def create_instance_profile(identities: Identities, call: Call) -> Result:
    """CreateInstanceProfile"""
    given = call.parameters
    profile = identities.instance_profiles.create(
        call.account_id, given["InstanceProfileName"], path=given.get("Path", "/"), tags=checked_tags(given.get("Tags", ()))
    )
    return {"InstanceProfile": shapes.instance_profile(profile, [])}


def get_instance_profile(identities: Identities, call: Call) -> Result:
    """GetInstanceProfile"""
    profile = identities.instance_profiles.get(call.account_id, call.parameters["InstanceProfileName"])
    return {"InstanceProfile": _profile(identities, profile, whole=True)}


def _profile(identities: Identities, profile: Entity, *, whole: bool = False) -> dict[str, Any]:
    roles = [shapes.role(role, whole=False) for role in identities.instance_profiles.roles(profile)]
    return shapes.instance_profile(profile, roles, whole=whole)


def list_instance_profiles(identities: Identities, call: Call) -> Result:
    """ListInstanceProfiles"""
    page = identities.instance_profiles.list(
        call.account_id,
        path_prefix=call.parameters.get("PathPrefix", "/"),
        after=paging.after(call),
        limit=paging.limit_of(call),
    )
    return paging.answer("InstanceProfiles", page, lambda found: _profile(identities, found), lambda found: found.name)


def list_instance_profiles_for_role(identities: Identities, call: Call) -> Result:
    """ListInstanceProfilesForRole"""
    found = identities.instance_profiles.of_role(call.account_id, call.parameters["RoleName"])
    return paging.paged(call, "InstanceProfiles", found, lambda profile: _profile(identities, profile))


def delete_instance_profile(identities: Identities, call: Call) -> None:
    """DeleteInstanceProfile"""
    identities.instance_profiles.delete(call.account_id, call.parameters["InstanceProfileName"])


def add_role_to_instance_profile(identities: Identities, call: Call) -> None:
    """AddRoleToInstanceProfile"""
    identities.instance_profiles.add(call.account_id, call.parameters["InstanceProfileName"], call.parameters["RoleName"])


def remove_role_from_instance_profile(identities: Identities, call: Call) -> None:
    """RemoveRoleFromInstanceProfile"""
    identities.instance_profiles.remove(call.account_id, call.parameters["InstanceProfileName"], call.parameters["RoleName"])


def tag_instance_profile(identities: Identities, call: Call) -> None:
    """TagInstanceProfile"""
    given = call.parameters
    identities.instance_profiles.tag(call.account_id, given["InstanceProfileName"], checked_tags(given["Tags"]))


def untag_instance_profile(identities: Identities, call: Call) -> None:
    """UntagInstanceProfile"""
    identities.instance_profiles.untag(call.account_id, call.parameters["InstanceProfileName"], call.parameters["TagKeys"])


def list_instance_profile_tags(identities: Identities, call: Call) -> Result:
    """ListInstanceProfileTags"""
    profile = identities.instance_profiles.get(call.account_id, call.parameters["InstanceProfileName"])
    return paging.paged(call, "Tags", shapes.tags(profile.tags), dict)


OPERATIONS: Mapping[str, Operation] = {
    "CreateRole": create_role,
    "GetRole": get_role,
    "ListRoles": list_roles,
    "UpdateRole": update_role,
    "UpdateRoleDescription": update_role_description,
    "UpdateAssumeRolePolicy": update_assume_role_policy,
    "DeleteRole": delete_role,
    "TagRole": tag_role,
    "UntagRole": untag_role,
    "ListRoleTags": list_role_tags,
    "CreateServiceLinkedRole": create_service_linked_role,
    "DeleteServiceLinkedRole": delete_service_linked_role,
    "GetServiceLinkedRoleDeletionStatus": get_service_linked_role_deletion_status,
    "CreateInstanceProfile": create_instance_profile,
    "GetInstanceProfile": get_instance_profile,
    "ListInstanceProfiles": list_instance_profiles,
    "ListInstanceProfilesForRole": list_instance_profiles_for_role,
    "DeleteInstanceProfile": delete_instance_profile,
    "AddRoleToInstanceProfile": add_role_to_instance_profile,
    "RemoveRoleFromInstanceProfile": remove_role_from_instance_profile,
    "TagInstanceProfile": tag_instance_profile,
    "UntagInstanceProfile": untag_instance_profile,
    "ListInstanceProfileTags": list_instance_profile_tags,
}
