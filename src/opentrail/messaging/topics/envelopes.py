"""What a subscriber is sent: the signed envelope around a message, and requests to confirm (SNS developer guide, "message formats")."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from opentrail.messaging.topics.messages import body_for
from opentrail.messaging.topics.signing import MessageSigner
from opentrail.messaging.topics.values import Delivery, Message, Subscription, Topic

_ASKING = {
    "SubscriptionConfirmation": "You have chosen to subscribe to the topic {topic}.\n"
    "To confirm the subscription, visit the SubscribeURL included in this message.",
    "UnsubscribeConfirmation": "You have chosen to deactivate subscription {subscription}.\n"
    "To cancel this operation and restore the subscription, visit the SubscribeURL included in this message.",
}


class Envelopes:
    """Makes envelopes, with links to `address` (`http://127.0.0.1:4747`)."""

    def __init__(self, signer: MessageSigner, address: str) -> None:
        self._signer = signer
        self._address = address.rstrip("/")

    @property
    def certificate_url(self) -> str:
        return f"{self._address}{certificate_path(self._signer)}"

    def notification(self, topic: Topic, subscription: Subscription, message: Message) -> dict[str, Any]:
        """The envelope of a message that was published."""
        made: dict[str, Any] = {"Type": "Notification", "MessageId": message.message_id, "TopicArn": topic.arn}
        if message.subject is not None:
            made["Subject"] = message.subject
        made["Message"] = body_for(message.body, subscription.protocol, structured=message.structured)
        made["Timestamp"] = _timestamp(message.published)
        made |= self._signature(topic, made)
        made["UnsubscribeURL"] = self.unsubscribe_url(subscription.arn)
        if message.attributes:
            made["MessageAttributes"] = {
                name: {"Type": attribute.data_type, "Value": attribute.value} for name, attribute in message.attributes.items()
            }
        return made

    def asking(self, topic: Topic, subscription: Subscription, delivery: Delivery, now: float) -> dict[str, Any]:
        """The envelope that asks to confirm a subscription, or tells that one has ended."""
        made: dict[str, Any] = {
            "Type": delivery.kind,
            # The same for every attempt, so that a subscriber can tell a repetition.
            "MessageId": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{subscription.arn}/{subscription.token}")),
            "Token": subscription.token,
            "TopicArn": topic.arn,
            "Message": _ASKING[delivery.kind].format(topic=topic.arn, subscription=subscription.arn),
            "SubscribeURL": self.subscribe_url(topic.arn, subscription.token),
            "Timestamp": _timestamp(now),
        }
        return made | self._signature(topic, made)

    def subscribe_url(self, topic_arn: str, token: str) -> str:
        """Opening it confirms the subscription."""
        return f"{self._address}/?Action=ConfirmSubscription&TopicArn={quote(topic_arn, safe=':')}&Token={token}"

    def unsubscribe_url(self, subscription_arn: str) -> str:
        """Opening it ends the subscription."""
        return f"{self._address}/?Action=Unsubscribe&SubscriptionArn={quote(subscription_arn, safe=':')}"

    def _signature(self, topic: Topic, message: dict[str, Any]) -> dict[str, str]:
        version = topic.signature_version
        return {
            "SignatureVersion": version,
            "Signature": self._signer.sign(message, version),
            "SigningCertURL": self.certificate_url,
        }


def certificate_path(signer: MessageSigner) -> str:
    """Where the front shows the certificate."""
    return f"/_opentrail/sns/{signer.certificate_name}"


def text(envelope: dict[str, Any]) -> str:
    """An envelope as it is sent."""
    return json.dumps(envelope, indent=2, separators=(",", " : "), ensure_ascii=False)


def _timestamp(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{int(at * 1000) % 1000:03d}Z"
