"""RetireGrant: which grant is meant."""

from __future__ import annotations

from opentrail.api.call import Call
from opentrail.api.kms.naming import named
from opentrail.kms import KeyManagement
from opentrail.kms.faults import NotFoundException
from opentrail.kms.keys import absent
from opentrail.kms.names import check_grant_id
from opentrail.kms.values import Grant, Key
from opentrail.wire.faults import ValidationException


def meant(kms: KeyManagement, call: Call) -> tuple[Grant, Key] | None:
    """The grant that the call is about and its key; `None` when they are not there, in the Region of the call.

    Raises `InvalidGrantTokenException`, `ValidationException`, and the faults of impossible key ids.
    """
    given = call.parameters
    token, by_id = given.get("GrantToken"), given.get("KeyId") is not None and given.get("GrantId") is not None
    if (token is not None) == by_id or (token is not None and (given.get("KeyId") or given.get("GrantId"))):
        raise ValidationException("Specify either GrantToken, or both KeyId and GrantId.")
    if token is not None:
        grant = kms.grants.find(kms.grants.by_token(token))
        key = None if grant is None else kms.keys.by_id(grant.key_id, call.region)
    else:
        check_grant_id(given["GrantId"])
        key = kms.keys.find(named(call))
        grant = None if key is None else kms.grants.find(given["GrantId"], key)
    return None if grant is None or key is None else (grant, key)


def missing(kms: KeyManagement, call: Call) -> NotFoundException:
    """What to say when `meant` finds nothing."""
    if call.parameters.get("KeyId") is not None and kms.keys.find(named(call)) is None:
        return absent(named(call))
    return NotFoundException("The grant is not found: it may have been revoked or retired already.")
