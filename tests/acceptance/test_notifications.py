"""Topics from a client's side: subscribe, confirm, publish, and check that the message comes from here; a restart loses nothing."""

from __future__ import annotations

import base64
import json
import threading
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from simulators.running import RunningOpenTrail, wait_for

ACCOUNT = "123456789012"


class Subscriber:
    """An HTTP endpoint that keeps what it is sent; while it is `down` it answers 503."""

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], dict[str, Any]]] = []
        self.refused = 0
        self.down = False
        subscriber = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                if subscriber.down:
                    subscriber.refused += 1
                else:
                    subscriber.got.append(({name.lower(): value for name, value in self.headers.items()}, json.loads(body)))
                self.send_response(503 if subscriber.down else 200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/in"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def first(self, kind: str, **members: str) -> tuple[dict[str, str], dict[str, Any]]:
        """The first message of a kind, waited for."""

        def found() -> Any:
            return next((one for one in list(self.got) if one[1]["Type"] == kind and members.items() <= one[1].items()), None)

        got: tuple[dict[str, str], dict[str, Any]] = wait_for(found)
        return got


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningOpenTrail]:
    with RunningOpenTrail(tmp_path_factory.mktemp("topics")) as opentrail:
        yield opentrail


@pytest.fixture
def subscriber() -> Iterator[Subscriber]:
    made = Subscriber()
    yield made
    made.close()


def opened(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=90) as response:
        content: bytes = response.read()
        return content


def confirmed(running: RunningOpenTrail, subscriber: Subscriber, topic: str, **attributes: str) -> None:
    running.client("sns").subscribe(TopicArn=topic, Protocol="http", Endpoint=subscriber.url, Attributes=attributes)
    _, asking = subscriber.first("SubscriptionConfirmation", TopicArn=topic)
    verify(asking)
    opened(asking["SubscribeURL"])


def verify(message: dict[str, Any]) -> None:
    """Check the signature with nothing but what the message and the certificate behind its link say."""
    names = ("Message", "MessageId", "Subject", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
    text = "".join(f"{name}\n{message[name]}\n" for name in names if name in message).encode()
    key = x509.load_pem_x509_certificate(opened(message["SigningCertURL"])).public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    algorithm = hashes.SHA1() if message["SignatureVersion"] == "1" else hashes.SHA256()
    key.verify(base64.b64decode(message["Signature"]), text, padding.PKCS1v15(), algorithm)


def test_a_subscriber_confirms_gets_signed_messages_and_leaves(running: RunningOpenTrail, subscriber: Subscriber) -> None:
    sns = running.client("sns")
    topic = sns.create_topic(Name="news", Attributes={"SignatureVersion": "2"}, Tags=[{"Key": "team", "Value": "a"}])["TopicArn"]
    confirmed(running, subscriber, topic, FilterPolicy=json.dumps({"kind": [{"prefix": "al"}]}))
    (listed,) = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    assert listed["SubscriptionArn"].startswith(topic + ":")
    kind = {"kind": {"DataType": "String", "StringValue": "alarm"}}
    sns.publish(TopicArn=topic, Message="not for everybody")
    message_id = sns.publish(TopicArn=topic, Message="it burns: żółw", Subject="fire", MessageAttributes=kind)["MessageId"]
    headers, message = subscriber.first("Notification")
    verify(message)
    assert (message["MessageId"], message["Message"], message["Subject"]) == (message_id, "it burns: żółw", "fire")
    assert headers["x-amz-sns-message-type"] == "Notification"
    assert headers["x-amz-sns-subscription-arn"] == listed["SubscriptionArn"]
    assert headers["content-type"] == "text/plain; charset=UTF-8"
    opened(message["UnsubscribeURL"])
    _, farewell = subscriber.first("UnsubscribeConfirmation")
    verify(farewell)
    assert sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"] == []
    with pytest.raises(ClientError) as error:
        sns.publish(TopicArn=topic + "x", Message="m")
    assert error.value.response["Error"]["Code"] == "NotFound"


def test_what_was_published_before_a_power_cut_arrives_after_it(tmp_path: Path, subscriber: Subscriber) -> None:
    retry = {"healthyRetryPolicy": {"minDelayTarget": 1, "maxDelayTarget": 1, "numRetries": 100}}
    running = RunningOpenTrail(tmp_path).start()
    try:
        sns = running.client("sns")
        topic = sns.create_topic(Name="news")["TopicArn"]
        confirmed(running, subscriber, topic, DeliveryPolicy=json.dumps(retry))
        subscriber.down = True
        for number in range(5):
            sns.publish(TopicArn=topic, Message=str(number))
        wait_for(lambda: subscriber.refused)
        assert running.health()["counts"]["messages_waiting"] == 5
        running.kill()
        subscriber.down = False
        running.start()
        for number in range(5):
            verify(subscriber.first("Notification", Message=str(number))[1])
        wait_for(lambda: running.health()["counts"]["messages_waiting"] == 0)
    finally:
        running.stop()


def test_a_file_of_ways_to_people_that_is_of_no_use_stops_the_start(tmp_path: Path) -> None:
    path = tmp_path / "notify.toml"
    path.write_text('[chat]\nops = "exec://CANARY"\n')
    with pytest.raises(AssertionError, match=r"messaging\.notify_schemes does not allow") as error:
        RunningOpenTrail(tmp_path, settings={"messaging.notify": path}).start()
    assert "CANARY" not in str(error.value)
