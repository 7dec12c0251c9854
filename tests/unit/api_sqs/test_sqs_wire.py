"""SQS through the front door: JSON 1.0 and the older query protocol, and what is recorded of it."""

from __future__ import annotations

import asyncio
import base64
import json
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from opentrail.api.sqs import SQS
from opentrail.identity.vault import Vault
from opentrail.kms import KeyManagement
from opentrail.messaging.queues import Queues
from opentrail.storage.database import Database
from opentrail.storage.outbox import Outbox
from simulators.front_door import ACCOUNT, Answered, Everything, FrontDoor
from simulators.queues import standing

URL = f"http://127.0.0.1:4747/{ACCOUNT}/work"
ARN = f"arn:aws:sqs:us-east-1:{ACCOUNT}:work"
NAMESPACE = {"q": "http://queue.amazonaws.com/doc/2012-11-05/"}


class SqsDoor:
    """A front door with SQS behind it."""

    def __init__(self, folder: Path, *, selection: Any = None) -> None:
        self.folder = folder
        self.door = FrontDoor(folder, services=self.services, selection=selection)

    def services(self, door: FrontDoor) -> list[Any]:
        kms = KeyManagement(door.database, self.folder / "keys", door.clock, outbox=Outbox(door.database), identities=door.identities)
        self.database = Database.at(self.folder / "messages.db")
        vault = Vault.open(self.folder / "keys")
        self.queues = Queues(self.database, door.clock, vault=vault, secret=b"secret", keys=kms.service_keys)
        return [SQS(self.queues)]

    def close(self) -> None:
        self.queues.close()
        self.door.close()
        self.database.close()

    def json(self, operation: str, *, query_mode: bool = True, **parameters: Any) -> Answered:
        return self.door.ask(self.json_request(operation, query_mode=query_mode, **parameters))

    def json_request(self, operation: str, *, query_mode: bool = True, **parameters: Any) -> Any:
        headers = {"content-type": "application/x-amz-json-1.0", "x-amz-target": f"AmazonSQS.{operation}"}
        if query_mode:
            headers["x-amzn-query-mode"] = "true"
        return self.door.signed("sqs", body=json.dumps(parameters).encode(), headers=headers)

    def query(self, action: str, *, path: str = "/", **fields: Any) -> tuple[Answered, ET.Element]:
        given = {name.replace("__", "."): quote(str(value), safe="") for name, value in fields.items()}
        answered = self.door.ask(self.door.query("sqs", action, "2012-11-05", path=path, fields=given))
        return answered, ET.fromstring(answered.text)


@pytest.fixture
def sqs(tmp_path: Path) -> Iterator[SqsDoor]:
    made = SqsDoor(tmp_path)
    yield made
    made.close()


def text(root: ET.Element, path: str) -> str | None:
    return root.findtext(".//q:" + path.replace("/", "/q:"), namespaces=NAMESPACE)


def test_json_carries_a_message_and_back(sqs: SqsDoor) -> None:
    assert json.loads(sqs.json("CreateQueue", QueueName="work").text) == {"QueueUrl": URL}
    binary = base64.b64encode(b"\0\1").decode()
    attributes = {"a": {"DataType": "Binary", "BinaryValue": binary}}
    sent = json.loads(sqs.json("SendMessage", QueueUrl=URL, MessageBody="hé", MessageAttributes=attributes).text)
    answered = sqs.json("ReceiveMessage", QueueUrl=URL, MessageAttributeNames=["All"])
    assert answered.headers["content-type"] == "application/x-amz-json-1.0"
    (message,) = json.loads(answered.text)["Messages"]
    assert (message["Body"], message["MessageId"]) == ("hé", sent["MessageId"])
    assert message["MessageAttributes"] == {"a": {"BinaryValue": binary, "DataType": "Binary"}}
    gone = sqs.json("DeleteMessage", QueueUrl=URL, ReceiptHandle=message["ReceiptHandle"])
    assert gone.status == 200


