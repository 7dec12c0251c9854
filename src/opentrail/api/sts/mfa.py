"""MFA codes in requests: `SerialNumber` and `TokenCode`."""

from __future__ import annotations

from opentrail.api.call import Call
from opentrail.identity import Identities
from opentrail.identity.faults import AccessDenied


def given(call: Call) -> tuple[str, str] | None:
    """Device and code of a request; `None` when it has neither. Raises `AccessDenied` when it has only one of them."""
    serial, code = call.parameters.get("SerialNumber"), call.parameters.get("TokenCode")
    if not serial and not code:
        return None
    if not serial or not code:
        raise AccessDenied("MultiFactorAuthentication failed, must provide both MFA serial number and one time pass code. ")
    return serial, code


def check(identities: Identities, call: Call) -> bool:
    """Whether the request comes with a right code, which stays unused. Raises `AccessDenied` for a wrong one."""
    found = given(call)
    if found is None:
        return False
    identities.mfa_devices.check(call.caller.account_id, call.caller.principal_id, *found)
    return True


def use(identities: Identities, call: Call) -> bool:
    """Like `check`, and the code is spent: durable on return."""
    found = given(call)
    if found is None:
        return False
    identities.mfa_devices.use(call.caller.account_id, call.caller.principal_id, *found)
    return True
