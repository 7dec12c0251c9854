"""AssumeRoleWithWebIdentity: a role for somebody who brings a token of an OpenID Connect provider."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from opentrail.api.call import Call, Need, Result
from opentrail.api.sts.roles import DEFAULT_DURATION, account_of, refused, require_duration, require_role, role_needs, session_of
from opentrail.api.sts.terms import Inherited, Wanted, terms
from opentrail.identity import Identities, Principal, web_identity
from opentrail.identity.entities import Entity
from opentrail.identity.faults import InvalidIdentityToken, InvalidParameterValue
from opentrail.identity.issuers import Issuers
from opentrail.identity.web_identity import WebIdentity


class AssumeRoleWithWebIdentity:
    """See the module."""

    def __init__(self, identities: Identities, issuers: Issuers) -> None:
        self._identities = identities
        self._issuers = issuers
        self.operations: Mapping[str, Callable[[Call], Result]] = {"AssumeRoleWithWebIdentity": self.assume_role_with_web_identity}

    def identify(self, call: Call) -> Principal:
        """The user whom the token names, when the token is to be believed. May ask the issuer for its keys."""
        if call.parameters.get("ProviderId"):
            raise InvalidParameterValue("ProviderId is for OAuth 2.0 access tokens, which are not accepted. Leave it out for an ID token.")
        token: str = call.parameters["WebIdentityToken"]
        issuer, key_id = web_identity.claimed(token)
        provider = self._provider(call, issuer)
        # The URL of the provider is asked, never what the token says.
        keys = self._issuers.keys(provider.details["url"], key_id)
        user = web_identity.verify(token, provider=provider, keys=keys, now=call.time.timestamp())
        return Principal(
            type="WebIdentityUser",
            account_id="",
            principal_id=f"{provider.arn}:{user.audience}:{user.subject}",
            user_name=user.subject,
            identity_provider=provider.arn,
        )

    def needs(self, call: Call) -> Sequence[Need]:
        """The trust policy is asked, with what the token says."""
        provider, user = self._believed(call)
        extra = {**user.context, "aws:FederatedProvider": (provider.arn,)}
        return role_needs(self._identities, call, _wanted(call, user), Inherited(), extra)

    def assume_role_with_web_identity(self, call: Call) -> Result:
        """AssumeRoleWithWebIdentity. Whether the trust policy lets the caller in has been decided by `needs`."""
        provider, user = self._believed(call)
        role = require_role(self._identities, call)
        duration: int = call.parameters.get("DurationSeconds", DEFAULT_DURATION)
        require_duration(duration, role)
        asked = terms(
            self._identities,
            call,
            _wanted(call, user),
            role.account_id,
            federated_provider=provider.arn,
            federated_attributes={f"{user.issuer}:aud": user.audience, f"{user.issuer}:sub": user.subject},
        )
        return {
            **session_of(self._identities, call, role, asked, duration),
            "SubjectFromWebIdentityToken": user.subject,
            "Audience": user.audience,
            "Provider": provider.arn,
        }

    def _believed(self, call: Call) -> tuple[Entity, WebIdentity]:
        """What the token says, of a call whose caller `identify` has named by it."""
        if call.caller.type != "WebIdentityUser":
            raise refused(call)
        token = call.parameters["WebIdentityToken"]
        provider = self._provider(call, web_identity.claimed(token)[0])
        return provider, web_identity.believed(token, provider=provider)

    def _provider(self, call: Call, issuer: str) -> Entity:
        provider = self._identities.oidc_providers.of_issuer(account_of(call.parameters["RoleArn"], ""), issuer)
        if provider is None:
            raise InvalidIdentityToken(f"No OpenIDConnect provider found in your account for {issuer[:255]}")
        return provider


def _wanted(call: Call, user: WebIdentity) -> Wanted:
    return Wanted(
        name=call.parameters["RoleSessionName"],
        tags=user.tags,
        transitive=user.transitive,
        source_identity=user.source_identity,
    )
