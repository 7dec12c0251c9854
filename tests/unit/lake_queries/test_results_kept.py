"""Where results lie: few rows beside their query, made durable by its end; many in files. And what a death in between leaves."""

from __future__ import annotations

import socket
import zlib
from pathlib import Path

import msgspec
import pytest

from opentrail.lake.queries import frames, results, store
from opentrail.lake.queries.answering import CHUNK, Result
from opentrail.lake.queries.query import INTERRUPTED, FewRows
from opentrail.lake.queries.results import FEW, ResultWriter, page
from simulators.query_lake import Make
from simulators.query_tables import STORE
from simulators.running import wait_for

ENDLESS = f"/* n */ SELECT CAST(a AS VARCHAR) FROM {STORE}, range(100000000000) t(a)"


def _written(folder: Path, sizes: list[int]) -> FewRows | None:
    """Two rows a chunk, the chunks of about these sizes."""
    writer = ResultWriter(folder)
    for number, size in enumerate(sizes):
        rows = [[str(2 * number), "x" * size], [str(2 * number + 1), None]]
        writer.chunk(2, zlib.compress(msgspec.msgpack.encode(rows), 0))
    return writer.close(durable=True)


@pytest.mark.parametrize(("sizes", "is_few"), [([10] * 50, True), ([FEW], False), ([10, FEW, 10], False), ([FEW // 2] * 5, False)])
def test_few_rows_are_no_files_and_pages_are_the_same(tmp_path: Path, sizes: list[int], is_few: bool) -> None:
    folder = tmp_path / "results"
    few = _written(folder, sizes)
    assert (few is not None) == is_few == (not folder.exists())
    total = 2 * len(sizes)
    for start in range(total + 1):
        found = page(few or folder, start, 3, total)
        assert [row[0] for row in found.rows] == [str(number) for number in range(start, min(start + 3, total))]
        assert found.after == min(start + 3, total)


def test_no_rows_are_nothing(tmp_path: Path) -> None:
    assert _written(tmp_path / "results", []) is None
    assert not (tmp_path / "results").exists()


def test_what_an_earlier_run_left_is_not_added_to(tmp_path: Path) -> None:
    for _ in range(2):
        assert _written(tmp_path / "results", [FEW]) is None
    assert len((tmp_path / "results" / "index").read_bytes()) == 16


def test_a_lake_reads_both(make: Make) -> None:
    lake = make()
    lake.tables.fill(5000, eventid="md5('a' || i)", requestid="md5('b' || i)")
    few = lake.ended(lake.start(f"/* id */ SELECT eventid FROM {STORE} ORDER BY eventtime LIMIT 3"))
    many = lake.ended(lake.start(f"/* id, other */ SELECT eventid, requestid FROM {STORE} ORDER BY eventtime"))
    with lake.database.read() as connection:
        assert [store.few_rows(connection, query.id) is not None for query in (few, many)] == [True, False]
    assert [folder.name for folder in lake.folder.iterdir()] == [many.id]
    assert [row[0] for row in lake.rows(many.id, 0, 3)] == [row[0] for row in lake.rows(few.id)]


def test_a_query_whose_row_cannot_be_written_has_not_begun(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    lake = make()
    lake.tables.fill(1)

    def full(*_: object) -> bool:
        raise OSError("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(store, "add", full)
        with pytest.raises(OSError, match="full"):
            lake.start(ENDLESS, query_id="0" * 36)
    wait_for(lambda: not lake.queries._under_way)
    assert not (lake.folder / ("0" * 36)).exists()
    assert lake.ended(lake.start(f"/* id */ SELECT eventid FROM {STORE}", query_id="0" * 36)).status == "FINISHED"


def test_a_lake_that_dies_before_the_end_is_written_shows_no_rows(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    lake = make()
    lake.tables.fill(3)

    def dead(*_: object, **__: object) -> bool:
        raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr(store, "end", dead)
        query_id = lake.start(f"/* id */ SELECT eventid FROM {STORE}")
        wait_for(lambda: not lake.queries._under_way)
    assert lake.get(query_id).status == "RUNNING"
    query = make().get(query_id)
    assert (query.status, query.error_message, query.results) == ("FAILED", INTERRUPTED, 0)
    with lake.database.read() as connection:
        assert store.few_rows(connection, query_id) is None


def test_chunks_of_long_rows_are_small(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[int] = []
    monkeypatch.setattr(frames, "send", lambda _, __, payload: sent.append(*frames.COUNT.unpack_from(payload)))
    ours, theirs = socket.socketpair()
    with ours, theirs:
        result = Result(ours, ["a"], largest=100 << 20, deliver=False)
        result.rows([("x" * (CHUNK // 3),)] * 10 + [(None,)])
        result.rows([("x" * (2 * CHUNK),)])
    assert sum(sent) == 12
    assert max(sent) <= 3
    assert results.FEW < CHUNK
