"""What each integration maps, on samples in the vendor's format; the original stays, within the limits and without secrets."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opentrail.api.cloudtrail_data import entries
from opentrail.api.cloudtrail_data.entries import Entry
from opentrail.events import activity
from opentrail.lake.integrations.integration import KINDS
from opentrail.lake.integrations.mapping import Mapped, MappingError, Unmapped, built_in, read
from opentrail.lake.integrations.pulling import written

ACCOUNT = "123456789012"


def mapped(name: str, event: Any) -> dict[str, Any]:
    data = built_in(name).event_data(event, account_id=ACCOUNT)
    assert activity.problem(data) is None
    return data


def shown(data: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in data.items() if name != "additionalEventData"}


def test_github_audit_log(sample: Any) -> None:
    create, clone, update = sample("github.json")
    assert mapped("github", create) == {
        "version": "1",
        "eventSource": "github.com",
        "eventName": "repo.create",
        "eventTime": "2026-01-05T10:11:12Z",
        "UID": "Xk1-aaaa",
        "userIdentity": {
            "type": "User",
            "principalId": "ana-octo",
            "details": {"id": 4711, "access": "Personal access token (classic)", "tokenId": 123456, "country": "CH"},
        },
        "userAgent": "Mozilla/5.0",
        "sourceIPAddress": "198.51.100.7",
        "requestParameters": {
            "resource": "acme/orders",
            "organization": "acme",
            "enterprise": "acme-inc",
            "operation": "create",
            "visibility": "private",
            "requestId": "AB:CD",
        },
        "recipientAccountId": ACCOUNT,
        "additionalEventData": {"original": create},
    }
    assert mapped("github", clone)["userIdentity"] == {"type": "Bot", "principalId": "ci-bot"}
    last = mapped("github", update)
    assert (last["userIdentity"]["principalId"], last["eventTime"], "sourceIPAddress" in last) == ("4711", "2026-01-05T10:11:30Z", False)
    assert last["additionalEventData"]["original"] == update


def test_okta_system_log(sample: Any) -> None:
    good, bad = sample("okta.json")
    assert shown(mapped("okta", good)) == {
        "version": "0",
        "eventSource": "okta.com",
        "eventName": "user.session.start",
        "eventTime": "2026-01-05T10:11:12Z",
        "UID": good["uuid"],
        "userIdentity": {"type": "User", "principalId": "ana@example.com", "details": {"id": "00u1", "displayName": "Ana A"}},
        "userAgent": "Mozilla/5.0",
        "sourceIPAddress": "2001:db8::7",
        "requestParameters": {"resource": "Orders", "targets": good["target"], "requestUri": "/api/v1/authn", "transaction": "tx-1"},
        "responseElements": {"result": "SUCCESS"},
        "recipientAccountId": ACCOUNT,
    }
    failed = mapped("okta", bad)
    assert (failed["errorCode"], failed["errorMessage"]) == ("FAILURE", "INVALID_CREDENTIALS")
    assert failed["additionalEventData"]["original"] == bad


def test_kubernetes_audit_events(sample: Any) -> None:
    received, forbidden, secret = [{"apiVersion": "audit.k8s.io/v1", **item} for item in sample("kubernetes.json")["items"]]
    told = mapped("kubernetes", forbidden)
    assert shown(told) == {
        "version": "audit.k8s.io/v1",
        "eventSource": "kubernetes",
        "eventName": "delete pods",
        "eventTime": "2026-01-05T10:11:13Z",
        "UID": "9d2f0b1e-0000-4000-8000-000000000001/ResponseComplete",
        "userIdentity": {"type": "User", "principalId": "ana", "details": {"uid": "u-1", "groups": ["system:authenticated"]}},
        "userAgent": "kubectl/v1.31.0",
        "sourceIPAddress": "198.51.100.7",
        "requestParameters": {
            "resource": "web-1",
            "namespace": "shop",
            "kind": "pods",
            "requestURI": "/api/v1/namespaces/shop/pods/web-1",
            "stage": "ResponseComplete",
            "level": "Metadata",
        },
        "responseElements": {"statusCode": 403, "decision": "forbid", "reason": ""},
        "errorCode": "Forbidden",
        "errorMessage": 'pods "web-1" is forbidden',
        "recipientAccountId": ACCOUNT,
    }
    assert mapped("kubernetes", received)["UID"] != told["UID"]
    assert "errorCode" not in mapped("kubernetes", received)
    hidden = mapped("kubernetes", secret)
    assert hidden["userIdentity"]["type"] == "ServiceAccount"
    assert "c3dvcmRmaXNo" not in json.dumps(hidden)
    assert hidden["additionalEventData"]["original"]["objectRef"]["name"] == "db"


def test_github_webhook(sample: Any) -> None:
    payload = sample("github-webhook.json")
    data = mapped("github-webhook", {"event": "team", "delivery": "d-1", "arrived": 1767607872, "payload": payload})
    assert (data["eventName"], data["eventTime"], data["UID"]) == ("team.added_to_repository", "2026-01-05T10:11:12Z", "d-1")
    assert data["userIdentity"] == {"type": "User", "principalId": "ana-octo", "details": {"id": 4711}}
    assert data["requestParameters"] == {"resource": "acme/orders", "organization": "acme"}
    assert data["additionalEventData"]["original"] == payload


def test_a_large_original_is_cut_by_members_and_says_so(sample: Any) -> None:
    event = {**sample("github.json")[0], "config": "x" * 40_000, "more": "y" * 3_000, "user_agent": "z" * 2_000}
    data = mapped("github", event)
    additional = data["additionalEventData"]
    assert "config" not in additional["original"]
    assert additional["original"]["more"] == "y" * 3_000
    assert additional["originalTruncated"]["bytes"] > 45_000
    assert list(additional["originalTruncated"]["leftOut"]) == ["config"]
    assert len(data["userAgent"]) == 1024
    assert additional["notes"] == ["userAgent was cut: it had 2000 characters"]


def test_what_is_nested_too_deep_is_left_out_and_said(sample: Any) -> None:
    deep: Any = []
    for _ in range(60):
        deep = [deep]
    data = mapped("okta", {**sample("okta.json")[0], "target": deep})
    assert "requestParameters" not in data
    assert data["additionalEventData"]["original"] is None
    assert len(data["additionalEventData"]["notes"]) == 2


@pytest.mark.parametrize("lacking", ["_document_id", "@timestamp"])
def test_without_time_or_id_it_is_no_event(sample: Any, lacking: str) -> None:
    event = {name: value for name, value in sample("github.json")[0].items() if name not in (lacking, "created_at")}
    with pytest.raises(Unmapped):
        built_in("github").event_data(event, account_id=ACCOUNT)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**64) | st.floats(allow_nan=False) | st.text(max_size=12) | st.just("x" * 3000),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
NAMES = """
@timestamp _document_id action actor actor_ip uuid published client target auditID stage verb user
objectRef stageTimestamp responseStatus event delivery arrived payload sourceIPs outcome
"""
KEYS = st.sampled_from(NAMES.split())


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(sorted(kind.mapping for kind in KINDS.values())), st.dictionaries(KEYS, VALUES, max_size=8))
def test_whatever_comes_is_an_event_that_the_door_takes_or_none(name: str, event: dict[str, Any]) -> None:
    try:
        data = built_in(name).event_data(event, account_id=ACCOUNT)
    except Unmapped:
        return
    entry = entries.read({"id": "1", "eventData": written(data)}, channel_arn="arn", account_id=ACCOUNT)
    assert isinstance(entry, Entry)


LEAST = """
[event]
version = "1"
eventSource = "app"
eventName = { from = ["what"] }
eventTime = { from = ["at"], as = "time" }
UID = { digest = "sha-256" }
userIdentity.type = "User"
userIdentity.principalId = { from = ["who"], else = "nobody" }
"""


def test_a_mapping_of_ones_own() -> None:
    made = read(LEAST + 'requestParameters = { object = { file = "a.b" } }\n[[leave_out]]\npaths = ["password"]\n')
    event = {"what": "Login", "at": "2026-01-05T11:11:12+01:00", "password": "swordfish", "a": {"b": 7}}
    data = made.event_data(event, account_id=ACCOUNT)
    assert (data["eventTime"], data["requestParameters"], len(data["UID"])) == ("2026-01-05T10:11:12Z", {"file": 7}, 64)
    assert "swordfish" not in json.dumps(data)
    assert data["UID"] == made.event_data(dict(reversed(event.items())), account_id=ACCOUNT)["UID"]


WRONG = [
    ("not toml", "[event", "TOML"),
    ("no event", "x = 1", "x"),
    ("missing fields", '[event]\nversion = "1"', "eventSource"),
    ("unknown field", LEAST + 'colour = "red"', "colour"),
    ("a number", LEAST.replace('"app"', "7"), "eventSource"),
    ("a text for an object", LEAST + 'requestParameters = "x"', "requestParameters"),
    ("a path for a list", LEAST.replace('["what"]', '"what"'), "eventName"),
    ("an empty path", LEAST.replace('["what"]', '[""]'), "eventName"),
    ("an unknown kind", LEAST.replace('as = "time"', 'as = "date"'), "eventTime"),
    ("an unknown word", LEAST.replace('else = "nobody"', 'default = "nobody"'), "principalId"),
    ("no paths to leave out", LEAST + "[[leave_out]]\nwhen = {}", "leave_out"),
    ("the account", LEAST + 'recipientAccountId = "1"', "recipientAccountId"),
]


@pytest.mark.parametrize(("why", "text", "says"), WRONG, ids=[why for why, _, _ in WRONG])
def test_a_mapping_that_is_wrong_says_where(why: str, text: str, says: str) -> None:
    with pytest.raises(MappingError, match=says):
        read(text)


def test_every_mapping_of_ours_can_be_read() -> None:
    assert all(isinstance(built_in(kind.mapping), Mapped) for kind in KINDS.values())
