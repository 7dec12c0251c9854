"""Sixty-odd stories of who may do what, told with boto3 to a running OpenTrail: each ends as the rules of IAM say.

A story gives somebody policies, lets them make one call, and says whether it goes through. A refusal must be in the event history of the
account, with `errorCode` `AccessDenied` and without a word about the policies that were looked at.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from simulators.running import RunningOpenTrail, wait_for

ACCOUNT = "123456789012"
BUCKET, OPEN_BUCKET, NAMED_BUCKET = "stories", "stories-by-policy", "stories-denied"
MANY = f"arn:aws:s3:::{BUCKET}"
DENIED = {"AccessDenied", "AccessDeniedException"}

Document = dict[str, Any]


def statement(effect: str, action: Any, resource: Any = "*", condition: Mapping[str, Any] | None = None, **more: Any) -> Document:
    """One statement; `more` are further elements (`NotAction=…` with `action=None`)."""
    found: Document = {"Effect": effect, "Action": action, "Resource": resource, "Condition": condition, **more}
    return {element: value for element, value in found.items() if value is not None}


allow = functools.partial(statement, "Allow")
deny = functools.partial(statement, "Deny")


def policy(*statements: Document) -> str:
    """The JSON text of a policy."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


@dataclass(frozen=True, kw_only=True)
class Story:
    """What somebody was given, what they tried, and how it ended."""

    name: str
    given: Sequence[Document] = ()
    """Statements of the caller's inline policy."""
    by_group: Sequence[Document] = ()
    boundary: Sequence[Document] | None = None
    session: Sequence[Document] | None = None
    """The call is made with a session of a role that has `given`, limited by these."""
    tags: Mapping[str, str] = field(default_factory=dict)
    service: str = "s3"
    call: str = "get_bucket_location"
    members: Mapping[str, Any] = field(default_factory=lambda: {"Bucket": BUCKET})
    region: str = "us-east-1"
    allowed: bool


WHERE = allow("s3:GetBucketLocation", MANY)
GET = allow("s3:GetObject", f"{MANY}/*")
TAGGED = allow("s3:GetBucketLocation", "arn:aws:s3:::${aws:PrincipalTag/bucket}")
HOME = allow("iam:CreateUser", f"arn:aws:iam::{ACCOUNT}:user/home/${{aws:username}}/*")
OBJECT = {"Bucket": BUCKET, "Key": "reports/a.csv"}
TRAILS = {"one": f"arn:aws:cloudtrail:us-east-1:{ACCOUNT}:trail/one", "two": f"arn:aws:cloudtrail:us-east-1:{ACCOUNT}:trail/two"}


def located(operator: str, key: str, value: Any, allowed: bool, *, name: str = "", **more: Any) -> Story:
    """GetBucketLocation under one condition."""
    outcome = "opens" if allowed else "closes"
    title = name or f"{operator} on {key} {outcome} a bucket"
    return Story(name=title, given=[allow("s3:GetBucketLocation", MANY, {operator: {key: value}})], allowed=allowed, **more)


