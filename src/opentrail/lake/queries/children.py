"""The lake's side of the processes of queries: zygotes that are kept up, spares that are ready, one child per query.

Children come from a zygote that knows nothing of anybody. For the stores that were asked last there is one each, forked from it, that has
read the footers of their files (some milliseconds for each file, otherwise part of every query). Only queries on just these stores get its
children: none ever holds anything of a store that its query may not read.
"""

from __future__ import annotations

import logging
import socket
import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from opentrail.lake.queries import frames
from opentrail.lake.queries.process import Child
from opentrail.lake.queries.zygotes import ZYGOTE, Zygote
from opentrail.wire.faults import ServiceUnavailable

SPARES: Final = 2
"""Processes that are ready before they are needed."""
NESTS: Final = 3
"""Stores, or sets of stores that are read together, with a zygote of their own."""
FOOTERS: Final = 64
"""Files that one of these knows: 1.5 MB of memory each."""

log = logging.getLogger("opentrail.lake")


@dataclass(slots=True, eq=False)
class _Pool:
    """A zygote and its spares. `zygote` and `shown` of a store's are for the thread that fills up, the rest is under the lock."""

    zygote: Zygote | None = None
    spares: deque[Child] = field(default_factory=deque)
    alive: int = 0
    """Children that have not been reaped, spares too."""
    shown: set[str] = field(default_factory=set)
    """Files whose footers it knows."""


