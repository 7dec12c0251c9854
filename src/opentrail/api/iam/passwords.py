"""Passwords of users, and what the account asks of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opentrail.api.call import Call, Result
from opentrail.api.iam.caller import Operation, named_iam_user
from opentrail.identity import Identities, password_policies
from opentrail.identity.faults import AccessDenied, InvalidInput
from opentrail.identity.password_policies import PasswordPolicy
from opentrail.identity.passwords import LoginProfile


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
    if identities.login_profiles.get(call.account_id, name).locked:
        raise AccessDenied("The password has expired. Ask an administrator for a new one.")
    if not identities.login_profiles.verify(call.account_id, name, given["OldPassword"]):
        raise AccessDenied("The old password was incorrect.")
    identities.login_profiles.update(call.account_id, name, password=given["NewPassword"], reset_required=False)


def get_account_password_policy(identities: Identities, call: Call) -> Result:
    """GetAccountPasswordPolicy: of an account without one of its own (AWS's default policy holds there) there is none to show."""
    policy = identities.password_policies.get(call.account_id)
    if policy is None:
        raise password_policies.missing(call.account_id)
    shown: dict[str, Any] = {
        "MinimumPasswordLength": policy.minimum_length,
        "RequireSymbols": policy.symbols,
        "RequireNumbers": policy.numbers,
        "RequireUppercaseCharacters": policy.uppercase,
        "RequireLowercaseCharacters": policy.lowercase,
        "AllowUsersToChangePassword": policy.users_may_change,
        "ExpirePasswords": policy.max_age > 0,
        "HardExpiry": policy.hard_expiry,
    }
    if policy.max_age:
        shown["MaxPasswordAge"] = policy.max_age
    if policy.remembered:
        shown["PasswordReusePrevention"] = policy.remembered
    return {"PasswordPolicy": shown}


def update_account_password_policy(identities: Identities, call: Call) -> None:
    """UpdateAccountPasswordPolicy: what is left out goes back to its default."""
    given = call.parameters
    identities.password_policies.put(
        call.account_id,
        PasswordPolicy(
            minimum_length=given.get("MinimumPasswordLength", 6),
            symbols=given.get("RequireSymbols", False),
            numbers=given.get("RequireNumbers", False),
            uppercase=given.get("RequireUppercaseCharacters", False),
            lowercase=given.get("RequireLowercaseCharacters", False),
            users_may_change=given.get("AllowUsersToChangePassword", False),
            max_age=given.get("MaxPasswordAge", 0),
            remembered=given.get("PasswordReusePrevention", 0),
            hard_expiry=given.get("HardExpiry", False),
        ),
    )


def delete_account_password_policy(identities: Identities, call: Call) -> None:
    """DeleteAccountPasswordPolicy"""
    identities.password_policies.delete(call.account_id)


OPERATIONS: Mapping[str, Operation] = {
    "CreateLoginProfile": create_login_profile,
    "GetLoginProfile": get_login_profile,
    "UpdateLoginProfile": update_login_profile,
    "DeleteLoginProfile": delete_login_profile,
    "ChangePassword": change_password,
    "GetAccountPasswordPolicy": get_account_password_policy,
    "UpdateAccountPasswordPolicy": update_account_password_policy,
    "DeleteAccountPasswordPolicy": delete_account_password_policy,
}
