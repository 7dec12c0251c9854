"""Switching roles in the console: who may, for how long, and the events of both accounts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from opentrail.identity.credentials import Credential
from opentrail.identity.sessions import SessionTerms
from simulators.front_door import ACCOUNT, Answered
from simulators.sign_in import SignInDesk

OTHER = "444455556666"
EVERYTHING = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:*","Resource":"*"}]}'


def trust(who: str, **condition: Any) -> str:
    statement = {"Effect": "Allow", "Principal": {"AWS": who}, "Action": ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement | ({"Condition": condition} if condition else {})]})


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[SignInDesk]:
    made = SignInDesk(tmp_path)
    made.identities.attachments.put_inline(ACCOUNT, "user", "ana", "all", EVERYTHING)
    yield made
    made.close()


def switch(desk: SignInDesk, key: Credential, role: str = "Auditor", account: str = ACCOUNT, **more: Any) -> Answered:
    body = {"account": account, "roleName": role, "redirectTo": "/console/"}
    return desk.signed_post("/_opentrail/signin/switch-role", body, key, **more)


def leave(desk: SignInDesk, key: Credential) -> Answered:
    return desk.signed_post("/_opentrail/signin/exit-role", {"redirectTo": "/console/"}, key)


def test_a_role_of_the_own_account(desk: SignInDesk) -> None:
    desk.identities.roles.create(ACCOUNT, "Auditor", trust(ACCOUNT), max_session=7200)
    ana = desk.console(desk.sign_in())
    answered = switch(desk, ana, region="eu-west-1")
    assert answered.status == 200, answered.text
    role = desk.console(answered)
    assert json.loads(answered.body)["switchedFrom"] == f"arn:aws:iam::{ACCOUNT}:user/ana"
    assert role.expires == desk.clock.time() + 7200
    assert role.principal.arn == f"arn:aws:sts::{ACCOUNT}:assumed-role/Auditor/ana"
    assert role.principal.session is not None
    assert role.principal.session.from_console
    assumed, switched = desk.records[1:]
    assert (assumed["eventName"], assumed["userIdentity"]["invokedBy"], assumed["sourceIPAddress"]) == (
        "AssumeRole",
        "AWS Internal",
        "AWS Internal",
    )
    assert assumed["userIdentity"]["accessKeyId"] == ana.access_key_id
    assert assumed["responseElements"]["credentials"]["accessKeyId"] == role.access_key_id
    assert "sharedEventID" not in assumed
    assert switched["eventName"] == "SwitchRole"
    assert switched["awsRegion"] == "eu-west-1"
    assert switched["userIdentity"] == {
        "type": "AssumedRole",
        "principalId": role.principal.principal_id,
        "arn": role.principal.arn,
        "accountId": ACCOUNT,
    }
    assert switched["additionalEventData"] == {
        "SwitchFrom": f"arn:aws:iam::{ACCOUNT}:user/ana",
        "RedirectTo": "http://127.0.0.1:4747/console/",
    }
    assert role.secret_access_key not in json.dumps(desk.records)


def test_a_role_of_another_account_is_told_to_both(desk: SignInDesk) -> None:
    desk.identities.accounts.ensure(OTHER)
    desk.identities.accounts.set_alias(OTHER, "audit-corp")
    desk.identities.roles.create(OTHER, "Auditor", trust(ACCOUNT), path="/team/")
    ana = desk.console(desk.sign_in())
    assert switch(desk, ana, "team/Auditor", account="audit-corp").status == 200
    own, foreign, switched = desk.records[1:]
    assert own["sharedEventID"] == foreign["sharedEventID"]
    assert own["eventID"] != foreign["eventID"]
    assert (own["recipientAccountId"], foreign["recipientAccountId"], switched["recipientAccountId"]) == (ACCOUNT, OTHER, OTHER)
    assert foreign["userIdentity"] == {"type": "AWSAccount", "principalId": desk.ana.id, "accountId": ACCOUNT}


def test_what_went_before_bounds_the_session(desk: SignInDesk) -> None:
    desk.identities.roles.create(ACCOUNT, "Auditor", trust(ACCOUNT), max_session=43200)
    ana = desk.console(desk.sign_in())
    desk.clock.advance(43200 - 500)
    role = desk.console(switch(desk, ana))
    assert role.expires == ana.expires


def test_a_federated_session_switches_for_an_hour_at_most_and_keeps_what_goes_on(desk: SignInDesk) -> None:
    desk.identities.roles.create(ACCOUNT, "Auditor", trust(ACCOUNT), max_session=43200)
    first = desk.identities.roles.create(ACCOUNT, "Federated", trust(ACCOUNT))
    desk.identities.attachments.put_inline(ACCOUNT, "role", "Federated", "all", EVERYTHING)
    terms = SessionTerms(
        name="bo", tags={"team": "red", "shift": "late"}, transitive=("team",), source_identity="bo", mfa=True, from_console=True
    )
    issued = desk.identities.sessions.issue("AssumedRole", ACCOUNT, first.id, duration=43200, terms=terms)
    key = desk.identities.credential(issued.access_key_id)
    assert key is not None
    role = desk.console(switch(desk, key))
    session = role.principal.session
    assert session is not None
    assert role.expires == desk.clock.time() + 3600
    assert (session.name, session.tags, session.source_identity, session.mfa) == ("bo", {"team": "red"}, "bo", True)
    assert desk.records[-1]["additionalEventData"]["SwitchFrom"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/Federated/bo"


def test_the_trust_policy_may_ask_for_the_second_factor(desk: SignInDesk) -> None:
    desk.identities.roles.create(ACCOUNT, "Auditor", trust(ACCOUNT, Bool={"aws:MultiFactorAuthPresent": "true"}))
    assert switch(desk, desk.console(desk.sign_in())).status == 403
    desk.devices.of["ana"] = ["arn:aws:iam::123456789012:mfa/ana"]
    assert switch(desk, desk.console(desk.sign_in(mfaCode="123456"))).status == 200


def test_a_refusal_is_recorded_in_the_account_of_the_caller_only(desk: SignInDesk) -> None:
    desk.identities.accounts.ensure(OTHER)
    desk.identities.roles.create(OTHER, "Auditor", trust(OTHER))
    ana = desk.console(desk.sign_in())
    for role, account in (("Auditor", OTHER), ("Nobody", ACCOUNT), ("Nobody", "no-such-account"), ("../x", ACCOUNT)):
        answered = switch(desk, ana, role, account)
        assert answered.status == 403
        assumed, switched = desk.records[-2:]
        assert (assumed["eventName"], assumed["errorCode"]) == ("AssumeRole", "AccessDenied")
        assert switched["responseElements"] == {"SwitchRole": "Failure"}
        assert {assumed["recipientAccountId"], switched["recipientAccountId"]} == {ACCOUNT}


def test_only_sessions_of_the_console_switch(desk: SignInDesk) -> None:
    desk.identities.roles.create(ACCOUNT, "Auditor", trust(ACCOUNT))
    key, _ = desk.identities.access_keys.create(ACCOUNT, "ana")
    own = desk.identities.credential(key.access_key_id)
    assert own is not None
    ana = desk.console(desk.sign_in())
    keys = {"accessKeyId": desk.root.access_key_id, "secretAccessKey": desk.root.secret_access_key}
    root = desk.console(desk.sign_in(userName=None, password=None, **keys))
    before = len(desk.records)
    assert switch(desk, own).status == 403
    assert switch(desk, root).status == 403
    assert switch(desk, ana, name="sts").status == 403
    assert desk.post("/_opentrail/signin/switch-role", {"account": ACCOUNT, "roleName": "Auditor"}).status == 403
    assert {record["responseElements"]["SwitchRole"] for record in desk.records[before:]} == {"Failure"}
    desk.clock.advance(43200)
    assert switch(desk, ana).status == 403


def test_leaving_a_role_ends_its_session(desk: SignInDesk) -> None:
    desk.identities.roles.create(ACCOUNT, "Auditor", trust(ACCOUNT))
    ana = desk.console(desk.sign_in())
    role = desk.console(switch(desk, ana))
    assert desk.ask(desk.query("iam", "ListUsers", "2010-05-08", key=role)).status != 403
    assert leave(desk, role).status == 200
    left = desk.records[-1]
    assert (left["eventName"], left["responseElements"]) == ("ExitRole", {"ExitRole": "Success"})
    assert left["userIdentity"]["arn"] == role.principal.arn
    assert "ExpiredToken" in desk.ask(desk.query("iam", "ListUsers", "2010-05-08", key=role)).text
    assert leave(desk, role).status == 403
    assert leave(desk, ana).status == 403, "the first session is no role to be left"
    assert desk.records[-1]["responseElements"] == {"ExitRole": "Failure"}


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"account": ACCOUNT},
        {"account": "", "roleName": "a"},
        {"account": ACCOUNT, "roleName": "a" * 600},
        {"account": ACCOUNT, "roleName": "a", "redirectTo": "https://evil.example"},
        {"account": ACCOUNT, "roleName": "a", "more": 1},
    ],
)
def test_what_is_not_asked_properly_is_turned_away(desk: SignInDesk, body: dict[str, Any]) -> None:
    ana = desk.console(desk.sign_in())
    assert desk.signed_post("/_opentrail/signin/switch-role", body, ana).status == 400
    assert len(desk.records) == 1