class Children:
    """Hands out children. Thread-safe."""

    def __init__(
        self, command: Sequence[str] = ZYGOTE, *, spares: int = SPARES, nests: int = NESTS, environment: Mapping[str, str] | None = None
    ) -> None:
        """`command` starts the zygote, with a few variables and `environment`; `nests` is how many zygotes of stores there may be."""
        self._command = tuple(command)
        self._environment = dict(environment or {})
        self._wanted = spares
        self._most_nests = nests
        self._lock = threading.Lock()
        self._root = _Pool()
        self._nests: OrderedDict[tuple[str, ...], _Pool] = OrderedDict()
        """Ids of stores → what is for them only; those that were asked last at the end."""
        self._news: dict[tuple[str, ...], Sequence[str]] = {}
        """Ids of stores → files that a query has read, and their zygote may not know."""
        self._filling = threading.Event()
        self._closed = threading.Event()
        self._filler = threading.Thread(target=self._fill, name="spares", daemon=True)

    def open(self) -> None:
        """Begin to get spares ready."""
        self._filling.set()
        self._filler.start()

    def take(self, stores: tuple[str, ...]) -> Child:
        """A child that is ready, for a query on just these stores. Raises `ServiceUnavailable`.

        The next spare is made when a child has ended, unless this was the last one: it would take the processor from the query.
        """
        while True:
            with self._lock:
                pools = [pool for pool in (self._nests.get(stores), self._root) if pool is not None]
                filled = [pool for pool in pools if pool.spares]
                chosen = next((pool for pool in filled if pool.spares[0].is_ready), filled[0] if filled else None)
                spare = chosen.spares.popleft() if chosen is not None else None
                is_last = not any(pool.spares for pool in pools)
            if is_last:
                self._filling.set()
            if spare is None:
                break
            try:
                spare.ready()
            except (frames.Ended, TimeoutError):
                spare.end()
            else:
                return spare
        for _ in range(2):  # a zygote that has just died is replaced by the first attempt to use it
            try:
                child = self._fork(self._root)
                child.ready()
            except (frames.Ended, TimeoutError, OSError):
                log.warning("a process for a query could not be started", exc_info=True)
            else:
                return child
        raise ServiceUnavailable("No process for the query could be started at the moment. Try again later.")

    def seen(self, stores: tuple[str, ...], files: Sequence[str]) -> None:
        """A query on these stores has read `files`: the next one shall find them known."""
        with self._lock:
            if self._most_nests:
                self._news[stores] = files[:FOOTERS]

    def close(self) -> None:
        """End the spares and the zygotes, and with them every child."""
        self._closed.set()
        self._filling.set()
        if self._filler.ident is not None:
            self._filler.join()
        for pool in (*self._nests.values(), self._root):
            _end(pool)

    def _fill(self) -> None:
        while True:
            self._filling.wait()
            self._filling.clear()
            self._try(self._learn)
            with self._lock:
                nests = list(reversed(self._nests.values()))
            for pool in nests:
                self._try(partial(self._fill_up, pool, 1))
            self._try(partial(self._fill_up, self._root, max(self._wanted - len(nests), 1)))
            if self._closed.is_set():
                return

    def _try(self, what: Callable[[], None]) -> None:
        try:
            what()
        except (frames.Ended, TimeoutError, OSError):
            if not self._closed.is_set():
                log.warning("a spare process for queries could not be started", exc_info=True)  # tried again at the next query

    def _fill_up(self, pool: _Pool, wanted: int) -> None:
        while len(pool.spares) < wanted and not self._closed.is_set():
            child = self._fork(pool)
            with self._lock:
                pool.spares.append(child)

    def _learn(self) -> None:
        """Show the zygotes of stores what is new to them."""
        while not self._closed.is_set():
            with self._lock:
                if not self._news:
                    return
                stores, files = self._news.popitem()
            pool = self._pool(stores, files)
            if pool is None:
                continue
            zygote = self._zygote(pool)
            if new := [file for file in files if file not in pool.shown]:
                zygote.show(new)
                pool.shown.update(new)
                with self._lock:
                    unaware = [pool.spares.popleft() for _ in range(len(pool.spares))]
                for child in unaware:
                    child.end()

    def _pool(self, stores: tuple[str, ...], files: Sequence[str]) -> _Pool | None:
        """What is for these stores; begun anew when it would know too many files. `None` where that has to wait for others."""
        with self._lock:
            pool = self._nests.get(stores)
            if pool is not None and len(pool.shown.union(files)) <= FOOTERS:
                self._nests.move_to_end(stores)
                return pool
            leaving: _Pool | None = None
            if pool is not None or len(self._nests) >= self._most_nests:
                names = [stores] if pool is not None else list(self._nests)
                idle = next((name for name in names if self._nests[name].alive == len(self._nests[name].spares)), None)
                if idle is None:
                    return None
                leaving = self._nests.pop(idle)
            fresh = self._nests[stores] = _Pool()
        if leaving is not None:
            _end(leaving)
        return fresh

    def _zygote(self, pool: _Pool) -> Zygote:
        """The one of `pool`; a new one where it is gone, or there was none."""
        if pool is not self._root:
            if pool.zygote is None or pool.zygote.is_gone:
                outer, before = self._zygote(self._root), pool.zygote
                pool.zygote, pool.shown = outer.nest(), set()
                if before is not None:
                    before.close()
            return pool.zygote
        with self._lock:
            if self._closed.is_set():
                raise frames.Ended
            if pool.zygote is None or pool.zygote.is_gone:
                if pool.zygote is not None:
                    pool.zygote.close()
                pool.zygote = Zygote.started(self._command, self._environment)
            return pool.zygote

    def _fork(self, pool: _Pool) -> Child:
        zygote = self._zygote(pool)
        ours, theirs = socket.socketpair()
        with self._lock:
            pool.alive += 1
        try:
            return Child(ours, zygote.fork(theirs), zygote, partial(self._ended, pool))
        except BaseException:
            ours.close()
            with self._lock:
                pool.alive -= 1
            raise
        finally:
            theirs.close()

    def _ended(self, pool: _Pool) -> None:
        with self._lock:
            pool.alive -= 1
        self._filling.set()


def _end(pool: _Pool) -> None:
    while pool.spares:
        pool.spares.popleft().end()
    if pool.zygote is not None:
        pool.zygote.close()
