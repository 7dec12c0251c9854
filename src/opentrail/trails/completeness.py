"""Whether all digests are there (reference of delivery, §10.1 and §10.6). Pure.

A digest says what it covers, so what is missing is time. Which time must be covered is told by

- the server: every *stretch* of the chain (see `stretch`), wherever digests are in their bucket by now. So nothing can be removed
  unnoticed: not in the middle, not at the beginning, not at the end, not before a pause;
- the digests themselves: what lies between one and its predecessor, which backfill digests must cover;
- where the server cannot be asked, the knowledge that the trail is logging.

Without any of it, only this can be told: the last digest of a trail that was stopped does not end on the grid of the interval. A chain
whose newest digest does should have gone on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from opentrail.trails import periods
from opentrail.trails.findings import MissingDigests, NoLastDigest, OverdueDigests, Question, Unproven

Span = tuple[int, int]
"""`[start, end)` in epoch seconds."""


def missing(
    question: Question, covered: Sequence[Span], holes: Sequence[Span], newest: int | None, beyond: Callable[[], Iterable[Span]]
) -> Iterator[Unproven]:
    """What must be covered and is not. `covered` are the periods of the valid digests, `holes` what lies between a digest and its
    predecessor, `newest` the end of the newest regular one; `beyond` gives the periods of the first digests after the range."""
    wanted = [*holes, *_known(question, newest)]
    open_end = max((end for _, end in wanted), default=0)
    clipped = [(max(start, question.start), min(end, question.end)) for start, end in wanted]
    lacking = uncovered(clipped, covered)
    if lacking and lacking[-1][1] == question.end < open_end:
        lacking = uncovered(lacking, [*beyond()])  # the digest that covers the end of the range may be stamped much later
    for start, end in lacking:
        yield MissingDigests(start, end)
    if question.known is not None and question.expected_until is not None:
        for one in question.known.stretches:
            since = max(one.until, question.start)
            if one.is_open and since < question.expected_until:
                yield OverdueDigests(since, question.expected_until)


def without_end(question: Question, ends: Sequence[int]) -> Iterator[NoLastDigest]:
    """The `ends` of chains (the newest first) where one more digest should follow; only where nobody knows better."""
    if question.known is not None or question.expected_until is not None:
        return
    for number, end in enumerate(ends):
        is_over = number > 0 or end + 2 * question.interval < question.end
        if is_over and periods.is_boundary(end, question.interval):
            yield NoLastDigest(end)


def uncovered(wanted: Iterable[Span], covered: Iterable[Span]) -> list[Span]:
    """What of `wanted` is not in `covered`, in order and in one piece each."""
    pieces: list[Span] = []
    ordered = sorted(covered)
    for start, end in sorted(wanted):
        begin = start
        for from_, to in ordered:
            if to <= begin:
                continue
            if from_ >= end:
                break
            if from_ > begin:
                pieces.append((begin, from_))
            begin = max(begin, to)
        if begin < end:
            pieces.append((begin, end))
    joined: list[Span] = []
    for start, end in pieces:
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


def _known(question: Question, newest: int | None) -> list[Span]:
    if question.known is not None:
        return [(one.began, one.until) for one in question.known.stretches]
    if question.expected_until is None or (newest is not None and newest >= question.expected_until):
        return []
    return [(question.start if newest is None else newest, question.expected_until)]
