"""Service-specific credentials: user names and passwords for services that do not know access keys (CodeCommit, Keyspaces).

Nothing here accepts them; they are kept as hashes, like passwords, for whoever stands up such a service.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from typing import Any, Final

from opentrail.api.call import Call, Result
from opentrail.api.iam import paging
from opentrail.api.iam.caller import Operation, named_iam_user
from opentrail.identity import Identities, ids
from opentrail.identity.faults import InvalidInput, NotSupportedService
from opentrail.identity.user_items import UserItem

SERVICES = ("codecommit.amazonaws.com", "cassandra.amazonaws.com")
QUOTA = ("ServiceSpecificCredentialsPerUser", 2)
"""For each service."""
KIND: Final = "service-specific-credential"


def create_service_specific_credential(identities: Identities, call: Call) -> Result:
    """CreateServiceSpecificCredential: the only answer, beside that of a reset, that shows the password."""
    given = call.parameters
    service = given["ServiceName"]
    if service not in SERVICES:
        raise NotSupportedService(f"Service {service} does not support service-specific credentials here; these do: {', '.join(SERVICES)}.")
    if given.get("CredentialAgeDays") is not None:
        raise InvalidInput(f"Credentials of {service} do not expire: leave out CredentialAgeDays.")
    present = identities.user_items.list(call.account_id, given["UserName"], KIND)
    number = 1 + sum(item.details["service"] == service for item in present)
    name = f"{given['UserName']}{f'+{number - 1}' if number > 1 else ''}-at-{call.account_id}"
    password = _password()
    details = {"service": service, "user_name": name, "hash": _hash(password)}
    item = identities.user_items.add(call.account_id, given["UserName"], KIND, ids.unique_id("ACCA"), details, quota=QUOTA)
    return {"ServiceSpecificCredential": {**_shown(item), "ServicePassword": password}}


def list_service_specific_credentials(identities: Identities, call: Call) -> Result:
    """ListServiceSpecificCredentials"""
    service = call.parameters.get("ServiceName")
    if call.parameters.get("AllUsers"):
        names = [user.name for user in identities.users.list(call.account_id, limit=5000).items]
    else:
        names = [named_iam_user(call)]
    items = [item for name in names for item in identities.user_items.list(call.account_id, name, KIND)]
    found = [item for item in items if service in (None, item.details["service"])]
    return paging.paged(call, "ServiceSpecificCredentials", found, _shown)


def update_service_specific_credential(identities: Identities, call: Call) -> None:
    """UpdateServiceSpecificCredential"""
    given = call.parameters
    if given["Status"] == "Expired":
        raise InvalidInput("The status of a credential can be set to Active or Inactive.")
    identities.user_items.change(call.account_id, named_iam_user(call), KIND, given["ServiceSpecificCredentialId"], status=given["Status"])


def reset_service_specific_credential(identities: Identities, call: Call) -> Result:
    """ResetServiceSpecificCredential"""
    user, item_id = named_iam_user(call), call.parameters["ServiceSpecificCredentialId"]
    item = identities.user_items.get(call.account_id, user, KIND, item_id)
    password = _password()
    identities.user_items.change(call.account_id, user, KIND, item_id, details={**item.details, "hash": _hash(password)})
    return {"ServiceSpecificCredential": {**_shown(item), "ServicePassword": password}}


def delete_service_specific_credential(identities: Identities, call: Call) -> None:
    """DeleteServiceSpecificCredential"""
    identities.user_items.delete(call.account_id, named_iam_user(call), KIND, call.parameters["ServiceSpecificCredentialId"])


def _password() -> str:
    return secrets.token_urlsafe(33)


def _hash(password: str) -> str:
    # 264 random bits need no slow hash.
    return hashlib.sha256(password.encode()).hexdigest()


def _shown(item: UserItem) -> dict[str, Any]:
    return {
        "CreateDate": item.created,
        "ServiceName": item.details["service"],
        "ServiceUserName": item.details["user_name"],
        "ServiceSpecificCredentialId": item.id,
        "UserName": item.user_name,
        "Status": item.status,
    }


OPERATIONS: Mapping[str, Operation] = {
    "CreateServiceSpecificCredential": create_service_specific_credential,
    "ListServiceSpecificCredentials": list_service_specific_credentials,
    "UpdateServiceSpecificCredential": update_service_specific_credential,
    "ResetServiceSpecificCredential": reset_service_specific_credential,
    "DeleteServiceSpecificCredential": delete_service_specific_credential,
}
