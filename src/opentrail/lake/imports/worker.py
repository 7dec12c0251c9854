"""A worker: files in, drafts of a table out. It has no key, no database and no socket; what it reads was written by strangers.

Started by `workers`, fed through its standard input, ended with it.
"""

from __future__ import annotations

import base64
import contextlib
import ctypes
import gc
import os
import resource
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from opentrail.lake import columns
from opentrail.lake.columns import compiled
from opentrail.lake.families import Family
from opentrail.lake.imports import frames
from opentrail.lake.imports.conversion import SUM, Came, Done, File, Task, done_as_dict, sibling, task_of
from opentrail.lake.imports.opening import Damaged, opened

DRAFT_BYTES: Final = 48 << 20
"""Bytes of columns in memory at which a draft is written."""
MEMORY: Final = 6 << 30
"""Bytes of address space a worker may have: what would need more is reported, and does not take the machine with it."""
DAY: Final = 86_400_000_000
"""Microseconds."""
_PR_SET_PDEATHSIG: Final = 1
_M_TRIM_THRESHOLD: Final = -1
_M_MMAP_THRESHOLD: Final = -3
_KEPT: Final = 1 << 30
"""Bytes of free memory that the C library keeps; the process ends when there is nothing to do."""


def work(task: Task) -> Done:
    """Carry out one task."""
    drafts = _Drafts(task.family, task.draft)
    return Done(files=[_file(file, task.family, drafts) for file in task.files], drafts=drafts.close())


class _Drafts:
    """Rows of several files, written together: each draft holds the events of one day, as the files of a table do."""

    def __init__(self, family: Family, draft: str) -> None:
        self._family = family
        self._draft = Path(draft)
        self._written: list[str] = []
        self._tables: list[pa.Table] = []
        self._bytes = 0

    def add(self, table: pa.Table) -> None:
        if table.num_rows:
            self._tables.append(table)
            self._bytes += table.nbytes
        if self._bytes >= DRAFT_BYTES:
            self._write()

    def close(self) -> list[str]:
        if self._tables:
            self._write()
        return self._written

    def _write(self) -> None:
        rest = columns.ordered(pa.concat_tables(self._tables))
        self._tables, self._bytes = [], 0
        while rest.num_rows:
            day = pc.divide(rest["eventtime"].cast(pa.int64()), DAY)
            rows = pc.sum(pc.equal(day, day[0])).as_py()
            path = sibling(self._draft, len(self._written))
            columns.write_ordered(path, self._family, rest.slice(0, rows))
            self._written.append(str(path))
            rest = rest.slice(rows)


def _file(file: File, family: Family, drafts: _Drafts) -> Came:
    try:
        found = opened(file.body, family)
        times = found.table["eventtime"].cast(pa.int64())  # microseconds
        young = pc.greater_equal(times, int(file.oldest * 1_000_000))
        too_old = found.table.num_rows - (pc.sum(young).as_py() or 0)
        wanted = young if file.before is None else pc.and_(young, pc.less(times, int(file.before * 1_000_000)))
        if file.skip:
            wanted = pc.and_(wanted, pc.invert(_is_in(found.table, file.skip)))
        whole = too_old == 0 and file.before is None and not file.skip
        table = found.table if whole else found.table.filter(wanted)
        drafts.add(table)
    except Damaged as error:
        return Came(error=(error.kind, str(error)))
    except (MemoryError, pa.ArrowException) as error:
        return Came(error=("UnreadableFile", f"It cannot be read as columns: {type(error).__name__} {str(error)[:300]}"))
    sums = file.skip + b"".join(_sums(table)) if found.damage else b""
    return Came(events=table.num_rows, too_old=too_old, damage=found.damage, sums=sums)


def _sums(table: pa.Table) -> Iterator[bytes]:
    return (base64.b64decode(one)[:SUM] for one in table["eventjsonchecksum"].to_pylist())


def _is_in(table: pa.Table, known: bytes) -> pa.Array:
    """Which rows are among the records with these sums."""
    among = {known[at : at + SUM] for at in range(0, len(known), SUM)}
    return pa.array([one in among for one in _sums(table)], pa.bool_())


def _prepare() -> None:
    """Spend processor time on events only (decisions 0024 and 0039): memory by the C library, which keeps what it will need again, large
    pieces, too, one thread, and no looking for cycles while millions of objects come and go."""
    with contextlib.suppress(AttributeError):  # other C libraries than GNU's
        library = ctypes.CDLL(None)
        library.mallopt(_M_MMAP_THRESHOLD, _KEPT)
        library.mallopt(_M_TRIM_THRESHOLD, _KEPT)
    compiled.use()
    pa.set_memory_pool(pa.system_memory_pool())
    pa.set_cpu_count(1)
    gc.freeze()
    gc.disable()


def main() -> None:
    """The process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = int(sys.argv[1])
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        return
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    os.nice(5)
    _prepare()
    asked, told = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever prints must not get among the answers
    while True:
        try:
            task = task_of(frames.receive(asked))
        except EOFError:
            return
        frames.send(told, done_as_dict(work(task)))
        del task
        gc.collect()


if __name__ == "__main__":
    main()
