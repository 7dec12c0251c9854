"""Encrypt, decrypt, data keys, signatures, MACs: through the API, with every way to do it wrong."""

from __future__ import annotations

import hashlib

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from opentrail.clock import ManualClock
from simulators.kms import ACCOUNT, House
from simulators.kms_callers import Caller

CONTEXT = {"purpose": "test", "ünï": "çødé"}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Caller:
    """For properties: one house for many examples."""
    house = House(tmp_path_factory.mktemp("house"), ManualClock())
    return Caller(house, house.identities.root(ACCOUNT))


@pytest.fixture(scope="module")
def shared_key(shared: Caller) -> str:
    return shared.key()


contexts = st.dictionaries(st.text(max_size=8), st.text(max_size=8), max_size=3)


@settings(max_examples=40, deadline=None)
@given(plaintext=st.binary(min_size=1, max_size=4096), context=contexts)
def test_whatever_is_encrypted_comes_back(shared: Caller, shared_key: str, plaintext: bytes, context: dict[str, str]) -> None:
    blob = shared("Encrypt", KeyId=shared_key, Plaintext=plaintext, EncryptionContext=context)["CiphertextBlob"]
    assert len(blob) <= 6144
    assert shared("Decrypt", CiphertextBlob=blob, EncryptionContext=context)["Plaintext"] == plaintext


@settings(max_examples=40, deadline=None)
@given(context=contexts, other=contexts)
def test_another_context_is_refused(shared: Caller, shared_key: str, context: dict[str, str], other: dict[str, str]) -> None:
    blob = shared("Encrypt", KeyId=shared_key, Plaintext=b"text", EncryptionContext=context)["CiphertextBlob"]
    if other != context:
        shared.refused("InvalidCiphertextException", "Decrypt", CiphertextBlob=blob, EncryptionContext=other)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_a_changed_ciphertext_is_refused_wherever_it_was_changed(shared: Caller, shared_key: str, data: st.DataObject) -> None:
    blob = bytearray(shared("Encrypt", KeyId=shared_key, Plaintext=b"text")["CiphertextBlob"])
    at = data.draw(st.integers(0, len(blob) - 1))
    blob[at] ^= data.draw(st.integers(1, 255))
    # With another key id in it, it is the ciphertext of a key that is not there.
    code = "AccessDeniedException" if 4 <= at < 20 else "InvalidCiphertextException"
    shared.refused(code, "Decrypt", CiphertextBlob=bytes(blob))
    code = "IncorrectKeyException" if 4 <= at < 20 else "InvalidCiphertextException"
    shared.refused(code, "Decrypt", CiphertextBlob=bytes(blob), KeyId=shared_key)


@settings(max_examples=60, deadline=None)
@given(blob=st.binary(min_size=1, max_size=300))
def test_arbitrary_blobs_are_refused(shared: Caller, shared_key: str, blob: bytes) -> None:
    shared.refused("InvalidCiphertextException", "Decrypt", CiphertextBlob=blob)
    shared.refused("InvalidCiphertextException", "Decrypt", CiphertextBlob=blob, KeyId=shared_key)
    shared.refused("InvalidCiphertextException", "ReEncrypt", CiphertextBlob=blob, DestinationKeyId=shared_key)


