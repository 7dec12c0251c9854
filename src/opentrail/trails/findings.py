"""What validation is asked, what it finds, and how that is told: lines in the AWS CLI's words, and JSON. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from opentrail.trails.keys import folder
from opentrail.trails.stretch import Known


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is to be proved: the chain of `trail_arn` in one source Region, for what was delivered in `[start, end]` (epoch seconds)."""

    trail_arn: str
    region: str
    bucket: str
    prefix: str | None
    start: int
    end: int
    account_id: str
    """Whose files: the owner of the trail, or a member of its organization."""
    organization_id: str | None = None
    """The organization in whose folder they lie, where the trail is an organization's."""
    expected_until: int | None = None
    """Up to when digests must be there, where the trail is known to be logging and validated; `None` where nobody knows."""
    known: Known | None = None
    """What the server says of the chain; `None` where it cannot be asked."""
    interval: float = 3600.0
    """Seconds that a digest covers."""

    @property
    def digest_folder(self) -> str:
        return folder(self.prefix, self.account_id, "CloudTrail-Digest", self.region, organization_id=self.organization_id)

    @property
    def log_folder(self) -> str:
        return folder(self.prefix, self.account_id, "CloudTrail", self.region, organization_id=self.organization_id)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one file; `problem` is `None` for a valid one."""

    kind: Literal["digest", "log"]
    bucket: str
    key: str
    problem: str | None = None
    backfill: bool = False

    def __str__(self) -> str:
        name = "Digest" if self.kind == "digest" else "Log"
        outcome = "valid" if self.problem is None else f"INVALID: {self.problem}"
        return f"{'(backfill) ' if self.backfill else ''}{name} file\ts3://{self.bucket}/{self.key}\t{outcome}"


@dataclass(frozen=True, slots=True)
class Gap:
    """A time in which no digest was made: logging or validation was off."""

    start: int
    end: int
    backfill: bool = False

    def __str__(self) -> str:
        between = f"between {shown(self.start)} and {shown(self.end)}"
        return f"{'(backfill) ' if self.backfill else ''}No log files were delivered by CloudTrail {between}"


@dataclass(frozen=True, slots=True)
class MissingDigests:
    """Time that must be in digests is in none that is valid: they were removed or changed, or could not be made."""

    start: int
    end: int

    def __str__(self) -> str:
        return f"Digest files\tINVALID: missing between {shown(self.start)} and {shown(self.end)}"


@dataclass(frozen=True, slots=True)
class OverdueDigests:
    """The server itself says that it has made no digest since `start`: its bucket refuses them, or nobody works."""

    start: int
    end: int

    def __str__(self) -> str:
        return f"Digest files\tINVALID: overdue, none has been delivered between {shown(self.start)} and {shown(self.end)}"


@dataclass(frozen=True, slots=True)
class NoLastDigest:
    """Nobody knows whether the trail went on: its digests end where one more should follow. A stopped trail leaves a last digest."""

    end: int

    def __str__(self) -> str:
        return f"Digest files\twarning: some may be missing after {shown(self.end)}: there is no last digest of a trail that was stopped"


@dataclass(frozen=True, slots=True)
class NotCovered:
    """A log file that lies among the others but is in no digest: another trail's, delivered without validation, or slipped in."""

    bucket: str
    key: str

    def __str__(self) -> str:
        return f"Log file\ts3://{self.bucket}/{self.key}\tnot covered by any digest file"


Unproven = MissingDigests | OverdueDigests
Finding = Verdict | Gap | Unproven | NoLastDigest | NotCovered


@dataclass(kw_only=True)
class Report:
    """All findings on one question, counted."""

    question: Question
    findings: list[Finding] = field(default_factory=list)
    found_start: int | None = None
    found_end: int | None = None

    def count(self, kind: str, *, valid: bool, backfill: bool = False) -> int:
        """Number of `digest` or `log` files that are valid, or not."""
        return sum(
            isinstance(one, Verdict) and one.kind == kind and (one.problem is None) == valid and one.backfill == backfill
            for one in self.findings
        )

    @property
    def exit_code(self) -> int:
        """0 when everything is valid, else 1."""
        return int(any(isinstance(one, Unproven) or (isinstance(one, Verdict) and one.problem is not None) for one in self.findings))

    def summary(self) -> list[str]:
        """The closing lines, in the AWS CLI's words."""
        question = self.question
        lines = [f"Results requested for {shown(question.start)} to {shown(question.end)}"]
        counts = [
            (name, self.count(kind, valid=True, backfill=backfill), self.count(kind, valid=False, backfill=backfill))
            for name, kind, backfill in (("digest", "digest", False), ("backfill digest", "digest", True), ("log", "log", False))
        ]
        if not any(valid or invalid for name, valid, invalid in counts if name != "log"):
            return [*lines, "No digests found"]
        if self.found_start is None or self.found_end is None:
            lines.append("No valid digests found in range")
        else:
            lines.append(f"Results found for {shown(self.found_start)} to {shown(self.found_end)}:")
        for name, valid, invalid in counts:
            total = valid + invalid
            if total:
                bad = f", {invalid}/{total} {name} files INVALID" if invalid else ""
                lines.append(f"{valid}/{total} {name} files valid{bad}")
        return lines

    def as_json(self) -> dict[str, Any]:
        """Everything, for machines."""
        question = self.question
        files = [one for one in self.findings if isinstance(one, Verdict)]
        found = self.found_start is not None and self.found_end is not None
        return {
            "trailArn": question.trail_arn,
            "accountId": question.account_id,
            "region": question.region,
            "requested": {"start": shown(question.start), "end": shown(question.end)},
            "found": {"start": shown(self.found_start or 0), "end": shown(self.found_end or 0)} if found else None,
            "digestFiles": {"valid": self.count("digest", valid=True), "invalid": self.count("digest", valid=False)},
            "backfillDigestFiles": {
                "valid": self.count("digest", valid=True, backfill=True),
                "invalid": self.count("digest", valid=False, backfill=True),
            },
            "logFiles": {"valid": self.count("log", valid=True), "invalid": self.count("log", valid=False)},
            "invalid": [{"kind": one.kind, "bucket": one.bucket, "key": one.key, "problem": one.problem} for one in files if one.problem],
            "gaps": _times(one for one in self.findings if isinstance(one, Gap)),
            "missingDigests": _times(one for one in self.findings if isinstance(one, MissingDigests)),
            "overdueDigests": _times(one for one in self.findings if isinstance(one, OverdueDigests)),
            "noLastDigest": [shown(one.end) for one in self.findings if isinstance(one, NoLastDigest)],
            "notCovered": [{"bucket": one.bucket, "key": one.key} for one in self.findings if isinstance(one, NotCovered)],
            "valid": self.exit_code == 0,
        }


def _times(found: Iterable[Gap | MissingDigests | OverdueDigests]) -> list[dict[str, str]]:
    return [{"start": shown(one.start), "end": shown(one.end)} for one in found]


def shown(at: int) -> str:
    """A time as results print it."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