PLAIN = [
    Story(name="without a policy nothing is allowed", allowed=False),
    Story(name="an allow is enough", given=[WHERE], allowed=True),
    Story(name="a deny beats an allow", given=[WHERE, deny("s3:Get*", "*")], allowed=False),
    Story(name="another bucket is another resource", given=[allow("s3:GetBucketLocation", "arn:aws:s3:::other")], allowed=False),
    Story(name="a star in the action", given=[allow("s3:Get*", MANY)], allowed=True),
    Story(name="a question mark in the resource", given=[allow("s3:GetBucketLocation", "arn:aws:s3:::storie?")], allowed=True),
    Story(name="actions are compared without case", given=[allow("S3:GETBUCKETLOCATION", MANY)], allowed=True),
    Story(name="everything but IAM does not cover IAM", given=[allow(None, NotAction="iam:*")], service="iam", call="list_users",
          members={}, allowed=False),
    Story(name="everything but IAM covers S3", given=[allow(None, NotAction="iam:*")], allowed=True),
    Story(name="every resource but one", given=[allow("s3:GetBucketLocation", None, NotResource="arn:aws:s3:::other")], allowed=True),
    Story(name="every resource but this one", given=[allow("s3:GetBucketLocation", None, NotResource=MANY)], allowed=False),
    Story(name="objects are not the bucket", given=[GET], allowed=False),
    Story(name="an object by its prefix", given=[allow("s3:GetObject", f"{MANY}/reports/*")], call="get_object", members=OBJECT,
          allowed=True),
    Story(name="a user's own folder", given=[allow("s3:PutObject", f"{MANY}/home/${{aws:username}}/*")], call="put_object",
          members={"Bucket": BUCKET, "Key": "home/$me/x", "Body": b"x"}, allowed=True),
    Story(name="a user's own path", given=[HOME], service="iam", call="create_user",
          members={"UserName": "$me-child", "Path": "/home/$me/"}, allowed=True),
    Story(name="somebody else's path", given=[HOME], service="iam", call="create_user",
          members={"UserName": "$me-child", "Path": "/home/ana/"}, allowed=False),
    Story(name="a tag of the caller in a resource", given=[TAGGED],
          tags={"bucket": BUCKET}, allowed=True),
    Story(name="a variable without a value matches nothing", given=[TAGGED],
          allowed=False),
    Story(name="a variable with a default", given=[allow("s3:GetBucketLocation", f"arn:aws:s3:::${{aws:PrincipalTag/bucket, '{BUCKET}'}}")],
          allowed=True),
    Story(name="by the group", by_group=[WHERE], allowed=True),
    Story(name="a deny of the group", given=[WHERE], by_group=[deny("s3:*")], allowed=False),
]  # fmt: skip

LIMITS = [
    Story(name="within the boundary", given=[WHERE], boundary=[allow("s3:*")], allowed=True),
    Story(name="outside the boundary", given=[WHERE], boundary=[allow("ec2:*")], allowed=False),
    Story(name="a boundary gives nothing by itself", boundary=[allow("s3:*")], allowed=False),
    Story(name="a role's session", given=[WHERE], session=[], allowed=True),
    Story(name="a session policy that covers the call", given=[WHERE], session=[allow("s3:*")], allowed=True),
    Story(name="a session policy that does not", given=[WHERE], session=[allow("ec2:*")], allowed=False),
    Story(name="a session policy gives nothing by itself", session=[allow("s3:*")], allowed=False),
]

