"""Files become events of a store, each file once, and what cannot be imported is told with its name and its place."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace

import pytest

from opentrail.lake.faults import KmsException
from opentrail.lake.imports import ledger, settling
from opentrail.lake.imports.conversion import Done, Task, WorkerDied
from opentrail.lake.imports.values import Statistics
from opentrail.wire.faults import ServiceUnavailable, fault
from simulators.import_house import House
from simulators.lake_imports import STORE, event, event_data_store, log_file, log_key

DAY = 86_400.0


def test_every_event_of_every_file_arrives(house: House) -> None:
    house.source.files = {log_key(n): log_file(event(f"a{n}"), event(f"b{n}")) for n in range(30)}
    found = house.run()
    assert found.status == "COMPLETED"
    assert house.tables.event_ids() == sorted([f"a{n}" for n in range(30)] + [f"b{n}" for n in range(30)])
    assert found.statistics == Statistics(prefixes_found=1, prefixes_completed=1, files_completed=30, events_completed=60)
    assert house.tables.drafts() == []


def test_the_same_file_by_another_name_or_in_another_import_adds_nothing(house: House) -> None:
    house.source.files = {log_key(1): log_file(event("one")), log_key(2): log_file(event("one"))}
    first = house.run()
    again = house.run("s3://another-bucket")
    assert house.tables.event_ids() == ["one"]
    assert (first.statistics.files_completed, first.statistics.events_completed) == (2, 1)
    assert (again.status, again.statistics.files_completed, again.statistics.events_completed) == ("COMPLETED", 2, 0)


def test_damaged_files_are_named_and_the_others_arrive(house: House) -> None:
    cut = log_file(event("cut"))
    house.source.files = {
        log_key(1): log_file(event("fine")),
        log_key(2): cut[: len(cut) // 2],
        log_key(3): b"<html>no log file</html>",
        log_key(4): gzip.compress(b'{"Records":"none"}'),
        log_key(5): b"",
    }
    found = house.run()
    assert (found.status, found.statistics.files_completed, found.statistics.failed_entries) == ("FAILED", 1, 4)
    assert house.tables.event_ids() == ["fine"]
    told = {one.location: (one.status, one.error_type) for one in house.failures(found.id)}
    assert told == {
        f"s3://example-logs/{log_key(2)}": ("FAILED", "DamagedGzip"),
        f"s3://example-logs/{log_key(3)}": ("FAILED", "NotALogFile"),
        f"s3://example-logs/{log_key(4)}": ("FAILED", "NotALogFile"),
        f"s3://example-logs/{log_key(5)}": ("FAILED", "NotALogFile"),
    }


def test_a_damaged_record_is_told_with_its_place_and_its_neighbours_arrive(house: House) -> None:
    timeless = {name: value for name, value in event("timeless").items() if name != "eventTime"}
    text = json.dumps({"Records": [event("before"), timeless, event("torn"), event("after")]})
    torn = text.replace('"eventID": "torn"', '"eventID": "to\x01')
    house.source.files = {log_key(1): gzip.compress(torn.encode())}
    found = house.run()
    (failure,) = house.failures(found.id)
    assert found.status == "FAILED"
    assert house.tables.event_ids() == ["after", "before"]
    assert failure.error_type == "InvalidRecord"
    assert failure.error_message.startswith("1 of 3 records cannot be imported: record 2: it has no eventTime; byte ")


def test_a_mended_file_adds_only_what_was_missing(house: House) -> None:
    timeless = {name: value for name, value in event("late").items() if name != "eventTime"}
    house.source.files = {log_key(1): log_file(event("first"), timeless, event("third"))}
    found = house.run()
    house.source.files[log_key(1)] = log_file(event("first"), event("late"), event("third"))
    house.imports.retry(found.account_id, found.region, found.id)
    assert [one.status for one in house.failures(found.id)] == ["RETRY"]
    house.work()
    after = house.get(found.id)
    assert house.tables.event_ids() == ["first", "late", "third"]
    assert (after.status, after.statistics.failed_entries, after.statistics.events_completed) == ("COMPLETED", 0, 3)
    assert [one.status for one in house.failures(found.id)] == ["SUCCEEDED"]


def test_a_retry_reads_only_what_failed(house: House) -> None:
    house.source.files = {log_key(n): log_file(event(f"e{n}")) for n in range(5)}
    house.source.refusing = {log_key(3): fault("AccessDenied", "Access Denied", status=403)}
    found = house.run()
    assert (found.status, found.statistics.failed_entries) == ("FAILED", 1)
    assert [one.error_type for one in house.failures(found.id)] == ["AccessDenied"]
    house.source.refusing = {}
    house.source.read_keys = []
    house.imports.retry(found.account_id, found.region, found.id)
    house.work()
    after = house.get(found.id)
    assert house.source.read_keys == [log_key(3)]
    assert (after.status, after.statistics.files_completed) == ("COMPLETED", 5)
    assert house.tables.event_ids() == [f"e{n}" for n in range(5)]


def test_a_prefix_that_cannot_be_listed_does_not_stop_the_others(house: House) -> None:
    house.source.files = {log_key(1): log_file(event("here")), log_key(1, region="eu-west-1"): log_file(event("there"))}
    closed = log_key(1, region="eu-west-1").partition("2026")[0]
    house.source.refusing = {closed: fault("AccessDenied", "Access Denied", status=403)}
    found = house.run()
    assert (found.status, found.statistics.prefixes_found, found.statistics.prefixes_completed) == ("FAILED", 2, 1)
    assert [one.location for one in house.failures(found.id)] == [f"s3://example-logs/{closed}"]
    house.source.refusing = {}
    house.imports.retry(found.account_id, found.region, found.id)
    house.work()
    assert house.get(found.id).status == "COMPLETED"
    assert house.tables.event_ids() == ["here", "there"]


def test_events_that_have_outlived_the_retention_stay_out_until_it_is_longer(house: House) -> None:
    house.stores.by_id[STORE] = event_data_store(retention_period=30)
    now = house.clock.now()
    house.source.files = {log_key(1): log_file(event("old", "2025-11-20T00:00:00Z"), event("young", now.strftime("%Y-%m-%dT%H:%M:%SZ")))}
    first = house.run()
    assert house.tables.event_ids() == ["young"]
    assert (first.status, first.statistics.events_completed) == ("COMPLETED", 1)
    house.stores.by_id[STORE] = event_data_store(retention_period=365)
    again = house.run()
    assert house.tables.event_ids() == ["old", "young"]
    assert again.statistics.events_completed == 1
    assert house.run().statistics.events_completed == 0


def test_the_window_is_compared_with_the_name_before_a_file_is_opened(house: House) -> None:
    days = ("2026/01/01", "2026/01/02", "2026/01/03", "2026/01/04")
    house.source.files = {log_key(5, day=day): log_file(event(day)) for day in days}
    noon = 1_767_312_000.0  # 2026-01-02T00:00:00Z
    found = house.run(start=noon, end=noon + 2 * DAY - 1)
    assert house.tables.event_ids() == ["2026/01/02", "2026/01/03"]
    assert sorted(house.source.read_keys) == [log_key(5, day=day) for day in days[1:3]]
    assert found.status == "COMPLETED"


def test_a_place_without_log_files_is_told(house: House) -> None:
    house.source.files = {"photos/cat.jpg": b"cat"}
    found = house.run()
    assert found.status == "FAILED"
    assert [(one.location, one.error_type) for one in house.failures(found.id)] == [("s3://example-logs", "NoFilesFound")]


def test_a_stopped_import_takes_no_further_batch(house: House) -> None:
    house.source.files = {log_key(n): log_file(event(f"e{n}")) for n in range(3)}
    import_id = house.start()
    stopped = house.imports.stop("111122223333", "us-east-1", import_id)
    house.work()
    assert stopped.status == house.get(import_id).status == "STOPPED"
    assert house.tables.event_ids() == []


def test_stopping_while_a_batch_is_converted_leaves_nothing_behind(house: House) -> None:
    house.source.files = {log_key(1): log_file(event("e"))}
    import_id = house.start()
    convert = house.converts.convert

    def stopping(task: Task) -> Done:
        done = convert(task)
        house.imports.stop("111122223333", "us-east-1", import_id)
        return done

    house.converts.convert = stopping  # type: ignore[method-assign]
    house.work()
    assert house.get(import_id).status == "STOPPED"
    assert house.tables.event_ids() == []
    assert house.tables.drafts() == []


def test_a_store_that_goes_away_ends_the_import(house: House) -> None:
    house.source.files = {log_key(1): log_file(event("e"))}
    import_id = house.start()
    house.stores.by_id[STORE] = replace(event_data_store(), status="PENDING_DELETION")
    house.work()
    assert house.get(import_id).status == "FAILED"
    assert [one.error_type for one in house.failures(import_id)] == ["InactiveEventDataStoreException"]


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("where", ["before the plan", "before the append", "after the append", "after everything"])
def test_dying_anywhere_loses_and_doubles_nothing(house: House, where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    house.source.files = {log_key(n): log_file(event(f"e{n}")) for n in range(6)}
    import_id = house.start()
    append, note, plan = house.tables.append, settling.Settling._note, ledger.plan
    died = []

    def die() -> None:
        if not died:
            died.append(where)
            raise Killed

    def planning(*given: object) -> None:
        if where == "before the plan":
            die()
        plan(*given)  # type: ignore[arg-type]

    def appending(store_id: str, files: object, *, token: str) -> None:
        if where == "before the append":
            die()
        append(store_id, files, token=token)  # type: ignore[arg-type]
        if where == "after the append":
            die()

    def noting(one: settling.Settling, *given: object) -> None:
        note(one, *given)  # type: ignore[arg-type]
        if where == "after everything":
            die()

    monkeypatch.setattr(ledger, "plan", planning)
    monkeypatch.setattr(house.tables, "append", appending)
    monkeypatch.setattr(settling.Settling, "_note", noting)
    with pytest.raises(Killed):
        house.work()
    house.work()
    found = house.get(import_id)
    assert (found.status, found.statistics.files_completed, found.statistics.events_completed) == ("COMPLETED", 6, 6)
    assert house.tables.event_ids() == [f"e{n}" for n in range(6)]
    assert [path for path in house.tables.drafts() if where != "before the plan"] == []


def test_a_table_that_cannot_be_written_now_is_tried_again(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("opentrail.lake.imports.importer.TROUBLE", 0)
    house.source.files = {log_key(1): log_file(event("e"))}
    import_id = house.start()
    house.tables.refusing = ServiceUnavailable("The disk is full.")
    importer = house.importer()
    assert importer.step(house.stop)
    assert house.get(import_id).status == "IN_PROGRESS"
    house.tables.refusing = None
    house.work(importer)
    assert house.get(import_id).status == "COMPLETED"
    assert house.tables.event_ids() == ["e"]


def test_a_store_whose_key_cannot_be_used_fails_the_import_until_it_can(house: House) -> None:
    house.source.files = {log_key(n): log_file(event(f"e{n}")) for n in range(3)}
    house.tables.refusing = KmsException("The KMS key cannot be used.")
    found = house.run()
    assert (found.status, house.tables.event_ids()) == ("FAILED", [])
    assert [(one.error_type, one.status) for one in house.failures(found.id)] == [("KmsException", "FAILED")]
    house.tables.refusing = None
    house.imports.retry(found.account_id, found.region, found.id)
    house.work()
    after = house.get(found.id)
    assert (after.status, after.statistics.files_completed, after.statistics.failed_entries) == ("COMPLETED", 3, 0)
    assert house.tables.event_ids() == ["e0", "e1", "e2"]
    assert house.tables.drafts() == []


def test_a_file_that_kills_workers_is_given_up_without_the_others(house: House) -> None:
    house.source.files = {log_key(n): log_file(event(f"e{n}")) for n in range(4)}
    poison = house.source.files[log_key(2)]
    convert = house.converts.convert

    def dying(task: Task) -> Done:
        if any(one.body == poison for one in task.files):
            raise WorkerDied("it ended with -9")
        return convert(task)

    house.converts.convert = dying  # type: ignore[method-assign]
    found = house.run()
    assert house.tables.event_ids() == ["e0", "e1", "e3"]
    assert [(one.location, one.error_type) for one in house.failures(found.id)] == [(f"s3://example-logs/{log_key(2)}", "UnreadableFile")]
