"""What the room hands around: topics, subscriptions, messages. Frozen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal["Notification", "SubscriptionConfirmation", "UnsubscribeConfirmation"]
State: TypeAlias = Literal["pending", "confirmed", "cancelled"]
"""`cancelled`: somebody without a signature has unsubscribed; the token in the farewell brings it back for two days."""

PENDING_CONFIRMATION = "PendingConfirmation"
"""Stands for the ARN of a subscription that is not confirmed, in lists."""


@dataclass(frozen=True, slots=True)
class MessageAttribute:
    """One message attribute: `String`, `String.Array`, `Number` or `Binary`; a binary value is base64 text (`binary`)."""

    data_type: str
    value: str

    @property
    def binary(self) -> bool:
        return self.data_type.startswith("Binary")


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """A topic as it is stored."""

    arn: str
    account_id: str
    region: str
    name: str
    attributes: Mapping[str, str]
    """As they were set; what was not set is not here."""
    policy: str
    tags: Mapping[str, str]
    deleted: int
    """Subscriptions it once had."""

    @property
    def signature_version(self) -> str:
        return self.attributes.get("SignatureVersion", "1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """A subscription as it is stored."""

    arn: str
    topic_arn: str
    owner: str
    protocol: str
    endpoint: str
    state: State
    attributes: Mapping[str, str]
    token: str
    token_expires: float
    authenticated: bool
    """Whether it was confirmed by a signed call, or needed no confirmation."""
    protected: bool
    """Whether unsubscribing takes a signature."""

    @property
    def raw(self) -> bool:
        return self.attributes.get("RawMessageDelivery") == "true"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message as it was published."""

    message_id: str
    topic_arn: str
    published: float
    body: str
    """What `Message` said; with `structured`, a JSON object with a text per protocol."""
    structured: bool = False
    subject: str | None = None
    attributes: Mapping[str, MessageAttribute] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One message on its way to one subscription."""

    number: int
    subscription_arn: str
    kind: Kind
    message_id: str | None
    """`None` for what is not published but made for the subscription."""
    attempts: int
    """That have failed."""
    first_attempt: float | None
    due: float
    failed: str | None = None
    """Why it was given up; then it goes to the dead-letter queue only."""
