"""STS: who am I, and temporary credentials."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from botocore.model import ServiceModel

from opentrail.api.call import Call, Handler, Need, Result
from opentrail.api.iam.permissions import tag_context
from opentrail.api.iam.validation import check
from opentrail.identity import Identities, ids
from opentrail.identity.documents import identity_document
from opentrail.identity.entities import Entity, checked_tags
from opentrail.identity.faults import (
    AccessDenied,
    InvalidInput,
    InvalidParameterValue,
    NoSuchEntity,
    PackedPolicyTooLarge,
    ValidationError,
)
from opentrail.identity.sessions import SessionTerms, TemporaryCredentials

CHAINED_LIMIT = 3600
"""Seconds that a session may last which a session of a role asked for (role chaining)."""

ROOT_LIMIT = 3600
"""Seconds that GetSessionToken and GetFederationToken give the root user at most."""

DEFAULT_USER_SESSION = 43200
"""Seconds of GetSessionToken and GetFederationToken when nothing is said."""

PACKED_LIMIT = 2048
"""Characters of session policies and tags that make 100 % of PackedPolicySize."""

MAX_POLICY_ARNS = 10

NOBODY: Final = '{"Version":"2012-10-17","Statement":[]}'
"""The trust policy of a role that is not there: its absence looks like a refusal, as in AWS."""


class STS:
    """The service `sts`, as `api.call.Service` asks for."""

    name = "sts"

    def __init__(self, identities: Identities, model: ServiceModel) -> None:
        """`model` is botocore's model of STS, whose constraints requests must satisfy."""
        self._identities = identities
        self._model = model
        self.operations: Mapping[str, Handler] = {
            "GetCallerIdentity": self.get_caller_identity,
            "AssumeRole": self.assume_role,
            "GetSessionToken": self.get_session_token,
            "GetFederationToken": self.get_federation_token,
            "GetAccessKeyInfo": self.get_access_key_info,
        }

    def needs(self, call: Call) -> Sequence[Need]:
        """The permissions that `call` takes; for AssumeRole the trust policy of the role goes along."""
        if call.operation in ("GetCallerIdentity", "GetSessionToken"):
            return ()
        if call.operation == "AssumeRole":
            return self._assume_needs(call)
        if call.operation == "GetFederationToken":
            context = tag_context(call.parameters.get("Tags", ()))
            resource = f"arn:aws:sts::{call.account_id}:federated-user/{call.parameters.get('Name', '')}"
            found = [Need(action="sts:GetFederationToken", resource=resource, context=context)]
            if context:
                found.append(Need(action="sts:TagSession", resource=resource, context=context))
            return found
        return (Need(action=f"sts:{call.operation}"),)

    def _assume_needs(self, call: Call) -> Sequence[Need]:
        given = call.parameters
        role_arn: str = given.get("RoleArn", "")
        role = self._role(role_arn)
        trust: str = role.details["trust"] if role is not None else NOBODY
        parts = role_arn.split(":", 5)
        owner = parts[4] if len(parts) == 6 else call.account_id
        inherited = self._transitive(call)
        context = tag_context(given.get("Tags", ()))
        for member, key in (
            ("RoleSessionName", "sts:RoleSessionName"),
            ("ExternalId", "sts:ExternalId"),
            ("SourceIdentity", "sts:SourceIdentity"),
        ):
            if given.get(member):
                context[key] = (given[member],)
        if given.get("TransitiveTagKeys"):
            context["sts:TransitiveTagKeys"] = tuple(given["TransitiveTagKeys"])
        if role is not None:
            for key, value in role.tags.items():
                context[f"aws:ResourceTag/{key}"] = (value,)
                context[f"iam:ResourceTag/{key}"] = (value,)
        actions = ["sts:AssumeRole"]
        if given.get("Tags") or given.get("TransitiveTagKeys") or inherited:
            actions.append("sts:TagSession")
        if given.get("SourceIdentity"):
            actions.append("sts:SetSourceIdentity")
        return [
            Need(action=action, resource=role_arn, context=context, resource_policy=trust, resource_account_id=owner) for action in actions
        ]

    async def get_caller_identity(self, call: Call) -> Result:
        """GetCallerIdentity. Touches nothing but the call, so it runs where it is."""
        caller = call.caller
        return {"UserId": caller.principal_id, "Account": caller.account_id, "Arn": caller.arn}

    def assume_role(self, call: Call) -> Result:
        """AssumeRole. Whether the trust policy lets the caller in has been decided by `needs`."""
        given = self._checked(call)
        if call.caller.type == "Root":
            raise AccessDenied("Roles may not be assumed by root accounts.")
        _refuse_mfa(given)
        role = self._role(given["RoleArn"])
        if role is None:
            raise AccessDenied(f"User: {call.caller.arn} is not authorized to perform: sts:AssumeRole on resource: {given['RoleArn']}")
        duration: int = given.get("DurationSeconds", CHAINED_LIMIT)
        chained = call.caller.session is not None and call.caller.type == "AssumedRole"
        if chained and duration > CHAINED_LIMIT:
            raise ValidationError("The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining")
        if duration > role.details["max_session"]:
            raise ValidationError("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
        terms, packed = self._terms(call, given["RoleSessionName"], given)
        credentials = self._identities.sessions.issue("AssumedRole", role.account_id, role.id, duration=duration, terms=terms)
        answer: dict[str, Any] = {
            "Credentials": _shown(credentials),
            "AssumedRoleUser": {
                "AssumedRoleId": f"{role.id}:{terms.name}",
                "Arn": f"arn:aws:sts::{role.account_id}:assumed-role/{role.name}/{terms.name}",
            },
        }
        if packed is not None:
            answer["PackedPolicySize"] = packed
        if terms.source_identity is not None:
            answer["SourceIdentity"] = terms.source_identity
        return answer

    def get_session_token(self, call: Call) -> Result:
        """GetSessionToken"""
        given = self._checked(call)
        caller = call.caller
        if caller.session is not None or caller.type not in ("IAMUser", "Root"):
            raise AccessDenied("Cannot call GetSessionToken with session credentials")
        _refuse_mfa(given)
        kind: Any = caller.type
        duration = _user_duration(call)
        credentials = self._identities.sessions.issue(kind, caller.account_id, caller.principal_id, duration=duration, terms=SessionTerms())
        return {"Credentials": _shown(credentials)}

    def get_federation_token(self, call: Call) -> Result:
        """GetFederationToken"""
        given = self._checked(call)
        caller = call.caller
        if caller.session is not None or caller.type not in ("IAMUser", "Root"):
            raise AccessDenied("Cannot call GetFederationToken with session credentials")
        terms, packed = self._terms(call, given["Name"], given)
        duration = _user_duration(call)
        credentials = self._identities.sessions.issue(
            "FederatedUser", caller.account_id, caller.principal_id, duration=duration, terms=terms
        )
        answer: dict[str, Any] = {
            "Credentials": _shown(credentials),
            "FederatedUser": {
                "FederatedUserId": f"{caller.account_id}:{terms.name}",
                "Arn": f"arn:aws:sts::{caller.account_id}:federated-user/{terms.name}",
            },
        }
        if packed is not None:
            answer["PackedPolicySize"] = packed
        return answer

    def get_access_key_info(self, call: Call) -> Result:
        """GetAccessKeyInfo: told from the id itself, known here or not."""
        given = self._checked(call)
        account_id = ids.account_of(given["AccessKeyId"])
        if account_id is None:
            raise ValidationError(f"Invalid Access Key ID: {given['AccessKeyId']}")
        return {"Account": account_id}

    def _checked(self, call: Call) -> Mapping[str, Any]:
        check(call.parameters, self._model.operation_model(call.operation).input_shape)
        return call.parameters

    def _role(self, role_arn: str) -> Entity | None:
        parts = role_arn.split(":", 5)
        if len(parts) != 6 or parts[2] != "iam" or not parts[5].startswith("role/"):
            return None
        try:
            role = self._identities.roles.get(parts[4], parts[5].rpartition("/")[2])
        except NoSuchEntity:
            return None
        if role.arn != role_arn or self._identities.organizations.accounts.is_closed(role.account_id):
            return None
        return role

    def _transitive(self, call: Call) -> Mapping[str, str]:
        """Session tags of the caller that go on to the next role."""
        session = call.caller.session
        if session is None or not session.tags:
            return {}
        terms = self._identities.sessions.terms(call.caller.access_key_id)
        keys = {key.lower() for key in terms.transitive} if terms is not None else set()
        return {key: value for key, value in session.tags.items() if key.lower() in keys}

    def _terms(self, call: Call, name: str, given: Mapping[str, Any]) -> tuple[SessionTerms, int | None]:
        """What the session is asked for with, and its PackedPolicySize in percent when policies or tags were given."""
        inherited = self._transitive(call)
        own_tags = _tags(given)
        transitive: Sequence[str] = given.get("TransitiveTagKeys", ())
        _require_transitive(own_tags, transitive, inherited)
        session = call.caller.session
        source = given.get("SourceIdentity")
        if session is not None and session.source_identity is not None:
            if source not in (None, session.source_identity):
                raise AccessDenied("The source identity of a session cannot be changed by role chaining.")
            source = session.source_identity
        policies = [identity_document(given["Policy"])] if given.get("Policy") else []
        tags = {**inherited, **own_tags}
        weight = sum(len(text) for text in policies) + sum(len(key) + len(value) for key, value in tags.items())
        packed = -(-100 * weight // PACKED_LIMIT)
        if packed > 100:
            raise PackedPolicyTooLarge(f"Packed size of session tags and policies consumes {packed}% of allotted space.")
        policies += self._managed_documents(call, given)
        terms = SessionTerms(name=name, policies=policies, tags=tags, transitive=[*inherited, *transitive], source_identity=source)
        return terms, packed if policies or tags else None

    def _managed_documents(self, call: Call, given: Mapping[str, Any]) -> list[str]:
        """The documents behind `PolicyArns`, of the account of the role."""
        arns = given.get("PolicyArns", ())
        if len(arns) > MAX_POLICY_ARNS:
            raise ValidationError(f"The number of session policy ARNs must not exceed {MAX_POLICY_ARNS}.")
        parts = given.get("RoleArn", "").split(":", 5)
        account_id = parts[4] if len(parts) == 6 else call.account_id
        managed = self._identities.managed_policies
        found: list[str] = []
        for item in arns:
            arn = item.get("arn", "")
            try:
                found.append(managed.version(account_id, arn, managed.get(account_id, arn).default_version).document)
            except (NoSuchEntity, InvalidInput) as fault:
                raise InvalidParameterValue(fault.message) from None
        return found


def _tags(given: Mapping[str, Any]) -> dict[str, str]:
    try:
        return checked_tags(given.get("Tags", ()))
    except InvalidInput as fault:
        raise InvalidParameterValue(fault.message) from None


def _require_transitive(own: Mapping[str, str], transitive: Sequence[str], inherited: Mapping[str, str]) -> None:
    """Raises `InvalidParameterValue` when tags clash with those of the calling session, or transitive keys have no tags."""
    own_keys, inherited_keys = {key.lower() for key in own}, {key.lower() for key in inherited}
    if own_keys & inherited_keys:
        raise InvalidParameterValue(
            "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the calling session."
        )
    if not {key.lower() for key in transitive} <= own_keys:
        raise InvalidParameterValue("The specified transitive tag key must be included in the requested tags.")


def _user_duration(call: Call) -> int:
    asked: int = call.parameters.get("DurationSeconds", DEFAULT_USER_SESSION)
    return min(asked, ROOT_LIMIT) if call.caller.type == "Root" else asked


def _refuse_mfa(given: Mapping[str, Any]) -> None:
    """Nobody has an MFA device here, so no code can be right."""
    if given.get("SerialNumber") or given.get("TokenCode"):
        raise AccessDenied("MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial number is valid")


def _shown(credentials: TemporaryCredentials) -> dict[str, Any]:
    return {
        "AccessKeyId": credentials.access_key_id,
        "SecretAccessKey": credentials.secret_access_key,
        "SessionToken": credentials.session_token,
        "Expiration": credentials.expires,
    }
