"""Signing in with a password, or as root with the root access key: `ConsoleLogin`, and `CheckMfa` where a second factor is asked for.

What does not fit (account, user, password, MFA code) is never told: the answer is the same, and it takes the same time. The record tells
it to the account.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, replace
from typing import Any, Final

import msgspec
import orjson

from opentrail.api.signin.multi_factor import MultiFactor, mfa_type
from opentrail.api.signin.visit import GLOBAL_REGION, Done, Turned, Visit, told
from opentrail.identity import Identities
from opentrail.identity.faults import NoSuchEntity
from opentrail.identity.principals import Principal
from opentrail.identity.sessions import SessionTerms, TemporaryCredentials
from opentrail.recorder import sign_in as records

CONSOLE_SESSION: Final = 43200
"""Seconds that a sign-in lasts: 12 hours, as in AWS."""
RESET_SESSION: Final = 900
"""Seconds that somebody who must change the password first has for it."""
RESET_ONLY: Final = orjson.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": ["iam:ChangePassword", "iam:GetAccountPasswordPolicy", "iam:GetUser"], "Resource": "*"}
        ],
    }
).decode()
"""Session policy of who must change the password first."""
MOST_NAME: Final = 128
MOST_PASSWORD: Final = 1024
"""Characters; what is longer cannot be right."""

_NOT_RIGHT: Final = "Signing in failed: account, name, password, key or MFA code are not right."


class Credentials(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """The body of `POST /_opentrail/signin`: `userName` and `password`, or `accessKeyId` and `secretAccessKey` of the root user."""

    account: str = ""
    """Account id or alias; empty: the default account."""
    user_name: str | None = None
    password: str | None = None
    access_key_id: str | None = None
    secret_access_key: str | None = None
    mfa_code: str = ""
    login_to: str = "/"
    """The page that the person wants to see."""
    region: str = ""
    """Whose Regional sign-in endpoint is meant; empty: the one of the host, else the global one."""

    def __post_init__(self) -> None:
        by_name = self.user_name is not None and self.password is not None
        by_key = self.access_key_id is not None and self.secret_access_key is not None
        other = (self.access_key_id, self.secret_access_key) if by_name else (self.user_name, self.password)
        if not (by_name or by_key) or other != (None, None):
            raise ValueError("give userName and password, or accessKeyId and secretAccessKey of the root user")

    @property
    def subject(self) -> str:
        """For whom the attempt is, whether there is such a person or not."""
        return f"{self.account.lower()}/{'' if self.user_name is None else 'user ' + self.user_name.lower()}"


@dataclass(frozen=True, slots=True)
class _Proof:
    """Who it is said to be, and whether the first factor was right."""

    principal: Principal
    right: bool
    reset_required: bool = False


class PasswordSignIn:
    """Checks people; see the module."""

    def __init__(
        self,
        *,
        identities: Identities,
        multi_factor: MultiFactor,
        account_id: str,
        regions: frozenset[str],
    ) -> None:
        """`account_id` is the default account: there attempts are recorded that name no account of ours."""
        self._identities = identities
        self._multi_factor = multi_factor
        self._account_id = account_id
        self._regions = regions

    def sign_in(self, given: Credentials, visit: Visit, *, throttled: bool) -> Done:
        """One attempt. When it is one too many (`throttled`) nothing is checked, but it is recorded all the same. Blocks."""
        if given.region and given.region not in self._regions:
            raise Turned(400, "InvalidRegion", f"There is no Region {given.region[:64]!r}.")
        login_to = visit.absolute(visit.own_page(given.login_to))
        named = self._identities.accounts.named(given.account) if given.account else self._account_id
        account_id = named or self._account_id
        visit = replace(visit, region=GLOBAL_REGION if given.user_name is None else given.region or visit.region)
        proof = self._root(given, named, throttled) if given.user_name is None else self._user(given, named, throttled)
        made: list[bytes] = []
        principal = None if proof is None else proof.principal
        serials = self._multi_factor.mfa_serials(principal) if proof is not None and proof.right and principal is not None else ()
        serial: str | None = None
        code = given.mfa_code[:MOST_NAME]
        if serials and principal is not None:
            serial = next((one for one in serials if code and self._multi_factor.verify(principal, one, code)), None)
            asked = records.not_signed_in(principal)
            made.append(visit.event("CheckMfa", asked, account_id, additional={"MfaType": mfa_type(serials)}))
        good = proof is not None and proof.right and (serial is not None or not serials)
        data = records.login_data(
            login_to=login_to, user_agent=visit.user_agent, mfa_used=bool(serials and code), mfa_identifier=serial if good else None
        )
        if proof is None or not good:
            identity = records.unknown_user(account_id) if proof is None else records.not_signed_in(proof.principal)
            why = records.NO_SUCH_USER if proof is None else records.FAILED
            made.append(visit.event("ConsoleLogin", identity, account_id, error_message=why, additional=data))
            answer = TOO_MANY if throttled else told(401, {"code": "AuthenticationFailed", "message": _NOT_RIGHT})
            return Done(response=answer, records=made, good=False)
        issued = self._issue(proof, mfa=serial is not None)
        self._identities.note_sign_in(proof.principal, visit.region)
        made.append(visit.event("ConsoleLogin", records.signed_in(proof.principal), account_id, additional=data))
        return Done(response=session_answer(issued, proof.principal, passwordResetRequired=proof.reset_required), records=made)

    def _issue(self, proof: _Proof, *, mfa: bool) -> TemporaryCredentials:
        principal = proof.principal
        policies = (RESET_ONLY,) if proof.reset_required else ()
        return self._identities.sessions.issue(
            "Root" if principal.type == "Root" else "IAMUser",
            principal.account_id,
            principal.principal_id,
            duration=RESET_SESSION if proof.reset_required else CONSOLE_SESSION,
            terms=SessionTerms(mfa=mfa, from_console=True, policies=policies),
        )

    def _user(self, given: Credentials, account_id: str | None, throttled: bool) -> _Proof | None:
        """`None`: there is no such user. The password is hashed all the same, so that this takes as long."""
        name, password = given.user_name or "", given.password or ""
        right = False
        if not throttled:
            profiles = self._identities.login_profiles
            right = profiles.verify(account_id or self._account_id, name[:MOST_NAME], password[:MOST_PASSWORD])
        try:
            user = self._identities.users.get(account_id or "", name[:MOST_NAME])
            reset = right and self._identities.login_profiles.get(user.account_id, user.name).reset_required
        except NoSuchEntity:
            return None
        principal = Principal(
            type="IAMUser", account_id=user.account_id, principal_id=user.id, arn=user.arn, user_name=user.name, tags=user.tags
        )
        whole = len(name) <= MOST_NAME and len(password) <= MOST_PASSWORD
        return _Proof(principal, right and whole and account_id is not None, reset)

    def _root(self, given: Credentials, account_id: str | None, throttled: bool) -> _Proof | None:
        """By the root access key: no other password lies around that could be stolen."""
        if account_id is None:
            return None
        key_id, secret = given.access_key_id or "", given.secret_access_key or ""
        found = None if throttled else self._identities.credential(key_id)
        is_root = found is not None and found.principal.type == "Root" and found.session_token is None
        expected = found.secret_access_key if found is not None and is_root and found.principal.account_id == account_id else ""
        same = hmac.compare_digest(expected.encode(), secret.encode("utf-8", "replace"))
        return _Proof(self._identities.root(account_id), same and bool(expected))


TOO_MANY: Final = told(
    429, {"code": "TooManyRequestsException", "message": "Too many attempts to sign in; wait a minute."}, ("retry-after", "60")
)


def session_answer(issued: TemporaryCredentials, principal: Principal, **more: Any) -> Any:
    """What the console is given: the credentials of its session, and whose they are."""
    credentials = {
        "accessKeyId": issued.access_key_id,
        "secretAccessKey": issued.secret_access_key,
        "sessionToken": issued.session_token,
        "expiration": issued.expires,
    }
    who = {"type": principal.type, "accountId": principal.account_id, "arn": principal.arn}
    return told(
        200, {"credentials": credentials, "principal": who | ({"userName": principal.user_name} if principal.user_name else {}), **more}
    )
