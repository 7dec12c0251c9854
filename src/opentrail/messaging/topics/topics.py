"""Topics: made, found, listed, described, deleted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, delete, func, insert, select, update

from opentrail.messaging.topics import attributes, names, policies, retrying, tags
from opentrail.messaging.topics.faults import (
    InvalidParameterException,
    ResourceNotFoundException,
    TopicLimitExceededException,
    invalid,
)
from opentrail.messaging.topics.store import Store, find_topic, remove_subscriptions, subscriptions, the_topic, topic_of, topics
from opentrail.messaging.topics.values import Topic

MAX_TOPICS = 100_000
"""Of one account and Region."""


class Topics:
    """The topics of every account and Region. Thread-safe, and safe beside another process; every change is durable on return."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def create(self, name: names.TopicName, given: Mapping[str, str], tagged: Mapping[str, str]) -> Topic:
        """Make a topic, or find the one that is there when it has the same attributes and tags. Raises `InvalidParameter`."""
        kept = {key: value for key, value in ((key, attributes.checked_topic(key, value)) for key, value in given.items()) if value}
        policy = kept.pop("Policy", None)
        with self._store.write() as connection:
            found = find_topic(connection, name.arn)
            if found is not None:
                _check_same(found, kept, policy, given, tagged)
                return found
            of_account = (topics.c.account_id == name.account_id, topics.c.region == name.region)
            if connection.execute(select(func.count()).select_from(topics).where(*of_account)).scalar_one() >= MAX_TOPICS:
                raise TopicLimitExceededException
            connection.execute(
                insert(topics).values(
                    arn=name.arn,
                    account_id=name.account_id,
                    region=name.region,
                    name=name.name,
                    attributes=kept,
                    policy=policy or policies.default(name.arn, name.account_id),
                    tags=dict(tagged),
                    deleted=0,
                )
            )
            return the_topic(connection, name.arn)

    def delete(self, arn: str) -> None:
        """Delete a topic, its subscriptions, and what is on its way to them. One that is not there is fine."""
        with self._store.write() as connection:
            owned = connection.execute(select(subscriptions.c.arn).where(subscriptions.c.topic_arn == arn)).scalars().all()
            remove_subscriptions(connection, owned)
            connection.execute(delete(topics).where(topics.c.arn == arn))

    def find(self, arn: str) -> Topic | None:
        """The topic of this ARN, or `None`."""
        with self._store.read() as connection:
            return find_topic(connection, arn)

    def get(self, arn: str) -> Topic:
        """The topic of this ARN. Raises `NotFound`."""
        with self._store.read() as connection:
            return the_topic(connection, arn)

    def list(self, account_id: str, region: str, *, after: str, limit: int) -> list[Topic]:
        """Up to `limit` topics with ARNs above `after`, in their order."""
        where = (topics.c.account_id == account_id, topics.c.region == region, topics.c.arn > after)
        with self._store.read() as connection:
            return [topic_of(row) for row in connection.execute(select(topics).where(*where).order_by(topics.c.arn).limit(limit))]

    def shown(self, arn: str) -> dict[str, str]:
        """The attributes as GetTopicAttributes tells them. Raises `NotFound`."""
        with self._store.read() as connection:
            topic = the_topic(connection, arn)
            count = select(subscriptions.c.state, func.count()).where(subscriptions.c.topic_arn == arn).group_by(subscriptions.c.state)
            counts = {row[0]: row[1] for row in connection.execute(count)}
        return {
            "TopicArn": topic.arn,
            "Owner": topic.account_id,
            "Policy": topic.policy,
            "DisplayName": "",
            **topic.attributes,
            "SubscriptionsConfirmed": str(counts.get("confirmed", 0)),
            "SubscriptionsPending": str(counts.get("pending", 0)),
            "SubscriptionsDeleted": str(topic.deleted),
            "EffectiveDeliveryPolicy": retrying.shown_for_topic(topic.attributes.get("DeliveryPolicy")),
        }

    def set(self, arn: str, name: str, value: str) -> None:
        """SetTopicAttributes; an empty value takes the attribute away. Raises `InvalidParameter`, `NotFound`."""
        checked = attributes.checked_topic(name, value)
        with self._store.write() as connection:
            topic = the_topic(connection, arn)
            if name == "Policy":
                if not checked:
                    raise invalid("Policy Reason: Policy cannot be empty")
                self._put_policy(connection, arn, checked)
                return
            kept = {key: old for key, old in topic.attributes.items() if key != name} | ({name: checked} if checked else {})
            connection.execute(update(topics).where(topics.c.arn == arn).values(attributes=kept))

    def add_permission(self, arn: str, label: str, accounts: Sequence[str], actions: Sequence[str]) -> None:
        """Add a statement to the policy. Raises `InvalidParameter`, `NotFound`."""
        with self._store.write() as connection:
            policy = the_topic(connection, arn).policy
            self._put_policy(connection, arn, policies.with_permission(policy, label, accounts, actions, arn))

    def remove_permission(self, arn: str, label: str) -> None:
        """Take a statement from the policy. Raises `NotFound`."""
        with self._store.write() as connection:
            self._put_policy(connection, arn, policies.without_permission(the_topic(connection, arn).policy, label))

    def tag(self, arn: str, more: Mapping[str, str]) -> None:
        """Add tags. Raises `ResourceNotFound`, `TagLimitExceeded`."""
        with self._store.write() as connection:
            present = _tagged(connection, arn).tags
            connection.execute(update(topics).where(topics.c.arn == arn).values(tags=tags.joined(present, more)))

    def untag(self, arn: str, keys: Sequence[str]) -> None:
        """Take tags away. Raises `ResourceNotFound`."""
        with self._store.write() as connection:
            kept = {key: value for key, value in _tagged(connection, arn).tags.items() if key not in keys}
            connection.execute(update(topics).where(topics.c.arn == arn).values(tags=kept))

    def tags(self, arn: str) -> Mapping[str, str]:
        """The tags. Raises `ResourceNotFound`."""
        with self._store.read() as connection:
            return _tagged(connection, arn).tags

    def _put_policy(self, connection: Connection, arn: str, policy: str) -> None:
        connection.execute(update(topics).where(topics.c.arn == arn).values(policy=policy))


def _tagged(connection: Connection, arn: str) -> Topic:
    found = find_topic(connection, arn)
    if found is None:
        raise ResourceNotFoundException
    return found


def _check_same(topic: Topic, wanted: Mapping[str, str], policy: str | None, given: Mapping[str, str], tagged: Mapping[str, str]) -> None:
    """A topic that is there is handed out to whoever asks for the same one."""
    different = any(topic.attributes.get(name, "") != wanted.get(name, "") for name in given if name != "Policy")
    if different or (policy is not None and policy != topic.policy):
        raise InvalidParameterException("Invalid parameter: Attributes Reason: Topic already exists with different attributes")
    if any(topic.tags.get(key) != value for key, value in tagged.items()):
        raise InvalidParameterException("Invalid parameter: Tags Reason: Topic already exists with different tags")
