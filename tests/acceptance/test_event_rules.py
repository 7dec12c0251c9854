"""Event rules end to end: a call is made, and what watches hears of it, whatever dies on the way."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from simulators.buckets import trail_policy
from simulators.running import RunningOpenTrail, wait_for

ACCOUNT = "123456789012"
REGION = "us-east-1"
BUS = f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus"


@pytest.fixture(scope="module")
def opentrail(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningOpenTrail]:
    with RunningOpenTrail(tmp_path_factory.mktemp("event-rules")) as running:
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
