"""The door for services: CloudTrail publishes as far as policies of topic and key let it, and no further."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from opentrail.identity.service_roles import ServiceRoles
from opentrail.kms import policies as key_policies
from opentrail.messaging.topics import Notifications, ServicePublisher
from opentrail.wire.faults import Fault
from simulators.kms import ACCOUNT, REGION, House
from simulators.topics import OTHER, QUEUE, TopicHouse

TRAIL = f"arn:aws:cloudtrail:{REGION}:{ACCOUNT}:trail/audit"
ABSENT = f"arn:aws:sns:{REGION}:{ACCOUNT}:absent"


def documented(topic: str, **condition: Any) -> str:
    """What AWS's documentation tells people to write for CloudTrail."""
    statement = {
        "Sid": "AWSCloudTrailSNSPolicy20131101",
        "Effect": "Allow",
        "Principal": {"Service": "cloudtrail.amazonaws.com"},
        "Action": "SNS:Publish",
        "Resource": topic,
        **({"Condition": condition} if condition else {}),
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.fixture
def keys(tmp_path: Path, house: TopicHouse) -> House:
    return House(tmp_path, house.clock)


@pytest.fixture
def publisher(house: TopicHouse, keys: House) -> ServicePublisher:
    return ServicePublisher(house.database, house.clock, keys=keys.kms.service_keys)


def code(publisher: ServicePublisher, topic: str, source: str = TRAIL, account: str = ACCOUNT) -> str:
    try:
        publisher.check(topic_arn=topic, source_arn=source, account_id=account)
    except Fault as fault:
        with pytest.raises(type(fault)):
            publisher.publish(topic_arn=topic, message="m", source_arn=source, account_id=account)
        return fault.code
    return ""


def test_the_documented_policy_lets_cloudtrail_in(house: TopicHouse, publisher: ServicePublisher) -> None:
    topic = house.topic()
    house.messages.topics.set(topic, "Policy", documented(topic))
    house.subscribed(topic)
    assert code(publisher, topic) == ""
    notice = '{"s3Bucket":"logs","s3ObjectKey":["AWSLogs/x.json.gz"]}'
    publisher.publish(topic_arn=topic, message=notice, source_arn=TRAIL, account_id=ACCOUNT)
    house.deliver()
    assert house.queues.messages() == [notice]
    assert "Subject" not in json.loads(house.queues.bodies[QUEUE][0])


def test_the_default_policy_does_not(house: TopicHouse, publisher: ServicePublisher) -> None:
    assert code(publisher, house.topic()) == "AuthorizationError"


def test_a_topic_that_is_not_there_is_not_found(publisher: ServicePublisher) -> None:
    assert code(publisher, ABSENT) == "NotFound"


@pytest.mark.parametrize(
    ("condition", "wanted"),
    [
        ({"StringEquals": {"aws:SourceArn": TRAIL}}, ""),
        ({"StringEquals": {"aws:SourceArn": TRAIL + "2"}}, "AuthorizationError"),
        ({"StringEquals": {"aws:SourceAccount": ACCOUNT}}, ""),
        ({"StringEquals": {"aws:SourceAccount": OTHER}}, "AuthorizationError"),
        ({"Bool": {"aws:SecureTransport": "true"}}, ""),
    ],
)
def test_conditions_on_the_trail_are_honoured(house: TopicHouse, publisher: ServicePublisher, condition: Any, wanted: str) -> None:
    topic = house.topic()
    house.messages.topics.set(topic, "Policy", documented(topic, **condition))
    assert code(publisher, topic) == wanted


def test_another_service_is_not_cloudtrail(house: TopicHouse, keys: House) -> None:
    topic = house.topic()
    house.messages.topics.set(topic, "Policy", documented(topic))
    other = ServicePublisher(house.database, house.clock, keys=keys.kms.service_keys, service="events.amazonaws.com")
    assert code(other, topic) == "AuthorizationError"


def key_policy(*actions: str) -> str:
    document = json.loads(key_policies.default(ACCOUNT))
    document["Statement"].append(
        {"Effect": "Allow", "Principal": {"Service": "cloudtrail.amazonaws.com"}, "Action": list(actions), "Resource": "*"}
    )
    return json.dumps(document)


def test_an_encrypted_topic_takes_both_permissions_on_its_key(house: TopicHouse, keys: House, publisher: ServicePublisher) -> None:
    topic = house.topic()
    house.messages.topics.set(topic, "Policy", documented(topic))
    key = keys.key()
    house.messages.topics.set(topic, "KmsMasterKeyId", key.key_id)
    assert code(publisher, topic) == "KMSAccessDenied"
    keys.kms.keys.put_policy(key, key_policy("kms:GenerateDataKey*"))
    assert code(publisher, topic) == "KMSAccessDenied"
    keys.kms.keys.put_policy(key, key_policy("kms:GenerateDataKey*", "kms:Decrypt"))
    assert code(publisher, topic) == ""
    house.messages.topics.set(topic, "KmsMasterKeyId", key.arn)
    assert code(publisher, topic, TRAIL.replace(ACCOUNT, OTHER), OTHER) == ""
    keys.kms.aliases.create("alias/news", key)
    house.messages.topics.set(topic, "KmsMasterKeyId", "alias/news")
    assert code(publisher, topic) == ""
    keys.kms.keys.disable(keys.again(key))
    assert code(publisher, topic) == "KMSDisabled"
    keys.kms.keys.enable(keys.again(key))
    keys.kms.keys.schedule_deletion(keys.again(key), 7)
    assert code(publisher, topic) == "KMSInvalidState"
    house.messages.topics.set(topic, "KmsMasterKeyId", "alias/absent")
    assert code(publisher, topic) == "KMSNotFound"


def test_what_one_process_publishes_another_delivers(house: TopicHouse, publisher: ServicePublisher) -> None:
    topic = house.topic()
    house.messages.topics.set(topic, "Policy", documented(topic))
    house.subscribed(topic)
    elsewhere = house.reopened()
    publisher.publish(topic_arn=topic, message="CloudTrail validation message.", source_arn=TRAIL, account_id=ACCOUNT)
    elsewhere.deliver()
    assert elsewhere.queues.messages() == ["CloudTrail validation message."]
    assert isinstance(elsewhere.messages, Notifications)


@pytest.mark.parametrize(("may", "by_topic"), [(True, False), (False, True), (False, False)])
def test_with_a_role_it_is_the_role_that_publishes(
    house: TopicHouse, keys: House, publisher: ServicePublisher, may: bool, by_topic: bool
) -> None:
    trust = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sts:AssumeRole"}
    arn = keys.identities.roles.create(ACCOUNT, "r", json.dumps({"Version": "2012-10-17", "Statement": [trust]})).arn
    publish = {"Effect": "Allow", "Action": "sns:Publish", "Resource": "*"}
    if may:
        document = json.dumps({"Version": "2012-10-17", "Statement": [publish]})
        keys.identities.attachments.put_inline(ACCOUNT, "role", "r", "own", document)
    statement = {**publish, "Principal": {"AWS": arn if by_topic else f"{arn}x"}}
    topic = house.topic(Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    roles = ServiceRoles(keys.identities, keys.clock, service="events.amazonaws.com", session_name="EventBridge")
    role = roles.assume(arn, ACCOUNT, source_arn=TRAIL)
    given: dict[str, Any] = {"topic_arn": topic, "message": "hello", "source_arn": TRAIL, "account_id": ACCOUNT, "role": role}
    if may or by_topic:
        publisher.publish(**given)
    else:
        with pytest.raises(Fault, match="SNS:Publish") as fault:
            publisher.publish(**given)
        assert fault.value.code == "AuthorizationError"


def test_what_is_published_under_one_key_reaches_subscribers_once(house: TopicHouse, publisher: ServicePublisher) -> None:
    """Who dies before he has noted that it is published publishes it again; by then it may have been delivered long since."""
    topic = house.topic()
    house.messages.topics.set(topic, "Policy", documented(topic))
    house.subscribed(topic)
    for key in ("a", "a", "b"):
        publisher.publish(topic_arn=topic, message=key, source_arn=TRAIL, account_id=ACCOUNT, once=key)
        house.deliver()
    reopened = house.reopened()
    again = ServicePublisher(reopened.database, reopened.clock, keys=publisher._keys)
    again.publish(topic_arn=topic, message="a", source_arn=TRAIL, account_id=ACCOUNT, once="a")
    reopened.deliver()
    assert house.queues.messages() == ["a", "b"]