@pytest.mark.parametrize(
    ("operation", "parameters", "kind", "code"),
    [
        ("GetQueueUrl", {"QueueName": "none"}, "QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue"),
        ("DeleteMessage", {"QueueUrl": URL, "ReceiptHandle": "x"}, "ReceiptHandleIsInvalid", "ReceiptHandleIsInvalid"),
        ("SendMessage", {"QueueUrl": URL}, "MissingParameter", "MissingParameter"),
        ("SendMessageBatch", {"QueueUrl": URL, "Entries": []}, "EmptyBatchRequest", "AWS.SimpleQueueService.EmptyBatchRequest"),
        ("SetQueueAttributes", {"QueueUrl": URL, "Attributes": {"x": "y"}}, "InvalidAttributeName", "InvalidAttributeName"),
    ],
)
def test_json_says_errors_in_both_languages(sqs: SqsDoor, operation: str, parameters: dict[str, Any], kind: str, code: str) -> None:
    sqs.json("CreateQueue", QueueName="work")
    answered = sqs.json(operation, **parameters)
    assert answered.status == 400
    assert json.loads(answered.text)["__type"] == f"com.amazonaws.sqs#{kind}"
    assert answered.headers["x-amzn-query-error"] == f"{code};Sender"
    assert "x-amzn-query-error" not in sqs.json(operation, query_mode=False, **parameters).headers


def test_a_refusal_has_the_code_that_older_clients_know(sqs: SqsDoor) -> None:
    sqs.json("CreateQueue", QueueName="work")
    sqs.door.identities.users.create(ACCOUNT, "ana")
    key, _ = sqs.door.identities.access_keys.create(ACCOUNT, "ana")
    credential = sqs.door.identities.credential(key.access_key_id)
    headers = {"content-type": "application/x-amz-json-1.0", "x-amz-target": "AmazonSQS.PurgeQueue", "x-amzn-query-mode": "true"}
    body = json.dumps({"QueueUrl": URL}).encode()
    answered = sqs.door.ask(sqs.door.signed("sqs", body=body, headers=headers, key=credential))
    assert json.loads(answered.text)["__type"] == "com.amazonaws.sqs#AccessDeniedException"
    assert answered.headers["x-amzn-query-error"] == "AccessDenied;Sender"
    record = sqs.door.records[-1]
    assert (record["eventName"], record["errorCode"]) == ("PurgeQueue", "AccessDenied")
    assert ARN in record["errorMessage"]


def test_the_query_protocol_carries_a_message_and_back(sqs: SqsDoor) -> None:
    answered, root = sqs.query("CreateQueue", QueueName="work", Attribute__1__Name="VisibilityTimeout", Attribute__1__Value="40")
    assert answered.status == 200
    assert text(root, "QueueUrl") == URL
    path = f"/{ACCOUNT}/work"
    _, sent = sqs.query(
        "SendMessage",
        path=path,
        MessageBody="a & <b>",
        MessageAttribute__1__Name="kind",
        MessageAttribute__1__Value__DataType="String",
        MessageAttribute__1__Value__StringValue="x",
    )
    assert text(sent, "MD5OfMessageAttributes") is not None
    _, root = sqs.query("ReceiveMessage", path=path, AttributeName__1="All", MessageAttributeName__1="All", MaxNumberOfMessages="10")
    assert text(root, "Message/Body") == "a & <b>"
    assert text(root, "Message/MessageId") == text(sent, "MessageId")
    assert text(root, "Message/MD5OfMessageAttributes") == text(sent, "MD5OfMessageAttributes")
    assert text(root, "MessageAttribute/Name") == "kind"
    handle = text(root, "Message/ReceiptHandle")
    answered, _ = sqs.query("DeleteMessage", path=path, ReceiptHandle=handle)
    assert answered.status == 200
    _, root = sqs.query("GetQueueAttributes", path=path, AttributeName__1="VisibilityTimeout")
    assert (text(root, "Attribute/Name"), text(root, "Attribute/Value")) == ("VisibilityTimeout", "40")
    entries = {"SendMessageBatchRequestEntry__1__Id": "a", "SendMessageBatchRequestEntry__1__MessageBody": "1"}
    _, root = sqs.query("SendMessageBatch", QueueUrl=URL, **entries)
    assert text(root, "SendMessageBatchResultEntry/Id") == "a"


