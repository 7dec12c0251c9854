"""Identifiers and secrets, shaped as AWS shapes them.

Unique ids are a four-letter kind and 17 characters (`AIDA…` user, `AROA…` role, `AGPA…` group, `ANPA…` managed policy, `AIPA…` instance
profile, `ASCA…` certificate, `APKA…` public key, `ACCA…` service-specific credential). Identity providers and MFA devices have none in
AWS; ours (`OIDC…`, `SAML…`, `AMFA…`) stay in the state. Access key ids are a kind (`AKIA` long-term, `ASIA` temporary) and 16 characters
of base32 that begin with the account id, as in AWS, so the account of any key can be told without asking anybody.
"""

from __future__ import annotations

import base64
import secrets
from typing import Literal

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"

UniqueKind = Literal["AIDA", "AROA", "AGPA", "ANPA", "AIPA", "ASCA", "APKA", "ACCA", "OIDC", "SAML", "AMFA"]
KeyKind = Literal["AKIA", "ASIA"]


def unique_id(kind: UniqueKind) -> str:
    """A new unique id of 21 characters."""
    return kind + "".join(secrets.choice(_ALPHABET) for _ in range(17))


def access_key_id(kind: KeyKind, account_id: str) -> str:
    """A new access key id of 20 characters; 57 bits of it are random."""
    packed = (1 << 47) | (int(account_id) << 7) | secrets.randbits(7)
    return kind + base64.b32encode(packed.to_bytes(6, "big") + secrets.token_bytes(4)).decode()


def account_of(key_id: str) -> str | None:
    """The account that an access key id belongs to; `None` when it is no such id."""
    if len(key_id) != 20 or key_id[:4] not in ("AKIA", "ASIA"):
        return None
    try:
        packed = int.from_bytes(base64.b32decode(key_id[4:])[:6], "big")
    except ValueError:
        return None
    return f"{(packed & ((1 << 47) - 1)) >> 7:012d}"


def secret_access_key() -> str:
    """A new secret of 40 characters (240 random bits)."""
    return base64.b64encode(secrets.token_bytes(30)).decode()


def session_token() -> str:
    """A new session token: opaque text that starts like AWS's."""
    return "FwoGZXIvYXdzE" + base64.b64encode(secrets.token_bytes(144)).decode()
