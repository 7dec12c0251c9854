"""Signing in with a password or as root: what is checked, what is answered, what is recorded, and what is given out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from opentrail.errors import JournalFull, JournalUnavailable
from simulators.front_door import ACCOUNT, FORM
from simulators.sign_in import PASSWORD, SignInDesk

VIRTUAL = f"arn:aws:iam::{ACCOUNT}:mfa/ana-phone"
U2F = f"arn:aws:iam::{ACCOUNT}:u2f/user/ana/key-ABC"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[SignInDesk]:
    made = SignInDesk(tmp_path)
    yield made
    made.close()


def told(record: dict[str, Any]) -> tuple[str, str, str | None]:
    """Name, outcome and reason of a sign-in event."""
    return record["eventName"], record["responseElements"][record["eventName"]], record.get("errorMessage")


def test_the_right_password_gives_a_console_session_of_twelve_hours(desk: SignInDesk) -> None:
    answered = desk.sign_in()
    assert answered.status == 200
    assert answered.headers["cache-control"] == "no-store"
    credential = desk.console(answered)
    session = credential.principal.session
    assert session is not None
    assert session.from_console
    assert not session.mfa
    assert credential.principal.arn == f"arn:aws:iam::{ACCOUNT}:user/ana"
    assert credential.expires == desk.clock.time() + 43200
    assert told(desk.record) == ("ConsoleLogin", "Success", None)
    assert desk.record["additionalEventData"] == {"LoginTo": "http://127.0.0.1:4747/", "MobileVersion": "No", "MFAUsed": "No"}
    assert desk.steps == ["record durable", "answer begins"]


def test_calls_of_a_console_session_tell_that_they_come_from_it(desk: SignInDesk) -> None:
    credential = desk.console(desk.sign_in())
    desk.ask(desk.query("iam", "ListUsers", "2010-05-08", key=credential))
    record = desk.records[-1]
    assert record["eventName"] == "ListUsers"
    assert record["sessionCredentialFromConsole"] == "true"
    assert record["userIdentity"]["sessionContext"]["attributes"] == {"creationDate": "2026-01-05T10:11:12Z", "mfaAuthenticated": "false"}


def test_the_account_may_be_told_by_its_alias_or_left_out(desk: SignInDesk) -> None:
    desk.identities.accounts.set_alias(ACCOUNT, "example-corp")
    assert desk.sign_in(account="example-corp").status == 200
    assert desk.sign_in(account=None).status == 200
    assert desk.sign_in(account="another-corp").status == 401


FAILURES = [
    ({"password": "wrong-Horse-7"}, "ana", "Failed authentication"),
    ({"password": PASSWORD + "x" * 2000}, "ana", "Failed authentication"),
    ({"password": ""}, "ana", "Failed authentication"),
    ({"userName": "bob"}, "HIDDEN_DUE_TO_SECURITY_REASONS", "No username found in supplied account"),
    ({"userName": PASSWORD}, "HIDDEN_DUE_TO_SECURITY_REASONS", "No username found in supplied account"),
    ({"userName": "ana" + "\0" * 3}, "HIDDEN_DUE_TO_SECURITY_REASONS", "No username found in supplied account"),
    ({"userName": "a" * 5000}, "HIDDEN_DUE_TO_SECURITY_REASONS", "No username found in supplied account"),
    ({"account": "999988887777"}, "HIDDEN_DUE_TO_SECURITY_REASONS", "No username found in supplied account"),
    ({"account": "no-such-alias"}, "HIDDEN_DUE_TO_SECURITY_REASONS", "No username found in supplied account"),
    ({"userName": "carla", "password": PASSWORD}, "carla", "Failed authentication"),  # a user without a password
]


@pytest.mark.parametrize(("given", "name", "why"), FAILURES)
def test_the_answer_does_not_tell_what_was_wrong_and_the_record_does(desk: SignInDesk, given: dict[str, Any], name: str, why: str) -> None:
    desk.identities.users.create(ACCOUNT, "carla")
    plain = desk.sign_in(password="wrong")
    answered = desk.sign_in(**given)
    assert answered.status == 401
    assert answered.body == plain.body
    assert {**answered.headers, "date": ""} == {**plain.headers, "date": ""}
    record = desk.records[-1]
    assert told(record) == ("ConsoleLogin", "Failure", why)
    assert record["userIdentity"]["userName"] == name
    assert record["recipientAccountId"] == ACCOUNT
    assert "errorCode" not in record
    assert PASSWORD not in json.dumps(record)


def test_a_second_factor_is_asked_for_and_recorded(desk: SignInDesk) -> None:
    desk.devices.of["ana"] = [VIRTUAL]
    plain = desk.sign_in(password="wrong")
    without = desk.sign_in()
    wrong = desk.sign_in(mfaCode="654321")
    right = desk.sign_in(mfaCode="123456")
    assert [without.status, wrong.status, right.status] == [401, 401, 200]
    assert without.body == wrong.body == plain.body
    session = desk.console(right).principal.session
    assert session is not None
    assert session.mfa
    records = desk.records[1:]
    assert [told(record) for record in records] == [
        ("CheckMfa", "Success", None),
        ("ConsoleLogin", "Failure", "Failed authentication"),
        ("CheckMfa", "Success", None),
        ("ConsoleLogin", "Failure", "Failed authentication"),
        ("CheckMfa", "Success", None),
        ("ConsoleLogin", "Success", None),
    ]
    assert records[0]["additionalEventData"] == {"MfaType": "Virtual MFA"}
    assert [record["additionalEventData"]["MFAUsed"] for record in records[1::2]] == ["No", "Yes", "Yes"]
    assert [record["additionalEventData"].get("MFAIdentifier") for record in records[1::2]] == [None, None, VIRTUAL]


def test_no_second_factor_is_asked_for_before_the_first_was_right(desk: SignInDesk) -> None:
    desk.devices.of["ana"] = [VIRTUAL]
    desk.sign_in(password="wrong", mfaCode="123456")
    assert told(desk.record) == ("ConsoleLogin", "Failure", "Failed authentication")


@pytest.mark.parametrize(("serials", "kind"), [([U2F], "U2F MFA"), ([VIRTUAL, U2F], "Multiple MFA Devices")])
def test_the_kind_of_device_is_told(desk: SignInDesk, serials: list[str], kind: str) -> None:
    desk.devices.of["ana"] = serials
    assert desk.sign_in(mfaCode="123456").status == 200
    assert desk.records[0]["additionalEventData"] == {"MfaType": kind}


def root(desk: SignInDesk, **more: Any) -> Any:
    keys = {"accessKeyId": desk.root.access_key_id, "secretAccessKey": desk.root.secret_access_key}
    return desk.sign_in(userName=None, password=None, **(keys | more))


def test_root_signs_in_with_the_root_key(desk: SignInDesk) -> None:
    answered = root(desk, region="eu-west-1")
    assert answered.status == 200
    assert desk.console(answered).principal.type == "Root"
    assert desk.record["userIdentity"] == {
        "type": "Root",
        "principalId": ACCOUNT,
        "arn": f"arn:aws:iam::{ACCOUNT}:root",
        "accountId": ACCOUNT,
        "accessKeyId": "",
    }
    assert desk.record["awsRegion"] == "us-east-1", "root is recorded there whatever endpoint was asked"


def test_nobody_else_signs_in_as_root(desk: SignInDesk) -> None:
    key, secret = desk.identities.access_keys.create(ACCOUNT, "ana")
    session = desk.console(root(desk))
    attempts = [
        root(desk, secretAccessKey="wrong"),
        root(desk, secretAccessKey=""),
        root(desk, accessKeyId=key.access_key_id, secretAccessKey=secret),
        root(desk, accessKeyId=session.access_key_id, secretAccessKey=session.secret_access_key),
        root(desk, accessKeyId="AKIANOBODYSKEY000000", secretAccessKey=""),
        root(desk, account="no-such-account"),
    ]
    assert {answered.status for answered in attempts} == {401}
    assert {told(record) for record in desk.records[1:-1]} == {("ConsoleLogin", "Failure", "Failed authentication")}
    assert {record["userIdentity"]["type"] for record in desk.records[1:-1]} == {"Root"}


def test_whoever_must_change_the_password_may_do_nothing_else(desk: SignInDesk) -> None:
    desk.identities.login_profiles.update(ACCOUNT, "ana", reset_required=True)
    answered = desk.sign_in()
    assert json.loads(answered.body)["passwordResetRequired"] is True
    credential = desk.console(answered)
    assert credential.expires == desk.clock.time() + 900
    session = credential.principal.session
    assert session is not None
    (policy,) = session.policies
    assert json.loads(policy)["Statement"][0]["Action"] == ["iam:ChangePassword", "iam:GetAccountPasswordPolicy", "iam:GetUser"]


@pytest.mark.parametrize(
    ("host", "region", "recorded"),
    [
        ("127.0.0.1:4747", None, "us-east-1"),
        ("signin.example.com", None, "us-east-1"),
        ("eu-west-1.signin.example.com:8443", None, "eu-west-1"),
        ("nowhere-1.signin.example.com", None, "us-east-1"),
        ("127.0.0.1:4747", "eu-west-1", "eu-west-1"),
    ],
)
def test_the_region_is_that_of_the_sign_in_endpoint(desk: SignInDesk, host: str, region: str | None, recorded: str) -> None:
    assert desk.sign_in(headers={"host": host}, region=region).status == 200
    assert desk.record["awsRegion"] == recorded


BAD_BODIES = [
    b"",
    b"{",
    b"[]",
    b"null",
    b'{"userName": "ana"}',
    b'{"userName": "ana", "password": 7}',
    b'{"userName": "ana", "password": "x", "accessKeyId": "a"}',
    b'{"userName": "ana", "password": "x", "coffee": "please"}',
    b'{"userName": "\\ud800", "password": "x"}',
    b"\xff\xfe",
    b'{"userName": "ana", "password": "x", "region": "atlantis-1"}',
    b'{"userName": "ana", "password": "x", "loginTo": "https://evil.example/"}',
    b'{"userName": "ana", "password": "x", "loginTo": "//evil.example/"}',
    b'{"userName": "ana", "password": "x", "loginTo": "/\\\\evil.example/"}',
    b'{"userName": "ana", "password": "x", "loginTo": "javascript:alert(1)"}',
    b'{"userName": "ana", "password": "x", "loginTo": "/a\\r\\nset-cookie: a"}',
    b"[" * 5000,
]


@pytest.mark.parametrize("body", BAD_BODIES, ids=[body[:60].decode("latin-1") for body in BAD_BODIES])
def test_what_is_no_attempt_is_turned_away_without_a_record(desk: SignInDesk, body: bytes) -> None:
    answered = desk.post("/_opentrail/signin", body)
    assert answered.status == 400
    assert set(json.loads(answered.body)) == {"code", "message"}
    assert desk.records == []


def test_other_methods_kinds_and_sizes_are_refused(desk: SignInDesk) -> None:
    assert desk.post("/_opentrail/signin", b"a=b", headers={"content-type": FORM}).status == 415
    assert desk.post("/_opentrail/signin", b" " * 20_000).status == 413
    assert desk.post("/_opentrail/signin/elsewhere", b"{}").status == 404
    assert desk.records == []


ORIGINS = [
    ({"origin": "http://127.0.0.1:4747"}, 200),
    ({"origin": "http://127.0.0.1:4747", "sec-fetch-site": "same-origin"}, 200),
    ({"sec-fetch-site": "none"}, 200),
    ({"origin": "http://evil.example"}, 403),
    ({"origin": "https://127.0.0.1:4747"}, 403),
    ({"origin": "http://127.0.0.1:8000"}, 403),
    ({"origin": "null"}, 403),
    ({"sec-fetch-site": "cross-site"}, 403),
    ({"sec-fetch-site": "same-site"}, 403),
]


@pytest.mark.parametrize(("headers", "status"), ORIGINS)
def test_pages_of_other_origins_cannot_sign_anybody_in(desk: SignInDesk, headers: dict[str, str], status: int) -> None:
    assert desk.sign_in(headers=headers).status == status
    assert len(desk.records) == (status == 200)


@pytest.mark.parametrize(
    ("host", "status"),
    [("127.0.0.1:4747", 200), ("localhost:4747", 200), ("[::1]:4747", 200), ("evil.example:4747", 403), ("", 403)],
)
def test_a_listener_for_this_machine_only_knows_no_other_name(tmp_path: Path, host: str, status: int) -> None:
    desk = SignInDesk(tmp_path, loopback=True)
    assert desk.sign_in(headers={"host": host}, client="127.0.0.1").status == status
    desk.close()


def test_guessing_is_slowed_down_by_address_and_by_name(desk: SignInDesk) -> None:
    answered = [desk.sign_in(password="wrong").status for _ in range(12)]
    assert answered == [401] * 10 + [429] * 2
    assert desk.sign_in(client="198.51.100.1").status == 429, "the name is protected wherever the attempts come from"
    assert desk.sign_in(userName="bob").status == 401
    assert [told(record)[1] for record in desk.records] == ["Failure"] * 14, "attempts that are not checked are recorded too"
    desk.clock.advance(6.0)
    assert desk.sign_in(client="198.51.100.1").status == 200
    assert {desk.sign_in(userName=f"user-{number}").status for number in range(30)} == {401, 429}


def test_people_who_know_their_password_are_not_slowed_down(desk: SignInDesk) -> None:
    assert {desk.sign_in().status for _ in range(30)} == {200}


def test_a_journal_that_takes_nothing_lets_nobody_in(desk: SignInDesk) -> None:
    desk.journal.refusing = JournalFull("full")
    refused = desk.sign_in()
    assert refused.status == 503
    assert "credentials" not in refused.text
    desk.journal.refusing, desk.journal.failing = None, JournalUnavailable("gone")
    refused = desk.sign_in()
    assert refused.status == 503
    assert "credentials" not in refused.text
    assert desk.records == []


def test_with_pass_on_failure_people_get_in_without_a_record(tmp_path: Path) -> None:
    desk = SignInDesk(tmp_path, pass_on_failure=True)
    desk.journal.refusing = desk.journal.failing = JournalFull("full")
    assert desk.sign_in().status == 200
    desk.close()
