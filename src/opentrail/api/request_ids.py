"""Request ids, as the services make them: S3's are 16 capital letters and digits, everybody else's are UUIDs."""

from __future__ import annotations

import base64
import os

from opentrail.wire.answers import S3_LIKE

_DRAW = 4096
"""Octets taken from the system at once: asking it for each id costs more than all the rest of making one."""
_S3_OCTETS = 10
_VARIANT = "89ab"


class RequestIds:
    """Makes ids from the system's random numbers. For one thread."""

    def __init__(self) -> None:
        self._pool = b""
        self._at = 0

    def of(self, service: str) -> str:
        """An id for a request to `service` (botocore's name)."""
        if service in S3_LIKE:
            return base64.b32encode(self._octets(_S3_OCTETS)).decode("ascii")
        return self.uuid()

    def uuid(self) -> str:
        """A random UUID (version 4) as text."""
        text = self._octets(16).hex()
        return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-{_VARIANT[int(text[16], 16) & 3]}{text[17:20]}-{text[20:]}"

    def _octets(self, count: int) -> bytes:
        if self._at + count > len(self._pool):
            self._pool, self._at = os.urandom(_DRAW), 0
        start, self._at = self._at, self._at + count
        return self._pool[start : self._at]
