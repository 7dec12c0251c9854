"""Subscriptions: asked for, confirmed, listed, changed, ended."""

from __future__ import annotations

import hmac
import secrets
import uuid
from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import Connection, insert, select, update

from opentrail.clock import Clock
from opentrail.messaging.topics import attributes, names, retrying
from opentrail.messaging.topics.endpoints import shown
from opentrail.messaging.topics.faults import AuthorizationErrorException, InvalidParameterException, invalid
from opentrail.messaging.topics.store import (
    Store,
    change_subscription,
    find_topic,
    forget_deliveries,
    keep_delivery,
    remove_subscriptions,
    subscription_of,
    subscriptions,
    the_subscription,
    the_topic,
    topics,
)
from opentrail.messaging.topics.values import Subscription

TOKEN_LASTS: Final = 2 * 86_400.0
"""Seconds for which a token can be used (ConfirmSubscription)."""
_TOKEN_BYTES: Final = 64


class Subscriptions:
    """The subscriptions of every topic. Thread-safe, and safe beside another process; every change is durable on return."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def subscribe(
        self, topic_arn: str, *, owner: str, protocol: str, endpoint: str, given: Mapping[str, str], at_once: bool
    ) -> Subscription:
        """Make a subscription, or find the one that is there. `at_once`: it needs no confirmation; otherwise one is asked for, in the
        same transaction. Raises `InvalidParameter`, `NotFound`.
        """
        kept = attributes.checked_subscription(given, protocol, names.topic(topic_arn).region)
        now = self._clock.time()
        with self._store.write() as connection:
            topic = the_topic(connection, topic_arn)
            same = (subscriptions.c.topic_arn == topic_arn, subscriptions.c.protocol == protocol, subscriptions.c.endpoint == endpoint)
            row = connection.execute(select(subscriptions).where(*same)).first()
            if row is not None:
                found = subscription_of(row)
                if found.state == "confirmed":
                    if given and kept != found.attributes:
                        raise invalid("Attributes Reason: Subscription already exists with different attributes")
                    return found
                remove_subscriptions(connection, [found.arn])
            arn = f"{topic_arn}:{uuid.uuid4() if row is None else row.arn.rpartition(':')[2]}"
            connection.execute(
                insert(subscriptions).values(
                    arn=arn,
                    topic_arn=topic_arn,
                    owner=owner,
                    region=topic.region,
                    protocol=protocol,
                    endpoint=endpoint,
                    state="confirmed" if at_once else "pending",
                    attributes=kept,
                    token=secrets.token_hex(_TOKEN_BYTES),
                    token_expires=now + TOKEN_LASTS,
                    authenticated=at_once,
                    protected=at_once,
                )
            )
            if not at_once:
                keep_delivery(connection, arn, "SubscriptionConfirmation", None, now)
            return the_subscription(connection, arn)

    def confirm(self, topic_arn: str, token: str, *, signed: bool, protect: bool) -> Subscription:
        """Confirm the subscription that `token` was made for; doing it twice is fine. `signed`: by somebody with credentials; only then
        `protect` has unsubscribing take a signature. Raises `InvalidParameter`, `NotFound`.
        """
        with self._store.write() as connection:
            the_topic(connection, topic_arn)
            row = connection.execute(select(subscriptions).where(subscriptions.c.token == token)).first()
            found = None if row is None else subscription_of(row)
            if found is None or found.topic_arn != topic_arn or not hmac.compare_digest(found.token.encode(), token.encode()):
                raise InvalidParameterException("Invalid parameter: Token")
            if found.token_expires <= self._clock.time():
                raise InvalidParameterException("Invalid parameter: Token Reason: The token has expired; subscribe again")
            if found.state != "confirmed":
                change_subscription(connection, found.arn, {"state": "confirmed", "authenticated": signed, "protected": signed and protect})
            return the_subscription(connection, found.arn)

    def unsubscribe(self, arn: str, account_id: str | None) -> None:
        """End a subscription, for the account that asks; `None`: somebody without credentials. One that is not there is fine.

        Whoever does not own the subscription leaves a farewell, with a token that brings it back. Raises `AuthorizationError`.
        """
        now = self._clock.time()
        with self._store.write() as connection:
            row = connection.execute(select(subscriptions).where(subscriptions.c.arn == arn)).first()
            if row is None or row.state == "cancelled":
                return
            found = subscription_of(row)
            if found.state == "pending":
                raise InvalidParameterException("Invalid parameter: SubscriptionArn Reason: The subscription is not confirmed")
            topic = find_topic(connection, found.topic_arn)
            if account_id is None:
                if found.protected:
                    raise AuthorizationErrorException("Unsubscribing takes the signature of the owner of the subscription or the topic")
            elif account_id not in (found.owner, topic.account_id if topic else found.owner):
                raise AuthorizationErrorException("Only the owner of the subscription or of the topic can unsubscribe")
            connection.execute(update(topics).where(topics.c.arn == found.topic_arn).values(deleted=topics.c.deleted + 1))
            if account_id == found.owner or found.protocol == "sqs":
                remove_subscriptions(connection, [arn])
                return
            fresh = {"state": "cancelled", "token": secrets.token_hex(_TOKEN_BYTES), "token_expires": now + TOKEN_LASTS}
            change_subscription(connection, arn, fresh)
            forget_deliveries(connection, arn)
            keep_delivery(connection, arn, "UnsubscribeConfirmation", None, now)

    def get(self, arn: str) -> Subscription:
        """The subscription of this ARN, confirmed or not. Raises `NotFound`."""
        with self._store.read() as connection:
            return the_subscription(connection, arn)

    def of_owner(self, account_id: str, region: str, *, after: str, limit: int) -> list[Subscription]:
        """Up to `limit` subscriptions of an account with ARNs above `after`, in their order."""
        return self._list(after, limit, subscriptions.c.owner == account_id, subscriptions.c.region == region)

    def of_topic(self, topic_arn: str, *, after: str, limit: int) -> list[Subscription]:
        """The same of a topic. Raises `NotFound`."""
        with self._store.read() as connection:
            the_topic(connection, topic_arn)
        return self._list(after, limit, subscriptions.c.topic_arn == topic_arn)

    def _list(self, after: str, limit: int, *where: Any) -> list[Subscription]:
        chosen = select(subscriptions).where(*where, subscriptions.c.arn > after, subscriptions.c.state != "cancelled")
        with self._store.read() as connection:
            return [subscription_of(row) for row in connection.execute(chosen.order_by(subscriptions.c.arn).limit(limit))]

    def shown(self, arn: str) -> dict[str, str]:
        """The attributes as GetSubscriptionAttributes tells them. Raises `NotFound`."""
        with self._store.read() as connection:
            found = the_subscription(connection, arn)
            topic = find_topic(connection, found.topic_arn)
        told = {
            "SubscriptionArn": found.arn,
            "TopicArn": found.topic_arn,
            "Owner": found.owner,
            "Protocol": found.protocol,
            "Endpoint": shown(found.endpoint),
            "PendingConfirmation": _word(found.state == "pending"),
            "ConfirmationWasAuthenticated": _word(found.authenticated),
            "RawMessageDelivery": "false",
            **found.attributes,
        }
        if "FilterPolicy" in found.attributes:
            told.setdefault("FilterPolicyScope", "MessageAttributes")
        if found.protocol in ("http", "https"):
            of_topic = topic.attributes.get("DeliveryPolicy") if topic else None
            told["EffectiveDeliveryPolicy"] = retrying.shown_for_subscription(of_topic, found.attributes.get("DeliveryPolicy"))
        return told

    def set(self, arn: str, name: str, value: str) -> None:
        """SetSubscriptionAttributes; an empty value takes the attribute away. Raises `InvalidParameter`, `NotFound`."""
        with self._store.write() as connection:
            found = the_subscription(connection, arn)
            kept = attributes.checked_subscription({**found.attributes, name: value}, found.protocol, names.topic(found.topic_arn).region)
            change_subscription(connection, arn, {"attributes": kept})

    def forget_expired(self) -> int:
        """Remove subscriptions that nobody confirmed, or brought back, in time; returns how many."""
        with self._store.write() as connection:
            return _forget_expired(connection, self._clock.time())


def _forget_expired(connection: Connection, now: float) -> int:
    late = select(subscriptions.c.arn).where(subscriptions.c.state.in_(("pending", "cancelled")), subscriptions.c.token_expires <= now)
    arns = connection.execute(late).scalars().all()
    remove_subscriptions(connection, arns)
    return len(arns)


def _word(value: bool) -> str:
    return "true" if value else "false"
