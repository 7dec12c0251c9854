"""The journal's bounds: refused in time, never dropped, and taken again when there is room."""

from __future__ import annotations

import random

import pytest

from opentrail.errors import JournalFull, JournalUnavailable
from opentrail.journal import Reader, trim

BOUND = 1 << 20
NOISE = random.Random(1)


def filled(desk, journal) -> int:
    """Append records that do not compress until the journal refuses; how many it took."""
    count = 0
    with pytest.raises(JournalFull, match=f"journal.max_bytes is {BOUND}"):  # noqa: PT012
        while True:
            desk.append(journal, NOISE.randbytes(20_000))
            count += 1
    return count


def test_a_full_journal_refuses_and_takes_again_after_trimming(desk) -> None:
    journal = desk.open(max_bytes=BOUND)
    count = filled(desk, journal)
    assert journal.head == count
    assert count * 20_000 <= BOUND
    with pytest.raises(JournalFull):
        journal.check()
    trim(desk.path, count)
    journal.check()
    assert desk.append(journal, b"more") == count + 1


def test_a_full_journal_says_for_whom_it_is_kept(desk) -> None:
    journal = desk.open(max_bytes=BOUND)
    trim(desk.path, 0, holder="the follower that sleeps")
    filled(desk, journal)
    with pytest.raises(JournalFull, match=r"kept from position 1 on for the follower that sleeps, which must catch up"):
        journal.check()
    trim(desk.path, 4, holder="the one that is slow")
    filled(desk, journal)
    with pytest.raises(JournalFull, match=r"kept from position 4 on for the one that is slow"):
        journal.check()


def test_a_journal_that_is_filled_and_trimmed_again_and_again_uses_the_same_space(desk) -> None:
    journal = desk.open(max_bytes=BOUND)
    for _ in range(6):
        filled(desk, journal)
        trim(desk.path, journal.head + 1)
    assert desk.path.stat().st_size <= 2 * BOUND


def test_new_calls_are_refused_before_the_bound_so_that_earlier_ones_can_be_recorded(desk) -> None:
    journal = desk.open(max_bytes=BOUND)
    while True:
        try:
            journal.check()
        except JournalFull:
            break
        desk.append(journal, NOISE.randbytes(20_000))
    head = journal.head
    assert desk.append(journal, NOISE.randbytes(20_000)) == head + 1


def test_a_reservation_counts_until_it_is_given_back(desk) -> None:
    journal = desk.open(max_bytes=BOUND)
    reservation = journal.reserve(BOUND // 2)
    with pytest.raises(JournalFull):
        journal.reserve(BOUND // 2)
    reservation.release()
    reservation.release()
    with journal.reserve(BOUND // 2), pytest.raises(JournalFull):
        journal.reserve(BOUND // 2)
    journal.reserve(BOUND // 2).release()


def test_what_was_let_in_by_a_reservation_is_recorded_in_a_full_journal(desk) -> None:
    journal = desk.open(max_bytes=BOUND)
    with journal.reserve(50_000) as reservation:
        count = filled(desk, journal)
        assert desk.append(journal, NOISE.randbytes(50_000), reservation=reservation) == count + 1
    with pytest.raises(JournalFull):
        journal.check()


def test_too_little_free_space_on_the_disk_refuses_calls_and_appends(desk) -> None:
    journal = desk.open(min_free=1 << 60)
    for refused in (journal.check, journal.reserve):
        with pytest.raises(JournalUnavailable, match=r"journal\.min_free"):
            refused()
    with pytest.raises(JournalUnavailable):
        desk.append(journal, b"one")
    assert journal.head == 0


def test_a_refused_call_leaves_no_promise_behind(desk) -> None:
    journal = desk.open(max_bytes=BOUND)
    for _ in range(50):
        with pytest.raises(JournalFull):
            desk.append(journal, bytes(2 * BOUND))
    desk.append(journal, bytes(BOUND // 2))
    journal.check()


def test_a_record_beyond_any_size_is_refused_at_once(desk) -> None:
    journal = desk.open()
    with pytest.raises(ValueError, match="larger than"):
        desk.append(journal, bytes((64 << 20) + 1))
    assert desk.append(journal, b"one") == 1


def test_the_bound_counts_what_concurrent_callers_are_about_to_write(desk) -> None:
    journal = desk.open(max_bytes=BOUND)
    answers = desk.append_together(journal, [[NOISE.randbytes(100_000)] for _ in range(30)])
    taken = [answer for answer in answers if isinstance(answer, int)]
    assert sorted(taken) == list(range(1, len(taken) + 1))
    assert 0 < len(taken) <= BOUND // 100_000
    # Who is refused need not have come last: a commit in between may make room for a later one.
    assert all(isinstance(answer, JournalFull) for answer in answers if not isinstance(answer, int))
    reader = Reader(desk.path)
    assert reader.head() == len(taken)
    reader.close()
