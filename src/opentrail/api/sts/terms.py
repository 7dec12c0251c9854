"""What a session is asked for with: session policies, tags, source identity; and how it is answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from opentrail.api.call import Call
from opentrail.identity import Identities
from opentrail.identity.documents import identity_document
from opentrail.identity.entities import checked_tags
from opentrail.identity.faults import (
    AccessDenied,
    InvalidInput,
    InvalidParameterValue,
    NoSuchEntity,
    PackedPolicyTooLarge,
    ValidationError,
)
from opentrail.identity.sessions import SessionTerms, TemporaryCredentials

PACKED_LIMIT = 2048
"""Characters of session policies and tags that make 100 % of PackedPolicySize."""

MAX_POLICY_ARNS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a session shall have besides its policies, wherever it was said: in the request, in a token, in an assertion."""

    name: str
    tags: Sequence[Mapping[str, str]] = ()
    transitive: Sequence[str] = ()
    source_identity: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """The terms of a session, and its PackedPolicySize in percent when it has policies or tags."""

    terms: SessionTerms
    packed: int | None = None

    def shown(self, credentials: TemporaryCredentials) -> dict[str, Any]:
        """The part of an answer that follows from them."""
        answer: dict[str, Any] = {
            "Credentials": {
                "AccessKeyId": credentials.access_key_id,
                "SecretAccessKey": credentials.secret_access_key,
                "SessionToken": credentials.session_token,
                "Expiration": credentials.expires,
            }
        }
        if self.packed is not None:
            answer["PackedPolicySize"] = self.packed
        if self.terms.source_identity is not None:
            answer["SourceIdentity"] = self.terms.source_identity
        return answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Inherited:
    """What the calling session hands on to the next one (role chaining)."""

    tags: Mapping[str, str] = field(default_factory=dict)
    source_identity: str | None = None


def inherited(identities: Identities, call: Call) -> Inherited:
    """The transitive tags and the source identity of the caller's session."""
    session = call.caller.session
    if session is None:
        return Inherited()
    tags: Mapping[str, str] = {}
    if session.tags:
        terms = identities.sessions.terms(call.caller.access_key_id)
        keys = {key.lower() for key in terms.transitive} if terms is not None else set()
        tags = {key: value for key, value in session.tags.items() if key.lower() in keys}
    return Inherited(tags=tags, source_identity=session.source_identity)


def terms(identities: Identities, call: Call, wanted: Wanted, account_id: str, **more: Any) -> Terms:
    """Put together what the session is asked for with; `account_id` is where `PolicyArns` are looked for, `more` goes into the terms.

    Raises `InvalidParameterValue`, `MalformedPolicyDocument`, `PackedPolicyTooLarge`, `AccessDenied`.
    """
    handed_on = inherited(identities, call)
    own = tags_of(wanted.tags)
    _require_transitive(own, wanted.transitive, handed_on.tags)
    source = wanted.source_identity
    if handed_on.source_identity is not None:
        if source not in (None, handed_on.source_identity):
            raise AccessDenied("The source identity of a session cannot be changed by role chaining.")
        source = handed_on.source_identity
    given = call.parameters
    policies = [identity_document(given["Policy"])] if given.get("Policy") else []
    tags = {**handed_on.tags, **own}
    weight = sum(len(text) for text in policies) + sum(len(key) + len(value) for key, value in tags.items())
    packed = -(-100 * weight // PACKED_LIMIT)
    if packed > 100:
        raise PackedPolicyTooLarge(f"Packed size of session tags and policies consumes {packed}% of allotted space.")
    policies += _managed_documents(identities, given.get("PolicyArns", ()), account_id)
    made = SessionTerms(
        name=wanted.name,
        policies=policies,
        tags=tags,
        transitive=[*handed_on.tags, *wanted.transitive],
        source_identity=source,
        **more,
    )
    return Terms(terms=made, packed=packed if policies or tags else None)


def tags_of(tags: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """Session tags of a request. Raises `InvalidParameterValue`."""
    try:
        return checked_tags(tags)
    except InvalidInput as fault:
        raise InvalidParameterValue(fault.message) from None


def _require_transitive(own: Mapping[str, str], transitive: Sequence[str], handed_on: Mapping[str, str]) -> None:
    """Raises `InvalidParameterValue` when tags clash with those of the calling session, or transitive keys have no tags."""
    own_keys = {key.lower() for key in own}
    if own_keys & {key.lower() for key in handed_on}:
        raise InvalidParameterValue(
            "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the calling session."
        )
    if not {key.lower() for key in transitive} <= own_keys:
        raise InvalidParameterValue("The specified transitive tag key must be included in the requested tags.")


def _managed_documents(identities: Identities, arns: Sequence[Mapping[str, str]], account_id: str) -> list[str]:
    if len(arns) > MAX_POLICY_ARNS:
        raise ValidationError(f"The number of session policy ARNs must not exceed {MAX_POLICY_ARNS}.")
    managed = identities.managed_policies
    found: list[str] = []
    for item in arns:
        arn = item.get("arn", "")
        try:
            found.append(managed.version(account_id, arn, managed.get(account_id, arn).default_version).document)
        except (NoSuchEntity, InvalidInput) as fault:
            raise InvalidParameterValue(fault.message) from None
    return found
