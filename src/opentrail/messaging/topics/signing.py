"""Signatures of messages: subscribers check them with a certificate that they get from us (SNS developer guide, "Verifying the signatures
of Amazon SNS messages").

One RSA key with a certificate that it signs itself, made at the first start and kept in the data folder, for its owner only.
"""

from __future__ import annotations

import base64
import os
import secrets
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

from opentrail.clock import Clock
from opentrail.identity.vault import write_private

FILE: Final = "messages.pem"
"""Key and certificate, in the folder of keys."""
_BITS: Final = 2048
_LASTS: Final = timedelta(days=365 * 20)
_HASHES: Final[Mapping[str, hashes.HashAlgorithm]] = {"1": hashes.SHA1(), "2": hashes.SHA256()}
_SIGNED: Final = {
    # members that are signed, in their order; those that are absent are left out
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
    "UnsubscribeConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
}


class MessageSigner:
    """Signs messages with the key of a data folder."""

    def __init__(self, pem: bytes) -> None:
        """`pem` holds the private key and then its certificate."""
        key = serialization.load_pem_private_key(pem, password=None)
        assert isinstance(key, rsa.RSAPrivateKey)
        self._key = key
        certificate = x509.load_pem_x509_certificate(pem)
        self.certificate: Final = certificate.public_bytes(serialization.Encoding.PEM)
        """What subscribers check signatures with, in PEM form."""
        self.certificate_name: Final = f"SimpleNotificationService-{certificate.fingerprint(hashes.SHA256()).hex()[:32]}.pem"

    @classmethod
    def open(cls, folder: Path, clock: Clock) -> MessageSigner:
        """The signer of the data folder whose keys lie in `folder`, made at first use.

        The file is written aside and then linked to its name: of two processes that start at once both use the same one.
        """
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = folder / FILE
        if not path.exists():
            partial = folder / f".{FILE}.{os.getpid()}.{secrets.token_hex(4)}"
            write_private(partial, _new(clock))
            try:
                os.link(partial, path)
            except FileExistsError:
                pass  # somebody else was first
            finally:
                partial.unlink()
        return cls(path.read_bytes())

    def sign(self, message: Mapping[str, str], version: str) -> str:
        """The `Signature` of an envelope under `SignatureVersion` 1 or 2."""
        return base64.b64encode(self._key.sign(string_to_sign(message), padding.PKCS1v15(), _HASHES[version])).decode()


def string_to_sign(message: Mapping[str, str]) -> bytes:
    """Names and values of what is signed in an envelope, a line each."""
    return "".join(f"{name}\n{message[name]}\n" for name in _SIGNED[message["Type"]] if name in message).encode()


def _new(clock: Clock) -> bytes:
    key = rsa.generate_private_key(public_exponent=65537, key_size=_BITS)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "OpenTrail notifications")])
    now = clock.now()
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + _LASTS)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption_algorithm=serialization.NoEncryption()
    )
    return private + certificate.public_bytes(serialization.Encoding.PEM)
