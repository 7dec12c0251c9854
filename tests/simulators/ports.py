"""Ports that stay free until somebody listens there, also while a server is down: no connection is given one of them as its own end."""

from __future__ import annotations

import random
import socket
from pathlib import Path
from typing import Final

LOWEST: Final = 10_000
_PICK: Final = random.SystemRandom()  # tests that run beside each other must not draw the same
_GIVEN: Final[set[int]] = set()


def free_port() -> int:
    """A port below those that the kernel gives to connections; each once."""
    end = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    assert end - LOWEST > 1000, "the kernel leaves hardly a port to servers"
    while True:
        port = _PICK.randrange(LOWEST, end)
        if port in _GIVEN:
            continue
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        _GIVEN.add(port)
        return port
