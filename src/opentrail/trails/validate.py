"""Fetching for `validation`: many objects at once, verdicts in the order of the chain.

    report = validate(question, source, public_keys)

Where objects come from is the caller's: S3 over HTTP, or the buckets of a data folder opened in place.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Protocol

from opentrail.errors import OpenTrailError
from opentrail.trails import completeness, findings, validation
from opentrail.trails.completeness import Span
from opentrail.trails.findings import Finding, Gap, Question, Report, Verdict
from opentrail.trails.validation import Digest, Hole, InvalidDigest, Listed, LogEntry, Pool, PublicKeys
from opentrail.trails.workers import Task, Workers

AHEAD = 64
"""Objects that are fetched ahead of the verdicts; bounds memory."""
KEYS_BEYOND = 7200
"""Seconds after the end of the range for which public keys are asked, as the AWS CLI does."""


class Source(Protocol):
    """Where digests and log files are read. Any thread may use it."""

    def list(self, bucket: str, prefix: str, after: str) -> Iterable[Listed]:
        """The objects whose keys begin with `prefix` and come after `after`, in byte order. Raises `MissingBucket`."""

    def get(self, bucket: str, key: str) -> validation.Fetched | None:
        """One object; `None` when it, or its bucket, is not there. Any other failure is raised."""


class MissingBucket(OpenTrailError):
    """A bucket is not there."""


class NoPublicKeys(OpenTrailError):
    """No public keys were found for the time range, so nothing can be verified."""


def validate(
    question: Question,
    source: Source,
    public_keys: PublicKeys,
    *,
    workers: int = 8,
    progress: Callable[[Finding], None] = lambda finding: None,
    expect: Callable[[int], None] = lambda files: None,
) -> Report:
    """Check everything that `question` asks. `progress` is told each finding as it is made, in order, in this thread; `expect` how many
    more files have become known that will be checked.

    `workers` threads fetch and check; 0: this thread does, which is quicker where files are small and at hand.
    Raises `NoPublicKeys`, and whatever `source` or `public_keys` raise.
    """
    crew = Workers(workers)
    try:
        return _Run(question, source, public_keys, crew, progress, expect).run()
    finally:
        crew.close()


LOOK_BEYOND = 2000
"""Keys behind the range among which its next digest is looked for."""


class _Run:
    def __init__(
        self,
        question: Question,
        source: Source,
        public_keys: PublicKeys,
        workers: Workers,
        progress: Callable[[Finding], None],
        expect: Callable[[int], None],
    ) -> None:
        self._question = question
        self._source = source
        self._public_keys = public_keys
        self._workers = workers
        self._progress = progress
        self._expect = expect
        self._report = Report(question=question)
        self._logs: deque[Finding | Task[Verdict]] = deque()
        self._fetching: dict[tuple[str, str], Task[Digest]] = {}
        self._listings: dict[tuple[str, str], tuple[list[str], list[str]]] = {}
        self._keys = dict(public_keys(question.start, question.end + KEYS_BEYOND))
        if not self._keys:
            since, until = findings.shown(question.start), findings.shown(question.end + KEYS_BEYOND)
            raise NoPublicKeys(f"No public keys found between {since} and {until}")

    def run(self) -> Report:
        question = self._question
        covered: set[tuple[str, str]] = set()
        spans: list[Span] = []
        holes: list[Span] = []
        ends: list[int] = []
        regular = Pool(lambda bucket, folder: self._listing(bucket, folder)[0])
        regular.look_into(question.bucket, question.digest_folder)
        for stretch in question.known.stretches if question.known is not None else ():
            if stretch.bucket is not None and stretch.key is not None and stretch.until <= question.end + validation.SPILL:
                regular.add(stretch.bucket, stretch.key)
        backfill = Pool(lambda bucket, folder: self._listing(bucket, folder)[1])
        for late, pool in enumerate((regular, backfill)):
            before: Digest | Verdict | Gap | Hole | None = None
            if late:
                for place in regular.places:
                    pool.look_into(*place)
            for found in validation.walk(question, pool, self._ahead(bool(late)), backfill=bool(late)):
                if isinstance(found, Digest):
                    if not late and (before is None or isinstance(before, Gap)):
                        ends.append(found.end)
                    spans.append((found.start, found.end))
                    covered.update((entry.bucket, entry.key) for entry in found.log_files)
                    self._say(Verdict("digest", found.bucket, found.key, backfill=bool(late)))
                    self._expect(len(found.log_files))
                    self._check_logs(found.log_files)
                elif isinstance(found, Hole):
                    holes.append((found.start, found.end))
                else:
                    self._say(found)
                before = found
        self._drain(0)
        first, last = min((start for start, _ in spans), default=None), max((end for _, end in spans), default=None)
        if first is not None and last is not None:
            self._report.found_start = max(first, question.start)
            self._report.found_end = min(last, question.end)
            for extra in validation.not_covered(question, self._listed_logs(first), covered, first, last):
                self._note(extra)
        for unproven in completeness.missing(question, spans, holes, last, lambda: self._beyond(regular.places)):
            self._note(unproven)
        for warning in completeness.without_end(question, ends):
            self._note(warning)
        return self._report

    def _listing(self, bucket: str, folder: str) -> tuple[list[str], list[str]]:
        """The regular and the backfill digests in a folder."""
        place = (bucket, folder)
        if place not in self._listings:
            after = validation.listing_starts_after(self._question, folder, self._question.start)
            try:
                keys = (one.key for one in self._source.list(bucket, folder, after))
                self._listings[place] = validation.digest_keys(self._question, folder, keys)
            except MissingBucket:
                if bucket == self._question.bucket:
                    raise
                self._listings[place] = [], []  # one that the trail used before; what must be there is then not found
            self._expect(sum(map(len, self._listings[place])))
        return self._listings[place]

    def _beyond(self, places: Iterable[tuple[str, str]]) -> Iterator[Span]:
        """What the first valid digests after the range cover."""
        for bucket, folder in places:
            after = validation.listing_starts_after(self._question, folder, self._question.end + validation.SPILL)
            keys = (one.key for one in islice(self._source.list(bucket, folder, after), LOOK_BEYOND))
            for key in validation.digest_keys_beyond(self._question, folder, keys):
                try:
                    digest = self._digest(bucket, key)
                except InvalidDigest:
                    continue
                yield digest.start, digest.end

    def _ahead(self, backfill: bool) -> Callable[[str, str], Digest]:
        """`check_digest` that has the next digests of the trail's bucket, newest first, on their way."""
        bucket = self._question.bucket
        upcoming = iter(reversed(self._listing(bucket, self._question.digest_folder)[backfill]))

        def check(of: str, key: str) -> Digest:
            while len(self._fetching) < AHEAD and (name := next(upcoming, None)) is not None:
                self._fetching[bucket, name] = self._workers.submit(self._digest, bucket, name)
            expected = self._fetching.pop((of, key), None)
            return expected.result() if expected is not None else self._digest(of, key)

        return check

    def _digest(self, bucket: str, key: str) -> Digest:
        found = self._source.get(bucket, key)
        return validation.check_digest(self._question, bucket, key, found, self._keys, self._public_keys)

    def _check_logs(self, entries: Iterable[LogEntry]) -> None:
        for entry in entries:
            self._drain(AHEAD - 1)
            self._logs.append(self._workers.submit(self._log, entry))

    def _log(self, entry: LogEntry) -> Verdict:
        return validation.check_log(entry, self._source.get(entry.bucket, entry.key))

    def _say(self, finding: Finding) -> None:
        """Note a finding, behind those of the log files that are still being fetched."""
        self._logs.append(finding)
        self._drain(AHEAD)

    def _drain(self, most: int) -> None:
        while len(self._logs) > most:
            waiting = self._logs.popleft()
            self._note(waiting.result() if isinstance(waiting, Task) else waiting)

    def _note(self, finding: Finding) -> None:
        self._report.findings.append(finding)
        self._progress(finding)

    def _listed_logs(self, start: int) -> Iterator[Listed]:
        """The log files in the day folders from a day before `start`: a file may be delivered later than it was cut."""
        question = self._question
        day = findings.shown(start - 86400)[:10].replace("-", "/")
        yield from self._source.list(question.bucket, question.log_folder, question.log_folder + day)
