"""Key specs: what each kind of key material is, and what may be done with it (KMS developer guide, "key spec reference"). Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

Usage = Literal["ENCRYPT_DECRYPT", "SIGN_VERIFY", "GENERATE_VERIFY_MAC"]

SYMMETRIC: Final = "SYMMETRIC_DEFAULT"
"""Name of the symmetric key spec, and of its only algorithm: AES-256-GCM."""

_OAEP = ("RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256")
_RSA_SIGNATURES = (
    "RSASSA_PKCS1_V1_5_SHA_256",
    "RSASSA_PKCS1_V1_5_SHA_384",
    "RSASSA_PKCS1_V1_5_SHA_512",
    "RSASSA_PSS_SHA_256",
    "RSASSA_PSS_SHA_384",
    "RSASSA_PSS_SHA_512",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """One key spec."""

    name: str
    kind: Literal["symmetric", "rsa", "ecc", "hmac"]
    size: int
    """Bits of an RSA modulus or a curve; bytes of a symmetric or HMAC key."""
    algorithms: Mapping[Usage, Sequence[str]]
    """Usage → algorithms; what is not in it the key cannot be made for."""


def _rsa(size: int) -> Spec:
    return Spec(name=f"RSA_{size}", kind="rsa", size=size, algorithms={"ENCRYPT_DECRYPT": _OAEP, "SIGN_VERIFY": _RSA_SIGNATURES})


def _ecc(name: str, size: int, digest: int) -> Spec:
    return Spec(name=name, kind="ecc", size=size, algorithms={"SIGN_VERIFY": (f"ECDSA_SHA_{digest}",)})


def _hmac(digest: int) -> Spec:
    return Spec(name=f"HMAC_{digest}", kind="hmac", size=digest // 8, algorithms={"GENERATE_VERIFY_MAC": (f"HMAC_SHA_{digest}",)})


SPECS: Final[Mapping[str, Spec]] = {
    spec.name: spec
    for spec in (
        Spec(name=SYMMETRIC, kind="symmetric", size=32, algorithms={"ENCRYPT_DECRYPT": (SYMMETRIC,)}),
        *(_rsa(size) for size in (2048, 3072, 4096)),
        _ecc("ECC_NIST_P256", 256, 256),
        _ecc("ECC_NIST_P384", 384, 384),
        _ecc("ECC_NIST_P521", 521, 512),
        _ecc("ECC_SECG_P256K1", 256, 256),
        *(_hmac(digest) for digest in (224, 256, 384, 512)),
    )
}
"""The key specs that are served, by name."""

PAIRS: Final = tuple(name for name, spec in SPECS.items() if spec.kind in ("rsa", "ecc"))
"""Specs of data key pairs."""
