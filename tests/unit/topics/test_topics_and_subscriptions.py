"""Topics and subscriptions as they are kept."""

from __future__ import annotations

import json
from typing import Any

import pytest

from opentrail.messaging.topics import names
from opentrail.messaging.topics.messages import MAX_SIZE, draft
from opentrail.messaging.topics.subscriptions import TOKEN_LASTS
from opentrail.wire.faults import Fault
from simulators.kms import ACCOUNT, REGION
from simulators.topics import DEAD, OTHER, QUEUE, TopicHouse

HOOK = "https://hooks.example.com/in"


def refused(code: str, call: Any, *positional: Any, **more: Any) -> str:
    with pytest.raises(Fault) as fault:
        call(*positional, **more)
    assert fault.value.code == code, fault.value
    return fault.value.message


def asked(house: TopicHouse, topic: str, endpoint: str = HOOK, owner: str = ACCOUNT, **given: str) -> Any:
    return house.messages.subscriptions.subscribe(topic, owner=owner, protocol="https", endpoint=endpoint, given=given, at_once=False)


def test_a_topic_is_made_once_and_handed_out_to_who_asks_for_the_same(house: TopicHouse) -> None:
    name = names.new_topic("news", region=REGION, account_id=ACCOUNT)
    make = house.messages.topics.create
    made = make(name, {"DisplayName": "d"}, {"team": "a"})
    assert made.arn == f"arn:aws:sns:{REGION}:{ACCOUNT}:news"
    assert make(name, {}, {}) == make(name, {"DisplayName": "d"}, {"team": "a"}) == made
    assert "different attributes" in refused("InvalidParameter", make, name, {"DisplayName": "other"}, {})
    assert "different tags" in refused("InvalidParameter", make, name, {}, {"team": "b"})
    assert "different attributes" in refused("InvalidParameter", make, name, {"Policy": policy("*")}, {})


def policy(principal: str) -> str:
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sns:Publish", "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("FifoTopic", "true", "no FIFO topics"),
        ("SQSSuccessFeedbackRoleArn", "arn:aws:iam::1:role/x", "no delivery status logs"),
        ("Colour", "red", "not an attribute"),
        ("SignatureVersion", "3", "SignatureVersion"),
        ("DisplayName", "x" * 101, "DisplayName"),
        ("DisplayName", "a\nb", "DisplayName"),
        ("MaximumMessageSize", "1023", "MaximumMessageSize"),
        ("MaximumMessageSize", "1048576", "MaximumMessageSize"),
        ("TracingConfig", "Active", "TracingConfig"),
        ("KmsMasterKeyId", "a key", "KmsMasterKeyId"),
        ("Policy", "{}", "Policy Error"),
        ("Policy", policy("*").replace("sns:Publish", "sqs:SendMessage"), "out of service scope"),
        ("Policy", policy("*").replace("sns:Publish", "*"), "out of service scope"),
        ("Policy", policy("*") + " " * 40_000, "30720 bytes"),
        ("Policy", "", "cannot be empty"),
    ],
)
def test_attributes_that_cannot_be_are_refused(house: TopicHouse, name: str, value: str, says: str) -> None:
    topic = house.topic()
    assert says in refused("InvalidParameter", house.messages.topics.set, topic, name, value)


