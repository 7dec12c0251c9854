"""What passes through a queue, and the queue itself: frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from opentrail.messaging.queues import names
from opentrail.messaging.queues.attributes import DEFAULTS
from opentrail.messaging.queues.redrive import Redrive
from opentrail.messaging.queues.redrive import policy as redrive_policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """A queue as it is in its row."""

    id: int
    """Never given to another one, also not to a later queue of the same name."""
    place: names.Place
    box: int
    """Where its messages lie. PurgeQueue gives the queue a new one."""
    created: float
    modified: float
    settings: Mapping[str, str]
    """Attributes that have been set, as text."""
    tags: Mapping[str, str]
    purged: float | None
    redrive: Redrive | None

    @property
    def arn(self) -> str:
        return self.place.arn

    @property
    def fifo(self) -> bool:
        return self.place.name.endswith(names.FIFO)

    @property
    def policy(self) -> str | None:
        """The queue policy, JSON text."""
        return self.settings.get("Policy")

    @property
    def key(self) -> str | None:
        """The KMS key that messages are sealed with, by whatever name was set."""
        return self.settings.get("KmsMasterKeyId")

    @property
    def sealed(self) -> bool:
        """Whether messages are sealed with a key of the service (SSE-SQS)."""
        return self.key is None and self.setting("SqsManagedSseEnabled") == "true"

    def setting(self, name: str) -> str:
        """An attribute that has a default."""
        return self.settings.get(name) or DEFAULTS[name]

    def number(self, name: str) -> int:
        """The same of one that is a number: seconds, bytes."""
        return int(self.setting(name))


def redrive_of(settings: Mapping[str, str]) -> Redrive | None:
    """The RedrivePolicy among a queue's settings, which has been checked when it was set."""
    text = settings.get("RedrivePolicy")
    return None if text is None else redrive_policy(text)


class Attribute(msgspec.Struct, frozen=True, array_like=True):
    """One message attribute: a text (`String`, `Number`) or bytes (`Binary`)."""

    data_type: str
    text: str | None = None
    binary: bytes | None = None


class Contents(msgspec.Struct, frozen=True, array_like=True):
    """What a sender hands over and a receiver gets, unchanged from then on."""

    body: str
    sender_id: str
    attributes: dict[str, Attribute] = {}
    trace_header: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """`Contents` as they lie on disk. Plain, when there is no key of either kind."""

    octets: bytes
    own_key: bool = False
    """Whether the service's own key seals them (SSE-SQS)."""
    key: bytes | None = None
    """The data key that seals them, sealed itself by KMS."""
    sealed_for: str | None = None
    """With `key`: the queue whose ARN is the encryption context, also after the message has gone to another one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """A message that is to be sent: checked, and sealed as its queue wants it."""

    message_id: str
    sealed: Sealed
    delay: int | None = None
    """Seconds; `None`: the queue's."""
    group_id: str | None = None
    deduplication_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """How sending went."""

    message_id: str
    sequence_number: str | None = None
    """Of FIFO queues."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A message as one receiver has it."""

    message_id: str
    receipt_handle: str
    contents: Contents
    sent: float
    receives: int
    """How often it has been received, this time included, in whatever queues."""
    first_received: float
    group_id: str | None = None
    deduplication_id: str | None = None
    sequence_number: str | None = None
    source_arn: str | None = None
    """The queue that it was a dead letter of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What one look into a queue brought."""

    messages: tuple[Received, ...] = ()
    next_at: float | None = None
    """With no messages: when (epoch seconds) one becomes visible by itself, as far as is known now."""
    again: bool = False
    """Only dead letters and expired messages have been found so far; there is more to look at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How many messages a queue holds."""

    visible: int = 0
    in_flight: int = 0
    delayed: int = 0


NOTHING = Taken()
