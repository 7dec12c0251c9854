"""Condition keys of a request: those that follow from the caller, and those that the endpoint and the service know.

Keys are compared without case. What follows from the caller always wins, so no service can be talked into another
`aws:PrincipalArn`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from opentrail.clock import iso_seconds
from opentrail.identity.principals import Principal

Values = Sequence[str]

_PRINCIPAL_TAG = "aws:principaltag/"


def request_context(
    *, source_ip: str, secure: bool, time: datetime, region: str, user_agent: str = "", referer: str | None = None
) -> dict[str, Values]:
    """The global condition keys that come from the request itself."""
    epoch = time.timestamp()
    context: dict[str, Values] = {
        "aws:SourceIp": (source_ip,),
        "aws:SecureTransport": ("true" if secure else "false",),
        "aws:CurrentTime": (iso_seconds(epoch),),
        "aws:EpochTime": (str(int(epoch)),),
        "aws:RequestedRegion": (region,),
        "aws:ViaAWSService": ("false",),
    }
    if user_agent:
        context["aws:UserAgent"] = (user_agent,)
    if referer:
        context["aws:Referer"] = (referer,)
    return context


def canonical_user_id(account_id: str) -> str:
    """The canonical user id of an account, as S3 shows owners: 64 hexadecimal digits, always the same for one account."""
    return hashlib.sha256(b"opentrail canonical user " + account_id.encode()).hexdigest()


class Context:
    """The condition keys of one request, worked out only when a policy asks for one."""

    __slots__ = ("_given", "_lowered", "_owner", "_principal")

    def __init__(self, principal: Principal, given: Mapping[str, Values], resource_account_id: str | None) -> None:
        self._principal = principal
        self._given = given
        self._owner = resource_account_id
        self._lowered: dict[str, Values] | None = None

    def get(self, key: str) -> Values | None:
        """The values of `key` (in lower case), or `None`."""
        if key.startswith(_PRINCIPAL_TAG):
            return _tag(self._principal, key[len(_PRINCIPAL_TAG) :])
        of_principal = _OF_PRINCIPAL.get(key)
        if of_principal is not None:
            return of_principal(self._principal)
        if key == "aws:federatedprovider" and (provider := _provider(self._principal)) is not None:
            return (provider,)
        lowered = self._lowered
        if lowered is None:
            lowered = self._lowered = {name.lower(): values for name, values in self._given.items()}
        values = lowered.get(key)
        if values is None and key == "aws:resourceaccount":
            return (self._owner,) if self._owner else None
        if values is None and key == "aws:multifactorauthpresent":
            # The service may know better than the session: AssumeRole with an MFA code.
            return _of_session(_mfa)(self._principal)
        if values is None and key == "aws:multifactorauthage":
            return self._mfa_age()
        return values

    def _mfa_age(self) -> Values | None:
        session = self._principal.session
        now = self.get("aws:epochtime")
        if session is None or not session.mfa or not now:
            return None
        return (str(max(0, int(now[0]) - int(session.created.timestamp()))),)


def _tag(principal: Principal, name: str) -> Values | None:
    """A tag of the caller; session tags hide tags of the role or user."""
    for tags in (principal.session.tags if principal.session else {}, principal.tags):
        for key, value in tags.items():
            if key.lower() == name:
                return (value,)
    return None


def _arn(principal: Principal) -> Values | None:
    if principal.type == "AssumedRole" and principal.session:
        return (principal.session.issuer_arn,)
    return (principal.arn,) if principal.arn else None


def _type(principal: Principal) -> Values | None:
    name = _TYPES.get(principal.type)
    return (name,) if name else None


def _of_session(read: Callable[[Principal], str | None]) -> Callable[[Principal], Values | None]:
    def values(principal: Principal) -> Values | None:
        found = read(principal) if principal.session else None
        return (found,) if found is not None else None

    return values


def _mfa(principal: Principal) -> str | None:
    return "true" if principal.session and principal.session.mfa else "false"


def _issued(principal: Principal) -> str | None:
    return iso_seconds(principal.session.created.timestamp()) if principal.session else None


def _source_identity(principal: Principal) -> str | None:
    return principal.session.source_identity if principal.session else None


def _account(principal: Principal) -> Values | None:
    return (principal.account_id,) if principal.account_id else None


def _user_id(principal: Principal) -> Values | None:
    if principal.type == "Unknown":
        return ("anonymous",)
    return (principal.principal_id,) if principal.principal_id and principal.type != "AWSService" else None


def _user_name(principal: Principal) -> Values | None:
    return (principal.user_name,) if principal.type == "IAMUser" and principal.user_name else None


def _provider(principal: Principal) -> str | None:
    """Who vouched for a role session; of callers that have no session yet only their service knows which provider IAM knows them by."""
    return principal.session.federated_provider if principal.session else None


def _is_service(principal: Principal) -> Values | None:
    return ("true" if principal.type == "AWSService" else "false",)


def _service_name(principal: Principal) -> Values | None:
    return (principal.invoked_by,) if principal.type == "AWSService" and principal.invoked_by else None


_TYPES = {"Root": "Account", "IAMUser": "User", "AssumedRole": "AssumedRole", "FederatedUser": "FederatedUser", "Unknown": "Anonymous"}

_OF_PRINCIPAL: dict[str, Callable[[Principal], Values | None]] = {
    "aws:principalarn": _arn,
    "aws:principalaccount": _account,
    "aws:principaltype": _type,
    "aws:userid": _user_id,
    "aws:username": _user_name,
    "aws:principalisawsservice": _is_service,
    "aws:principalservicename": _service_name,
    "aws:principalservicenameslist": _service_name,
    "aws:tokenissuetime": _of_session(_issued),
    "aws:sourceidentity": _of_session(_source_identity),
}
