"""MFA delete: the root user's device has to agree before a version is removed for good or the versioning of the bucket changes."""

from __future__ import annotations

from typing import Protocol

from opentrail.buckets.faults import AccessDenied, InvalidArgument
from opentrail.wire.faults import Fault


class Devices(Protocol):
    """The MFA devices that IAM keeps."""

    def use(self, account_id: str, owner_id: str, serial_number: str, code: str) -> None:
        """Use up a code of a device of `owner_id`: a user, or the account itself for its root user. Raises a fault when it is wrong."""


class MfaDelete:
    """Checks `x-amz-mfa` headers; without `devices` no code is right."""

    def __init__(self, devices: Devices | None) -> None:
        self._devices = devices

    def check(self, account_id: str, header: str | None) -> None:
        """`header` is serial number and code, a space between them; the code is spent then.

        Raises `AccessDenied` when it is missing or wrong, `InvalidArgument` when it has another form.
        """
        if header is None:
            raise AccessDenied("Mfa Authentication must be used for this request")
        serial_number, space, code = header.strip().rpartition(" ")
        if not space or not code.isdecimal():
            raise InvalidArgument("The header x-amz-mfa takes the serial number and the code of the device.", ArgumentName="x-amz-mfa")
        try:
            if self._devices is not None:
                self._devices.use(account_id, account_id, serial_number.strip(), code)
                return
        except Fault:
            pass
        raise AccessDenied("Mfa Authentication must be used for this request")
