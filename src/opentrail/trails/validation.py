"""Whether a chain of digest files, and the log files they list, are what CloudTrail delivered (reference of delivery, §10.7 and §11).

The core of trust: pure, no I/O. It is handed bytes and gives verdicts; `validate` fetches. It finds what the AWS CLI finds, in the same
words, and beyond that a predecessor that was replaced, time that no digest covers, newest digests that are missing, and log files
that no digest lists.

Steps for one digest: 1. it is there; 2. it is gzip and JSON with the members of a digest; 3. it lies where it says; 4. its key is known;
5. its signature holds; 6. it is the one that its successor names, by hash and by signature. For a log file: it is there, it is
gzip, and what it holds has the hash in the digest.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import orjson

from opentrail.trails import gunzip, names
from opentrail.trails import signature as signatures
from opentrail.trails.keys import folder
from opentrail.trails.signature import ALGORITHM, string_to_sign

SPILL = 3600
"""Seconds after the end of the range in which digests are still taken: files delivered before the end may be listed there."""
SLACK = 60
"""Seconds by which a log file may be noted as delivered later than its bucket says."""

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)
_BACKFILL = "_backfill.json.gz"
_TEXTS = ("digestPublicKeyFingerprint", "digestS3Bucket", "digestS3Object", "digestEndTime", "digestStartTime")
_LINKS = ("previousDigestS3Bucket", "previousDigestS3Object", "previousDigestHashValue", "previousDigestSignature")


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

    @property
    def digest_folder(self) -> str:
        return folder(self.prefix, self.account_id, "CloudTrail-Digest", self.region, organization_id=self.organization_id)

    @property
    def log_folder(self) -> str:
        return folder(self.prefix, self.account_id, "CloudTrail", self.region, organization_id=self.organization_id)


@dataclass(frozen=True, slots=True)
class Fetched:
    """An object as its bucket gave it; the names of `metadata` are lower case, without `x-amz-meta-`."""

    body: bytes
    metadata: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Listed:
    """One line of a listing; `modified` is epoch seconds."""

    key: str
    modified: float


@dataclass(frozen=True, slots=True)
class LogEntry:
    """A log file as a digest lists it."""

    bucket: str
    key: str
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """A digest file whose signature holds."""

    bucket: str
    key: str
    start: int
    end: int
    hash: str
    signature: str
    previous_bucket: str | None
    previous_key: str | None
    previous_hash: str | None
    previous_signature: str | None
    log_files: tuple[LogEntry, ...]


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
    """The newest digests, which must have been made, are not there."""

    start: int | None
    end: int

    def __str__(self) -> str:
        since = f"between {shown(self.start)} and {shown(self.end)}" if self.start is not None else f"until {shown(self.end)}"
        return f"Digest files\tINVALID: the newest are missing, {since}"


@dataclass(frozen=True, slots=True)
class NotCovered:
    """A log file that lies among the others but is in no digest: another trail's, delivered without validation, or slipped in."""

    bucket: str
    key: str

    def __str__(self) -> str:
        return f"Log file\ts3://{self.bucket}/{self.key}\tnot covered by any digest file"


Finding = Verdict | Gap | MissingDigests | NotCovered
PublicKeys = Callable[[int, int], Mapping[str, bytes]]
"""ListPublicKeys of the source Region: the keys (PKCS#1 DER) valid in a time range, by fingerprint."""


class InvalidDigest(Exception):
    """The digest does not pass; the message is the result that is printed."""


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
        return int(any(isinstance(one, MissingDigests) or (isinstance(one, Verdict) and one.problem is not None) for one in self.findings))

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
            "logFiles": {"valid": self.count("log", valid=True), "invalid": self.count("log", valid=False)},
            "invalid": [{"kind": one.kind, "bucket": one.bucket, "key": one.key, "problem": one.problem} for one in files if one.problem],
            "gaps": [{"start": shown(one.start), "end": shown(one.end)} for one in self.findings if isinstance(one, Gap)],
            "missingDigests": [str(one).partition("\t")[2] for one in self.findings if isinstance(one, MissingDigests)],
            "notCovered": [{"bucket": one.bucket, "key": one.key} for one in self.findings if isinstance(one, NotCovered)],
            "valid": self.exit_code == 0,
        }