def test_the_query_protocol_says_errors_in_its_own_words(sqs: SqsDoor) -> None:
    answered, root = sqs.query("GetQueueUrl", QueueName="none")
    assert answered.status == 400
    assert text(root, "Error/Code") == "AWS.SimpleQueueService.NonExistentQueue"
    assert text(root, "Error/Type") == "Sender"
    assert text(root, "Error/Message") == "The specified queue does not exist."


def test_records_name_an_error_alike_whatever_the_protocol(sqs: SqsDoor) -> None:
    sqs.json("GetQueueUrl", QueueName="none")
    sqs.query("GetQueueUrl", QueueName="none")
    assert [record["errorCode"] for record in sqs.door.records] == ["AWS.SimpleQueueService.NonExistentQueue"] * 2


def test_queues_are_recorded_as_management_events_and_messages_as_data_events(tmp_path: Path) -> None:
    sqs = SqsDoor(tmp_path, selection=Everything())
    sqs.json("CreateQueue", QueueName="work")
    sqs.json("SendMessage", QueueUrl=URL, MessageBody="CANARY", MessageAttributes={"a": {"DataType": "String", "StringValue": "CANARY"}})
    answered = sqs.json("ReceiveMessage", QueueUrl=URL, MessageAttributeNames=["All"])
    (message,) = json.loads(answered.text)["Messages"]
    sqs.json("DeleteMessage", QueueUrl=URL, ReceiptHandle=message["ReceiptHandle"])
    sqs.json("DeleteMessage", QueueUrl=URL, ReceiptHandle="nonsense")
    created, sent, received, deleted, failed = sqs.door.records
    assert (created["eventName"], created["managementEvent"], created["eventCategory"]) == ("CreateQueue", True, "Management")
    assert created["requestParameters"] == {"queueName": "work"}
    assert created["responseElements"] == {"queueUrl": URL}
    for record, name in ((sent, "SendMessage"), (received, "ReceiveMessage"), (deleted, "DeleteMessage"), (failed, "DeleteMessage")):
        assert (record["eventName"], record["eventCategory"]) == (name, "Data")
        assert record["resources"] == [{"accountId": ACCOUNT, "type": "AWS::SQS::Queue", "ARN": ARN}]
    assert sent["requestParameters"]["queueUrl"] == URL
    assert sent["responseElements"]["messageId"] == message["MessageId"]
    assert received["responseElements"] is None
    assert failed["errorCode"] == "ReceiptHandleIsInvalid"
    assert b"CANARY" not in b"".join(sqs.door.journal.records)
    sqs.close()


def test_messages_are_not_recorded_unless_somebody_selects_them(sqs: SqsDoor) -> None:
    sqs.json("CreateQueue", QueueName="work")
    sqs.json("SendMessage", QueueUrl=URL, MessageBody="x")
    assert [record["eventName"] for record in sqs.door.records] == ["CreateQueue"]


def test_a_receiver_that_leaves_is_answered_at_once_and_takes_nothing(sqs: SqsDoor) -> None:
    sqs.json("CreateQueue", QueueName="work")
    request = sqs.json_request("ReceiveMessage", QueueUrl=URL, WaitTimeSeconds=20)

    async def story() -> None:
        waiting: list[bytes] = [request.body]
        left = asyncio.Event()

        async def receive() -> dict[str, Any]:
            if waiting:
                return {"type": "http.request", "body": waiting.pop(0), "more_body": False}
            await left.wait()
            return {"type": "http.disconnect"}

        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {
            "type": "http",
            "http_version": "1.1",
            "method": "POST",
            "path": "/",
            "raw_path": b"/",
            "query_string": b"",
            "headers": [(name.encode(), value.encode()) for name, value in request.headers],
            "client": ("198.51.100.7", 40000),
            "scheme": "http",
        }
        call = asyncio.ensure_future(sqs.door.application(scope, receive, send))
        await standing(sqs.queues.messages.polls, 1)
        assert not call.done()
        left.set()
        await asyncio.wait_for(call, 90)
        await standing(sqs.queues.messages.polls, 0)

    asyncio.run(story())
    sqs.json("SendMessage", QueueUrl=URL, MessageBody="x")
    assert len(json.loads(sqs.json("ReceiveMessage", QueueUrl=URL).text)["Messages"]) == 1