CONDITIONS = [
    located("StringEquals", "aws:PrincipalTag/folder", "reports/", True, tags={"folder": "reports/"}),
    located("StringEquals", "aws:PrincipalTag/folder", "Reports/", False, tags={"folder": "reports/"}),
    located("StringNotEquals", "aws:PrincipalTag/folder", "secret/", True, tags={"folder": "reports/"}),
    located("StringNotEquals", "aws:PrincipalTag/folder", "reports/", False, tags={"folder": "reports/"}),
    located("StringEqualsIgnoreCase", "aws:PrincipalTag/folder", "REPORTS/", True, tags={"folder": "reports/"}),
    located("StringNotEqualsIgnoreCase", "aws:PrincipalTag/folder", "REPORTS/", False, tags={"folder": "reports/"}),
    located("StringLike", "aws:PrincipalTag/folder", ["logs/*", "rep*"], True, tags={"folder": "reports/"}),
    located("StringNotLike", "aws:PrincipalTag/folder", "rep*", False, tags={"folder": "reports/"}),
    located("NumericEquals", "aws:PrincipalTag/level", "10", True, tags={"level": "10"}),
    located("NumericNotEquals", "aws:PrincipalTag/level", "10", False, tags={"level": "10"}),
    located("NumericLessThan", "aws:PrincipalTag/level", "10", False, tags={"level": "10"}),
    located("NumericLessThanEquals", "aws:PrincipalTag/level", "10", True, tags={"level": "10"}),
    located("NumericGreaterThan", "aws:PrincipalTag/level", "9.5", True, tags={"level": "10"}),
    located("NumericGreaterThanEquals", "aws:PrincipalTag/level", "11", False, tags={"level": "10"}),
    located("DateGreaterThan", "aws:CurrentTime", "2020-01-01T00:00:00Z", True),
    located("DateGreaterThanEquals", "aws:CurrentTime", "2099-01-01T00:00:00Z", False),
    located("DateLessThan", "aws:CurrentTime", "2099-01-01T00:00:00Z", True),
    located("DateLessThanEquals", "aws:EpochTime", "1577836800", False),
    located("DateEquals", "aws:CurrentTime", "2020-01-01T00:00:00Z", False),
    located("DateNotEquals", "aws:CurrentTime", "2020-01-01T00:00:00Z", True),
    located("Bool", "aws:PrincipalIsAWSService", "false", True),
    located("Bool", "aws:MultiFactorAuthPresent", "true", False),
    located("BoolIfExists", "aws:MultiFactorAuthPresent", "true", True),
    located("BinaryEquals", "aws:PrincipalTag/seal", "c2VhbA==", True, tags={"seal": "c2VhbA=="}),
    located("BinaryEquals", "aws:PrincipalTag/seal", "c2VhbA==", False, tags={"seal": "c2VhbHM="}),
    located("IpAddress", "aws:SourceIp", ["10.0.0.0/8", "127.0.0.0/8"], True),
    located("NotIpAddress", "aws:SourceIp", "127.0.0.1/32", False),
    located("ArnEquals", "aws:PrincipalArn", f"arn:aws:iam::{ACCOUNT}:user/story-*", True),
    located("ArnLike", "aws:PrincipalArn", "arn:aws:iam::*:user/story-*", True),
    located("ArnNotEquals", "aws:PrincipalArn", f"arn:aws:iam::{ACCOUNT}:user/story-*", False),
    located("ArnNotLike", "aws:PrincipalArn", f"arn:aws:iam::{ACCOUNT}:user/other-*", True),
    located("Null", "aws:TokenIssueTime", "true", True),
    located("Null", "aws:PrincipalTag/folder", "false", False),
    located("StringEqualsIfExists", "aws:PrincipalTag/team", "audit", True),
    located("StringEqualsIfExists", "aws:PrincipalTag/team", "audit", False, tags={"team": "sales"}),
    located("StringEquals", "aws:RequestedRegion", "eu-west-1", False),
]

