"""Mail, text messages and chat, through apprise (the extra `notify`): an outward door whose addresses only the operator sets.

The URLs hold passwords. They lie in a file of their own (`messaging.notify`), and are never told to anybody: not in answers, records,
logs or errors. What a subscription names fills one place in such a URL (`{address}`), percent-encoded, or chooses a channel by name.
"""

from __future__ import annotations

import importlib
import logging
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from opentrail.errors import SettingError
from opentrail.messaging.topics.endpoints import CHAT

Send = Callable[[str, str, str], bool]
"""Apprise URL, title, body → whether it was sent. Blocks."""

_PLACE: Final = "{address}"


class NotReached(OSError):
    """The message could not be handed over."""


class NotSet(OSError):
    """The settings have no way to such an endpoint."""


@dataclass(frozen=True, kw_only=True)
class Ways:
    """What the file of `messaging.notify` holds."""

    email: str | None = field(default=None, repr=False)
    sms: str | None = field(default=None, repr=False)
    chat: Mapping[str, str] = field(default_factory=dict, repr=False)

    @classmethod
    def read(cls, path: Path, schemes: str) -> Ways:
        """The file `path`, whose URLs must have one of the `schemes` (comma-separated). Raises `SettingError`, without what it holds."""
        try:
            given = tomllib.loads(path.read_text())
        except OSError as error:
            raise SettingError(f"messaging.notify: {path} cannot be read: {error.strerror}.") from None
        except ValueError:
            raise SettingError(f"messaging.notify: {path} is no TOML file.") from None
        chat = given.pop("chat", {})
        urls = {**given, **(chat if isinstance(chat, dict) else {"chat": None})}
        if set(given) - {"email", "sms"}:
            raise SettingError(f"messaging.notify: {path} may have email, sms, and a table chat.")
        allowed = {scheme.strip().lower() for scheme in schemes.split(",")}
        for name, url in urls.items():
            scheme = url.partition("://")[0].lower() if isinstance(url, str) and "://" in url else ""
            if not scheme:
                raise SettingError(f"messaging.notify: {name} in {path} must be an apprise URL.")
            if scheme not in allowed:
                raise SettingError(
                    f"messaging.notify: {name} in {path} has the scheme {scheme}, which messaging.notify_schemes does not allow."
                )
            if name in ("email", "sms") and name in given and _PLACE not in url:
                raise SettingError(f"messaging.notify: {name} in {path} must hold {_PLACE}, where the subscriber's address goes.")
        return cls(email=given.get("email"), sms=given.get("sms"), chat=chat)


class Notifier:
    """Sends to endpoints of the protocols `email`, `email-json` and `sms`."""

    def __init__(self, ways: Ways, send: Send | None = None) -> None:
        """Raises `SettingError` when there is something to send by and apprise is not installed."""
        self._ways = ways
        if send is None:
            send = _apprise() if ways.email or ways.sms or ways.chat else _by_nothing
        self._send = send

    def send(self, protocol: str, endpoint: str, title: str, body: str) -> None:
        """Hand a message over; blocks. Raises `NotSet`, and `NotReached` when it may be tried again."""
        if not self._send(self._url(protocol, endpoint), title, body):
            raise NotReached("the service behind it did not take the message")

    def _url(self, protocol: str, endpoint: str) -> str:
        if protocol != "sms" and endpoint.endswith(CHAT):
            url = self._ways.chat.get(endpoint.removesuffix(CHAT))
            if url is None:
                raise NotSet("there is no such channel in the file of messaging.notify")
            return url
        way = self._ways.sms if protocol == "sms" else self._ways.email
        if way is None:
            raise NotSet(f"the file of messaging.notify has no {'sms' if protocol == 'sms' else 'email'}")
        return way.replace(_PLACE, quote(endpoint, safe=""))


def _apprise() -> Send:
    try:
        apprise: Any = importlib.import_module("apprise")
    except ImportError:
        raise SettingError("messaging.notify needs apprise: pip install 'opentrail[notify]'.") from None
    # What it logs may hold the URL.
    log = logging.getLogger("apprise")
    log.addHandler(logging.NullHandler())
    log.propagate = False

    def send(url: str, title: str, body: str) -> bool:
        try:
            to = apprise.Apprise()
            return bool(to.add(url)) and bool(to.notify(title=title, body=body))
        except Exception:  # a plugin's own trouble, whose words may hold the URL
            return False

    return send


def _by_nothing(_url: str, _title: str, _body: str) -> bool:
    return False
