"""SQS's operations on queues, as a client sees them."""

from __future__ import annotations

import json

import pytest

from opentrail.api.sqs import SQS
from simulators.queues import ACCOUNT, MODEL, OTHER, REGION, QueueHouse, SqsCaller

URL = f"http://127.0.0.1:4747/{ACCOUNT}/work"
ARN = f"arn:aws:sqs:{REGION}:{ACCOUNT}:work"


@pytest.fixture
def sqs(house: QueueHouse) -> SqsCaller:
    return SqsCaller(house)


def test_every_operation_of_the_model_is_served(house: QueueHouse) -> None:
    assert set(SQS(house.queues).operations) == set(MODEL.operation_names)


def test_a_queue_url_is_below_the_name_by_which_the_client_came(house: QueueHouse) -> None:
    assert SqsCaller(house).queue() == URL
    other = SqsCaller(house, host="trail.example:8443")
    assert other("GetQueueUrl", QueueName="work")["QueueUrl"] == f"http://trail.example:8443/{ACCOUNT}/work"
    for url in (URL, f"https://sqs.us-east-1.amazonaws.com/{ACCOUNT}/work", f"/{ACCOUNT}/work", "work"):
        assert other.attributes(url, "QueueArn") == {"QueueArn": ARN}


def test_the_path_names_the_queue_where_no_parameter_does(sqs: SqsCaller) -> None:
    sqs.queue()
    assert sqs("GetQueueAttributes", path=f"/{ACCOUNT}/work", AttributeNames=["QueueArn"]) == {"Attributes": {"QueueArn": ARN}}
    assert "QueueUrl" in sqs.refused("MissingParameter", "GetQueueAttributes", AttributeNames=["QueueArn"])


def test_attributes_have_their_documented_defaults(sqs: SqsCaller) -> None:
    assert sqs.attributes(sqs.queue()) == {
        "QueueArn": ARN,
        "ApproximateNumberOfMessages": "0",
        "ApproximateNumberOfMessagesNotVisible": "0",
        "ApproximateNumberOfMessagesDelayed": "0",
        "CreatedTimestamp": "1767607872",
        "LastModifiedTimestamp": "1767607872",
        "VisibilityTimeout": "30",
        "MaximumMessageSize": "1048576",
        "MessageRetentionPeriod": "345600",
        "DelaySeconds": "0",
        "ReceiveMessageWaitTimeSeconds": "0",
        "SqsManagedSseEnabled": "true",
    }
    assert sqs("GetQueueAttributes", QueueUrl=URL) == {}
    assert sqs("GetQueueAttributes", QueueUrl=URL, AttributeNames=["Policy"]) == {}
    assert "Nonsense" in sqs.refused("InvalidAttributeName", "GetQueueAttributes", QueueUrl=URL, AttributeNames=["Nonsense"])


def test_fifo_queues_show_what_they_are(sqs: SqsCaller) -> None:
    url = sqs.queue("work.fifo", FifoQueue="true", DeduplicationScope="messageGroup", FifoThroughputLimit="perMessageGroupId")
    shown = sqs.attributes(url)
    assert {name: shown[name] for name in ("FifoQueue", "ContentBasedDeduplication", "DeduplicationScope", "FifoThroughputLimit")} == {
        "FifoQueue": "true",
        "ContentBasedDeduplication": "false",
        "DeduplicationScope": "messageGroup",
        "FifoThroughputLimit": "perMessageGroupId",
    }