def test_what_encrypt_and_decrypt_answer(root: Caller) -> None:
    made = root("CreateKey")["KeyMetadata"]
    key, blob = made["Arn"], root("Encrypt", KeyId=made["KeyId"], Plaintext=b"text", EncryptionContext=CONTEXT)
    ciphertext = blob.pop("CiphertextBlob")
    assert blob == {"KeyId": key, "EncryptionAlgorithm": "SYMMETRIC_DEFAULT"}
    assert root("Decrypt", CiphertextBlob=ciphertext, EncryptionContext=CONTEXT) == {
        "KeyId": key,
        "Plaintext": b"text",
        "EncryptionAlgorithm": "SYMMETRIC_DEFAULT",
        "KeyMaterialId": made["CurrentKeyMaterialId"],
    }


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({"Plaintext": b""}, "ValidationException"),
        ({"Plaintext": b"x" * 4097}, "ValidationException"),
        ({}, "ValidationException"),
        ({"Plaintext": b"x", "EncryptionAlgorithm": "RSAES_OAEP_SHA_1"}, "InvalidKeyUsageException"),
        ({"Plaintext": b"x", "EncryptionAlgorithm": "ROT13"}, "ValidationException"),
        ({"Plaintext": b"x", "GrantTokens": ["forged"]}, "InvalidGrantTokenException"),
        ({"Plaintext": b"x", "GrantTokens": ["AAAA"] * 11}, "ValidationException"),
        ({"Plaintext": b"x", "EncryptionContext": {"\ud800": "x"}}, "ValidationException"),
    ],
)
def test_what_encrypt_does_not_take(root: Caller, parameters: dict[str, object], code: str) -> None:
    root.refused(code, "Encrypt", KeyId=root.key(), **parameters)


def test_no_message_shows_what_was_to_be_encrypted(root: Caller) -> None:
    message = root.refused("ValidationException", "Encrypt", KeyId=root.key(), Plaintext=b"SECRET" * 1000)
    assert message == (
        "1 validation error detected: Value at 'plaintext' failed to satisfy constraint: Member must have length less than or equal to 4096"
    )


def test_the_key_that_is_named_must_be_the_one_that_encrypted(root: Caller) -> None:
    one, two = root.key(), root.key()
    blob = root("Encrypt", KeyId=one, Plaintext=b"text")["CiphertextBlob"]
    root.refused("IncorrectKeyException", "Decrypt", CiphertextBlob=blob, KeyId=two)
    root.refused("IncorrectKeyException", "ReEncrypt", CiphertextBlob=blob, SourceKeyId=two, DestinationKeyId=two)
    assert root("Decrypt", CiphertextBlob=blob, KeyId=one)["Plaintext"] == b"text"


def test_ciphertext_does_not_travel_between_regions(root: Caller) -> None:
    blob = root("Encrypt", KeyId=root.key(), Plaintext=b"text")["CiphertextBlob"]
    message = root.there("eu-west-1").refused("AccessDeniedException", "Decrypt", CiphertextBlob=blob)
    assert "does not exist in this Region" in message


@pytest.mark.parametrize("algorithm", ["RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256"])
def test_rsa_keys_decrypt_what_was_encrypted_outside(root: Caller, algorithm: str) -> None:
    key = root.key(KeySpec="RSA_2048", KeyUsage="ENCRYPT_DECRYPT")
    answer = root("GetPublicKey", KeyId=key)
    assert (answer["KeySpec"], answer["KeyUsage"], algorithm in answer["EncryptionAlgorithms"]) == ("RSA_2048", "ENCRYPT_DECRYPT", True)
    public = serialization.load_der_public_key(answer["PublicKey"])
    assert isinstance(public, rsa.RSAPublicKey)
    kind = hashes.SHA1() if algorithm.endswith("_1") else hashes.SHA256()
    blob = public.encrypt(b"text", padding.OAEP(padding.MGF1(kind), kind, None))
    assert root("Decrypt", KeyId=key, CiphertextBlob=blob, EncryptionAlgorithm=algorithm) == {
        "KeyId": key,
        "Plaintext": b"text",
        "EncryptionAlgorithm": algorithm,
    }
    again = root("Encrypt", KeyId=key, Plaintext=b"text", EncryptionAlgorithm=algorithm)["CiphertextBlob"]
    assert root("Decrypt", KeyId=key, CiphertextBlob=again, EncryptionAlgorithm=algorithm)["Plaintext"] == b"text"
    root.refused("InvalidCiphertextException", "Decrypt", KeyId=key, CiphertextBlob=again[:-1], EncryptionAlgorithm=algorithm)


