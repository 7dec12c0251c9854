"""The federation endpoint: a custom identity broker trades temporary credentials for a link that signs a person in.

As documented by AWS ("Enable custom identity broker access to the AWS console"), under our own path:

    GET /_opentrail/federation?Action=getSigninToken&Session={"sessionId":…,"sessionKey":…,"sessionToken":…}[&SessionDuration=…]
    GET /_opentrail/federation?Action=login&SigninToken=…&Destination=…[&Issuer=…]

The first makes a console session with a key of its own, which the record names (`GetSigninToken`), so what is done with it can be traced
back; the second records `ConsoleLogin` and sends the browser to the destination with a cookie, for which the console then fetches the
credentials once (`take_up`). Nothing secret is ever in a link.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import replace
from typing import Final, Literal, cast

import msgspec

from opentrail.api.signin import tokens
from opentrail.api.signin.password import session_answer
from opentrail.api.signin.visit import Done, Turned, Visit, told
from opentrail.clock import Clock
from opentrail.identity import Identities
from opentrail.identity.credentials import Credential
from opentrail.identity.entities import instant
from opentrail.identity.principals import Principal
from opentrail.identity.sessions import TemporaryCredentials
from opentrail.recorder import sign_in as records
from opentrail.recorder.user_identity import user_identity
from opentrail.wire.http import Response

TOKEN_LASTS: Final = 900.0
"""Seconds that a sign-in token, and so the link, is good for."""
COOKIE_LASTS: Final = 60
"""Seconds that the console has to fetch its credentials."""
SHORTEST: Final = 900
LONGEST: Final = 43200
"""Bounds of `SessionDuration`, in seconds."""
COOKIE: Final = "opentrail-signin"
PATH: Final = "/_opentrail/signin/credentials"

_NO_SESSION: Final = told(400, {"code": "InvalidSession", "message": "The session is none that can sign in to the console."})
_NO_TOKEN: Final = told(400, {"code": "InvalidToken", "message": "The sign-in token is not or no longer good: ask for another one."})
_NO_COOKIE: Final = told(401, {"code": "AuthenticationFailed", "message": "Nobody has signed in here just now."})


class Temporary(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The parameter `Session`."""

    session_id: str
    session_key: str
    session_token: str


