"""Which permission each operation takes (service authorization reference, "Amazon SNS"): action, topic with its policy, conditions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from opentrail.api.call import Call, Need
from opentrail.api.sns.publishing import published_to
from opentrail.messaging.topics import Notifications, names
from opentrail.messaging.topics.faults import InvalidParameterException, NotFoundException, ResourceNotFoundException, invalid

EVERYBODY: Final = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}'
"""Stands for the policy of a topic where the token in the request is the permission."""

_ACTIONS: Final[Mapping[str, str]] = {"PublishBatch": "Publish"}
_LISTS: Final = ("ListSubscriptions", "ListTopics")
_BY_SUBSCRIPTION: Final = ("GetSubscriptionAttributes", "SetSubscriptionAttributes", "Unsubscribe")
_ABOUT_TAGS: Final = ("ListTagsForResource", "TagResource", "UntagResource")


class Needs:
    """Works out the needs of calls; reads the topic that a call names."""

    def __init__(self, messages: Notifications) -> None:
        self._topics = messages.topics

    def of(self, call: Call) -> Sequence[Need]:
        """What the caller must be allowed. Raises the faults of names that cannot be, and of own topics that do not exist."""
        operation, given = call.operation, call.parameters
        action = f"SNS:{_ACTIONS.get(operation, operation)}"
        if operation in _LISTS:
            return [Need(action=action)]
        if operation == "CreateTopic":
            return self._create(call)
        if operation in _BY_SUBSCRIPTION:
            topic = names.topic_of(given["SubscriptionArn"])
            _check_region(call, topic, "SubscriptionArn")
            # Whose the subscription is decides, which the handler knows; the topic's policy has no say.
            if not call.caller.account_id:
                return [Need(action=action, resource=topic.arn, resource_policy=EVERYBODY, resource_account_id=topic.account_id)]
            return [Need(action=action, resource=topic.arn)]
        member = "ResourceArn" if operation in _ABOUT_TAGS else "TopicArn"
        arn = _publish_target(call) if operation == "Publish" else given[member]
        topic = names.topic(arn, member)
        _check_region(call, topic, member)
        return [self._on(call, action, topic)]

    def _on(self, call: Call, action: str, name: names.TopicName) -> Need:
        """The need to do `action` with a topic. One of another account that does not exist is refused like one that does."""
        unsigned = not call.caller.account_id
        topic = self._topics.find(name.arn)
        if topic is None and (unsigned or name.account_id == call.caller.account_id) and call.operation != "DeleteTopic":
            raise ResourceNotFoundException if call.operation in _ABOUT_TAGS else NotFoundException
        context = _tags_asked(call)
        if topic is not None:
            context |= {f"aws:ResourceTag/{key}": (value,) for key, value in topic.tags.items()}
        if call.operation == "Subscribe":
            context["sns:Protocol"] = (call.parameters["Protocol"],)
            context["sns:Endpoint"] = (call.parameters.get("Endpoint") or "",)
        policy = None if topic is None else topic.policy
        if unsigned:
            policy = EVERYBODY
        return Need(action=action, resource=name.arn, context=context, resource_policy=policy, resource_account_id=name.account_id)

    def _create(self, call: Call) -> list[Need]:
        name = names.new_topic(call.parameters["Name"], region=call.region, account_id=call.account_id)
        actions = ["SNS:CreateTopic", "SNS:TagResource"] if call.parameters.get("Tags") else ["SNS:CreateTopic"]
        return [Need(action=action, resource=name.arn, context=_tags_asked(call)) for action in actions]


def _publish_target(call: Call) -> str:
    given = call.parameters
    if given.get("PhoneNumber"):
        raise InvalidParameterException(
            "Invalid parameter: PhoneNumber Reason: OpenTrail sends text messages to subscribers of a topic only. Publish to a topic"
        )
    arn = published_to(call)
    if not arn:
        raise invalid("TopicArn or TargetArn Reason: no value for required parameter")
    if given.get("TopicArn") and given.get("TargetArn"):
        raise invalid("TopicArn or TargetArn Reason: Both TopicArn and TargetArn are specified; use one of them")
    return arn


def _check_region(call: Call, topic: names.TopicName, member: str) -> None:
    """A signed call is for one Region; a link in a message is for the Region of its topic."""
    if call.caller.account_id and topic.region != call.region:
        raise invalid(f"{member} Reason: The topic is in {topic.region}; call SNS there")


def _tags_asked(call: Call) -> dict[str, Sequence[str]]:
    given = call.parameters
    context: dict[str, Sequence[str]] = {f"aws:RequestTag/{tag['Key']}": (tag["Value"],) for tag in given.get("Tags") or ()}
    keys = [tag["Key"] for tag in given.get("Tags") or ()] + list(given.get("TagKeys") or ())
    return context | {"aws:TagKeys": tuple(keys)} if keys else context
