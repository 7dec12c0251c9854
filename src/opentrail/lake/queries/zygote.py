"""The process that processes of queries are forked from: everything they need is loaded once, and no thread runs in it.

`python -m opentrail.lake.queries.zygote DESCRIPTOR`: the descriptor is a socket to the lake. Messages there (MessagePack, one a datagram):
`["fork"]` with one end of a socket pair → the process id of a child that serves on it; `["reap", id]` → how the child ended, as
`os.waitpid` says. A child stays a zombie until it is reaped, so its id is nobody else's. When the lake goes, the zygote goes, and the
kernel takes the children with it.
"""

from __future__ import annotations

import gc
import logging
import os
import signal
import socket
import sys
import warnings
from collections.abc import Callable

import duckdb
import msgspec

from opentrail.lake.queries import child, confinement, frames
from opentrail.lake.sql.engine_duckdb import prepare
from opentrail.lake.sql.translation import translate

Serve = Callable[[socket.socket], None]


def main(translate: child.Translate = translate, prepare: child.Prepare = prepare) -> None:
    """Fork and reap until the lake is gone."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    warnings.filterwarnings("ignore", category=DeprecationWarning, message=".*fork.*")
    control = socket.socket(fileno=int(sys.argv[1]))
    _warm(prepare)
    gc.collect()
    gc.freeze()  # what lives now lives in every child: its pages are not written to by looking for garbage
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, 4096, 1)
        if not message:
            return
        what, *given = msgspec.msgpack.decode(message)
        if what == "fork":
            control.send(msgspec.msgpack.encode(_forked(descriptors[0], control, translate, prepare)))
        else:
            _, status = os.waitpid(given[0], 0)
            control.send(msgspec.msgpack.encode(status))


def _warm(prepare: child.Prepare) -> None:
    """Load what the first query would load."""
    connection = duckdb.connect(":memory:", config={"threads": 1, "async_threads": 0})
    prepare(connection, "trino_fail")
    connection.sql("SELECT 1").to_arrow_reader(1).read_all()
    connection.close()


def _forked(descriptor: int, control: socket.socket, translate: child.Translate, prepare: child.Prepare) -> int:
    parent = os.getpid()
    number = os.fork()
    if number:
        os.close(descriptor)
        return number
    status = 1
    try:
        confinement.die_with_parent()
        if os.getppid() == parent:
            control.close()
            child.serve(socket.socket(fileno=descriptor), translate, prepare)
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
