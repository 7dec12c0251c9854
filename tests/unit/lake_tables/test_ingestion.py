"""What comes into a store, when it is seen, and that it stays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from opentrail.clock import ManualClock
from opentrail.journal.positions import Positions
from opentrail.lake.columns import to_table, write
from opentrail.lake.families import Family
from opentrail.lake.faults import EventDataStoreNotFoundException, KmsException
from opentrail.lake.tables.ingestion import LAKE
from opentrail.lake.tables.tables import StoreTables
from opentrail.lake.tables.waiting import MOST_SMALL
from opentrail.storage.database import Database
from opentrail.wire.faults import ServiceUnavailable
from simulators.event_journal import EventJournal, made
from simulators.store_tables import Channels, Keys, KnownStores, ids, rows, store_id

Opened = Callable[..., StoreTables]
KEY = "arn:aws:kms:us-east-1:111122223333:key/1"


def names(*numbers: int) -> list[str]:
    return [f"event-{number}" for number in numbers]


def saved(folder: Path) -> int:
    return Positions(Database.at(folder / "lake/state.db")).get(LAKE)


def test_events_are_seen_before_and_after_a_commit_and_a_restart(
    opened: Opened, journal: EventJournal, stores: KnownStores, tmp_path: Path
) -> None:
    store = stores.make()
    tables = opened()
    head = journal.append(*(made(number) for number in range(3)))
    assert ids(tables, store, head) == names(0, 1, 2)
    assert saved(tmp_path) == 0  # nothing is durable yet
    assert tables.commit()
    assert saved(tmp_path) == 3
    head = journal.append(made(3))
    assert ids(tables, store, head) == names(0, 1, 2, 3)
    journal.trim(4)
    tables = opened()
    assert ids(tables, store, head) == names(0, 1, 2, 3)
    assert tables.status().stores[store].cold_events == 3


def test_only_stores_with_new_events_are_committed(opened: Opened, journal: EventJournal, stores: KnownStores, tmp_path: Path) -> None:
    busy, quiet = stores.make(1), stores.make(2, category="Data")
    tables = opened()
    for number in range(3):
        journal.append(made(number))
        tables.step()
        tables.commit()
    assert tables.status().stores[busy].snapshots == 3
    assert tables.status().stores[quiet].snapshots == 0
    assert saved(tmp_path) == 3
    assert not tables.commit()


def test_without_stores_the_position_advances_all_the_same(
    opened: Opened, journal: EventJournal, clock: ManualClock, tmp_path: Path
) -> None:
    tables = opened()
    journal.append(*(made(number) for number in range(5)))
    clock.advance(61)
    tables.step()
    assert (tables.position, tables.durable_position, saved(tmp_path)) == (5, 5, 5)


def test_each_record_is_judged_by_the_stretch_it_lies_in(opened: Opened, journal: EventJournal, stores: KnownStores) -> None:
    store = stores.make(start=1)
    tables = opened()
    head = journal.append(*(made(number) for number in range(4)))
    assert ids(tables, store, head) == names(1, 2, 3)
    stores.stop(store, 3)  # the lake has passed that point already, in memory
    assert ids(tables, store, head) == names(1, 2)
    tables.commit()
    assert ids(opened(), store, head) == names(1, 2)


def test_a_change_of_rules_holds_from_its_position_on(opened: Opened, journal: EventJournal, stores: KnownStores) -> None:
    store = stores.make()
    tables = opened()
    journal.append(made(0), made(1, awsRegion="eu-west-1"))
    stores.turn(store, 2, multi_region_enabled=False)
    head = journal.append(made(2), made(3, awsRegion="eu-west-1"))
    assert ids(tables, store, head) == names(0, 1, 2)
    tables.commit()
    stores.read_to(tables.durable_position)
    head = journal.append(made(4))
    assert ids(tables, store, head) == names(0, 1, 2, 4)


def test_a_store_that_is_stopped_and_started_lacks_what_came_between(opened: Opened, journal: EventJournal, stores: KnownStores) -> None:
    store = stores.make()
    other = stores.make(2)
    tables = opened()
    journal.append(made(0))
    tables.step()
    before = stores.going[store]
    stores.stop(store, 1)
    tables.commit()
    stores.read_to(tables.durable_position)
    journal.append(made(1), made(2))
    tables.step()
    tables.commit()
    stores.going[store] = before.__class__(**{name: getattr(before, name) for name in before.__slots__} | {"start": 3})
    stores._change()
    head = journal.append(made(3))
    assert ids(tables, store, head) == names(0, 3)
    assert ids(tables, other, head) == names(0, 1, 2, 3)


def test_accounts_regions_and_selectors(opened: Opened, journal: EventJournal, stores: KnownStores) -> None:
    own = stores.make(1, multi_region_enabled=False)
    organization = stores.make(2, accounts=frozenset({"444455556666"}))
    chosen = stores.make(
        3,
        advanced_event_selectors=(
            {"FieldSelectors": [{"Field": "eventCategory", "Equals": ["Management"]}, {"Field": "eventName", "Equals": ["DeleteUser"]}]},
        ),
    )
    data = stores.make(4, category="Data")
    insights = stores.make(5, category="Insight")
    bystander = stores.make(6, category="Insight")
    stores.known[own] = replace(stores.known[own], insights={"InsightSelectors": [], "InsightsDestination": stores.known[insights].arn})
    tables = opened()
    head = journal.append(
        made(0),
        made(1, awsRegion="eu-west-1"),
        made(2, recipientAccountId="444455556666"),
        made(3, eventName="DeleteUser"),
        made(4, eventCategory="Data", eventSource="s3.amazonaws.com", eventName="GetObject"),
        made(5, eventCategory="NetworkActivity"),
        made(6, eventCategory="Insight", insightDetails={"insightSource": stores.known[own].arn}),
        made(7, recipientAccountId="777788889999"),
        made(8, eventCategory="Insight", insightDetails={}),
    )
    assert ids(tables, own, head) == names(0, 3)
    assert ids(tables, organization, head) == names(0, 1, 2, 3)
    assert ids(tables, chosen, head) == names(3)
    assert ids(tables, data, head) == names(4)
    assert ids(tables, insights, head) == names(6)
    assert ids(tables, bystander, head) == []


@pytest.mark.parametrize("category", ["ConfigurationItem", "Evidence"])
def test_items_and_evidence_come_in_by_their_category(opened: Opened, journal: EventJournal, stores: KnownStores, category: str) -> None:
    store = stores.make(category=category)
    head = journal.append(made(0), made(1, eventCategory=category, eventData={"resourceType": "AWS::S3::Bucket", "evidenceId": "e"}))
    assert ids(opened(), store, head) == names(1)


def test_events_from_outside_go_where_their_channel_delivers(opened: Opened, journal: EventJournal, stores: KnownStores) -> None:
    here, there = stores.make(1, category="ActivityAuditLog"), stores.make(2, category="ActivityAuditLog")
    arn = "arn:aws:cloudtrail:us-east-1:111122223333:channel/00000000-0000-4000-8000-00000000000a"
    channels = Channels({arn: (there, 1)})
    tables = opened(channels=channels)
    event = {"eventCategory": "ActivityAuditLog", "recipientAccountId": "999900001111", "metadata": {"channelARN": arn}, "eventData": {}}
    head = journal.append(made(0, **event), made(1, **event), made(2, **event | {"metadata": {"channelARN": arn[:-1] + "b"}}))
    assert ids(tables, here, head) == []
    assert ids(tables, there, head) == names(1)
    tables.commit()
    assert channels.forgotten == head


def test_a_store_whose_key_is_disabled_waits_and_holds_nobody_up(
    opened: Opened, journal: EventJournal, stores: KnownStores, keys: Keys, clock: ManualClock
) -> None:
    sealed, other = stores.make(1, kms_key_id=KEY), stores.make(2)
    tables = opened()
    journal.append(made(0))
    tables.step()
    tables.commit()
    keys.disabled.add(KEY)
    clock.advance(61)
    head = journal.append(made(1), made(2))
    tables.step()
    assert ids(tables, other, head) == names(0, 1, 2)
    assert (tables.position, tables.durable_position) == (head, head)  # the journal need not keep them
    figures = tables.status().stores[sealed]
    assert (figures.cold_events, figures.waiting_events) == (1, 2)
    with pytest.raises(KmsException, match=KEY):
        tables.snapshot([other, sealed], at_least=head, patience=1.0)
    journal.trim(tables.durable_position + 1)
    tables = opened()  # a restart changes nothing
    assert tables.status().stores.get(sealed) is None
    head = journal.append(made(3))
    clock.advance(61)
    tables.step()
    assert ids(tables, other, head) == names(0, 1, 2, 3)
    assert tables.status().stores[sealed].waiting_events == 3
    journal.trim(tables.durable_position + 1)
    keys.disabled.clear()
    assert ids(tables, sealed, head) == names(0, 1, 2, 3)
    assert tables.status().stores[sealed].waiting_events == 0
    assert ids(opened(), sealed, head) == names(0, 1, 2, 3)


def test_a_store_whose_key_is_disabled_takes_no_files(opened: Opened, stores: KnownStores, keys: Keys, clock: ManualClock) -> None:
    sealed = stores.make(1, kms_key_id=KEY)
    tables = opened()
    draft = tables.draft(sealed)
    write(draft, Family.EVENTS, to_table(Family.EVENTS, [made(0)], [0]).table)
    keys.disabled.add(KEY)
    clock.advance(3600)
    with pytest.raises(KmsException, match=KEY):
        tables.draft(sealed)
    with pytest.raises(KmsException, match=KEY):
        tables.append(sealed, [draft], token="a")
    assert not tables.has(sealed, "a")
    keys.disabled.clear()
    clock.advance(3600)
    tables.append(sealed, [draft], token="a")
    assert ids(tables, sealed, 0) == names(0)


def test_what_waits_comes_into_the_table_with_the_next_commit(
    opened: Opened, journal: EventJournal, stores: KnownStores, keys: Keys, clock: ManualClock
) -> None:
    sealed = stores.make(1, kms_key_id=KEY)
    tables = opened()
    keys.disabled.add(KEY)
    for number in range(2 * MOST_SMALL + 3):
        journal.append(made(number))
        tables.step()
        tables.commit()
    assert len(list((tables.location(sealed).parents[2] / "waiting").iterdir())) < MOST_SMALL
    keys.disabled.clear()
    clock.advance(61)
    tables.step()
    figures = tables.status().stores[sealed]
    assert (figures.cold_events, figures.waiting_events) == (2 * MOST_SMALL + 3, 0)
    assert list((tables.location(sealed).parents[2] / "waiting").iterdir()) == []


def test_what_is_not_there_yet_is_not_left_out_silently(opened: Opened, journal: EventJournal, stores: KnownStores) -> None:
    store = stores.make()
    tables = opened()
    head = journal.append(made(0))
    with pytest.raises(ServiceUnavailable):
        tables.snapshot([store], at_least=head + 1, patience=0.1)
    with pytest.raises(EventDataStoreNotFoundException):
        tables.snapshot([store_id(9)], at_least=head, patience=0.1)


def test_records_that_are_no_events_are_kept_and_stop_nothing(
    opened: Opened, journal: EventJournal, stores: KnownStores, tmp_path: Path
) -> None:
    store = stores.make()
    tables = opened()
    head = journal.append(made(0), b"no json", made(1, eventTime=None), b"[" * 100_000, made(2))
    assert ids(tables, store, head) == names(0, 2)
    assert tables.status().quarantined == 3
    assert (tmp_path / "lake/stores/quarantine" / f"{2:020d}.record").read_bytes() == b"no json"


def test_memory_is_bounded_while_catching_up(opened: Opened, journal: EventJournal, stores: KnownStores) -> None:
    store = stores.make()
    head = journal.append(*(made(number) for number in range(500)))
    tables = opened(hot_rows=100, read_batch=50)
    snapshot = tables.snapshot([store], at_least=head, patience=60.0)
    assert snapshot.sources[0].events == 500
    assert tables.status().stores[store].hot_events <= 100
    assert tables.durable_position >= 400
    snapshot.release()


def test_the_record_itself_stays_as_it_was(opened: Opened, journal: EventJournal, stores: KnownStores) -> None:
    store = stores.make()
    record = made(0, requestParameters={"ü": ["ß", 1.10]})
    tables = opened()
    head = journal.append(record)
    for _ in range(2):
        snapshot = tables.snapshot([store], at_least=head, patience=10.0)
        assert [row["eventjson"].encode() for row in rows(snapshot.sources[0], ["eventjson"])] == [record]
        snapshot.release()
        tables.commit()
