"""Everybody who can call, with the real AWS CLI, and what the records say of them."""

from __future__ import annotations

import json
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from opentrail.identity import totp
from simulators.issuer import Issuer
from simulators.running import RunningOpenTrail

FIRST, SECOND = "123456789012", "222222222222"
ROLE = f"arn:aws:iam::{FIRST}:role/runner"
KNOWN = Issuer("https://known.example.com")
"""An issuer whose keys are in a file; nobody could ask it for them."""
WEB_ROLE = f"arn:aws:iam::{FIRST}:role/web"


class People:
    """A running server, its two accounts and an issuer of tokens."""

    def __init__(self, running: RunningOpenTrail, issuer: Issuer) -> None:
        self.running = running
        self.issuer = issuer
        made = json.loads(running.opentrail("account", "create", "--account-id", SECOND, "--name", "Second", "--json").stdout)
        self.second_file = Path(made["root_key_file"])
        found = json.loads(self.second_file.read_text())
        self.roots = {FIRST: running.key, SECOND: (found["access_key_id"], found["secret_access_key"])}

    def aws(self, key: Any, *words: str) -> Any:
        printed = self.running.aws(*words, key=key).stdout
        return json.loads(printed) if printed else None

    def refused(self, key: Any, *words: str) -> str:
        done = self.running.aws(*words, key=key, check=False)
        assert done.returncode != 0
        return done.stderr.strip()

    def user(self, account_id: str, name: str, *statements: dict[str, Any]) -> tuple[str, str]:
        """A user who has a key and may what the statements say."""
        root = self.roots[account_id]
        self.aws(root, "iam", "create-user", "--user-name", name)
        policy = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
        if statements:
            self.aws(root, "iam", "put-user-policy", "--user-name", name, "--policy-name", "own", "--policy-document", policy)
        key = self.aws(root, "iam", "create-access-key", "--user-name", name)["AccessKey"]
        return key["AccessKeyId"], key["SecretAccessKey"]

    def role(self, name: str, principal: dict[str, str], action: str, **condition: Any) -> None:
        statement: dict[str, Any] = {"Effect": "Allow", "Principal": principal, "Action": action}
        if condition:
            statement["Condition"] = condition
        trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        root = self.roots[FIRST]
        self.aws(root, "iam", "create-role", "--role-name", name, "--assume-role-policy-document", trust)
        self.aws(root, "iam", "attach-role-policy", "--role-name", name, "--policy-arn", "arn:aws:iam::aws:policy/IAMReadOnlyAccess")

    def record(self, account_id: str, event: str, access_key_id: str | None = None) -> Any:
        """The latest record of an account about `event` (by the key, where one is given)."""
        client = self.running.client("cloudtrail", key=self.roots[account_id])
        found = client.lookup_events(LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": event}])["Events"]
        records = [json.loads(one["CloudTrailEvent"]) for one in found]
        for record in records:
            if access_key_id is None or record["userIdentity"].get("accessKeyId") == access_key_id:
                assert record["recipientAccountId"] == account_id
                return record
        raise AssertionError(f"no {event} by {access_key_id} in account {account_id}: {records}")


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Iterator[People]:
    issuer, folder = Issuer(""), tmp_path_factory.mktemp("callers")
    (folder / "issuers.json").write_text(json.dumps({KNOWN.url: KNOWN.keys}))
    settings = {"identity.http_issuers": "true", "identity.issuer_keys": folder / "issuers.json"}
    with issuer.served(), RunningOpenTrail(folder, settings=settings) as running:
        yield People(running, issuer)


def keys(answer: Any) -> tuple[str, str, str]:
    found = answer["Credentials"]
    return found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"]


def creation(record: Any) -> str:
    found = record["userIdentity"]["sessionContext"]["attributes"]["creationDate"]
    assert abs(time.time() - time.mktime(time.strptime(found, "%Y-%m-%dT%H:%M:%SZ")) + time.timezone) < 300
    return str(found)


def test_root_of_two_accounts(people: People) -> None:
    assert stat.S_IMODE(people.second_file.stat().st_mode) == 0o600
    for account_id, key in people.roots.items():
        arn = f"arn:aws:iam::{account_id}:root"
        assert people.aws(key, "sts", "get-caller-identity") == {"UserId": account_id, "Account": account_id, "Arn": arn}
        identity = {"type": "Root", "principalId": account_id, "arn": arn, "accountId": account_id, "accessKeyId": key[0]}
        assert people.record(account_id, "GetCallerIdentity", key[0])["userIdentity"] == identity
    people.aws(people.roots[SECOND], "iam", "create-account-alias", "--account-alias", "second-corp")
    people.aws(people.roots[SECOND], "sts", "get-caller-identity")
    assert people.record(SECOND, "GetCallerIdentity")["userIdentity"]["userName"] == "second-corp"
    listed = json.loads(people.running.opentrail("account", "list", "--json").stdout)
    assert [(one["account_id"], one["name"], one["alias"]) for one in listed] == [(FIRST, None, None), (SECOND, "Second", "second-corp")]
    exported = people.running.opentrail("env", "--account-id", SECOND).stdout
    assert f"AWS_ACCESS_KEY_ID={people.roots[SECOND][0]}\n" in exported
    again = people.running.opentrail("account", "create", "--account-id", SECOND, check=False)
    assert (again.returncode, again.stderr) == (2, f"opentrail: There is an account {SECOND} already.\n")


def test_a_user_with_one_permission(people: People) -> None:
    key = people.user(FIRST, "alice", {"Effect": "Allow", "Action": "iam:ListUsers", "Resource": "*"})
    people.aws(key, "iam", "list-users")
    user_id = people.aws(people.roots[FIRST], "iam", "get-user", "--user-name", "alice")["User"]["UserId"]
    arn = f"arn:aws:iam::{FIRST}:user/alice"
    identity = {
        "type": "IAMUser",
        "principalId": user_id,
        "arn": arn,
        "accountId": FIRST,
        "accessKeyId": key[0],
        "userName": "alice",
    }
    assert people.record(FIRST, "ListUsers", key[0])["userIdentity"] == identity
    people.refused(key, "iam", "list-roles")
    record = people.record(FIRST, "ListRoles", key[0])
    assert (record["userIdentity"], record["errorCode"]) == (identity, "AccessDenied")
    assert record["errorMessage"] == (
        f"User: {arn} is not authorized to perform: iam:ListRoles on resource: arn:aws:iam::{FIRST}:role/ "
        "because no identity-based policy allows the iam:ListRoles action"
    )
    assert (record["requestParameters"], record["responseElements"]) == (None, None)


def test_an_assumed_role_of_ones_own_and_of_another_account(people: People) -> None:
    people.role("runner", {"AWS": FIRST}, "sts:AssumeRole")
    may = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": ROLE}
    key, stranger = people.user(FIRST, "bob", may), people.user(SECOND, "carol", may)
    refusal = people.refused(stranger, "sts", "assume-role", "--role-arn", ROLE, "--role-session-name", "far")
    assert f"User: arn:aws:iam::{SECOND}:user/carol is not authorized to perform: sts:AssumeRole on resource: {ROLE}" in refusal
    assert people.record(SECOND, "AssumeRole", stranger[0])["errorCode"] == "AccessDenied"
    actions = ["sts:AssumeRole", "sts:SetSourceIdentity"]
    statement = {"Effect": "Allow", "Principal": {"AWS": [FIRST, SECOND]}, "Action": actions}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    people.aws(people.roots[FIRST], "iam", "update-assume-role-policy", "--role-name", "runner", "--policy-document", trust)
    people.aws(
        people.roots[FIRST], "iam", "put-user-policy", "--user-name", "bob", "--policy-name", "own", "--policy-document",
        json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:*", "Resource": ROLE}]}),
    )  # fmt: skip
    role_id = people.aws(people.roots[FIRST], "iam", "get-role", "--role-name", "runner")["Role"]["RoleId"]
    for who, account_id, name, more in ((key, FIRST, "near", ("--source-identity", "bob")), (stranger, SECOND, "far", ())):
        session = keys(people.aws(who, "sts", "assume-role", "--role-arn", ROLE, "--role-session-name", name, *more))
        assumed = people.record(account_id, "AssumeRole", who[0])
        assert assumed["userIdentity"]["type"] == "IAMUser"
        assert assumed["requestParameters"]["roleArn"] == ROLE
        assert assumed["responseElements"]["credentials"]["accessKeyId"] == session[0]
        people.aws(session, "iam", "list-users")
        record = people.record(FIRST, "ListUsers", session[0])
        context = {
            "sessionIssuer": {"type": "Role", "principalId": role_id, "arn": ROLE, "accountId": FIRST, "userName": "runner"},
            "webIdFederationData": {},
            "attributes": {"creationDate": creation(record), "mfaAuthenticated": "false"},
        }
        if more:
            context["sourceIdentity"] = "bob"
        assert record["userIdentity"] == {
            "type": "AssumedRole",
            "principalId": f"{role_id}:{name}",
            "arn": f"arn:aws:sts::{FIRST}:assumed-role/runner/{name}",
            "accountId": FIRST,
            "accessKeyId": session[0],
            "sessionContext": context,
        }
        people.refused(session, "iam", "create-user", "--user-name", "nobody")
        refused = people.record(FIRST, "CreateUser", session[0])
        assert (refused["errorCode"], refused["userIdentity"]) == ("AccessDenied", record["userIdentity"])


def test_a_federated_user(people: People) -> None:
    key = people.user(FIRST, "dora", {"Effect": "Allow", "Action": ["sts:GetFederationToken", "cloudtrail:*"], "Resource": "*"})
    policy = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "cloudtrail:ListTrails", "Resource": "*"}]})
    session = keys(people.aws(key, "sts", "get-federation-token", "--name", "guest", "--policy", policy))
    people.aws(session, "cloudtrail", "list-trails")
    record = people.record(FIRST, "ListTrails", session[0])
    identity = record["userIdentity"]
    assert (identity["type"], identity["principalId"]) == ("FederatedUser", f"{FIRST}:guest")
    assert identity["arn"] == f"arn:aws:sts::{FIRST}:federated-user/guest"
    assert identity["sessionContext"]["sessionIssuer"]["userName"] == "dora"
    people.refused(session, "cloudtrail", "describe-trails")
    assert people.record(FIRST, "DescribeTrails", session[0])["errorCode"] == "AccessDenied"


