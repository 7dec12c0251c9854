"""What the server knows of a chain of digests, for who validates it: which digests must be there. Pure; how to ask for it is said here too.

A *stretch* is a time in which the digests of a chain follow each other without a break, from a starting digest to a last one. From the
files alone nobody can tell that the newest digests, or the last ones before a pause, were removed: no other digest names them.

GetTrailStatus tells it to who sends the header `x-opentrail-digests: <account id>/<since>/<until>` (epoch seconds), in a header of that
name.
"""

from __future__ import annotations

import re
import zlib
from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

HEADER = "x-opentrail-digests"
MOST = 60
"""Stretches in one answer, the newest of the time range: a header must stay small enough for proxies."""
PROOF = 32
"""Characters of a signature that are told: nobody finds another digest whose signature begins with them."""
LARGEST = 1 << 20
"""Bytes of an answer that are unpacked at most."""

_ASKED = re.compile(r"(\d{12})/(\d{1,11})/(\d{1,11})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Stretch:
    """One of them. Times are epoch seconds."""

    began: int
    until: int
    """Up to when digests are in the bucket."""
    is_open: bool
    bucket: str | None
    """Of the newest regular digest; `None`, as key and signature, where there is none, or a newer one is on its way."""
    key: str | None
    signature: str | None
    """Hex, or the beginning of it."""

    @classmethod
    def of(cls, row: Sequence[Any]) -> Stretch:
        """From a row of `ENDED` or `OPEN`, or its like in an answer."""
        began, until, is_open, bucket, key, signature = row
        return cls(began, until, bool(is_open), bucket, key, signature)


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known of one chain in a time range."""

    since: int
    """From when on it is all that there was."""
    stretches: tuple[Stretch, ...]
    """Oldest first."""
    regions: tuple[str, ...]
    """The Regions in which the trail has ever had a chain for the account."""


ENDED = """
SELECT began, ended, 0, bucket, "key", signature FROM trail_stretches
WHERE arn = :arn AND account_id = :account AND region = :region AND ended >= :since AND began <= :until ORDER BY ended
"""
OPEN = """
SELECT c.began, CASE WHEN p.covers_from IS NULL THEN c.start ELSE p.covers_from END, 1,
    CASE WHEN p.covers_from IS NULL THEN c.previous_bucket END,
    CASE WHEN p.covers_from IS NULL THEN c.previous_key END,
    CASE WHEN p.covers_from IS NULL THEN c.previous_signature END
FROM trail_chains c JOIN trails t ON t.id = c.trail_id LEFT JOIN (
    SELECT trail_id, account_id, region, min(covers_from) AS covers_from FROM trail_plans
    WHERE kind = 'digest' AND delivered_at IS NULL GROUP BY trail_id, account_id, region
) p ON p.trail_id = c.trail_id AND p.account_id = c.account_id AND p.region = c.region
WHERE t.arn = :arn AND c.account_id = :account AND c.region = :region AND c.is_open AND c.began <= :until ORDER BY c.began
"""
REGIONS = """
SELECT region FROM trail_stretches WHERE arn = :arn AND account_id = :account
UNION SELECT c.region FROM trail_chains c JOIN trails t ON t.id = c.trail_id WHERE t.arn = :arn AND c.account_id = :account
ORDER BY region
"""
"""The questions to the state database, for the server and for `opentrail validate --local` alike."""


def asked(header: str) -> tuple[str, int, int] | None:
    """Account id, since, until; `None` for a header that asks for nothing."""
    found = _ASKED.fullmatch(header)
    return (found[1], int(found[2]), int(found[3])) if found else None


def asking(account_id: str, since: int, until: int) -> str:
    """The header that asks."""
    return f"{account_id}/{max(0, since)}/{max(0, until)}"


def encoded(known: Known) -> str:
    """The header that answers."""
    newest = known.stretches[-MOST:]
    since = known.since if len(newest) == len(known.stretches) else max(known.since, newest[0].began)
    rows = [[one.began, one.until, one.is_open, one.bucket, one.key, one.signature and one.signature[:PROOF]] for one in newest]
    text = orjson.dumps({"since": since, "stretches": rows, "regions": known.regions})
    return b64encode(zlib.compress(text, 9)).decode()


def decoded(header: str) -> Known | None:
    """What an answer says; `None` where it is no answer."""
    unpacker = zlib.decompressobj()
    try:
        found = orjson.loads(unpacker.decompress(b64decode(header, validate=True), LARGEST))
        return Known(
            since=int(found["since"]),
            stretches=tuple(Stretch.of(row) for row in found["stretches"]),
            regions=tuple(found["regions"]),
        )
    except (ValueError, KeyError, TypeError, zlib.error):
        return None
