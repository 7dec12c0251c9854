"""What KMS computes with its keys. Who may has been decided before; state and usage of the key are checked here."""

from __future__ import annotations

import hmac
import os
from dataclasses import dataclass

from opentrail.kms import envelope, material
from opentrail.kms.context import Context
from opentrail.kms.envelope import Envelope
from opentrail.kms.faults import IncorrectKeyException, InvalidCiphertextException, KMSInvalidStateException, UnsupportedOperationException
from opentrail.kms.keys import Keys
from opentrail.kms.material import Pair
from opentrail.kms.specs import SPECS, SYMMETRIC
from opentrail.kms.values import Key
from opentrail.wire.faults import ValidationException

MAX_PLAINTEXT = 4096
"""Bytes that Encrypt takes; with RSA keys fewer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A plaintext, and the key material that had hidden it."""

    plaintext: bytes
    material_id: str | None
    """`None` for an RSA key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DataKey:
    """A key for somebody else's data: in plain, and as ciphertext under the KMS key."""

    plaintext: bytes
    ciphertext: bytes


class Uses:
    """Encrypts, decrypts, signs. Thread-safe.

    Every method raises `DisabledException` or `KMSInvalidStateException` when the key cannot be used now, and `InvalidKeyUsageException`
    when it is of another kind.
    """

    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    def encrypt(self, key: Key, plaintext: bytes, context: Context, algorithm: str = SYMMETRIC) -> bytes:
        """Encrypt. Raises `ValidationException` when there is too much of it."""
        _usable(key, "Encrypt", algorithm, context)
        if not key.symmetric:
            most = material.most_plaintext(key.spec, algorithm)
            if len(plaintext) > most:
                raise ValidationException(
                    f"Algorithm {algorithm} and key spec {key.spec.name} cannot encrypt data larger than {most} bytes."
                )
            return material.encrypt(self._material(key), algorithm, plaintext)
        return envelope.seal(self._material(key), key.key_id, key.number, plaintext, context)

    def decrypt(self, key: Key, ciphertext: bytes, context: Context, algorithm: str = SYMMETRIC) -> Opened:
        """Decrypt. Raises `IncorrectKeyException` when another key has encrypted it, `InvalidCiphertextException`."""
        _usable(key, "Decrypt", algorithm, context)
        if not key.symmetric:
            return Opened(plaintext=material.decrypt(self._material(key), algorithm, ciphertext), material_id=None)
        sealed = envelope.read(ciphertext)
        if sealed.key_id != key.key_id:
            raise IncorrectKeyException
        plaintext = envelope.unseal(self._material_of(key, sealed), sealed, context)
        return Opened(plaintext=plaintext, material_id=self._keys.material_id(key, sealed.number))

    def data_key(self, key: Key, size: int, context: Context) -> DataKey:
        """GenerateDataKey: `size` random bytes."""
        data_keys(key, "GenerateDataKey")
        plaintext = os.urandom(size)
        return DataKey(plaintext=plaintext, ciphertext=self.encrypt(key, plaintext, context))

    def data_key_pair(self, key: Key, spec: str, context: Context) -> tuple[Pair, bytes]:
        """GenerateDataKeyPair: a key pair, and its private part as ciphertext."""
        data_keys(key, "GenerateDataKeyPair")
        made = material.pair(SPECS[spec])
        return made, self.encrypt(key, made.private, context)

    def sign(self, key: Key, algorithm: str, message: bytes, *, digested: bool) -> bytes:
        """Sign"""
        _signing(key, "Sign", algorithm)
        return material.sign(self._material(key), algorithm, message, digested=digested)

    def verifies(self, key: Key, algorithm: str, message: bytes, signature: bytes, *, digested: bool) -> bool:
        """Verify"""
        _signing(key, "Verify", algorithm)
        return material.verifies(self._material(key), algorithm, message, signature, digested=digested)

    def mac(self, key: Key, algorithm: str, message: bytes) -> bytes:
        """GenerateMac"""
        key.must_be_enabled()
        key.must_be_for("GENERATE_VERIFY_MAC", "GenerateMac")
        key.must_compute(algorithm)
        return material.mac(self._material(key), algorithm, message)

    def is_mac(self, key: Key, algorithm: str, message: bytes, mac: bytes) -> bool:
        """VerifyMac"""
        return hmac.compare_digest(self.mac(key, algorithm, message), mac)

    def public_key(self, key: Key) -> bytes:
        """GetPublicKey: SubjectPublicKeyInfo, DER. Raises `UnsupportedOperationException` for a key that has none."""
        key.must_be_enabled()
        if key.spec.kind not in ("rsa", "ecc"):
            raise UnsupportedOperationException(f"{key.arn} key spec is {key.spec.name} which has no public key.")
        return material.public(self._material(key))

    def _material(self, key: Key) -> bytes:
        found = self._keys.material(key, key.number)
        if found is None:  # deleted since `key` was read
            raise KMSInvalidStateException(f"{key.arn} is pending deletion.")
        return found

    def _material_of(self, key: Key, sealed: Envelope) -> bytes:
        found = self._keys.material(key, sealed.number)
        if found is None:
            raise InvalidCiphertextException
        return found


def data_keys(key: Key, operation: str) -> None:
    """Raises what `Uses.data_key` would raise for this key."""
    _usable(key, operation, SYMMETRIC, {})


def _usable(key: Key, operation: str, algorithm: str, context: Context) -> None:
    key.must_be_enabled()
    key.must_be_for("ENCRYPT_DECRYPT", operation)
    key.must_compute(algorithm)
    if context and not key.symmetric:
        raise ValidationException(f"An encryption context cannot be used with {key.arn}: its key spec is {key.spec.name}.")


def _signing(key: Key, operation: str, algorithm: str) -> None:
    key.must_be_enabled()
    key.must_be_for("SIGN_VERIFY", operation)
    key.must_compute(algorithm)
