"""Channels as users have them: the AWS CLI makes a store and a channel, puts events, sees what is wrong with each, and asks for them."""

from __future__ import annotations

import hashlib
import hmac
import json
import subprocess
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from simulators.audit_events import event_data
from simulators.feeds import Log
from simulators.running import RunningOpenTrail, wait_for

ACTIVITY = [{"Name": "outside", "FieldSelectors": [{"Field": "eventCategory", "Equals": ["ActivityAuditLog"]}]}]
DEFAULT = "arn:aws:cloudtrail:us-east-1:123456789012:channel/00000000-0000-4000-8000-000000000001"
PARTNER = "999988887777"
TOKEN = "token-of-the-audit-log"
SAMPLES = Path(__file__).parents[1] / "unit" / "lake_integrations" / "samples"


def cloudtrail(opentrail: RunningOpenTrail, *words: str) -> Any:
    """What `aws cloudtrail …` answers."""
    found = opentrail.aws("cloudtrail", *words).stdout
    return json.loads(found) if found.strip() else {}


def store(opentrail: RunningOpenTrail, name: str) -> str:
    """A store for events from outside, made by the AWS CLI; returns its ARN once it takes events."""
    made = cloudtrail(
        opentrail,
        "create-event-data-store",
        "--name",
        name,
        "--no-multi-region-enabled",
        "--advanced-event-selectors",
        json.dumps(ACTIVITY),
    )
    arn: str = made["EventDataStoreArn"]
    client = opentrail.client("cloudtrail")
    wait_for(lambda: client.get_event_data_store(EventDataStore=arn)["Status"] == "ENABLED")
    return arn


def rows(opentrail: RunningOpenTrail, statement: str) -> list[list[str]]:
    """The rows that a query answers with."""
    client = opentrail.client("cloudtrail")
    query = client.start_query(QueryStatement=statement)["QueryId"]
    state = wait_for(
        lambda: found if (found := client.describe_query(QueryId=query))["QueryStatus"] not in ("QUEUED", "RUNNING") else None, patience=120
    )
    assert state["QueryStatus"] == "FINISHED", state
    found = client.get_query_results(QueryId=query)["QueryResultRows"]
    return [[next(iter(cell.values())) for cell in row] for row in found]


def uids(opentrail: RunningOpenTrail, arn: str) -> list[str]:
    return [uid for (uid,) in rows(opentrail, f"SELECT eventData.uid FROM {arn.rpartition('/')[2]} ORDER BY eventData.uid")]


def put(
    opentrail: RunningOpenTrail, channel: str, *entries: dict[str, Any], check: bool = True, **more: Any
) -> subprocess.CompletedProcess[str]:
    words = ("cloudtrail-data", "put-audit-events", "--channel-arn", channel, "--audit-events", json.dumps(entries))
    return opentrail.aws(
        *words, *(word for name, value in more.items() if name != "key" for word in (f"--{name}", value)), check=check, key=more.get("key")
    )


def entry(number: int, **members: Any) -> dict[str, str]:
    return {"id": f"id-{number}", "eventData": json.dumps(event_data(number, **members))}


@pytest.fixture(scope="module")
def channel(opentrail: RunningOpenTrail) -> tuple[str, str]:
    """A store and a channel that leads to it."""
    arn = store(opentrail, "orders")
    destinations = json.dumps([{"Type": "EVENT_DATA_STORE", "Location": arn}])
    made = cloudtrail(opentrail, "create-channel", "--name", "orders", "--source", "Custom", "--destinations", destinations)
    return arn, made["ChannelArn"]