def shown(at: int) -> str:
    """A time as results print it."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def listing_starts_after(question: Question) -> str:
    """The key after which the digests of the range begin in a listing of the digest folder."""
    arn = names.parse_arn(question.trail_arn)
    time = datetime.fromtimestamp(question.start, UTC) - timedelta(minutes=1)
    stem = f"{question.account_id}_CloudTrail-Digest_{question.region}_{arn.name}_{arn.region}"
    return f"{question.digest_folder}{time:%Y/%m/%d}/{stem}_{time:%Y%m%dT%H%M%SZ}.json.gz"


def digest_keys(question: Question, listed: Iterable[str]) -> tuple[list[str], list[str]]:
    """The digests of the chain in the range, oldest first: the regular ones, and backfill digests. Reads no further than needed."""
    arn = names.parse_arn(question.trail_arn)
    stem = f"{question.account_id}_CloudTrail-Digest_{question.region}_{arn.name}_{arn.region}_"
    rest = re.escape(stem) + r"(\d{8}T\d{6}Z)(_backfill)?\.json\.gz"
    pattern = re.compile(re.escape(question.digest_folder) + r"(\d{4}/\d\d/\d\d)/" + rest, re.ASCII)
    first, last = (f"{datetime.fromtimestamp(at, UTC):%Y%m%dT%H%M%SZ}" for at in (question.start, question.end + SPILL))
    regular: list[str] = []
    backfill: list[str] = []
    for key in listed:
        found = pattern.fullmatch(key)
        if found is None:
            continue
        day, stamp, late = found.groups()
        if day.replace("/", "") > last[:8]:  # not by the stamp: a key slipped in with a stamp too late must not end the list
            break
        if first <= stamp <= last and _is_time(stamp):
            (backfill if late else regular).append(key)
    return regular, backfill


def check_digest(question: Question, bucket: str, key: str, found: Fetched | None, keys: Mapping[str, bytes], more: PublicKeys) -> Digest:
    """Steps 1 to 5. Raises `InvalidDigest`. `more` is asked only for backfill digests, whose key may be of a later time."""
    if found is None:
        raise InvalidDigest("not found")
    try:
        text = gunzip.unpacked(found.body)
        content = orjson.loads(text)
    except (gunzip.NotGzip, gunzip.TrailingData, orjson.JSONDecodeError):
        raise InvalidDigest("invalid format") from None
    signature = found.metadata.get("signature")
    if signature is None or found.metadata.get("signature-algorithm") is None:
        raise InvalidDigest("signature verification failed")
    start, end, log_files = _members(question, content)
    if (content["digestS3Bucket"], content["digestS3Object"]) != (bucket, key):
        raise InvalidDigest("has been moved from its original location")
    fingerprint = content["digestPublicKeyFingerprint"]
    public = keys.get(fingerprint)
    if public is None and key.endswith(_BACKFILL):
        made = _time(str(found.metadata.get("backfill-generation-timestamp", ""))[:19] + "Z")
        public = more(made - 3600, made + 3600).get(fingerprint)
    if public is None:
        home = names.parse_arn(question.trail_arn).region
        raise InvalidDigest(f"public key not found in region {home} for fingerprint {fingerprint}")
    digest_hash = hashlib.sha256(text).hexdigest()
    previous = content["previousDigestSignature"]
    _verify(public, fingerprint, signature, string_to_sign(content["digestEndTime"], bucket, key, digest_hash, previous))
    return Digest(
        bucket=bucket,
        key=key,
        start=start,
        end=end,
        hash=digest_hash,
        signature=signature,
        previous_bucket=content.get("previousDigestS3Bucket"),
        previous_key=content.get("previousDigestS3Object"),
        previous_hash=content.get("previousDigestHashValue"),
        previous_signature=previous,
        log_files=log_files,
    )


def check_link(digest: Digest, successor: Digest | None) -> None:
    """Step 6. Raises `InvalidDigest` for a digest that is not the one its successor was chained to."""
    if successor is None:
        return
    if successor.previous_hash is not None and digest.hash != successor.previous_hash:
        raise InvalidDigest("hash value doesn't match")
    if digest.signature != successor.previous_signature:
        raise InvalidDigest("signature doesn't match the digest file that follows it")


def check_log(entry: LogEntry, found: Fetched | None) -> Verdict:
    """The verdict on one log file."""
    problem = None
    if found is None:
        problem = "not found"
    else:
        try:
            if gunzip.content_hash(found.body) != entry.hash:
                problem = "hash value doesn't match"
        except gunzip.TrailingData:
            problem = "unexpected data after end of compressed stream"
        except gunzip.NotGzip:
            problem = "invalid format"
    return Verdict("log", entry.bucket, entry.key, problem)


def walk(
    question: Question,
    listed: Callable[[str], list[str]],
    check: Callable[[str, str], Digest],
    *,
    backfill: bool = False,
) -> Iterator[Digest | Verdict | Gap]:
    """The chain from its newest digest back to the start of the range: each digest that passes, a verdict for each that does not, and gaps.

    `listed` gives the keys of the chain in a bucket, oldest first; `check` is `check_digest` over whatever fetches.
    """
    bucket = question.bucket
    keys = list(listed(bucket))
    key = keys.pop() if keys else None
    oldest = question.end + SPILL if key else question.start
    successor: Digest | None = None
    while key is not None and question.start <= oldest:
        try:
            digest = check(bucket, key)
            check_link(digest, successor)
        except InvalidDigest as invalid:
            yield Verdict("digest", bucket, key, str(invalid), backfill)
            key, successor = _before(keys, key), None
            continue
        if successor is not None and digest.end < successor.start:
            yield Gap(digest.end, successor.start, backfill)
        oldest = digest.start
        yield digest
        if digest.previous_key is None or digest.previous_bucket is None:
            key, successor = _before(keys, key), None
            if key is not None:
                yield Gap(int(datetime.fromisoformat(_stamp(key)).timestamp()), oldest, backfill)
        else:
            key, successor = digest.previous_key, digest
            if digest.previous_bucket != bucket:
                bucket = digest.previous_bucket
                keys = list(listed(bucket))


def missing_newest(question: Question, newest_end: int | None) -> MissingDigests | None:
    """Whether digests that must have been made since `newest_end` are not there."""
    if question.expected_until is None or (newest_end is not None and newest_end >= question.expected_until):
        return None
    return MissingDigests(newest_end, question.expected_until)


def not_covered(question: Question, listed: Iterable[Listed], covered: set[tuple[str, str]], start: int, end: int) -> list[NotCovered]:
    """The log files of the trail's bucket, delivered in `[start, end)`, that no digest lists."""
    return [
        NotCovered(question.bucket, one.key)
        for one in listed
        if one.key.endswith(".json.gz") and start + SLACK <= one.modified < end - SLACK and (question.bucket, one.key) not in covered
    ]


