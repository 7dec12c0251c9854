"""MFA devices."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import segno

from opentrail.api.call import Call, Result
from opentrail.api.iam import paging, shapes
from opentrail.api.iam.caller import Operation, named_user
from opentrail.identity import Identities, totp
from opentrail.identity.entities import checked_tags, instant
from opentrail.identity.faults import InvalidInput, NoSuchEntity
from opentrail.identity.mfa import MfaDevice

PIXELS = 5
"""Pixels of the QR code for each of its modules."""


def create_virtual_mfa_device(identities: Identities, call: Call) -> Result:
    """CreateVirtualMFADevice: the only answer that shows the seed."""
    given = call.parameters
    name = given["VirtualMFADeviceName"]
    tags = checked_tags(given.get("Tags", ()))
    device, seed = identities.mfa_devices.create(call.account_id, name, path=given.get("Path", "/"), tags=tags)
    account = identities.accounts.alias(call.account_id) or call.account_id
    image = io.BytesIO()
    segno.make(totp.address(name, account, seed), error="m", micro=False).save(image, kind="png", scale=PIXELS)
    shown = {"SerialNumber": device.serial_number, "Base32StringSeed": seed.encode(), "QRCodePNG": image.getvalue()}
    return {"VirtualMFADevice": shown | ({"Tags": shapes.tags(tags)} if tags else {})}


def delete_virtual_mfa_device(identities: Identities, call: Call) -> None:
    """DeleteVirtualMFADevice"""
    identities.mfa_devices.delete(call.account_id, call.parameters["SerialNumber"])


def enable_mfa_device(identities: Identities, call: Call) -> None:
    """EnableMFADevice"""
    given = call.parameters
    identities.mfa_devices.enable(call.account_id, _owner(call), given["SerialNumber"], *_codes(call))


def resync_mfa_device(identities: Identities, call: Call) -> None:
    """ResyncMFADevice"""
    identities.mfa_devices.resync(call.account_id, _owner(call), call.parameters["SerialNumber"], *_codes(call))


def deactivate_mfa_device(identities: Identities, call: Call) -> None:
    """DeactivateMFADevice"""
    identities.mfa_devices.deactivate(call.account_id, _owner(call), call.parameters["SerialNumber"])


def get_mfa_device(identities: Identities, call: Call) -> Result:
    """GetMFADevice"""
    device = identities.mfa_devices.get(call.account_id, call.parameters["SerialNumber"])
    name = call.parameters.get("UserName")
    if name is not None and (device.user is None or device.user.name != name):
        raise NoSuchEntity(f"MFA Device {device.serial_number} is not assigned to {name}.")
    shown: dict[str, Any] = {"SerialNumber": device.serial_number}
    if device.user is not None:
        shown["UserName"] = device.user.name
    if device.enabled is not None:
        shown["EnableDate"] = device.enabled
    return shown


def list_mfa_devices(identities: Identities, call: Call) -> Result:
    """ListMFADevices"""
    name = _owner(call)

    def shown(device: MfaDevice) -> dict[str, Any]:
        return {"UserName": name or call.account_id, "SerialNumber": device.serial_number, "EnableDate": device.enabled}

    return paging.paged(call, "MFADevices", identities.mfa_devices.of_user(call.account_id, name), shown)


def list_virtual_mfa_devices(identities: Identities, call: Call) -> Result:
    """ListVirtualMFADevices"""
    wanted = {"Assigned": True, "Unassigned": False}.get(call.parameters.get("AssignmentStatus", "Any"))
    created = instant(identities.accounts.created(call.account_id))

    def shown(device: MfaDevice) -> dict[str, Any]:
        found: dict[str, Any] = {"SerialNumber": device.serial_number}
        if device.enabled is not None:
            found["EnableDate"] = device.enabled
        if device.user is not None:
            found["User"] = shapes.user(device.user, whole=False)
        elif device.owner_id is not None:
            arn = f"arn:aws:iam::{call.account_id}:root"
            found["User"] = {"Path": "/", "UserName": "", "UserId": call.account_id, "Arn": arn, "CreateDate": created}
        return found

    return paging.paged(call, "VirtualMFADevices", identities.mfa_devices.list(call.account_id, assigned=wanted), shown)


def tag_mfa_device(identities: Identities, call: Call) -> None:
    """TagMFADevice"""
    identities.mfa_devices.tag(call.account_id, call.parameters["SerialNumber"], checked_tags(call.parameters["Tags"]))


def untag_mfa_device(identities: Identities, call: Call) -> None:
    """UntagMFADevice"""
    identities.mfa_devices.untag(call.account_id, call.parameters["SerialNumber"], call.parameters["TagKeys"])


def list_mfa_device_tags(identities: Identities, call: Call) -> Result:
    """ListMFADeviceTags"""
    device = identities.mfa_devices.get(call.account_id, call.parameters["SerialNumber"])
    return paging.paged(call, "Tags", shapes.tags(device.tags), dict)


def _owner(call: Call) -> str | None:
    """The user that is named. The root user, which has no name, is named by the account id, and only by itself."""
    name = named_user(call)
    return None if name == call.account_id and call.caller.type == "Root" else name


def _codes(call: Call) -> tuple[str, str]:
    first, second = call.parameters["AuthenticationCode1"], call.parameters["AuthenticationCode2"]
    if first == second:
        raise InvalidInput("The two authentication codes must be consecutive codes of the device, not the same one twice.")
    return first, second


OPERATIONS: Mapping[str, Operation] = {
    "CreateVirtualMFADevice": create_virtual_mfa_device,
    "DeleteVirtualMFADevice": delete_virtual_mfa_device,
    "EnableMFADevice": enable_mfa_device,
    "ResyncMFADevice": resync_mfa_device,
    "DeactivateMFADevice": deactivate_mfa_device,
    "GetMFADevice": get_mfa_device,
    "ListMFADevices": list_mfa_devices,
    "ListVirtualMFADevices": list_virtual_mfa_devices,
    "TagMFADevice": tag_mfa_device,
    "UntagMFADevice": untag_mfa_device,
    "ListMFADeviceTags": list_mfa_device_tags,
}