def test_the_events_of_a_channel_are_in_its_store(opentrail: RunningOpenTrail, channel: tuple[str, str]) -> None:
    arn, channel_arn = channel
    answer = json.loads(put(opentrail, channel_arn, entry(1), {"id": "bad", "eventData": "{"}, entry(2), entry(3, UID="")).stdout)
    assert [one["id"] for one in answer["successful"]] == ["id-1", "id-2"]
    assert [(one["id"], one["errorCode"]) for one in answer["failed"]] == [("bad", "InvalidData"), ("id-3", "FieldNotFound")]
    assert uids(opentrail, arn) == ["uid-1", "uid-2"]
    put(opentrail, channel_arn, entry(2))
    assert uids(opentrail, arn) == ["uid-1", "uid-2"]
    told = cloudtrail(opentrail, "get-channel", "--channel", channel_arn)
    assert told["IngestionStatus"]["LatestIngestionSuccessEventID"] == answer["successful"][1]["eventID"]
    assert told["IngestionStatus"]["LatestIngestionErrorCode"] == "FieldNotFound"
    refused = opentrail.aws("cloudtrail", "update-event-data-store", "--event-data-store", arn, "--no-termination-protection-enabled")
    assert refused.returncode == 0
    refused = opentrail.aws("cloudtrail", "delete-event-data-store", "--event-data-store", arn, check=False)
    assert "ChannelExistsForEDSException" in refused.stderr


def test_a_deed_told_again_in_other_words_is_an_update_also_after_a_restart(tmp_path: Path) -> None:
    running = RunningOpenTrail(tmp_path)
    running.start()
    try:
        data = running.client("cloudtrail-data")
        first = data.put_audit_events(channelArn=DEFAULT, auditEvents=[entry(1)])["successful"][0]["eventID"]
        running.kill()
        running.start()
        data = running.client("cloudtrail-data")
        assert data.put_audit_events(channelArn=DEFAULT, auditEvents=[entry(1)])["successful"][0]["eventID"] == first
        data.put_audit_events(channelArn=DEFAULT, auditEvents=[entry(1, errorCode="NotFound")])
        (destination,) = running.client("cloudtrail").get_channel(Channel=DEFAULT)["Destinations"]
        table = destination["Location"].rpartition("/")[2]
        found = rows(
            running, f"SELECT eventData.errorcode, addendum.reason, addendum.originaleventid FROM {table} WHERE addendum IS NOT NULL"
        )
        assert found == [["NotFound", "UPDATED_DATA", first]]
        assert rows(running, f"SELECT count(*) FROM {table}") == [["2"]]
    finally:
        running.stop()


def test_a_change_of_destinations_is_exact(opentrail: RunningOpenTrail) -> None:
    client, data = opentrail.client("cloudtrail"), opentrail.client("cloudtrail-data")
    old, new = store(opentrail, "old"), store(opentrail, "new")
    leads_to = {arn: [{"Type": "EVENT_DATA_STORE", "Location": arn}] for arn in (old, new)}
    arn = client.create_channel(Name="moving", Source="Custom", Destinations=leads_to[old])["ChannelArn"]
    for number in range(6):
        data.put_audit_events(channelArn=arn, auditEvents=[entry(number)])
        if number == 2:
            client.update_channel(Channel=arn, Destinations=leads_to[new])
    client.delete_channel(Channel=arn)
    assert uids(opentrail, old) == ["uid-0", "uid-1", "uid-2"]
    assert uids(opentrail, new) == ["uid-3", "uid-4", "uid-5"]


