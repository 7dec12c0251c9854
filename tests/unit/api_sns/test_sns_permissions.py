"""Who may do what with a topic: identity policies, the topic's own, its key."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from simulators.kms import ACCOUNT
from simulators.sns_callers import SnsCaller, SnsHouse
from simulators.topics import OTHER, QUEUE

User = Callable[..., SnsCaller]


def policy(topic: str, principal: Any, *actions: str, effect: str = "Allow", **condition: Any) -> str:
    statement = {"Effect": effect, "Principal": principal, "Action": list(actions), "Resource": topic}
    if condition:
        statement["Condition"] = condition
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def test_who_has_no_permission_is_told_in_sns_s_words(root: SnsCaller, user: User) -> None:
    topic = root.topic()
    message = user("ana").refused("AuthorizationError", "Publish", TopicArn=topic, Message="m")
    assert message == (
        f"User: arn:aws:iam::{ACCOUNT}:user/ana is not authorized to perform: SNS:Publish on resource: {topic} "
        "because no identity-based policy allows the SNS:Publish action"
    )


def test_each_operation_takes_the_permission_of_its_name(root: SnsCaller, user: User) -> None:
    topic = root.topic()
    arn = root("Subscribe", TopicArn=topic, Protocol="sqs", Endpoint=QUEUE)["SubscriptionArn"]
    calls: dict[str, dict[str, Any]] = {
        "ListTopics": {}, "ListSubscriptions": {}, "GetTopicAttributes": {"TopicArn": topic},
        "ListSubscriptionsByTopic": {"TopicArn": topic},
        "SetTopicAttributes": {"TopicArn": topic, "AttributeName": "DisplayName", "AttributeValue": "x"},
        "GetSubscriptionAttributes": {"SubscriptionArn": arn},
        "SetSubscriptionAttributes": {"SubscriptionArn": arn, "AttributeName": "RawMessageDelivery", "AttributeValue": "true"},
        "ListTagsForResource": {"ResourceArn": topic}, "TagResource": {"ResourceArn": topic, "Tags": [{"Key": "a", "Value": "b"}]},
        "UntagResource": {"ResourceArn": topic, "TagKeys": ["a"]}, "Publish": {"TopicArn": topic, "Message": "m"},
        "AddPermission": {"TopicArn": topic, "Label": "l", "AWSAccountId": [OTHER], "ActionName": ["Publish"]},
        "RemovePermission": {"TopicArn": topic, "Label": "l"}, "Subscribe": {"TopicArn": topic, "Protocol": "sqs", "Endpoint": QUEUE + "2"},
        "CreateTopic": {"Name": "other"}, "Unsubscribe": {"SubscriptionArn": arn}, "DeleteTopic": {"TopicArn": topic},
    }  # fmt: skip
    nobody = user("nobody")
    for operation, given in calls.items():
        assert f"SNS:{operation}" in nobody.refused("AuthorizationError", operation, **given)
    for number, (operation, given) in enumerate(calls.items()):
        user(f"u{number}", f"sns:{operation}")(operation, **given)


def test_a_batch_takes_the_permission_to_publish_and_tags_at_creation_that_to_tag(root: SnsCaller, user: User) -> None:
    topic = root.topic()
    entries = [{"Id": "a", "Message": "m"}]
    user("publisher", "sns:Publish")("PublishBatch", TopicArn=topic, PublishBatchRequestEntries=entries)
    assert "SNS:Publish" in user("no", "sns:PublishBatch").refused(
        "AuthorizationError", "PublishBatch", TopicArn=topic, PublishBatchRequestEntries=entries
    )
    tags = [{"Key": "team", "Value": "a"}]
    assert "SNS:TagResource" in user("maker", "sns:CreateTopic").refused("AuthorizationError", "CreateTopic", Name="t", Tags=tags)


def test_a_resource_names_the_topics_that_are_meant(root: SnsCaller, user: User) -> None:
    news, other = root.topic("news"), root.topic("other")
    ana = user("ana", "sns:*", resource=news)
    ana("Publish", TopicArn=news, Message="m")
    ana.refused("AuthorizationError", "Publish", TopicArn=other, Message="m")
    arn = ana("Subscribe", TopicArn=news, Protocol="sqs", Endpoint=QUEUE)["SubscriptionArn"]
    ana("Unsubscribe", SubscriptionArn=arn)


def test_protocol_and_endpoint_are_condition_keys(root: SnsCaller, user: User) -> None:
    topic = root.topic()
    only = {"StringEquals": {"sns:Protocol": "https"}, "StringLike": {"sns:Endpoint": "https://*.example.com/*"}}
    ana = user("ana", "sns:Subscribe", Condition=only)
    ana("Subscribe", TopicArn=topic, Protocol="https", Endpoint="https://a.example.com/x")
    for protocol, endpoint in (("https", "https://evil.example.org/"), ("http", "http://a.example.com/x"), ("email", "a@example.com")):
        ana.refused("AuthorizationError", "Subscribe", TopicArn=topic, Protocol=protocol, Endpoint=endpoint)


def test_tags_are_condition_keys(root: SnsCaller, user: User) -> None:
    tagged, plain = root.topic("a", Tags=[{"Key": "team", "Value": "red"}]), root.topic("b")
    ana = user("ana", "sns:*", Condition={"StringEquals": {"aws:ResourceTag/team": "red"}})
    ana("Publish", TopicArn=tagged, Message="m")
    ana.refused("AuthorizationError", "Publish", TopicArn=plain, Message="m")
    ben = user("ben", "sns:*", Condition={"StringEquals": {"aws:RequestTag/team": "red"}})
    ben("CreateTopic", Name="c", Tags=[{"Key": "team", "Value": "red"}])
    ben.refused("AuthorizationError", "CreateTopic", Name="d", Tags=[{"Key": "team", "Value": "blue"}])


def test_the_policy_of_a_topic_lets_its_own_account_s_users_in_and_keeps_them_out(root: SnsCaller, user: User) -> None:
    topic = root.topic()
    ana, ben = user("ana"), user("ben", "sns:*")
    root(
        "SetTopicAttributes",
        TopicArn=topic,
        AttributeName="Policy",
        AttributeValue=policy(topic, {"AWS": ana.principal.arn}, "sns:Publish"),
    )
    ana("Publish", TopicArn=topic, Message="m")
    ana.refused("AuthorizationError", "GetTopicAttributes", TopicArn=topic)
    denying = policy(topic, "*", "sns:Publish", effect="Deny")
    root("SetTopicAttributes", TopicArn=topic, AttributeName="Policy", AttributeValue=denying)
    ben.refused("AuthorizationError", "Publish", TopicArn=topic, Message="m")


def test_another_account_gets_in_by_the_policy_only(root: SnsCaller, stranger: SnsCaller) -> None:
    topic = root.topic()
    stranger.refused("AuthorizationError", "Publish", TopicArn=topic, Message="m")
    root("AddPermission", TopicArn=topic, Label="share", AWSAccountId=[OTHER], ActionName=["Publish"])
    stranger("Publish", TopicArn=topic, Message="m")
    stranger.refused("AuthorizationError", "GetTopicAttributes", TopicArn=topic)
    root("RemovePermission", TopicArn=topic, Label="share")
    stranger.refused("AuthorizationError", "Publish", TopicArn=topic, Message="m")


def test_a_stranger_does_not_learn_whether_a_topic_exists(root: SnsCaller, stranger: SnsCaller) -> None:
    topic = root.topic()
    there = stranger.refused("AuthorizationError", "Publish", TopicArn=topic, Message="m")
    absent = stranger.refused("AuthorizationError", "Publish", TopicArn=topic + "x", Message="m")
    assert absent == there.replace(topic, topic + "x")


def test_whoever_publishes_to_an_encrypted_topic_must_be_allowed_to_use_its_key(house: SnsHouse, root: SnsCaller, user: User) -> None:
    key = house.keys.key()
    topic = root.topic(Attributes={"KmsMasterKeyId": key.key_id})
    root("Publish", TopicArn=topic, Message="m")
    user("ana", "sns:*").refused("KMSAccessDenied", "Publish", TopicArn=topic, Message="m")
    user("ben", "sns:*", "kms:GenerateDataKey*").refused("KMSAccessDenied", "Publish", TopicArn=topic, Message="m")
    user("eve", "sns:*", "kms:GenerateDataKey*", "kms:Decrypt")("Publish", TopicArn=topic, Message="m")
    only = {"StringEquals": {"kms:ViaService": "sns.us-east-1.amazonaws.com", "kms:EncryptionContext:aws:sns:topicArn": topic}}
    via = user("via", "sns:*")
    statement = {"Effect": "Allow", "Action": ["kms:GenerateDataKey*", "kms:Decrypt"], "Resource": "*", "Condition": only}
    house.identities.attachments.put_inline(ACCOUNT, "user", "via", "kms", json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    via("Publish", TopicArn=topic, Message="m")
    root("SetTopicAttributes", TopicArn=topic, AttributeName="KmsMasterKeyId", AttributeValue="alias/aws/sns")
    root("Publish", TopicArn=topic, Message="m")
