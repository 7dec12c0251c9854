"""Who may do what with a queue: identity policies, queue policies, other accounts, tags."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest

from opentrail.api.sqs.needs import ACROSS_ACCOUNTS, ACTIONS
from opentrail.messaging.queues.faults import EmptyBatchRequest, MissingParameter
from simulators.queues import ACCOUNT, MODEL, OTHER, REGION, QueueHouse, SqsCaller, policy, user

ARN = f"arn:aws:sqs:{REGION}:{ACCOUNT}:work"
URL = f"http://127.0.0.1:4747/{ACCOUNT}/work"
WITHOUT_QUEUE = {"CreateQueue", "ListQueues", "StartMessageMoveTask", "ListMessageMoveTasks", "CancelMessageMoveTask"}


def named(operation: str) -> dict[str, Any]:
    if operation == "GetQueueUrl":
        return {"QueueName": "work", "QueueOwnerAWSAccountId": ACCOUNT}
    return {"QueueUrl": URL}


@pytest.fixture
def root(house: QueueHouse) -> SqsCaller:
    caller = SqsCaller(house)
    caller.queue()
    return caller


@pytest.mark.parametrize("operation", sorted(set(MODEL.operation_names) - WITHOUT_QUEUE))
def test_each_operation_takes_its_action_on_the_queue(house: QueueHouse, root: SqsCaller, operation: str) -> None:
    action = f"sqs:{ACTIONS.get(operation, operation)}"
    nobody, ana = user(house, "nobody"), user(house, "ana", {"Action": action, "Resource": ARN})
    message = SqsCaller(house, nobody).refused("AccessDeniedException", operation, **named(operation))
    assert message == (
        f"User: arn:aws:iam::{ACCOUNT}:user/nobody is not authorized to perform: {action} on resource: {ARN} "
        f"because no identity-based policy allows the {action} action"
    )
    with contextlib.suppress(MissingParameter, EmptyBatchRequest):
        SqsCaller(house, ana)(operation, **named(operation))


@pytest.mark.parametrize("operation", sorted(set(MODEL.operation_names) - WITHOUT_QUEUE))
def test_other_accounts_get_in_by_the_queue_policy_where_aws_lets_them(house: QueueHouse, root: SqsCaller, operation: str) -> None:
    them = SqsCaller(house, user(house, "them", {"Action": "sqs:*"}, account_id=OTHER))
    told = them.refused("AccessDeniedException", operation, **named(operation))
    absent = {name: value.replace("work", "absent") for name, value in named(operation).items()}
    assert them.refused("AccessDeniedException", operation, **absent).replace("absent", "work") == told
    root("SetQueueAttributes", QueueUrl=URL, Attributes={"Policy": policy({"Principal": {"AWS": OTHER}, "Action": "sqs:*"})})
    if ACTIONS.get(operation, operation) not in ACROSS_ACCOUNTS:
        assert them.refused("AccessDeniedException", operation, **named(operation)) == told
        return
    with contextlib.suppress(MissingParameter, EmptyBatchRequest):
        them(operation, **named(operation))
    root("SetQueueAttributes", QueueUrl=URL, Attributes={"Policy": policy({"Principal": "*", "Action": "sqs:*", "Effect": "Deny"})})
    them.refused("AccessDeniedException", operation, **named(operation))


def test_a_queue_policy_alone_lets_a_user_of_the_account_in(house: QueueHouse, root: SqsCaller) -> None:
    ana = user(house, "ana")
    text = policy({"Principal": {"AWS": ana.arn}, "Action": "sqs:SendMessage", "Resource": ARN})
    root("SetQueueAttributes", QueueUrl=URL, Attributes={"Policy": text})
    SqsCaller(house, ana)("SendMessage", QueueUrl=URL, MessageBody="x")
    SqsCaller(house, ana).refused("AccessDeniedException", "ReceiveMessage", QueueUrl=URL)


def test_tags_of_queue_and_request_are_conditions(house: QueueHouse, root: SqsCaller) -> None:
    root("TagQueue", QueueUrl=URL, Tags={"team": "blue"})
    blue = {"StringEquals": {"aws:ResourceTag/team": "blue"}}
    ana = SqsCaller(house, user(house, "ana", {"Action": "sqs:*", "Condition": blue}))
    ana("SendMessage", QueueUrl=URL, MessageBody="x")
    root("TagQueue", QueueUrl=URL, Tags={"team": "red"})
    ana.refused("AccessDeniedException", "SendMessage", QueueUrl=URL, MessageBody="x")
    only = {"ForAllValues:StringEquals": {"aws:TagKeys": ["team"]}, "StringEquals": {"aws:RequestTag/team": "blue"}}
    bob = SqsCaller(house, user(house, "bob", {"Action": ["sqs:CreateQueue", "sqs:TagQueue"], "Condition": only}))
    bob("CreateQueue", QueueName="one", tags={"team": "blue"})
    for tags in ({"team": "red"}, {"team": "blue", "more": "x"}, {}):
        bob.refused("AccessDeniedException", "CreateQueue", QueueName="two", tags=tags)
    bob("TagQueue", QueueUrl=URL, Tags={"team": "blue"})
    bob.refused("AccessDeniedException", "TagQueue", QueueUrl=URL, Tags={"other": "blue"})


def test_creating_with_tags_takes_two_permissions(house: QueueHouse, root: SqsCaller) -> None:
    ana = SqsCaller(house, user(house, "ana", {"Action": "sqs:CreateQueue"}))
    ana("CreateQueue", QueueName="one")
    assert "sqs:TagQueue" in ana.refused("AccessDeniedException", "CreateQueue", QueueName="two", tags={"a": "b"})


def test_moving_dead_letters_takes_what_doing_it_by_hand_takes(house: QueueHouse, root: SqsCaller) -> None:
    root.queue("target")
    actions = ["StartMessageMoveTask", "ReceiveMessage", "DeleteMessage", "GetQueueAttributes", "SendMessage"]
    given = {"SourceArn": ARN, "DestinationArn": ARN.replace("work", "target")}
    for number, missing in enumerate(actions):
        granted = [f"sqs:{action}" for action in actions if action != missing]
        caller = SqsCaller(house, user(house, f"user{number}", {"Action": granted}))
        assert f"sqs:{missing}" in caller.refused("AccessDeniedException", "StartMessageMoveTask", **given)
    root.refused("InvalidParameterValue", "StartMessageMoveTask", **given)  # allowed, but it is nobody's dead-letter queue
