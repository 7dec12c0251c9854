"""What a role process is told when it is started: one frozen value."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

from opentrail.config import Settings
from opentrail.server.listening import Listener

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