def test_a_web_identity(people: People, tmp_path: Path) -> None:
    host = people.issuer.url.removeprefix("http://")
    provider = people.aws(
        people.roots[FIRST], "iam", "create-open-id-connect-provider", "--url", people.issuer.url, "--client-id-list", "app"
    )["OpenIDConnectProviderArn"]
    assert provider == f"arn:aws:iam::{FIRST}:oidc-provider/{host}"
    people.role("web", {"Federated": provider}, "sts:AssumeRoleWithWebIdentity", StringEquals={f"{host}:sub": "ana"})
    identity = {"type": "WebIdentityUser", "principalId": f"{provider}:app:ana", "userName": "ana", "identityProvider": provider}

    def assume(token: str) -> tuple[str, ...]:
        words = ("--role-arn", WEB_ROLE, "--role-session-name", "site", "--web-identity-token", token)
        return ("sts", "assume-role-with-web-identity", *words)

    token = people.issuer.token(time.time())
    session = keys(people.aws(people.roots[SECOND], *assume(token)))
    record = people.record(FIRST, "AssumeRoleWithWebIdentity")
    assert record["userIdentity"] == identity
    assert record["requestParameters"] == {"roleArn": WEB_ROLE, "roleSessionName": "site"}
    assert record["responseElements"]["subjectFromWebIdentityToken"] == "ana"
    assert token not in json.dumps(record)
    people.aws(session, "iam", "list-users")
    called = people.record(FIRST, "ListUsers", session[0])["userIdentity"]
    assert called["arn"] == f"arn:aws:sts::{FIRST}:assumed-role/web/site"
    assert called["sessionContext"]["webIdFederationData"] == {
        "federatedProvider": provider,
        "attributes": {f"{host}:aud": "app", f"{host}:sub": "ana"},
    }
    refusal = people.refused(people.roots[FIRST], *assume(people.issuer.token(time.time(), sub="eve")))
    assert "(AccessDenied)" in refusal
    assert "Not authorized to perform sts:AssumeRoleWithWebIdentity" in refusal
    record = people.record(FIRST, "AssumeRoleWithWebIdentity")
    assert (record["userIdentity"]["userName"], record["errorCode"]) == ("eve", "AccessDenied")
    refusal = people.refused(people.roots[FIRST], *assume(people.issuer.token(time.time() - 7200)))
    assert "(ExpiredTokenException)" in refusal
    record = people.record(FIRST, "AssumeRoleWithWebIdentity")
    assert (record["userIdentity"], record["errorCode"]) == ({"type": "Unknown"}, "ExpiredTokenException")


