"""How a delivery ended, and what follows: done, once more, or given up. Pure, but for `Carrier`, which tries it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from opentrail.clock import Clock
from opentrail.messaging.topics import envelopes, retrying
from opentrail.messaging.topics.endpoints import CHAT
from opentrail.messaging.topics.envelopes import Envelopes
from opentrail.messaging.topics.neighbours import Queues
from opentrail.messaging.topics.notifier import Notifier, NotSet
from opentrail.messaging.topics.retrying import DeliveryPolicy, RetryPolicy
from opentrail.messaging.topics.values import Delivery, Message, MessageAttribute, Subscription, Topic
from opentrail.messaging.topics.web import Refused, Web
from opentrail.wire.faults import Fault

LONGEST_HTTP: Final = 7200.0
"""Seconds after the first attempt at which an HTTP delivery is given up, also when a busy endpoint has not had all its retries."""
MOST_RAW_ATTRIBUTES: Final = 10
"""Attributes that a message in a queue can have."""
AGENT: Final = "Amazon Simple Notification Service Agent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How one attempt ended."""

    error: str | None = None
    """`None`: it was delivered."""
    permanent: bool = False
    """Trying again would not help."""


DONE: Final = Outcome()


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """Everything that a delivery takes."""

    delivery: Delivery
    topic: Topic
    subscription: Subscription
    message: Message | None

    @property
    def policy(self) -> DeliveryPolicy:
        """How an HTTP endpoint wants it."""
        return retrying.effective(self.topic.attributes.get("DeliveryPolicy"), self.subscription.attributes.get("DeliveryPolicy"))

    @property
    def retries(self) -> RetryPolicy:
        match self.subscription.protocol:
            case "http" | "https":
                return self.policy.retry
            case "sqs":
                return retrying.QUEUE
            case _:
                return retrying.MAIL


def next_delay(load: Load, outcome: Outcome, now: float) -> float | None:
    """Seconds until the next attempt, after one that failed; `None`: it is given up."""
    delivery = load.delivery
    late = delivery.first_attempt is not None and now - delivery.first_attempt > LONGEST_HTTP
    if outcome.permanent or (late and load.subscription.protocol in ("http", "https")):
        return None
    return load.retries.delay(delivery.attempts + 1)


class Carrier:
    """Tries one delivery; blocks as long as the endpoint does. Thread-safe."""

    def __init__(self, clock: Clock, *, queues: Queues, web: Web, notifier: Notifier, envelopes: Envelopes) -> None:
        self._clock = clock
        self._queues = queues
        self._web = web
        self._notifier = notifier
        self._envelopes = envelopes

    def carry(self, load: Load) -> Outcome:
        """One attempt. Raises nothing."""
        try:
            match load.subscription.protocol:
                case "http" | "https":
                    return self._post(load)
                case "sqs":
                    return self._put(load, load.subscription.endpoint)
                case _:
                    return self._notify(load)
        except Exception as error:  # whatever it is, the delivery is still to be made
            return Outcome(error=f"{type(error).__name__}")

    def bury(self, load: Load, queue_arn: str) -> Outcome:
        """Put what was given up into the dead-letter queue. Raises nothing."""
        try:
            return self._put(load, queue_arn)
        except Exception as error:
            return Outcome(error=f"{type(error).__name__}")

    def _post(self, load: Load) -> Outcome:
        body, envelope = self._text(load)
        headers = {
            "x-amz-sns-message-type": load.delivery.kind,
            "x-amz-sns-message-id": str(envelope["MessageId"]),
            "x-amz-sns-topic-arn": load.topic.arn,
            "Content-Type": load.policy.content_type,
            "User-Agent": AGENT,
        }
        if load.delivery.kind != "SubscriptionConfirmation":
            headers["x-amz-sns-subscription-arn"] = load.subscription.arn
        if load.subscription.raw and load.delivery.kind == "Notification":
            headers["x-amz-sns-rawdelivery"] = "true"
        try:
            status = self._web.post(load.subscription.endpoint, headers, body.encode())
        except Refused as refused:
            return Outcome(error=str(refused), permanent=True)
        except OSError as error:
            return Outcome(error=error.strerror or str(error) or type(error).__name__)
        if 200 <= status < 300:
            return DONE
        # Whoever says "client error" will say so again; "too many requests" is none (SNS developer guide, "Message delivery retries").
        return Outcome(error=f"it answered with status {status}", permanent=300 <= status < 500 and status != 429)

    def _put(self, load: Load, queue_arn: str) -> Outcome:
        body, _ = self._text(load)
        attributes: Mapping[str, MessageAttribute] = {}
        if load.subscription.raw and load.message is not None:
            attributes = load.message.attributes
            if len(attributes) > MOST_RAW_ATTRIBUTES:
                return Outcome(error=f"a message in a queue has at most {MOST_RAW_ATTRIBUTES} attributes", permanent=True)
        if load.delivery.failed is not None:
            attributes = {
                **dict(list(attributes.items())[: MOST_RAW_ATTRIBUTES - 1]),
                "ErrorMessage": MessageAttribute("String", load.delivery.failed),
            }
        try:
            self._queues.deliver(
                queue_arn=queue_arn, body=body, attributes=attributes, source_arn=load.topic.arn, account_id=load.topic.account_id
            )
        except Fault as fault:
            return Outcome(error=fault.code, permanent=fault.status < 500)
        return DONE

    def _notify(self, load: Load) -> Outcome:
        subscription, topic, message = load.subscription, load.topic, load.message
        body, envelope = self._text(load)
        name = topic.attributes.get("DisplayName") or topic.name
        if message is not None:
            title = message.subject or name
            if subscription.protocol != "email-json":
                body = envelope["Message"]
                if subscription.protocol == "email" and not subscription.endpoint.endswith(CHAT):
                    body += f"\n\n--\nTo stop receiving notifications from this topic: {self._envelopes.unsubscribe_url(subscription.arn)}"
        else:
            title = (
                "AWS Notification - Subscription Confirmation"
                if load.delivery.kind == "SubscriptionConfirmation"
                else f"Unsubscribed from {name}"
            )
            if subscription.protocol != "email-json":
                body = f"{envelope['Message']}\n\n{envelope['SubscribeURL']}"
        try:
            self._notifier.send(subscription.protocol, subscription.endpoint, title, body)
        except NotSet as error:
            return Outcome(error=str(error), permanent=True)
        except OSError as error:
            return Outcome(error=str(error))
        return DONE

    def _text(self, load: Load) -> tuple[str, dict[str, Any]]:
        """What is sent, and the envelope that it is or would be in."""
        if load.message is None:
            asking = self._envelopes.asking(load.topic, load.subscription, load.delivery, self._clock.time())
            return envelopes.text(asking), asking
        envelope = self._envelopes.notification(load.topic, load.subscription, load.message)
        return envelope["Message"] if load.subscription.raw else envelopes.text(envelope), envelope