def _members(question: Question, content: Any) -> tuple[int, int, tuple[LogEntry, ...]]:
    """Step 2, for what is in the JSON. Raises `InvalidDigest`."""
    if not isinstance(content, dict) or not all(isinstance(content.get(name), str) for name in _TEXTS):
        raise InvalidDigest("invalid format")
    if "previousDigestSignature" not in content or not all(isinstance(content.get(name), str | None) for name in _LINKS):
        raise InvalidDigest("invalid format")
    if content.get("awsAccountId", question.account_id) != question.account_id:
        raise InvalidDigest("invalid format")
    if content.get("digestSignatureAlgorithm", ALGORITHM) != ALGORITHM:
        raise InvalidDigest("signature verification failed")
    entries: list[LogEntry] = []
    for one in content.get("logFiles") or ():
        if not isinstance(one, dict) or one.get("hashAlgorithm", "SHA-256") != "SHA-256":
            raise InvalidDigest("invalid format")
        members = [one.get(name) for name in ("s3Bucket", "s3Object", "hashValue")]
        texts = [member for member in members if isinstance(member, str)]
        if len(texts) != len(members):
            raise InvalidDigest("invalid format")
        entries.append(LogEntry(*texts))
    return _time(content["digestStartTime"]), _time(content["digestEndTime"]), tuple(entries)


def _verify(public: bytes, fingerprint: str, signature: str, message: bytes) -> None:
    try:
        key = signatures.public_key(public)
    except ValueError:
        raise InvalidDigest(f"Unable to load PKCS #1 key with fingerprint {fingerprint}") from None
    if not signatures.holds(key, signature, message):
        raise InvalidDigest("signature verification failed")


def _time(text: str) -> int:
    if not _TIME.fullmatch(text):
        raise InvalidDigest("invalid format")
    try:
        return int(datetime.fromisoformat(text).timestamp())
    except ValueError:
        raise InvalidDigest("invalid format") from None


def _stamp(key: str) -> str:
    """The end of a digest's period as its key tells it: `20260105T100000Z`. Stamps sort as times do."""
    return (key[: -len(_BACKFILL)] if key.endswith(_BACKFILL) else key[: -len(".json.gz")])[-16:]


def _is_time(stamp: str) -> bool:
    try:
        datetime.fromisoformat(stamp)
    except ValueError:
        return False
    return True


def _before(keys: list[str], key: str) -> str | None:
    """The newest of the remaining keys whose stamp is before that of `key`; takes it, and those passed over, off `keys`."""
    while keys:
        candidate = keys.pop()
        if _stamp(candidate) < _stamp(key):
            return candidate
    return None