def test_attributes_of_a_topic_are_shown_as_they_were_set(house: TopicHouse) -> None:
    topic = house.topic()
    shown = house.messages.topics.shown
    default = json.loads(shown(topic)["Policy"])
    assert default["Id"] == "__default_policy_ID"
    assert default["Statement"][0]["Condition"] == {"StringEquals": {"AWS:SourceOwner": ACCOUNT}}
    assert "SignatureVersion" not in shown(topic)
    for name, value in (("DisplayName", "d"), ("SignatureVersion", "2"), ("KmsMasterKeyId", "alias/k"), ("MaximumMessageSize", "2048")):
        house.messages.topics.set(topic, name, value)
        assert shown(topic)[name] == value
    house.messages.topics.set(topic, "KmsMasterKeyId", "")
    assert "KmsMasterKeyId" not in shown(topic)
    given = asked(house, topic)
    assert {name: value for name, value in shown(topic).items() if name.startswith("Subscriptions")} == {
        "SubscriptionsConfirmed": "0", "SubscriptionsPending": "1", "SubscriptionsDeleted": "0",
    }  # fmt: skip
    house.messages.subscriptions.confirm(topic, given.token, signed=False, protect=False)
    house.messages.subscriptions.unsubscribe(given.arn, ACCOUNT)
    assert shown(topic)["SubscriptionsDeleted"] == "1"


def test_permissions_are_statements_of_the_policy(house: TopicHouse) -> None:
    topic = house.topic()
    house.messages.topics.add_permission(topic, "share", [OTHER], ["SNS:Publish"])
    (added,) = [one for one in json.loads(house.messages.topics.get(topic).policy)["Statement"] if one["Sid"] == "share"]
    assert added == {
        "Sid": "share", "Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{OTHER}:root"}, "Action": "SNS:Publish", "Resource": topic,
    }  # fmt: skip
    refused("InvalidParameter", house.messages.topics.add_permission, topic, "share", [OTHER], ["SNS:Publish"])
    house.messages.topics.remove_permission(topic, "share")
    refused("NotFound", house.messages.topics.remove_permission, topic, "share")
    house.messages.topics.remove_permission(topic, "__default_statement_ID")
    assert json.loads(house.messages.topics.get(topic).policy)["Statement"] == []
    house.messages.topics.add_permission(topic, "back", [OTHER], ["SNS:Publish"])


def test_a_subscription_waits_for_its_token(house: TopicHouse) -> None:
    topic = house.topic()
    made = asked(house, topic)
    house.publish(topic)
    house.deliver()
    assert [headers["x-amz-sns-message-type"] for _, headers, _ in house.web.posts] == ["SubscriptionConfirmation"]
    confirm = house.messages.subscriptions.confirm
    for wrong in ("", "0" * 128, made.token[:-1]):
        assert "Token" in refused("InvalidParameter", confirm, topic, wrong, signed=False, protect=False)
    other = house.topic("other")
    refused("InvalidParameter", confirm, other, made.token, signed=False, protect=False)
    refused("NotFound", confirm, topic + "x", made.token, signed=False, protect=False)
    assert confirm(topic, made.token, signed=False, protect=True).arn == made.arn
    assert confirm(topic, made.token, signed=False, protect=False).state == "confirmed", "a second click does no harm"
    house.publish(topic)
    house.deliver()
    assert json.loads(house.web.posts[-1][2])["Message"] == "hello"
    shown = house.messages.subscriptions.shown(made.arn)
    assert (shown["PendingConfirmation"], shown["ConfirmationWasAuthenticated"]) == ("false", "false")


def test_asking_again_sends_a_new_token_and_the_old_one_is_void(house: TopicHouse) -> None:
    topic = house.topic()
    first, second = asked(house, topic), asked(house, topic)
    assert (first.arn, first.token != second.token) == (second.arn, True)
    house.deliver()
    assert [json.loads(body)["Token"] for _, _, body in house.web.posts] == [second.token]
    refused("InvalidParameter", house.messages.subscriptions.confirm, topic, first.token, signed=False, protect=False)
    house.messages.subscriptions.confirm(topic, second.token, signed=False, protect=False)
    assert asked(house, topic).arn == first.arn
    assert "different attributes" in refused("InvalidParameter", asked, house, topic, RawMessageDelivery="true")


def test_a_token_lasts_two_days_and_what_nobody_confirmed_goes(house: TopicHouse) -> None:
    topic = house.topic()
    made = asked(house, topic)
    house.clock.advance(TOKEN_LASTS)
    assert "expired" in refused("InvalidParameter", house.messages.subscriptions.confirm, topic, made.token, signed=False, protect=False)
    assert house.messages.subscriptions.forget_expired() == 1
    refused("NotFound", house.messages.subscriptions.get, made.arn)


