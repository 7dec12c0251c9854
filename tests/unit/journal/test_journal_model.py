"""Any order of appending, reading, trimming and reopening agrees with a plain list."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from opentrail.clock import ManualClock
from opentrail.config import JournalSettings
from opentrail.errors import JournalTrimmed
from opentrail.journal import Journal, Reader, trim

RECORDS = st.lists(st.one_of(st.binary(max_size=40), st.integers(1, 90_000).map(bytes)), max_size=6)


class JournalModel(RuleBasedStateMachine):
    """`records[i]` has the position i + 1; the first `gone` of them are trimmed."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "journal.db"
        self.runner = asyncio.Runner()
        self.reader = Reader(self.path)
        self.records: list[bytes] = []
        self.gone = 0
        self.opened()

    def opened(self) -> None:
        self.journal = Journal.open(self.path, settings=JournalSettings(min_free=0), clock=ManualClock())

    @rule(records=RECORDS)
    def append(self, records: list[bytes]) -> None:
        position = self.runner.run(self.journal.append(records))
        self.records += records
        assert position == len(self.records)

    @rule(calls=st.lists(RECORDS, min_size=1, max_size=5))
    def append_together(self, calls: list[list[bytes]]) -> None:
        async def together() -> list[int]:
            return await asyncio.gather(*(self.journal.append(call) for call in calls))

        head = len(self.records)
        added: dict[int, bytes] = {}
        for call, last in zip(calls, self.runner.run(together()), strict=True):
            if call:
                added.update(zip(range(last - len(call) + 1, last + 1), call, strict=True))
        assert sorted(added) == list(range(head + 1, head + 1 + sum(map(len, calls))))
        self.records += [added[position] for position in sorted(added)]

    @rule(share=st.floats(0, 1), limit=st.integers(1, 12))
    def read(self, share: float, limit: int) -> None:
        after = round(share * len(self.records))
        if after < self.gone:
            with pytest.raises(JournalTrimmed):
                self.reader.read(after, limit)
            return
        entries = self.reader.read(after, limit)
        assert [entry.record for entry in entries] == self.records[after : after + limit]
        assert [entry.position for entry in entries] == list(range(after + 1, after + 1 + len(entries)))

    @rule(share=st.floats(0, 1.2))
    def trim(self, share: float) -> None:
        before = round(share * len(self.records)) + 1
        lowest = trim(self.path, before)
        assert self.gone < lowest <= max(before, self.gone + 1)
        self.gone = lowest - 1
        if before > len(self.records):
            assert self.gone == len(self.records)

    @rule()
    def reopen(self) -> None:
        self.journal.close()
        self.opened()

    @rule()
    def reopen_the_reader(self) -> None:
        self.reader.close()
        self.reader = Reader(self.path)

    @invariant()
    def ends_agree(self) -> None:
        assert self.journal.head == self.reader.head() == len(self.records)
        assert self.reader.first() == self.gone + 1

    def teardown(self) -> None:
        self.journal.close()
        self.reader.close()
        self.runner.close()
        self.folder.cleanup()


TestJournalModel = JournalModel.TestCase
TestJournalModel.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
