"""The ciphertext blob of a symmetric KMS key: which key and key material made it, and what it hides. Pure but for random numbers.

    magic (4) | key id (16) | number of the key material (4) | salt (16) | nonce (12) | AES-256-GCM of the plaintext, with its tag (16)

Everything before the ciphertext is authenticated with it, and so is the encryption context. The salt makes a key of its own for each blob
(HKDF-SHA256), so the number of blobs under one key material is not bounded by the nonces.
"""

from __future__ import annotations

import os
import struct
import uuid
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from opentrail.kms.context import Context, canonical
from opentrail.kms.faults import InvalidCiphertextException

_MAGIC: Final = b"OTK\x01"
_HEAD: Final = struct.Struct(">4s16sI16s12s")
_TAG: Final = 16
_INFO: Final = b"opentrail kms envelope 1"


@dataclass(frozen=True, slots=True)
class Envelope:
    """A blob whose head has been read; nothing in it is believed before it has been opened."""

    key_id: str
    number: int
    """Of the key material, from 1."""
    blob: bytes


def read(blob: bytes) -> Envelope:
    """The head of `blob`. Raises `InvalidCiphertextException` for anything that is not of this form."""
    if len(blob) < _HEAD.size + _TAG:
        raise InvalidCiphertextException
    magic, key_id, number, _salt, _nonce = _HEAD.unpack_from(blob)
    if magic != _MAGIC:
        raise InvalidCiphertextException
    return Envelope(str(uuid.UUID(bytes=key_id)), number, blob)


def seal(material: bytes, key_id: str, number: int, plaintext: bytes, context: Context) -> bytes:
    """`plaintext` under the key material `number` of the key `key_id`; `material` is 32 bytes."""
    salt, nonce = os.urandom(16), os.urandom(12)
    head = _HEAD.pack(_MAGIC, uuid.UUID(key_id).bytes, number, salt, nonce)
    return head + _cipher(material, salt).encrypt(nonce, plaintext, head + canonical(context))


def unseal(material: bytes, envelope: Envelope, context: Context) -> bytes:
    """What `envelope` hides. Raises `InvalidCiphertextException` unless key material, blob and context are those of `seal`."""
    head, hidden = envelope.blob[: _HEAD.size], envelope.blob[_HEAD.size :]
    *_, salt, nonce = _HEAD.unpack(head)
    try:
        return _cipher(material, salt).decrypt(nonce, hidden, head + canonical(context))
    except InvalidTag:
        raise InvalidCiphertextException from None


def _cipher(material: bytes, salt: bytes) -> AESGCM:
    return AESGCM(HKDF(algorithm=hashes.SHA256(), length=32, salt=salt, info=_INFO).derive(material))
