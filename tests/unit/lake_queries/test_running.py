"""Queries as the lake runs them: what they see, what they may use, and how they end."""

from __future__ import annotations

import os
import signal

import pytest

from opentrail.lake.faults import (
    EventDataStoreNotFoundException,
    InactiveEventDataStoreException,
    InactiveQueryException,
    MaxConcurrentQueriesException,
    QueryIdNotFoundException,
)
from opentrail.lake.queries.query import EXHAUSTED, INTERRUPTED, TOO_LARGE
from opentrail.wire.faults import Fault
from simulators.query_lake import Make
from simulators.query_tables import OTHER, STORE, store
from simulators.running import wait_for

ENDLESS = f"/* n */ SELECT CAST(count(*) AS VARCHAR) FROM {STORE}, range(100000000) a, range(100000000) b"


def test_a_query_reads_files_and_what_is_not_committed_yet(make: Make) -> None:
    lake = make()
    lake.tables.fill(3000)
    lake.tables.fill(40, hot=True, start="2026-02-01")
    query = lake.ended(lake.start(f"/* Name, n */ SELECT eventname, CAST(count(*) AS VARCHAR) FROM {STORE} GROUP BY 1 ORDER BY 1"))
    assert (query.status, query.error_message) == ("FINISHED", None)
    assert query.columns == ("Name", "n")
    assert lake.rows(query.id) == [[f"Name{number}", "608"] for number in range(5)]
    assert (query.results, query.events_scanned, query.events_matched) == (5, 3040, 3040)
    assert lake.tables.at_least == [7]
    assert lake.tables.open_snapshots == 0


def test_narrowing_the_time_reads_less(make: Make) -> None:
    lake = make()
    lake.tables.fill(20_000, eventname="md5('x' || i)")
    lake.tables.fill(500, hot=True, start="2026-03-01")
    text = f"/* n */ SELECT eventname FROM {STORE}"
    every = lake.ended(lake.start(text))
    few = lake.ended(lake.start(f"{text} WHERE eventtime < TIMESTAMP '2026-01-01 00:30:00'"))
    assert every.events_scanned == every.events_matched == 20_500
    assert few.events_matched == 1800
    assert few.events_scanned == 2000 + 500
    assert 0 < few.bytes_scanned < every.bytes_scanned / 3
    assert every.bytes_scanned < lake.tables.size()


def test_what_has_outlived_the_retention_is_not_seen(make: Make) -> None:
    lake = make()
    lake.tables.fill(100)
    lake.tables.oldest = 1767225600 + 90  # 2026-01-01 00:01:30
    query = lake.ended(lake.start(f"/* n */ SELECT CAST(count(*) AS VARCHAR) FROM {STORE}"))
    assert lake.rows(query.id) == [["10"]]


def test_each_query_has_random_numbers_of_its_own(make: Make) -> None:
    lake = make()
    lake.tables.fill(1)
    text = f"/* n, id */ SELECT CAST(random() AS VARCHAR), CAST(uuid() AS VARCHAR) FROM {STORE}"
    (first,), (second,) = (lake.rows(lake.ended(lake.start(text)).id) for _ in range(2))
    assert not set(first) & set(second)


def test_an_empty_store_has_its_columns(make: Make) -> None:
    lake = make()
    query = lake.ended(lake.start(f"/* a, b */ SELECT eventid, useridentity.sessioncontext.attributes.creationdate::VARCHAR FROM {STORE}"))
    assert (query.status, query.results, query.error_message) == ("FINISHED", 0, None)
    assert lake.rows(query.id) == []


def test_two_stores_in_one_query(make: Make) -> None:
    lake = make()
    lake.tables.stores[OTHER] = store(OTHER)
    lake.tables.fill(10)
    lake.tables.fill(4, store_id=OTHER, hot=True)
    text = f"/* n */ SELECT CAST(count(*) AS VARCHAR) FROM (SELECT eventid FROM {STORE} UNION ALL SELECT eventid FROM {OTHER})"
    query = lake.ended(lake.start(text, store_ids=(STORE, OTHER)))
    assert lake.rows(query.id) == [["14"]]
    assert query.events_scanned == 14


