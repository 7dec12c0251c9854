"""Several listeners of one process: uvicorn's server for each, started and stopped together."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import uvicorn


class Servers:
    """One server for each configuration."""

    def __init__(self, configs: Sequence[uvicorn.Config]) -> None:
        self._servers = [_Server(config) for config in configs]
        self._ended = asyncio.Event()

    async def serve(self) -> None:
        """Listen and answer until `stop`. Where one of them cannot listen or fails, all stop, and its error is raised."""
        tasks = [asyncio.create_task(server.serve()) for server in self._servers]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._ended.set()
            self.stop()
        await asyncio.gather(*tasks)

    async def listen(self) -> bool:
        """Wait until every listener takes connections: True; or the end came first: False."""
        waiting = {asyncio.create_task(self._ended.wait()), asyncio.create_task(self._all_listening())}
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for task in waiting:
            task.cancel()
        return not self._ended.is_set() and all(server.started for server in self._servers)

    async def _all_listening(self) -> bool:
        for server in self._servers:
            await server.listening.wait()
        return True

    def stop(self) -> None:
        """Take no more connections; calls in flight are answered first."""
        for server in self._servers:
            if not server.should_exit:
                server.handle_exit(signal.SIGTERM, None)


class _Server(uvicorn.Server):
    """uvicorn's server without its own signal handling, which would end the process before the journal is closed."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
