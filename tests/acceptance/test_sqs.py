"""SQS as people use it: boto3, the AWS CLI, two accounts; nothing that was acknowledged is lost when the server is killed."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from simulators.running import RunningOpenTrail, wait_for

ACCOUNT = "123456789012"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningOpenTrail]:
    with RunningOpenTrail(tmp_path_factory.mktemp("sqs"), settings={"lake.commit_interval": 1}) as running:
        yield running


def queue(server: RunningOpenTrail, name: str, **attributes: str) -> tuple[Any, str]:
    sqs = server.client("sqs")
    return sqs, sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]


def drained(server: RunningOpenTrail, url: str) -> list[str]:
    """Every message that can be received now; each is deleted."""
    sqs, found = server.client("sqs"), []
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        found += [message["Body"] for message in messages]
        entries = [{"Id": str(at), "ReceiptHandle": message["ReceiptHandle"]} for at, message in enumerate(messages)]
        assert not sqs.delete_message_batch(QueueUrl=url, Entries=entries)["Failed"]
    return found


def test_the_aws_cli_and_boto3_share_a_queue(server: RunningOpenTrail) -> None:
    sqs, url = queue(server, "shared", VisibilityTimeout="60")
    assert url == f"{server.endpoint}/{ACCOUNT}/shared"
    # The AWS CLI, version 1, has an address of its own for SQS that only this option moves.
    words = ("--endpoint-url", server.endpoint, "sqs", "send-message", "--queue-url", url, "--message-body", "from the CLI")
    sent = json.loads(server.aws(*words).stdout)
    (message,) = sqs.receive_message(QueueUrl=url, MessageSystemAttributeNames=["All"])["Messages"]
    assert (message["MessageId"], message["Body"]) == (sent["MessageId"], "from the CLI")
    assert message["Attributes"]["ApproximateReceiveCount"] == "1"
    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    with pytest.raises(sqs.exceptions.QueueDoesNotExist):
        sqs.get_queue_url(QueueName="absent")
    found = server.client("cloudtrail").lookup_events(LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "GetQueueUrl"}])
    record = json.loads(found["Events"][0]["CloudTrailEvent"])
    assert (record["eventSource"], record["requestParameters"]) == ("sqs.amazonaws.com", {"queueName": "absent"})
    assert record["errorCode"] == "AWS.SimpleQueueService.NonExistentQueue"


def test_more_long_polls_than_worker_threads_hold_nothing_up(server: RunningOpenTrail) -> None:
    sqs, url = queue(server, "polled")
    waiting = server.client("sqs", max_pool_connections=40)
    with ThreadPoolExecutor(40) as pool:
        polls = [pool.submit(lambda: waiting.receive_message(QueueUrl=url, WaitTimeSeconds=20)) for _ in range(40)]
        time.sleep(0.5)
        server.client("iam").list_users()
        assert not any(poll.done() for poll in polls), "it was answered while all of them wait"
        for start in range(0, 40, 10):
            sqs.send_message_batch(QueueUrl=url, Entries=[{"Id": str(at), "MessageBody": f"{start + at}"} for at in range(10)])
        bodies = [message["Body"] for poll in polls for message in poll.result(60)["Messages"]]
    assert sorted(bodies, key=int) == [str(number) for number in range(40)]


def test_a_kill_loses_nothing_that_was_acknowledged(server: RunningOpenTrail) -> None:
    """Killed and stopped while several send and several receive: each acknowledged message is received until it is deleted, and what has
    been received stays so."""
    sqs, url = queue(server, "killed", VisibilityTimeout="0")
    _, other = queue(server, "receipts", VisibilityTimeout="600")
    sqs.send_message(QueueUrl=other, MessageBody="once")
    (received,) = sqs.receive_message(QueueUrl=other)["Messages"]
    sent: set[str] = set()
    unsure: set[str] = set()
    deleted: set[str] = set()
    answers: list[Any] = []
    over = threading.Event()
    lock = threading.Lock()

    def send(worker: int) -> None:
        number, sqs = 0, server.client("sqs")
        while not over.is_set():
            bodies = [f"{worker}-{number + at}" for at in range(5)]
            number += 5
            try:
                answer = sqs.send_message_batch(
                    QueueUrl=url, Entries=[{"Id": str(at), "MessageBody": body} for at, body in enumerate(bodies)]
                )
            except (ClientError, BotoCoreError):
                with lock:
                    unsure.update(bodies)
                time.sleep(0.1)
            else:
                assert len(answer["Successful"]) == 5
                with lock:
                    sent.update(bodies)

    def receive() -> None:
        sqs = server.client("sqs")
        while not over.is_set():
            try:
                answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=3, VisibilityTimeout=1, WaitTimeSeconds=1)
                for message in answer.get("Messages", [])[:1]:  # the others come again
                    with lock:
                        deleted.add(message["Body"])  # from here on it may be gone
                    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            except (ClientError, BotoCoreError):
                time.sleep(0.1)

    workers = [threading.Thread(target=send, args=(number,)) for number in range(2)] + [threading.Thread(target=receive) for _ in range(2)]
    for worker in workers:
        worker.start()
    for end in (server.kill, server.kill, server.stop):
        before = len(sent)
        wait_for(lambda before=before: len(sent) >= before + 20, patience=90)
        if end == server.stop:
            over.set()
            poll = threading.Thread(target=lambda: answers.append(sqs.receive_message(QueueUrl=other, WaitTimeSeconds=20)))
            poll.start()
            time.sleep(3)  # it stands in line by now
        end()
        server.start()
    poll.join()
    assert [answer.get("Messages") for answer in answers] == [None]  # who waits is answered when the server stops
    for worker in workers:
        worker.join()
    time.sleep(1.1)
    left = drained(server, url)
    assert sent - deleted <= set(left)
    assert set(left) <= sent | unsure
    assert "Traceback" not in server.log.read_text()
    sqs = server.client("sqs")
    assert "Messages" not in sqs.receive_message(QueueUrl=other)
    sqs.change_message_visibility(QueueUrl=other, ReceiptHandle=received["ReceiptHandle"], VisibilityTimeout=0)
    (again,) = sqs.receive_message(QueueUrl=other, MessageSystemAttributeNames=["ApproximateReceiveCount"])["Messages"]
    assert again["Attributes"] == {"ApproximateReceiveCount": "2"}
