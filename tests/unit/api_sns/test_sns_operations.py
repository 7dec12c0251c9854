"""The operations of SNS, as a client sees them."""

from __future__ import annotations

from typing import Any

import pytest

from simulators.kms import ACCOUNT
from simulators.sns_callers import SnsCaller, SnsHouse
from simulators.topics import OTHER, QUEUE

PENDING = "pending confirmation"


def test_lists_come_in_pages_of_a_hundred(root: SnsCaller) -> None:
    arns = [root.topic(f"t{number:03}") for number in range(205)]
    topic = arns[0]
    subscribed = [
        root("Subscribe", TopicArn=topic, Protocol="sqs", Endpoint=f"{QUEUE}{number}")["SubscriptionArn"] for number in range(101)
    ]
    assert paged(root, "ListTopics", "Topics", "TopicArn") == (arns, 3)
    assert paged(root, "ListSubscriptions", "Subscriptions", "SubscriptionArn") == (sorted(subscribed), 2)
    assert paged(root, "ListSubscriptionsByTopic", "Subscriptions", "SubscriptionArn", TopicArn=topic) == (sorted(subscribed), 2)
    assert root.there("eu-west-1")("ListTopics") == {"Topics": []}
    for wrong in ("!", "ä", "AAA", "/w"):
        assert "NextToken" in root.refused("InvalidParameter", "ListTopics", NextToken=wrong)


def paged(caller: SnsCaller, operation: str, member: str, key: str, **more: Any) -> tuple[list[str], int]:
    found, pages = [], 0
    token: dict[str, str] = {}
    while True:
        answer = caller(operation, **more, **token)
        found += [item[key] for item in answer[member]]
        pages += 1
        if "NextToken" not in answer:
            return found, pages
        token = {"NextToken": answer["NextToken"]}


@pytest.mark.parametrize("name", ["", "a b", "ä", "x" * 257, "queue.fifo", "a.b"])
def test_names_that_no_topic_can_have_are_refused(root: SnsCaller, name: str) -> None:
    assert "Topic Name" in root.refused("InvalidParameter", "CreateTopic", Name=name)


def test_deleting_a_topic_twice_is_fine_and_using_it_is_not(root: SnsCaller) -> None:
    topic = root.topic()
    root("Subscribe", TopicArn=topic, Protocol="sqs", Endpoint=QUEUE)
    root("DeleteTopic", TopicArn=topic)
    root("DeleteTopic", TopicArn=topic)
    assert root("ListSubscriptions") == {"Subscriptions": []}
    assert root.refused("NotFound", "Publish", TopicArn=topic, Message="m") == "Topic does not exist"
    root.refused("NotFound", "GetTopicAttributes", TopicArn=topic)
    root.refused("ResourceNotFound", "ListTagsForResource", ResourceArn=topic)


def test_a_queue_of_one_s_own_is_subscribed_at_once(root: SnsCaller) -> None:
    topic = root.topic()
    arn = root("Subscribe", TopicArn=topic, Protocol="sqs", Endpoint=QUEUE, Attributes={"RawMessageDelivery": "true"})["SubscriptionArn"]
    assert arn.startswith(f"{topic}:")
    told = root("GetSubscriptionAttributes", SubscriptionArn=arn)["Attributes"]
    assert told["ConfirmationWasAuthenticated"] == "true"
    assert told["Owner"] == ACCOUNT
    assert root("ListSubscriptionsByTopic", TopicArn=topic)["Subscriptions"] == [
        {"SubscriptionArn": arn, "Owner": ACCOUNT, "Protocol": "sqs", "Endpoint": QUEUE, "TopicArn": topic}
    ]
    root("SetSubscriptionAttributes", SubscriptionArn=arn, AttributeName="RawMessageDelivery", AttributeValue="false")
    root("Unsubscribe", SubscriptionArn=arn)
    root.refused("NotFound", "GetSubscriptionAttributes", SubscriptionArn=arn)


