"""How a client is set up: by arguments, else by the environment that AWS tools read too."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from opentrail.errors import SettingError
from opentrail.events.activity import DEFAULT_CHANNEL


@dataclass(frozen=True, slots=True)
class Keys:
    """What signs the calls."""

    access_key_id: str
    secret_access_key: str
    session_token: str | None = None

    def __repr__(self) -> str:
        return f"Keys({self.access_key_id!r})"  # no secrets in logs


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditSettings:
    """Everything about one client. Times in seconds, sizes in bytes."""

    endpoint: str
    """Where OpenTrail listens: `http://127.0.0.1:4747`."""
    keys: Keys | Callable[[], Keys]
    """A callable is asked before each call, from the background thread: for credentials that change."""
    region: str = "us-east-1"
    channel: str = DEFAULT_CHANNEL
    """ARN or id of the channel."""
    external_id: str | None = None
    """Where the channel's policy demands one."""
    account_id: str | None = None
    """The account that owns the channel; when not given, the one that the keys belong to (asked with sts GetCallerIdentity)."""
    source: str = ""
    """`eventSource`: which application."""
    version: str = "1"
    """Of what the application puts into its events."""
    spool: Path | None = None
    """Folder for events that cannot be sent at the moment; on a local disk. `None`: they wait in memory only."""
    spool_size: int = 256 << 20
    """What one process may keep there."""
    queue_events: int = 20_000
    queue_size: int = 32 << 20
    """What may wait in memory. An event for which there is no room is dropped and counted."""
    flush_interval: float = 1.0
    """For which an event waits for company, at the most."""
    timeout: float = 10.0
    """For connecting, and for each piece of an answer."""
    shortest_pause: float = 0.5
    longest_pause: float = 60.0
    """Between two attempts, when OpenTrail is away."""
    adopt_interval: float = 60.0
    """Between two looks for what other processes have left behind."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None, **given: Any) -> Self:
        """What is `given`, and the environment for the rest; see docs/how-to/record-your-own-application.md for the variables.

        Raises `SettingError`, saying what is missing.
        """
        told = os.environ if environment is None else environment
        found: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
        if "endpoint" not in found:
            found["endpoint"] = told.get("AWS_ENDPOINT_URL_CLOUDTRAIL_DATA") or told.get("AWS_ENDPOINT_URL")
        if "keys" not in found:
            key, secret = told.get("AWS_ACCESS_KEY_ID"), told.get("AWS_SECRET_ACCESS_KEY")
            if not key or not secret:
                raise SettingError(
                    'There are no keys: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (eval "$(opentrail env)"), or give keys=.'
                )
            found["keys"] = Keys(key, secret, told.get("AWS_SESSION_TOKEN") or None)
        for name, variables in _VARIABLES.items():
            value = next((told[variable] for variable in variables if told.get(variable)), None)
            if name not in found and value is not None:
                found[name] = value
        if not found["endpoint"]:
            raise SettingError('Where is OpenTrail? Set AWS_ENDPOINT_URL (eval "$(opentrail env)"), or give endpoint=.')
        found.setdefault("source", socket.gethostname() or "unknown")
        if "spool" not in given:  # `None` is an answer, too
            found["spool"] = _spool(told)
        elif found.get("spool") is not None:
            found["spool"] = Path(found["spool"])
        made = cls(**found)
        made.check()
        return made

    def check(self) -> None:
        """Raises `SettingError` for what cannot be used."""
        parts = urlsplit(self.endpoint)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise SettingError(f"The endpoint {self.endpoint} is none: write it as http://HOST:PORT or https://HOST.")
        for name in (
            "queue_events",
            "queue_size",
            "spool_size",
            "flush_interval",
            "timeout",
            "shortest_pause",
            "longest_pause",
            "adopt_interval",
        ):
            if not getattr(self, name) > 0:
                raise SettingError(f"{name} must be above 0.")

    def with_changes(self, **changes: Any) -> Self:
        """The same but for `changes`."""
        return replace(self, **changes)

    def current_keys(self) -> Keys:
        """The keys as they are now."""
        return self.keys() if callable(self.keys) else self.keys


_POSITIVE = (
    "queue_events",
    "queue_size",
    "spool_size",
    "flush_interval",
    "timeout",
    "shortest_pause",
    "longest_pause",
    "adopt_interval",
)
_VARIABLES = {
    "region": ("AWS_REGION", "AWS_DEFAULT_REGION"),
    "account_id": ("AWS_ACCOUNT_ID",),
    "channel": ("OPENTRAIL_CHANNEL",),
    "source": ("OPENTRAIL_EVENT_SOURCE",),
}


def _spool(told: Mapping[str, str]) -> Path | None:
    asked = told.get("OPENTRAIL_AUDIT_SPOOL")
    if asked:
        return None if asked == "off" else Path(asked)
    state, home = told.get("XDG_STATE_HOME"), told.get("HOME")
    if not state and not home:
        return None
    return (Path(state) if state else Path(str(home)) / ".local" / "state") / "opentrail" / "audit-spool"