def test_pages_of_a_long_result(make: Make) -> None:
    lake = make()
    lake.tables.fill(2500)
    query = lake.ended(lake.start(f"/* id, error */ SELECT eventid, errorcode FROM {STORE} ORDER BY eventtime"))
    assert query.results == 2500
    assert lake.rows(query.id, 990, 20) == [[f"event-{number}", None] for number in range(990, 1010)]
    assert lake.rows(query.id, 2490) == [[f"event-{number}", None] for number in range(2490, 2500)]
    assert lake.rows(query.id, 2500) == []


def test_a_statement_that_is_refused_leaves_nothing(make: Make) -> None:
    lake = make()
    with pytest.raises(Fault) as refused:
        lake.start("refuse line 1:1: no such column", query_id="q")
    assert (refused.value.code, refused.value.message) == ("InvalidQueryStatementException", "line 1:1: no such column")
    with pytest.raises(QueryIdNotFoundException):
        lake.queries.cancel({"query_id": "q", "request_id": "r"})


def test_stores_that_cannot_be_queried(make: Make) -> None:
    lake = make()
    with pytest.raises(EventDataStoreNotFoundException):
        lake.start(f"/* n */ SELECT 1 FROM {OTHER}", store_ids=(OTHER,))
    with pytest.raises(EventDataStoreNotFoundException):
        lake.start(f"/* n */ SELECT 1 FROM {STORE}", owner_account_id="999999999999")
    lake.tables.stores[STORE] = store(status="PENDING_DELETION")
    with pytest.raises(InactiveEventDataStoreException):
        lake.start(f"/* n */ SELECT 1 FROM {STORE}")


def test_the_same_question_again_starts_nothing_new(make: Make) -> None:
    lake = make()
    lake.tables.fill(1)
    text = f"/* n */ SELECT eventid FROM {STORE}"
    first = lake.ended(lake.start(text, query_id="0" * 36))
    lake.start(text, query_id="0" * 36)
    assert lake.get("0" * 36) == first


def test_ten_at_a_time_and_cancelling_makes_room(make: Make) -> None:
    lake = make(running_queries=2)
    lake.tables.fill(1)
    ids = [lake.start(ENDLESS) for _ in range(10)]
    with pytest.raises(MaxConcurrentQueriesException):
        lake.start(ENDLESS)
    process = lake.running(ids[0])
    assert lake.queries.cancel({"query_id": ids[0], "request_id": "r"}) == {"QueryId": ids[0], "QueryStatus": "CANCELLED"}
    assert lake.get(ids[0]).status == "CANCELLED"
    _gone(process)
    with pytest.raises(InactiveQueryException):
        lake.queries.cancel({"query_id": ids[0], "request_id": "other"})
    assert lake.queries.cancel({"query_id": ids[0], "request_id": "r"})["QueryStatus"] == "CANCELLED"
    again = lake.start(ENDLESS)
    for query_id in [*ids[1:], again]:
        lake.queries.cancel({"query_id": query_id, "request_id": "r"})
        assert lake.get(query_id).status == "CANCELLED"


def _gone(process: int) -> None:
    wait_for(lambda: not os.path.exists(f"/proc/{process}"))


def test_a_process_that_is_killed_fails_its_query_and_no_other(make: Make) -> None:
    lake = make()
    lake.tables.fill(10)
    query_id = lake.start(ENDLESS)
    os.kill(lake.running(query_id), signal.SIGKILL)
    query = lake.ended(query_id)
    assert (query.status, query.error_message) == ("FAILED", "The process of the query was ended from outside. Run the query again.")
    assert lake.ended(lake.start(f"/* n */ SELECT eventid FROM {STORE}")).status == "FINISHED"


def test_what_was_read_until_a_query_was_ended_is_told(make: Make) -> None:
    lake = make()
    lake.tables.fill(5000)
    ids = [lake.start(f"/* n */ SELECT CAST(count(eventname || a) AS VARCHAR) FROM {STORE}, range(100000000) t(a)") for _ in range(2)]
    for query_id in ids:
        lake.running(query_id)
        wait_for(lambda: lake.queries._under_way[query_id].child.scanned > 2000, patience=120)  # noqa: B023
    lake.queries.cancel({"query_id": ids[0], "request_id": "r"})
    os.kill(lake.queries._under_way[ids[1]].child.process_id, signal.SIGKILL)
    for query_id, status in zip(ids, ("CANCELLED", "FAILED"), strict=True):
        query = lake.ended(query_id)
        assert query.status == status
        assert 2000 < query.bytes_scanned < 4 * lake.tables.size()


