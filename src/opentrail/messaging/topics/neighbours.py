"""What topics need of their neighbours; `server/` connects them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from opentrail.kms import ServiceCaller, ServiceDataKey
from opentrail.messaging.topics.values import MessageAttribute
from opentrail.wire.faults import Fault


class Queues(Protocol):
    """Queues of our own."""

    def deliver(self, *, queue_arn: str, body: str, attributes: Mapping[str, MessageAttribute], source_arn: str, account_id: str) -> None:
        """Put a message into a queue, durably, as `sns.amazonaws.com`, by leave of the queue's policy. `source_arn` is the topic, of the
        account `account_id`.

        Raises a `Fault` of status 4xx when the queue is not there or does not let it in: trying again would not help."""


class Keys(Protocol):
    """KMS for services: `kms.service_keys.ServiceKeys`."""

    def generate_data_key(self, caller: ServiceCaller, key_id: str, context: Mapping[str, str]) -> ServiceDataKey:
        """A new data key, by leave of the key's policy."""

    def decrypt(self, caller: ServiceCaller, ciphertext: bytes, context: Mapping[str, str]) -> bytes:
        """What `generate_data_key` sealed."""


class QueueDoesNotExist(Fault):
    """The specified queue does not exist."""

    code = "AWS.SimpleQueueService.NonExistentQueue"


class NoQueues:
    """Stands for queues where none are served: every one is missing."""

    def deliver(self, *, queue_arn: str, body: str, attributes: Mapping[str, MessageAttribute], source_arn: str, account_id: str) -> None:
        raise QueueDoesNotExist
