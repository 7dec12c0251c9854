"""AssumeRole: a role for somebody who has credentials."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from opentrail.api.call import Call, Need, Result
from opentrail.api.sts import mfa
from opentrail.api.sts.roles import DEFAULT_DURATION, require_duration, require_role, role_needs, session_of
from opentrail.api.sts.terms import Wanted, inherited, terms
from opentrail.identity import Identities
from opentrail.identity.faults import AccessDenied, InvalidParameterValue


class AssumeRole:
    """See the module."""

    def __init__(self, identities: Identities) -> None:
        self._identities = identities
        self.operations: Mapping[str, Callable[[Call], Result]] = {"AssumeRole": self.assume_role}

    def needs(self, call: Call) -> Sequence[Need]:
        """The role's trust policy is asked, with what the request says; an MFA code is looked at here, and spent when it is let in."""
        extra: dict[str, Sequence[str]] = {}
        if call.parameters.get("ExternalId"):
            extra["sts:ExternalId"] = (call.parameters["ExternalId"],)
        if mfa.check(self._identities, call):
            extra["aws:MultiFactorAuthPresent"] = ("true",)
            extra["aws:MultiFactorAuthAge"] = ("0",)
        return role_needs(self._identities, call, _wanted(call), inherited(self._identities, call), extra)

    def assume_role(self, call: Call) -> Result:
        """AssumeRole. Whether the trust policy lets the caller in has been decided by `needs`."""
        caller = call.caller
        if caller.type == "Root":
            raise AccessDenied("Roles may not be assumed by root accounts.")
        if caller.type == "FederatedUser":
            raise AccessDenied("Cannot call AssumeRole with federation token credentials")
        if call.parameters.get("ProvidedContexts"):
            raise InvalidParameterValue("ProvidedContexts are not taken: there is no IAM Identity Center here that asserts them.")
        role = require_role(self._identities, call)
        duration: int = call.parameters.get("DurationSeconds", DEFAULT_DURATION)
        require_duration(duration, role, chained=caller.type == "AssumedRole")
        session = caller.session
        with_mfa = mfa.given(call) is not None or (session is not None and (session.mfa or session.assumed_with_mfa))
        asked = terms(self._identities, call, _wanted(call), role.account_id, assumed_with_mfa=with_mfa)
        mfa.use(self._identities, call)
        return session_of(self._identities, call, role, asked, duration)


def _wanted(call: Call) -> Wanted:
    given = call.parameters
    return Wanted(
        name=given.get("RoleSessionName", ""),
        tags=given.get("Tags", ()),
        transitive=given.get("TransitiveTagKeys", ()),
        source_identity=given.get("SourceIdentity"),
    )
