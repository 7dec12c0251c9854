"""SSH public keys of users (for CodeCommit)."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from typing import Any, Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key, load_ssh_public_key

from opentrail.api.call import Call, Result
from opentrail.api.iam import paging
from opentrail.api.iam.caller import Operation, named_iam_user
from opentrail.identity import Identities, ids
from opentrail.identity.faults import DuplicateSSHPublicKey, InvalidInput, InvalidPublicKey, UnrecognizedPublicKeyEncoding
from opentrail.identity.user_items import UserItem

QUOTA = ("SSHPublicKeysPerUser", 5)
KIND: Final = "ssh-public-key"


def upload_ssh_public_key(identities: Identities, call: Call) -> Result:
    """UploadSSHPublicKey"""
    user, body = call.parameters["UserName"], call.parameters["SSHPublicKeyBody"].strip()
    key = _key(body)
    wire = key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).split(b" ")[1]
    digest = hashlib.md5(base64.b64decode(wire), usedforsecurity=False).hexdigest()
    details = {"body": body, "fingerprint": ":".join(digest[at : at + 2] for at in range(0, len(digest), 2))}
    if any(item.details["fingerprint"] == details["fingerprint"] for item in identities.user_items.list(call.account_id, user, KIND)):
        raise DuplicateSSHPublicKey
    item = identities.user_items.add(call.account_id, user, KIND, ids.unique_id("APKA"), details, quota=QUOTA)
    return {"SSHPublicKey": _whole(item, body)}


def get_ssh_public_key(identities: Identities, call: Call) -> Result:
    """GetSSHPublicKey"""
    given = call.parameters
    item = identities.user_items.get(call.account_id, given["UserName"], KIND, given["SSHPublicKeyId"])
    key = _key(item.details["body"])
    if given["Encoding"] == "PEM":
        return {"SSHPublicKey": _whole(item, key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode())}
    return {"SSHPublicKey": _whole(item, key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode())}


def list_ssh_public_keys(identities: Identities, call: Call) -> Result:
    """ListSSHPublicKeys"""
    return paging.paged(call, "SSHPublicKeys", identities.user_items.list(call.account_id, named_iam_user(call), KIND), _listed)


def update_ssh_public_key(identities: Identities, call: Call) -> None:
    """UpdateSSHPublicKey"""
    given = call.parameters
    if given["Status"] == "Expired":
        raise InvalidInput("The status of a public key can be set to Active or Inactive.")
    identities.user_items.change(call.account_id, given["UserName"], KIND, given["SSHPublicKeyId"], status=given["Status"])


def delete_ssh_public_key(identities: Identities, call: Call) -> None:
    """DeleteSSHPublicKey"""
    identities.user_items.delete(call.account_id, call.parameters["UserName"], KIND, call.parameters["SSHPublicKeyId"])


def _key(body: str) -> RSAPublicKey:
    """Raises `InvalidPublicKey`, `UnrecognizedPublicKeyEncoding`."""
    text = body.encode()
    if not text.startswith((b"ssh-rsa ", b"-----BEGIN ")):
        raise UnrecognizedPublicKeyEncoding("The public key must be encoded in ssh-rsa or PEM format.")
    try:
        key = load_ssh_public_key(text) if text.startswith(b"ssh-rsa ") else load_pem_public_key(text)
    except (ValueError, UnsupportedAlgorithm):
        raise InvalidPublicKey from None
    if not isinstance(key, RSAPublicKey) or key.key_size < 2048:
        raise InvalidPublicKey("The public key must be an RSA key of at least 2048 bits.")
    return key


def _listed(item: UserItem) -> dict[str, Any]:
    return {"UserName": item.user_name, "SSHPublicKeyId": item.id, "Status": item.status, "UploadDate": item.created}


def _whole(item: UserItem, body: str) -> dict[str, Any]:
    return {**_listed(item), "Fingerprint": item.details["fingerprint"], "SSHPublicKeyBody": body}


OPERATIONS: Mapping[str, Operation] = {
    "UploadSSHPublicKey": upload_ssh_public_key,
    "GetSSHPublicKey": get_ssh_public_key,
    "ListSSHPublicKeys": list_ssh_public_keys,
    "UpdateSSHPublicKey": update_ssh_public_key,
    "DeleteSSHPublicKey": delete_ssh_public_key,
}
