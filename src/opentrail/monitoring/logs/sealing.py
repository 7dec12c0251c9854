"""How events lie in a chunk: compressed, and sealed where the group has a KMS key.

A group with a key is sealed with data keys of it, for the encryption context `aws:logs:arn` = the group (CloudWatch Logs user guide,
"Encrypt log data using KMS"). CloudWatch Logs asks for them by itself, as `logs.<region>.amazonaws.com`; whoever may read the group needs
no permission on the key. A data key is used again for five minutes.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Hashable
from typing import Final, Protocol, TypeVar, cast

import msgspec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from zstandard import ZstdCompressor, ZstdDecompressor

from opentrail.clock import Clock
from opentrail.identity.principals import service_principal
from opentrail.kms import ServiceCaller, ServiceDataKey
from opentrail.kms import faults as kms
from opentrail.monitoring.faults import AccessDeniedException, InvalidParameterException
from opentrail.monitoring.logs.values import Batch, Group
from opentrail.wire.faults import Fault

T = TypeVar("T")
Events = list[tuple[int, str]]

REUSE: Final = 300.0
"""Seconds for which a data key is used again ("changes take effect within five minutes")."""
MAX_KEPT: Final = 2000
"""Data keys that are kept; beyond that all are forgotten."""
LEVEL: Final = 3
"""zstd level."""
_NONCE: Final = 12
_PURPOSE: Final = b"log events"


class Keys(Protocol):
    """What is needed of KMS: `kms.ServiceKeys`."""

    def generate_data_key(self, caller: ServiceCaller, key_id: str, context: dict[str, str]) -> ServiceDataKey:
        """A new data key of 32 bytes."""

    def decrypt(self, caller: ServiceCaller, ciphertext: bytes, context: dict[str, str]) -> bytes:
        """The plaintext of a data key."""


class Sealing:
    """Packs and opens events. Thread-safe."""

    def __init__(self, keys: Keys, clock: Clock) -> None:
        self._keys = keys
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: dict[Hashable, tuple[float, object]] = {}
        self._decode = msgspec.msgpack.Decoder(Events).decode

    def check(self, group: Group, key_id: str) -> str:
        """The ARN of the key behind `key_id`, once it is found to serve `group`.

        Raises `InvalidParameterException` for a key that is not there, disabled or asymmetric, and `AccessDeniedException` when the policy
        of the key does not let CloudWatch Logs use it for this group.
        """
        return self._new_key(group, key_id).key_arn

    def seal(self, group: Group, batch: Batch) -> tuple[bytes, bytes | None]:
        """The events as they are kept, and the data key. Raises what `check` does."""
        octets = ZstdCompressor(level=LEVEL).compress(msgspec.msgpack.encode(batch.events))
        if group.kms_key_id is None:
            return octets, None
        key_id = group.kms_key_id
        data_key = self._reused(("seal", group.id, key_id), lambda: self._new_key(group, key_id))
        nonce = os.urandom(_NONCE)
        return nonce + AESGCM(data_key.plaintext).encrypt(nonce, octets, _PURPOSE), data_key.ciphertext

    def open(self, group: Group, octets: bytes, data_key: bytes | None) -> Events:
        """What `seal` was given. Raises `AccessDeniedException` when the key can no longer be used."""
        if data_key is not None:
            plaintext = self._reused(("open", data_key), lambda: self._opened_key(group, data_key))
            octets = AESGCM(plaintext).decrypt(octets[:_NONCE], octets[_NONCE:], _PURPOSE)
        return self._decode(ZstdDecompressor().decompress(octets))

    def _new_key(self, group: Group, key_id: str) -> ServiceDataKey:
        def make(caller: ServiceCaller) -> ServiceDataKey:
            made = self._keys.generate_data_key(caller, key_id, _context(group))
            self._keys.decrypt(caller, made.ciphertext, _context(group))  # a key that cannot open again would lose what it seals
            return made

        return self._as_service(group, make)

    def _opened_key(self, group: Group, data_key: bytes) -> bytes:
        return self._as_service(group, lambda caller: self._keys.decrypt(caller, data_key, _context(group)))

    def _as_service(self, group: Group, ask: Callable[[ServiceCaller], T]) -> T:
        """Policies name the service with its Region, as AWS documents it; those that leave the Region out are understood too."""
        refused = AccessDeniedException(
            f"The specified KMS key does not exist or is not allowed to be used with Arn '{group.arn}'. Its key policy must let "
            f"logs.{group.region}.amazonaws.com use it."
        )
        for name in (f"logs.{group.region}.amazonaws.com", "logs.amazonaws.com"):
            caller = ServiceCaller(
                principal=service_principal(name), account_id=group.account_id, region=group.region, source_arn=group.arn
            )
            try:
                return ask(caller)
            except kms.AccessDeniedException:
                continue
            except kms.NotFoundException:
                raise InvalidParameterException("The specified KMS Key Id could not be found.") from None
            except kms.DisabledException:
                raise InvalidParameterException("The specified KMS Key Id is disabled.") from None
            except Fault as fault:
                raise InvalidParameterException(f"The specified KMS Key Id cannot be used: {fault.message}") from None
        raise refused

    def _reused(self, question: Hashable, make: Callable[[], T]) -> T:
        now = self._clock.monotonic()
        with self._lock:
            known = self._kept.get(question)
        if known is not None and now < known[0]:
            return cast(T, known[1])
        made = make()
        with self._lock:
            if len(self._kept) >= MAX_KEPT:
                self._kept.clear()
            self._kept[question] = (now + REUSE, made)
        return made


def _context(group: Group) -> dict[str, str]:
    return {"aws:logs:arn": group.arn}
