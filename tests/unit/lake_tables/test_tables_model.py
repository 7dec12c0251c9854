"""Whatever happens to the tables in whatever order: a store holds exactly the events that its rules and its retention let it hold."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from opentrail.clock import ManualClock
from opentrail.lake.columns import to_table, write
from opentrail.lake.families import Family
from opentrail.lake.faults import KmsException
from opentrail.lake.neighbours import Snapshot
from opentrail.lake.tables.tables import StoreTables
from simulators.event_journal import DAY, NOW, EventJournal, made
from simulators.store_tables import Keys, KnownStores, files_on_disk, ids, opened_tables, rows

KEY = "arn:aws:kms:us-east-1:111122223333:key/1"
AGES = (0, 1, DAY // 2, DAY, 3 * DAY, 6 * DAY, 20 * DAY)


class Model(RuleBasedStateMachine):
    """Two stores; the second one has a key and is changed."""

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.journal, self.stores, self.keys = EventJournal(), KnownStores(), Keys()
        self.clock = ManualClock(at=float(NOW))
        self.ids = (self.stores.make(1, retention=90), self.stores.make(2, retention=30, kms_key_id=KEY))
        self.taking = True
        self.made = 0
        self.expected: dict[str, list[tuple[int, str]]] = {store: [] for store in self.ids}
        """Store → time and id of each event that it was given."""
        self.held: list[tuple[Snapshot, list[str]]] = []
        self.open()

    def open(self) -> None:
        self.tables: StoreTables = opened_tables(
            self.folder, self.journal, self.stores, self.clock, self.keys, compaction_files=3, hot_rows=30, read_batch=7
        )

    def event(self, age: int) -> tuple[bytes, tuple[int, str]]:
        self.made += 1
        record = made(self.made, age=age - int(self.clock.time() - NOW))
        return record, (int(self.clock.time()) - age, f"event-{self.made}")

    @rule(ages=st.lists(st.sampled_from(AGES), min_size=1, max_size=12))
    def write(self, ages: list[int]) -> None:
        for age in ages:
            record, event = self.event(age)
            self.journal.append(record)
            self.expected[self.ids[0]].append(event)
            if self.taking:
                self.expected[self.ids[1]].append(event)

    @rule()
    def toggle(self) -> None:
        store, head = self.ids[1], self.journal.head()
        if self.taking:
            self.before = self.stores.going[store]
            self.stores.stop(store, head)
        else:
            self.stores.going[store] = type(self.before)(
                **{name: getattr(self.before, name) for name in self.before.__slots__} | {"start": head}
            )
            self.stores._change()
        self.taking = not self.taking

    @rule()
    def switch_key(self) -> None:
        self.keys.disabled ^= {KEY}
        self.clock.advance(61)

    @rule()
    def step(self) -> None:
        self.tables.step()

    @rule()
    def commit(self) -> None:
        self.tables.commit()
        self.journal.trim(self.tables.durable_position + 1)
        self.stores.read_to(self.tables.durable_position)

    @rule(hours=st.sampled_from((1, 7, 30)))
    def wait(self, hours: int) -> None:
        self.clock.advance(hours * 3600.0)
        self.tables.step()

    @rule(days=st.sampled_from((7, 10, 30)))
    def keep(self, days: int) -> None:
        """A longer retention brings nothing back: what had to go has gone."""
        store = self.stores.known[self.ids[1]]
        if days < store.retention_period:
            self.stores.keep(store.id, days)

    @rule(ages=st.lists(st.sampled_from(AGES), min_size=1, max_size=6), again=st.booleans())
    def append(self, ages: list[int], again: bool) -> None:
        if self.stores.known[self.ids[1]].kms_key_id in self.keys.disabled:
            with pytest.raises(KmsException):
                self.tables.draft(self.ids[1])
            return
        records, events = zip(*map(self.event, ages), strict=True)
        for _ in range(2 if again else 1):
            path = self.tables.draft(self.ids[1])
            write(path, Family.EVENTS, to_table(Family.EVENTS, records, range(len(records))).table)
            self.tables.append(self.ids[1], [path], token=f"append-{self.made}")
        self.expected[self.ids[1]] += events

    @rule()
    def restart(self) -> None:
        for snapshot, _ in self.held:
            snapshot.release()
        self.held = []
        self.tables.close()
        self.open()

    @precondition(lambda self: len(self.held) < 3)
    @rule()
    def ask(self) -> None:
        snapshot = self.tables.snapshot([self.ids[0]], at_least=self.journal.head(), patience=60.0)
        self.held.append((snapshot, [row["eventid"] for row in rows(snapshot.sources[0])]))

    @precondition(lambda self: self.held)
    @rule()
    def let_go(self) -> None:
        snapshot, seen = self.held.pop(0)
        assert [row["eventid"] for row in rows(snapshot.sources[0])] == seen
        snapshot.release()

    @invariant()
    def each_event_is_there_once(self) -> None:
        for store in self.ids:
            known = self.stores.known[store]
            if known.kms_key_id in self.keys.disabled:
                continue
            oldest = self.clock.time() - known.retention_period * DAY
            wanted = Counter(name for at, name in self.expected[store] if at >= oldest)
            assert Counter(ids(self.tables, store, self.journal.head())) == wanted

    def teardown(self) -> None:
        if not hasattr(self, "folder"):
            return
        for snapshot, _ in self.held:
            snapshot.release()
        self.tables.close()
        self.open()  # sweeps
        for store in self.ids:
            self.tables.location(store)
            figures = self.tables.status().stores[store]
            assert len(files_on_disk(self.folder, store)) >= figures.cold_files
        self.tables.close()
        shutil.rmtree(self.folder)


TestModel = Model.TestCase
TestModel.settings = settings(max_examples=12, stateful_step_count=25, deadline=None)
