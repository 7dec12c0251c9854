"""Time-based one-time codes (RFC 6238): six digits, a new one every thirty seconds. Pure; time is passed in."""

from __future__ import annotations

import base64
import hmac
import secrets
from urllib.parse import quote

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

STEP = 30
"""Seconds that a code lasts."""
TOLERANCE = 1
"""Steps by which a code may come too early or too late: for slow fingers and clocks that are a little off."""
SEARCH = 20
"""Steps, both ways, in which two codes in a row are looked for when a device is enabled or brought into step."""


def new_seed() -> str:
    """A new secret as authenticator apps take it: 64 characters of base32."""
    return base64.b32encode(secrets.token_bytes(40)).decode()


def code(seed: str, step: int) -> str:
    """The code of one time step (`epoch seconds // STEP`)."""
    # Apps use SHA-1, and so does AWS: the construction (HMAC) does not suffer from its collisions.
    return TOTP(base64.b32decode(seed), 6, SHA1(), STEP).generate(step * STEP).decode()


def find(seed: str, given: str, *, at: float, drift: int = 0) -> int | None:
    """The step within `TOLERANCE` of the device's clock whose code is `given`; `drift` is how many steps that clock is ahead."""
    here = int(at) // STEP + drift
    found = None
    for step in range(here - TOLERANCE, here + TOLERANCE + 1):
        # Every step is compared, so that the time taken tells nothing.
        if step >= 0 and hmac.compare_digest(code(seed, step), given):
            found = step
    return found


def find_pair(seed: str, first: str, second: str, *, at: float) -> int | None:
    """The step of `second`, where `first` and `second` are the codes of two steps in a row near `at`."""
    here = int(at) // STEP
    found = None
    for step in range(max(1, here - SEARCH), here + SEARCH + 1):
        fits = hmac.compare_digest(code(seed, step - 1), first) & hmac.compare_digest(code(seed, step), second)
        if fits:
            found = step
    return found


def address(name: str, account: str, seed: str) -> str:
    """What a QR code tells an authenticator app; `account` is the alias or the id of the account."""
    return f"otpauth://totp/{quote(name)}@{quote(account)}?secret={seed}"
