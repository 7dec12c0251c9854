"""Users and groups."""

from __future__ import annotations

from collections.abc import Mapping

from opentrail.api.call import Call, Result
from opentrail.api.iam import paging, shapes
from opentrail.api.iam.caller import Operation, named_user
from opentrail.identity import Identities
from opentrail.identity.entities import checked_tags, instant


def create_user(identities: Identities, call: Call) -> Result:
    """CreateUser"""
    given = call.parameters
    user = identities.users.create(
        call.account_id,
        given["UserName"],
        path=given.get("Path", "/"),
        boundary=given.get("PermissionsBoundary"),
        tags=checked_tags(given.get("Tags", ())),
    )
    return {"User": shapes.user(user)}


def get_user(identities: Identities, call: Call) -> Result:
    """GetUser; of the root user when it asks about itself."""
    name = named_user(call)
    if name is None:
        account_id = call.account_id
        created = instant(identities.accounts.created(account_id))
        root = {"Path": "/", "UserName": call.caller.user_name or "", "UserId": account_id, "Arn": call.caller.arn, "CreateDate": created}
        return {"User": root}
    user = identities.users.get(call.account_id, name)
    use = identities.last_uses.get(user.id)
    return {"User": shapes.user(user) | ({} if use is None else {"PasswordLastUsed": use.at})}


def list_users(identities: Identities, call: Call) -> Result:
    """ListUsers"""
    page = identities.users.list(
        call.account_id,
        path_prefix=call.parameters.get("PathPrefix", "/"),
        after=paging.after(call),
        limit=paging.limit_of(call),
    )
    return paging.answer("Users", page, lambda user: shapes.user(user, whole=False), lambda user: user.name)


def update_user(identities: Identities, call: Call) -> None:
    """UpdateUser"""
    given = call.parameters
    identities.users.rename(call.account_id, given["UserName"], new_name=given.get("NewUserName"), new_path=given.get("NewPath"))


def delete_user(identities: Identities, call: Call) -> None:
    """DeleteUser"""
    identities.users.delete(call.account_id, call.parameters["UserName"])


def tag_user(identities: Identities, call: Call) -> None:
    """TagUser"""
    identities.users.tag(call.account_id, call.parameters["UserName"], checked_tags(call.parameters["Tags"]))


def untag_user(identities: Identities, call: Call) -> None:
    """UntagUser"""
    identities.users.untag(call.account_id, call.parameters["UserName"], call.parameters["TagKeys"])


def list_user_tags(identities: Identities, call: Call) -> Result:
    """ListUserTags"""
    user = identities.users.get(call.account_id, call.parameters["UserName"])
    return paging.paged(call, "Tags", shapes.tags(user.tags), dict)


def list_groups_for_user(identities: Identities, call: Call) -> Result:
    """ListGroupsForUser"""
    return paging.paged(call, "Groups", identities.users.groups(call.account_id, call.parameters["UserName"]), shapes.group)


def create_group(identities: Identities, call: Call) -> Result:
    """CreateGroup"""
    group = identities.groups.create(call.account_id, call.parameters["GroupName"], path=call.parameters.get("Path", "/"))
    return {"Group": shapes.group(group)}


def get_group(identities: Identities, call: Call) -> Result:
    """GetGroup: the group and its users."""
    name = call.parameters["GroupName"]
    group = identities.groups.get(call.account_id, name)
    members = identities.groups.members(call.account_id, name)
    return {"Group": shapes.group(group)} | paging.paged(call, "Users", members, lambda user: shapes.user(user, whole=False))


def list_groups(identities: Identities, call: Call) -> Result:
    """ListGroups"""
    page = identities.groups.list(
        call.account_id,
        path_prefix=call.parameters.get("PathPrefix", "/"),
        after=paging.after(call),
        limit=paging.limit_of(call),
    )
    return paging.answer("Groups", page, shapes.group, lambda group: group.name)


def update_group(identities: Identities, call: Call) -> None:
    """UpdateGroup"""
    given = call.parameters
    identities.groups.rename(call.account_id, given["GroupName"], new_name=given.get("NewGroupName"), new_path=given.get("NewPath"))


def delete_group(identities: Identities, call: Call) -> None:
    """DeleteGroup"""
    identities.groups.delete(call.account_id, call.parameters["GroupName"])


def add_user_to_group(identities: Identities, call: Call) -> None:
    """AddUserToGroup"""
    identities.groups.add(call.account_id, call.parameters["GroupName"], call.parameters["UserName"])


def remove_user_from_group(identities: Identities, call: Call) -> None:
    """RemoveUserFromGroup"""
    identities.groups.remove(call.account_id, call.parameters["GroupName"], call.parameters["UserName"])


OPERATIONS: Mapping[str, Operation] = {
    "CreateUser": create_user,
    "GetUser": get_user,
    "ListUsers": list_users,
    "UpdateUser": update_user,
    "DeleteUser": delete_user,
    "TagUser": tag_user,
    "UntagUser": untag_user,
    "ListUserTags": list_user_tags,
    "ListGroupsForUser": list_groups_for_user,
    "CreateGroup": create_group,
    "GetGroup": get_group,
    "ListGroups": list_groups,
    "UpdateGroup": update_group,
    "DeleteGroup": delete_group,
    "AddUserToGroup": add_user_to_group,
    "RemoveUserFromGroup": remove_user_from_group,
}
