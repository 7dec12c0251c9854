"""A canary through every service that takes a secret: nothing that OpenTrail writes shows it.

The front is the real one, but for the socket; the upstream answers half of the calls with an error that quotes the canary and the other
half with a result that repeats it wherever a text can be. Looked through: the records, what is logged, the state database.
"""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from opentrail.api.forward import Forward
from opentrail.api.iam import IAM
from opentrail.clock import ManualClock
from opentrail.identity import Identities
from opentrail.storage.database import Database
from opentrail.wire import serialise
from opentrail.wire.faults import Fault
from opentrail.wire.http import Headers, Request, Response
from opentrail.wire.models import Catalogue, Operation
from simulators.canaries import CANARY, example, request_of, secrets_of
from simulators.front_door import ACCOUNT, Everything, Fake, FrontDoor
from simulators.told_upstream import ToldProxy

MODELS = Catalogue(keep=4)
MOST = 8
"""Operations of one service; more of them say little more."""
FULLY = ("cognito-idp", "ec2", "iam", "kms", "rds", "secretsmanager", "ssm")
LEFT_OUT = {"s3", "s3control"}
"""Told by the bucket in the host or the path: tried one by one below."""
FORMS = (CANARY.encode(), base64.b64encode(CANARY.encode()))


def _operations(service: str) -> list[tuple[str, tuple[str, ...]]]:
    model = MODELS.service(service).model
    found = []
    for operation in model.operation_names:
        paths = list(secrets_of(model.operation_model(operation).input_shape))
        if paths:
            found.append((operation, paths[0]))
    return found if service in FULLY else found[:MOST]


CASES = {service: found for service in MODELS.listings if service not in LEFT_OUT for found in [_operations(service)] if found}


class _Refusing(Fault):
    status = 400


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FrontDoor]:
    folder = tmp_path_factory.mktemp("front")
    proxy = ToldProxy(lambda request: (200, {}, b""))
    made = FrontDoor(folder, upstream=Forward(proxy=proxy), selection=Everything(), models=MODELS)  # type: ignore[arg-type]
    made.proxy, made.folder = proxy, folder  # type: ignore[attr-defined]
    yield made
    made.close()


def _wire(response: Response) -> tuple[int, dict[str, str], bytes]:
    assert isinstance(response.body, bytes)
    return response.status, dict(response.headers), response.body


def _error(operation: Operation) -> tuple[int, dict[str, str], bytes]:
    fault = _Refusing(f"1 validation error: value '{CANARY}' at 'it' failed to satisfy constraint ({CANARY})")
    return _wire(serialise.fault(operation.service, fault, request_id="u-1", operation=operation))


def _result(operation: Operation) -> tuple[int, dict[str, str], bytes]:
    shape = operation.model.output_shape
    try:
        result = example(shape, None, CANARY) if shape is not None else {}
        return _wire(serialise.serialise(operation, result, request_id="u-1", status=200))
    except (TypeError, ValueError, AssertionError, AttributeError):
        return 200, {}, json.dumps({"Name": CANARY}).encode()


def _clean(written: bytes) -> bool:
    return not any(form in written for form in FORMS)


@pytest.mark.parametrize("service", list(CASES))
def test_a_secret_goes_through_and_stays_nowhere(service: str, door: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="opentrail")
    wire = MODELS.service(service)
    for name, path in CASES[service]:
        operation = wire.operation(name)
        parameters = example(operation.model.input_shape, path)
        request = request_of(operation.model, parameters)
        signed = door.signed(
            wire.signing_name, request.method, request.path, query=request.query, headers=dict(request.headers), body=request.body
        )
        for answer in (_error(operation), _result(operation)):
            door.proxy.answers = lambda request, answer=answer: answer
            door.journal.records.clear()
            answered = door.ask(signed)
            assert answered.status == answer[0], (name, answered.text[:200])
            assert door.journal.records, name
            for record in door.journal.records:
                assert _clean(record), (name, path, record)
    assert _clean("\n".join(entry.getMessage() + str(entry.exc_text) for entry in caplog.records).encode())


def test_many_operations_of_every_protocol_are_tried() -> None:
    assert sum(len(found) for found in CASES.values()) >= 300
    protocols = {MODELS.service(service).protocol for service in CASES}
    assert {"json", "query", "ec2", "rest-json", "rest-xml", "smithy-rpc-v2-cbor"} <= protocols


def _put(door: Any, path: str, query: str = "", **headers: str) -> Request:
    lines = {name.replace("_", "-"): value for name, value in headers.items()}
    token = lines.pop("x-amz-security-token", None)
    signed: Request = door.signed("s3", "PUT", path, query=query, headers=lines)
    if token is None:
        return signed
    return Request(method="PUT", path=path, query=query, headers=Headers([*signed.headers, ("x-amz-security-token", token)]))


