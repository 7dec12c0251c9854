"""Signing in to a running OpenTrail over TLS, as a console and as an identity broker do it; the AWS CLI finds the events."""

from __future__ import annotations

import gzip
import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import botocore.session
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from opentrail.events.service_event import ServiceEvent
from opentrail.server.folder import DataFolder
from opentrail.storage.database import Database
from opentrail.storage.outbox import Outbox
from simulators.certificates import Certificate
from simulators.running import RunningOpenTrail, wait_for

ACCOUNT = "123456789012"
PASSWORD = "correct-Horse-7"
TRUST = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}]}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningOpenTrail]:
    folder: Path = tmp_path_factory.mktemp("signin")
    certificate = Certificate.made(folder)
    settings = {"front.tls_certificate": certificate.certificate, "front.tls_key": certificate.key, "trails.delivery_interval": 0.5}
    with RunningOpenTrail(folder, options=["--listen", "http://127.0.0.1:0"], settings=settings) as made:
        iam = made.client("iam")
        iam.create_user(UserName="ana")
        iam.create_login_profile(UserName="ana", Password=PASSWORD)
        iam.attach_user_policy(UserName="ana", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
        iam.create_role(RoleName="Auditor", AssumeRolePolicyDocument=json.dumps(TRUST))
        iam.attach_role_policy(RoleName="Auditor", PolicyArn="arn:aws:iam::aws:policy/ReadOnlyAccess")
        yield made


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


def send(running: RunningOpenTrail, request: urllib.request.Request) -> tuple[int, Any, Any]:
    """Status, headers and JSON of an answer; redirects are not followed."""
    opener = urllib.request.build_opener(_Stay, urllib.request.HTTPSHandler(context=running.trust))
    try:
        with opener.open(request, timeout=90) as answer:
            status, headers, body = answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            status, headers, body = error.code, error.headers, error.read()
    return status, headers, json.loads(body) if body else None


def post(running: RunningOpenTrail, path: str, body: Any, key: tuple[str, str, str] | None = None, **headers: str) -> tuple[int, Any, Any]:
    """POST JSON; signed with botocore's own signer where there is a `key`."""
    url, data = running.endpoint + path, json.dumps(body).encode()
    headers = {"content-type": "application/json", "user-agent": "Mozilla/5.0 Firefox/140.0", **headers}
    if key is not None:
        unsigned = AWSRequest(method="POST", url=url, data=data, headers=headers)
        SigV4Auth(Credentials(*key), "signin", "us-east-1").add_auth(unsigned)
        headers = dict(unsigned.headers.items())
    return send(running, urllib.request.Request(url, data=data, headers=headers, method="POST"))


def keys(answer: Any) -> tuple[str, str, str]:
    given = answer["credentials"]
    return given["accessKeyId"], given["secretAccessKey"], given["sessionToken"]


def found(running: RunningOpenTrail, name: str) -> list[Any]:
    """What the AWS CLI finds under an event name, the newest first."""
    attribute = f"AttributeKey=EventName,AttributeValue={name}"
    bundle = running.address["ca_bundle"]
    answer = json.loads(running.aws("--ca-bundle", bundle, "cloudtrail", "lookup-events", "--lookup-attributes", attribute).stdout)
    return [json.loads(event["CloudTrailEvent"]) for event in answer["Events"]]


def test_the_printed_environment_speaks_tls(running: RunningOpenTrail) -> None:
    lines = dict(line.removeprefix("export ").split("=", 1) for line in running.opentrail("env").stdout.splitlines() if "=" in line)
    assert lines["AWS_ENDPOINT_URL"].startswith("https://127.0.0.1:")
    session = botocore.session.get_session()
    client = session.create_client(
        "sts",
        region_name=lines["AWS_DEFAULT_REGION"],
        endpoint_url=lines["AWS_ENDPOINT_URL"],
        aws_access_key_id=lines["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=lines["AWS_SECRET_ACCESS_KEY"],
        verify=lines["AWS_CA_BUNDLE"],
    )
    assert client.get_caller_identity()["Account"] == ACCOUNT
    record = found(running, "GetCallerIdentity")[0]
    assert record["tlsDetails"]["tlsVersion"] == "TLSv1.3"
    assert record["tlsDetails"]["cipherSuite"].startswith("TLS_")
    running.opentrail("lookup", "--most", "1")  # our own verbs believe the certificate too


def test_the_plain_listener_beside_it_is_not_a_secure_transport(running: RunningOpenTrail) -> None:
    plain = next(line.split()[3] for line in running.log.read_text().splitlines() if line.startswith("It listens on http://"))
    s3 = running.client("s3", endpoint=plain)
    s3.create_bucket(Bucket="over-plain-http")
    record = found(running, "CreateBucket")[0]
    assert "tlsVersion" not in record.get("tlsDetails", {})


def test_a_person_signs_in_works_switches_the_role_and_leaves_it(running: RunningOpenTrail) -> None:
    status, _, answer = post(running, "/_opentrail/signin", {"userName": "ana", "password": PASSWORD, "loginTo": "/console/"})
    assert status == 200, answer
    ana = keys(answer)
    assert running.client("sts", key=ana).get_caller_identity()["Arn"] == f"arn:aws:iam::{ACCOUNT}:user/ana"
    running.client("iam", key=ana).list_users()
    status, _, answer = post(running, "/_opentrail/signin/switch-role", {"account": ACCOUNT, "roleName": "Auditor"}, ana)
    assert status == 200, answer
    role = keys(answer)
    assert running.client("sts", key=role).get_caller_identity()["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/Auditor/ana"
    status, _, answer = post(running, "/_opentrail/signin/exit-role", {}, role)
    assert status == 200, answer
    with pytest.raises(Exception, match="ExpiredToken"):
        running.client("sts", key=role).get_caller_identity()
    login = found(running, "ConsoleLogin")[0]
    assert login["responseElements"] == {"ConsoleLogin": "Success"}
    assert login["additionalEventData"]["LoginTo"] == running.endpoint + "/console/"
    assert login["tlsDetails"]["tlsVersion"] == "TLSv1.3"
    assert found(running, "ListUsers")[0]["sessionCredentialFromConsole"] == "true"
    assert found(running, "SwitchRole")[0]["additionalEventData"]["SwitchFrom"] == f"arn:aws:iam::{ACCOUNT}:user/ana"
    assert found(running, "AssumeRole")[0]["userIdentity"]["invokedBy"] == "AWS Internal"
    assert found(running, "ExitRole")[0]["responseElements"] == {"ExitRole": "Success"}


def test_a_password_that_must_be_changed_lets_its_owner_do_that_only(running: RunningOpenTrail) -> None:
    iam = running.client("iam")
    iam.create_user(UserName="cleo")
    iam.create_login_profile(UserName="cleo", Password=PASSWORD, PasswordResetRequired=True)
    iam.attach_user_policy(UserName="cleo", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    _, _, answer = post(running, "/_opentrail/signin", {"userName": "cleo", "password": PASSWORD})
    assert answer["passwordResetRequired"] is True
    cleo = running.client("iam", key=keys(answer))
    with pytest.raises(Exception, match="AccessDenied"):
        cleo.list_users()
    cleo.change_password(OldPassword=PASSWORD, NewPassword="another-Horse-8")
    _, _, answer = post(running, "/_opentrail/signin", {"userName": "cleo", "password": "another-Horse-8"})
    assert answer["passwordResetRequired"] is False
    running.client("iam", key=keys(answer)).list_users()


def test_a_wrong_name_and_a_wrong_password_look_the_same(running: RunningOpenTrail) -> None:
    wrong = post(running, "/_opentrail/signin", {"userName": "ana", "password": "wrong"})
    nobody = post(running, "/_opentrail/signin", {"userName": PASSWORD, "password": "wrong"})
    assert (wrong[0], wrong[2]) == (nobody[0], nobody[2]) == (401, wrong[2])
    unknown, known = found(running, "ConsoleLogin")[:2]
    assert {known["errorMessage"], unknown["errorMessage"]} == {"Failed authentication", "No username found in supplied account"}
    assert "HIDDEN_DUE_TO_SECURITY_REASONS" in {known["userIdentity"]["userName"], unknown["userIdentity"]["userName"]}


def test_root_signs_in_with_its_key(running: RunningOpenTrail) -> None:
    status, _, answer = post(running, "/_opentrail/signin", {"accessKeyId": running.key[0], "secretAccessKey": running.key[1]})
    assert status == 200, answer
    assert running.client("sts", key=keys(answer)).get_caller_identity()["Arn"] == f"arn:aws:iam::{ACCOUNT}:root"
    assert found(running, "ConsoleLogin")[0]["userIdentity"]["type"] == "Root"


def test_a_broker_makes_a_link(running: RunningOpenTrail) -> None:
    made = running.client("iam").create_access_key(UserName="ana")["AccessKey"]
    sts = running.client("sts", key=(made["AccessKeyId"], made["SecretAccessKey"]))
    given = sts.assume_role(RoleArn=f"arn:aws:iam::{ACCOUNT}:role/Auditor", RoleSessionName="bo")["Credentials"]
    session = {"sessionId": given["AccessKeyId"], "sessionKey": given["SecretAccessKey"], "sessionToken": given["SessionToken"]}
    base = running.endpoint + "/_opentrail/federation?"
    query = urlencode({"Action": "getSigninToken", "SessionDuration": 3600, "Session": json.dumps(session)})
    status, _, answer = send(running, urllib.request.Request(base + query))
    assert status == 200, answer
    query = urlencode(
        {"Action": "login", "Issuer": "https://idp.example", "Destination": "/console/", "SigninToken": answer["SigninToken"]}
    )
    status, headers, _ = send(running, urllib.request.Request(base + query))
    assert (status, headers["location"]) == (302, "/console/")
    assert "; Secure" in headers["set-cookie"]
    status, _, answer = post(running, "/_opentrail/signin/credentials", {}, cookie=headers["set-cookie"].partition(";")[0])
    assert status == 200, answer
    console = keys(answer)
    assert running.client("sts", key=console).get_caller_identity()["Arn"].endswith("assumed-role/Auditor/bo")
    assert found(running, "GetSigninToken")[0]["responseElements"]["credentials"]["accessKeyId"] == console[0]
    assert found(running, "ConsoleLogin")[0]["userIdentity"]["accessKeyId"] == console[0]


def test_signing_in_reaches_a_trail(running: RunningOpenTrail) -> None:
    s3, cloudtrail = running.client("s3"), running.client("cloudtrail")
    s3.create_bucket(Bucket="sign-in-logs")
    statement = {"Effect": "Allow", "Principal": {"Service": "cloudtrail.amazonaws.com"}}
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {**statement, "Action": "s3:GetBucketAcl", "Resource": "arn:aws:s3:::sign-in-logs"},
            {**statement, "Action": "s3:PutObject", "Resource": "arn:aws:s3:::sign-in-logs/*"},
        ],
    }
    s3.put_bucket_policy(Bucket="sign-in-logs", Policy=json.dumps(policy))
    cloudtrail.create_trail(Name="sign-in", S3BucketName="sign-in-logs")
    cloudtrail.start_logging(Name="sign-in")
    post(running, "/_opentrail/signin", {"userName": "ana", "password": PASSWORD})

    def delivered() -> bool:
        listed = s3.list_objects_v2(Bucket="sign-in-logs").get("Contents", [])
        return any(
            b'"ConsoleLogin"' in gzip.decompress(s3.get_object(Bucket="sign-in-logs", Key=one["Key"])["Body"].read()) for one in listed
        )

    wait_for(delivered)


def test_an_event_of_a_service_is_found_within_a_second(running: RunningOpenTrail) -> None:
    database = Database.at(DataFolder(running.data).state)
    event = ServiceEvent(
        event_source="kms.amazonaws.com",
        event_name="RotateKey",
        account_id=ACCOUNT,
        region="us-east-1",
        time=time.time(),
        details={"rotationType": "AUTOMATIC"},
    )
    outbox = Outbox(database)
    with database.begin() as connection:
        outbox.put(connection, event)
    database.close()
    wait_for(lambda: [record for record in found(running, "RotateKey") if record["eventID"] == event.event_id])
