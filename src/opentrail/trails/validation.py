"""Whether a chain of digest files, and the log files they list, are what CloudTrail delivered (reference of delivery, §10.7 and §11).

The core of trust: pure, no I/O. It is handed bytes and gives verdicts; `validate` fetches. It finds what the AWS CLI finds, in the same
words, and beyond that a predecessor that was replaced, a newest digest that is not the one the server made, and log files that no digest
lists. Whether all digests are there is the business of `completeness`.

Steps for one digest: 1. it is there; 2. it is gzip and JSON with the members of a digest; 3. it lies where it says; 4. its key is known;
5. its signature holds, and is the one that the server remembers; 6. it is the one that its successor names, by hash and by signature. For a
log file: it is there, it is
gzip, and what it holds has the hash in the digest.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from opentrail.trails import gunzip, names
from opentrail.trails import signature as signatures
from opentrail.trails.findings import Gap, NotCovered, Question, Verdict
from opentrail.trails.signature import ALGORITHM, string_to_sign

SPILL = 3600
"""Seconds after the end of the range in which digests are still taken: files delivered before the end may be listed there."""
FEW = 4
"""Digests of either kind behind the range that are looked at where one of them must cover its end."""
SLACK = 60
"""Seconds by which a log file may be noted as delivered later than its bucket says."""

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)
_BACKFILL = "_backfill.json.gz"
_TEXTS = ("digestPublicKeyFingerprint", "digestS3Bucket", "digestS3Object", "digestEndTime", "digestStartTime")
_LINKS = ("previousDigestS3Bucket", "previousDigestS3Object", "previousDigestHashValue", "previousDigestSignature")


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
class Hole:
    """Time between a digest and the one it names: backfill digests must cover it."""

    start: int
    end: int


PublicKeys = Callable[[int, int], Mapping[str, bytes]]
"""ListPublicKeys of the source Region: the keys (PKCS#1 DER) valid in a time range, by fingerprint."""


class InvalidDigest(Exception):
    """The digest does not pass; the message is the result that is printed."""


def listing_starts_after(question: Question, digest_folder: str, at: int) -> str:
    """The key after which the digests stamped from `at` on (epoch seconds) begin in a listing of a digest folder."""
    time = datetime.fromtimestamp(at, UTC) - timedelta(minutes=1)
    return f"{digest_folder}{time:%Y/%m/%d}/{_stem(question)}{time:%Y%m%dT%H%M%SZ}.json.gz"


def digest_keys(question: Question, digest_folder: str, listed: Iterable[str]) -> tuple[list[str], list[str]]:
    """The digests of the chain in the range, oldest first: the regular ones, and backfill digests. Reads no further than needed."""
    pattern = _pattern(question, digest_folder)
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


def digest_keys_beyond(question: Question, digest_folder: str, listed: Iterable[str]) -> list[str]:
    """The first few digests after the range of either kind, as far as `listed` tells; more than one, as some may have been slipped in."""
    pattern = _pattern(question, digest_folder)
    last = f"{datetime.fromtimestamp(question.end + SPILL, UTC):%Y%m%dT%H%M%SZ}"
    found: dict[bool, list[str]] = {False: [], True: []}
    for key in listed:
        matched = pattern.fullmatch(key)
        if matched is not None and matched[2] > last and _is_time(matched[2]):
            found[matched[3] is None].append(key)
            if min(map(len, found.values())) >= FEW:
                break
    return [key for kind in found.values() for key in kind[:FEW]]


def folder_of(key: str) -> str:
    """The digest folder of the chain that has a digest with this key: everything before year, month and day."""
    return "/".join(key.split("/")[:-4]) + "/"


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
    if signature is None or found.metadata.get("signature-algorithm") != ALGORITHM:
        raise InvalidDigest("signature verification failed")
    made = _made(found.metadata) if key.endswith(_BACKFILL) else None
    start, end, log_files = _members(question, content)
    if (content["digestS3Bucket"], content["digestS3Object"]) != (bucket, key):
        raise InvalidDigest("has been moved from its original location")
    fingerprint = content["digestPublicKeyFingerprint"]
    public = keys.get(fingerprint)
    if public is None and made is not None:
        public = more(made - 3600, made + 3600).get(fingerprint)
    if public is None:
        home = names.parse_arn(question.trail_arn).region
        raise InvalidDigest(f"public key not found in region {home} for fingerprint {fingerprint}")
    digest_hash = hashlib.sha256(text).hexdigest()
    previous = content["previousDigestSignature"]
    _verify(public, fingerprint, signature, string_to_sign(content["digestEndTime"], bucket, key, digest_hash, previous))
    for one in question.known.stretches if question.known is not None else ():
        if (one.bucket, one.key) == (bucket, key) and not signature.startswith(one.signature or ""):
            raise InvalidDigest("is not the digest file that was delivered")
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


class Pool:
    """The digests that are known to be there, or to have been: of every place that the walk has come to, and what the server remembers."""

    def __init__(self, listed: Callable[[str, str], list[str]]) -> None:
        """`listed` gives the keys of the chain in a bucket's digest folder."""
        self._listed = listed
        self._places: set[tuple[str, str]] = set()
        self._known: list[tuple[str, str, str]] = []

    @property
    def places(self) -> list[tuple[str, str]]:
        """The buckets and folders listed so far."""
        return sorted(self._places)

    def look_into(self, bucket: str, digest_folder: str) -> None:
        """Have what lies there."""
        if (bucket, digest_folder) not in self._places:
            self._places.add((bucket, digest_folder))
            self._known += [(_stamp(key), bucket, key) for key in self._listed(bucket, digest_folder)]
            self._known.sort()

    def add(self, bucket: str, key: str) -> None:
        """Have this one, whether it lies there or not."""
        self._known.append((_stamp(key), bucket, key))
        self._known.sort()

    def newest(self, before: str | None = None) -> tuple[str, str] | None:
        """Bucket and key of the newest one, stamped before the digest with the key `before`; takes it, and those passed over, out."""
        while self._known:
            stamp, bucket, key = self._known.pop()
            if before is None or stamp < _stamp(before):
                return bucket, key
        return None


def walk(
    question: Question, pool: Pool, check: Callable[[str, str], Digest], *, backfill: bool = False
) -> Iterator[Digest | Verdict | Gap | Hole]:
    """The chain from its newest digest back to the start of the range: each digest that passes, a verdict for each that does not, and gaps.

    `check` is `check_digest` over whatever fetches.
    """
    found = pool.newest()
    oldest = question.end + SPILL if found else question.start
    successor: Digest | None = None
    while found is not None and question.start <= oldest:
        bucket, key = found
        pool.look_into(bucket, folder_of(key))
        try:
            digest = check(bucket, key)
            check_link(digest, successor)
        except InvalidDigest as invalid:
            yield Verdict("digest", bucket, key, str(invalid), backfill)
            found, successor = pool.newest(before=key), None
            continue
        if successor is not None and digest.end < successor.start and not backfill:
            yield Hole(digest.end, successor.start)
        oldest = digest.start
        yield digest
        if digest.previous_key is None or digest.previous_bucket is None:
            found, successor = pool.newest(before=key), None
            if found is not None:
                yield Gap(int(datetime.fromisoformat(_stamp(found[1])).timestamp()), oldest, backfill)
        else:
            found, successor = (digest.previous_bucket, digest.previous_key), digest


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


def _stem(question: Question) -> str:
    """What the names of the chain's digests begin with."""
    arn = names.parse_arn(question.trail_arn)
    return f"{question.account_id}_CloudTrail-Digest_{question.region}_{arn.name}_{arn.region}_"


def _pattern(question: Question, digest_folder: str) -> re.Pattern[str]:
    rest = re.escape(_stem(question)) + r"(\d{8}T\d{6}Z)(_backfill)?\.json\.gz"
    return re.compile(re.escape(digest_folder) + r"(\d{4}/\d\d/\d\d)/" + rest, re.ASCII)


def _made(metadata: Mapping[str, str]) -> int:
    """When a backfill digest was made. Raises `InvalidDigest`."""
    return _time(metadata.get("backfill-generation-timestamp", "")[:19] + "Z")


def _is_time(stamp: str) -> bool:
    try:
        datetime.fromisoformat(stamp)
    except ValueError:
        return False
    return True
