"""Cryptographic operations: Encrypt, Decrypt, data keys, signatures, MACs."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Final

from opentrail.api.call import Answer, Call, Result
from opentrail.api.kms.naming import Operation, algorithm_of, key_of, named, without_ciphertext
from opentrail.api.kms.shapes import algorithms
from opentrail.kms import KeyManagement, envelope
from opentrail.kms.faults import (
    AccessDeniedException,
    DryRunOperationException,
    KMSInvalidMacException,
    KMSInvalidSignatureException,
    UnsupportedOperationException,
)
from opentrail.kms.service_keys import UNKNOWN
from opentrail.kms.specs import PAIRS
from opentrail.kms.uses import data_keys
from opentrail.kms.values import Key
from opentrail.wire import faults
from opentrail.wire.faults import ValidationException

_SIZES: Final[Mapping[str, int]] = {"AES_128": 16, "AES_256": 32}


class CryptographicOperations:
    """One handler for each operation that computes with a key."""

    def __init__(self, kms: KeyManagement) -> None:
        self._kms = kms
        self._uses = kms.uses
        self.operations: Mapping[str, Operation] = {
            "Encrypt": self.encrypt,
            "Decrypt": self.decrypt,
            "ReEncrypt": self.re_encrypt,
            "GenerateDataKey": self.generate_data_key,
            "GenerateDataKeyWithoutPlaintext": self.generate_data_key,
            "GenerateDataKeyPair": self.generate_data_key_pair,
            "GenerateDataKeyPairWithoutPlaintext": self.generate_data_key_pair,
            "GenerateRandom": self.generate_random,
            "Sign": self.sign,
            "Verify": self.verify,
            "GenerateMac": self.generate_mac,
            "VerifyMac": self.verify_mac,
            "GetPublicKey": self.get_public_key,
        }

    def encrypt(self, call: Call) -> Result:
        given, key, algorithm = call.parameters, key_of(self._kms, call), algorithm_of(call.parameters)
        blob = self._uses.encrypt(key, given["Plaintext"], given.get("EncryptionContext") or {}, algorithm)
        return _unless_dry(call, {"CiphertextBlob": blob, "KeyId": key.arn, "EncryptionAlgorithm": algorithm})

    def decrypt(self, call: Call) -> Result:
        given, algorithm = call.parameters, algorithm_of(call.parameters)
        _check_recipient(given)
        if without_ciphertext(given):
            raise DryRunOperationException
        key = self._decrypting(call, "KeyId")
        opened = self._uses.decrypt(key, _ciphertext(given), given.get("EncryptionContext") or {}, algorithm)
        result: dict[str, Any] = {"KeyId": key.arn, "Plaintext": opened.plaintext, "EncryptionAlgorithm": algorithm}
        return _unless_dry(call, result | _named_material("KeyMaterialId", opened.material_id))

    def re_encrypt(self, call: Call) -> Result:
        given = call.parameters
        if without_ciphertext(given):
            raise DryRunOperationException
        from_algorithm = algorithm_of(given, "SourceEncryptionAlgorithm")
        to_algorithm = algorithm_of(given, "DestinationEncryptionAlgorithm")
        source, target = self._decrypting(call, "SourceKeyId"), key_of(self._kms, call, "DestinationKeyId")
        opened = self._uses.decrypt(source, _ciphertext(given), given.get("SourceEncryptionContext") or {}, from_algorithm)
        blob = self._uses.encrypt(target, opened.plaintext, given.get("DestinationEncryptionContext") or {}, to_algorithm)
        result: dict[str, Any] = {
            "CiphertextBlob": blob,
            "SourceKeyId": source.arn,
            "KeyId": target.arn,
            "SourceEncryptionAlgorithm": from_algorithm,
            "DestinationEncryptionAlgorithm": to_algorithm,
            **_named_material("SourceKeyMaterialId", opened.material_id),
            **_named_material("DestinationKeyMaterialId", target.material_id if target.symmetric else None),
        }
        recorded = [{"accountId": source.account_id, "type": "AWS::KMS::Key", "ARN": source.arn}] if source.arn != target.arn else []
        return Answer(result=_unless_dry(call, result), recorded={"resources": recorded})

    def generate_data_key(self, call: Call) -> Result:
        given, key = call.parameters, key_of(self._kms, call)
        _check_recipient(given)
        if (given.get("KeySpec") is None) == (given.get("NumberOfBytes") is None):
            raise ValidationException("Please specify either number of bytes or key spec.")
        size = given.get("NumberOfBytes") or _SIZES[given["KeySpec"]]
        made = self._uses.data_key(key, size, given.get("EncryptionContext") or {})
        result: dict[str, Any] = {"CiphertextBlob": made.ciphertext, "KeyId": key.arn, "KeyMaterialId": key.material_id}
        if call.operation == "GenerateDataKey":
            result["Plaintext"] = made.plaintext
        return _unless_dry(call, result)

    def generate_data_key_pair(self, call: Call) -> Result:
        given, key, spec = call.parameters, key_of(self._kms, call), call.parameters["KeyPairSpec"]
        _check_recipient(given)
        if spec not in PAIRS:
            raise UnsupportedOperationException(f"The key pair spec {spec} is not supported. Supported are {', '.join(PAIRS)}.")
        data_keys(key, call.operation)
        _unless_dry(call, {})
        pair, ciphertext = self._uses.data_key_pair(key, spec, given.get("EncryptionContext") or {})
        result: dict[str, Any] = {
            "PrivateKeyCiphertextBlob": ciphertext,
            "PublicKey": pair.public,
            "KeyId": key.arn,
            "KeyPairSpec": spec,
            "KeyMaterialId": key.material_id,
        }
        return result | ({"PrivateKeyPlaintext": pair.private} if call.operation == "GenerateDataKeyPair" else {})

    def generate_random(self, call: Call) -> Result:
        given = call.parameters
        _check_recipient(given)
        if given.get("CustomKeyStoreId") is not None:
            raise UnsupportedOperationException("Custom key stores are not supported.")
        if given.get("NumberOfBytes") is None:
            raise ValidationException("NumberOfBytes is required: between 1 and 1024.")
        return {"Plaintext": os.urandom(given["NumberOfBytes"])}

    def sign(self, call: Call) -> Result:
        given, key, algorithm = call.parameters, key_of(self._kms, call), call.parameters["SigningAlgorithm"]
        signature = self._uses.sign(key, algorithm, given["Message"], digested=_digested(given))
        return _unless_dry(call, {"KeyId": key.arn, "Signature": signature, "SigningAlgorithm": algorithm})

    def verify(self, call: Call) -> Result:
        given, key, algorithm = call.parameters, key_of(self._kms, call), call.parameters["SigningAlgorithm"]
        if not self._uses.verifies(key, algorithm, given["Message"], given["Signature"], digested=_digested(given)):
            raise KMSInvalidSignatureException
        return _unless_dry(call, {"KeyId": key.arn, "SignatureValid": True, "SigningAlgorithm": algorithm})

    def generate_mac(self, call: Call) -> Result:
        key, algorithm = key_of(self._kms, call), call.parameters["MacAlgorithm"]
        mac = self._uses.mac(key, algorithm, call.parameters["Message"])
        return _unless_dry(call, {"Mac": mac, "MacAlgorithm": algorithm, "KeyId": key.arn})

    def verify_mac(self, call: Call) -> Result:
        key, algorithm = key_of(self._kms, call), call.parameters["MacAlgorithm"]
        if not self._uses.is_mac(key, algorithm, call.parameters["Message"], call.parameters["Mac"]):
            raise KMSInvalidMacException
        return _unless_dry(call, {"KeyId": key.arn, "MacValid": True, "MacAlgorithm": algorithm})

    def get_public_key(self, call: Call) -> Result:
        key = key_of(self._kms, call)
        return {
            "KeyId": key.arn,
            "PublicKey": self._uses.public_key(key),
            "CustomerMasterKeySpec": key.spec.name,
            "KeySpec": key.spec.name,
            "KeyUsage": key.usage,
            **algorithms(key),
        }

    def _decrypting(self, call: Call, member: str) -> Key:
        """The key that is named, else the one that the ciphertext names."""
        if call.parameters.get(member) is not None:
            return self._kms.keys.get(named(call, member))
        key = self._kms.keys.by_id(envelope.read(_ciphertext(call.parameters)).key_id, call.region)
        if key is None:
            raise AccessDeniedException(UNKNOWN)
        return key


def _unless_dry(call: Call, result: Mapping[str, Any]) -> Mapping[str, Any]:
    if call.parameters.get("DryRun"):
        raise DryRunOperationException
    return result


def _ciphertext(given: Mapping[str, Any]) -> bytes:
    blob = given.get("CiphertextBlob")
    if blob is None:
        raise ValidationException("CiphertextBlob is required, or DryRun with the modifier IGNORE_CIPHERTEXT.")
    return bytes(blob)


def _digested(given: Mapping[str, Any]) -> bool:
    kind = given.get("MessageType") or "RAW"
    if kind == "EXTERNAL_MU":
        raise ValidationException("The message type EXTERNAL_MU is only for ML-DSA keys.")
    return bool(kind == "DIGEST")


def _check_recipient(given: Mapping[str, Any]) -> None:
    if given.get("Recipient") is not None:
        raise faults.NotImplemented("OpenTrail does not serve the parameter Recipient: it knows no attested environments.")


def _named_material(member: str, material_id: str | None) -> dict[str, str]:
    return {} if material_id is None else {member: material_id}