def test_rsa_keys_have_their_limits(root: Caller) -> None:
    key = root.key(KeySpec="RSA_2048", KeyUsage="ENCRYPT_DECRYPT")
    oaep = {"EncryptionAlgorithm": "RSAES_OAEP_SHA_256"}
    message = root.refused("ValidationException", "Encrypt", KeyId=key, Plaintext=b"x" * 191, **oaep)
    assert message == "Algorithm RSAES_OAEP_SHA_256 and key spec RSA_2048 cannot encrypt data larger than 190 bytes."
    root("Encrypt", KeyId=key, Plaintext=b"x" * 190, **oaep)
    root.refused("ValidationException", "Encrypt", KeyId=key, Plaintext=b"x", EncryptionContext=CONTEXT, **oaep)
    message = root.refused("InvalidKeyUsageException", "Encrypt", KeyId=key, Plaintext=b"x")
    assert message == "Algorithm SYMMETRIC_DEFAULT is incompatible with key spec RSA_2048."
    root.refused("ValidationException", "Decrypt", CiphertextBlob=b"x" * 256, **oaep)  # such a ciphertext does not tell its key
    root.refused("InvalidKeyUsageException", "GenerateDataKey", KeyId=key, KeySpec="AES_256")


def test_re_encrypt_moves_a_ciphertext_to_another_key_and_context(root: Caller) -> None:
    one, two = root("CreateKey")["KeyMetadata"], root("CreateKey")["KeyMetadata"]
    blob = root("Encrypt", KeyId=one["Arn"], Plaintext=b"text", EncryptionContext=CONTEXT)["CiphertextBlob"]
    moved = root(
        "ReEncrypt",
        CiphertextBlob=blob,
        SourceEncryptionContext=CONTEXT,
        DestinationKeyId=two["Arn"],
        DestinationEncryptionContext={"new": "one"},
    )
    ciphertext = moved.pop("CiphertextBlob")
    assert moved == {
        "SourceKeyId": one["Arn"],
        "KeyId": two["Arn"],
        "SourceEncryptionAlgorithm": "SYMMETRIC_DEFAULT",
        "DestinationEncryptionAlgorithm": "SYMMETRIC_DEFAULT",
        "SourceKeyMaterialId": one["CurrentKeyMaterialId"],
        "DestinationKeyMaterialId": two["CurrentKeyMaterialId"],
    }
    assert root.recorded == {"resources": [{"accountId": ACCOUNT, "type": "AWS::KMS::Key", "ARN": one["Arn"]}]}
    assert root("Decrypt", CiphertextBlob=ciphertext, EncryptionContext={"new": "one"})["Plaintext"] == b"text"
    root.refused("InvalidCiphertextException", "ReEncrypt", CiphertextBlob=blob, DestinationKeyId=two["Arn"])


def test_re_encrypt_between_symmetric_and_rsa_keys(root: Caller) -> None:
    symmetric, outer = root.key(), root.key(KeySpec="RSA_2048", KeyUsage="ENCRYPT_DECRYPT")
    blob = root("Encrypt", KeyId=symmetric, Plaintext=b"text")["CiphertextBlob"]
    there = root("ReEncrypt", CiphertextBlob=blob, DestinationKeyId=outer, DestinationEncryptionAlgorithm="RSAES_OAEP_SHA_256")
    assert "DestinationKeyMaterialId" not in there
    back = root(
        "ReEncrypt",
        CiphertextBlob=there["CiphertextBlob"],
        SourceKeyId=outer,
        SourceEncryptionAlgorithm="RSAES_OAEP_SHA_256",
        DestinationKeyId=symmetric,
    )
    assert root("Decrypt", CiphertextBlob=back["CiphertextBlob"])["Plaintext"] == b"text"
    root("ReEncrypt", CiphertextBlob=back["CiphertextBlob"], DestinationKeyId=symmetric)
    assert root.recorded == {"resources": []}


