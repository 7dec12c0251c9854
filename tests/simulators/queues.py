"""Queues without a door, and callers of SQS without HTTP: one data folder, a clock that stands still."""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from botocore.loaders import Loader
from botocore.model import ListShape, ServiceModel, Shape, StructureShape

from opentrail.api.authorisation import Authorisation
from opentrail.api.call import Answer, Call
from opentrail.api.sqs import SQS
from opentrail.clock import ManualClock
from opentrail.identity import Identities, Principal
from opentrail.identity.vault import Vault
from opentrail.kms import KeyManagement
from opentrail.messaging.queues import Asking, Attribute, Contents, Party, Place, Queue, Queues, Taken
from opentrail.messaging.queues.polls import Polls
from opentrail.storage.database import Database
from opentrail.storage.outbox import Outbox
from opentrail.wire.faults import Fault
from opentrail.wire.http import Headers, Request

ACCOUNT, OTHER = "123456789012", "444455556666"
REGION = "us-east-1"
MODEL = ServiceModel(Loader().load_service_model("sqs", "service-2"), "sqs")
ROOT = Principal(type="Root", account_id=ACCOUNT, principal_id=ACCOUNT, arn=f"arn:aws:iam::{ACCOUNT}:root")
ME = Party(principal=ROOT)


def place(name: str, account_id: str = ACCOUNT) -> Place:
    return Place(account_id=account_id, region=REGION, name=name)


def policy(*statements: Mapping[str, Any]) -> str:
    """A queue policy; `Effect` is `Allow` where a statement does not say otherwise."""
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Resource": "*", **one} for one in statements]})


@dataclass
class QueueHouse:
    """One data folder with its queues; `reopened` is the same after a crash or restart."""

    folder: Path
    clock: ManualClock

    def __post_init__(self) -> None:
        keys = self.folder / "keys"
        self.state = Database.at(self.folder / "state.db")
        self.identities = Identities(self.state, keys, self.clock, account_id=ACCOUNT)
        self.kms = KeyManagement(self.state, keys, self.clock, outbox=Outbox(self.state), identities=self.identities)
        self.database = Database.at(self.folder / "messages.db")
        self.queues = self.beside()

    def beside(self) -> Queues:
        """The queues as another process has them."""
        database = Database.at(self.folder / "messages.db")
        return Queues(database, self.clock, vault=Vault.open(self.folder / "keys"), secret=b"receipts", keys=self.kms.service_keys)

    def close(self) -> None:
        self.queues.close()
        self.database.close()
        self.state.close()

    def reopened(self) -> QueueHouse:
        self.close()
        return QueueHouse(self.folder, self.clock)

    def queue(self, name: str = "work", **settings: str) -> Queue:
        """A new queue with these attributes; FIFO by its name."""
        if name.endswith(".fifo"):
            settings = {"FifoQueue": "true", "ContentBasedDeduplication": "true", **settings}
        return self.queues.control.create(place(name), settings, {})

    def dead_letters_of(self, queue: Queue, target: Queue, receives: int = 1) -> Queue:
        """`queue` with a RedrivePolicy."""
        text = json.dumps({"deadLetterTargetArn": target.arn, "maxReceiveCount": receives})
        self.queues.control.set(queue, {"RedrivePolicy": text})
        return self.queues.control.get(queue.place)

    def send(self, queue: Queue, *bodies: str, delay: int | None = None, group: str | None = None, attributes: Any = None) -> list[str]:
        """Send messages in one request; their ids."""
        queue = self.queues.control.get(queue.place)
        outgoing = [
            self.queues.outgoing(
                queue,
                Contents(body, ACCOUNT, attributes or {}),
                ME,
                delay=delay,
                group_id=group or ("group" if queue.fifo else None),
                deduplication_id=body if queue.fifo else None,
            )
            for body in bodies
        ]
        return [sent.message_id for sent in self.queues.messages.send(queue, outgoing).result()]

    def take(self, queue: Queue, most: int = 10, visibility: int | None = None, **more: Any) -> Taken:
        """Receive what is there."""
        queue = self.queues.control.get(queue.place)
        asking = Asking(party=more.pop("party", ME), most=most, visibility=visibility, **more)
        return asyncio.run(self.queues.messages.receive(queue, asking))

    def bodies(self, queue: Queue, **more: Any) -> list[str]:
        """What is received, as texts."""
        return [message.contents.body for message in self.take(queue, **more).messages]

    def remove(self, queue: Queue, *handles: str) -> list[Fault | None]:
        return self.queues.messages.remove(queue, handles).result()


