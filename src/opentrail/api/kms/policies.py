"""Key policies: GetKeyPolicy, PutKeyPolicy, ListKeyPolicies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from opentrail.api.authorisation import is_local
from opentrail.api.call import Call, Result
from opentrail.api.kms.naming import Operation, key_of
from opentrail.identity.policies import request_context
from opentrail.kms import KeyManagement, policies
from opentrail.kms.faults import NotFoundException


class PolicyOperations:
    """One handler for each operation on key policies."""

    def __init__(self, kms: KeyManagement) -> None:
        self._kms = kms
        self.operations: Mapping[str, Operation] = {
            "GetKeyPolicy": self.get_key_policy,
            "PutKeyPolicy": self.put_key_policy,
            "ListKeyPolicies": self.list_key_policies,
        }

    def get_key_policy(self, call: Call) -> Result:
        _check_name(call)
        return {"Policy": key_of(self._kms, call).policy, "PolicyName": policies.NAME}

    def put_key_policy(self, call: Call) -> None:
        _check_name(call)
        given, key = call.parameters, key_of(self._kms, call)
        policy = policies.check(given["Policy"])
        if not given.get("BypassPolicyLockoutSafetyCheck"):
            policies.check_lockout(policy, call.caller, key.arn, key.account_id, lockout_context(call))
        self._kms.keys.put_policy(key, given["Policy"])

    def list_key_policies(self, call: Call) -> Result:
        key_of(self._kms, call)
        return {"PolicyNames": [policies.NAME], "Truncated": False}


def lockout_context(call: Call) -> dict[str, Sequence[str]]:
    """The conditions under which the caller would come back to change the policy: those of this call."""
    context = request_context(
        source_ip=call.source_ip,
        secure=call.secure or is_local(call.source_ip),
        time=call.time,
        region=call.region,
        user_agent=call.user_agent,
    )
    return {**context, "kms:CallerAccount": (call.caller.account_id,)}


def _check_name(call: Call) -> None:
    if call.parameters.get("PolicyName") not in (None, policies.NAME):
        raise NotFoundException(f"No such policy exists: the only one is called {policies.NAME}.")
