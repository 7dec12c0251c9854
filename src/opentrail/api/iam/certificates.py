"""Signing certificates of users, and server certificates of the account."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any, Final

from cryptography.x509 import Certificate, load_pem_x509_certificate

from opentrail.api.call import Call, Result
from opentrail.api.iam import paging, shapes
from opentrail.api.iam.caller import Operation, named_iam_user
from opentrail.identity import Identities
from opentrail.identity.entities import Entity, checked_tags, instant
from opentrail.identity.faults import DuplicateCertificate, InvalidInput, MalformedCertificate
from opentrail.identity.user_items import UserItem

QUOTA = ("SigningCertificatesPerUser", 2)
KIND: Final = "signing-certificate"

_ID_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


def upload_signing_certificate(identities: Identities, call: Call) -> Result:
    """UploadSigningCertificate"""
    body = call.parameters["CertificateBody"].strip()
    _certificate(body)
    if identities.user_items.owner_of(call.account_id, KIND, {"body": body}) is not None:
        raise DuplicateCertificate
    item_id = "".join(secrets.choice(_ID_LETTERS) for _ in range(32))
    item = identities.user_items.add(call.account_id, named_iam_user(call), KIND, item_id, {"body": body}, quota=QUOTA)
    return {"Certificate": _signing(item)}


def list_signing_certificates(identities: Identities, call: Call) -> Result:
    """ListSigningCertificates"""
    return paging.paged(call, "Certificates", identities.user_items.list(call.account_id, named_iam_user(call), KIND), _signing)


def update_signing_certificate(identities: Identities, call: Call) -> None:
    """UpdateSigningCertificate"""
    given = call.parameters
    if given["Status"] == "Expired":
        raise InvalidInput("The status of a signing certificate can be set to Active or Inactive.")
    identities.user_items.change(call.account_id, named_iam_user(call), KIND, given["CertificateId"], status=given["Status"])


def delete_signing_certificate(identities: Identities, call: Call) -> None:
    """DeleteSigningCertificate"""
    identities.user_items.delete(call.account_id, named_iam_user(call), KIND, call.parameters["CertificateId"])


def _signing(item: UserItem) -> dict[str, Any]:
    return {
        "UserName": item.user_name,
        "CertificateId": item.id,
        "CertificateBody": item.details["body"],
        "Status": item.status,
        "UploadDate": item.created,
    }


def _certificate(text: str) -> Certificate:
    """Raises `MalformedCertificate`."""
    try:
        return load_pem_x509_certificate(text.encode())
    except ValueError:
        raise MalformedCertificate("Unable to parse certificate. Please ensure the certificate is in PEM format.") from None


def upload_server_certificate(identities: Identities, call: Call) -> Result:
    """UploadServerCertificate"""
    given = call.parameters
    tags = checked_tags(given.get("Tags", ()))
    made = identities.server_certificates.upload(
        call.account_id,
        given["ServerCertificateName"],
        _certificate(given["CertificateBody"]),
        given["CertificateBody"],
        given["PrivateKey"],
        chain=given.get("CertificateChain"),
        path=given.get("Path", "/"),
        tags=tags,
    )
    return {"ServerCertificateMetadata": _metadata(made)} | ({"Tags": shapes.tags(tags)} if tags else {})


def get_server_certificate(identities: Identities, call: Call) -> Result:
    """GetServerCertificate: everything but the private key."""
    found = identities.server_certificates.get(call.account_id, call.parameters["ServerCertificateName"])
    shown: dict[str, Any] = {"ServerCertificateMetadata": _metadata(found), "CertificateBody": found.details["body"]}
    if found.details["chain"]:
        shown["CertificateChain"] = found.details["chain"]
    if found.tags:
        shown["Tags"] = shapes.tags(found.tags)
    return {"ServerCertificate": shown}


def list_server_certificates(identities: Identities, call: Call) -> Result:
    """ListServerCertificates"""
    page = identities.server_certificates.list(
        call.account_id,
        path_prefix=call.parameters.get("PathPrefix", "/"),
        after=paging.after(call),
        limit=paging.limit_of(call),
    )
    return paging.answer("ServerCertificateMetadataList", page, _metadata, lambda found: found.name)


def update_server_certificate(identities: Identities, call: Call) -> None:
    """UpdateServerCertificate"""
    given = call.parameters
    identities.server_certificates.rename(
        call.account_id, given["ServerCertificateName"], new_name=given.get("NewServerCertificateName"), new_path=given.get("NewPath")
    )


def delete_server_certificate(identities: Identities, call: Call) -> None:
    """DeleteServerCertificate"""
    identities.server_certificates.delete(call.account_id, call.parameters["ServerCertificateName"])


def tag_server_certificate(identities: Identities, call: Call) -> None:
    """TagServerCertificate"""
    given = call.parameters
    identities.server_certificates.tag(call.account_id, given["ServerCertificateName"], checked_tags(given["Tags"]))


def untag_server_certificate(identities: Identities, call: Call) -> None:
    """UntagServerCertificate"""
    identities.server_certificates.untag(call.account_id, call.parameters["ServerCertificateName"], call.parameters["TagKeys"])


def list_server_certificate_tags(identities: Identities, call: Call) -> Result:
    """ListServerCertificateTags"""
    found = identities.server_certificates.get(call.account_id, call.parameters["ServerCertificateName"])
    return paging.paged(call, "Tags", shapes.tags(found.tags), dict)


def _metadata(of: Entity) -> dict[str, Any]:
    return {
        "Path": of.path,
        "ServerCertificateName": of.name,
        "ServerCertificateId": of.id,
        "Arn": of.arn,
        "UploadDate": of.created,
        "Expiration": instant(of.details["expires"]),
    }


OPERATIONS: Mapping[str, Operation] = {
    "UploadSigningCertificate": upload_signing_certificate,
    "ListSigningCertificates": list_signing_certificates,
    "UpdateSigningCertificate": update_signing_certificate,
    "DeleteSigningCertificate": delete_signing_certificate,
    "UploadServerCertificate": upload_server_certificate,
    "GetServerCertificate": get_server_certificate,
    "ListServerCertificates": list_server_certificates,
    "UpdateServerCertificate": update_server_certificate,
    "DeleteServerCertificate": delete_server_certificate,
    "TagServerCertificate": tag_server_certificate,
    "UntagServerCertificate": untag_server_certificate,
    "ListServerCertificateTags": list_server_certificate_tags,
}
