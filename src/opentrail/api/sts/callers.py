"""Who calls, and whose key is that?"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from opentrail.api.call import Call, Need, Result
from opentrail.identity import ids
from opentrail.identity.faults import ValidationError


class Callers:
    """GetCallerIdentity and GetAccessKeyInfo."""

    def __init__(self) -> None:
        self.operations: Mapping[str, Callable[[Call], Result]] = {"GetAccessKeyInfo": self.get_access_key_info}

    def needs(self, call: Call) -> Sequence[Need]:
        """One permission for GetAccessKeyInfo; everybody may ask who they are."""
        return (Need(action="sts:GetAccessKeyInfo"),)

    async def get_caller_identity(self, call: Call) -> Result:
        """GetCallerIdentity"""
        return {"UserId": call.caller.principal_id, "Account": call.caller.account_id, "Arn": call.caller.arn}

    def get_access_key_info(self, call: Call) -> Result:
        """GetAccessKeyInfo: told from the id itself, known here or not."""
        key_id = call.parameters["AccessKeyId"]
        account_id = ids.account_of(key_id)
        if account_id is None:
            raise ValidationError(f"Invalid Access Key ID: {key_id}")
        return {"Account": account_id}
