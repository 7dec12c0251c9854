"""The federation endpoint: temporary credentials for a link, the link for a console session, each once and for a short time."""

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

TRUST = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}]})


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[SignInDesk]:
    made = SignInDesk(tmp_path)
    yield made
    made.close()


def broker(desk: SignInDesk, kind: Any = "AssumedRole", **terms: Any) -> Credential:
    """Temporary credentials for half an hour, as a broker gets them."""
    if kind == "AssumedRole":
        issuer = desk.identities.roles.create(ACCOUNT, "Federated", TRUST).id
    else:
        issuer = desk.ana.id
    issued = desk.identities.sessions.issue(kind, ACCOUNT, issuer, duration=1800, terms=SessionTerms(name="bo@example.com", **terms))
    found = desk.identities.credential(issued.access_key_id)
    assert found is not None
    return found


def session(key: Credential, **more: str) -> str:
    return json.dumps({"sessionId": key.access_key_id, "sessionKey": key.secret_access_key, "sessionToken": key.session_token} | more)


def token(desk: SignInDesk, key: Credential, **fields: Any) -> str:
    answered = desk.federate(Action="getSigninToken", Session=session(key), **fields)
    assert answered.status == 200, answered.text
    return str(json.loads(answered.body)["SigninToken"])


def take_up(desk: SignInDesk, answered: Answered) -> Answered:
    cookie = answered.headers["set-cookie"].partition(";")[0]
    return desk.post("/_opentrail/signin/credentials", b"", headers={"cookie": f"other=1; {cookie}"})


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_broker_signs_somebody_in_by_a_link(desk: SignInDesk, method: str) -> None:
    key = broker(desk, tags={"team": "red"}, source_identity="bo")
    made = desk.federate(method, Action="getSigninToken", Session=session(key), SessionDuration="43200")
    assert set(json.loads(made.body)) == {"SigninToken"}
    answered = desk.federate(
        method,
        Action="login",
        Issuer="https://idp.example",
        Destination="/console/?region=eu-west-1",
        SigninToken=json.loads(made.body)["SigninToken"],
    )
    assert (answered.status, answered.headers["location"]) == (302, "/console/?region=eu-west-1")
    assert "; HttpOnly; SameSite=Strict" in answered.headers["set-cookie"]
    fetched = take_up(desk, answered)
    console = desk.console(fetched)
    assert "Max-Age=0" in fetched.headers["set-cookie"]
    made_for = console.principal.session
    assert made_for is not None
    assert made_for.from_console
    assert (made_for.name, made_for.tags, made_for.source_identity) == ("bo@example.com", {"team": "red"}, "bo")
    assert console.expires == desk.clock.time() + 43200
    first, second = desk.records
    assert first["eventName"] == "GetSigninToken"
    assert first["userIdentity"]["accessKeyId"] == key.access_key_id
    assert first["userIdentity"]["sessionContext"]["sessionIssuer"]["userName"] == "Federated"
    assert first["responseElements"] == {"credentials": {"accessKeyId": console.access_key_id}, "GetSigninToken": "Success"}
    assert second["eventName"] == "ConsoleLogin"
    assert second["userIdentity"]["accessKeyId"] == console.access_key_id, "so that the two can be told to belong together"
    assert second["additionalEventData"] == {
        "LoginTo": "http://127.0.0.1:4747/console/?region=eu-west-1",
        "MobileVersion": "No",
        "MFAUsed": "No",
    }
    secrets = (key.secret_access_key, key.session_token, console.secret_access_key, console.session_token)
    assert not any(secret and secret in json.dumps(desk.records) for secret in secrets)


def test_without_a_duration_the_console_session_ends_with_the_credentials(desk: SignInDesk) -> None:
    key = broker(desk)
    desk.clock.advance(600)
    console = desk.console(take_up(desk, desk.federate(Action="login", SigninToken=token(desk, key))))
    assert console.expires == key.expires


def test_a_federated_user_may_sign_in_but_not_for_longer(desk: SignInDesk) -> None:
    key = broker(desk, "FederatedUser")
    assert desk.console(take_up(desk, desk.federate(Action="login", SigninToken=token(desk, key)))).principal.type == "FederatedUser"
    assert desk.federate(Action="getSigninToken", Session=session(key), SessionDuration="3600").status == 400


