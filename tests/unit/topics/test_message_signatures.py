"""Signatures: whoever has the certificate can check that a message comes from here."""

from __future__ import annotations

import base64
import json
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from opentrail.clock import ManualClock
from opentrail.messaging.topics.signing import MessageSigner, string_to_sign
from simulators.topics import ACCOUNT, ADDRESS, QUEUE, TopicHouse


def verify(envelope: dict[str, str], certificate: bytes) -> None:
    """As a subscriber does: the string is put together anew from the envelope."""
    names = ["Message", "MessageId", "Subject", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"]
    text = "".join(f"{name}\n{envelope[name]}\n" for name in names if name in envelope)
    key = x509.load_pem_x509_certificate(certificate).public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    algorithm = {"1": hashes.SHA1(), "2": hashes.SHA256()}[envelope["SignatureVersion"]]
    key.verify(base64.b64decode(envelope["Signature"]), text.encode(), padding.PKCS1v15(), algorithm)


@pytest.mark.parametrize("version", ["1", "2"])
def test_a_notification_can_be_checked_and_no_word_of_it_changed(house: TopicHouse, version: str) -> None:
    topic = house.topic(SignatureVersion=version)
    house.subscribed(topic)
    house.publish(topic, "żółw\n\ttext", Subject="s")
    house.publish(topic, "without a subject")
    house.deliver()
    for body in house.queues.bodies[QUEUE]:
        envelope = json.loads(body)
        assert envelope["SignatureVersion"] == version
        assert envelope["SigningCertURL"] == f"{ADDRESS}/_opentrail/sns/{house.signer.certificate_name}"
        verify(envelope, house.signer.certificate)
        with pytest.raises(InvalidSignature):
            verify({**envelope, "Message": "another"}, house.signer.certificate)


def test_requests_to_confirm_can_be_checked(house: TopicHouse) -> None:
    topic = house.topic()
    house.messages.subscriptions.subscribe(topic, owner=ACCOUNT, protocol="https", endpoint="https://x.example", given={}, at_once=False)
    house.deliver()
    ((_, headers, body),) = house.web.posts
    envelope = json.loads(body)
    verify(envelope, house.signer.certificate)
    assert headers["x-amz-sns-message-type"] == envelope["Type"] == "SubscriptionConfirmation"
    assert "x-amz-sns-subscription-arn" not in headers
    assert envelope["SubscribeURL"] == f"{ADDRESS}/?Action=ConfirmSubscription&TopicArn={topic}&Token={envelope['Token']}"


def test_the_string_to_sign_is_a_line_for_each_name_and_value() -> None:
    message = {"Type": "Notification", "MessageId": "1", "TopicArn": "arn", "Message": "m", "Timestamp": "t", "UnsubscribeURL": "u"}
    assert string_to_sign(message) == b"Message\nm\nMessageId\n1\nTimestamp\nt\nTopicArn\narn\nType\nNotification\n"


def test_the_key_is_made_once_for_its_owner_only(tmp_path: Path) -> None:
    clock = ManualClock()
    with ThreadPoolExecutor(4) as executor:
        signers = list(executor.map(lambda _: MessageSigner.open(tmp_path / "keys", clock), range(4)))
    assert len({signer.certificate for signer in signers}) == 1
    (file,) = (tmp_path / "keys").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert b"PRIVATE" not in signers[0].certificate
