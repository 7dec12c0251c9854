"""Event buses, their policies and tags."""

from __future__ import annotations

import json

import pytest

from simulators.event_callers import ARN, PATTERN, EventCaller, EventHouse
from simulators.kms import ACCOUNT, REGION
from simulators.topics import OTHER

BUS = f"{ARN}:event-bus/orders"


def test_the_default_bus_is_there_in_every_region(root: EventCaller) -> None:
    assert root("DescribeEventBus") == {"Name": "default", "Arn": f"{ARN}:event-bus/default"}
    there = root.there("eu-west-3")("DescribeEventBus", Name="default")
    assert there["Arn"] == f"arn:aws:events:eu-west-3:{ACCOUNT}:event-bus/default"
    assert [bus["Name"] for bus in root("ListEventBuses")["EventBuses"]] == ["default"]
    assert root.refused("ValidationException", "DeleteEventBus", Name="default") == "Cannot delete event bus default."
    assert root.refused("ResourceAlreadyExistsException", "CreateEventBus", Name="default") == "Event bus default already exists."


def test_a_bus_from_creation_to_deletion(root: EventCaller) -> None:
    made = root("CreateEventBus", Name="orders", Description="of the shop", Tags=[{"Key": "team", "Value": "shop"}])
    assert made == {"EventBusArn": BUS, "Description": "of the shop"}
    assert root.refused("ResourceAlreadyExistsException", "CreateEventBus", Name="orders") == "Event bus orders already exists."
    assert root("UpdateEventBus", Name="orders", Description="new")["Description"] == "new"
    found = root("DescribeEventBus", Name=BUS)
    assert (found["Name"], found["Description"]) == ("orders", "new")
    assert found["CreationTime"] <= found["LastModifiedTime"]
    root.rule("r", EventBusName="orders")
    assert "has rules" in root.refused("ValidationException", "DeleteEventBus", Name="orders")
    root("DeleteRule", Name="r", EventBusName="orders")
    for _ in range(2):  # a second time is as good
        root("DeleteEventBus", Name="orders")
    assert root.refused("ResourceNotFoundException", "DescribeEventBus", Name="orders") == "Event bus orders does not exist."
    assert root.refused("ResourceNotFoundException", "UpdateEventBus", Name="orders") == "Event bus orders does not exist."


def test_a_bus_made_anew_is_not_given_what_was_put_on_the_old_one(root: EventCaller, house: EventHouse) -> None:
    root("CreateEventBus", Name="orders")
    root.put({"EventBusName": "orders"}, {})
    root("DeleteEventBus", Name="orders")
    root("CreateEventBus", Name="orders")
    assert [event.bus_arn for event in house.events()] == [BUS.replace("orders", "default")]


def test_lists_come_in_pages_and_by_prefix(root: EventCaller) -> None:
    for name in ("a", "zoo", "b.1", "d_x"):
        root("CreateEventBus", Name=name)
    names, token = [], None
    while True:
        page = root("ListEventBuses", Limit=2, **({"NextToken": token} if token else {}))
        names.append([bus["Name"] for bus in page["EventBuses"]])
        token = page.get("NextToken")
        if token is None:
            break
    assert names == [["a", "b.1"], ["d_x", "default"], ["zoo"]]
    assert [bus["Name"] for bus in root("ListEventBuses", NamePrefix="d_")["EventBuses"]] == ["d_x"]
    assert "NextToken" in root.refused("ValidationException", "ListEventBuses", NextToken="?")


@pytest.mark.parametrize(
    ("given", "code", "said"),
    [
        ({"Name": "bad name"}, "ValidationException", "regular expression"),
        ({"Name": "aws.partner/x/y", "EventSourceName": "aws.partner/x/y"}, "ResourceNotFoundException", "Event source aws.partner/x/y"),
        ({"Name": "a/b"}, "ResourceNotFoundException", "Event source a/b"),
        ({"Name": "x", "KmsKeyIdentifier": "alias/k"}, "ValidationException", "Leave it out"),
        ({"Name": "x", "LogConfig": {"Level": "INFO"}}, "ValidationException", "Level OFF"),
        ({"Name": "x", "DeadLetterConfig": {"Arn": "arn:aws:sns:us-east-1:1:x"}}, "ValidationException", "SQS"),
        ({"Name": "x", "Tags": [{"Key": "aws:x", "Value": ""}]}, "ValidationException", "aws:x"),
        ({"Name": "x", "Tags": [{"Key": "k", "Value": "1"}, {"Key": "k", "Value": "2"}]}, "ValidationException", "k comes twice"),
        ({"Name": "x", "Description": "\ud800"}, "ValidationException", "Unicode"),
    ],
)  # fmt: skip
def test_what_no_bus_can_be(given: dict[str, object], code: str, said: str, root: EventCaller) -> None:
    assert said in root.refused(code, "CreateEventBus", **given)
    assert len(root("ListEventBuses")["EventBuses"]) == 1