def test_attributes_are_changed_and_shown(sqs: SqsCaller, house: QueueHouse) -> None:
    url, dead = sqs.queue(), sqs.queue("dead")
    redrive = json.dumps({"deadLetterTargetArn": ARN.replace("work", "dead"), "maxReceiveCount": "5"})
    house.clock.advance(10)
    sqs("SetQueueAttributes", QueueUrl=url, Attributes={"RedrivePolicy": redrive, "DelaySeconds": "3", "KmsMasterKeyId": "alias/aws/sqs"})
    shown = sqs.attributes(url)
    assert shown["RedrivePolicy"] == redrive
    assert (shown["DelaySeconds"], shown["KmsMasterKeyId"], shown["KmsDataKeyReusePeriodSeconds"]) == ("3", "alias/aws/sqs", "300")
    assert shown["SqsManagedSseEnabled"] == "false"
    assert int(shown["LastModifiedTimestamp"]) == int(shown["CreatedTimestamp"]) + 10
    assert sqs("ListDeadLetterSourceQueues", QueueUrl=dead) == {"queueUrls": [url]}
    assert sqs("ListDeadLetterSourceQueues", QueueUrl=url) == {"queueUrls": []}
    for bad in ({"QueueArn": "x"}, {"All": "x"}, {"CreatedTimestamp": "1"}):
        sqs.refused("InvalidAttributeName", "SetQueueAttributes", QueueUrl=url, Attributes=bad)
    sqs.refused("InvalidAttributeValue", "SetQueueAttributes", QueueUrl=url, Attributes={"DelaySeconds": "901"})
    sqs.refused("MissingParameter", "SetQueueAttributes", QueueUrl=url, Attributes={})


def test_lists_come_in_pages(sqs: SqsCaller) -> None:
    urls = [sqs.queue(name) for name in ("a1", "a2", "a3", "b1")]
    assert sqs("ListQueues") == {"QueueUrls": urls}
    first = sqs("ListQueues", QueueNamePrefix="a", MaxResults=2)
    assert first["QueueUrls"] == urls[:2]
    assert sqs("ListQueues", QueueNamePrefix="a", MaxResults=2, NextToken=first["NextToken"]) == {"QueueUrls": urls[2:3]}
    assert sqs("ListQueues", QueueNamePrefix="c") == {}
    for bad in ({"MaxResults": 0}, {"MaxResults": 1001}, {"MaxResults": 1, "NextToken": "§"}, {"NextToken": "x"}):
        sqs.refused("InvalidParameterValue", "ListQueues", **bad)


def test_permissions_are_statements_of_the_policy(sqs: SqsCaller) -> None:
    url = sqs.queue()
    sqs("AddPermission", QueueUrl=url, Label="share", AWSAccountIds=[OTHER], Actions=["SendMessage"])
    sqs("AddPermission", QueueUrl=url, Label="more", AWSAccountIds=[OTHER, ACCOUNT], Actions=["ReceiveMessage", "DeleteMessage"])
    statements = json.loads(sqs.attributes(url)["Policy"])["Statement"]
    assert statements[0] == {
        "Sid": "share",
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{OTHER}:root"},
        "Action": "SQS:SendMessage",
        "Resource": ARN,
    }
    assert statements[1]["Action"] == ["SQS:ReceiveMessage", "SQS:DeleteMessage"]
    good = {"Label": "other", "AWSAccountIds": [OTHER], "Actions": ["SendMessage"]}
    for bad in ({"Label": "share"}, {"Label": "a b"}, {"AWSAccountIds": ["x"]}, {"Actions": ["DeleteQueue"]}, {"Actions": ["Nonsense"]}):
        sqs.refused("InvalidParameterValue", "AddPermission", QueueUrl=url, **{**good, **bad})
    sqs.refused("MissingParameter", "AddPermission", QueueUrl=url, **{**good, "Actions": []})
    for number in range(18):
        sqs("AddPermission", QueueUrl=url, **{**good, "Label": f"l{number}"})
    sqs.refused("OverLimit", "AddPermission", QueueUrl=url, **good)
    sqs.refused("InvalidParameterValue", "RemovePermission", QueueUrl=url, Label="none")
    for label in ("share", "more", *(f"l{number}" for number in range(18))):
        sqs("RemovePermission", QueueUrl=url, Label=label)
    assert "Policy" not in sqs.attributes(url)


