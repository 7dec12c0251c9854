"""Topics: CreateTopic, DeleteTopic, ListTopics, their attributes, and AddPermission and RemovePermission."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from opentrail.api.call import Call, Handler, Result
from opentrail.api.sns import pages
from opentrail.api.sns.tags import pairs
from opentrail.messaging.topics import Notifications, names, tags
from opentrail.messaging.topics.faults import InvalidParameterException, invalid
from opentrail.messaging.topics.policies import OWNERS

_ACCOUNT: Final = re.compile(r"[0-9]{12}")
_LABEL: Final = re.compile(r"[A-Za-z0-9_-]{1,80}")


class TopicOperations:
    """One handler for each operation on topics themselves."""

    def __init__(self, messages: Notifications) -> None:
        self._topics = messages.topics
        self.operations: Mapping[str, Handler] = {
            "CreateTopic": self.create_topic,
            "DeleteTopic": self.delete_topic,
            "ListTopics": self.list_topics,
            "GetTopicAttributes": self.get_topic_attributes,
            "SetTopicAttributes": self.set_topic_attributes,
            "AddPermission": self.add_permission,
            "RemovePermission": self.remove_permission,
        }

    def create_topic(self, call: Call) -> Result:
        given = call.parameters
        if given.get("DataProtectionPolicy"):
            raise invalid("DataProtectionPolicy Reason: OpenTrail does not look into messages. Leave it out")
        name = names.new_topic(given["Name"], region=call.region, account_id=call.account_id)
        made = self._topics.create(name, given.get("Attributes") or {}, tags.checked(pairs(given.get("Tags") or ())))
        return {"TopicArn": made.arn}

    def delete_topic(self, call: Call) -> None:
        self._topics.delete(call.parameters["TopicArn"])

    def list_topics(self, call: Call) -> Result:
        found = self._topics.list(call.account_id, call.region, after=pages.after(call), limit=pages.READ)
        return pages.answer("Topics", found, lambda topic: {"TopicArn": topic.arn}, lambda topic: topic.arn)

    def get_topic_attributes(self, call: Call) -> Result:
        return {"Attributes": self._topics.shown(call.parameters["TopicArn"])}

    def set_topic_attributes(self, call: Call) -> None:
        given = call.parameters
        self._topics.set(given["TopicArn"], given["AttributeName"], given.get("AttributeValue") or "")

    def add_permission(self, call: Call) -> None:
        given = call.parameters
        if not _LABEL.fullmatch(given["Label"]):
            raise invalid("Label Reason: 1 to 80 characters A-Z, a-z, 0-9, hyphen and underscore are allowed")
        accounts, actions = given["AWSAccountId"], given["ActionName"]
        if not accounts or not all(_ACCOUNT.fullmatch(account) for account in accounts):
            raise invalid("AWSAccountId Reason: account ids of 12 digits are expected")
        known = {action.partition(":")[2] for action in OWNERS}
        if not actions or not known.issuperset(actions):
            raise InvalidParameterException(
                f"Invalid parameter: ActionName Reason: Policy statement action out of service scope! Choose of {', '.join(sorted(known))}."
            )
        self._topics.add_permission(given["TopicArn"], given["Label"], accounts, [f"SNS:{action}" for action in actions])

    def remove_permission(self, call: Call) -> None:
        self._topics.remove_permission(call.parameters["TopicArn"], call.parameters["Label"])
