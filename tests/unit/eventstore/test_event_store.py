"""The event store finds each event exactly once: in the tail, in the cold files, and while it moves from one to the other."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from pyiceberg.table import StaticTable

from opentrail.clock import ManualClock
from opentrail.eventstore import EventStore, EventStoreError, EventStoreSettings, Question
from opentrail.eventstore.query import Attribute
from simulators.event_journal import ACCOUNT, DAY, NOW, REGION, EventJournal, expected, made

Opened = Callable[..., EventStore]


def ids(
    store: EventStore, attribute: Attribute | None = None, value: str | bool | None = None, limit: int = 1000, **more: int
) -> list[str]:
    question = Question(
        account_id=ACCOUNT,
        region=REGION,
        category="Management",
        attribute=attribute,
        value=value,
        limit=limit,
        start=more.get("start"),
        end=more.get("end"),
    )
    return [event.event_id for event in store.find(question)]


def test_an_event_is_found_as_soon_as_it_is_taken_in(opened: Opened, journal: EventJournal) -> None:
    store = opened()
    head = journal.append(made(1), made(2, age=5))
    assert store.catch_up(head)
    assert ids(store) == ["event-1", "event-2"]
    assert store.durable_position == 0


def test_a_commit_moves_the_durable_position_and_changes_no_answer(opened: Opened, journal: EventJournal) -> None:
    store = opened(warm_events=2)
    journal.append(*(made(number, age=number) for number in range(10)))
    store.catch_up()
    before = ids(store)
    assert store.commit()
    assert (store.durable_position, store.status().hot_events) == (10, 0)
    assert ids(store) == before == [f"event-{number}" for number in range(10)]
    assert not store.commit()


def test_the_store_goes_on_where_it_was(opened: Opened, journal: EventJournal) -> None:
    store = opened()
    journal.append(made(1), made(2))
    store.catch_up()
    store.commit()
    journal.append(made(3))
    store.catch_up()
    journal.trim(store.durable_position + 1)
    store = opened()
    assert (store.position, ids(store)) == (2, ["event-2", "event-1"])
    store.catch_up()
    assert ids(store) == ["event-3", "event-2", "event-1"]


def test_a_new_store_begins_with_what_the_journal_still_has(opened: Opened, journal: EventJournal) -> None:
    journal.append(made(1), made(2), made(3))
    journal.trim(3)
    store = opened()
    store.catch_up()
    assert ids(store) == ["event-3"]


def test_only_one_process_may_open_it(opened: Opened, tmp_path: Path, journal: EventJournal, clock: ManualClock) -> None:
    opened()
    with pytest.raises(EventStoreError, match="in use by another process"):
        EventStore(tmp_path / "lake", journal, clock, EventStoreSettings()).open()


ATTRIBUTES: list[tuple[Attribute, str | bool, list[str]]] = [
    ("event_id", "event-7", ["event-7"]),
    ("event_id", "event", []),
    ("event_name", "DeleteUser", ["event-7"]),
    ("event_source", "s3.amazonaws.com", ["event-8"]),
    ("read_only", True, ["event-8"]),
    ("read_only", False, ["event-7", "event-12", "event-13", "event-4", "event-3", "event-2", "event-1", "event-0"]),
    ("username", "bob", ["event-9", "event-12"]),
    ("username", "BOB", []),
    ("access_key_id", "AKIAEXAMPLEKEY000009", ["event-9", "event-12"]),
    ("resource_type", "AWS::S3::Bucket", ["event-8"]),
    ("resource_name", "user-12", ["event-12"]),
    ("resource_name", "user-1", ["event-1"]),
    ("resource_name", "arn:aws:s3:::the-bucket", ["event-8"]),
    ("resource_name", "üñ'; DROP", ["event-13"]),
    ("resource_name", "üñ", []),
    ("error_code", "AccessDenied", ["event-7"]),
]


def test_another_journal_is_refused(opened: Opened, journal: EventJournal) -> None:
    store = opened()
    journal.append(made(1), made(2))
    store.catch_up()
    store.commit()
    kept, journal.records = journal.records, [made(3)]
    with pytest.raises(EventStoreError, match=r"ends at position 1, but .* has events up to 2"):
        opened()
    journal.records = kept
    assert ids(opened()) == ["event-2", "event-1"]


@pytest.mark.parametrize("warm", [0, 3, 1000])
def test_each_attribute_is_matched_exactly(opened: Opened, journal: EventJournal, warm: int) -> None:
    store = opened(warm_events=warm)
    bob = {"type": "IAMUser", "userName": "bob", "accountId": ACCOUNT, "accessKeyId": "AKIAEXAMPLEKEY000009"}
    bucket = [{"type": "AWS::S3::Bucket", "ARN": "arn:aws:s3:::the-bucket"}]
    journal.append(
        *(made(number, age=100 - number) for number in range(5)),
        made(7, age=3, eventName="DeleteUser", errorCode="AccessDenied"),
        made(8, age=50, eventSource="s3.amazonaws.com", eventName="GetBucketAcl", readOnly=True, resources=bucket),
        made(9, age=1, userIdentity=bob, readOnly=None),
        made(12, age=60, userIdentity=bob),
        made(13, age=70, requestParameters={"userName": "üñ'; DROP"}),
    )
    store.catch_up()
    hot = [ids(store, attribute, value) for attribute, value, _ in ATTRIBUTES]
    store.commit()
    cold = [ids(store, attribute, value) for attribute, value, _ in ATTRIBUTES]
    assert hot == cold == [found for _, _, found in ATTRIBUTES]


def test_accounts_regions_and_categories_are_apart(opened: Opened, journal: EventJournal) -> None:
    store = opened(warm_events=2)
    journal.append(
        made(1, recipientAccountId="444455556666"),
        made(2, awsRegion="eu-west-1"),
        made(3, eventCategory="Data", managementEvent=False),
        made(
            4,
            eventCategory="Insight",
            insightDetails={"eventSource": "ec2.amazonaws.com", "eventName": "RunInstances"},
            eventName=None,
            eventSource=None,
        ),
        made(5),
    )
    store.catch_up()
    for _ in range(2):
        assert ids(store) == ["event-5"]
        insights = store.find(Question(account_id=ACCOUNT, region=REGION, category="Insight", attribute="event_name", value="RunInstances"))
        assert [event.event_id for event in insights] == ["event-4"]
        store.commit()
    assert store.status().cold_events == 4  # data events are not kept


def test_start_and_end_are_inclusive(opened: Opened, journal: EventJournal) -> None:
    store = opened(warm_events=3)
    journal.append(*(made(number, age=number) for number in range(10)))
    store.catch_up()
    for _ in range(2):
        assert ids(store, start=NOW - 5, end=NOW - 3) == ["event-3", "event-4", "event-5"]
        assert ids(store, start=NOW - 1) == ["event-0", "event-1"]
        assert ids(store, start=NOW + 1) == []
        store.commit()


def test_late_events_are_found_at_their_time(opened: Opened, journal: EventJournal) -> None:
    store = opened(warm_events=4)
    journal.append(*(made(number, age=number) for number in range(8)))
    store.catch_up()
    store.commit()
    journal.append(made(100, age=6), made(101, age=2 * DAY), made(102, age=0))
    store.catch_up()
    order = ["event-102", *(f"event-{number}" for number in range(6)), "event-100", "event-6", "event-7", "event-101"]
    assert ids(store) == order
    store.commit()
    assert ids(store) == order
    assert store.status().cold_files == 3


def test_events_outlive_their_retention_to_the_second_and_are_then_dropped_by_the_day(
    opened: Opened, journal: EventJournal, clock: ManualClock, tmp_path: Path
) -> None:
    store = opened(retention=2.0, warm_events=2)
    journal.append(made(1, age=2 * DAY + 1), made(2, age=2 * DAY), made(3, age=DAY), made(4))
    store.catch_up()
    assert ids(store) == ["event-4", "event-3", "event-2"]
    store.commit()
    clock.advance(1)
    assert ids(store) == ["event-4", "event-3"]
    assert store.status().cold_events == 4
    assert not store.drop_expired()
    clock.advance(DAY)
    assert store.drop_expired()
    assert store.status().cold_events == 2
    assert ids(store) == ["event-4"]
    for number in range(30):  # the file goes once no snapshot names it
        journal.append(made(1000 + number))
        store.catch_up()
        store.commit()
    assert sorted(path.name for path in (tmp_path / "lake/events/data").iterdir()) == ["event_day=2026-01-04", "event_day=2026-01-05"]


def test_a_record_that_is_no_event_is_set_aside(opened: Opened, journal: EventJournal, tmp_path: Path) -> None:
    broken = [
        b"not json",
        b"{}",
        b'{"eventTime":"yesterday"}',
        b'{"eventTime":"2026-01-05T10:11:12Z","eventName":7}',
        b"\xff\xfe",
        b"[" * 5000,
    ]
    broken.append(b'{"eventTime":"2026-01-05T10:11:12Z","eventName":"\xff"}')
    broken.append(b'{"eventTime":"2026-02-30T10:11:12Z"}')
    journal.append(made(1), *broken, made(2))
    store = opened()
    store.catch_up()
    assert ids(store) == ["event-2", "event-1"]
    assert store.status().quarantined == len(broken)
    kept = sorted((tmp_path / "lake/quarantine").glob("*.record"))
    assert [path.read_bytes() for path in kept] == broken
    store = opened()  # not committed: the journal is read again
    store.catch_up()
    assert store.status().quarantined == len(broken)
    assert store.commit()
    assert store.durable_position == len(broken) + 2


def test_records_that_are_not_kept_do_not_hold_the_journal_back(opened: Opened, journal: EventJournal) -> None:
    store = opened()
    journal.append(made(1, eventCategory="Data"))
    store.catch_up()
    assert store.commit()
    assert store.durable_position == 1
    assert opened().position == 1


def test_the_record_keeps_its_bytes(opened: Opened, journal: EventJournal) -> None:
    odd = made(1).replace(b'": "', b'" :\t"').replace(b"CreateUser", "Créate\\u00dc🙂".encode())
    journal.append(odd)
    store = opened(warm_events=0)
    store.catch_up()
    for _ in range(2):
        [event] = store.find(Question(account_id=ACCOUNT, region=REGION, category="Management"))
        assert event.record.encode() == odd
        store.commit()


def test_a_follower_commits_by_itself_in_its_interval(opened: Opened, journal: EventJournal, clock: ManualClock) -> None:
    store = opened(commit_interval=60.0)
    journal.append(made(1))
    assert store.step()
    assert (store.position, store.durable_position) == (1, 0)
    assert not store.step()
    clock.advance(60)
    assert store.step()
    assert store.durable_position == 1


def test_a_full_tail_is_committed_early(opened: Opened, journal: EventJournal) -> None:
    store = opened(hot_rows=10, read_batch=4)
    journal.append(*(made(number, age=number) for number in range(25)))
    store.catch_up()
    assert store.durable_position == 24
    assert ids(store) == [f"event-{number}" for number in range(25)]


def test_many_commits_leave_few_files_and_snapshots(opened: Opened, journal: EventJournal, tmp_path: Path) -> None:
    store = opened(warm_events=5, compaction_files=4)
    for number in range(26):
        journal.append(made(number, age=number % 7), made(1000 + number, age=3 * DAY + number))
        store.catch_up()
        store.commit()
        while store.compact():
            pass
    status = store.status()
    assert status.cold_events == 52
    assert status.cold_files < 16
    assert status.snapshots <= 21
    assert sorted(ids(store)) == sorted(expected(journal.records))
    assert ids(store) == expected(journal.records)
    assert len(list((tmp_path / "lake/events/metadata").iterdir())) < 110
    before = ids(store)
    store = opened(warm_events=5)
    assert ids(store) == before
    assert {path.suffix for path in (tmp_path / "lake/events/data").rglob("*") if path.is_file()} == {".parquet"}


def test_no_commit_leaves_a_manifest_that_it_has_merged_into_another(opened: Opened, journal: EventJournal, tmp_path: Path) -> None:
    store = opened(compaction_files=100)
    for number in range(45):  # manifests are merged twenty at a time
        journal.append(made(number))
        store.catch_up()
        store.commit()
    folder = tmp_path / "lake/events/metadata"
    newest = max(folder.glob("*.metadata.json"), key=lambda path: int(path.name.partition("-")[0]))
    table = StaticTable.from_metadata(str(newest))
    named = {one.manifest_list for one in table.metadata.snapshots}
    named |= {entry.manifest_path for one in table.metadata.snapshots for entry in one.manifests(table.io)}
    assert {path.name for path in folder.glob("*.avro")} == {Path(where).name for where in named}
    assert len(ids(store)) == 45


def test_questions_see_every_event_once_while_everything_moves(opened: Opened, journal: EventJournal) -> None:
    store = opened(warm_events=20, compaction_files=3)
    journal.append(*(made(number, age=1000 - number) for number in range(300)))
    store.catch_up()
    everything = [f"event-{number}" for number in reversed(range(300))]
    done = threading.Event()
    wrong: list[object] = []

    def ask() -> None:
        while not done.is_set():
            try:
                found = ids(store)
                old = [id_ for id_ in found if int(id_.removeprefix("event-")) < 300]
                if old != everything or len(set(found)) != len(found):
                    wrong.append(found)
            except Exception as error:
                wrong.append(error)

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    for number in range(12):
        journal.append(made(300 + number, age=10))
        store.catch_up()
        store.commit()
        store.compact()
    done.set()
    for thread in threads:
        thread.join()
    assert wrong == []
