"""Key pairs that sign digest files: one per Region, RSA-2048, valid for 30 days, followed by the next before it ends.

The private part is a PEM file in the keys folder, readable by its owner only; the public part and the validity are rows of the state
database and stay there for good, so that old digests can be verified. A pair is made when it is first needed. Its file is
on disk before its row: a crash in between leaves a file that nobody names.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from sqlalchemy import Column, Float, LargeBinary, MetaData, String, Table, and_, insert, select

from opentrail.clock import Clock
from opentrail.storage.database import Database

VALIDITY = 30 * 86400.0
"""Seconds for which a key pair is valid (reference of delivery, §10.4)."""
OVERLAP = 86400.0
"""Seconds before the end at which the next pair takes over; the two are valid together for so long."""

METADATA = MetaData()

KEYS = Table(
    "signing_keys",
    METADATA,
    Column("fingerprint", String, primary_key=True),
    Column("region", String, nullable=False, index=True),
    Column("public", LargeBinary, nullable=False),
    Column("start", Float, nullable=False),
    Column("end", Float, nullable=False),
)


@dataclass(frozen=True, slots=True)
class PublicKey:
    """The public part of a pair, as ListPublicKeys shows it. Times are epoch seconds."""

    value: bytes
    """DER of PKCS#1 `RSAPublicKey`."""
    start: float
    end: float
    fingerprint: str
    """MD5 of `value`, lower-case hex."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A pair that is valid now."""

    fingerprint: str
    end: float
    private: rsa.RSAPrivateKey

    def sign(self, message: bytes) -> bytes:
        """RSASSA-PKCS1-v1_5 with SHA-256; the same message always gets the same signature."""
        return self.private.sign(message, padding.PKCS1v15(), hashes.SHA256())


def generate() -> rsa.RSAPrivateKey:
    """A new pair; takes some tenths of a second."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


class SigningKeys:
    """The pairs of every Region. Thread-safe, and safe beside another process over the same folder."""

    def __init__(self, database: Database, folder: Path, clock: Clock, *, generate: Callable[[], rsa.RSAPrivateKey] = generate) -> None:
        self._database = database
        self._folder = folder
        self._clock = clock
        self._generate = generate
        self._current: dict[str, SigningKey] = {}
        self._lock = threading.Lock()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        database.create(METADATA)

    def current(self, region: str) -> SigningKey:
        """The pair of `region` that signs now; made if there is none. Raises `OSError` when the keys folder cannot be used."""
        with self._lock:
            now = self._clock.time()
            held = self._current.get(region)
            if held is None or not held.end - VALIDITY <= now < held.end - OVERLAP:
                held = self._current[region] = self._newest(region, now) or self._new(region, now)
            return held

    def sign(self, region: str, message: bytes) -> tuple[str, bytes]:
        """Fingerprint of the current pair of `region`, and its signature of `message`."""
        key = self.current(region)
        return key.fingerprint, key.sign(message)

    def public_keys(self, region: str, start: float, end: float) -> list[PublicKey]:
        """Every public key of `region` whose validity overlaps `[start, end]`, oldest first; the current one is made if that is now."""
        if start <= self._clock.time() <= end:
            self.current(region)
        where = and_(KEYS.c.region == region, KEYS.c.start <= end, KEYS.c.end >= start)
        with self._database.read() as connection:
            rows = connection.execute(select(KEYS).where(where).order_by(KEYS.c.start, KEYS.c.fingerprint)).all()
        return [PublicKey(row.public, row.start, row.end, row.fingerprint) for row in rows]

    def _newest(self, region: str, now: float) -> SigningKey | None:
        """The newest usable pair on disk. One whose file is lost or spoilt is passed over; its public part stays listed."""
        where = and_(KEYS.c.region == region, KEYS.c.start <= now, KEYS.c.end > now + OVERLAP)
        with self._database.read() as connection:
            rows = connection.execute(
                select(KEYS.c.fingerprint, KEYS.c.end).where(where).order_by(KEYS.c.start.desc(), KEYS.c.fingerprint)
            ).all()
        for fingerprint, end in rows:
            try:
                private = serialization.load_pem_private_key(self._file(region, fingerprint).read_bytes(), password=None)
            except (OSError, ValueError):
                continue
            if isinstance(private, rsa.RSAPrivateKey) and _fingerprint(_public(private)) == fingerprint:
                return SigningKey(fingerprint, end, private)
        return None

    def _new(self, region: str, now: float) -> SigningKey:
        private = self._generate()
        public = _public(private)
        fingerprint = _fingerprint(public)
        start = float(int(now))
        self._write(self._file(region, fingerprint), private)
        with self._database.begin() as connection:
            row = {"fingerprint": fingerprint, "region": region, "public": public, "start": start, "end": start + VALIDITY}
            connection.execute(insert(KEYS).values(**row))
        return SigningKey(fingerprint, start + VALIDITY, private)

    def _file(self, region: str, fingerprint: str) -> Path:
        return self._folder / f"signing-{region}-{fingerprint}.pem"

    def _write(self, file: Path, private: rsa.RSAPrivateKey) -> None:
        text = private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        partial = file.with_suffix(".partial")
        partial.unlink(missing_ok=True)
        with open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as opened:
            opened.write(text)
            opened.flush()
            os.fsync(opened.fileno())
        partial.rename(file)
        folder = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _public(private: rsa.RSAPrivateKey) -> bytes:
    return private.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.PKCS1)


def _fingerprint(public: bytes) -> str:
    return hashlib.md5(public, usedforsecurity=False).hexdigest()
