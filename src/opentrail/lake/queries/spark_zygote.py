"""The process that processes of queries on Spark are forked from: `zygote`, with Spark's client loaded and no connection open.

`python -m opentrail.lake.queries.spark_zygote DESCRIPTOR`, with the server's address in `OPENTRAIL_SPARK_REMOTE`. A query that is killed
goes on in the server for minutes, which cannot know that nobody waits: so a child that did not end by itself is followed by one
that says so.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import uuid
import warnings
from functools import partial

from opentrail.lake.engines.chosen import address
from opentrail.lake.queries import spark_child, zygote
from opentrail.lake.queries.zygotes import REMOTE


def main() -> None:
    """Fork and reap until the lake is gone."""
    zygote.begin()
    warnings.filterwarnings("ignore", module="pyspark")
    logging.getLogger("pyspark").setLevel(logging.ERROR)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    remote, sessions, last = os.environ[REMOTE], dict[int, str](), [""]
    aftermaths: set[int] = set()

    def born() -> zygote.Serve:
        last[0] = str(uuid.uuid4())
        return partial(spark_child.serve, remote=remote, session_id=last[0])

    def forked(process_id: int) -> None:
        sessions[process_id] = last[0]

    def reaped(process_id: int, status: int) -> None:
        for ended in [one for one in aftermaths if os.waitpid(one, os.WNOHANG) != (0, 0)]:
            aftermaths.discard(ended)
        session_id = sessions.pop(process_id, None)
        if session_id is not None and status != 0:
            aftermaths.add(zygote.fork(partial(_interrupt, remote, session_id)))

    zygote.tend(born, forked, reaped)


def _interrupt(remote: str, session_id: str) -> None:
    """Have the server stop what it does for a session, and forget it."""
    signal.alarm(30)
    socket.create_connection(address(remote), 5).close()
    session = spark_child.session_at(remote, session_id)
    session.interruptAll()
    session.stop()


if __name__ == "__main__":
    main()
