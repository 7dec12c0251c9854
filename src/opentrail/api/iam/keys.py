"""Access keys and passwords."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opentrail.api.call import Call, Result
from opentrail.api.iam import paging
from opentrail.api.iam.caller import Operation, named_iam_user, named_user
from opentrail.identity import Identities
from opentrail.identity.faults import AccessDenied, InvalidInput, NoSuchEntity
from opentrail.identity.keys import AccessKey
from opentrail.identity.passwords import LoginProfile


def create_access_key(identities: Identities, call: Call) -> Result:
    """CreateAccessKey: the only answer that shows the secret."""
    key, secret = identities.access_keys.create(call.account_id, named_user(call))
    return {
        "AccessKey": {
            "UserName": key.user_name or "",
            "AccessKeyId": key.access_key_id,
            "Status": key.status,
            "SecretAccessKey": secret,
            "CreateDate": key.created,
        }
    }


def list_access_keys(identities: Identities, call: Call) -> Result:
    """ListAccessKeys"""
    return paging.paged(call, "AccessKeyMetadata", identities.access_keys.list(call.account_id, named_user(call)), _metadata)


def _metadata(key: AccessKey) -> dict[str, Any]:
    return {"UserName": key.user_name or "", "AccessKeyId": key.access_key_id, "Status": key.status, "CreateDate": key.created}


def update_access_key(identities: Identities, call: Call) -> None:
    """UpdateAccessKey"""
    given = call.parameters
    if given["Status"] == "Expired":
        raise InvalidInput("The status of an access key can be set to Active or Inactive.")
    identities.access_keys.set_status(call.account_id, named_user(call), given["AccessKeyId"], given["Status"])


def delete_access_key(identities: Identities, call: Call) -> None:
    """DeleteAccessKey"""
    identities.access_keys.delete(call.account_id, named_user(call), call.parameters["AccessKeyId"])


def get_access_key_last_used(identities: Identities, call: Call) -> Result:
    """GetAccessKeyLastUsed"""
    key_id = call.parameters["AccessKeyId"]
    owner = identities.access_keys.owner(key_id)
    if owner is None or owner[0] != call.account_id:
        raise AccessDenied(
            f"User: {call.caller.arn} is not authorized to perform: iam:GetAccessKeyLastUsed on resource: access key {key_id}"
        )
    use = identities.last_uses.get(key_id)
    shown: dict[str, Any] = {"ServiceName": "N/A", "Region": "N/A"}
    if use is not None:
        shown = {"LastUsedDate": use.at, "ServiceName": use.service, "Region": use.region}
    return {"UserName": owner[1] or "", "AccessKeyLastUsed": shown}


def create_login_profile(identities: Identities, call: Call) -> Result:
    """CreateLoginProfile"""
    given = call.parameters
    if "Password" not in given:
        raise InvalidInput("A password must be specified.")
    profile = identities.login_profiles.create(
        call.account_id, named_iam_user(call), given["Password"], reset_required=given.get("PasswordResetRequired", False)
    )
    return {"LoginProfile": _profile(profile)}


def get_login_profile(identities: Identities, call: Call) -> Result:
    """GetLoginProfile"""
    return {"LoginProfile": _profile(identities.login_profiles.get(call.account_id, named_iam_user(call)))}


def _profile(profile: LoginProfile) -> dict[str, Any]:
    return {"UserName": profile.user_name, "CreateDate": profile.created, "PasswordResetRequired": profile.reset_required}


def update_login_profile(identities: Identities, call: Call) -> None:
    """UpdateLoginProfile"""
    given = call.parameters
    identities.login_profiles.update(
        call.account_id, given["UserName"], password=given.get("Password"), reset_required=given.get("PasswordResetRequired")
    )


def delete_login_profile(identities: Identities, call: Call) -> None:
    """DeleteLoginProfile"""
    identities.login_profiles.delete(call.account_id, named_iam_user(call))


def change_password(identities: Identities, call: Call) -> None:
    """ChangePassword: by a user, of its own."""
    if call.caller.type != "IAMUser" or call.caller.user_name is None:
        raise AccessDenied("Only IAM Users can change their own password.")
    name, given = call.caller.user_name, call.parameters
    if not identities.login_profiles.verify(call.account_id, name, given["OldPassword"]):
        identities.login_profiles.get(call.account_id, name)
        raise AccessDenied("The old password was incorrect.")
    identities.login_profiles.update(call.account_id, name, password=given["NewPassword"], reset_required=False)


def get_account_password_policy(_identities: Identities, call: Call) -> Result:
    """GetAccountPasswordPolicy: accounts have AWS's default policy, which this operation does not show."""
    raise NoSuchEntity(f"The Password Policy with domain name {call.account_id} cannot be found.")


OPERATIONS: Mapping[str, Operation] = {
    "CreateAccessKey": create_access_key,
    "ListAccessKeys": list_access_keys,
    "UpdateAccessKey": update_access_key,
    "DeleteAccessKey": delete_access_key,
    "GetAccessKeyLastUsed": get_access_key_last_used,
    "CreateLoginProfile": create_login_profile,
    "GetLoginProfile": get_login_profile,
    "UpdateLoginProfile": update_login_profile,
    "DeleteLoginProfile": delete_login_profile,
    "ChangePassword": change_password,
    "GetAccountPasswordPolicy": get_account_password_policy,
}
