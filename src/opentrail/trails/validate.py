"""Fetching for `validation`: many objects at once, verdicts in the order of the chain.

    report = validate(question, source, public_keys)

Where objects come from is the caller's: S3 over HTTP, or the buckets of a data folder opened in place.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from opentrail.errors import OpenTrailError
from opentrail.trails import validation
from opentrail.trails.validation import Digest, Finding, Listed, LogEntry, PublicKeys, Question, Report, Verdict
from opentrail.trails.workers import Task, Workers

AHEAD = 64
"""Objects that are fetched ahead of the verdicts; bounds memory."""
KEYS_BEYOND = 7200
"""Seconds after the end of the range for which public keys are asked, as the AWS CLI does."""


class Source(Protocol):
    """Where digests and log files are read. Any thread may use it."""

    def list(self, bucket: str, prefix: str, after: str) -> Iterable[Listed]:
        """The objects whose keys begin with `prefix` and come after `after`, in byte order."""

    def get(self, bucket: str, key: str) -> validation.Fetched | None:
        """One object; `None` when it, or its bucket, is not there. Any other failure is raised."""


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


@dataclass(frozen=True)
class _Chosen:
    """One of the two kinds of digests of each bucket's listing."""

    listing: Callable[[str], tuple[list[str], list[str]]]
    backfill: bool

    def keys(self, bucket: str) -> list[str]:
        return self.listing(bucket)[self.backfill]


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
        self._keys = dict(public_keys(question.start, question.end + KEYS_BEYOND))
        if not self._keys:
            since, until = validation.shown(question.start), validation.shown(question.end + KEYS_BEYOND)
            raise NoPublicKeys(f"No public keys found between {since} and {until}")

    def run(self) -> Report:
        question = self._question
        covered: set[tuple[str, str]] = set()
        starts: list[int] = []
        ends: list[int] = []
        listings: dict[str, tuple[list[str], list[str]]] = {}

        def listing(bucket: str) -> tuple[list[str], list[str]]:
            if bucket not in listings:
                after = validation.listing_starts_after(question)
                keys = (one.key for one in self._source.list(bucket, question.digest_folder, after))
                listings[bucket] = validation.digest_keys(question, keys)
                self._expect(sum(map(len, listings[bucket])))
            return listings[bucket]

        for backfill in (False, True):
            check = self._ahead(listing(question.bucket)[backfill])
            chosen = _Chosen(listing, backfill)
            for found in validation.walk(question, chosen.keys, check, backfill=backfill):
                if isinstance(found, Digest):
                    starts.append(found.start)
                    ends.append(found.end)
                    covered.update((entry.bucket, entry.key) for entry in found.log_files)
                    self._say(Verdict("digest", found.bucket, found.key, backfill=backfill))
                    self._expect(len(found.log_files))
                    self._check_logs(found.log_files)
                else:
                    self._say(found)
        self._drain(0)
        if starts:
            self._report.found_start = max(min(starts), question.start)
            self._report.found_end = min(max(ends), question.end)
            for extra in validation.not_covered(question, self._listed_logs(min(starts)), covered, min(starts), max(ends)):
                self._note(extra)
        missing = validation.missing_newest(question, max(ends, default=None))
        if missing is not None:
            self._note(missing)
        return self._report

    def _ahead(self, keys: list[str]) -> Callable[[str, str], Digest]:
        """`check_digest` that has the next digests of the listing, newest first, on their way."""
        bucket = self._question.bucket
        upcoming = iter(reversed(keys))

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
        day = validation.shown(start - 86400)[:10].replace("-", "/")
        yield from self._source.list(question.bucket, question.log_folder, question.log_folder + day)
