"""What happened to files, and writing it down. A batch is settled in three steps, each durable before the next:

 1. the plan: which drafts are about to be added to the store, with which token, and what they are made of;
 2. the drafts become part of the store's table, all or none, under that token;
 3. the ledger, the failures, the statistics, and the plan's end, in one transaction.

Dying before 2 leaves a plan that nothing came of: its files are read again. Dying after 2 leaves a plan whose token the table has: step 3
is done then. So what the ledger says of a file is true, and no event is in the store twice or not at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from opentrail.clock import Clock
from opentrail.lake.faults import EventDataStoreNotFoundException
from opentrail.lake.imports import ledger, store
from opentrail.lake.imports.values import ONGOING, Import
from opentrail.lake.neighbours import Tables
from opentrail.storage.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one file of a batch."""

    key: str
    location: str
    sha256: str = ""
    """Hexadecimal; empty where the file could not be read."""
    oldest: float = 0.0
    """Bound by which its events were judged too old."""
    events: int = 0
    too_old: int = 0
    damage: str | None = None
    """What is wrong with some of its records."""
    sums: str = ""
    """Of a damaged file: by what its records in the store are known again; hexadecimal."""
    error: tuple[str, str] | None = None
    """Type and message, when nothing of it is in the store."""
    known: bool = False
    """The store had it already, or gets it with another file of the batch."""


class Settling:
    """Settles the batches of all imports, one after the other."""

    def __init__(self, database: Database, clock: Clock, tables: Tables) -> None:
        self._database = database
        self._clock = clock
        self._tables = tables

    def settle(self, of: Import, token: str, outcomes: Sequence[Outcome], drafts: Sequence[str], completed: Iterable[str] = ()) -> bool:
        """Add a batch to the store, and note the prefixes that are completed with it. Returns whether the import goes on; if it does not,
        a batch with drafts has not been added.

        Raises what `Tables.append` raises; `recover` is to be called then, before the next batch."""
        if drafts:
            with self._database.begin() as connection:
                current = store.find(connection, of.id)
                if current is None or current.status not in ONGOING:
                    _remove(drafts)
                    return False
                ledger.plan(connection, token, of, drafts, [asdict(one) for one in outcomes])
            self._tables.append(of.store_id, [Path(one) for one in drafts], token=token)
        self._note(of.id, of.store_id, token, outcomes, completed)
        with self._database.read() as connection:
            current = store.find(connection, of.id)
        return current is not None and current.status in ONGOING

    def recover(self) -> None:
        """Finish, or undo, what was under way when something went wrong."""
        with self._database.read() as connection:
            left = ledger.plans(connection)
        for plan in left:
            if self._has(plan.store_id, plan.token):
                self._note(plan.import_id, plan.store_id, plan.token, [_outcome(one) for one in plan.files], ())
                continue
            with self._database.begin() as connection:
                ledger.drop_plan(connection, plan.token)
            _remove(plan.drafts)

    def _has(self, store_id: str, token: str) -> bool:
        try:
            return self._tables.has(store_id, token)
        except EventDataStoreNotFoundException:
            return False

    def _note(self, import_id: str, store_id: str, token: str, outcomes: Sequence[Outcome], completed: Iterable[str]) -> None:
        now = self._clock.time()
        with self._database.begin() as connection:
            for one in outcomes:
                if one.sha256 and one.error is None:
                    ledger.enter(connection, store_id, bytes.fromhex(one.sha256), oldest=one.oldest, too_old=one.too_old, damage=one.damage)
                    ledger.remember_part(connection, store_id, one.location, bytes.fromhex(one.sums))
                if one.error is not None:
                    store.fail(connection, import_id, one.location, one.key, *one.error, now)
                elif one.damage is not None:
                    store.fail(connection, import_id, one.location, one.key, "InvalidRecord", one.damage, now)
                else:
                    store.mend(connection, import_id, one.location, now)
            store.deal_with(connection, import_id, [one.key for one in outcomes])
            store.count(
                connection,
                import_id,
                now,
                files_completed=sum(one.error is None and one.damage is None for one in outcomes),
                events_completed=sum(one.events for one in outcomes),
            )
            for prefix in completed:
                store.complete_prefix(connection, import_id, prefix, now)
            ledger.drop_plan(connection, token)


def _outcome(told: dict[str, object]) -> Outcome:
    error = told.get("error")
    return Outcome(**{**told, "error": tuple(error) if isinstance(error, list) else None})  # type: ignore[arg-type]


def _remove(drafts: Iterable[str]) -> None:
    for draft in drafts:
        with suppress(FileNotFoundError):
            Path(draft).unlink()
