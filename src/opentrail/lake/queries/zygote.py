"""The process that processes of queries are forked from: everything they need is loaded once, and no thread runs in it.

`python -m opentrail.lake.queries.zygote DESCRIPTOR`: the descriptor is a socket to the lake. Messages there (MessagePack, one a datagram):
`["fork"]` with one end of a socket pair → the process id of a child that serves on it; `["reap", id]` → how the child ended, as
`os.waitpid` says; `["nest"]` with one end of a socket pair → the process id of a zygote that takes messages there, forked from this one;
`["show", files]` → 0, once the footers of these files are known here, and so to children that come. A child stays a zombie until it is
reaped, so its id is nobody else's. When the lake goes, the zygote goes, and the kernel takes the children with it.
"""

from __future__ import annotations

import gc
import logging
import os
import signal
import socket
import sys
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

import msgspec

from opentrail.lake.queries import child, confinement, frames
from opentrail.lake.sql.engine_duckdb import prepare
from opentrail.lake.sql.translation import translate

_LONGEST: Final = 256 << 10
"""Bytes of a message: the names of some files."""

Serve = Callable[[socket.socket], None]
"""What a child does with its end of the socket pair."""


REHEARSAL: Final = f"SELECT eventTime, count(*) AS n FROM {child.REHEARSED} WHERE eventName = 'a' GROUP BY eventTime ORDER BY n LIMIT 1"
"""A statement that has a bit of everything."""


KEYED: Final = partial(translate, keyed=True)
"""Statements about stores whose views have the columns of usual keys."""


def main(translate: child.Translate = KEYED, rehearsal: str | None = REHEARSAL) -> None:
    """Fork and reap children that run DuckDB until the lake is gone. Each inherits an engine that is open and has every function."""
    begin()
    connection = child.opened()
    prepare(connection)
    confinement.prepare()
    shown: list[str] = []

    def born() -> Serve:
        return partial(child.serve, connection=connection, translate=translate, rehearsal=rehearsal, file=shown[-1] if shown else None)

    def show(files: Sequence[str]) -> None:
        shown.extend(file for file in files if child.know(connection, file))

    tend(born, show=show)
    child.leave(0)  # the engine has nothing to write, and would complain of being left open


def begin() -> None:
    """The first steps of a zygote."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    warnings.filterwarnings("ignore", category=DeprecationWarning, message=".*fork.*")


def tend(
    born: Callable[[], Serve],
    forked: Callable[[int], None] = lambda process_id: None,
    reaped: Callable[[int, int], None] = lambda process_id, status: None,
    show: Callable[[Sequence[str]], None] = lambda files: None,
) -> None:
    """Fork and reap until the lake is gone. `born` gives what the next child does; `forked` is told its id, `reaped` also how it ended;
    `show` takes the files that are shown."""
    gc.collect()
    gc.freeze()  # what lives now lives in every child: its pages are not written to by looking for garbage
    _tend(socket.socket(fileno=int(sys.argv[1])), born, forked, reaped, show)


def _tend(
    control: socket.socket,
    born: Callable[[], Serve],
    forked: Callable[[int], None],
    reaped: Callable[[int, int], None],
    show: Callable[[Sequence[str]], None],
) -> None:
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, _LONGEST, 1)
        if not message:
            return
        what, *given = msgspec.msgpack.decode(message)
        if what == "fork":
            process_id = fork(partial(_serve, born(), descriptors[0], control))
            os.close(descriptors[0])
            forked(process_id)
            control.send(msgspec.msgpack.encode(process_id))
        elif what == "nest":
            inner = socket.socket(fileno=descriptors[0])
            process_id = fork(partial(_nested, control, inner, born, forked, reaped, show))
            inner.close()
            control.send(msgspec.msgpack.encode(process_id))
        elif what == "show":
            show(given[0])
            control.send(msgspec.msgpack.encode(0))
        else:
            _, status = os.waitpid(given[0], 0)
            control.send(msgspec.msgpack.encode(status))
            reaped(given[0], status)


def _nested(
    outer: socket.socket,
    control: socket.socket,
    born: Callable[[], Serve],
    forked: Callable[[int], None],
    reaped: Callable[[int, int], None],
    show: Callable[[Sequence[str]], None],
) -> None:
    outer.close()
    _tend(control, born, forked, reaped, show)


def _serve(serve: Serve, descriptor: int, control: socket.socket) -> None:
    control.close()
    serve(socket.socket(fileno=descriptor))


def fork(work: Callable[[], None]) -> int:
    """A child that does `work` and ends; its process id. It ends with this process."""
    parent = os.getpid()
    number = os.fork()
    if number:
        return number
    status = 1
    try:
        confinement.die_with_parent()
        if os.getppid() == parent:
            work()
            status = 0
    except frames.Ended:
        status = 0  # nobody waits for it any more
    except BaseException:
        child.log.exception("the process of a query failed")
    finally:
        sys.stderr.flush()
        child.leave(status)
    raise AssertionError


if __name__ == "__main__":
    main()
    child.leave(0)  # DuckDB would fill the log with what it has not freed