def test_tags(sqs: SqsCaller) -> None:
    sqs("CreateQueue", QueueName="work", tags={"a": "1"})
    sqs("TagQueue", QueueUrl=URL, Tags={"b": "2"})
    assert sqs("ListQueueTags", QueueUrl=URL) == {"Tags": {"a": "1", "b": "2"}}
    sqs("UntagQueue", QueueUrl=URL, TagKeys=["a", "b"])
    assert sqs("ListQueueTags", QueueUrl=URL) == {}
    sqs.refused("InvalidParameterValue", "TagQueue", QueueUrl=URL, Tags={"aws:a": "1"})
    sqs.refused("MissingParameter", "TagQueue", QueueUrl=URL)


def test_a_queue_that_is_not_there(sqs: SqsCaller, house: QueueHouse) -> None:
    for operation in ("GetQueueAttributes", "DeleteQueue", "PurgeQueue", "ReceiveMessage", "ListQueueTags"):
        sqs.refused("QueueDoesNotExist", operation, QueueUrl=URL)
        sqs.refused("QueueDoesNotExist", operation, QueueUrl="http://x/y/z w")
    sqs.refused("QueueDoesNotExist", "GetQueueUrl", QueueName="work")
    sqs.refused("QueueDoesNotExist", "GetQueueUrl", QueueName="no such name")
    sqs.refused("MissingParameter", "GetQueueUrl")
    sqs.refused("MissingParameter", "CreateQueue")
    sqs.refused("InvalidParameterValue", "CreateQueue", QueueName="no good name")
    url = sqs.queue()
    sqs("DeleteQueue", QueueUrl=url)
    sqs.refused("QueueDoesNotExist", "DeleteQueue", QueueUrl=url)
    sqs.refused("QueueDeletedRecently", "CreateQueue", QueueName="work")
    house.clock.advance(61)
    sqs.queue()


def test_message_move_tasks(sqs: SqsCaller, house: QueueHouse) -> None:
    dead = sqs.queue("dead")
    arn = ARN.replace("work", "dead")
    url = sqs.queue("work", RedrivePolicy=json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 1}))
    for number in range(3):
        sqs("SendMessage", QueueUrl=url, MessageBody=str(number))
    sqs.receive(url, VisibilityTimeout=0)
    assert sqs.receive(url) == []
    handle = sqs("StartMessageMoveTask", SourceArn=arn, MaxNumberOfMessagesPerSecond=2)["TaskHandle"]
    sqs.refused("UnsupportedOperation", "StartMessageMoveTask", SourceArn=arn)
    house.queues.keeper.work(house.clock.time())
    assert sqs("ListMessageMoveTasks", SourceArn=arn)["Results"] == [
        {
            "TaskHandle": handle,
            "Status": "RUNNING",
            "SourceArn": arn,
            "MaxNumberOfMessagesPerSecond": 2,
            "ApproximateNumberOfMessagesMoved": 2,
            "ApproximateNumberOfMessagesToMove": 3,
            "StartedTimestamp": int(house.clock.time() * 1000),
        }
    ]
    assert sqs("CancelMessageMoveTask", TaskHandle=handle) == {"ApproximateNumberOfMessagesMoved": 2}
    assert sqs.attributes(dead, "ApproximateNumberOfMessages") == {"ApproximateNumberOfMessages": "1"}
    for bad in (ARN + "2", "x", arn.replace(REGION, "eu-west-1")):
        sqs.refused("ResourceNotFoundException", "StartMessageMoveTask", SourceArn=bad)
        sqs.refused("ResourceNotFoundException", "ListMessageMoveTasks", SourceArn=bad)
    sqs.refused("ResourceNotFoundException", "CancelMessageMoveTask", TaskHandle="x")
    sqs.refused("ResourceNotFoundException", "StartMessageMoveTask", SourceArn=arn, DestinationArn=ARN + "2")
    sqs.refused("InvalidParameterValue", "StartMessageMoveTask", SourceArn=arn, MaxNumberOfMessagesPerSecond=501)
