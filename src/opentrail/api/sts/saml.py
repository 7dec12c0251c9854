"""AssumeRoleWithSAML: a role for somebody who brings an assertion of a SAML identity provider."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from opentrail.api.call import Call, Need, Result
from opentrail.api.sts.roles import DEFAULT_DURATION, refused, require_duration, require_role, role_needs, session_of
from opentrail.api.sts.terms import Inherited, Wanted, terms
from opentrail.identity import Identities, Principal, saml
from opentrail.identity.entities import Entity
from opentrail.identity.faults import ExpiredTokenException, InvalidIdentityToken, InvalidInput, NoSuchEntity
from opentrail.identity.saml import SamlUser

SHORTEST = 900
"""Seconds that a session lasts at least."""

_SESSION_NAME = re.compile(r"[\w+=,.@-]{2,64}", re.ASCII)


class AssumeRoleWithSAML:
    """See the module."""

    def __init__(self, identities: Identities) -> None:
        self._identities = identities
        self.operations: Mapping[str, Callable[[Call], Result]] = {"AssumeRoleWithSAML": self.assume_role_with_saml}

    def identify(self, call: Call) -> Principal:
        """The user whom the assertion names, when it is to be believed and gives the user this role."""
        given = call.parameters
        provider = self._provider(call)
        user = saml.verify(given["SAMLAssertion"], provider=provider, now=call.time.timestamp())
        if (given["RoleArn"], given["PrincipalArn"]) not in user.roles:
            raise InvalidIdentityToken("The attribute Role of the assertion does not have this pair of RoleArn and PrincipalArn")
        return Principal(
            type="SAMLUser",
            account_id="",
            principal_id=f"{user.name_qualifier}:{user.subject}",
            user_name=user.subject,
            identity_provider=user.name_qualifier,
        )

    def needs(self, call: Call) -> Sequence[Need]:
        """The trust policy is asked, with what the assertion says."""
        provider, user = self._believed(call)
        extra = {
            "aws:FederatedProvider": (provider.arn,),
            "SAML:aud": (user.audience,),
            "SAML:iss": (user.issuer,),
            "SAML:sub": (user.subject,),
            "SAML:sub_type": (user.subject_type,),
            "SAML:namequalifier": (user.name_qualifier,),
            "SAML:doc": (f"{provider.account_id}/{provider.name}",),
        }
        return role_needs(self._identities, call, _wanted(user), Inherited(), extra)

    def assume_role_with_saml(self, call: Call) -> Result:
        """AssumeRoleWithSAML. Whether the trust policy lets the caller in has been decided by `needs`."""
        provider, user = self._believed(call)
        role = require_role(self._identities, call)
        duration: int = call.parameters.get("DurationSeconds", DEFAULT_DURATION)
        require_duration(duration, role)
        if user.ends is not None:
            duration = min(duration, int(user.ends - call.time.timestamp()))
            if duration < SHORTEST:
                raise ExpiredTokenException("SessionNotOnOrAfter of the assertion ends the session within 15 minutes")
        asked = terms(self._identities, call, _wanted(user), role.account_id, federated_provider=provider.arn)
        return {
            **session_of(self._identities, call, role, asked, duration),
            "Subject": user.subject,
            "SubjectType": user.subject_type,
            "Issuer": user.issuer,
            "Audience": user.audience,
            "NameQualifier": user.name_qualifier,
        }

    def _believed(self, call: Call) -> tuple[Entity, SamlUser]:
        """What the assertion says, of a call whose caller `identify` has named by it."""
        if call.caller.type != "SAMLUser":
            raise refused(call)
        provider = self._provider(call)
        return provider, saml.believed(call.parameters["SAMLAssertion"], provider=provider)

    def _provider(self, call: Call) -> Entity:
        """The provider `PrincipalArn`, of the account of the role."""
        arn: str = call.parameters["PrincipalArn"]
        parts = call.parameters["RoleArn"].split(":", 5)
        try:
            return self._identities.saml_providers.get(parts[4] if len(parts) == 6 else "", arn)
        except (NoSuchEntity, InvalidInput):
            raise InvalidIdentityToken("Specified provider doesn't exist") from None


def _wanted(user: SamlUser) -> Wanted:
    name = user.one("RoleSessionName")
    if name is None:
        raise InvalidIdentityToken("RoleSessionName is required in AuthnResponse")
    if not _SESSION_NAME.fullmatch(name):
        raise InvalidIdentityToken("RoleSessionName of the assertion must be 2 to 64 letters, digits or _+=,.@-")
    return Wanted(
        name=name, tags=user.tags, transitive=user.attributes.get("TransitiveTagKeys", ()), source_identity=user.one("SourceIdentity")
    )
