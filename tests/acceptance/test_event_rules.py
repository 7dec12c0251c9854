"""Event rules end to end: a call is made, and what watches hears of it, whatever dies on the way."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from simulators.buckets import trail_policy
from simulators.functions import FakeLambda, lambda_endpoint
from simulators.running import RunningOpenTrail, wait_for

ACCOUNT = "123456789012"
REGION = "us-east-1"
BUS = f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus"


@pytest.fixture(scope="module")
def functions() -> Iterator[FakeLambda]:
    with lambda_endpoint() as made:
        yield made


@pytest.fixture(scope="module")
def opentrail(tmp_path_factory: pytest.TempPathFactory, functions: FakeLambda) -> Iterator[RunningOpenTrail]:
    with RunningOpenTrail(tmp_path_factory.mktemp("event-rules"), options=["--upstream", f"lambda={functions.url}"]) as running:
        s3 = running.client("s3")
        s3.create_bucket(Bucket="event-rules")
        policy = trail_policy("event-rules", f"arn:aws:cloudtrail:{REGION}:{ACCOUNT}:trail/watched", ACCOUNT)
        s3.put_bucket_policy(Bucket="event-rules", Policy=json.dumps(policy))
        cloudtrail = running.client("cloudtrail")
        cloudtrail.create_trail(Name="watched", S3BucketName="event-rules", IsMultiRegionTrail=True)
        cloudtrail.start_logging(Name="watched")
        yield running


def queue(running: RunningOpenTrail, name: str) -> tuple[str, str]:
    """URL and ARN of a new queue to which EventBridge may send."""
    sqs = running.client("sqs")
    arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"
    statement = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    return sqs.create_queue(QueueName=name, Attributes={"Policy": policy})["QueueUrl"], arn


def received(running: RunningOpenTrail, url: str, count: int) -> list[dict[str, Any]]:
    """The bodies of messages, once there are so many; each only once."""
    sqs, found = running.client("sqs"), {}

    def enough() -> bool:
        for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1).get("Messages", ()):
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            body = json.loads(message["Body"])
            found[body["id"]] = body
        return len(found) >= count

    wait_for(enough)
    return list(found.values())


def rule(running: RunningOpenTrail, name: str, names: list[str], *targets: dict[str, Any], **more: Any) -> None:
    """A rule for calls of IAM with these names."""
    events = running.client("events")
    pattern = {"source": ["aws.iam"], "detail": {"eventName": names}}
    events.put_rule(Name=name, EventPattern=json.dumps(pattern), **more)
    answer = events.put_targets(Rule=name, Targets=[{"Id": f"t{number}", **target} for number, target in enumerate(targets)])
    assert answer["FailedEntryCount"] == 0


def test_a_call_reaches_queue_topic_and_log_group(opentrail: RunningOpenTrail) -> None:
    url, arn = queue(opentrail, "users")
    topic_url, topic_queue = queue(opentrail, "users-by-topic")
    sns, logs = opentrail.client("sns"), opentrail.client("logs")
    topic = sns.create_topic(Name="users")["TopicArn"]
    allow = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sns:Publish", "Resource": topic}
    sns.set_topic_attributes(
        TopicArn=topic, AttributeName="Policy", AttributeValue=json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    )
    by_sns = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": topic_queue}
    opentrail.client("sqs").set_queue_attributes(
        QueueUrl=topic_url, Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": [by_sns]})}
    )
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=topic_queue, Attributes={"RawMessageDelivery": "true"})
    group = "/aws/events/users"
    logs.create_log_group(logGroupName=group)
    group_arn = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{group}"
    put = {
        "Effect": "Allow",
        "Principal": {"Service": ["events.amazonaws.com", "delivery.logs.amazonaws.com"]},
        "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
        "Resource": f"{group_arn}:*",
    }
    logs.put_resource_policy(policyName="events", policyDocument=json.dumps({"Version": "2012-10-17", "Statement": [put]}))
    rule(opentrail, "users", ["CreateUser"], {"Arn": arn}, {"Arn": topic}, {"Arn": group_arn})

    opentrail.client("iam").create_user(UserName="ada")

    (event,) = received(opentrail, url, 1)
    assert {key: event[key] for key in ("version", "detail-type", "source", "account", "region", "resources")} == {
        "version": "0",
        "detail-type": "AWS API Call via CloudTrail",
        "source": "aws.iam",
        "account": ACCOUNT,
        "region": REGION,
        "resources": [],
    }
    assert event["detail"]["requestParameters"] == {"userName": "ada"}
    assert received(opentrail, topic_url, 1) == [event]
    wait_for(lambda: logs.filter_log_events(logGroupName=group)["events"])
    assert json.loads(logs.filter_log_events(logGroupName=group)["events"][0]["message"]) == event


def test_calls_that_read_reach_only_rules_that_ask_for_them(opentrail: RunningOpenTrail) -> None:
    plain_url, plain = queue(opentrail, "plain")
    all_url, everything = queue(opentrail, "everything")
    rule(opentrail, "plain", ["ListGroups", "CreateGroup"], {"Arn": plain})
    rule(
        opentrail,
        "everything",
        ["ListGroups", "CreateGroup"],
        {"Arn": everything},
        State="ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS",
    )
    iam = opentrail.client("iam")
    iam.list_groups()
    iam.create_group(GroupName="readers")
    assert [event["detail"]["eventName"] for event in received(opentrail, all_url, 2)] == ["ListGroups", "CreateGroup"]
    assert [event["detail"]["eventName"] for event in received(opentrail, plain_url, 1)] == ["CreateGroup"]


def test_another_bus_takes_what_is_sent_to_it(opentrail: RunningOpenTrail) -> None:
    events = opentrail.client("events")
    url, arn = queue(opentrail, "orders")
    events.create_event_bus(Name="orders")
    events.put_rule(Name="all", EventBusName="orders", EventPattern=json.dumps({"account": [ACCOUNT]}))
    events.put_targets(Rule="all", EventBusName="orders", Targets=[{"Id": "q", "Arn": arn}])
    rule(opentrail, "onwards", ["CreateRole"], {"Arn": f"{BUS}/orders"})
    entry = {"Source": "shop", "DetailType": "Order", "Detail": '{"number": 1}', "EventBusName": "orders"}
    assert events.put_events(Entries=[entry])["FailedEntryCount"] == 0
    trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}]}
    opentrail.client("iam").create_role(RoleName="forwarded", AssumeRolePolicyDocument=json.dumps(trust))
    assert {event["detail-type"] for event in received(opentrail, url, 2)} == {"Order", "AWS API Call via CloudTrail"}


def role(running: RunningOpenTrail, name: str, action: str, resource: str) -> str:
    """ARN of a role that EventBridge may assume."""
    iam = running.client("iam")
    trust = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sts:AssumeRole"}
    made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}))
    may = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": resource}]}
    iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=json.dumps(may))
    return str(made["Role"]["Arn"])


def test_a_call_invokes_a_function_with_the_role_of_the_target(opentrail: RunningOpenTrail, functions: FakeLambda) -> None:
    function = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:react"
    dead_url, dead = queue(opentrail, "dead")
    good, bad = role(opentrail, "invokes", "lambda:InvokeFunction", function), role(opentrail, "reads", "lambda:GetFunction", "*")
    functions.answers[function] = [(429, "TooManyRequestsException"), (503, "ServiceException"), None]
    transformer = {"InputPathsMap": {"who": "$.detail.requestParameters.groupName"}, "InputTemplate": '{"group": "<who>"}'}
    rule(
        opentrail,
        "functions",
        ["CreateGroup"],
        {"Arn": function, "RoleArn": good, "InputTransformer": transformer},
        {"Arn": function, "RoleArn": bad, "DeadLetterConfig": {"Arn": dead}},
    )
    opentrail.client("iam").create_group(GroupName="lambda-users")
    (event,) = received(opentrail, dead_url, 1)
    assert event["detail"]["requestParameters"] == {"groupName": "lambda-users"}
    wait_for(lambda: functions.of(function), patience=90)
    assert functions.of(function) == [{"group": "lambda-users"}]
    assert (len(functions.tried), functions.unsigned) == (4, 0)
    assert {one.invocation_type for one in functions.taken} == {"Event"}


@contextmanager
def watch_stands_still(running: RunningOpenTrail) -> Iterator[None]:
    """The watch does nothing, and holds no lock meanwhile."""

    def stopped() -> Any:
        watch = running.role("watch")
        if watch is None:
            return None
        watch.suspend()
        if all(can_be_written(path) for path in running.data.glob("*.db")):
            return watch
        watch.resume()
        return None

    watch = wait_for(stopped, patience=90)
    try:
        yield
    finally:
        watch.resume()


def can_be_written(path: Path) -> bool:
    """Whether nobody holds the write lock of a database for long."""
    with closing(sqlite3.connect(path, timeout=1, isolation_level=None)) as connection:
        try:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
        except sqlite3.OperationalError:
            return False
    return True


def test_rules_that_change_while_the_watch_stands_still(opentrail: RunningOpenTrail) -> None:
    all_url, everything = queue(opentrail, "all-buckets")
    some_url, some = queue(opentrail, "some-buckets")
    s3, events = opentrail.client("s3"), opentrail.client("events")
    pattern = json.dumps({"source": ["aws.s3"], "detail": {"eventName": ["CreateBucket"]}})
    for name, arn, state in (("all", everything, "ENABLED"), ("some", some, "DISABLED")):
        events.put_rule(Name=name, EventPattern=pattern, State=state)
        events.put_targets(Rule=name, Targets=[{"Id": "q", "Arn": arn}])
    with watch_stands_still(opentrail):
        s3.create_bucket(Bucket="rules-before")
        events.enable_rule(Name="some")
        s3.create_bucket(Bucket="rules-between")
        events.disable_rule(Name="some")
        s3.create_bucket(Bucket="rules-after")
    buckets = [event["detail"]["requestParameters"]["bucketName"] for event in received(opentrail, all_url, 3)]
    assert buckets == ["rules-before", "rules-between", "rules-after"]
    assert [event["detail"]["requestParameters"]["bucketName"] for event in received(opentrail, some_url, 1)] == ["rules-between"]


def test_killed_while_it_delivers_it_loses_nothing(opentrail: RunningOpenTrail) -> None:
    url, arn = queue(opentrail, "policies")
    rule(opentrail, "policies", ["CreatePolicy"], {"Arn": arn})
    iam = opentrail.client("iam")
    document = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]})
    for number in range(30):
        iam.create_policy(PolicyName=f"p{number}", PolicyDocument=document)
        if number in (10, 20):
            wait_for(lambda: opentrail.role("watch")).kill()
    got = [event["detail"]["requestParameters"]["policyName"] for event in received(opentrail, url, 30)]
    assert sorted(got) == sorted(f"p{number}" for number in range(30))