def test_a_query_that_needs_too_much_memory_fails_alone(make: Make) -> None:
    lake = make(query_memory=128 << 20)
    lake.tables.fill(10)
    hungry = f"/* n */ SELECT CAST(count(DISTINCT a || 'y' || b) AS VARCHAR) FROM {STORE}, range(30000) t(a), range(3000) u(b)"
    query = lake.ended(lake.start(hungry))
    assert (query.status, query.error_message) == ("FAILED", EXHAUSTED)
    assert lake.ended(lake.start(f"/* n */ SELECT eventid FROM {STORE}")).status == "FINISHED"


def test_a_result_that_is_too_large(make: Make) -> None:
    lake = make(query_result_bytes=10_000)
    lake.tables.fill(5000)
    query = lake.ended(lake.start(f"/* n */ SELECT eventjson FROM {STORE}"))
    assert (query.status, query.error_message, query.results) == ("FAILED", TOO_LARGE, 0)


def test_out_of_time_with_the_rows_that_have_come(make: Make) -> None:
    lake = make(query_timeout=3.0)
    lake.tables.fill(1)
    query = lake.ended(
        lake.start(f"/* n */ SELECT CAST(a AS VARCHAR) FROM {STORE}, range(100000000000) t(a)", delivery_s3_uri="s3://results")
    )
    assert query.status == "TIMED_OUT"
    assert query.error_message is not None
    assert query.results > 0
    assert lake.rows(query.id, 0, 2) == [["0"], ["1"]]
    assert query.delivery_status == "FAILED"
    assert lake.bucket.puts == []


def test_what_the_engine_cannot_do_is_said_without_its_sql(make: Make) -> None:
    lake = make()
    lake.tables.fill(1)
    query = lake.ended(lake.start(f"/* n */ SELECT CAST(CAST(eventid AS INTEGER) AS VARCHAR) FROM {STORE}"))
    assert query.status == "FAILED"
    assert query.error_message == "Could not convert string 'event-0' to INT32 when casting from source column eventid"


def test_a_key_that_cannot_be_used_fails_the_query(make: Make) -> None:
    lake = make()
    lake.tables.refusal = InactiveEventDataStoreException("The key is disabled.")
    query = lake.ended(lake.start(f"/* n */ SELECT eventid FROM {STORE}"))
    assert (query.status, query.error_message) == ("FAILED", "The key is disabled.")


def test_a_query_waits_for_events_and_can_be_cancelled_meanwhile(make: Make) -> None:
    lake = make()
    lake.tables.is_late = True
    query_id = lake.start(f"/* n */ SELECT eventid FROM {STORE}")
    assert lake.get(query_id).status == "QUEUED"
    lake.queries.cancel({"query_id": query_id, "request_id": "r"})
    assert lake.get(query_id).status == "CANCELLED"
    lake.tables.is_late = False
    assert lake.ended(lake.start(f"/* n */ SELECT eventid FROM {STORE}")).status == "FINISHED"


def test_a_lake_that_died_fails_what_was_under_way(make: Make) -> None:
    lake = make()
    lake.tables.fill(1)
    query_id = lake.start(ENDLESS)
    process = lake.running(query_id)
    zygote = lake.children._root.zygote
    assert zygote is not None
    zygote._control.shutdown(2)  # as the kernel does when the lake is killed
    _gone(process)
    lake.ended(query_id)
    with lake.database.begin() as connection:
        connection.exec_driver_sql("UPDATE lake_queries SET status = 'RUNNING', error_message = NULL")
    (lake.folder / "nobody's").mkdir()
    again = make()
    query = again.get(query_id)
    assert (query.status, query.error_message) == ("FAILED", INTERRUPTED)
    assert not (lake.folder / "nobody's").exists()


def test_a_zygote_that_dies_is_replaced(make: Make) -> None:
    lake = make()
    lake.tables.fill(1)
    assert lake.ended(lake.start(f"/* n */ SELECT eventid FROM {STORE}")).status == "FINISHED"
    lake.kill()
    assert lake.ended(lake.start(f"/* n */ SELECT eventid FROM {STORE}")).status == "FINISHED"


def test_what_only_the_engine_refuses_is_not_shown(make: Make) -> None:
    lake = make()
    query = lake.ended(lake.start(f"/* n */ SELECT internal_name FROM {STORE}"))
    assert (query.status, query.error_message) == ("FAILED", "The query could not be carried out; the server's log says more.")
