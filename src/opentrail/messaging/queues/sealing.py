"""Messages at rest: sealed with the service's own key (SSE-SQS), with a KMS key (SSE-KMS), or plain, as the queue says.

With a KMS key everybody needs a permission on it besides the one on the queue: senders `kms:GenerateDataKey` and `kms:Decrypt`, receivers
`kms:Decrypt`, through SQS and for the encryption context `aws:sqs:arn`. A data key is used again for as long as the queue says
(`KmsDataKeyReusePeriodSeconds`), by the same caller.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar, cast

import msgspec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from opentrail.clock import Clock
from opentrail.identity.principals import Principal
from opentrail.identity.vault import Vault
from opentrail.kms import ServiceCaller, ServiceDataKey
from opentrail.kms import faults as kms
from opentrail.messaging.queues.faults import KmsAccessDenied, KmsDisabled, KmsInvalidKeyUsage, KmsInvalidState, KmsNotFound
from opentrail.messaging.queues.values import Contents, Queue, Sealed
from opentrail.wire.faults import Fault

T = TypeVar("T")

MAX_KEPT: Final = 2000
"""Data keys that are kept for use again; beyond that all are forgotten."""
_NONCE: Final = 12

_FAULTS: Final[dict[type[Fault], type[Fault]]] = {
    kms.AccessDeniedException: KmsAccessDenied,
    kms.DisabledException: KmsDisabled,
    kms.InvalidArnException: KmsNotFound,
    kms.InvalidCiphertextException: KmsInvalidState,
    kms.InvalidKeyUsageException: KmsInvalidKeyUsage,
    kms.KMSInvalidStateException: KmsInvalidState,
    kms.NotFoundException: KmsNotFound,
}


class Keys(Protocol):
    """What is needed of KMS: `kms.ServiceKeys`."""

    def generate_data_key(self, caller: ServiceCaller, key_id: str, context: dict[str, str]) -> ServiceDataKey:
        """A new data key of 32 bytes."""

    def decrypt(self, caller: ServiceCaller, ciphertext: bytes, context: dict[str, str]) -> bytes:
        """The plaintext of a data key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """Who sends or receives, for KMS."""

    principal: Principal
    source_arn: str | None = None
    """With a service as principal: what it acts for (a topic)."""


class Sealing:
    """Seals and opens what messages say. Thread-safe."""

    def __init__(self, vault: Vault, keys: Keys, clock: Clock) -> None:
        self._vault = vault
        self._keys = keys
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: dict[Hashable, tuple[float, object]] = {}

    def seal(self, queue: Queue, contents: Contents, message_id: str, party: Party) -> Sealed:
        """`contents` as they are kept. Raises faults of KMS keys."""
        plain = msgspec.msgpack.encode(contents)
        if queue.key is not None:
            data_key = self._data_key(queue, queue.key, party)
            nonce = os.urandom(_NONCE)
            octets = nonce + AESGCM(data_key.plaintext).encrypt(nonce, plain, message_id.encode())
            return Sealed(octets=octets, key=data_key.ciphertext, sealed_for=queue.arn)
        if queue.sealed:
            return Sealed(octets=self._vault.seal_bytes(plain, _purpose(message_id)), own_key=True)
        return Sealed(octets=plain)

    def open(self, queue: Queue, sealed: Sealed, message_id: str, party: Party) -> Contents:
        """What `seal` was given, whatever the queue it is in now says. Raises faults of KMS keys."""
        octets = sealed.octets
        if sealed.key is not None:
            plaintext = self._opened_key(queue, sealed.key, sealed.sealed_for or queue.arn, party)
            octets = AESGCM(plaintext).decrypt(octets[:_NONCE], octets[_NONCE:], message_id.encode())
        elif sealed.own_key:
            octets = self._vault.unseal_bytes(octets, _purpose(message_id))
        return msgspec.msgpack.decode(octets, type=Contents)

    def _data_key(self, queue: Queue, key_id: str, party: Party) -> ServiceDataKey:
        def make() -> ServiceDataKey:
            caller, context = _caller(queue, party), _context(queue.arn)
            made = self._keys.generate_data_key(caller, key_id, context)
            self._keys.decrypt(caller, made.ciphertext, context)  # a sender verifies its data key, which is a permission of its own
            return made

        return self._reused(queue, ("seal", queue.id, key_id, _who(party)), make)

    def _opened_key(self, queue: Queue, key: bytes, sealed_for: str, party: Party) -> bytes:
        return self._reused(
            queue,
            ("open", key, _who(party)),
            lambda: self._keys.decrypt(_caller(queue, party), key, _context(sealed_for)),
        )

    def _reused(self, queue: Queue, question: Hashable, make: Callable[[], T]) -> T:
        now = self._clock.monotonic()
        with self._lock:
            known = self._kept.get(question)
        if known is not None and now < known[0]:
            return cast(T, known[1])
        try:
            made = make()
        except Fault as error:
            if type(error) not in _FAULTS:
                raise
            raise _FAULTS[type(error)](error.message) from None
        with self._lock:
            if len(self._kept) >= MAX_KEPT:
                self._kept.clear()
            self._kept[question] = (now + queue.number("KmsDataKeyReusePeriodSeconds"), made)
        return made


def _caller(queue: Queue, party: Party) -> ServiceCaller:
    place, principal = queue.place, party.principal
    if principal.type == "AWSService":
        return ServiceCaller(principal=principal, account_id=place.account_id, region=place.region, source_arn=party.source_arn)
    return ServiceCaller(principal=principal, account_id=place.account_id, region=place.region, via="sqs")


def _context(queue_arn: str) -> dict[str, str]:
    return {"aws:sqs:arn": queue_arn}


def _who(party: Party) -> Hashable:
    principal = party.principal
    return (principal.type, principal.arn, principal.access_key_id, principal.invoked_by, party.source_arn)


def _purpose(message_id: str) -> str:
    return f"sqs message {message_id}"
