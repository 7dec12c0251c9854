"""What a role process is told when it is started: one frozen value, handed over as JSON in the environment."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_type_hints

import msgspec

from opentrail.config import Settings
from opentrail.server.listening import Listener
from opentrail.server.orphan import SUPERVISOR

VARIABLE = "OPENTRAIL_ROLE_ORDERS"

LAKE = "lake"
"""The lake's name among the followers: up to its position everything is in the tables of the stores that want it."""


WATCH = "watch"
"""The watch's name among the followers: up to its position log groups, rules and Insights have taken everything in."""


@dataclass(frozen=True, kw_only=True)
class Orders:
    """Everything a role needs to build itself."""

    data_dir: Path
    link: str
    """Path of the local socket between front and followers."""
    lake_link: str = ""
    """Path of the local socket between front and lake."""
    watch_link: str = ""
    """Path of the local socket between front and watch."""
    listeners: tuple[Listener, ...] = ()
    """Where the front listens."""
    upstreams: tuple[str, ...] = ()
    """`SERVICE=URL`, in the order given."""
    sandbox: str | None = None
    """URL of the sandbox, when there is one."""
    settings: Settings = dataclasses.field(default_factory=Settings)

    def environment(self) -> dict[str, str]:
        """The environment of the child process."""
        orders = dataclasses.asdict(self) | {"data_dir": str(self.data_dir)}
        return dict(os.environ) | {VARIABLE: msgspec.json.encode(orders).decode(), SUPERVISOR: str(os.getpid())}

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> Orders:
        """The orders that the supervisor gave."""
        told: dict[str, Any] = msgspec.json.decode(environment[VARIABLE])
        hints = get_type_hints(Settings)
        settings = Settings(**{name: hints[name](**values) for name, values in told.pop("settings").items()})
        return cls(
            settings=settings,
            data_dir=Path(told.pop("data_dir")),
            listeners=msgspec.convert(told.pop("listeners"), tuple[Listener, ...]),
            upstreams=tuple(told.pop("upstreams")),
            **told,
        )