@pytest.mark.parametrize(("size", "bytes_"), [({"KeySpec": "AES_256"}, 32), ({"KeySpec": "AES_128"}, 16), ({"NumberOfBytes": 1024}, 1024)])
def test_data_keys_come_in_plain_and_as_ciphertext(root: Caller, size: dict[str, object], bytes_: int) -> None:
    key = root.key()
    made = root("GenerateDataKey", KeyId=key, EncryptionContext=CONTEXT, **size)
    assert (made["KeyId"], len(made["Plaintext"])) == (key, bytes_)
    opened = root("Decrypt", CiphertextBlob=made["CiphertextBlob"], EncryptionContext=CONTEXT)
    assert (opened["Plaintext"], opened["KeyMaterialId"]) == (made["Plaintext"], made["KeyMaterialId"])
    hidden = root("GenerateDataKeyWithoutPlaintext", KeyId=key, **size)
    assert "Plaintext" not in hidden
    assert len(root("Decrypt", CiphertextBlob=hidden["CiphertextBlob"])["Plaintext"]) == bytes_


@pytest.mark.parametrize(
    "size", [{}, {"KeySpec": "AES_256", "NumberOfBytes": 32}, {"NumberOfBytes": 0}, {"NumberOfBytes": 1025}, {"KeySpec": "DES"}]
)
def test_a_data_key_has_one_size(root: Caller, size: dict[str, object]) -> None:
    root.refused("ValidationException", "GenerateDataKey", KeyId=root.key(), **size)


@pytest.mark.parametrize("spec", ["RSA_2048", "ECC_NIST_P256", "ECC_SECG_P256K1"])
def test_data_key_pairs(root: Caller, spec: str) -> None:
    key = root.key()
    made = root("GenerateDataKeyPair", KeyId=key, KeyPairSpec=spec, EncryptionContext=CONTEXT)
    assert (made["KeyId"], made["KeyPairSpec"]) == (key, spec)
    opened = root("Decrypt", CiphertextBlob=made["PrivateKeyCiphertextBlob"], EncryptionContext=CONTEXT)["Plaintext"]
    assert opened == made["PrivateKeyPlaintext"]
    private = serialization.load_der_private_key(opened, None)
    assert isinstance(private, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey)
    public = private.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    assert public == made["PublicKey"]
    hidden = root("GenerateDataKeyPairWithoutPlaintext", KeyId=key, KeyPairSpec=spec)
    assert "PrivateKeyPlaintext" not in hidden
    assert hidden["PublicKey"] != public


