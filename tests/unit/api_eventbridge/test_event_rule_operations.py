"""Rules and targets, operation by operation."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from opentrail.rules import rows
from opentrail.rules.names import BusName
from opentrail.rules.values import HttpParameters, InputTransformer, RetryPolicy
from simulators.event_callers import ARN, PATTERN, QUEUE, TOPIC, EventCaller, EventHouse
from simulators.kms import ACCOUNT, REGION
from simulators.topics import OTHER

EVENT = {
    "id": "1",
    "account": ACCOUNT,
    "source": "app",
    "time": "2026-01-05T10:11:12Z",
    "region": REGION,
    "resources": [],
    "detail-type": "t",
}


def test_put_rule_replaces_all_that_the_rule_said(root: EventCaller) -> None:
    root.house.role()
    arn = root.rule(State="DISABLED", Description="d", RoleArn=f"arn:aws:iam::{ACCOUNT}:role/r")
    assert arn == f"{ARN}:rule/watch"
    root.target()
    assert root("DescribeRule", Name="watch") == {
        "Name": "watch", "Arn": arn, "EventPattern": PATTERN, "State": "DISABLED", "Description": "d",
        "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/r", "EventBusName": "default", "CreatedBy": ACCOUNT,
    }  # fmt: skip
    root("PutRule", Name="watch", ScheduleExpression="rate(5 minutes)")
    assert root("DescribeRule", Name="watch") == {
        "Name": "watch", "Arn": arn, "ScheduleExpression": "rate(5 minutes)", "State": "ENABLED", "EventBusName": "default",
        "CreatedBy": ACCOUNT,
    }  # fmt: skip
    assert [target["Id"] for target in root("ListTargetsByRule", Rule="watch")["Targets"]] == ["q"]


@pytest.mark.parametrize(
    ("given", "code", "said"),
    [
        ({}, "ValidationException", "Parameter(s) EventPattern or ScheduleExpression must be specified."),
        ({"EventPattern": '{"source": "app"}'}, "InvalidEventPatternException", "Event pattern is not valid"),
        ({"EventPattern": " " * 4097}, "ValidationException", "4096"),
        ({"ScheduleExpression": "rate(1 minutes)"}, "ValidationException", "Parameter ScheduleExpression is not valid."),
        ({"ScheduleExpression": "rate(1 minute)", "EventBusName": "orders"}, "ValidationException", "only on the default event bus"),
        ({"EventPattern": PATTERN, "EventBusName": "absent"}, "ResourceNotFoundException", "Event bus absent does not exist."),
        ({"EventPattern": PATTERN, "State": "ON"}, "ValidationException", "enum value set"),
        ({"EventPattern": PATTERN, "Description": "d" * 513}, "ValidationException", "512"),
        ({"EventPattern": PATTERN, "EventBusName": f"arn:aws:events:eu-west-3:{ACCOUNT}:event-bus/default"}, "ValidationException",
         "eu-west-3"),
    ],
)  # fmt: skip
def test_what_no_rule_can_be(given: dict[str, Any], code: str, said: str, root: EventCaller) -> None:
    root("CreateEventBus", Name="orders")
    assert said in root.refused(code, "PutRule", Name="watch", **given)
    assert root.refused("ResourceNotFoundException", "DescribeRule", Name="watch") == "Rule watch does not exist on EventBus default."
    assert "regular expression" in root.refused("ValidationException", "PutRule", Name="a b", EventPattern=PATTERN)
    assert "64" in root.refused("ValidationException", "PutRule", Name="a" * 65, EventPattern=PATTERN)


def test_rules_of_a_bus_of_one_s_own(root: EventCaller) -> None:
    bus = root("CreateEventBus", Name="orders")["EventBusArn"]
    assert root.rule(EventBusName=bus) == f"{ARN}:rule/orders/watch"
    assert root("DescribeRule", Name="watch", EventBusName="orders")["EventBusName"] == "orders"
    root.refused("ResourceNotFoundException", "DescribeRule", Name="watch")
    assert [rule["Name"] for rule in root("ListRules", EventBusName=bus)["Rules"]] == ["watch"]
    assert root("ListRules")["Rules"] == []


def test_lists_of_rules_come_in_pages_and_by_prefix(root: EventCaller) -> None:
    for number in range(5):
        root.rule(f"r{number}")
    root.rule("r_x")
    first = root("ListRules", Limit=4)
    second = root("ListRules", Limit=4, NextToken=first["NextToken"])
    assert [rule["Name"] for rule in first["Rules"] + second["Rules"]] == ["r0", "r1", "r2", "r3", "r4", "r_x"]
    assert "NextToken" not in second
    assert [rule["Name"] for rule in root("ListRules", NamePrefix="r_")["Rules"]] == ["r_x"]
    assert "100" in root.refused("ValidationException", "ListRules", Limit=101)


def test_a_rule_is_switched_off_and_on(root: EventCaller) -> None:
    root.rule(State="ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS")
    for operation, state in (("DisableRule", "DISABLED"), ("EnableRule", "ENABLED")):
        root(operation, Name="watch")
        assert root("DescribeRule", Name="watch")["State"] == state
        assert "Rule no does not exist" in root.refused("ResourceNotFoundException", operation, Name="no")


def test_a_rule_goes_after_its_targets(root: EventCaller) -> None:
    root.rule()
    root.target()
    assert root.refused("ValidationException", "DeleteRule", Name="watch") == "Rule can't be deleted since it has targets."
    assert root("RemoveTargets", Rule="watch", Ids=["q", "no"]) == {
        "FailedEntryCount": 1,
        "FailedEntries": [
            {
                "TargetId": "no",
                "ErrorCode": "ResourceNotFoundException",
                "ErrorMessage": "Rule 'watch' does not have a target with the Id 'no'.",
            }
        ],
    }
    for _ in range(2):  # a second time is as good
        root("DeleteRule", Name="watch")
    assert "Event bus no" in root.refused("ResourceNotFoundException", "DeleteRule", Name="watch", EventBusName="no")


def test_the_rules_of_a_service_are_its_own(root: EventCaller, house: EventHouse) -> None:
    root.rule()
    root.target()
    with house.buses.store.write() as connection:
        rule = rows.find_rule(connection, BusName(region=REGION, account_id=ACCOUNT).rule_arn("watch"))
        assert rule is not None
        rows.keep_rule(connection, replace(rule, managed_by="guard.amazonaws.com"))
    assert root("DescribeRule", Name="watch")["ManagedBy"] == "guard.amazonaws.com"
    calls: dict[str, dict[str, Any]] = {
        "PutRule": {"Name": "watch", "EventPattern": PATTERN}, "DisableRule": {"Name": "watch"}, "DeleteRule": {"Name": "watch"},
        "PutTargets": {"Rule": "watch", "Targets": [{"Id": "t", "Arn": TOPIC}]}, "RemoveTargets": {"Rule": "watch", "Ids": ["q"]},
        "TagResource": {"ResourceARN": f"{ARN}:rule/watch", "Tags": [{"Key": "a", "Value": "b"}]},
    }  # fmt: skip
    for operation, given in calls.items():
        assert "guard.amazonaws.com" in root.refused("ManagedRuleException", operation, **given)
    root("RemoveTargets", Rule="watch", Ids=["q"], Force=True)
    root("DeleteRule", Name="watch", Force=True)
    assert root("ListRules")["Rules"] == []


def test_targets_are_told_as_they_were_given(root: EventCaller, house: EventHouse) -> None:
    root.rule()
    role, destination = house.role(), f"{ARN}:api-destination/hook/1234"
    given = [
        {"Id": "bus", "Arn": f"arn:aws:events:eu-west-3:{ACCOUNT}:event-bus/default", "RoleArn": role},
        {"Id": "chat", "Arn": "arn:aws:opentrail:::chat/ops", "Input": '"x"'},
        {"Id": "fifo", "Arn": QUEUE + ".fifo", "SqsParameters": {"MessageGroupId": "g"}, "DeadLetterConfig": {"Arn": QUEUE},
         "RetryPolicy": {"MaximumRetryAttempts": 0, "MaximumEventAgeInSeconds": 60}},
        {"Id": "hook", "Arn": destination, "RoleArn": role,
         "HttpParameters": {"PathParameterValues": ["$.detail.id"], "HeaderParameters": {"a": "b"},
                                                             "QueryStringParameters": {}}},
        {"Id": "topic", "Arn": TOPIC, "InputTransformer": {"InputPathsMap": {"who": "$.detail.userIdentity.arn"},
                                                           "InputTemplate": '"<who> at <aws.events.event.ingestion-time>"'}},
    ]  # fmt: skip
    assert root("PutTargets", Rule="watch", Targets=given) == {"FailedEntryCount": 0, "FailedEntries": []}
    assert root("ListTargetsByRule", Rule="watch")["Targets"] == given
    with house.buses.store.read() as connection:
        kept = {target.target_id: target for target in rows.all_targets(connection)}
    assert kept["fifo"].retry == RetryPolicy(attempts=0, max_age=60)
    assert (kept["chat"].retry, kept["chat"].dead_letter_arn) == (RetryPolicy(attempts=185, max_age=86_400), None)
    assert kept["hook"].http == HttpParameters(path_values=["$.detail.id"], headers={"a": "b"}, query={})
    assert kept["topic"].transformer == InputTransformer(
        template='"<who> at <aws.events.event.ingestion-time>"', paths={"who": "$.detail.userIdentity.arn"}
    )
    root("PutTargets", Rule="watch", Targets=[{"Id": "chat", "Arn": "arn:aws:opentrail:::chat/other"}])  # takes the old one's place
    assert root("ListTargetsByRule", Rule="watch")["Targets"][1] == {"Id": "chat", "Arn": "arn:aws:opentrail:::chat/other"}
    page = root("ListTargetsByRule", Rule="watch", Limit=3)
    assert [one["Id"] for one in root("ListTargetsByRule", Rule="watch", NextToken=page["NextToken"])["Targets"]] == ["hook", "topic"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"Arn": "queue"}, "Provided Arn is not in correct format."),
        ({"Arn": f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/s"}, "it delivers to SNS topics, SQS queues, Lambda functions"),
        ({"Arn": QUEUE, "KinesisParameters": {"PartitionKeyPath": "$.id"}}, "it delivers to SNS topics"),
        ({"Arn": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:mine"}, "/aws/events/"),
        ({"Arn": f"arn:aws:sns:eu-west-3:{ACCOUNT}:news"}, f"the targets of a rule in {REGION} are there too"),
        ({"Arn": f"{ARN}:event-bus/default"}, "cannot be the target of a rule of its own"),
        ({"Arn": QUEUE, "Input": "{"}, "JSON syntax error in input for target q."),
        ({"Arn": QUEUE, "Input": "1", "InputPath": "$.a"}, "Only one of Input, InputPath, or InputTransformer must be provided for"),
        ({"Arn": QUEUE, "InputPath": "detail"}, "Invalid JSONPath in InputPath for target q"),
        ({"Arn": QUEUE, "InputTransformer": {"InputTemplate": "<no>"}}, "InputTemplate for target q contains invalid placeholder no."),
        ({"Arn": QUEUE, "InputTransformer": {"InputPathsMap": {"aws.x": "$.a"}, "InputTemplate": "1"}}, "Invalid InputPathsMap"),
        ({"Arn": QUEUE, "InputTransformer": {"InputPathsMap": {"x": "a"}, "InputTemplate": "<x>"}}, "Invalid JSONPath for x"),
        ({"Arn": QUEUE, "InputTransformer": {"InputTemplate": "not JSON"}}, "It must be JSON once the placeholders are filled in"),
        ({"Arn": QUEUE, "Input": "[NaN]"}, "JSON syntax error in input for target q."),
        ({"Arn": QUEUE, "InputTransformer": {"InputPathsMap": {f"x{n}": "$" for n in range(101)}, "InputTemplate": "1"}}, "100"),
        ({"Arn": QUEUE + ".fifo"}, "Parameter(s) SqsParameters must be specified for target: q."),
        ({"Arn": QUEUE, "SqsParameters": {"MessageGroupId": "g"}}, "It is no FIFO queue"),
        ({"Arn": QUEUE, "HttpParameters": {}}, "it is no API destination"),
        ({"Arn": QUEUE, "DeadLetterConfig": {"Arn": TOPIC}}, "is not the ARN of an SQS standard queue"),
        ({"Arn": QUEUE, "DeadLetterConfig": {"Arn": QUEUE.replace(REGION, "eu-west-3")}}, f"the queue must be in {REGION}"),
        ({"Arn": QUEUE, "RetryPolicy": {"MaximumRetryAttempts": 186}}, "185"),
        ({"Arn": QUEUE, "RetryPolicy": {"MaximumEventAgeInSeconds": 59}}, "60"),
        ({"Arn": QUEUE, "Input": '"' + "x" * 8191 + '"'}, "8192"),
        ({"Arn": f"arn:aws:events:{REGION}:{OTHER}:event-bus/default", "InputPath": "$.a"}, "the event bus of another account"),
    ],
)  # fmt: skip
def test_what_no_target_can_be(given: dict[str, Any], said: str, root: EventCaller) -> None:
    root.rule()
    message = root.refused("ValidationException", "PutTargets", Rule="watch", Targets=[{"Id": "a", "Arn": TOPIC}, {"Id": "q", **given}])
    assert said in message
    assert root("ListTargetsByRule", Rule="watch")["Targets"] == []


def test_the_role_of_a_target_must_be_one_that_eventbridge_can_assume(root: EventCaller, house: EventHouse) -> None:
    root.rule()
    here = {"ArnEquals": {"aws:SourceArn": f"{ARN}:rule/watch"}, "StringEquals": {"aws:SourceAccount": ACCOUNT}}
    good, other = house.role(condition=here), house.role("other", condition={"ArnEquals": {"aws:SourceArn": f"{ARN}:rule/other"}})
    refused = (f"arn:aws:iam::{ACCOUNT}:role/none", house.role("logs", service="logs.amazonaws.com"), other)
    for role in refused:
        target = {"Id": "q", "Arn": QUEUE, "RoleArn": role}
        said = root.refused("ValidationException", "PutTargets", Rule="watch", Targets=[target])
        assert said == f"Provided role '{role}' cannot be assumed by principal 'events.amazonaws.com'."
        assert root.refused("ValidationException", "PutRule", Name="watch", EventPattern=PATTERN, RoleArn=role) == said
    assert root("ListTargetsByRule", Rule="watch")["Targets"] == []
    theirs = f"arn:aws:iam::{OTHER}:role/r"
    said = root.refused("AccessDeniedException", "PutTargets", Rule="watch", Targets=[{"Id": "q", "Arn": QUEUE, "RoleArn": theirs}])
    assert said == "Cross-account pass role is not allowed."
    root.target(RoleArn=good)


def test_which_targets_take_a_role(root: EventCaller, house: EventHouse) -> None:
    root.rule()
    role, destination, group = house.role(), f"{ARN}:api-destination/hook/1234", f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/events/a"
    said = root.refused("ValidationException", "PutTargets", Rule="watch", Targets=[{"Id": "q", "Arn": destination}])
    assert said == f"RoleArn is required for target {destination}."
    for arn in (group, "arn:aws:opentrail:::chat/ops"):
        said = root.refused("ValidationException", "PutTargets", Rule="watch", Targets=[{"Id": "q", "Arn": arn, "RoleArn": role}])
        assert said == f"RoleArn is not supported for target {arn}."
    for arn in (destination, QUEUE, TOPIC, f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:f", f"{ARN}:event-bus/other"):
        root.target(Arn=arn, RoleArn=role)


def test_how_many_targets_there_can_be(root: EventCaller) -> None:
    root.rule()

    def put(*ids: str) -> dict[str, Any]:
        return {"Rule": "watch", "Targets": [{"Id": one, "Arn": QUEUE} for one in ids]}

    root("PutTargets", **put("1", "2", "3", "4", "5"))
    root("PutTargets", **put("1", "5"))
    assert "maximum number" in root.refused("LimitExceededException", "PutTargets", **put("5", "6"))
    assert "equal to 10" in root.refused("ValidationException", "PutTargets", **put(*map(str, range(11))))
    assert "a comes twice" in root.refused("ValidationException", "PutTargets", **put("a", "a"))
    assert "Rule no" in root.refused("ResourceNotFoundException", "PutTargets", **(put("1") | {"Rule": "no"}))
    assert len(root("ListTargetsByRule", Rule="watch")["Targets"]) == 5


def test_rules_are_found_by_their_target(root: EventCaller) -> None:
    for name in ("b", "a", "c"):
        root.rule(name)
        root("PutTargets", Rule=name, Targets=[{"Id": "1", "Arn": QUEUE}, {"Id": "2", "Arn": QUEUE, "Input": "1"}])
    root("PutTargets", Rule="c", Targets=[{"Id": "1", "Arn": TOPIC}, {"Id": "2", "Arn": TOPIC}])
    assert root("ListRuleNamesByTarget", TargetArn=QUEUE) == {"RuleNames": ["a", "b"]}
    page = root("ListRuleNamesByTarget", TargetArn=QUEUE, Limit=1)
    assert root("ListRuleNamesByTarget", TargetArn=QUEUE, NextToken=page["NextToken"]) == {"RuleNames": ["b"]}
    assert root("ListRuleNamesByTarget", TargetArn=QUEUE + "2") == {"RuleNames": []}


def test_a_pattern_is_tried_on_an_event(root: EventCaller) -> None:
    def tried(pattern: str) -> object:
        return root("TestEventPattern", EventPattern=pattern, Event=json.dumps(EVENT))["Result"]

    assert tried(PATTERN) is True
    assert tried('{"source":["other"]}') is False
    assert root.refused("InvalidEventPatternException", "TestEventPattern", EventPattern="{", Event="{}")
    for field in EVENT:
        event = json.dumps({name: value for name, value in EVENT.items() if name != field})
        message = root.refused("ValidationException", "TestEventPattern", EventPattern=PATTERN, Event=event)
        assert message == f"Parameter Event is not valid. Reason: It has no {field}."
    for event in ("no", "[]", "[" * 100_000):
        assert "Parameter Event is not valid." in root.refused("ValidationException", "TestEventPattern", EventPattern=PATTERN, Event=event)


def test_other_processes_see_that_rules_changed(root: EventCaller, house: EventHouse) -> None:
    store = house.buses.store
    seen = [store.generation()]
    root.rule()
    seen.append(store.generation())
    root.target()
    seen.append(store.generation())
    root("DisableRule", Name="watch")
    seen.append(store.generation())
    assert seen == sorted(set(seen))
    root.put({})
    assert store.generation() == seen[-1]
    assert store.newest_event() == house.events()[-1].position
