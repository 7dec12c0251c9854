"""What is computed with key material agrees with what others compute from the public key."""

from __future__ import annotations

import hashlib
import hmac

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from hypothesis import given, settings
from hypothesis import strategies as st

from opentrail.kms import material
from opentrail.kms.faults import InvalidCiphertextException
from opentrail.kms.specs import SPECS
from opentrail.wire.faults import ValidationException

HASHES = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}
RSA = material.generate(SPECS["RSA_2048"])
CURVES = {name: material.generate(SPECS[name]) for name in SPECS if name.startswith("ECC")}


def public(private: bytes) -> rsa.RSAPublicKey | ec.EllipticCurvePublicKey:
    loaded = serialization.load_der_public_key(material.public(private))
    assert isinstance(loaded, rsa.RSAPublicKey | ec.EllipticCurvePublicKey)
    return loaded


@pytest.mark.parametrize("algorithm", SPECS["RSA_2048"].algorithms["SIGN_VERIFY"])
def test_rsa_signatures_hold_for_anybody_with_the_public_key(algorithm: str) -> None:
    kind = HASHES[algorithm[-3:]]
    how = padding.PSS(padding.MGF1(kind), kind.digest_size) if "PSS" in algorithm else padding.PKCS1v15()
    known = public(RSA)
    assert isinstance(known, rsa.RSAPublicKey)
    known.verify(material.sign(RSA, algorithm, b"message", digested=False), b"message", how, kind)


@pytest.mark.parametrize("name", CURVES)
def test_ecdsa_signatures_hold_for_anybody_with_the_public_key(name: str) -> None:
    (algorithm,) = SPECS[name].algorithms["SIGN_VERIFY"]
    signature = material.sign(CURVES[name], algorithm, b"message", digested=False)
    known = public(CURVES[name])
    assert isinstance(known, ec.EllipticCurvePublicKey)
    assert known.curve.key_size == SPECS[name].size
    known.verify(signature, b"message", ec.ECDSA(HASHES[algorithm[-3:]]))
    with pytest.raises(InvalidSignature):
        known.verify(signature, b"massage", ec.ECDSA(HASHES[algorithm[-3:]]))


@pytest.mark.parametrize(("key", "algorithm"), [(RSA, "RSASSA_PSS_SHA_384"), (CURVES["ECC_NIST_P384"], "ECDSA_SHA_384")])
def test_a_message_and_its_digest_have_the_same_signatures(key: bytes, algorithm: str) -> None:
    digest = hashlib.sha384(b"message").digest()
    assert material.verifies(key, algorithm, b"message", material.sign(key, algorithm, digest, digested=True), digested=False)
    assert material.verifies(key, algorithm, digest, material.sign(key, algorithm, b"message", digested=False), digested=True)
    with pytest.raises(ValidationException, match="Digest is invalid length"):
        material.sign(key, algorithm, digest[1:], digested=True)


@settings(max_examples=30)
@given(st.binary(max_size=100), st.data())
def test_no_other_signature_and_no_other_message_verifies(message: bytes, data: st.DataObject) -> None:
    key = CURVES["ECC_NIST_P256"]
    signature = material.sign(key, "ECDSA_SHA_256", message, digested=False)
    assert material.verifies(key, "ECDSA_SHA_256", message, signature, digested=False)
    assert not material.verifies(key, "ECDSA_SHA_256", message + b"x", signature, digested=False)
    assert not material.verifies(key, "ECDSA_SHA_256", message, data.draw(st.binary(max_size=80)), digested=False)


@pytest.mark.parametrize("algorithm", SPECS["RSA_2048"].algorithms["ENCRYPT_DECRYPT"])
def test_what_the_public_key_encrypts_the_private_one_decrypts(algorithm: str) -> None:
    most = material.most_plaintext(SPECS["RSA_2048"], algorithm)
    assert most == {"RSAES_OAEP_SHA_1": 214, "RSAES_OAEP_SHA_256": 190}[algorithm]
    blob = material.encrypt(RSA, algorithm, bytes(most))
    assert material.decrypt(RSA, algorithm, blob) == bytes(most)
    for wrong in (b"", b"short", blob[:-1] + bytes([blob[-1] ^ 1]), bytes(256), b"\xff" * 256):
        with pytest.raises(InvalidCiphertextException):
            material.decrypt(RSA, algorithm, wrong)


@pytest.mark.parametrize("name", ["HMAC_224", "HMAC_256", "HMAC_384", "HMAC_512"])
def test_macs_are_those_of_rfc_2104(name: str) -> None:
    key = material.generate(SPECS[name])
    (algorithm,) = SPECS[name].algorithms["GENERATE_VERIFY_MAC"]
    assert material.mac(key, algorithm, b"message") == hmac.new(key, b"message", f"sha{name[-3:]}").digest()
    assert len(key) == int(name[-3:]) // 8


def test_material_is_new_each_time() -> None:
    assert len({material.generate(SPECS[name]) for name in ("SYMMETRIC_DEFAULT", "HMAC_256", "ECC_NIST_P256") for _ in range(5)}) == 15