def test_a_partner_puts_events_by_the_policy_of_the_channel(opentrail: RunningOpenTrail, channel: tuple[str, str]) -> None:
    _, arn = channel
    opentrail.opentrail("account", "create", "--account-id", PARTNER)
    root = json.loads((opentrail.data / "keys" / f"root-{PARTNER}.json").read_text())
    key = (root["access_key_id"], root["secret_access_key"])
    event = entry(900)
    assert "ChannelInsufficientPermission" in put(opentrail, arn, event, check=False, key=key).stderr
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{PARTNER}:root"},
        "Action": "cloudtrail-data:PutAuditEvents",
        "Resource": arn,
        "Condition": {"StringEquals": {"cloudtrail:ExternalId": "partner-17"}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    cloudtrail(opentrail, "put-resource-policy", "--resource-arn", arn, "--resource-policy", policy)
    assert "ChannelInsufficientPermission" in put(opentrail, arn, event, check=False, key=key).stderr
    assert json.loads(put(opentrail, arn, event, key=key, **{"external-id": "partner-17"}).stdout)["failed"] == []


def test_the_default_channel_has_a_store_of_its_own(opentrail: RunningOpenTrail) -> None:
    region = "eu-west-1"
    data, client = opentrail.client("cloudtrail-data", region=region), opentrail.client("cloudtrail", region=region)
    assert client.list_channels()["Channels"] == []
    data.put_audit_events(channelArn=DEFAULT.rpartition("/")[2], auditEvents=[entry(1)])
    (listed,) = client.list_channels()["Channels"]
    assert listed == {"ChannelArn": DEFAULT.replace("us-east-1", region), "Name": "OpenTrail-Applications"}
    (destination,) = client.get_channel(Channel=listed["ChannelArn"])["Destinations"]
    assert client.get_event_data_store(EventDataStore=destination["Location"])["Name"] == "OpenTrail-Applications"


def test_webhooks_are_taken_when_they_are_set_up(opentrail: RunningOpenTrail, channel: tuple[str, str], tmp_path: Path) -> None:
    arn, channel_arn = channel
    secret = tmp_path / "secret"
    secret.write_text("the-secret-of-the-webhook\n")
    opentrail.opentrail("integrate", "add", "hook", "github-webhook", "--secret-file", str(secret), "--channel", channel_arn)
    (listed,) = json.loads(opentrail.opentrail("integrate", "list", "--json").stdout)
    body = (SAMPLES / "github-webhook.json").read_bytes()
    signature = hmac.new(b"the-secret-of-the-webhook", body, hashlib.sha256).hexdigest()
    request = urllib.request.Request(listed["from"], data=body, method="POST")
    for name, value in {"X-GitHub-Event": "team", "X-GitHub-Delivery": "delivery-1", "X-Hub-Signature-256": f"sha256={signature}"}.items():
        request.add_header(name, value)
    with urllib.request.urlopen(request, timeout=90) as answer:
        assert json.load(answer) == {"taken": 1, "refused": 0}
    assert "delivery-1" in uids(opentrail, arn)


def test_what_is_fetched_comes_once(opentrail: RunningOpenTrail, channel: tuple[str, str], tmp_path: Path) -> None:
    arn, channel_arn = channel
    log = Log(TOKEN)
    log.events = json.loads((SAMPLES / "github.json").read_text())
    secret = tmp_path / "token"
    secret.write_text(TOKEN)
    with log.served() as url:
        words = ("--url", f"{url}/orgs/acme", "--secret-file", str(secret), "--since", "2026-01-01T00:00:00Z", "--channel", channel_arn)
        opentrail.opentrail("integrate", "add", "acme", "github", *words)
        for _ in range(2):
            opentrail.opentrail("integrate", "run", "acme", "--once")
    assert [uid for uid in uids(opentrail, arn) if uid.startswith("Xk1")] == ["Xk1-aaaa", "Xk1-bbbb", "Xk1-cccc"]
    assert TOKEN.encode() not in b"".join(path.read_bytes() for path in opentrail.data.glob("*.db*"))


def test_lines_of_json_are_events(opentrail: RunningOpenTrail, channel: tuple[str, str], tmp_path: Path) -> None:
    arn, channel_arn = channel
    mapping = tmp_path / "map.toml"
    mapping.write_text(
        '[event]\nversion = "1"\neventSource = "door.example.com"\neventName = { from = ["what"] }\n'
        'eventTime = { from = ["at"], as = "time" }\nUID = { from = ["id"] }\n'
        'userIdentity.type = "Person"\nuserIdentity.principalId = { from = ["who"] }\n'
    )
    lines = tmp_path / "door.jsonl"
    lines.write_text(
        '{"id": "line-1", "what": "Open", "at": "2026-01-05T10:11:12+01:00", "who": "ana"}\nno json\n'
        '{"id": "line-3", "what": "Open", "at": "2026-01-05T10:11:13Z", "who": "ben"}\n'
    )
    for _ in range(2):
        done = opentrail.opentrail("integrate", "json", str(lines), "--map", str(mapping), "--channel", channel_arn, check=False)
        assert done.returncode == 1
        assert "2 events are in the channel, 1 lines are not." in done.stdout
        assert "line 2: It is not JSON." in done.stderr
    assert [uid for uid in uids(opentrail, arn) if uid.startswith("line")] == ["line-1", "line-3"]
