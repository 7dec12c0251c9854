"""The second factor, as far as signing in needs it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from opentrail.identity import Identities
from opentrail.identity.faults import AccessDenied
from opentrail.identity.principals import Principal


class MultiFactor(Protocol):
    """The MFA devices of users."""

    def mfa_serials(self, principal: Principal) -> Sequence[str]:
        """Serial numbers (ARNs) of the devices of a user or root user; empty when there is none."""

    def verify(self, principal: Principal, serial: str, code: str) -> bool:
        """Whether this is the code that the device shows now, used for the first time. Takes the same time whether it is or not."""


class UserDevices:
    """The MFA devices that IAM keeps."""

    def __init__(self, identities: Identities) -> None:
        self._devices = identities.mfa_devices

    def mfa_serials(self, principal: Principal) -> Sequence[str]:
        """The devices of a user, or of the root user of an account."""
        name = None if principal.type == "Root" else principal.user_name
        return [device.serial_number for device in self._devices.of_user(principal.account_id, name)]

    def verify(self, principal: Principal, serial: str, code: str) -> bool:
        """Whether the code is right; it is spent then."""
        try:
            self._devices.use(principal.account_id, principal.principal_id, serial, code)
        except AccessDenied:
            return False
        return True


def mfa_type(serials: Sequence[str]) -> str:
    """`MfaType` of a `CheckMfa` record."""
    if len(serials) > 1:
        return "Multiple MFA Devices"
    return "U2F MFA" if ":u2f/" in serials[0] else "Virtual MFA"
