"""Services send by leave of the queue policy; sealed queues by leave of the key policy, too."""

from __future__ import annotations

import json
from typing import Any

import pytest

from opentrail.identity.service_roles import RoleSession, ServiceRoles
from opentrail.kms import policies
from opentrail.kms.keys import Wanted
from opentrail.messaging.queues import Party, Queue
from opentrail.messaging.queues.faults import (
    AccessDenied,
    InvalidMessageContents,
    InvalidParameterValue,
    KmsAccessDenied,
    KmsDisabled,
    KmsNotFound,
    QueueDoesNotExist,
)
from opentrail.messaging.queues.service_sender import ServiceSender
from simulators.queues import ACCOUNT, OTHER, REGION, ROOT, QueueHouse, place, policy, text, user

TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:topic"
SNS = {"Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage"}


def sender(house: QueueHouse) -> ServiceSender:
    return ServiceSender(house.queues, house.clock, service="sns.amazonaws.com")


def deliver(house: QueueHouse, queue: Queue, **more: Any) -> None:
    given: dict[str, Any] = {"queue_arn": queue.arn, "body": "hello", "source_arn": TOPIC, "account_id": ACCOUNT, **more}
    sender(house).deliver(**given)


def test_a_service_delivers_what_the_queue_policy_lets_it(house: QueueHouse) -> None:
    queue = house.queue(Policy=policy({**SNS, "Condition": {"ArnEquals": {"aws:SourceArn": TOPIC}}}))
    deliver(house, queue, attributes={"a": text("b")})
    (message,) = house.take(queue).messages
    assert (message.contents.body, message.contents.attributes["a"].text) == ("hello", "b")
    with pytest.raises(AccessDenied, match="sqs:SendMessage"):
        deliver(house, queue, source_arn=TOPIC + "2")


@pytest.mark.parametrize(
    "statements",
    [
        [],
        [{**SNS, "Effect": "Deny"}],
        [{**SNS, "Action": "sqs:ReceiveMessage"}],
        [{"Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:*"}],
        [{**SNS, "Condition": {"StringEquals": {"aws:SourceAccount": OTHER}}}],
        [{"Principal": {"AWS": ACCOUNT}, "Action": "sqs:*"}],
    ],
)
def test_without_leave_nothing_is_delivered(house: QueueHouse, statements: list[dict[str, Any]]) -> None:
    queue = house.queue(**({"Policy": policy(*statements)} if statements else {}))
    with pytest.raises(AccessDenied):
        deliver(house, queue)
    assert house.bodies(queue) == []


def test_whether_a_queue_is_there_can_be_asked(house: QueueHouse) -> None:
    queue = house.queue()
    assert sender(house).exists(queue.arn)
    for arn in (queue.arn + "2", "x", ""):
        assert not sender(house).exists(arn)
        with pytest.raises(QueueDoesNotExist):
            sender(house).deliver(queue_arn=arn, body="x", source_arn=TOPIC, account_id=ACCOUNT)


def test_what_a_queue_cannot_take_is_refused(house: QueueHouse) -> None:
    queue = house.queue(Policy=policy(SNS), MaximumMessageSize="1024")
    for body, fault in (("x" * 1025, InvalidParameterValue), ("\0", InvalidMessageContents)):
        with pytest.raises(fault):
            deliver(house, queue, body=body)
    fifo = house.queue("work.fifo", Policy=policy(SNS), ContentBasedDeduplication="false")
    for given in ({}, {"group_id": "g"}):
        with pytest.raises(InvalidParameterValue):
            deliver(house, fifo, **given)
    deliver(house, fifo, group_id="g", deduplication_id="d")
    assert house.bodies(fifo) == ["hello"]


# at rest


def key(house: QueueHouse, *statements: dict[str, Any]) -> str:
    document = json.loads(policies.default(ACCOUNT))
    document["Statement"] += [{"Effect": "Allow", "Resource": "*", **statement} for statement in statements]
    return house.kms.keys.create(Wanted(account_id=ACCOUNT, region=REGION, policy=json.dumps(document))).arn


def on_disk(house: QueueHouse) -> bytes:
    return b"".join(file.read_bytes() for file in house.folder.rglob("messages.db*"))


def test_messages_lie_sealed_unless_the_queue_says_plain(house: QueueHouse) -> None:
    house.send(house.queue("own"), "CANARY-OWN")
    house.send(house.queue("kms", KmsMasterKeyId=key(house)), "CANARY-KMS")
    house.send(house.queue("plain", SqsManagedSseEnabled="false"), "CANARY-PLAIN")
    found = on_disk(house)
    assert b"CANARY-PLAIN" in found
    assert b"CANARY-OWN" not in found
    assert b"CANARY-KMS" not in found
    for name in ("own", "kms", "plain"):
        assert house.bodies(house.queues.control.get(place(name))) == [f"CANARY-{name.upper()}"]


