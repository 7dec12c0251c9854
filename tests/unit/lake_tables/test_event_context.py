"""What stores with context keys and event sizes make of a record: claims about the pure parts, and one about the store."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from opentrail.lake.tables.event_context import Keys, NoContext, enriched, event_context
from opentrail.lake.tables.event_size import LIMITS, fitted
from opentrail.lake.tables.tables import StoreTables
from simulators.event_journal import EventJournal, made
from simulators.store_tables import KnownStores, rows

ROLE = "arn:aws:iam::111122223333:role/Admin"
BUCKET = "arn:aws:s3:::photos"
SESSION = {
    "type": "AssumedRole",
    "principalId": "AROAEXAMPLE:ana",
    "arn": "arn:aws:sts::111122223333:assumed-role/Admin/ana",
    "accountId": "111122223333",
    "sessionContext": {
        "sessionIssuer": {"type": "Role", "arn": ROLE, "userName": "Admin"},
        "attributes": {"creationDate": "2026-01-05T10:01:12Z", "mfaAuthenticated": "true"},
        "sourceIdentity": "ana@example.com",
    },
}


class Known(NoContext):
    def principal_tags(self, arn: str, account_id: str) -> Mapping[str, str]:
        return {"team": "blue", "cost": "1"} if arn == ROLE else {}

    def resource_tags(self, arn: str) -> Mapping[str, str]:
        return {"team": "red"} if arn == BUCKET else {}

    def organization(self, account_id: str) -> tuple[str, Sequence[str]] | None:
        return ("o-1", ["o-1/r-1/ou-1/"]) if account_id == "111122223333" else None


@pytest.mark.parametrize(
    ("key", "identity", "value"),
    [
        ("aws:PrincipalArn", SESSION, ROLE),
        ("aws:PrincipalType", SESSION, "AssumedRole"),
        ("aws:PrincipalAccount", SESSION, "111122223333"),
        ("aws:PrincipalOrgID", SESSION, "o-1"),
        ("aws:PrincipalOrgPaths", SESSION, "o-1/r-1/ou-1/"),
        ("aws:TokenIssueTime", SESSION, "2026-01-05T10:01:12Z"),
        ("aws:MultiFactorAuthAge", SESSION, "600"),
        ("aws:MultiFactorAuthPresent", SESSION, "true"),
        ("aws:SourceIdentity", SESSION, "ana@example.com"),
        ("aws:userid", SESSION, "AROAEXAMPLE:ana"),
        ("aws:username", SESSION, None),
        ("aws:username", {"type": "IAMUser", "userName": "ana"}, "ana"),
        ("aws:PrincipalType", {"type": "Root"}, "Account"),
        ("aws:PrincipalIsAWSService", SESSION, "false"),
        ("aws:PrincipalIsAWSService", {"type": "AWSService", "invokedBy": "s3.amazonaws.com"}, "true"),
        ("aws:PrincipalServiceName", {"type": "AWSService", "invokedBy": "s3.amazonaws.com"}, "s3.amazonaws.com"),
        ("aws:ViaAWSService", SESSION, "false"),
        ("aws:ViaAWSService", SESSION | {"invokedBy": "cloudformation.amazonaws.com"}, "true"),
        ("aws:FederatedProvider", {"type": "WebIdentityUser", "identityProvider": "accounts.google.com"}, "accounts.google.com"),
        ("aws:RequestedRegion", SESSION, "us-east-1"),
        ("aws:CurrentTime", SESSION, "2026-01-05T10:11:12Z"),
        ("aws:EpochTime", SESSION, "1767607872"),
        ("aws:SecureTransport", SESSION, "false"),
        ("aws:SourceAccount", SESSION, None),
        ("aws:PrincipalArn", None, None),
    ],
)
def test_keys_of_the_request_come_from_the_record(key: str, identity: Any, value: str | None) -> None:
    event = json.loads(made(0, userIdentity=identity))
    request = event_context(event, Keys((key,), ()), Known())["requestContext"]
    assert request == ({} if value is None else {key: value})


def test_tags_are_those_asked_for() -> None:
    event = json.loads(made(0, userIdentity=SESSION, resources=[{"ARN": BUCKET}, {"ARN": "arn:aws:s3:::other"}, {"ARNPrefix": "x"}]))
    assert event_context(event, Keys((), ("team",)), Known())["tagContext"] == {
        "resourceTags": [{"arn": BUCKET, "tags": {"team": "red"}}],
        "principalTags": {"team": "blue"},
    }


def test_nothing_else_of_the_record_changes() -> None:
    record = made(0, eventVersion="1.08", requestParameters={"ü": [1.5, None]})
    after = json.loads(enriched(record, Keys(("aws:RequestedRegion",), ()), NoContext()))
    assert after.pop("eventContext") == {"requestContext": {"aws:RequestedRegion": "us-east-1"}, "tagContext": {}}
    assert after == json.loads(record) | {"eventVersion": "1.11"}


def test_large_events_are_made_to_fit_in_the_order_of_the_rules() -> None:
    record = made(0, additionalEventData={"a": "x" * 200_000}, responseElements={"b": "y" * 200_000}, requestID="z" * 3000)
    event = json.loads(fitted(record, "Standard") or b"")
    assert event["additionalEventData"] == {"reason": "additionalEventData too large", "omitted": True, "originalSize": 200_008}
    assert event["responseElements"] == {"b": "y" * 200_000}
    assert event["requestID"] == "z" * 1024
    assert fitted(record, "Large") == record
    assert fitted(made(0, eventName="n" * LIMITS["Large"]), "Large") is None


def test_a_store_enriches_its_management_and_data_events_from_its_change_on(
    opened: Callable[..., StoreTables], journal: EventJournal, stores: KnownStores
) -> None:
    both = tuple({"FieldSelectors": [{"Field": "eventCategory", "Equals": [name]}]} for name in ("Management", "NetworkActivity"))
    store = stores.make(advanced_event_selectors=both)
    plain = stores.make(2)
    tables = opened(context=Known())
    journal.append(made(0, userIdentity=SESSION))
    keys = ({"Type": "RequestContext", "Equals": ["aws:PrincipalArn"]}, {"Type": "TagContext", "Equals": ["team"]})
    stores.turn(store, 1, max_event_size="Large", context_key_selectors=keys)
    head = journal.append(made(1, userIdentity=SESSION), made(2, userIdentity=SESSION, eventCategory="NetworkActivity"))
    snapshot = tables.snapshot([store, plain], at_least=head, patience=10.0)
    seen = {row["eventid"]: row["eventcontext"] for row in rows(snapshot.sources[0], ["eventid", "eventcontext"])}
    assert seen["event-0"] is None
    assert seen["event-2"] is None
    assert dict(seen["event-1"]["requestcontext"]) == {"aws:PrincipalArn": ROLE}
    assert dict(seen["event-1"]["tagcontext"]["principaltags"]) == {"team": "blue"}
    assert {row["eventid"]: row["eventcontext"] for row in rows(snapshot.sources[1], ["eventid", "eventcontext"])}["event-1"] is None
    snapshot.release()