TAGGING = {"ResourceId": TRAILS["one"], "TagsList": [{"Key": "team", "Value": "a"}, {"Key": "stage", "Value": "b"}]}
MORE = [
    Story(name="every tag key is one of these", given=[allow("cloudtrail:AddTags", "*",
          {"ForAllValues:StringEquals": {"aws:TagKeys": ["team", "stage"]}})], service="cloudtrail", call="add_tags", members=TAGGING,
          allowed=True),
    Story(name="not every tag key is one of these", given=[allow("cloudtrail:AddTags", "*",
          {"ForAllValues:StringEquals": {"aws:TagKeys": ["team"]}})], service="cloudtrail", call="add_tags", members=TAGGING,
          allowed=False),
    Story(name="some tag key is forbidden", given=[allow("cloudtrail:*"), deny("cloudtrail:AddTags", "*",
          {"ForAnyValue:StringLike": {"aws:TagKeys": "st*"}})], service="cloudtrail", call="add_tags", members=TAGGING, allowed=False),
    Story(name="a tag of the request", given=[allow("cloudtrail:AddTags", "*", {"StringEquals": {"aws:RequestTag/team": "a"}})],
          service="cloudtrail", call="add_tags", members=TAGGING, allowed=True),
    Story(name="a tag of the trail", given=[allow("cloudtrail:StopLogging", "*", {"StringEquals": {"aws:ResourceTag/owner": "blue"}})],
          service="cloudtrail", call="stop_logging", members={"Name": "one"}, allowed=True),
    Story(name="another tag of the trail", given=[allow("cloudtrail:StopLogging", "*", {"StringEquals": {"aws:ResourceTag/owner": "red"}})],
          service="cloudtrail", call="stop_logging", members={"Name": "one"}, allowed=False),
    Story(name="one trail given to one person", given=[allow("cloudtrail:GetTrailStatus", TRAILS["one"])], service="cloudtrail",
          call="get_trail_status", members={"Name": "one"}, allowed=True),
    Story(name="and not the other trail", given=[allow("cloudtrail:GetTrailStatus", TRAILS["one"])], service="cloudtrail",
          call="get_trail_status", members={"Name": "two"}, allowed=False),
    Story(name="history is closed by a deny", given=[allow("*"), deny("cloudtrail:LookupEvents")], service="cloudtrail",
          call="lookup_events", members={}, allowed=False),
    Story(name="a role cannot be passed without PassRole", given=[allow("cloudtrail:*")], service="cloudtrail", call="update_trail",
          members={"Name": "one", "CloudWatchLogsRoleArn": f"arn:aws:iam::{ACCOUNT}:role/story",
                   "CloudWatchLogsLogGroupArn": f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:g:*"}, allowed=False),
    Story(name="a managed policy may be attached when it is the right one",
          given=[allow("iam:AttachUserPolicy", "*", {"ArnEquals": {"iam:PolicyARN": "arn:aws:iam::aws:policy/ReadOnlyAccess"}})],
          service="iam", call="attach_user_policy", members={"UserName": "$me", "PolicyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess"},
          allowed=True),
    Story(name="and not when it makes an administrator",
          given=[allow("iam:AttachUserPolicy", "*", {"ArnEquals": {"iam:PolicyARN": "arn:aws:iam::aws:policy/ReadOnlyAccess"}})],
          service="iam", call="attach_user_policy",
          members={"UserName": "$me", "PolicyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}, allowed=False),
    Story(name="the bucket's policy opens it to a user of its account", members={"Bucket": OPEN_BUCKET}, allowed=True),
    Story(name="the bucket's policy closes it to a user who has an allow", given=[allow("s3:*")], members={"Bucket": NAMED_BUCKET},
          allowed=False),
    Story(name="in another Region", given=[allow("cloudtrail:DescribeTrails", "*", {"StringEquals": {"aws:RequestedRegion": "us-east-1"}})],
          service="cloudtrail", call="describe_trails", members={}, region="eu-west-1", allowed=False),
    Story(name="in its Region", given=[allow("cloudtrail:DescribeTrails", "*", {"StringEquals": {"aws:RequestedRegion": "us-east-1"}})],
          service="cloudtrail", call="describe_trails", members={}, allowed=True),
]  # fmt: skip

STORIES = [*PLAIN, *LIMITS, *CONDITIONS, *MORE]


@pytest.fixture(scope="module")
def stage(opentrail: RunningOpenTrail, tmp_path_factory: pytest.TempPathFactory) -> RunningOpenTrail:
    """Buckets, an object and two trails that the stories are about."""
    del tmp_path_factory
    s3, cloudtrail = opentrail.client("s3"), opentrail.client("cloudtrail")
    for bucket in (BUCKET, OPEN_BUCKET, NAMED_BUCKET):
        s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=BUCKET, Key="reports/a.csv", Body=b"1,2\n")
    s3.put_bucket_policy(Bucket=OPEN_BUCKET, Policy=policy(_everyone("Allow", OPEN_BUCKET)))
    s3.put_bucket_policy(Bucket=NAMED_BUCKET, Policy=policy(_everyone("Deny", NAMED_BUCKET)))
    log_bucket = "stories-logs"
    s3.create_bucket(Bucket=log_bucket)
    writes = {"StringEquals": {"s3:x-amz-acl": "bucket-owner-full-control"}}
    service = {"Service": "cloudtrail.amazonaws.com"}
    s3.put_bucket_policy(
        Bucket=log_bucket,
        Policy=policy(
            allow("s3:GetBucketAcl", f"arn:aws:s3:::{log_bucket}", Principal=service),
            allow("s3:PutObject", f"arn:aws:s3:::{log_bucket}/*", writes, Principal=service),
        ),
    )
    for name in TRAILS:
        cloudtrail.create_trail(Name=name, S3BucketName=log_bucket, TagsList=[{"Key": "owner", "Value": "blue"}])
    return opentrail


def _everyone(effect: str, bucket: str) -> Document:
    users = {"ArnLike": {"aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:user/story-*"}}
    return statement(effect, "s3:GetBucketLocation", f"arn:aws:s3:::{bucket}", users, Principal="*")


def _key_of(made: Mapping[str, Any]) -> tuple[str, ...]:
    found = (made["AccessKeyId"], made["SecretAccessKey"])
    return (*found, made["SessionToken"]) if "SessionToken" in made else found


def _cast(opentrail: RunningOpenTrail, story: Story, number: int) -> tuple[str, tuple[str, ...]]:
    """Make the person the story is about: name (as history shows it) and key."""
    iam = opentrail.client("iam")
    name = f"story-{number}"
    tags = [{"Key": key, "Value": value} for key, value in story.tags.items()]
    limits: dict[str, Any] = {}
    if story.boundary is not None:
        made = iam.create_policy(PolicyName=f"{name}-boundary", PolicyDocument=policy(*story.boundary))
        limits["PermissionsBoundary"] = made["Policy"]["Arn"]
    if story.session is not None:
        trust = policy({"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"})
        role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust, Tags=tags, **limits)["Role"]
        if story.given:
            iam.put_role_policy(RoleName=name, PolicyName="given", PolicyDocument=policy(*story.given))
        # root cannot assume roles: somebody else does
        iam.create_user(UserName=f"{name}-director")
        iam.put_user_policy(UserName=f"{name}-director", PolicyName="p", PolicyDocument=policy(allow("sts:AssumeRole")))
        director = iam.create_access_key(UserName=f"{name}-director")["AccessKey"]
        further = {"Policy": policy(*story.session)} if story.session else {}
        session = opentrail.client("sts", key=_key_of(director)).assume_role(RoleArn=role["Arn"], RoleSessionName=name, **further)
        return name, _key_of(session["Credentials"])
    iam.create_user(UserName=name, Tags=tags, **limits)
    if story.given:
        iam.put_user_policy(UserName=name, PolicyName="given", PolicyDocument=policy(*story.given))
    if story.by_group:
        iam.create_group(GroupName=name)
        iam.put_group_policy(GroupName=name, PolicyName="given", PolicyDocument=policy(*story.by_group))
        iam.add_user_to_group(GroupName=name, UserName=name)
    return name, _key_of(iam.create_access_key(UserName=name)["AccessKey"])


def _members(story: Story, name: str) -> dict[str, Any]:
    return {key: value.replace("$me", name) if isinstance(value, str) else value for key, value in story.members.items()}


@pytest.mark.parametrize("number", range(len(STORIES)), ids=[story.name.replace(" ", "-") for story in STORIES])
def test_a_story_ends_as_the_rules_say(stage: RunningOpenTrail, number: int) -> None:
    story = STORIES[number]
    name, key = _cast(stage, story, number)
    attempt: Callable[..., Any] = getattr(stage.client(story.service, key=key, region=story.region), story.call)
    if story.allowed:
        attempt(**_members(story, name))
        return
    with pytest.raises(ClientError) as refused:
        attempt(**_members(story, name))
    assert refused.value.response["Error"]["Code"] in DENIED
    event = _in_history(stage, story, name)
    assert event["errorCode"] == "AccessDenied"
    assert event["responseElements"] is None
    for text in (event["errorMessage"], refused.value.response["Error"]["Message"]):
        assert not any(told in text for told in ("Statement", "Condition", "given", '"Effect"', "Traceback", "sqlite", str(Path.cwd())))


def _in_history(stage: RunningOpenTrail, story: Story, name: str) -> dict[str, Any]:
    """The refused call in the event history; its caller is told by name or session."""
    history = stage.client("cloudtrail", region=story.region)
    wanted = {"AttributeKey": "Username", "AttributeValue": name}

    def look() -> Iterator[dict[str, Any]]:
        for found in history.lookup_events(LookupAttributes=[wanted])["Events"]:
            event = json.loads(found["CloudTrailEvent"])
            if event.get("errorCode"):
                yield event

    return next(iter(wait_for(lambda: list(look()))))
