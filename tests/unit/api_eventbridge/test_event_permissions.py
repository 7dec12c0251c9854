"""Who may do what with buses and rules: identity policies, their conditions, the policy of a bus."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from simulators.event_callers import ARN, PATTERN, QUEUE, EventCaller, EventHouse
from simulators.kms import ACCOUNT, REGION
from simulators.topics import OTHER

User = Callable[..., EventCaller]
ROLE = f"arn:aws:iam::{ACCOUNT}:role/r"


def test_who_has_no_permission_is_told_so(user: User) -> None:
    message = user("ana").refused("AccessDeniedException", "PutRule", Name="watch", EventPattern=PATTERN)
    assert message == (
        f"User: arn:aws:iam::{ACCOUNT}:user/ana is not authorized to perform: events:PutRule on resource: {ARN}:rule/watch "
        "because no identity-based policy allows the events:PutRule action"
    )


def test_each_operation_takes_the_permission_of_its_name(root: EventCaller, user: User) -> None:
    rule = root.rule("r")
    connection = root("CreateConnection", Name="c", AuthorizationType="API_KEY",
                      AuthParameters={"ApiKeyAuthParameters": {"ApiKeyName": "k", "ApiKeyValue": "v"}})["ConnectionArn"]  # fmt: skip
    destination = {"ConnectionArn": connection, "InvocationEndpoint": "https://x.test/", "HttpMethod": "POST"}
    event = json.dumps(dict.fromkeys(("id", "account", "source", "time", "region", "resources", "detail-type"), "x"))
    calls: dict[str, dict[str, Any]] = {
        "CreateEventBus": {"Name": "b"}, "DescribeEventBus": {}, "UpdateEventBus": {"Name": "b"}, "ListEventBuses": {},
        "PutPermission": {"Action": "events:PutEvents", "Principal": OTHER, "StatementId": "s"}, "RemovePermission": {"StatementId": "s"},
        "DeleteEventBus": {"Name": "b"}, "PutRule": {"Name": "r", "EventPattern": PATTERN}, "DescribeRule": {"Name": "r"}, "ListRules": {},
        "EnableRule": {"Name": "r"}, "DisableRule": {"Name": "r"}, "PutTargets": {"Rule": "r", "Targets": [{"Id": "q", "Arn": QUEUE}]},
        "ListTargetsByRule": {"Rule": "r"}, "ListRuleNamesByTarget": {"TargetArn": QUEUE}, "RemoveTargets": {"Rule": "r", "Ids": ["q"]},
        "TagResource": {"ResourceARN": rule, "Tags": [{"Key": "a", "Value": "b"}]}, "ListTagsForResource": {"ResourceARN": rule},
        "UntagResource": {"ResourceARN": rule, "TagKeys": ["a"]}, "DeleteRule": {"Name": "r"},
        "TestEventPattern": {"EventPattern": PATTERN, "Event": event}, "DescribeConnection": {"Name": "c"}, "ListConnections": {},
        "UpdateConnection": {"Name": "c"}, "CreateApiDestination": {"Name": "d", **destination}, "DescribeApiDestination": {"Name": "d"},
        "UpdateApiDestination": {"Name": "d"}, "ListApiDestinations": {}, "DeleteApiDestination": {"Name": "d"},
        "DeauthorizeConnection": {"Name": "c"}, "DeleteConnection": {"Name": "c"},
        "PutEvents": {"Entries": [{"Source": "app", "DetailType": "t", "Detail": "{}"}]},
    }  # fmt: skip
    nobody = user("nobody")
    for operation, given in calls.items():
        assert f"events:{operation}" in nobody.refused("AccessDeniedException", operation, **given)
    for number, (operation, given) in enumerate(calls.items()):
        user(f"u{number}", f"events:{operation}")(operation, **given)


def test_permissions_are_for_resources(root: EventCaller, user: User) -> None:
    root("CreateEventBus", Name="orders")
    ana = user("ana", "events:*", resource=f"{ARN}:rule/orders/*")
    ana.rule(EventBusName="orders")
    ana("ListRules", EventBusName="orders")
    ana.refused("AccessDeniedException", "PutRule", Name="watch", EventPattern=PATTERN)
    bob = user("bob", "events:PutEvents", resource=f"{ARN}:event-bus/orders")
    (taken,) = bob.put({"EventBusName": "orders"})
    assert taken["EventId"]
    entries = [{"Source": "app", "DetailType": "t", "Detail": "{}", "EventBusName": name} for name in ("orders", "default")]
    assert "event-bus/default" in bob.refused("AccessDeniedException", "PutEvents", Entries=entries)


def test_permissions_for_connections_and_destinations_name_their_arns(root: EventCaller, user: User) -> None:
    made = root("CreateConnection", Name="c", AuthorizationType="API_KEY",
                AuthParameters={"ApiKeyAuthParameters": {"ApiKeyName": "k", "ApiKeyValue": "v"}})["ConnectionArn"]  # fmt: skip
    destination = {"ConnectionArn": made, "InvocationEndpoint": "https://x.test/", "HttpMethod": "POST"}
    exact = user("exact", "events:*", resource=made)
    assert exact("DescribeConnection", Name="c")["ConnectionArn"] == made
    assert made in user("none").refused("AccessDeniedException", "DeleteConnection", Name="c")
    first = user("first", "events:*", resource=f"{ARN}:api-destination/d")  # what does not exist yet has no last part
    arn = first("CreateApiDestination", Name="d", **destination)["ApiDestinationArn"]
    all_of = user("all", "events:*", resource=f"{ARN}:api-destination/d/*")
    assert all_of("DescribeApiDestination", Name="d")["ApiDestinationArn"] == arn
    all_of.refused("AccessDeniedException", "DescribeConnection", Name="c")


def test_roles_and_tags_take_permissions_of_their_own(root: EventCaller, user: User) -> None:
    plain = user("plain", "events:PutRule", "events:PutTargets")
    root.rule()
    given = {"Name": "watch", "EventPattern": PATTERN}
    assert "iam:PassRole" in plain.refused("AccessDeniedException", "PutRule", RoleArn=ROLE, **given)
    assert "events:TagResource" in plain.refused("AccessDeniedException", "PutRule", Tags=[{"Key": "a", "Value": "b"}], **given)
    target = {"Id": "q", "Arn": QUEUE, "RoleArn": ROLE}
    assert ROLE in plain.refused("AccessDeniedException", "PutTargets", Rule="watch", Targets=[target])
    condition = {"StringEquals": {"iam:PassedToService": "events.amazonaws.com"}}
    passing = user("passing", "iam:PassRole", "events:PutTargets", Condition=condition)
    assert "events:PutTargets" in passing.refused("AccessDeniedException", "PutTargets", Rule="watch", Targets=[target])


def test_conditions_on_what_a_pattern_asks_for(user: User) -> None:
    ana = user(
        "ana", "events:PutRule", Condition={"ForAllValues:StringEquals": {"events:source": ["app"]}, "Null": {"events:source": "false"}}
    )
    ana.rule()
    ana.refused("AccessDeniedException", "PutRule", Name="watch", EventPattern='{"source":["app","aws.iam"]}')
    ana.refused("AccessDeniedException", "PutRule", Name="watch", EventPattern='{"detail-type":["t"]}')
    bob = user("bob", "events:PutEvents", Condition={"StringEquals": {"events:source": "app", "events:detail-type": "t"}})
    bob.put({})
    bob.refused("AccessDeniedException", "PutEvents", Entries=[{"Source": "other", "DetailType": "t", "Detail": "{}"}])


def test_another_account_puts_events_by_leave_of_the_bus(root: EventCaller, stranger: EventCaller, house: EventHouse) -> None:
    root("CreateEventBus", Name="orders")
    bus = f"{ARN}:event-bus/orders"
    theirs, own = stranger.put({"EventBusName": bus}, {})
    assert theirs["ErrorCode"] == "AccessDeniedException"
    assert bus in theirs["ErrorMessage"]
    assert own["EventId"]
    root("PutPermission", EventBusName="orders", Action="events:PutEvents", Principal=OTHER, StatementId="s")
    (taken,) = stranger.put({"EventBusName": bus})
    event = house.events()[-1]
    assert (event.event_id, event.bus_arn, event.event["account"]) == (taken["EventId"], bus, OTHER)
    (absent,) = stranger.put({"EventBusName": f"{ARN}:event-bus/absent"})
    assert absent["ErrorCode"] == "AccessDeniedException"  # a stranger is not told what is there


def test_another_account_keeps_rules_on_a_bus_by_its_policy(root: EventCaller, stranger: EventCaller) -> None:
    root("CreateEventBus", Name="orders")
    bus = f"{ARN}:event-bus/orders"
    assert "resource-based policy" in stranger.refused(
        "AccessDeniedException", "PutRule", Name="theirs", EventBusName=bus, EventPattern=PATTERN
    )
    statement = {
        "Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{OTHER}:root"}, "Action": ["events:PutRule", "events:DescribeRule"],
        "Resource": f"{ARN}:rule/orders/*", "Condition": {"StringEquals": {"events:creatorAccount": OTHER}},
    }  # fmt: skip
    root("PutPermission", EventBusName="orders", Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    assert stranger.rule("theirs", EventBusName=bus) == f"arn:aws:events:{REGION}:{ACCOUNT}:rule/orders/theirs"
    assert stranger("DescribeRule", Name="theirs", EventBusName=bus)["CreatedBy"] == OTHER
    root.rule("ours", EventBusName="orders")
    stranger.refused("AccessDeniedException", "PutRule", Name="ours", EventBusName=bus, EventPattern=PATTERN)
    stranger.refused("AccessDeniedException", "DeleteRule", Name="theirs", EventBusName=bus)
