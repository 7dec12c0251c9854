"""What delivers messages, put together."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path

from opentrail.clock import Clock
from opentrail.config import MessagingSettings
from opentrail.messaging.queues import Attribute
from opentrail.messaging.queues.service_sender import ServiceSender
from opentrail.messaging.topics.dispatcher import Dispatcher
from opentrail.messaging.topics.envelopes import Envelopes
from opentrail.messaging.topics.neighbours import Queues
from opentrail.messaging.topics.notifier import Notifier, Ways
from opentrail.messaging.topics.outcomes import Carrier
from opentrail.messaging.topics.signing import MessageSigner
from opentrail.messaging.topics.store import Store
from opentrail.messaging.topics.values import MessageAttribute
from opentrail.messaging.topics.web import Web
from opentrail.server.folder import DataFolder
from opentrail.server.roles import Orders
from opentrail.storage.database import Database


class OwnQueues:
    """The queues of our own, as topics see them."""

    def __init__(self, sender: ServiceSender) -> None:
        self._sender = sender

    def deliver(self, *, queue_arn: str, body: str, attributes: Mapping[str, MessageAttribute], source_arn: str, account_id: str) -> None:
        """As `Queues.deliver`."""
        told = {name: _attribute(one) for name, one in attributes.items()}
        self._sender.deliver(queue_arn=queue_arn, body=body, attributes=told, source_arn=source_arn, account_id=account_id)


def _attribute(one: MessageAttribute) -> Attribute:
    if one.binary:
        return Attribute(one.data_type, binary=base64.b64decode(one.value))
    return Attribute(one.data_type, text=one.value)


def dispatcher(orders: Orders, database: Database, clock: Clock, *, queues: Queues) -> Dispatcher:
    """The dispatcher of a data folder; `database` is its `messages`. Raises `SettingError` for a file `messaging.notify` of no use."""
    settings = orders.settings.messaging
    address = settings.public_url or (orders.listeners[0].url if orders.listeners else "")
    envelopes = Envelopes(MessageSigner.open(DataFolder(orders.data_dir).keys, clock), address)
    carrier = Carrier(clock, queues=queues, web=Web(), notifier=notifier(settings), envelopes=envelopes)
    return Dispatcher(Store(database), clock, carrier=carrier)


def notifier(settings: MessagingSettings) -> Notifier:
    """What sends mail, text messages and chat, as the settings say. Raises `SettingError`."""
    return Notifier(Ways.read(Path(settings.notify), settings.notify_schemes) if settings.notify else Ways())
