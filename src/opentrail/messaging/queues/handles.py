"""Receipt handles: what names one receipt of one message. Pure.

A handle says queue, message and how many times the message had been received by then; the service's key vouches for it, so nobody can make
one up or change one. Only the handle of the latest receipt has an effect.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import struct
from dataclasses import dataclass

from opentrail.messaging.queues.faults import ReceiptHandleIsInvalid

_FORM = struct.Struct(">QQI")  # with the tag 36 octets: base64 without padding
_TAG = 16
_LENGTH = (_FORM.size + _TAG) * 4 // 3


@dataclass(frozen=True, slots=True)
class Receipt:
    """Which receipt of which message."""

    queue: int
    message: int
    number: int


class Handles:
    """Makes handles and reads them."""

    def __init__(self, secret: bytes) -> None:
        """`secret` is the data folder's; a handle outlives a restart."""
        self._key = hashlib.sha256(b"opentrail sqs receipt handles" + secret).digest()

    def make(self, receipt: Receipt) -> str:
        """The handle of a receipt."""
        said = _FORM.pack(receipt.queue, receipt.message, receipt.number)
        return base64.urlsafe_b64encode(said + self._tag(said)).decode()

    def read(self, handle: str, queue: int) -> Receipt:
        """The receipt that a handle names, which must be of `queue`. Raises `ReceiptHandleIsInvalid`."""
        try:
            octets = base64.b64decode(handle.encode(), altchars=b"-_", validate=True) if len(handle) == _LENGTH else b""
        except (binascii.Error, ValueError):
            octets = b""
        said, tag = octets[: _FORM.size], octets[_FORM.size :]
        if len(said) != _FORM.size or not hmac.compare_digest(tag, self._tag(said)):
            raise ReceiptHandleIsInvalid(f'The input receipt handle "{_shown(handle)}" is not a valid receipt handle.')
        receipt = Receipt(*_FORM.unpack(said))
        if receipt.queue != queue:
            raise ReceiptHandleIsInvalid(f'The input receipt handle "{_shown(handle)}" is not one of this queue.')
        return receipt

    def _tag(self, said: bytes) -> bytes:
        return hmac.digest(self._key, said, "sha256")[:_TAG]


def _shown(handle: str) -> str:
    return handle[:200].encode("ascii", "replace").decode()
