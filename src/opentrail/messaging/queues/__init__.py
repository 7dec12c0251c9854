"""Queues: SQS of our own. What is acknowledged is on disk; what is received counts as received after a crash, too.

queues = Queues(database, clock, vault=vault, secret=folder.token_secret(), keys=kms.service_keys)
queue = queues.control.create(Place(account_id=account, region=region, name="work"), {}, {})
queues.messages.send(queue, [queues.outgoing(queue, contents, party)]).result()

Who may do what is decided before: by the door for calls (`api/sqs`), by `ServiceSender` for services of the house. Several processes can
use one message database; only one of them (the front) receives and keeps (`keeper`).
"""

from __future__ import annotations

import uuid

from opentrail.clock import Clock
from opentrail.identity.vault import Vault
from opentrail.messaging.queues import store
from opentrail.messaging.queues.control import Control
from opentrail.messaging.queues.handles import Handles
from opentrail.messaging.queues.keeper import Keeper
from opentrail.messaging.queues.messages import Messages
from opentrail.messaging.queues.moves import Moves
from opentrail.messaging.queues.names import Place
from opentrail.messaging.queues.receiving import Asking
from opentrail.messaging.queues.sealing import Keys, Party, Sealing
from opentrail.messaging.queues.values import Attribute, Contents, Outgoing, Queue, Received, Sent, Taken
from opentrail.storage.database import Database
from opentrail.storage.writer import Writer


class Queues:
    """The queues of one data folder, put together."""

    def __init__(self, database: Database, clock: Clock, *, vault: Vault, secret: bytes, keys: Keys) -> None:
        """`vault` seals messages of queues without a KMS key, `secret` vouches for receipt handles, `keys` are those of KMS."""
        queues = store.Store(database)
        self._writer = Writer(database, name="queue-writer")
        self._sealing = Sealing(vault, keys, clock)
        self.messages = Messages(database, queues, self._writer, self._sealing, Handles(secret), clock)
        self.control = Control(database, queues, self._writer, clock, self.messages.wake)
        self.moves = Moves(database, queues, self._writer, clock, self.messages.wake)
        self.keeper = Keeper(self._writer, self.moves)

    def outgoing(
        self,
        queue: Queue,
        contents: Contents,
        party: Party,
        *,
        delay: int | None = None,
        group_id: str | None = None,
        deduplication_id: str | None = None,
    ) -> Outgoing:
        """A message for `queue`, sealed. Asks KMS where the queue has a key; raises faults of KMS keys."""
        message_id = str(uuid.uuid4())
        return Outgoing(
            message_id=message_id,
            sealed=self._sealing.seal(queue, contents, message_id, party),
            delay=delay,
            group_id=group_id,
            deduplication_id=deduplication_id,
        )

    def close(self) -> None:
        """Carry out what has been asked for, and take no more."""
        self._writer.close()


__all__ = ["Asking", "Attribute", "Contents", "Keys", "Party", "Place", "Queue", "Queues", "Received", "Sent", "Taken"]
