"""ARNs of topics, subscriptions and queues. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from opentrail.messaging.topics.faults import InvalidParameterException, invalid

_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,256}")
_TOPIC: Final = re.compile(r"arn:(aws[a-z-]*):sns:([a-z0-9-]{1,64}):([0-9]{12}):([A-Za-z0-9_-]{1,256}(?:\.fifo)?)")
_SUBSCRIPTION: Final = re.compile(r"(arn:aws[a-z-]*:sns:[a-z0-9-]{1,64}:[0-9]{12}:[A-Za-z0-9_-]{1,256}(?:\.fifo)?):([0-9a-f-]{36})")
_QUEUE: Final = re.compile(r"arn:aws[a-z-]*:sqs:([a-z0-9-]{1,64}):([0-9]{12}):([A-Za-z0-9_-]{1,80})(\.fifo)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicName:
    """A topic's ARN taken apart."""

    partition: str
    region: str
    account_id: str
    name: str

    @property
    def arn(self) -> str:
        return f"arn:{self.partition}:sns:{self.region}:{self.account_id}:{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueName:
    """What the ARN of a queue tells."""

    region: str
    account_id: str


def new_topic(name: str, *, region: str, account_id: str) -> TopicName:
    """The name of a topic to be made. Raises `InvalidParameter`; FIFO topics are not served."""
    if name.endswith(".fifo"):
        raise InvalidParameterException("Invalid parameter: Topic Name: OpenTrail has no FIFO topics. Choose a name without .fifo.")
    if not _NAME.fullmatch(name):
        raise invalid("Topic Name")
    partition = "aws-cn" if region.startswith("cn-") else "aws-us-gov" if region.startswith("us-gov-") else "aws"
    return TopicName(partition=partition, region=region, account_id=account_id, name=name)


def topic(arn: str, member: str = "TopicArn") -> TopicName:
    """`arn` taken apart; `member` is the parameter it came in. Raises `InvalidParameter`."""
    found = _TOPIC.fullmatch(arn)
    if found is None:
        raise invalid(f"{member} Reason: An ARN of a topic has the form arn:aws:sns:REGION:ACCOUNT:NAME")
    partition, region, account_id, name = found.groups()
    return TopicName(partition=partition, region=region, account_id=account_id, name=name)


def topic_of(subscription_arn: str) -> TopicName:
    """The topic in the ARN of a subscription. Raises `InvalidParameter`."""
    found = _SUBSCRIPTION.fullmatch(subscription_arn)
    if found is None:
        raise invalid("SubscriptionArn Reason: An ARN of a subscription has the form TOPIC-ARN:ID")
    return topic(found[1])


def queue(arn: str) -> QueueName | None:
    """The queue that `arn` names; `None` when it names none, or a FIFO queue, which standard topics do not deliver to."""
    found = _QUEUE.fullmatch(arn)
    return None if found is None or found[4] else QueueName(region=found[1], account_id=found[2])