def test_a_web_identity_whose_issuer_is_known_by_a_file(people: People) -> None:
    words = ("--url", KNOWN.url, "--client-id-list", "app")
    provider = people.aws(people.roots[FIRST], "iam", "create-open-id-connect-provider", *words)["OpenIDConnectProviderArn"]
    people.role("known", {"Federated": provider}, "sts:AssumeRoleWithWebIdentity")
    role, token = f"arn:aws:iam::{FIRST}:role/known", KNOWN.token(time.time())
    words = ("--role-arn", role, "--role-session-name", "site", "--web-identity-token", token)
    session = keys(people.aws(people.roots[FIRST], "sts", "assume-role-with-web-identity", *words))
    assert people.aws(session, "sts", "get-caller-identity")["Arn"] == f"arn:aws:sts::{FIRST}:assumed-role/known/site"


def test_a_user_with_an_mfa_device(people: People, tmp_path: Path) -> None:
    mfa = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}
    key = people.user(FIRST, "mia", {"Effect": "Allow", "Action": "iam:ListUsers", "Resource": "*", "Condition": mfa})
    seed_file = tmp_path / "seed"
    made = people.aws(
        people.roots[FIRST], "iam", "create-virtual-mfa-device", "--virtual-mfa-device-name", "mia", "--outfile", str(seed_file),
        "--bootstrap-method", "Base32StringSeed",
    )  # fmt: skip
    serial, seed = made["VirtualMFADevice"]["SerialNumber"], seed_file.read_text()

    def code(steps: int) -> str:
        return totp.code(seed, int(time.time()) // totp.STEP + steps)

    codes = ("--authentication-code1", code(-2), "--authentication-code2", code(-1))
    people.aws(people.roots[FIRST], "iam", "enable-mfa-device", "--user-name", "mia", "--serial-number", serial, *codes)
    record = people.record(FIRST, "EnableMFADevice")
    assert record["requestParameters"] == {"userName": "mia", "serialNumber": serial}
    assert people.record(FIRST, "CreateVirtualMFADevice")["responseElements"] == {"virtualMFADevice": {"serialNumber": serial}}
    people.refused(key, "iam", "list-users")
    proof = ("--serial-number", serial, "--token-code", code(0))
    session = keys(people.aws(key, "sts", "get-session-token", *proof))
    people.aws(session, "iam", "list-users")
    attributes = people.record(FIRST, "ListUsers", session[0])["userIdentity"]["sessionContext"]["attributes"]
    assert attributes["mfaAuthenticated"] == "true"
    people.refused(key, "sts", "get-session-token", *proof)
    assert people.record(FIRST, "GetSessionToken", key[0])["errorCode"] == "AccessDenied"


def test_keys_that_nobody_knows_or_that_were_switched_off(people: People) -> None:
    unknown = ("AKIA" + "Q" * 16, "x" * 40)
    assert "(InvalidClientTokenId)" in people.refused(unknown, "sts", "get-caller-identity")
    record = people.record(FIRST, "GetCallerIdentity", unknown[0])
    assert (record["userIdentity"]["type"], record["errorCode"]) == ("Unknown", "InvalidClientTokenId")
    key = people.user(FIRST, "finn")
    people.aws(people.roots[FIRST], "iam", "update-access-key", "--user-name", "finn", "--access-key-id", key[0], "--status", "Inactive")
    assert "(InvalidClientTokenId)" in people.refused(key, "sts", "get-caller-identity")
    wrong = (people.roots[SECOND][0], "x" * 40)
    assert "(SignatureDoesNotMatch)" in people.refused(wrong, "sts", "get-caller-identity")
    record = people.record(SECOND, "GetCallerIdentity", wrong[0])
    assert record["userIdentity"] == {"type": "Unknown", "accountId": SECOND, "accessKeyId": wrong[0]}
