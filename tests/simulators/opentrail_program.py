"""The real `opentrail` without its start-up (see `forks`): every verb, and each role of `serve`, is imported before it is asked for.

A server is up after a quarter of the processor time. What a role has *not* loaded cannot be told from such a process; `serve` of its own
is for tests of that (`RunningOpenTrail(…, afresh=True)`).
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path

from simulators import forks

VERBS = ("verbs", "serve", "sql", "validate")
ROLES = ("front", "lake", "watch", "followers")


class _OpenTrail:
    """The command line, with what it loads late."""

    descriptors = ()

    def __init__(self) -> None:
        for verb in VERBS:
            import_module(f"opentrail.cli.{verb}")
        for role in ROLES:
            import_module(f"opentrail.server.{role}")
        from opentrail.cli import main

        self.main = main

    def learn(self) -> None:
        """There is nothing that a command could teach the next."""

    def environment(self, asked: Mapping[str, str]) -> Mapping[str, str]:
        return asked


if __name__ == "__main__":
    forks.serve(Path(sys.argv[1]), _OpenTrail())
