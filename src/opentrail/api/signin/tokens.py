"""Sign-in tokens: that somebody may take up one console session until some time. Pure.

A token names the session (its access key id) and an end, sealed for one purpose with a secret of the data folder. It holds no
credentials; whoever has it can have them, so it is short-lived.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from typing import Final, Literal

Purpose = Literal["SigninToken", "ConsoleSession"]

_SEAL: Final = 32
_MOST: Final = 512


def seal(purpose: Purpose, access_key_id: str, expires: float, secret: bytes) -> str:
    """A token for the session of `access_key_id`, good until `expires` (epoch seconds); URL-safe text."""
    body = f"{access_key_id}.{int(expires)}".encode()
    return base64.urlsafe_b64encode(_mac(purpose, body, secret) + body).decode().rstrip("=")


def unseal(purpose: Purpose, token: str, secret: bytes) -> tuple[str, float] | None:
    """Access key id and end of a token that was sealed for `purpose` with `secret`; `None` for any other text."""
    if len(token) > _MOST or not token.isascii():
        return None
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    mac, body = raw[:_SEAL], raw[_SEAL:]
    if not hmac.compare_digest(mac, _mac(purpose, body, secret)):
        return None
    access_key_id, _, expires = body.decode().partition(".")
    return access_key_id, float(expires)


def _mac(purpose: Purpose, body: bytes, secret: bytes) -> bytes:
    return hmac.digest(secret, b"opentrail " + purpose.encode() + b"\0" + body, "sha256")
