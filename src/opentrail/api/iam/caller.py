"""Operations that mean the caller when no user is named."""

from __future__ import annotations

from collections.abc import Callable

from opentrail.api.call import Call, Result
from opentrail.identity import Identities
from opentrail.identity.faults import ValidationError

Operation = Callable[[Identities, Call], Result]


def named_user(call: Call) -> str | None:
    """`UserName`, or the caller's own name; `None` when the caller is the root user. Raises `ValidationError` for role sessions."""
    name: str | None = call.parameters.get("UserName")
    if name is not None:
        return name
    if call.caller.type == "Root":
        return None
    if call.caller.type == "IAMUser" and call.caller.user_name is not None:
        return call.caller.user_name
    raise ValidationError("Must specify userName when calling with non-User credentials")


def named_iam_user(call: Call) -> str:
    """Like `named_user`, for what the root user does not have. Raises `ValidationError` for root too."""
    name = named_user(call)
    if name is None:
        raise ValidationError("Must specify userName when calling with non-User credentials")
    return name
