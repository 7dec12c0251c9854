"""Records of signing in to the console (`eventType` `AwsConsoleSignIn`, `spec/records.md` §10), in the shapes of delivered files.

What a sign-in event says of its caller depends on how far the caller has been told: the functions below make each `userIdentity`.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

from opentrail.clock import iso_seconds
from opentrail.events import categories
from opentrail.events import record as records
from opentrail.identity.principals import Principal
from opentrail.recorder import limits
from opentrail.recorder.observation import Tls, tls_details
from opentrail.recorder.user_identity import user_identity

SOURCE: Final = "signin.amazonaws.com"
FAILED: Final = "Failed authentication"
NO_SUCH_USER: Final = "No username found in supplied account"
HIDDEN: Final = "HIDDEN_DUE_TO_SECURITY_REASONS"

Name = Literal["ConsoleLogin", "CheckMfa", "GetSigninToken", "SwitchRole", "ExitRole"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInEvent:
    """One step of signing in, and how it ended."""

    name: Name
    identity: Mapping[str, Any]
    """`userIdentity`, by one of the functions below."""
    account_id: str
    """`recipientAccountId`"""
    region: str
    time: float
    source_ip: str
    user_agent: str
    host: str
    error_message: str | None = None
    """Why it failed; `None`: it succeeded. Sign-in events have no `errorCode`."""
    response: Mapping[str, Any] = field(default_factory=dict)
    """`responseElements` before the outcome."""
    additional: Mapping[str, Any] = field(default_factory=dict)
    """`additionalEventData`"""
    tls: Tls | None = None
    event_id: str = field(default_factory=lambda: str(uuid.uuid4()))


def sign_in_event(event: SignInEvent) -> bytes:
    """The record's JSON bytes."""
    record: dict[str, Any] = {
        "eventVersion": records.VERSION,
        "userIdentity": event.identity,
        "eventTime": iso_seconds(event.time),
        "eventSource": SOURCE,
        "eventName": event.name,
        "awsRegion": event.region,
        "sourceIPAddress": event.source_ip,
        "userAgent": limits.cut(event.user_agent),
    }
    if event.error_message is not None:
        record["errorMessage"] = limits.cut(event.error_message)
    record["requestParameters"] = None
    record["responseElements"] = {**event.response, event.name: "Success" if event.error_message is None else "Failure"}
    if event.additional:
        record["additionalEventData"] = limits.printed("additionalEventData", event.additional)
    record["eventID"] = event.event_id
    record["readOnly"] = False
    record["eventType"] = "AwsConsoleSignIn"
    record["managementEvent"] = True
    record["recipientAccountId"] = event.account_id
    record["eventCategory"] = categories.MANAGEMENT
    tls = tls_details(event.tls, event.host)
    if tls:
        record["tlsDetails"] = tls
    return records.encode(record)


def signed_in(principal: Principal) -> dict[str, Any]:
    """A user or root user who has proved to be one."""
    if principal.type == "Root":
        return _root(principal)
    return session_only(principal)


def not_signed_in(principal: Principal) -> dict[str, Any]:
    """A user or root user who is there, before or without the proof: no key and, for users, no ARN."""
    if principal.type == "Root":
        return _root(principal)
    return {
        "type": principal.type,
        "principalId": principal.principal_id,
        "accountId": principal.account_id,
        "accessKeyId": "",
        "userName": principal.user_name,
    }


def unknown_user(account_id: str) -> dict[str, Any]:
    """A user who is not there. The name is not told: it may be a password that went into the wrong field."""
    return {"type": "IAMUser", "accountId": account_id, "accessKeyId": "", "userName": HIDDEN}


def session_only(principal: Principal) -> dict[str, Any]:
    """A session by its name only, without key and context: `SwitchRole`, `ExitRole`."""
    return user_identity(replace(principal, access_key_id="", session=None))


def login_data(*, login_to: str, user_agent: str, mfa_used: bool, mfa_identifier: str | None = None) -> dict[str, str]:
    """`additionalEventData` of `ConsoleLogin`. `MobileVersion` is told from the browser's name."""
    told = {"LoginTo": login_to} if login_to else {}
    told["MobileVersion"] = "Yes" if "Mobile" in user_agent else "No"
    if mfa_identifier:
        told["MFAIdentifier"] = mfa_identifier
    told["MFAUsed"] = "Yes" if mfa_used else "No"
    return told


def _root(principal: Principal) -> dict[str, Any]:
    told = {
        "type": "Root",
        "principalId": principal.account_id,
        "arn": principal.arn,
        "accountId": principal.account_id,
        "accessKeyId": "",
    }
    return told | {"userName": principal.user_name} if principal.user_name else told