def test_who_leaves_by_the_link_in_a_message_can_come_back_for_two_days(house: TopicHouse) -> None:
    topic = house.topic()
    made = asked(house, topic)
    house.messages.subscriptions.confirm(topic, made.token, signed=False, protect=False)
    house.deliver()
    house.publish(topic)
    house.messages.subscriptions.unsubscribe(made.arn, None)
    assert house.messages.subscriptions.of_topic(topic, after="", limit=9) == []
    house.deliver()
    farewell = json.loads(house.web.posts[-1][2])
    assert (len(house.web.posts), farewell["Type"]) == (2, "UnsubscribeConfirmation")
    house.publish(topic)
    house.deliver()
    assert len(house.web.posts) == 2
    assert house.messages.subscriptions.confirm(topic, farewell["Token"], signed=False, protect=False).arn == made.arn
    house.messages.subscriptions.unsubscribe(made.arn, ACCOUNT)
    house.deliver()
    assert len(house.web.posts) == 2, "who owns it leaves without a farewell"


def test_who_may_end_a_subscription(house: TopicHouse) -> None:
    topic = house.topic()
    protected = house.subscribed(topic)
    unsubscribe = house.messages.subscriptions.unsubscribe
    refused("AuthorizationError", unsubscribe, protected, None)
    refused("AuthorizationError", unsubscribe, protected, OTHER)
    unsubscribe(protected, ACCOUNT)
    unsubscribe(protected, ACCOUNT)
    foreign = asked(house, topic, owner=OTHER)
    refused("InvalidParameter", unsubscribe, foreign.arn, OTHER)
    house.messages.subscriptions.confirm(topic, foreign.token, signed=True, protect=True)
    refused("AuthorizationError", unsubscribe, foreign.arn, None)
    unsubscribe(foreign.arn, ACCOUNT)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"RawMessageDelivery": "yes"}, "RawMessageDelivery"),
        ({"FilterPolicyScope": "Body"}, "FilterPolicyScope"),
        ({"FilterPolicy": "[]"}, "FilterPolicy"),
        ({"FilterPolicy": '{"a": {"b": ["c"]}}'}, "nested"),
        ({"RedrivePolicy": "{}"}, "deadLetterTargetArn"),
        ({"RedrivePolicy": '{"deadLetterTargetArn": "arn:aws:sqs:us-east-1:123456789012:q.fifo"}'}, "standard queue"),
        ({"RedrivePolicy": '{"deadLetterTargetArn": "arn:aws:sqs:eu-west-1:123456789012:q"}'}, "Region"),
        ({"SubscriptionRoleArn": "x"}, "Unknown attribute"),
        ({"DeliveryPolicy": '{"http": {}}'}, "DeliveryPolicy"),
    ],
)
def test_attributes_of_subscriptions_that_cannot_be_are_refused(house: TopicHouse, given: dict[str, str], says: str) -> None:
    assert says in refused("InvalidParameter", asked, house, house.topic(), **given)


def test_attributes_of_a_subscription_can_be_changed_and_taken_away(house: TopicHouse) -> None:
    topic = house.topic()
    arn = house.subscribed(topic, FilterPolicy='{"a": ["x"]}')
    change, shown = house.messages.subscriptions.set, house.messages.subscriptions.shown
    assert shown(arn)["FilterPolicyScope"] == "MessageAttributes"
    change(arn, "RawMessageDelivery", "true")
    change(arn, "RedrivePolicy", json.dumps({"deadLetterTargetArn": DEAD}))
    assert shown(arn)["RawMessageDelivery"] == "true"
    change(arn, "FilterPolicyScope", "MessageBody")
    change(arn, "FilterPolicy", '{"a": {"b": ["c"]}}')
    assert "nested" in refused("InvalidParameter", change, arn, "FilterPolicyScope", "MessageAttributes")
    change(arn, "FilterPolicy", "")
    assert "FilterPolicy" not in shown(arn)
    assert "does not support delivery policies" in refused("InvalidParameter", change, arn, "DeliveryPolicy", "{}")
    mailed = house.subscribed(topic, "email", "a@example.com")
    assert "raw message delivery" in refused("InvalidParameter", change, mailed, "RawMessageDelivery", "true")


