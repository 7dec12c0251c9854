"""Who may do what to which trail: policies on the ARN, on tags of the trail and of the request, through the whole front."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from opentrail.api.cloudtrail import CloudTrailService
from opentrail.identity.credentials import Credential
from opentrail.signing import SigningKeys
from opentrail.trails.control import Trails
from simulators.front_door import ACCOUNT, FrontDoor
from simulators.trails import REGIONS, Buckets, KeyStock

HOME = "us-east-1"
STEM = f"arn:aws:cloudtrail:us-east-1:{ACCOUNT}:trail/"
MINE, THEIRS = STEM + "mine", STEM + "theirs"


class Office:
    """Two trails, and users with one policy each."""

    def __init__(self, folder: Path) -> None:
        def services(door: FrontDoor) -> list[Any]:
            trails = Trails(door.database, door.clock, buckets=Buckets(door.clock), regions=REGIONS, head=lambda: 0, changed=lambda: None)
            keys = SigningKeys(door.database, folder / "keys", door.clock, generate=KeyStock())
            return [CloudTrailService(trails, keys)]

        self.door = FrontDoor(folder, services=services)
        for name in ("mine", "theirs"):
            assert self.told("CreateTrail", Name=name, S3BucketName="logs") == ""

    def user(self, name: str, *statements: dict[str, Any]) -> Credential:
        """A user with these statements, each `Allow` unless it says otherwise."""
        identities = self.door.identities
        identities.users.create(ACCOUNT, name)
        filled = [{"Effect": "Allow", "Resource": "*", **statement} for statement in statements]
        document = json.dumps({"Version": "2012-10-17", "Statement": filled})
        identities.attachments.put_inline(ACCOUNT, "user", name, "only", document)
        key, _ = identities.access_keys.create(ACCOUNT, name)
        found = identities.credential(key.access_key_id)
        assert found is not None
        return found

    def told(self, operation: str, *, key: Credential | None = None, region: str = HOME, **parameters: Any) -> str:
        """The code of the fault, `""` for success."""
        answer = self.door.ask(self.door.json(operation, parameters, key=key, region=region))
        return "" if answer.status == 200 else str(json.loads(answer.body)["__type"]).rpartition("#")[2]


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    made = Office(tmp_path)
    yield made
    made.door.close()


ON_ONE_TRAIL: dict[str, tuple[str, dict[str, Any]]] = {
    "GetTrail": ("Name", {}),
    "GetTrailStatus": ("Name", {}),
    "UpdateTrail": ("Name", {"S3KeyPrefix": "p"}),
    "StartLogging": ("Name", {}),
    "StopLogging": ("Name", {}),
    "GetEventSelectors": ("TrailName", {}),
    "PutEventSelectors": ("TrailName", {"EventSelectors": [{}]}),
    "PutInsightSelectors": ("TrailName", {"InsightSelectors": [{"InsightType": "ApiCallRateInsight"}]}),
    "GetInsightSelectors": ("TrailName", {}),
    "GetEventConfiguration": ("TrailName", {}),
    "PutEventConfiguration": ("TrailName", {"AggregationConfigurations": []}),
    "DeleteTrail": ("Name", {}),
}


def test_one_trail_can_be_given_to_one_person(office: Office) -> None:
    key = office.user("keeper", {"Action": "cloudtrail:*", "Resource": MINE})
    for operation, (member, more) in ON_ONE_TRAIL.items():
        for name in ("theirs", THEIRS):
            assert office.told(operation, key=key, **{member: name}, **more) == "AccessDeniedException", operation
    for operation, (member, more) in ON_ONE_TRAIL.items():
        for name in (MINE,) if operation == "DeleteTrail" else ("mine", MINE):
            assert office.told(operation, key=key, **{member: name}, **more) == "", operation
    assert office.told("CreateTrail", key=key, Name="mine", S3BucketName="logs") == ""
    assert office.told("CreateTrail", key=key, Name="other", S3BucketName="logs") == "AccessDeniedException"
    for operation in ("DescribeTrails", "ListTrails"):
        assert office.told(operation, key=key) == "AccessDeniedException"  # they have no resource: only `*` grants them


def test_a_name_means_the_trail_of_the_called_region(office: Office) -> None:
    key = office.user("keeper", {"Action": "cloudtrail:*", "Resource": MINE})
    assert office.told("GetTrail", key=key, region="eu-west-1", Name="mine") == "AccessDeniedException"
    assert office.told("GetTrail", key=key, region="eu-west-1", Name=MINE) == ""


def test_tags_of_the_trail_decide(office: Office) -> None:
    office.told("AddTags", ResourceId=MINE, TagsList=[{"Key": "team", "Value": "sec"}])
    office.told("AddTags", ResourceId=THEIRS, TagsList=[{"Key": "team", "Value": "web"}])
    key = office.user("keeper", {"Action": "cloudtrail:*", "Condition": {"StringEquals": {"aws:ResourceTag/team": "sec"}}})
    for name in ("mine", MINE):
        assert office.told("StartLogging", key=key, Name=name) == ""
    for name in ("theirs", THEIRS):
        assert office.told("StartLogging", key=key, Name=name) == "AccessDeniedException"
    assert office.told("ListTags", key=key, ResourceIdList=[MINE]) == ""
    assert office.told("ListTags", key=key, ResourceIdList=[MINE, THEIRS]) == "AccessDeniedException"


def test_tags_of_the_request_decide(office: Office) -> None:
    condition = {
        "StringEquals": {"aws:RequestTag/team": "sec"},
        "ForAllValues:StringEquals": {"aws:TagKeys": ["team", "cost"]},
    }
    actions = ["cloudtrail:CreateTrail", "cloudtrail:AddTags"]
    key = office.user("maker", {"Action": actions, "Condition": condition})
    good, cost = {"Key": "team", "Value": "sec"}, {"Key": "cost", "Value": "1"}
    assert office.told("CreateTrail", key=key, Name="plain", S3BucketName="logs") == "AccessDeniedException"
    assert office.told("CreateTrail", key=key, Name="wrong", S3BucketName="logs", TagsList=[cost]) == "AccessDeniedException"
    other = {"Key": "other", "Value": "x"}
    assert office.told("CreateTrail", key=key, Name="further", S3BucketName="logs", TagsList=[good, other]) == "AccessDeniedException"
    assert office.told("CreateTrail", key=key, Name="tagged", S3BucketName="logs", TagsList=[good, cost]) == ""
    assert office.told("AddTags", key=key, ResourceId=MINE, TagsList=[good]) == ""
    assert office.told("AddTags", key=key, ResourceId=MINE, TagsList=[cost]) == "AccessDeniedException"


def test_tag_keys_decide_which_tags_go(office: Office) -> None:
    office.told("AddTags", ResourceId=MINE, TagsList=[{"Key": "team", "Value": "sec"}, {"Key": "cost", "Value": "1"}])
    condition = {"ForAllValues:StringEquals": {"aws:TagKeys": ["cost"]}}
    key = office.user("cleaner", {"Action": "cloudtrail:RemoveTags", "Condition": condition})
    assert office.told("RemoveTags", key=key, ResourceId=MINE, TagsList=[{"Key": "team"}]) == "AccessDeniedException"
    assert office.told("RemoveTags", key=key, ResourceId=MINE, TagsList=[{"Key": "cost"}]) == ""


def test_a_trail_with_tags_takes_the_leave_to_tag(office: Office) -> None:
    key = office.user("maker", {"Action": "cloudtrail:CreateTrail"})
    tagged = [{"Key": "team", "Value": "sec"}]
    assert office.told("CreateTrail", key=key, Name="tagged", S3BucketName="logs", TagsList=tagged) == "AccessDeniedException"
    assert office.told("CreateTrail", key=key, Name="plain", S3BucketName="logs") == ""


def test_a_role_for_a_log_group_must_be_passable(office: Office) -> None:
    key = office.user("maker", {"Action": "cloudtrail:*"})
    role = f"arn:aws:iam::{ACCOUNT}:role/r"
    told = office.told("UpdateTrail", key=key, Name="mine", CloudWatchLogsLogGroupArn="g", CloudWatchLogsRoleArn=role)
    assert told == "AccessDeniedException"
