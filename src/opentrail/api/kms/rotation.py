"""Rotation: EnableKeyRotation, DisableKeyRotation, GetKeyRotationStatus, ListKeyRotations, RotateKeyOnDemand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opentrail.api.call import Call, Result
from opentrail.api.kms import pages, shapes
from opentrail.api.kms.naming import Operation, key_of
from opentrail.kms import KeyManagement
from opentrail.kms.rotation import rotatable


class RotationOperations:
    """One handler for each operation on rotation."""

    def __init__(self, kms: KeyManagement) -> None:
        self._kms = kms
        self.operations: Mapping[str, Operation] = {
            "EnableKeyRotation": self.enable_key_rotation,
            "DisableKeyRotation": self.disable_key_rotation,
            "GetKeyRotationStatus": self.get_key_rotation_status,
            "ListKeyRotations": self.list_key_rotations,
            "RotateKeyOnDemand": self.rotate_key_on_demand,
        }

    def enable_key_rotation(self, call: Call) -> None:
        self._kms.rotations.enable(key_of(self._kms, call), call.parameters.get("RotationPeriodInDays"))

    def disable_key_rotation(self, call: Call) -> None:
        self._kms.rotations.disable(key_of(self._kms, call))

    def get_key_rotation_status(self, call: Call) -> Result:
        key = key_of(self._kms, call)
        rotatable(key)
        rotation = key.rotation
        if rotation is None or key.state == "PendingDeletion":
            return {"KeyRotationEnabled": False, "KeyId": key.key_id}
        shown: dict[str, Any] = {"KeyRotationEnabled": True, "KeyId": key.key_id, "RotationPeriodInDays": rotation.days}
        return shown | {"NextRotationDate": shapes.instant(rotation.due)}

    def list_key_rotations(self, call: Call) -> Result:
        page = pages.asked(call, default=100, most=1000)
        key = key_of(self._kms, call)
        rotatable(key)
        all_of_them = call.parameters.get("IncludeKeyMaterial") == "ALL_KEY_MATERIAL"
        found = [item for item in self._kms.rotations.materials(key) if all_of_them or item.rotation is not None]
        return pages.whole("Rotations", found, page, lambda item: shapes.material(item, key), lambda item: f"{item.number:010}")

    def rotate_key_on_demand(self, call: Call) -> Result:
        key = key_of(self._kms, call)
        self._kms.rotations.on_demand(key)
        return {"KeyId": key.key_id}
