"""The public keys of `signing` read in place from the state database, by plain `sqlite3`: what `opentrail validate --local` verifies with.

Unlike ListPublicKeys it never makes a key. No private key is looked at.
"""

from __future__ import annotations

from opentrail.storage.read_only import ReadOnlyDatabase

_QUERY = 'SELECT fingerprint, public FROM signing_keys WHERE region = ? AND start <= ? AND "end" >= ? ORDER BY start, fingerprint'


def public_keys(database: ReadOnlyDatabase, region: str, start: float, end: float) -> dict[str, bytes]:
    """The keys (DER of PKCS#1) of `region` whose validity overlaps `[start, end]` (epoch seconds), by fingerprint. Raises `Unreadable`."""
    return dict(database.rows(_QUERY, (region, end, start)))
