"""Subscriptions: Subscribe, ConfirmSubscription, Unsubscribe, lists, attributes.

ConfirmSubscription and Unsubscribe are also the links in messages: they come without a signature, by GET, from whoever reads the message.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opentrail.api.call import Call, Handler, Result
from opentrail.api.sns import pages
from opentrail.messaging.topics import Notifications, endpoints, names
from opentrail.messaging.topics.faults import AuthorizationErrorException
from opentrail.messaging.topics.values import PENDING_CONFIRMATION, Subscription


class SubscriptionOperations:
    """One handler for each operation on subscriptions."""

    def __init__(self, messages: Notifications) -> None:
        self._subscriptions = messages.subscriptions
        self._topics = messages.topics
        self.operations: Mapping[str, Handler] = {
            "Subscribe": self.subscribe,
            "ConfirmSubscription": self.confirm_subscription,
            "Unsubscribe": self.unsubscribe,
            "ListSubscriptions": self.list_subscriptions,
            "ListSubscriptionsByTopic": self.list_subscriptions_by_topic,
            "GetSubscriptionAttributes": self.get_subscription_attributes,
            "SetSubscriptionAttributes": self.set_subscription_attributes,
        }

    def subscribe(self, call: Call) -> Result:
        given = call.parameters
        protocol, endpoint = given["Protocol"], given.get("Endpoint") or ""
        endpoints.check(protocol, endpoint)
        queue = names.queue(endpoint) if protocol == "sqs" else None
        # Whoever owns the queue has agreed by asking; a text message would cost more than it proves.
        at_once = protocol == "sms" or (queue is not None and queue.account_id == call.caller.account_id)
        made = self._subscriptions.subscribe(
            given["TopicArn"],
            owner=call.caller.account_id,
            protocol=protocol,
            endpoint=endpoint,
            given=given.get("Attributes") or {},
            at_once=at_once,
        )
        told = made.state == "confirmed" or given.get("ReturnSubscriptionArn")
        return {"SubscriptionArn": made.arn if told else "pending confirmation"}

    def confirm_subscription(self, call: Call) -> Result:
        given, signed = call.parameters, bool(call.caller.account_id)
        protect = (given.get("AuthenticateOnUnsubscribe") or "").lower() == "true"
        made = self._subscriptions.confirm(given["TopicArn"], given["Token"], signed=signed, protect=protect)
        return {"SubscriptionArn": made.arn}

    def unsubscribe(self, call: Call) -> None:
        self._subscriptions.unsubscribe(call.parameters["SubscriptionArn"], call.caller.account_id or None)

    def list_subscriptions(self, call: Call) -> Result:
        found = self._subscriptions.of_owner(call.account_id, call.region, after=pages.after(call), limit=pages.READ)
        return pages.answer("Subscriptions", found, _shape, lambda one: one.arn)

    def list_subscriptions_by_topic(self, call: Call) -> Result:
        found = self._subscriptions.of_topic(call.parameters["TopicArn"], after=pages.after(call), limit=pages.READ)
        return pages.answer("Subscriptions", found, _shape, lambda one: one.arn)

    def get_subscription_attributes(self, call: Call) -> Result:
        found = self._subscriptions.get(call.parameters["SubscriptionArn"])
        _check_owner(call, found.owner, names.topic(found.topic_arn).account_id)
        return {"Attributes": self._subscriptions.shown(found.arn)}

    def set_subscription_attributes(self, call: Call) -> None:
        given = call.parameters
        _check_owner(call, self._subscriptions.get(given["SubscriptionArn"]).owner)
        self._subscriptions.set(given["SubscriptionArn"], given["AttributeName"], given.get("AttributeValue") or "")


def _check_owner(call: Call, *owners: str) -> None:
    if call.caller.account_id not in owners:
        raise AuthorizationErrorException("Only the owner of the subscription can do this")


def _shape(subscription: Subscription) -> dict[str, Any]:
    return {
        "SubscriptionArn": subscription.arn if subscription.state == "confirmed" else PENDING_CONFIRMATION,
        "Owner": subscription.owner,
        "Protocol": subscription.protocol,
        "Endpoint": endpoints.shown(subscription.endpoint),
        "TopicArn": subscription.topic_arn,
    }