@pytest.mark.parametrize(
    "how",
    [
        {"x_amz_security_token": CANARY},
        {"x_amz_server_side_encryption_customer_key": base64.b64encode(CANARY.encode()).decode()},
        {"x_amz_copy_source_server_side_encryption_customer_key": CANARY},
        {"x_amz_mfa": f"arn:aws:iam::111122223333:mfa/a {CANARY}"},
        {"referer": f"https://ana:{CANARY}@example.com/"},
        {"user_agent": f"crawler/1.0 (+https://ana:{CANARY}@example.com/about)"},
        {"cookie": f"session={CANARY}"},
        {"x_forwarded_authorization": f"Basic {CANARY}"},
    ],
    ids=lambda how: next(iter(how)),
)
@pytest.mark.parametrize("fails", [False, True])
def test_headers_of_s3_stay_out(how: dict[str, str], fails: bool, door: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="opentrail")
    body = f"<Error><Code>InvalidRequest</Code><Message>The header {next(iter(how.values()))} is bad</Message></Error>".encode()
    door.proxy.answers = lambda request: (400 if fails else 200, {}, body if fails else b"")
    door.journal.records.clear()
    door.ask(_put(door, "/b", "versioning=", **how))
    (record,) = door.journal.records
    assert _clean(record)
    assert _clean(caplog.text.encode())


@pytest.mark.parametrize("name", ["X-Amz-Signature", "X-Amz-Security-Token", "X-Amz-Credential", "Signature"])
def test_a_presigned_url_leaves_nothing_behind(name: str, door: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="opentrail")
    door.proxy.answers = lambda request: (403, {}, f"<Error><Code>AccessDenied</Code><Message>{CANARY}</Message></Error>".encode())
    door.journal.records.clear()
    query = f"acl=&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date=20260105T101112Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host&{name}={CANARY}"
    door.ask(Request(method="GET", path="/b", query=query, headers=Headers([("host", "127.0.0.1:4747")])))
    assert all(_clean(record) for record in door.journal.records)
    assert _clean(caplog.text.encode())


def test_what_a_request_was_signed_with_is_not_recorded(door: Any) -> None:
    request = door.json("DescribeTrails", {})
    authorization = request.headers.get("authorization") or ""
    signature = authorization.rpartition("Signature=")[2]
    said = json.dumps({"__type": "InvalidSignatureException", "message": f"{authorization} does not match"}).encode()
    door.proxy.answers = lambda request: (400, {}, said)
    door.journal.records.clear()
    door.ask(request)
    (record,) = door.journal.records
    assert b"InvalidSignatureException" in record
    assert signature.encode() not in record


def test_a_handler_that_breaks_tells_nobody_its_parameters(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def broken(call: Any) -> None:
        raise _Refusing(f"Password {call.parameters['Password']} is too short")

    front = FrontDoor(tmp_path, services=[Fake("iam", {"CreateLoginProfile": broken})])
    front.ask(front.query("iam", "CreateLoginProfile", "2010-05-08", fields={"UserName": "ana", "Password": CANARY}))
    assert front.record["errorMessage"] == "Password HIDDEN_DUE_TO_SECURITY_REASONS is too short"
    assert all(_clean(record) for record in front.journal.records)
    assert _clean(caplog.text.encode())
    front.close()


def test_our_own_iam_keeps_passwords_and_keys_to_itself(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Neither records nor logs nor error answers show one, and the state database has it sealed or hashed."""
    caplog.set_level(logging.DEBUG, logger="opentrail")
    (tmp_path / "keys").mkdir()
    identities = Identities(Database.at(tmp_path / "iam.db"), tmp_path / "keys", ManualClock(), account_id=ACCOUNT)
    identities.ensure_root(ACCOUNT)
    front = FrontDoor(tmp_path, services=[IAM(identities, MODELS.service("iam").model)])
    written = []
    for action, fields in (
        ("CreateUser", {"UserName": "ana"}),
        ("CreateAccessKey", {"UserName": "ana"}),
        ("CreateLoginProfile", {"UserName": "ana", "Password": CANARY}),
        ("CreateLoginProfile", {"UserName": "nobody", "Password": CANARY}),
        ("UpdateLoginProfile", {"UserName": "ana", "Password": CANARY + "2"}),
        ("UpdateLoginProfile", {"UserName": "ana", "Password": "x" * 200 + CANARY}),
    ):
        answered = front.ask(front.query("iam", action, "2010-05-08", fields=fields))
        written.append(answered.body)
    secret_key = written[1].partition(b"<SecretAccessKey>")[2].partition(b"<")[0]
    assert len(secret_key) > 30
    kept = b"".join(file.read_bytes() for file in tmp_path.glob("*.db*")) + b"".join(front.journal.records) + caplog.text.encode()
    assert secret_key not in kept
    assert _clean(kept + b"".join(written))
    assert len(front.journal.records) == 6
    front.close()


def test_an_ordinary_error_message_is_left_as_it_is(door: Any) -> None:
    said = b'{"__type":"ResourceNotFoundException","Message":"Secret audit-db in us-east-1 not found for audit-db"}'
    door.proxy.answers = lambda request: (400, {}, said)
    door.journal.records.clear()
    operation = MODELS.service("secretsmanager").operation("PutSecretValue")
    made = request_of(operation.model, {"SecretId": "audit-db", "SecretString": CANARY, "ClientRequestToken": "t"})
    door.ask(door.signed("secretsmanager", "POST", "/", headers=dict(made.headers), body=made.body))
    assert json.loads(door.journal.records[0])["errorMessage"] == "Secret audit-db in us-east-1 not found for audit-db"
