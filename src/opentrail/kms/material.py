"""Key material and what is computed with it: random keys, RSA, elliptic curves, HMAC. Pure but for random numbers.

Material is bytes: the key itself for symmetric and HMAC keys, PKCS #8 (DER) for key pairs.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils

from opentrail.kms.faults import InvalidCiphertextException
from opentrail.kms.specs import Spec
from opentrail.wire.faults import ValidationException

_CURVES: Final[Mapping[str, type[ec.EllipticCurve]]] = {
    "ECC_NIST_P256": ec.SECP256R1,
    "ECC_NIST_P384": ec.SECP384R1,
    "ECC_NIST_P521": ec.SECP521R1,
    "ECC_SECG_P256K1": ec.SECP256K1,
}
_HASHES: Final[Mapping[str, type[hashes.HashAlgorithm]]] = {
    "1": hashes.SHA1,
    "256": hashes.SHA256,
    "384": hashes.SHA384,
    "512": hashes.SHA512,
}


@dataclass(frozen=True, slots=True)
class Pair:
    """A key pair: PKCS #8 and SubjectPublicKeyInfo, both DER."""

    private: bytes
    public: bytes


def generate(spec: Spec) -> bytes:
    """New key material; an RSA pair takes up to some seconds."""
    if spec.kind in ("symmetric", "hmac"):
        return os.urandom(spec.size)
    return pair(spec).private


def pair(spec: Spec) -> Pair:
    """A new key pair."""
    private: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
    if spec.kind == "rsa":
        private = rsa.generate_private_key(public_exponent=65537, key_size=spec.size)
    else:
        private = ec.generate_private_key(_CURVES[spec.name]())
    text = private.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return Pair(text, _public_text(private.public_key()))


def public(material: bytes) -> bytes:
    """The public part of a key pair: SubjectPublicKeyInfo, DER."""
    return _public_text(_private(material).public_key())


def most_plaintext(spec: Spec, algorithm: str) -> int:
    """Bytes that an RSA key can encrypt at once."""
    return spec.size // 8 - 2 * _hash(algorithm).digest_size - 2


def encrypt(material: bytes, algorithm: str, plaintext: bytes) -> bytes:
    """RSA-OAEP; `plaintext` is no longer than `most_plaintext`."""
    return _rsa(material).public_key().encrypt(plaintext, _oaep(algorithm))


def decrypt(material: bytes, algorithm: str, ciphertext: bytes) -> bytes:
    """RSA-OAEP. Raises `InvalidCiphertextException`."""
    try:
        return _rsa(material).decrypt(ciphertext, _oaep(algorithm))
    except ValueError:
        raise InvalidCiphertextException from None


def sign(material: bytes, algorithm: str, message: bytes, *, digested: bool) -> bytes:
    """The signature of `message`, or of the message whose digest it is (`digested`). ECDSA signatures are DER (RFC 3279, 2.2.3).

    Raises `ValidationException` for a digest of a wrong length.
    """
    digest = _digest(algorithm, message, digested)
    private, prehashed = _private(material), utils.Prehashed(_hash(algorithm))
    if isinstance(private, rsa.RSAPrivateKey):
        return private.sign(digest, _rsa_padding(algorithm), prehashed)
    return private.sign(digest, ec.ECDSA(prehashed))


def verifies(material: bytes, algorithm: str, message: bytes, signature: bytes, *, digested: bool) -> bool:
    """Whether `signature` is one of `message`; parameters as in `sign`."""
    digest = _digest(algorithm, message, digested)
    known, prehashed = _private(material).public_key(), utils.Prehashed(_hash(algorithm))
    try:
        if isinstance(known, rsa.RSAPublicKey):
            known.verify(signature, digest, _rsa_padding(algorithm), prehashed)
        else:
            known.verify(signature, digest, ec.ECDSA(prehashed))
    except InvalidSignature:
        return False
    return True


def mac(material: bytes, algorithm: str, message: bytes) -> bytes:
    """The HMAC of `message` by `HMAC_SHA_…`."""
    return hmac.digest(material, message, f"sha{algorithm.rpartition('_')[2]}")


def _digest(algorithm: str, message: bytes, digested: bool) -> bytes:
    kind = _hash(algorithm)
    if not digested:
        return hashlib.new(kind.name, message).digest()
    if len(message) != kind.digest_size:
        raise ValidationException(f"Digest is invalid length for algorithm {algorithm}.")
    return message


def _hash(algorithm: str) -> hashes.HashAlgorithm:
    return _HASHES[algorithm.rpartition("_")[2]]()


def _oaep(algorithm: str) -> padding.OAEP:
    kind = _hash(algorithm)
    return padding.OAEP(mgf=padding.MGF1(algorithm=kind), algorithm=kind, label=None)


def _rsa_padding(algorithm: str) -> padding.AsymmetricPadding:
    if algorithm.startswith("RSASSA_PSS"):
        kind = _hash(algorithm)
        return padding.PSS(mgf=padding.MGF1(kind), salt_length=kind.digest_size)
    return padding.PKCS1v15()


def _rsa(material: bytes) -> rsa.RSAPrivateKey:
    private = _private(material)
    assert isinstance(private, rsa.RSAPrivateKey)
    return private


def _private(material: bytes) -> rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey:
    # It was made by `pair` and sealed since: testing its numbers again would take longer than using them.
    private = serialization.load_der_private_key(material, password=None, unsafe_skip_rsa_key_validation=True)
    assert isinstance(private, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey)
    return private


def _public_text(known: rsa.RSAPublicKey | ec.EllipticCurvePublicKey) -> bytes:
    return known.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
