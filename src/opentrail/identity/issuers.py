"""The keys with which issuers of tokens sign: asked for over the network, remembered for a while, or given in a file.

An issuer is asked only when an account trusts it. Four are asked at the same time at most, so that slow ones cannot take up every thread;
one that did not answer is left alone for a few seconds.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import orjson

from opentrail.clock import Clock
from opentrail.errors import SettingError
from opentrail.identity.faults import IDPCommunicationError, InvalidIdentityToken
from opentrail.identity.web_identity import NO_KEY

FRESH = 3600.0
"""Seconds after which the keys of an issuer are asked for again."""
ROTATED = 30.0
"""Seconds after which they are asked for again when a token names a key that is not among them."""
LEFT_ALONE = 10.0
"""Seconds for which an issuer that could not be asked is not asked again."""
AT_ONCE = 4
MAX_KEYS = 100

Jwk = Mapping[str, Any]


class Fetch(Protocol):
    """Gets a document by its URL."""

    def __call__(self, url: str) -> bytes:
        """Blocks for a few seconds at most. Raises `OSError` when there is no answer, or none of status 200 and acceptable size."""


@dataclass(frozen=True, slots=True)
class _Remembered:
    keys: Sequence[Jwk]
    at: float
    """Monotonic seconds."""
    failed: str | None = None


class Issuers:
    """Keys by issuer. Safe to use from several threads."""

    def __init__(self, fetch: Fetch, clock: Clock, *, given: Mapping[str, Sequence[Jwk]] | None = None) -> None:
        """`given`: issuers (URL) that are never asked, and their keys."""
        self._fetch = fetch
        self._clock = clock
        self._given = {_plain(issuer): tuple(keys) for issuer, keys in (given or {}).items()}
        self._remembered: dict[str, _Remembered] = {}
        self._lock = threading.Lock()
        self._asking = threading.Semaphore(AT_ONCE)

    def keys(self, issuer: str, key_id: str | None) -> Sequence[Jwk]:
        """The keys of `issuer`; `key_id` is the one looked for. Raises `IDPCommunicationError`, `InvalidIdentityToken`."""
        issuer = _plain(issuer)
        if issuer in self._given:
            return self._given[issuer]
        with self._lock:
            known = self._remembered.get(issuer)
        age = self._clock.monotonic() - known.at if known is not None else 0.0
        if known is not None and known.failed is not None and age < LEFT_ALONE:
            raise IDPCommunicationError(known.failed)
        missing = known is not None and key_id is not None and all(key.get("kid") != key_id for key in known.keys)
        if known is not None and known.failed is None and age < (ROTATED if missing else FRESH):
            return known.keys
        return self._ask(issuer)

    def _ask(self, issuer: str) -> Sequence[Jwk]:
        if not self._asking.acquire(blocking=False):
            raise IDPCommunicationError("Too many identity providers are being asked for their keys at the moment. Try again.")
        try:
            described = _object(self._fetch(issuer + "/.well-known/openid-configuration"))
            if _plain(str(described.get("issuer"))) != issuer or not isinstance(described.get("jwks_uri"), str):
                raise InvalidIdentityToken(NO_KEY)
            keys = _keys(_object(self._fetch(described["jwks_uri"])))
        except OSError as error:
            failed = f"The identity provider {issuer} could not be asked for its keys: {error}"
            self._remember(issuer, _Remembered((), self._clock.monotonic(), failed))
            raise IDPCommunicationError(failed) from None
        finally:
            self._asking.release()
        self._remember(issuer, _Remembered(keys, self._clock.monotonic()))
        return keys

    def _remember(self, issuer: str, found: _Remembered) -> None:
        with self._lock:
            if len(self._remembered) >= 1000:
                self._remembered.clear()
            self._remembered[issuer] = found


def read_given(path: Path) -> dict[str, Sequence[Jwk]]:
    """The file of the setting `identity.issuer_keys`: an object from issuer to its JWK set. Raises `SettingError`."""
    try:
        found = orjson.loads(path.read_bytes())
        return {str(issuer): _keys(keys) for issuer, keys in found.items()}
    except OSError as error:
        raise SettingError(f"identity.issuer_keys: {path} cannot be read: {error.strerror or error}.") from None
    except (ValueError, AttributeError, InvalidIdentityToken):
        raise SettingError(f'identity.issuer_keys: {path} must hold {{"https://issuer": {{"keys": [...]}}}}.') from None


def _object(body: bytes) -> Mapping[str, Any]:
    try:
        found = orjson.loads(body)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise InvalidIdentityToken(NO_KEY)
    return found


def _keys(found: Mapping[str, Any]) -> tuple[Jwk, ...]:
    keys = found.get("keys")
    if not isinstance(keys, list):
        raise InvalidIdentityToken(NO_KEY)
    return tuple(key for key in keys[:MAX_KEYS] if isinstance(key, dict))


def _plain(issuer: str) -> str:
    return issuer.rstrip("/")
