"""Who is told of a call, and how much: the copies for several accounts (`spec/records.md` §8-§9).

Caller and resource in one account: one record. Otherwise each of the two accounts has its own, both with the same `sharedEventID`. The
owner of the resource sees the caller as `AWSAccount`, by its unique id and account only. A refused call is the business of the
caller's account alone, and so is a role that was not assumed; S3 tells the owner of a refusal all the same, and then does not tell the
caller whose bucket it was.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache

from opentrail.identity.principals import Principal
from opentrail.recorder import errors
from opentrail.recorder.observation import Observation


def copies(observation: Observation, owner: str | None, new_id: Callable[[], str]) -> tuple[Observation, ...]:
    """The observation as each account is told of it. `owner` is the account of the resource, if the call was about one; `new_id` makes
    the `sharedEventID`."""
    caller = observation.principal
    s3 = observation.service == "s3"
    if caller.type == "AWSService":
        # A service that calls into an account: that account's one record has a sharedEventID (observed).
        shared = observation.shared_event_id or new_id()
        return (replace(observation, account_id=owner or observation.account_id, shared_event_id=shared),)
    if owner is None or owner == caller.account_id:
        return (observation,)
    if not caller.account_id:
        # Nobody, or somebody whom an identity provider vouches for: there is no other account.
        return (replace(observation, account_id=owner),)
    denied = observation.error_code in errors.DENIALS
    if (denied and not s3) or (observation.error_code and observation.service == "sts"):
        return (observation,)
    shared = new_id()
    told = ("" if denied else owner) if s3 else None
    return (
        replace(observation, shared_event_id=shared, bucket_owner_id=told),
        replace(
            observation,
            account_id=owner,
            principal=stranger(caller.account_id, caller.principal_id),
            shared_event_id=shared,
            bucket_owner_id=owner if s3 else None,
        ),
    )


@lru_cache(maxsize=1024)
def stranger(account_id: str, principal_id: str) -> Principal:
    """A caller as another account sees it."""
    return Principal(type="AWSAccount", account_id=account_id, principal_id=principal_id)