def test_a_queue_of_another_account_waits_for_its_owner_unless_the_owner_asks(
    house: SnsHouse, root: SnsCaller, stranger: SnsCaller
) -> None:
    topic = root.topic()
    foreign = QUEUE.replace(ACCOUNT, OTHER)
    assert root("Subscribe", TopicArn=topic, Protocol="sqs", Endpoint=foreign)["SubscriptionArn"] == PENDING
    house.topics.deliver()
    assert "You have chosen to subscribe" in house.topics.queues.messages(foreign)[0]
    root("AddPermission", TopicArn=topic, Label="share", AWSAccountId=[OTHER], ActionName=["Subscribe"])
    arn = stranger("Subscribe", TopicArn=topic, Protocol="sqs", Endpoint=foreign + "2")["SubscriptionArn"]
    assert arn != PENDING
    assert [one["SubscriptionArn"] for one in stranger("ListSubscriptions")["Subscriptions"]] == [arn]
    root("GetSubscriptionAttributes", SubscriptionArn=arn)
    root.refused("AuthorizationError", "SetSubscriptionAttributes", SubscriptionArn=arn, AttributeName="FilterPolicy", AttributeValue="{}")
    stranger("Unsubscribe", SubscriptionArn=arn)


def test_what_waits_for_confirmation_is_told_so(root: SnsCaller) -> None:
    topic = root.topic()
    mail = {"TopicArn": topic, "Protocol": "email", "Endpoint": "ana@example.com"}
    assert root("Subscribe", **mail)["SubscriptionArn"] == PENDING
    arn = root("Subscribe", **mail, ReturnSubscriptionArn=True)["SubscriptionArn"]
    (listed,) = root("ListSubscriptions")["Subscriptions"]
    assert listed["SubscriptionArn"] == "PendingConfirmation"
    assert root("GetSubscriptionAttributes", SubscriptionArn=arn)["Attributes"]["PendingConfirmation"] == "true"
    assert root("Subscribe", TopicArn=topic, Protocol="sms", Endpoint="+4915112345678")["SubscriptionArn"].startswith(topic)


@pytest.mark.parametrize(
    ("protocol", "endpoint"),
    [
        ("https", "http://x.example"), ("http", "https://x.example"), ("https", "https://"), ("https", "https://x:99999/"), ("https", ""),
        ("https", "https://x.example/a b"), ("https", "https://x.example/\n"), ("https", "https://x.example/ä"), ("https", "https://x:0/"),
        ("email", "nobody"), ("email", "a@b, c@d"), ("email", "a@b\nBcc: c@d"), ("email-json", "@x"), ("sms", "12345"), ("sms", "+0"),
        ("sqs", "https://queue"), ("sqs", "arn:aws:sqs:us-east-1:123456789012:q.fifo"), ("lambda", "arn:aws:lambda:us-east-1:1:function:f"),
        ("firehose", "x"), ("application", "x"), ("pigeon", "coop"),
    ],
)  # fmt: skip
def test_endpoints_that_cannot_be_are_refused(root: SnsCaller, protocol: str, endpoint: str) -> None:
    root.refused("InvalidParameter", "Subscribe", TopicArn=root.topic(), Protocol=protocol, Endpoint=endpoint)


def test_a_token_confirms_and_a_signature_can_protect(house: SnsHouse, root: SnsCaller) -> None:
    topic = root.topic()
    arn = root("Subscribe", TopicArn=topic, Protocol="https", Endpoint="https://x.example/", ReturnSubscriptionArn=True)["SubscriptionArn"]
    token = house.topics.messages.subscriptions.get(arn).token
    assert root("ConfirmSubscription", TopicArn=topic, Token=token, AuthenticateOnUnsubscribe="true") == {"SubscriptionArn": arn}
    assert house.topics.messages.subscriptions.get(arn).protected


def test_tags(root: SnsCaller) -> None:
    topic = root.topic(Tags=[{"Key": "team", "Value": "a"}])
    root("TagResource", ResourceArn=topic, Tags=[{"Key": "team", "Value": "b"}, {"Key": "x", "Value": ""}])
    assert root("ListTagsForResource", ResourceArn=topic)["Tags"] == [{"Key": "team", "Value": "b"}, {"Key": "x", "Value": ""}]
    root("UntagResource", ResourceArn=topic, TagKeys=["x", "absent"])
    assert root("ListTagsForResource", ResourceArn=topic)["Tags"] == [{"Key": "team", "Value": "b"}]
    root.refused("InvalidParameter", "TagResource", ResourceArn=topic, Tags=[{"Key": "aws:x", "Value": ""}])
    root.refused("InvalidParameter", "TagResource", ResourceArn=topic, Tags=[{"Key": "a", "Value": ""}, {"Key": "a", "Value": ""}])
    many = [{"Key": str(number), "Value": ""} for number in range(50)]
    root.refused("TagLimitExceeded", "TagResource", ResourceArn=topic, Tags=many)


