"""The second factor, as far as signing in needs it. Who keeps the devices is somebody else's affair (`identity/`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from opentrail.identity.principals import Principal


class MultiFactor(Protocol):
    """The MFA devices of users."""

    def mfa_serials(self, principal: Principal) -> Sequence[str]:
        """Serial numbers (ARNs) of the devices of a user or root user; empty when there is none."""

    def verify(self, serial: str, code: str) -> bool:
        """Whether this is the code that the device shows now, used for the first time. Takes the same time whether it is or not."""


class NoDevices:
    """Nobody has a device."""

    def mfa_serials(self, principal: Principal) -> Sequence[str]:
        return ()

    def verify(self, serial: str, code: str) -> bool:
        return False


def mfa_type(serials: Sequence[str]) -> str:
    """`MfaType` of a `CheckMfa` record."""
    if len(serials) > 1:
        return "Multiple MFA Devices"
    return "U2F MFA" if ":u2f/" in serials[0] else "Virtual MFA"