def test_messages_stay_readable_when_the_kind_of_sealing_changes(house: QueueHouse) -> None:
    queue = house.queue()
    house.send(queue, "own")
    house.queues.control.set(queue, {"KmsMasterKeyId": key(house)})
    house.send(queue, "kms")
    house.queues.control.set(queue, {"KmsMasterKeyId": "", "SqsManagedSseEnabled": "false"})
    house.send(queue, "plain")
    assert house.bodies(queue) == ["own", "kms", "plain"]


def test_a_dead_letter_is_opened_in_its_new_queue(house: QueueHouse) -> None:
    queue = house.dead_letters_of(house.queue(KmsMasterKeyId=key(house)), house.queue("dead"))
    house.send(queue, "sealed")
    house.take(queue, visibility=0)
    assert house.bodies(queue) == []
    assert house.bodies(house.queues.control.get(place("dead"))) == ["sealed"]


def test_a_service_needs_the_key_besides_the_queue(house: QueueHouse) -> None:
    service = {"Principal": {"Service": "sns.amazonaws.com"}}
    without = house.queue("without", Policy=policy(SNS), KmsMasterKeyId=key(house))
    half = house.queue("half", Policy=policy(SNS), KmsMasterKeyId=key(house, {**service, "Action": "kms:GenerateDataKey*"}))
    for queue in (without, half):
        with pytest.raises(KmsAccessDenied):
            deliver(house, queue)
    both = {**service, "Action": ["kms:GenerateDataKey*", "kms:Decrypt"]}
    queue = house.queue("both", Policy=policy(SNS), KmsMasterKeyId=key(house, both))
    deliver(house, queue)
    assert house.bodies(queue) == ["hello"]


def test_a_receiver_without_the_key_changes_nothing(house: QueueHouse) -> None:
    queue = house.queue(KmsMasterKeyId=key(house))
    house.send(queue, "sealed")
    ana = user(house, "ana", {"Action": "sqs:*"})
    with pytest.raises(KmsAccessDenied):
        house.take(queue, party=Party(principal=ana))
    (message,) = house.take(queue).messages
    assert message.receives == 1
    bob = user(house, "bob", {"Action": ["sqs:*", "kms:Decrypt"]})
    house.clock.advance(31)
    assert house.bodies(queue, party=Party(principal=bob)) == ["sealed"]


def test_keys_that_cannot_be_used_are_named(house: QueueHouse) -> None:
    arn = key(house)
    queue = house.queue(KmsMasterKeyId=arn)
    house.send(queue, "sealed")
    house.kms.keys.disable(house.kms.keys.by_id(arn.rpartition("/")[2], REGION))  # type: ignore[arg-type]
    house.clock.advance(301)
    with pytest.raises(KmsDisabled):
        house.send(queue, "x")
    with pytest.raises(KmsDisabled):
        house.take(queue)
    with pytest.raises(KmsNotFound):
        house.send(house.queue("absent", KmsMasterKeyId="alias/absent"), "x")
    managed = house.queue("managed", KmsMasterKeyId="alias/aws/sqs")
    house.send(managed, "managed")
    assert house.bodies(managed) == ["managed"]
    assert ROOT.account_id == ACCOUNT


def role(house: QueueHouse, name: str, *actions: str) -> RoleSession:
    """A role of the queue's account that EventBridge has assumed."""
    trust = policy({"Principal": {"Service": "events.amazonaws.com"}, "Action": "sts:AssumeRole"})
    arn = house.identities.roles.create(ACCOUNT, name, trust.replace('"Resource": "*", ', "")).arn
    if actions:
        house.identities.attachments.put_inline(ACCOUNT, "role", name, "own", policy({"Action": list(actions)}))
    roles = ServiceRoles(house.identities, house.clock, service="events.amazonaws.com", session_name="EventBridge")
    return roles.assume(arn, ACCOUNT, source_arn=f"arn:aws:events:{REGION}:{ACCOUNT}:rule/r")


def test_with_a_role_it_is_the_role_that_sends(house: QueueHouse) -> None:
    queue = house.queue(Policy=policy(SNS))  # the service alone would do
    deliver(house, queue, role=role(house, "sends", "sqs:SendMessage"))
    (message,) = house.take(queue).messages
    assert message.contents.sender_id.endswith(":EventBridge")
    with pytest.raises(AccessDenied, match="assumed-role/lazy/EventBridge is not authorized to perform: sqs:SendMessage"):
        deliver(house, queue, role=role(house, "lazy"))
    named = house.queue("named", Policy=policy({"Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:role/named"}, "Action": "sqs:SendMessage"}))
    deliver(house, named, role=role(house, "named"))
    assert len(house.take(named).messages) == 1