def test_publishing_by_either_name_of_the_topic(house: SnsHouse, root: SnsCaller) -> None:
    topic = root.topic(Attributes={"MaximumMessageSize": "1024"})
    root("Subscribe", TopicArn=topic, Protocol="sqs", Endpoint=QUEUE)
    root("Publish", TopicArn=topic, Message="one")
    root("Publish", TargetArn=topic, Message="two")
    house.topics.deliver()
    assert house.topics.queues.messages() == ["one", "two"]
    root.refused("InvalidParameter", "Publish", Message="m")
    root.refused("InvalidParameter", "Publish", TopicArn=topic, TargetArn=topic, Message="m")
    root.refused("InvalidParameter", "Publish", PhoneNumber="+4915112345678", Message="m")
    root.refused("InvalidParameter", "Publish", TargetArn="arn:aws:sns:us-east-1:123456789012:endpoint/GCM/app/1", Message="m")
    assert "too long" in root.refused("InvalidParameter", "Publish", TopicArn=topic, Message="x" * 1025)


def test_a_batch_publishes_what_it_can_and_tells_of_the_rest(house: SnsHouse, root: SnsCaller) -> None:
    topic = root.topic()
    root("Subscribe", TopicArn=topic, Protocol="sqs", Endpoint=QUEUE)
    entries = [{"Id": "a", "Message": "one"}, {"Id": "b", "Message": ""}, {"Id": "c", "Message": "three", "Subject": "s"}]
    answer = root("PublishBatch", TopicArn=topic, PublishBatchRequestEntries=entries)
    assert [one["Id"] for one in answer["Successful"]] == ["a", "c"]
    assert answer["Failed"] == [{"Id": "b", "Code": "InvalidParameter", "Message": "Invalid parameter: Empty message", "SenderFault": True}]
    house.topics.deliver()
    assert house.topics.queues.messages() == ["one", "three"]


@pytest.mark.parametrize(
    ("entries", "code"),
    [
        ([], "EmptyBatchRequest"),
        ([{"Id": str(number), "Message": "m"} for number in range(11)], "TooManyEntriesInBatchRequest"),
        ([{"Id": "a", "Message": "m"}] * 2, "BatchEntryIdsNotDistinct"),
        ([{"Id": "a b", "Message": "m"}], "InvalidBatchEntryId"),
        ([{"Id": str(number), "Message": "x" * 100_000} for number in range(3)], "BatchRequestTooLong"),
        ([{"Id": "a"}], "InvalidParameter"),
    ],
)
def test_batches_that_cannot_be_are_refused(root: SnsCaller, entries: list[Any], code: str) -> None:
    root.refused(code, "PublishBatch", TopicArn=root.topic(), PublishBatchRequestEntries=entries)


def test_required_parameters_are_named(root: SnsCaller) -> None:
    assert "TopicArn" in root.refused("InvalidParameter", "DeleteTopic")
    assert "Message" in root.refused("InvalidParameter", "Publish", TopicArn=root.topic())
    for wrong in ("news", "arn:aws:sns:us-east-1:1:news", "arn:aws:sqs:us-east-1:123456789012:news", ""):
        assert "TopicArn" in root.refused("InvalidParameter", "DeleteTopic", TopicArn=wrong)
    assert "eu-west-1" in root.refused("InvalidParameter", "DeleteTopic", TopicArn="arn:aws:sns:eu-west-1:123456789012:news")
    root.refused("InvalidParameter", "CreateTopic", Name="x", DataProtectionPolicy="{}")


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"Label": "a b"}, "Label"),
        ({"AWSAccountId": ["1"]}, "AWSAccountId"),
        ({"ActionName": ["Fly"]}, "ActionName"),
        ({"ActionName": []}, "ActionName"),
    ],
)
def test_permissions_that_cannot_be_are_refused(root: SnsCaller, given: dict[str, Any], says: str) -> None:
    wanted = {"TopicArn": root.topic(), "Label": "l", "AWSAccountId": [OTHER], "ActionName": ["Publish"], **given}
    assert says in root.refused("InvalidParameter", "AddPermission", **wanted)