def test_a_password_in_an_endpoint_is_not_told(house: TopicHouse) -> None:
    made = asked(house, house.topic(), endpoint="https://ana:CANARY@example.com/x")
    assert house.messages.subscriptions.shown(made.arn)["Endpoint"] == "https://ana:****@example.com/x"


def attribute(name: str, kind: str, value: str, **more: Any) -> dict[str, Any]:
    return {"MessageAttributes": {name: {"DataType": kind, "StringValue": value, **more}}}


def test_topics_and_subscriptions_outlive_a_crash(house: TopicHouse) -> None:
    topic = house.topic()
    arn = house.subscribed(topic)
    house.publish(topic, "kept")
    again = house.reopened()
    assert again.messages.subscriptions.get(arn).endpoint == QUEUE
    again.deliver()
    assert again.queues.messages() == ["kept"]


@pytest.mark.parametrize(
    ("given", "code", "says"),
    [
        ({"Message": ""}, "InvalidParameter", "Empty message"),
        ({"Message": "x" * (MAX_SIZE + 1)}, "InvalidParameter", "too long"),
        ({"Message": "é" * (MAX_SIZE // 2), **attribute("a", "String", "b")}, "InvalidParameter", "too long"),
        ({"Message": "m", "Subject": "a\nb"}, "InvalidParameter", "Subject"),
        ({"Message": "m", "Subject": "x" * 101}, "InvalidParameter", "Subject"),
        ({"Message": "m", "Subject": ""}, "InvalidParameter", "Subject"),
        ({"Message": "m", "MessageStructure": "xml"}, "InvalidParameter", "MessageStructure"),
        ({"Message": "m", "MessageStructure": "json"}, "InvalidParameter", "failed to parse"),
        ({"Message": '{"sqs": "x"}', "MessageStructure": "json"}, "InvalidParameter", "No default entry"),
        ({"Message": '{"default": "x", "default": "y"}', "MessageStructure": "json"}, "InvalidParameter", "failed to parse"),
        ({"Message": "m", "MessageGroupId": "g"}, "InvalidParameter", "MessageGroupId"),
        ({"Message": "m", "MessageDeduplicationId": "d"}, "InvalidParameter", "MessageDeduplicationId"),
        ({"Message": "m", **attribute("a", "Bool", "x")}, "ParameterValueInvalid", "type prefixes"),
        ({"Message": "m", **attribute("a", "String", "")}, "ParameterValueInvalid", "non-empty message attribute value"),
        ({"Message": "m", **attribute("a", "Number", "x")}, "ParameterValueInvalid", "Could not cast"),
        ({"Message": "m", **attribute("a..b", "String", "x")}, "ParameterValueInvalid", "name"),
        ({"Message": "m", **attribute("AWS.x", "String", "x")}, "ParameterValueInvalid", "name"),
        ({"Message": "m", **attribute("a", "String", "x", BinaryValue=b"y")}, "ParameterValueInvalid", "more than one value"),
    ],
)
def test_messages_that_cannot_be_published_are_refused(given: dict[str, Any], code: str, says: str) -> None:
    assert says in refused(code, draft, given)


def test_a_message_may_have_256_kib_with_its_attributes() -> None:
    attribute = {"DataType": "Binary", "BinaryValue": b"\0" * 100}
    made = draft({"Message": "x" * (MAX_SIZE - 100 - 1 - 6), "MessageAttributes": {"a": attribute}})
    assert made.size == MAX_SIZE