def test_statements_are_put_and_removed_by_their_ids(root: EventCaller) -> None:
    root("PutPermission", Action="events:PutEvents", Principal=OTHER, StatementId="other")
    root("PutPermission", Action="events:PutEvents", Principal="*", StatementId="org",
         Condition={"Type": "StringEquals", "Key": "aws:PrincipalOrgID", "Value": "o-1"})  # fmt: skip
    policy = json.loads(root("DescribeEventBus")["Policy"])
    assert policy["Statement"] == [
        {"Sid": "other", "Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{OTHER}:root"}, "Action": "events:PutEvents",
         "Resource": f"{ARN}:event-bus/default"},
        {"Sid": "org", "Effect": "Allow", "Principal": "*", "Action": "events:PutEvents", "Resource": f"{ARN}:event-bus/default",
         "Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-1"}}},
    ]  # fmt: skip
    root("PutPermission", Action="events:PutEvents", Principal="*", StatementId="other")  # takes the place of the old one
    assert {one["Sid"]: one["Principal"] for one in json.loads(root("DescribeEventBus")["Policy"])["Statement"]}["other"] == "*"
    root("RemovePermission", StatementId="org")
    assert "does not exist" in root.refused("ResourceNotFoundException", "RemovePermission", StatementId="org")
    root("RemovePermission", RemoveAllPermissions=True)
    assert "Policy" not in root("DescribeEventBus")
    assert "does not have a policy" in root.refused("ResourceNotFoundException", "RemovePermission", StatementId="other")


@pytest.mark.parametrize(
    ("given", "code", "said"),
    [
        ({}, "ValidationException", "must be specified"),
        ({"Action": "events:PutEvents", "Principal": OTHER}, "ValidationException", "must be specified"),
        ({"Action": "events:PutRule", "Principal": OTHER, "StatementId": "s"}, "ValidationException", "not supported"),
        ({"Action": "events:PutEvents", "Principal": "x", "StatementId": "s"}, "ValidationException", "regular expression"),
        ({"Policy": "{}", "StatementId": "s"}, "ValidationException", "together"),
        ({"Policy": "no"}, "ValidationException", "Policy"),
        ({"Policy": json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject",
                                                                        "Resource": "*"}]})}, "ValidationException", "s3:GetObject"),
        ({"Policy": " " * 10_241}, "PolicyLengthExceededException", "10240"),
        ({"EventBusName": "absent", "Action": "events:PutEvents", "Principal": OTHER, "StatementId": "s"}, "ResourceNotFoundException",
         "Event bus absent"),
    ],
)  # fmt: skip
def test_permissions_that_cannot_be(given: dict[str, object], code: str, said: str, root: EventCaller) -> None:
    assert said in root.refused(code, "PutPermission", **given)
    assert "Policy" not in root("DescribeEventBus")


def test_tags_of_buses_and_rules(root: EventCaller) -> None:
    rule = root.rule("r", Tags=[{"Key": "a", "Value": "1"}])
    for arn, before in ((f"{ARN}:event-bus/default", []), (rule, [{"Key": "a", "Value": "1"}])):
        assert root("ListTagsForResource", ResourceARN=arn) == {"Tags": before}
        root("TagResource", ResourceARN=arn, Tags=[{"Key": "a", "Value": "2"}, {"Key": "b", "Value": ""}])
        root("UntagResource", ResourceARN=arn, TagKeys=["a", "absent"])
        assert root("ListTagsForResource", ResourceARN=arn) == {"Tags": [{"Key": "b", "Value": ""}]}
    root.rule("r", Tags=[{"Key": "c", "Value": "3"}], EventPattern=PATTERN)  # of a rule that is there already they are no matter
    assert root("ListTagsForResource", ResourceARN=rule)["Tags"] == [{"Key": "b", "Value": ""}]
    many = [{"Key": str(number), "Value": ""} for number in range(50)]
    assert "50 tags" in root.refused("ValidationException", "TagResource", ResourceARN=rule, Tags=many)
    assert "is no ARN" in root.refused("ValidationException", "ListTagsForResource", ResourceARN="arn:aws:s3:::b")
    assert "Rule no" in root.refused("ResourceNotFoundException", "ListTagsForResource", ResourceARN=f"{ARN}:rule/no")
    elsewhere = rule.replace(REGION, "eu-west-3")
    assert "eu-west-3" in root.refused("ValidationException", "ListTagsForResource", ResourceARN=elsewhere)


def test_what_is_not_there_says_so(root: EventCaller) -> None:
    assert root("ListArchives") == {"Archives": []}
    assert "ArchiveName" not in root.refused("ResourceNotFoundException", "DescribeArchive", ArchiveName="a")
    assert "archives" in root.refused("LimitExceededException", "CreateArchive", ArchiveName="a", EventSourceArn=f"{ARN}:event-bus/default")
    assert "PutEvents" in root.refused("OperationDisabledException", "ListPartnerEventSources", NamePrefix="aws.partner/x/y")
