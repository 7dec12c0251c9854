"""Event buses as people use them: the AWS CLI, boto3, two accounts; what was answered is there after the server was killed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from opentrail.rules import rows
from opentrail.rules.store import Store
from opentrail.storage.database import Database
from simulators.running import RunningOpenTrail, wait_for

ACCOUNT = "123456789012"
ARN = f"arn:aws:events:us-east-1:{ACCOUNT}"
PATTERN = json.dumps({"source": ["shop"], "detail": {"total": [{"numeric": [">", 100]}]}})
QUEUE = f"arn:aws:sqs:us-east-1:{ACCOUNT}:inbox"
SECRET = "never-told-again"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningOpenTrail]:
    with RunningOpenTrail(tmp_path_factory.mktemp("buses"), settings={"lake.commit_interval": 1}) as running:
        yield running


def cli(server: RunningOpenTrail, *words: str) -> Any:
    return json.loads(server.aws("events", *words).stdout or "null")


def user(server: RunningOpenTrail, name: str, *statements: dict[str, Any]) -> Any:
    """A client of EventBridge for a new user with these permissions."""
    iam = server.client("iam")
    iam.create_user(UserName=name)
    document = {"Version": "2012-10-17", "Statement": list(statements)}
    iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=json.dumps(document))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return server.client("events", key=(key["AccessKeyId"], key["SecretAccessKey"]))


def refused(code: str, call: Any, **parameters: Any) -> str:
    with pytest.raises(ClientError) as error:
        call(**parameters)
    assert error.value.response["Error"]["Code"] == code, error.value
    return str(error.value.response["Error"]["Message"])


def recorded(server: RunningOpenTrail, name: str) -> list[Any]:
    found = server.client("cloudtrail").lookup_events(LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": name}])
    records = [json.loads(event["CloudTrailEvent"]) for event in found["Events"]]
    return [record for record in records if record["eventSource"] == "events.amazonaws.com"]


def test_the_aws_cli_and_boto3_share_rules(server: RunningOpenTrail) -> None:
    events = server.client("events")
    made = cli(server, "put-rule", "--name", "large-orders", "--event-pattern", PATTERN, "--description", "of the shop")
    assert made == {"RuleArn": f"{ARN}:rule/large-orders"}
    cli(server, "put-targets", "--rule", "large-orders", "--targets", f"Id=1,Arn={QUEUE}")
    found = events.describe_rule(Name="large-orders")
    assert (found["EventPattern"], found["State"], found["CreatedBy"]) == (PATTERN, "ENABLED", ACCOUNT)
    assert events.list_targets_by_rule(Rule="large-orders")["Targets"] == [{"Id": "1", "Arn": QUEUE}]
    assert events.list_rule_names_by_target(TargetArn=QUEUE)["RuleNames"] == ["large-orders"]
    cli(server, "disable-rule", "--name", "large-orders")
    assert cli(server, "list-rules", "--name-prefix", "large")["Rules"][0]["State"] == "DISABLED"
    assert refused("ValidationException", events.delete_rule, Name="large-orders") == "Rule can't be deleted since it has targets."
    cli(server, "remove-targets", "--rule", "large-orders", "--ids", "1")
    cli(server, "delete-rule", "--name", "large-orders")
    with pytest.raises(events.exceptions.ResourceNotFoundException):
        events.describe_rule(Name="large-orders")
    with pytest.raises(events.exceptions.InvalidEventPatternException):
        events.put_rule(Name="bad", EventPattern='{"source": "shop"}')
    (record,) = [one for one in recorded(server, "PutRule") if "errorCode" not in one]
    assert (record["managementEvent"], record["readOnly"]) == (True, False)
    assert record["requestParameters"] == {"name": "large-orders", "eventPattern": PATTERN, "description": "of the shop"}
    assert record["responseElements"] == {"ruleArn": f"{ARN}:rule/large-orders"}


def test_a_pattern_is_tried_with_the_aws_cli(server: RunningOpenTrail) -> None:
    event = {"id": "1", "account": ACCOUNT, "source": "shop", "time": "2026-01-05T10:11:12Z", "region": "us-east-1", "resources": [],
             "detail-type": "order", "detail": {"total": 101}}  # fmt: skip
    words = ("test-event-pattern", "--event-pattern", PATTERN, "--event")
    assert cli(server, *words, json.dumps(event)) == {"Result": True}
    assert cli(server, *words, json.dumps(event | {"detail": {"total": 100}})) == {"Result": False}
    client = server.client("events")
    del event["account"]
    assert "account" in refused("ValidationException", client.test_event_pattern, EventPattern=PATTERN, Event=json.dumps(event))


def test_events_put_are_there_after_the_server_was_killed(server: RunningOpenTrail) -> None:
    events = server.client("events")
    bus = events.create_event_bus(Name="orders")["EventBusArn"]
    entry = {"Source": "shop", "DetailType": "order", "Detail": "{}", "EventBusName": "orders"}
    answer = events.put_events(Entries=[entry] * 9 + [entry | {"Source": "aws.s3"}])
    server.kill()
    ids = [one.get("EventId") for one in answer["Entries"]]
    assert (answer["FailedEntryCount"], answer["Entries"][-1]["ErrorCode"]) == (1, "NotAuthorizedForSourceException")
    database = Database.at(server.data / "rules.db")
    store = Store(database)
    assert store.newest_event() >= 9
    with store.read() as connection:
        kept = [event.event_id for event in rows.events_after(connection, 0, 1000) if event.bus_arn == bus]
    database.close()
    assert kept in (ids[:-1], [])  # the watch may have handled them already
    server.start()
    assert server.client("events").describe_event_bus(Name="orders")["Arn"] == bus


def test_limits_of_put_events_as_clients_see_them(server: RunningOpenTrail) -> None:
    events = server.client("events")
    entry = {"Source": "shop", "DetailType": "order", "Detail": json.dumps({"text": "x" * 30_000})}
    assert events.put_events(Entries=[entry] * 8)["FailedEntryCount"] == 0
    assert "over the limit" in refused("ValidationException", events.put_events, Entries=[entry] * 9)
    small = entry | {"Detail": "{}"}
    assert "less than or equal to 10" in refused("ValidationException", events.put_events, Entries=[small] * 11)
    assert recorded(server, "PutEvents") == []  # data events are in trails that select them


def test_policies_of_users_and_of_buses(server: RunningOpenTrail) -> None:
    root = server.client("events")
    allowed = {"Effect": "Allow", "Action": "events:*", "Resource": "*"}
    denied = {"Effect": "Deny", "Action": ["events:DeleteRule", "events:PutTargets"], "Resource": f"{ARN}:rule/guard*"}
    ana = user(server, "ana", allowed, denied)
    ana.put_rule(Name="guard-1", EventPattern=PATTERN)
    assert "explicit deny" in refused("AccessDeniedException", ana.delete_rule, Name="guard-1")
    target = {"Id": "1", "Arn": QUEUE}
    assert "rule/guard-1" in refused("AccessDeniedException", ana.put_targets, Rule="guard-1", Targets=[target])
    role = f"arn:aws:iam::{ACCOUNT}:role/r"
    assert "iam:PassRole" in refused("AccessDeniedException", ana.put_rule, Name="other", EventPattern=PATTERN, RoleArn=role)
    root.put_permission(Action="events:PutEvents", Principal="999988887777", StatementId="partner")
    policy = json.loads(cli(server, "describe-event-bus", "--name", "default")["Policy"])
    assert policy["Statement"][0]["Principal"] == {"AWS": "arn:aws:iam::999988887777:root"}
    root.remove_permission(StatementId="partner")
    wait_for(lambda: [one for one in recorded(server, "DeleteRule") if one.get("errorCode") == "AccessDenied"])


def test_secrets_of_connections_are_in_no_answer_and_no_record(server: RunningOpenTrail) -> None:
    parameters = json.dumps({"ApiKeyAuthParameters": {"ApiKeyName": "x-key", "ApiKeyValue": SECRET}})
    words = ("--name", "hook", "--authorization-type", "API_KEY", "--auth-parameters", parameters)
    connection = cli(server, "create-connection", *words)["ConnectionArn"]
    events = server.client("events")
    events.create_api_destination(Name="hook", ConnectionArn=connection, InvocationEndpoint="https://hook.test/", HttpMethod="POST")
    assert events.describe_api_destination(Name="hook")["ApiDestinationState"] == "ACTIVE"
    assert SECRET not in str(events.describe_connection(Name="hook"))
    (record,) = recorded(server, "CreateConnection")
    assert record["requestParameters"]["name"] == "hook"
    assert SECRET not in json.dumps(record)
    assert SECRET.encode() not in (server.data / "rules.db").read_bytes()
