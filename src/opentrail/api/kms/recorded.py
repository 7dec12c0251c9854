"""The keys that a call was about, for the record of one that failed: parameters do not tell them where they say an alias, or nothing."""

from __future__ import annotations

from opentrail.api.call import Call
from opentrail.api.kms.naming import named
from opentrail.kms import KeyManagement, envelope
from opentrail.kms.faults import InvalidCiphertextException
from opentrail.kms.names import ALIAS
from opentrail.kms.values import Key

_MEMBERS = ("KeyId", "SourceKeyId", "DestinationKeyId")


def resources(kms: KeyManagement, call: Call) -> list[dict[str, str]]:
    """`resources` entries of the keys that are named by an alias or by a ciphertext. The caller has been let in already."""
    keys = [kms.keys.find(named(call, member)) for member in _MEMBERS if ALIAS in (call.parameters.get(member) or "")]
    if call.operation in ("Decrypt", "ReEncrypt") and call.parameters.get("KeyId") is None and call.parameters.get("SourceKeyId") is None:
        keys.append(_of_ciphertext(kms, call))
    return [{"accountId": key.account_id, "type": "AWS::KMS::Key", "ARN": key.arn} for key in keys if key is not None]


def _of_ciphertext(kms: KeyManagement, call: Call) -> Key | None:
    try:
        return kms.keys.by_id(envelope.read(call.parameters.get("CiphertextBlob") or b"").key_id, call.region)
    except InvalidCiphertextException:
        return None
