"""Switching roles in the console: `SwitchRole` and `ExitRole`.

Somebody who has signed in assumes a role with the credentials of the console session; the new session is one of the console too. As in
AWS two events tell it: the `AssumeRole` that sign-in makes on the person's behalf, in the account of the caller (and, with the same
`sharedEventID`, in that of the role when it is another), and `SwitchRole` in the account of the role.

`ExitRole` ends the session of the role; the console goes on with the credentials that it had before.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import msgspec

from opentrail.api.authorisation import Authorisation
from opentrail.api.call import Call, Service
from opentrail.api.signin.password import CONSOLE_SESSION, session_answer
from opentrail.api.signin.visit import Done, Visit, told
from opentrail.identity import Identities
from opentrail.identity.credentials import Credential
from opentrail.identity.entities import Entity
from opentrail.identity.faults import NoSuchEntity
from opentrail.identity.principals import Principal
from opentrail.identity.sessions import SessionTerms
from opentrail.recorder import Observation, Recorder
from opentrail.recorder import sign_in as records
from opentrail.recorder.user_identity import user_identity
from opentrail.wire.faults import Fault
from opentrail.wire.http import Request

CHAINED_SESSION: Final = 3600
"""Seconds that a session lasts which another session of a role has asked for."""
INTERNAL: Final = "AWS Internal"
"""How records name the sign-in service as a caller."""


class Wanted(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """The body of `POST /_opentrail/signin/switch-role`."""

    account: Annotated[str, msgspec.Meta(min_length=1, max_length=63)]
    """Id or alias of the account of the role."""
    role_name: Annotated[str, msgspec.Meta(min_length=1, max_length=576)]
    """With its path, if it has one: `division/Auditor`."""
    redirect_to: str = "/"


class Leaving(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """The body of `POST /_opentrail/signin/exit-role`."""

    redirect_to: str = "/"


class Roles:
    """See the module."""

    def __init__(
        self,
        *,
        identities: Identities,
        authorisation: Authorisation,
        sts: Service,
        recorder: Recorder,
    ) -> None:
        """`sts` tells what AssumeRole takes (`Service.needs`)."""
        self._identities = identities
        self._authorisation = authorisation
        self._sts = sts
        self._recorder = recorder

    def switch(self, wanted: Wanted, caller: Principal, refused: str | None, visit: Visit, request: Request) -> Done:
        """Assume a role. `refused` says why the signature of the request was not accepted. Blocks."""
        more = {"SwitchFrom": caller.arn, "RedirectTo": visit.absolute(visit.own_page(wanted.redirect_to))}
        credential = self._console_session(caller)
        if refused is not None or credential is None:
            return self._not_switched("SwitchRole", caller, visit, refused or "Only a session of the console can switch roles.", more)
        if caller.type == "Root":
            return self._not_switched("SwitchRole", caller, visit, "Roles may not be assumed by root accounts.", more)
        account_id = self._identities.accounts.named(wanted.account) or wanted.account
        arn = f"arn:aws:iam::{account_id}:role/{wanted.role_name}"
        name = caller.user_name if caller.type == "IAMUser" else (caller.session.name if caller.session is not None else "")
        parameters = {"RoleArn": arn, "RoleSessionName": name or caller.principal_id}
        call = _call(parameters, caller, visit, request)
        try:
            self._authorisation.check(call, self._sts.needs(call), protocol="query")
            role = self._role(account_id, arn)
        except Fault as fault:
            denied = self._assumed(call, caller.account_id, error_code=fault.code, error_message=fault.message)
            done = self._not_switched("SwitchRole", caller, visit, fault.message, more)
            return replace(done, records=[*denied, *done.records])
        terms = self._terms(caller, parameters["RoleSessionName"])
        longest = CHAINED_SESSION if caller.type == "AssumedRole" else CONSOLE_SESSION
        left = int((credential.expires or visit.time) - visit.time)
        duration = max(1, min(longest, left, int(role.details["max_session"])))
        issued = self._identities.sessions.issue("AssumedRole", role.account_id, role.id, duration=duration, terms=terms)
        switched = self._identities.credential(issued.access_key_id)
        if switched is None:
            raise RuntimeError("the session that was just made cannot be found")
        result = {
            "Credentials": {
                "AccessKeyId": issued.access_key_id,
                "SecretAccessKey": issued.secret_access_key,
                "SessionToken": issued.session_token,
                "Expiration": issued.expires,
            },
            "AssumedRoleUser": {"AssumedRoleId": switched.principal.principal_id, "Arn": switched.principal.arn},
        }
        assumed = self._assumed(call, caller.account_id, result=result, owner=role.account_id)
        record = visit.event("SwitchRole", records.session_only(switched.principal), role.account_id, additional=more)
        return Done(response=session_answer(issued, switched.principal, switchedFrom=caller.arn), records=[*assumed, record])

    def exit(self, leaving: Leaving, caller: Principal, refused: str | None, visit: Visit) -> Done:
        """End the session of a role. Blocks."""
        more = {"SwitchFrom": caller.arn, "RedirectTo": visit.absolute(visit.own_page(leaving.redirect_to))}
        if refused is not None or self._console_session(caller) is None or caller.type != "AssumedRole":
            why = refused or "Only a session of a role that was switched to in the console can be left."
            return self._not_switched("ExitRole", caller, visit, why, more)
        self._identities.sessions.end(caller.access_key_id)
        record = visit.event("ExitRole", records.session_only(caller), caller.account_id, additional=more)
        return Done(response=told(200, {"left": caller.arn}), records=[record])

    def _console_session(self, caller: Principal) -> Credential | None:
        if caller.session is None or not caller.session.from_console:
            return None
        return self._identities.credential(caller.access_key_id)

    def _role(self, account_id: str, arn: str) -> Entity:
        """The role, which the caller has turned out to be allowed to assume."""
        role = self._identities.roles.get(account_id, arn.rpartition("/")[2])
        if role.arn != arn:
            raise NoSuchEntity(f"The role {arn} cannot be found.")
        return role

    def _terms(self, caller: Principal, name: str) -> SessionTerms:
        """What goes on into the session of the role: transitive tags, source identity, that MFA was used."""
        before = self._identities.sessions.terms(caller.access_key_id) or SessionTerms()
        keys = {key.lower() for key in before.transitive}
        tags = {key: value for key, value in before.tags.items() if key.lower() in keys}
        return SessionTerms(
            name=name, tags=tags, transitive=tuple(tags), source_identity=before.source_identity, mfa=before.mfa, from_console=True
        )

    def _assumed(
        self,
        call: Call,
        account_id: str,
        *,
        result: Mapping[str, Any] | None = None,
        error_code: str | None = None,
        error_message: str | None = None,
        owner: str | None = None,
    ) -> list[bytes]:
        """The records of AssumeRole: the caller's, and that of the account `owner` of the role when it is another."""
        observation = Observation(
            service="sts",
            operation="AssumeRole",
            principal=replace(call.caller, invoked_by=INTERNAL),
            account_id=account_id,
            region=call.region,
            request_id=call.request_id,
            source_ip=INTERNAL,
            user_agent=INTERNAL,
            time=call.time.timestamp(),
            parameters=call.parameters,
            result=result,
            error_code=error_code,
            error_message=error_message,
        )
        return [self._recorder.describe(copy) for copy in self._recorder.copies(observation, owner)]

    def _not_switched(self, name: records.Name, caller: Principal, visit: Visit, why: str, more: Mapping[str, str]) -> Done:
        record = visit.event(name, user_identity(caller), caller.account_id, error_message=why, additional=more)
        return Done(response=told(403, {"code": "AccessDenied", "message": why}), records=[record], good=False)


def _call(parameters: Mapping[str, Any], caller: Principal, visit: Visit, request: Request) -> Call:
    """The AssumeRole that sign-in makes for the person: judged by where the person is."""
    return Call(
        service="sts",
        operation="AssumeRole",
        parameters=parameters,
        caller=caller,
        account_id=caller.account_id,
        region=visit.region,
        request_id=str(uuid.uuid4()),
        source_ip=visit.source_ip,
        user_agent=visit.user_agent,
        time=datetime.fromtimestamp(visit.time, UTC),
        secure=visit.secure,
        request=request,
    )