class Federation:
    """See the module."""

    def __init__(self, *, identities: Identities, clock: Clock, secret: bytes, account_id: str) -> None:
        """`secret` seals tokens; `account_id` is where attempts are recorded that tell of no account."""
        self._identities = identities
        self._clock = clock
        self._secret = secret
        self._account_id = account_id

    def get_signin_token(self, fields: Mapping[str, str], visit: Visit) -> Done:
        """`Action=getSigninToken`. Blocks."""
        try:
            given = msgspec.json.decode(fields.get("Session", ""), type=Temporary)
        except (msgspec.MsgspecError, UnicodeError):
            raise Turned(400, "InvalidSession", 'Session is not {"sessionId":…,"sessionKey":…,"sessionToken":…}.') from None
        duration = _duration(fields.get("SessionDuration"))
        found = self._identities.credential(given.session_id)
        proved = found if found is not None and _same(found, given) else None
        if proved is None:
            owner = self._account_id if found is None else found.principal.account_id
            stranger = Principal(type="Unknown", account_id=owner, access_key_id=given.session_id[:MOST_KEY])
            return self._refused("GetSigninToken", stranger, visit, _NO_SESSION)
        principal, now = proved.principal, self._clock.time()
        session = principal.session
        left = int((proved.expires or now) - now)
        may = session is not None and principal.type in ("AssumedRole", "FederatedUser") and not session.from_console and left > 0
        if session is None or not may or (duration is not None and principal.type == "FederatedUser"):
            return self._refused("GetSigninToken", principal, visit, _NO_SESSION)
        terms = self._identities.sessions.terms(proved.access_key_id)
        if terms is None:
            return self._refused("GetSigninToken", principal, visit, _NO_SESSION)
        issued = self._identities.sessions.issue(
            cast(Literal["AssumedRole", "FederatedUser"], principal.type),
            principal.account_id,
            session.issuer_id,
            duration=left if duration is None else duration,
            terms=replace(terms, from_console=True),
        )
        token = tokens.seal("SigninToken", issued.access_key_id, now + TOKEN_LASTS, self._secret)
        record = visit.event(
            "GetSigninToken",
            user_identity(principal),
            principal.account_id,
            response={"credentials": {"accessKeyId": issued.access_key_id}},
            additional=records.login_data(login_to="", user_agent=visit.user_agent, mfa_used=False),
        )
        return Done(response=told(200, {"SigninToken": token}), records=[record])

    def login(self, fields: Mapping[str, str], visit: Visit) -> Done:
        """`Action=login`. Blocks."""
        destination = visit.own_page(fields.get("Destination") or "/")
        found = self._taken("SigninToken", fields.get("SigninToken", ""))
        data = records.login_data(login_to=visit.absolute(destination), user_agent=visit.user_agent, mfa_used=False)
        if found is None:
            stranger = Principal(type="Unknown", account_id=self._account_id)
            return self._refused("ConsoleLogin", stranger, visit, _NO_TOKEN, data)
        principal = found.principal
        record = visit.event("ConsoleLogin", user_identity(principal), principal.account_id, additional=data)
        value = tokens.seal("ConsoleSession", found.access_key_id, self._clock.time() + COOKIE_LASTS, self._secret)
        headers = (("location", destination), ("cache-control", "no-store"), ("set-cookie", _cookie(value, COOKIE_LASTS, visit)))
        return Done(response=Response(status=302, headers=(*headers, ("referrer-policy", "no-referrer"))), records=[record])

    def take_up(self, cookies: str, visit: Visit) -> Done:
        """The credentials of the session that the browser has just signed in to. Blocks."""
        pairs = (part.strip().partition("=") for part in cookies.split(";"))
        value = next((value for name, _, value in pairs if name == COOKIE), "")
        found = self._taken("ConsoleSession", value)
        if found is None or found.session_token is None or found.expires is None:
            return Done(response=_NO_COOKIE, good=False)
        issued = TemporaryCredentials(
            access_key_id=found.access_key_id,
            secret_access_key=found.secret_access_key,
            session_token=found.session_token,
            expires=instant(found.expires),
        )
        answer = session_answer(issued, found.principal)
        return Done(response=replace(answer, headers=(*answer.headers, ("set-cookie", _cookie("", 0, visit)))))

    def _taken(self, purpose: tokens.Purpose, token: str) -> Credential | None:
        """The session that a token is for, while both are good."""
        now = self._clock.time()
        told_by = tokens.unseal(purpose, token, self._secret)
        if told_by is None or told_by[1] <= now:
            return None
        found = self._identities.credential(told_by[0])
        return found if found is not None and found.expires is not None and found.expires > now else None

    def _refused(
        self,
        name: Literal["GetSigninToken", "ConsoleLogin"],
        principal: Principal,
        visit: Visit,
        answer: Response,
        data: Mapping[str, str] | None = None,
    ) -> Done:
        data = data or records.login_data(login_to="", user_agent=visit.user_agent, mfa_used=False)
        record = visit.event(name, user_identity(principal), principal.account_id, error_message=records.FAILED, additional=data)
        return Done(response=answer, records=[record], good=False)


MOST_KEY: Final = 128
"""Characters of an access key id that a record tells."""


def _same(found: Credential, given: Temporary) -> bool:
    if found.session_token is None:
        return False
    secret = hmac.compare_digest(found.secret_access_key.encode(), given.session_key.encode("utf-8", "replace"))
    token = hmac.compare_digest(found.session_token.encode(), given.session_token.encode("utf-8", "replace"))
    return secret and token


def _duration(text: str | None) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 6 and SHORTEST <= int(text) <= LONGEST):
        raise Turned(400, "InvalidSessionDuration", f"SessionDuration is a number of seconds from {SHORTEST} to {LONGEST}.")
    return int(text)


def _cookie(value: str, seconds: int, visit: Visit) -> str:
    secure = "; Secure" if visit.secure else ""
    return f"{COOKIE}={value}; Path={PATH}; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}"
