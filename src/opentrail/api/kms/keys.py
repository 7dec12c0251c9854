"""Keys: CreateKey, DescribeKey, states, deletion."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from opentrail.api.call import Call, Result
from opentrail.api.kms import pages, shapes
from opentrail.api.kms.known import DEFAULT_WINDOW
from opentrail.api.kms.naming import Operation, key_of, managed_service, named
from opentrail.api.kms.policies import lockout_context
from opentrail.api.kms.tags import pairs
from opentrail.kms import KeyManagement, policies, tags
from opentrail.kms.faults import UnsupportedOperationException
from opentrail.kms.keys import MAX_WINDOW, MIN_WINDOW, Wanted
from opentrail.kms.specs import SPECS, SYMMETRIC, Spec, Usage
from opentrail.kms.values import DAY
from opentrail.wire.faults import ValidationException

_UNSERVED: Mapping[str, Any] = {"CustomKeyStoreId": None, "XksKeyId": None, "MultiRegion": False, "Origin": "AWS_KMS"}
"""Parameters of CreateKey that only one value is served of."""


class KeyOperations:
    """One handler for each operation on keys themselves."""

    def __init__(self, kms: KeyManagement) -> None:
        self._kms = kms
        self.operations: Mapping[str, Operation] = {
            "CreateKey": self.create_key,
            "DescribeKey": self.describe_key,
            "ListKeys": self.list_keys,
            "UpdateKeyDescription": self.update_key_description,
            "EnableKey": self.enable_key,
            "DisableKey": self.disable_key,
            "ScheduleKeyDeletion": self.schedule_key_deletion,
            "CancelKeyDeletion": self.cancel_key_deletion,
        }

    def create_key(self, call: Call) -> Result:
        given = call.parameters
        spec, usage = _kind(given)
        wanted = Wanted(
            account_id=call.account_id,
            region=call.region,
            policy=given.get("Policy") or policies.default(call.account_id),
            description=given.get("Description") or "",
            usage=usage,
            spec=spec,
            tags=tags.checked(pairs(given.get("Tags") or ())),
        )
        if given.get("Policy") is not None:
            policy = policies.check(given["Policy"])
            if not given.get("BypassPolicyLockoutSafetyCheck"):
                arn = f"arn:aws:kms:{call.region}:{call.account_id}:key/{wanted.key_id}"
                policies.check_lockout(policy, call.caller, arn, call.account_id, lockout_context(call))
        return {"KeyMetadata": shapes.metadata(self._kms.keys.create(wanted))}

    def describe_key(self, call: Call) -> Result:
        service = managed_service(named(call).alias)
        if service is not None and named(call).account_id == call.account_id:
            return {"KeyMetadata": shapes.metadata(self._kms.keys.ensure_managed(call.account_id, call.region, service))}
        return {"KeyMetadata": shapes.metadata(key_of(self._kms, call))}

    def list_keys(self, call: Call) -> Result:
        page = pages.asked(call, default=100, most=1000)
        found = self._kms.keys.list(call.account_id, call.region, after=page.after, limit=page.read)
        return pages.answer("Keys", found, page, lambda key: {"KeyId": key.key_id, "KeyArn": key.arn}, lambda key: key.key_id)

    def update_key_description(self, call: Call) -> None:
        self._kms.keys.describe(key_of(self._kms, call), call.parameters["Description"])

    def enable_key(self, call: Call) -> None:
        self._kms.keys.enable(key_of(self._kms, call))

    def disable_key(self, call: Call) -> None:
        self._kms.keys.disable(key_of(self._kms, call))

    def schedule_key_deletion(self, call: Call) -> Result:
        days = call.parameters.get("PendingWindowInDays", DEFAULT_WINDOW)
        if not MIN_WINDOW <= days <= MAX_WINDOW:
            raise ValidationException(f"PendingWindowInDays must be between {MIN_WINDOW} and {MAX_WINDOW}, inclusive.")
        key = self._kms.keys.schedule_deletion(key_of(self._kms, call), days)
        deletion = shapes.instant(key.deletion if key.deletion is not None else call.time.timestamp() + days * DAY)
        return {"KeyId": key.arn, "DeletionDate": deletion, "KeyState": key.state, "PendingWindowInDays": days}

    def cancel_key_deletion(self, call: Call) -> Result:
        key = key_of(self._kms, call)
        self._kms.keys.cancel_deletion(key)
        return {"KeyId": key.arn}


def _kind(given: Mapping[str, Any]) -> tuple[Spec, Usage]:
    """Spec and usage of the key that is asked for. Raises `ValidationException`, `UnsupportedOperationException`."""
    for member, served in _UNSERVED.items():
        if given.get(member) not in (None, served):
            raise UnsupportedOperationException(
                f"{member} {given[member]} is not supported: keys are of one Region, and made by OpenTrail."
            )
    if given.get("KeySpec") and given.get("CustomerMasterKeySpec"):
        raise ValidationException("You cannot specify KeySpec and CustomerMasterKeySpec in the same request. Use KeySpec.")
    name = given.get("KeySpec") or given.get("CustomerMasterKeySpec") or SYMMETRIC
    spec = SPECS.get(name)
    if spec is None:
        raise UnsupportedOperationException(f"The key spec {name} is not supported. Supported are {', '.join(SPECS)}.")
    usage = given.get("KeyUsage")
    if usage is None and name != SYMMETRIC:
        raise ValidationException("You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys.")
    usage = usage or "ENCRYPT_DECRYPT"
    if usage not in spec.algorithms:
        raise ValidationException(f"KeyUsage {usage} is not compatible with KeySpec {name}")
    return spec, cast(Usage, usage)