def text(value: str, data_type: str = "String") -> Attribute:
    return Attribute(data_type, value)


def conforms(value: Any, shape: Shape | None, path: str = "") -> None:
    """Every key is a member, every required member is there."""
    if isinstance(shape, StructureShape):
        assert set(value) <= set(shape.members), path
        assert set(shape.required_members) <= set(value), path
        for name, member in value.items():
            assert member is not None, f"{path}.{name}"
            conforms(member, shape.members[name], f"{path}.{name}")
    elif isinstance(shape, ListShape):
        for item in value:
            conforms(item, shape.member, path)


class SqsCaller:
    """One principal that calls SQS: `caller("SendMessage", QueueUrl=…)` is the result, `caller.refused(code, …)` the message."""

    def __init__(self, house: QueueHouse, principal: Principal = ROOT, *, host: str = "127.0.0.1:4747") -> None:
        self.house = house
        self.principal = principal
        self.host = host
        self.service = SQS(house.queues)
        self.authorisation = Authorisation(identities=house.identities)

    def __call__(self, operation: str, *, path: str = "/", **parameters: Any) -> dict[str, Any]:
        call = Call(
            service="sqs",
            operation=operation,
            parameters=parameters,
            caller=self.principal,
            account_id=self.principal.account_id,
            region=REGION,
            request_id="r",
            source_ip="127.0.0.1",
            user_agent="",
            time=self.house.clock.now(),
            secure=False,
            request=Request(method="POST", path=path, headers=Headers([("host", self.host)])),
        )
        self.authorisation.check(call, self.service.needs(call), protocol="json")
        handler = self.service.operations[operation]
        found: Any = asyncio.run(handler(call)) if inspect.iscoroutinefunction(handler) else handler(call)
        answer = found if isinstance(found, Answer) else Answer(result=found or {})
        conforms(answer.result, MODEL.operation_model(operation).output_shape, operation)
        return dict(answer.result)

    def refused(self, code: str, operation: str, **parameters: Any) -> str:
        with pytest.raises(Fault) as fault:
            self(operation, **parameters)
        assert fault.value.code == code, fault.value
        return fault.value.message

    def queue(self, name: str = "work", **attributes: str) -> str:
        """A new queue; its URL."""
        return str(self("CreateQueue", QueueName=name, Attributes=attributes)["QueueUrl"])

    def attributes(self, url: str, *names: str) -> dict[str, str]:
        return dict(self("GetQueueAttributes", QueueUrl=url, AttributeNames=list(names or ("All",))).get("Attributes", {}))

    def service_members(self, operation: str) -> set[str]:
        """The parameters that an operation has."""
        shape = MODEL.operation_model(operation).input_shape
        return set(shape.members) if isinstance(shape, StructureShape) else set()

    def receive(self, url: str, **more: Any) -> list[dict[str, Any]]:
        return list(self("ReceiveMessage", QueueUrl=url, MaxNumberOfMessages=10, **more).get("Messages", []))


def user(house: QueueHouse, name: str, *statements: Mapping[str, Any], account_id: str = ACCOUNT) -> Principal:
    """An IAM user with a policy of its own."""
    house.identities.accounts.ensure(account_id)
    house.identities.users.create(account_id, name)
    if statements:
        document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Resource": "*", **one} for one in statements]}
        house.identities.attachments.put_inline(account_id, "user", name, "own", json.dumps(document))
    key, _ = house.identities.access_keys.create(account_id, name)
    credential = house.identities.credential(key.access_key_id)
    assert credential is not None
    return credential.principal


async def standing(polls: Polls, waiting: int) -> None:
    """Until so many stand in line."""
    while sum(len(line.waiters) for line in polls._lines.values()) != waiting:  # noqa: ASYNC110 - nobody tells
        await asyncio.sleep(0.001)


def codes(faults: Sequence[Fault | None]) -> list[str | None]:
    return [None if fault is None else fault.code for fault in faults]
