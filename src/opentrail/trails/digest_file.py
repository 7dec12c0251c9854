"""One digest file: what it says, its signature, its key and metadata (reference of delivery, §10.2-§10.4). Pure but for the signing."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

import orjson

from opentrail.clock import iso_seconds
from opentrail.trails import keys
from opentrail.trails.periods import Period
from opentrail.trails.plans import ChainState, Link, Plan
from opentrail.trails.signature import ALGORITHM, string_to_sign
from opentrail.trails.store import Trail


class SigningKey(Protocol):
    """A private key; who holds it need not be known here."""

    @property
    def fingerprint(self) -> str: ...
    def sign(self, message: bytes) -> bytes: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A digest that has to be made: what it covers, and where it goes."""

    period: Period
    files: tuple[Plan, ...]
    bucket: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """A digest that is made: its bytes, its metadata, and how the next one names it."""

    text: bytes
    metadata: dict[str, str]
    oldest: str | None
    newest: str | None
    link: Link


def pieces(
    trail: Trail, state: ChainState, periods: Sequence[Period], files: Sequence[Plan], organization_id: str | None = None
) -> tuple[Piece, ...]:
    """Give every period the files that were delivered in it; those from before the first period (none, unless the clock ran backwards) are
    in the first. Files delivered after the last period are in none. `organization_id` is that of the folder they lie in."""
    made: list[Piece] = []
    left = sorted(files, key=lambda file: file.id)
    for period in periods:
        covered = tuple(file for file in left if (file.delivered_at or 0.0) < period.end)
        left = [file for file in left if (file.delivered_at or 0.0) >= period.end]
        key = keys.digest_key(
            trail.s3_key_prefix,
            state.account_id,
            state.region,
            trail.name,
            trail.home_region,
            period.end,
            organization_id=organization_id,
        )
        if period.is_backfill:
            key = keys.backfill(key)
        made.append(Piece(period=period, files=covered, bucket=trail.s3_bucket_name, key=key))
    return tuple(made)


def sign(piece: Piece, account_id: str, previous: Link | None, key: SigningKey, now: float) -> Signed:
    """The digest file of `piece`, chained to `previous` (`None`: a starting digest), made at `now`."""
    end = iso_seconds(piece.period.end)
    newest = max((file.newest or "" for file in piece.files), default=None)
    oldest = min((file.oldest or "" for file in piece.files), default=None)
    text = orjson.dumps(
        {
            "awsAccountId": account_id,
            "digestStartTime": iso_seconds(piece.period.start),
            "digestEndTime": end,
            "digestS3Bucket": piece.bucket,
            "digestS3Object": piece.key,
            "digestPublicKeyFingerprint": key.fingerprint,
            "digestSignatureAlgorithm": ALGORITHM,
            "newestEventTime": newest,
            "oldestEventTime": oldest,
            "previousDigestS3Bucket": previous.bucket if previous else None,
            "previousDigestS3Object": previous.key if previous else None,
            "previousDigestHashValue": previous.hash if previous else None,
            "previousDigestHashAlgorithm": "SHA-256" if previous else None,
            "previousDigestSignature": previous.signature if previous else None,
            "logFiles": [_entry(file) for file in piece.files],
        }
    )
    digest_hash = hashlib.sha256(text).hexdigest()
    before = previous.signature if previous else None
    signature = key.sign(string_to_sign(end, piece.bucket, piece.key, digest_hash, before)).hex()
    metadata = {"signature": signature, "signature-algorithm": ALGORITHM}
    if piece.period.is_backfill:
        metadata["backfill-generation-timestamp"] = f"{datetime.fromtimestamp(now, UTC):%Y-%m-%dT%H:%M:%S}.{int(now * 1000) % 1000:03}Z"
    link = Link(bucket=piece.bucket, key=piece.key, hash=digest_hash, signature=signature)
    return Signed(text=text, metadata=metadata, oldest=oldest, newest=newest, link=link)


def _entry(file: Plan) -> dict[str, str | None]:
    return {
        "s3Bucket": file.bucket,
        "s3Object": file.key,
        "hashValue": file.hash,
        "hashAlgorithm": "SHA-256",
        "newestEventTime": file.newest,
        "oldestEventTime": file.oldest,
    }
