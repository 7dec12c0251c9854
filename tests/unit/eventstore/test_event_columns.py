"""What is taken out of a record: time, names, user, category."""

from __future__ import annotations

import calendar
import json
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opentrail.eventstore.columns import COLUMNS, Undecodable, epoch, extract, from_row, to_arrow, username
from simulators.event_journal import made

REAL = Path(__file__).resolve().parents[4] / "shared/data/delivered-log-files"

USERNAMES = [
    # type, userName, principalId, arn, Username
    ("IAMUser", "ana", "AIDAEXAMPLEUSER00001", "arn:aws:iam::111122223333:user/ana", "ana"),
    ("IAMUser", "HIDDEN_DUE_TO_SECURITY_REASONS", None, None, "HIDDEN_DUE_TO_SECURITY_REASONS"),
    ("Root", None, "111122223333", "arn:aws:iam::111122223333:root", "root"),
    ("Root", "our-alias", "111122223333", "arn:aws:iam::111122223333:root", "root"),
    ("AssumedRole", None, "AROAEXAMPLEROLE0001:deploy-7", "arn:aws:sts::1:assumed-role/Deployer/deploy-7", "deploy-7"),
    ("AssumedRole", None, None, "arn:aws:sts::1:assumed-role/Deployer/deploy-7", "deploy-7"),
    ("AssumedRole", None, None, None, None),
    ("FederatedUser", None, "111122223333:mary", "arn:aws:sts::111122223333:federated-user/mary", "mary"),
    ("SAMLUser", "sub-1", "q:sub-1", None, "sub-1"),
    ("WebIdentityUser", "user-9", "accounts.google.com:app:user-9", None, "user-9"),
    ("AWSService", None, None, None, None),
    ("AWSAccount", None, "AROAEXAMPLEROLE0009:x", None, None),
    (None, None, None, None, None),
]


@pytest.mark.parametrize(("kind", "user_name", "principal_id", "arn", "expected"), USERNAMES)
def test_the_user_name_depends_on_the_kind_of_identity(
    kind: str | None, user_name: str | None, principal_id: str | None, arn: str | None, expected: str | None
) -> None:
    assert username(kind, user_name, principal_id, arn) == expected


@given(st.integers(0, 4_102_444_799))
def test_times_are_read_as_they_are_printed(at: int) -> None:
    assert epoch(time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))) == at


@given(st.text(max_size=30) | st.from_regex(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", fullmatch=True))
def test_a_text_is_a_time_or_refused(text: str) -> None:
    try:
        at = epoch(text)
    except Undecodable:
        return
    printed = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at))
    assert text.startswith(printed) or text[17:19] == "60"


@pytest.mark.parametrize(
    ("members", "category"),
    [
        ({}, "Management"),
        ({"eventCategory": None}, "Management"),
        ({"eventCategory": None, "managementEvent": False}, "Data"),
        ({"eventCategory": "NetworkActivity"}, "NetworkActivity"),
    ],
)
def test_records_from_before_categories_have_one_too(members: dict[str, Any], category: str) -> None:
    assert extract(1, made(1, **members)).category == category


def test_an_insights_event_has_the_names_of_the_call_it_concerns() -> None:
    details = {"state": "Start", "eventSource": "iam.amazonaws.com", "eventName": "DeleteRole"}
    event = extract(1, made(1, eventName=None, eventSource=None, userIdentity=None, eventCategory="Insight", insightDetails=details))
    assert (event.event_source, event.event_name, event.category) == ("iam.amazonaws.com", "DeleteRole", "Insight")
    assert (event.username, event.access_key_id) == (None, None)


def test_empty_access_keys_are_none() -> None:
    assert extract(1, made(1, userIdentity={"type": "IAMUser", "accessKeyId": ""})).access_key_id is None


def test_parameters_of_any_shape_are_taken() -> None:
    for odd in (None, [], "text", 7, {"userName": 7}, {"userName": None}, {"a": {"b": [[{"userName": "deep"}]]}}):
        assert extract(1, made(1, requestParameters=odd)).event_id == "event-1"


def test_columns_and_back() -> None:
    events = [extract(1, made(1)), extract(2, made(2, readOnly=None, userIdentity=None, resources=[{"ARN": "arn:aws:s3:::b"}]))]
    table = to_arrow(events)
    rows = table.to_pydict()
    rows["event_time"] = [int(at.timestamp()) for at in rows["event_time"]]
    assert [from_row([rows[name][index] for name in COLUMNS]) for index in range(2)] == events


@pytest.mark.skipif(not REAL.is_dir(), reason="the real log files are not beside this repository")
def test_every_real_record_is_understood() -> None:
    count = 0
    for path in sorted(REAL.glob("*.json")):
        for number, record in enumerate(json.loads(path.read_text())["Records"]):
            event = extract(number, json.dumps(record).encode())
            count += 1
            assert (event.event_id, event.event_name, event.region) == (record["eventID"], record["eventName"], record["awsRegion"])
            assert event.time == calendar.timegm(time.strptime(record["eventTime"], "%Y-%m-%dT%H:%M:%SZ"))
            assert event.account_id == record["recipientAccountId"]
            assert event.category == "Management"
    assert count > 2_000