def test_what_is_no_session_of_a_broker_gets_no_token(desk: SignInDesk) -> None:
    key = broker(desk)
    own, secret = desk.identities.access_keys.create(ACCOUNT, "ana")
    console = desk.console(desk.sign_in())
    again = desk.console(take_up(desk, desk.federate(Action="login", SigninToken=token(desk, key))))
    before = len(desk.records)
    sessions = [
        session(key, sessionKey="wrong"),
        session(key, sessionToken="wrong"),
        session(key, sessionId="ASIANOBODYSKEY000000"),
        json.dumps({"sessionId": own.access_key_id, "sessionKey": secret, "sessionToken": ""}),
        session(console),
        session(again),  # or a session could renew itself for ever
    ]
    for given in sessions:
        answered = desk.federate(Action="getSigninToken", Session=given)
        assert (answered.status, json.loads(answered.body)["code"]) == (400, "InvalidSession")
    desk.clock.advance(1800)
    assert desk.federate(Action="getSigninToken", Session=session(key)).status == 400
    refused = desk.records[before:]
    assert len(refused) == len(sessions) + 1
    assert {(record["eventName"], record["responseElements"]["GetSigninToken"]) for record in refused} == {("GetSigninToken", "Failure")}


@pytest.mark.parametrize("duration", ["899", "43201", "-1", "x", "", "1e3", "٣٦٠٠"])
def test_a_duration_has_bounds(desk: SignInDesk, duration: str) -> None:
    answered = desk.federate(Action="getSigninToken", Session=session(broker(desk)), SessionDuration=duration)
    assert answered.status == 400
    assert desk.records == []


def test_a_token_is_good_for_fifteen_minutes_and_a_cookie_for_one(desk: SignInDesk) -> None:
    key = broker(desk)
    link = token(desk, key)
    desk.clock.advance(899)
    answered = desk.federate(Action="login", SigninToken=link)
    assert answered.status == 302
    desk.clock.advance(1)
    assert desk.federate(Action="login", SigninToken=link).status == 400
    assert desk.records[-1]["responseElements"] == {"ConsoleLogin": "Failure"}
    assert take_up(desk, answered).status == 200
    desk.clock.advance(60)
    assert take_up(desk, answered).status == 401


def test_one_token_is_not_taken_for_another(desk: SignInDesk) -> None:
    link = token(desk, broker(desk))
    assert desk.post("/_opentrail/signin/credentials", b"", headers={"cookie": f"opentrail-signin={link}"}).status == 401
    for forged in ("", "x", link[:-1], link + "A", "ä", "A" * 600):
        assert desk.federate(Action="login", SigninToken=forged).status == 400


@pytest.mark.parametrize(
    "destination",
    [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "javascript:alert(1)",
        "/a b",
        "/a\r\nx: y",
        "http://127.0.0.1:4748/",
        "http://[",
    ],
)
def test_nobody_is_sent_elsewhere(desk: SignInDesk, destination: str) -> None:
    link = token(desk, broker(desk))
    answered = desk.federate(Action="login", SigninToken=link, Destination=destination)
    assert answered.status == 400
    assert "location" not in answered.headers
    assert "set-cookie" not in answered.headers


@pytest.mark.parametrize("fields", [{}, {"Action": "dance"}, {"Action": "getSigninToken"}, {"Action": "getSigninToken", "Session": "{"}])
def test_what_is_not_asked_properly_is_turned_away(desk: SignInDesk, fields: dict[str, str]) -> None:
    assert desk.federate(**fields).status == 400
    assert desk.records == []


def test_another_origin_cannot_fetch_the_credentials(desk: SignInDesk) -> None:
    answered = desk.federate(Action="login", SigninToken=token(desk, broker(desk)))
    cookie = answered.headers["set-cookie"].partition(";")[0]
    refused = desk.post("/_opentrail/signin/credentials", b"", headers={"cookie": cookie, "origin": "http://evil.example"})
    assert refused.status == 403
