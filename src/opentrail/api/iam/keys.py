"""Access keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opentrail.api.call import Call, Result
from opentrail.api.iam import paging
from opentrail.api.iam.caller import Operation, named_user
from opentrail.identity import Identities
from opentrail.identity.faults import AccessDenied, InvalidInput
from opentrail.identity.keys import AccessKey


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


OPERATIONS: Mapping[str, Operation] = {
    "CreateAccessKey": create_access_key,
    "ListAccessKeys": list_access_keys,
    "UpdateAccessKey": update_access_key,
    "DeleteAccessKey": delete_access_key,
    "GetAccessKeyLastUsed": get_access_key_last_used,
}