def test_data_key_pairs_that_cannot_be_made(root: Caller) -> None:
    root.refused("UnsupportedOperationException", "GenerateDataKeyPair", KeyId=root.key(), KeyPairSpec="SM2")
    signing = root.key(KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")
    root.refused("InvalidKeyUsageException", "GenerateDataKeyPair", KeyId=signing, KeyPairSpec="ECC_NIST_P256")


def test_random_bytes(root: Caller) -> None:
    assert len(root("GenerateRandom", NumberOfBytes=1024)["Plaintext"]) == 1024
    assert root("GenerateRandom", NumberOfBytes=16) != root("GenerateRandom", NumberOfBytes=16)
    root.refused("ValidationException", "GenerateRandom")
    root.refused("ValidationException", "GenerateRandom", NumberOfBytes=1025)
    root.refused("UnsupportedOperationException", "GenerateRandom", NumberOfBytes=8, CustomKeyStoreId="cks-1")


SIGNING = [
    ("RSA_2048", "RSASSA_PSS_SHA_256"),
    ("RSA_2048", "RSASSA_PKCS1_V1_5_SHA_512"),
    ("ECC_NIST_P256", "ECDSA_SHA_256"),
    ("ECC_NIST_P384", "ECDSA_SHA_384"),
    ("ECC_NIST_P521", "ECDSA_SHA_512"),
    ("ECC_SECG_P256K1", "ECDSA_SHA_256"),
]


@pytest.mark.parametrize(("spec", "algorithm"), SIGNING)
def test_signatures_verify_and_others_do_not(root: Caller, spec: str, algorithm: str) -> None:
    key = root.key(KeySpec=spec, KeyUsage="SIGN_VERIFY")
    signed = root("Sign", KeyId=key, Message=b"message", SigningAlgorithm=algorithm)
    signature = signed.pop("Signature")
    assert signed == {"KeyId": key, "SigningAlgorithm": algorithm}
    verified = root("Verify", KeyId=key, Message=b"message", Signature=signature, SigningAlgorithm=algorithm)
    assert verified == {"KeyId": key, "SignatureValid": True, "SigningAlgorithm": algorithm}
    digest = hashlib.new(f"sha{algorithm[-3:]}", b"message").digest()
    by_digest = {"Message": digest, "MessageType": "DIGEST", "SigningAlgorithm": algorithm}
    assert root("Verify", KeyId=key, Signature=signature, **by_digest)["SignatureValid"]
    for message, wrong in ((b"massage", signature), (b"message", signature[:-1] + bytes([signature[-1] ^ 1])), (b"message", b"x")):
        root.refused("KMSInvalidSignatureException", "Verify", KeyId=key, Message=message, Signature=wrong, SigningAlgorithm=algorithm)
    root.refused("KMSInvalidSignatureException", "Verify", KeyId=key, Signature=signature, **{**by_digest, "MessageType": "RAW"})
    root.refused("ValidationException", "Sign", KeyId=key, **{**by_digest, "Message": digest[1:]})
    answer = root("GetPublicKey", KeyId=key)
    assert (answer["KeyUsage"], algorithm in answer["SigningAlgorithms"]) == ("SIGN_VERIFY", True)


def test_keys_sign_only_what_they_are_for(root: Caller) -> None:
    curve, symmetric = root.key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY"), root.key()
    sign = {"Message": b"m", "SigningAlgorithm": "RSASSA_PSS_SHA_256"}
    message = root.refused("InvalidKeyUsageException", "Sign", KeyId=curve, **sign)
    assert message == "Algorithm RSASSA_PSS_SHA_256 is incompatible with key spec ECC_NIST_P256."
    message = root.refused("InvalidKeyUsageException", "Sign", KeyId=symmetric, **sign)
    assert message == f"{symmetric} key usage is ENCRYPT_DECRYPT which is not valid for Sign."
    root.refused("InvalidKeyUsageException", "Verify", KeyId=symmetric, Signature=b"x", **sign)
    root.refused("InvalidKeyUsageException", "Encrypt", KeyId=curve, Plaintext=b"x")
    root.refused("ValidationException", "Sign", KeyId=curve, Message=b"x" * 4097, SigningAlgorithm="ECDSA_SHA_256")
    root.refused("ValidationException", "Sign", KeyId=curve, Message=b"x", SigningAlgorithm="ECDSA_SHA_256", MessageType="EXTERNAL_MU")
    root.refused("ValidationException", "Sign", KeyId=curve, Message=b"x", SigningAlgorithm="INVALID")


@pytest.mark.parametrize("bits", [224, 256, 384, 512])
def test_macs(root: Caller, bits: int) -> None:
    key, algorithm = root.key(KeySpec=f"HMAC_{bits}", KeyUsage="GENERATE_VERIFY_MAC"), f"HMAC_SHA_{bits}"
    made = root("GenerateMac", KeyId=key, Message=b"message", MacAlgorithm=algorithm)
    mac = made.pop("Mac")
    assert (made, len(mac)) == ({"KeyId": key, "MacAlgorithm": algorithm}, bits // 8)
    verified = root("VerifyMac", KeyId=key, Message=b"message", MacAlgorithm=algorithm, Mac=mac)
    assert verified == {"KeyId": key, "MacValid": True, "MacAlgorithm": algorithm}
    for message, wrong in ((b"massage", mac), (b"message", mac[:-1]), (b"message", bytes(len(mac)))):
        root.refused("KMSInvalidMacException", "VerifyMac", KeyId=key, Message=message, MacAlgorithm=algorithm, Mac=wrong)
    other = "HMAC_SHA_256" if bits != 256 else "HMAC_SHA_512"
    root.refused("InvalidKeyUsageException", "GenerateMac", KeyId=key, Message=b"m", MacAlgorithm=other)
    root.refused("UnsupportedOperationException", "GetPublicKey", KeyId=key)


def test_a_dry_run_says_that_it_would_have_worked_and_does_nothing(root: Caller) -> None:
    key, signing = root.key(), root.key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")
    mac = root.key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")
    blob = root("Encrypt", KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    signature = root("Sign", KeyId=signing, Message=b"m", SigningAlgorithm="ECDSA_SHA_256")["Signature"]
    tag = root("GenerateMac", KeyId=mac, Message=b"m", MacAlgorithm="HMAC_SHA_256")["Mac"]
    calls = [
        ("Encrypt", {"KeyId": key, "Plaintext": b"x"}),
        ("Decrypt", {"CiphertextBlob": blob}),
        ("Decrypt", {"KeyId": key, "DryRunModifiers": ["IGNORE_CIPHERTEXT"]}),
        ("ReEncrypt", {"CiphertextBlob": blob, "DestinationKeyId": key}),
        ("ReEncrypt", {"SourceKeyId": key, "DestinationKeyId": key, "DryRunModifiers": ["IGNORE_CIPHERTEXT"]}),
        ("GenerateDataKey", {"KeyId": key, "KeySpec": "AES_256"}),
        ("GenerateDataKeyWithoutPlaintext", {"KeyId": key, "KeySpec": "AES_256"}),
        ("GenerateDataKeyPair", {"KeyId": key, "KeyPairSpec": "RSA_4096"}),
        ("GenerateDataKeyPairWithoutPlaintext", {"KeyId": key, "KeyPairSpec": "RSA_4096"}),
        ("Sign", {"KeyId": signing, "Message": b"m", "SigningAlgorithm": "ECDSA_SHA_256"}),
        ("Verify", {"KeyId": signing, "Message": b"m", "Signature": signature, "SigningAlgorithm": "ECDSA_SHA_256"}),
        ("GenerateMac", {"KeyId": mac, "Message": b"m", "MacAlgorithm": "HMAC_SHA_256"}),
        ("VerifyMac", {"KeyId": mac, "Message": b"m", "MacAlgorithm": "HMAC_SHA_256", "Mac": tag}),
    ]
    for operation, parameters in calls:
        root.refused("DryRunOperationException", operation, DryRun=True, **parameters)
    # What would not have worked says so.
    root.refused("InvalidCiphertextException", "Decrypt", CiphertextBlob=b"x", DryRun=True)
    root.refused("KMSInvalidMacException", "VerifyMac", DryRun=True, KeyId=mac, Message=b"m", MacAlgorithm="HMAC_SHA_256", Mac=b"x")
    root.refused("ValidationException", "Decrypt", KeyId=key, DryRunModifiers=["IGNORE_CIPHERTEXT"])


def test_attested_environments_are_not_served(root: Caller) -> None:
    recipient = {"KeyEncryptionAlgorithm": "RSAES_OAEP_SHA_256", "AttestationDocument": b"x"}
    root.refused("NotImplemented", "GenerateRandom", NumberOfBytes=8, Recipient=recipient)
    root.refused("NotImplemented", "GenerateDataKey", KeyId=root.key(), KeySpec="AES_256", Recipient=recipient)
