"""The signature of a digest file: what it is made over, and whether it holds (reference of delivery, §10.4). Pure."""

from __future__ import annotations

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

ALGORITHM = "SHA256withRSA"

_INTEGER, _SEQUENCE = 0x02, 0x30


def string_to_sign(end: str, bucket: str, key: str, digest_hash: str, previous_signature: str | None) -> bytes:
    """`end` and the hash are text as the digest prints them; the first digest of a chain has no previous signature."""
    return f"{end}\n{bucket}/{key}\n{digest_hash}\n{previous_signature or 'null'}".encode()


def public_key(value: bytes) -> rsa.RSAPublicKey:
    """The key whose PKCS#1 `RSAPublicKey` in DER is `value` (RFC 8017, A.1.1). Raises `ValueError` for anything else.

    Read here because cryptography's own loader imports every format there is, which takes longer than verifying a year of digests.
    """
    content, behind = _element(value, _SEQUENCE)
    modulus, rest = _element(content, _INTEGER)
    exponent, end = _element(rest, _INTEGER)
    if behind or end:
        raise ValueError("there is something behind the key")
    return rsa.RSAPublicNumbers(_positive(exponent), _positive(modulus)).public_key()


def holds(key: rsa.RSAPublicKey, signature: str, message: bytes) -> bool:
    """Whether `signature` (hex) is one of `message` by `key`: RSASSA-PKCS1-v1_5 with SHA-256."""
    try:
        key.verify(bytes.fromhex(signature), message, padding.PKCS1v15(), hashes.SHA256())
    except (InvalidSignature, ValueError):
        return False
    return True


def _element(der: bytes, tag: int) -> tuple[bytes, bytes]:
    """The content of the element that `der` begins with, and what comes behind it."""
    if len(der) < 2 or der[0] != tag:
        raise ValueError("not a public key in DER")
    length, start = der[1], 2
    if length >= 0x80:
        start += length & 0x7F
        length = int.from_bytes(der[2:start], "big")
        if length < 0x80 or der[2] == 0:
            raise ValueError("a length is not in DER")
    if len(der) < start + length:
        raise ValueError("the public key is broken off")
    return der[start : start + length], der[start + length :]


def _positive(content: bytes) -> int:
    if not content or content[0] >= 0x80 or (len(content) > 1 and content[0] == 0 and content[1] < 0x80):
        raise ValueError("a number is not in DER, or not positive")
    return int.from_bytes(content, "big")
