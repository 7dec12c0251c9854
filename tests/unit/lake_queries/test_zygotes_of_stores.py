"""Processes of queries come from a zygote that knows the files of just the stores that they read, or of none."""

from __future__ import annotations

from pathlib import Path

from opentrail.lake.queries.children import FOOTERS, NESTS, Children
from simulators.query_lake import Lake, Make, is_running
from simulators.query_tables import OTHER, STORE, store
from simulators.running import wait_for

COUNT = f"/* n */ SELECT CAST(count(eventname) AS VARCHAR) FROM {STORE}"


def _parent(process_id: int) -> int:
    return int(Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[1])


def _zygote(children: Children, *stores: str) -> int:
    """The zygote of these stores, once it has a spare that knows what a query has read."""

    def ready() -> int | None:
        with children._lock:
            pool = children._nests.get(stores)
            is_there = pool is not None and bool(pool.shown) and bool(pool.spares) and pool.spares[0].is_ready
        return pool.zygote.process_id if pool is not None and pool.zygote is not None and is_there else None

    found: int = wait_for(ready, patience=120)
    return found


def _took(lake: Lake, *stores: str) -> int:
    """The parent of the process that a query on these stores would get."""
    child = lake.children.take(stores)
    try:
        return _parent(child.process_id)
    finally:
        child.end()


def test_only_queries_on_the_same_stores_get_what_is_known_of_them(make: Make) -> None:
    lake = make()
    lake.tables.stores[OTHER] = store(OTHER)
    lake.tables.fill(10)
    lake.tables.fill(10, store_id=OTHER)
    assert lake.rows(lake.ended(lake.start(COUNT)).id) == [["10"]]
    own = _zygote(lake.children, STORE)
    assert lake.children._nests[(STORE,)].shown == {str(path) for path in lake.tables._files[STORE]}
    root = lake.children._root.zygote
    assert root is not None
    assert _parent(own) == root.process_id
    assert len(list(Path(f"/proc/{own}/task").iterdir())) == 1  # what is forked from it is to be confined, every thread of it
    assert _took(lake, OTHER) == root.process_id
    assert _took(lake, STORE, OTHER) == root.process_id
    assert _took(lake, STORE) == own
    for _ in range(3):
        assert lake.rows(lake.ended(lake.start(COUNT)).id) == [["10"]]


def test_new_files_are_read_though_only_older_ones_are_known(make: Make) -> None:
    lake = make()
    for number in range(1, 4):
        lake.tables.fill(10, start=f"2026-01-0{number}")
        assert lake.rows(lake.ended(lake.start(COUNT)).id) == [[str(10 * number)]]
        _zygote(lake.children, STORE)


def test_a_zygote_of_a_store_that_is_killed_is_replaced(make: Make) -> None:
    lake = make()
    lake.tables.fill(10)
    lake.ended(lake.start(COUNT))
    before = _zygote(lake.children, STORE)
    lake.kill(STORE)
    for _ in range(2):
        assert lake.rows(lake.ended(lake.start(COUNT)).id) == [["10"]]
    wait_for(lambda: _zygote(lake.children, STORE) != before)


def _learned(children: Children, files: list[Path], *stores: str) -> set[str]:
    children.seen(stores, [str(file) for file in files])
    children._filling.set()
    _zygote(children, *stores)
    wait_for(lambda: not children._news and str(files[-1]) in children._nests[stores].shown)
    return children._nests[stores].shown


def test_neither_zygotes_nor_what_they_know_grow_without_end(tmp_path: Path) -> None:
    children = Children(spares=1)
    children.open()
    try:
        for number in range(NESTS + 2):
            _learned(children, [tmp_path / f"{number}.parquet"], f"store-{number}")
        wait_for(lambda: list(children._nests) == [(f"store-{number}",) for number in range(2, NESTS + 2)])
        files = [tmp_path / f"many-{number}.parquet" for number in range(FOOTERS)]
        assert len(_learned(children, files, "store-2")) == FOOTERS
        assert len(_learned(children, [tmp_path / "another.parquet"], "store-2")) == 1
        in_use = []
        for name in [f"store-{number}" for number in range(2, NESTS + 2)]:
            own = _zygote(children, name)
            in_use.append(children.take((name,)))
            assert _parent(in_use[-1].process_id) == own
        children.seen(("late",), [])
        children._filling.set()
        wait_for(lambda: not children._news)
        assert ("late",) not in children._nests
        for child in in_use:
            child.end()
        _learned(children, [tmp_path / "late.parquet"], "late")
        assert len(children._nests) == NESTS
    finally:
        children.close()


def test_they_end_with_the_zygote_that_they_come_from(make: Make) -> None:
    lake = make()
    lake.tables.fill(10)
    lake.ended(lake.start(COUNT))
    own = _zygote(lake.children, STORE)
    lake.kill()
    wait_for(lambda: not is_running(own))
    assert lake.rows(lake.ended(lake.start(COUNT)).id) == [["10"]]
