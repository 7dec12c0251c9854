"""Sign-in and network activity events, as CloudTrail prints them: golden pairs in the shapes of delivered files and of the user guide
(all ids are invented), and the delivered files themselves where they lie beside the repository."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from opentrail.events import logfile
from opentrail.events import record as records
from opentrail.identity.principals import Principal
from opentrail.recorder import Observation, Recorder, Tls, sign_in
from opentrail.recorder.sign_in import SignInEvent, sign_in_event
from opentrail.recorder.user_identity import user_identity
from opentrail.wire.models import Catalogue

HERE = Path(__file__).parent
FILES = HERE.parents[2] / "shared" / "data" / "delivered-log-files"
SIGN_IN = [json.loads(line) for line in (HERE / "sign_in.jsonl").read_text().splitlines()]
NETWORK = [json.loads(line) for line in (HERE / "network_activity.jsonl").read_text().splitlines()]


def _identity(kind: str, who: Mapping[str, Any] | None, account_id: str) -> Mapping[str, Any]:
    if who is None:
        return sign_in.unknown_user(account_id)
    made = {"user_identity": user_identity}.get(kind) or getattr(sign_in, kind)
    return dict(made(Principal(**who)))


def _event(given: Mapping[str, Any], identity: Mapping[str, Any], record: Mapping[str, Any]) -> SignInEvent:
    tls = Tls(**given["tls"]) if given["tls"] else None
    at = datetime.fromisoformat(record["eventTime"]).timestamp()
    return SignInEvent(**{**given, "tls": tls}, identity=identity, time=at, event_id=record["eventID"])


@pytest.mark.parametrize("pair", SIGN_IN, ids=[pair["what"] for pair in SIGN_IN])
def test_a_step_of_signing_in_is_printed_as_cloudtrail_prints_it(pair: dict[str, Any]) -> None:
    identity = _identity(pair["identity"], pair["who"], pair["given"]["account_id"])
    made = sign_in_event(_event(pair["given"], identity, pair["record"]))
    assert made == records.encode(pair["record"])


@pytest.mark.parametrize("pair", NETWORK, ids=[pair["what"] for pair in NETWORK])
def test_network_activity_is_printed_as_cloudtrail_prints_it(pair: dict[str, Any]) -> None:
    expected = pair["record"]
    at = datetime.fromisoformat(expected["eventTime"]).timestamp()
    ids = iter((expected["eventID"], expected["sharedEventID"]))
    recorder = Recorder(Catalogue(), new_event_id=lambda: next(ids))
    made = recorder.describe_network(Observation(principal=Principal(**pair["who"]), time=at, **pair["given"]), denied=pair["denied"])
    assert made == records.encode(expected)


def test_the_order_of_keys_is_that_of_delivered_files() -> None:
    for pair in (*SIGN_IN, *NETWORK):
        places = [records.ORDER.index(key) for key in pair["record"]]
        assert places == sorted(places), pair["what"]


def test_delivered_sign_ins_come_out_as_they_were() -> None:
    if not FILES.is_dir():
        pytest.skip(f"no delivered log files at {FILES.name} beside the repository")
    delivered = [json.loads(entry) for file in sorted(FILES.glob("*.json")) for entry in logfile.read(file.read_bytes())]
    found = [record for record in delivered if record["eventSource"] == "signin.amazonaws.com"]
    assert {record["eventName"] for record in found} == {"ConsoleLogin", "CheckMfa"}
    for record in found:
        who, tls, name = record["userIdentity"], record["tlsDetails"], record["eventName"]
        principal = Principal(
            type=who["type"],
            account_id=who["accountId"],
            principal_id=who["principalId"],
            arn=f"arn:aws:iam::{who['accountId']}:user/{who['userName']}",
            user_name=who["userName"],
        )
        given = {
            "name": name,
            "account_id": record["recipientAccountId"],
            "region": record["awsRegion"],
            "source_ip": record["sourceIPAddress"],
            "user_agent": record["userAgent"],
            "host": tls["clientProvidedHostHeader"],
            "tls": {"version": tls["tlsVersion"], "cipher_suite": tls["cipherSuite"]},
            "additional": record["additionalEventData"],
        }
        identity = sign_in.not_signed_in(principal) if name == "CheckMfa" else sign_in.signed_in(principal)
        made = json.loads(sign_in_event(_event(given, identity, record)))
        assert list(made.items()) == list((record | {"eventVersion": "1.11"}).items())
        assert list(made["userIdentity"]) == list(who)
        more = record["additionalEventData"]
        if name == "ConsoleLogin":
            told = sign_in.login_data(
                login_to=more["LoginTo"],
                user_agent=record["userAgent"],
                mfa_used=more["MFAUsed"] == "Yes",
                mfa_identifier=more.get("MFAIdentifier"),
            )
            assert list(told.items()) == list(more.items())
