"""SSH keys, certificates and service-specific credentials: what a client sees."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from simulators.saml_idp import SamlIdp

ACCOUNT = "123456789012"


def pem(key: rsa.RSAPrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@pytest.fixture(scope="module")
def pair() -> SamlIdp:
    """A key and its certificate."""
    return SamlIdp()


@pytest.fixture
def alice(root: Any) -> Any:
    root("CreateUser", UserName="alice")
    return root


def test_ssh_keys(alice: Any, pair: SamlIdp) -> None:
    text = pair.key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    key = alice("UploadSSHPublicKey", UserName="alice", SSHPublicKeyBody=text + " me@here")["SSHPublicKey"]
    assert (key["SSHPublicKeyId"][:4], len(key["Fingerprint"]), key["Status"]) == ("APKA", 47, "Active")
    shown = alice("GetSSHPublicKey", UserName="alice", SSHPublicKeyId=key["SSHPublicKeyId"], Encoding="PEM")["SSHPublicKey"]
    assert shown["SSHPublicKeyBody"].startswith("-----BEGIN PUBLIC KEY-----")
    assert (
        alice("GetSSHPublicKey", UserName="alice", SSHPublicKeyId=key["SSHPublicKeyId"], Encoding="SSH")["SSHPublicKey"]["SSHPublicKeyBody"]
        == text
    )
    alice.refused("DuplicateSSHPublicKey", "UploadSSHPublicKey", UserName="alice", SSHPublicKeyBody=shown["SSHPublicKeyBody"])
    alice.refused("InvalidPublicKey", "UploadSSHPublicKey", UserName="alice", SSHPublicKeyBody="ssh-rsa AAAA")
    alice.refused("UnrecognizedPublicKeyEncoding", "UploadSSHPublicKey", UserName="alice", SSHPublicKeyBody="hello")
    alice("UpdateSSHPublicKey", UserName="alice", SSHPublicKeyId=key["SSHPublicKeyId"], Status="Inactive")
    assert [one["Status"] for one in alice("ListSSHPublicKeys", UserName="alice")["SSHPublicKeys"]] == ["Inactive"]
    assert alice.refused("DeleteConflict", "DeleteUser", UserName="alice") == "Cannot delete entity, must delete ssh public keys first."
    alice("DeleteSSHPublicKey", UserName="alice", SSHPublicKeyId=key["SSHPublicKeyId"])
    message = alice.refused("NoSuchEntity", "DeleteSSHPublicKey", UserName="alice", SSHPublicKeyId=key["SSHPublicKeyId"])
    assert message == f"The Public Key with id {key['SSHPublicKeyId']} cannot be found."


def test_signing_certificates(alice: Any, pair: SamlIdp) -> None:
    text = pair.certificate.public_bytes(Encoding.PEM).decode()
    found = alice("UploadSigningCertificate", UserName="alice", CertificateBody=text)["Certificate"]
    assert len(found["CertificateId"]) == 32
    alice("CreateUser", UserName="bob")
    alice.refused("DuplicateCertificate", "UploadSigningCertificate", UserName="bob", CertificateBody=text)
    alice.refused("MalformedCertificate", "UploadSigningCertificate", UserName="bob", CertificateBody="hello")
    alice("UpdateSigningCertificate", UserName="alice", CertificateId=found["CertificateId"], Status="Inactive")
    (listed,) = alice("ListSigningCertificates", UserName="alice")["Certificates"]
    assert listed == {**found, "Status": "Inactive"}
    alice("DeleteSigningCertificate", UserName="alice", CertificateId=found["CertificateId"])
    alice("DeleteUser", UserName="alice")


def test_server_certificates(root: Any, pair: SamlIdp, tmp_path: Any) -> None:
    text, key = pair.certificate.public_bytes(Encoding.PEM).decode(), pem(pair.key)
    given = {"ServerCertificateName": "site", "CertificateBody": text, "PrivateKey": key}
    made = root("UploadServerCertificate", **given, CertificateChain=text, Path="/web/")["ServerCertificateMetadata"]
    assert made["Arn"] == f"arn:aws:iam::{ACCOUNT}:server-certificate/web/site"
    assert made["ServerCertificateId"].startswith("ASCA")
    assert made["Expiration"].year == 2034
    root.refused("EntityAlreadyExists", "UploadServerCertificate", **given)
    other = pem(rsa.generate_private_key(public_exponent=65537, key_size=2048))
    root.refused("KeyPairMismatch", "UploadServerCertificate", **{**given, "PrivateKey": other})
    root.refused("MalformedCertificate", "UploadServerCertificate", **{**given, "PrivateKey": "x"})
    root.refused("MalformedCertificate", "UploadServerCertificate", **{**given, "CertificateBody": "x"})
    root.refused("MalformedCertificate", "UploadServerCertificate", **given, CertificateChain="x")
    root("TagServerCertificate", ServerCertificateName="site", Tags=[{"Key": "a", "Value": "b"}])
    shown = root("GetServerCertificate", ServerCertificateName="site")["ServerCertificate"]
    assert (shown["CertificateBody"], shown["CertificateChain"], shown["Tags"]) == (text, text, [{"Key": "a", "Value": "b"}])
    assert root("ListServerCertificateTags", ServerCertificateName="site")["Tags"] == [{"Key": "a", "Value": "b"}]
    root("UntagServerCertificate", ServerCertificateName="site", TagKeys=["a"])
    root("UpdateServerCertificate", ServerCertificateName="site", NewServerCertificateName="shop", NewPath="/")
    assert [one["ServerCertificateName"] for one in root("ListServerCertificates")["ServerCertificateMetadataList"]] == ["shop"]
    assert root("GetAccountSummary")["SummaryMap"]["ServerCertificates"] == 1
    lines = key.splitlines()
    assert lines[3].encode() not in b"".join(path.read_bytes() for path in tmp_path.glob("state.db*"))
    root("DeleteServerCertificate", ServerCertificateName="shop")
    message = root.refused("NoSuchEntity", "GetServerCertificate", ServerCertificateName="shop")
    assert message == "The Server Certificate with name shop cannot be found."


def test_service_specific_credentials(alice: Any) -> None:
    made = alice("CreateServiceSpecificCredential", UserName="alice", ServiceName="codecommit.amazonaws.com")["ServiceSpecificCredential"]
    assert made["ServiceUserName"] == f"alice-at-{ACCOUNT}"
    again = alice("CreateServiceSpecificCredential", UserName="alice", ServiceName="codecommit.amazonaws.com")["ServiceSpecificCredential"]
    assert again["ServiceUserName"] == f"alice+1-at-{ACCOUNT}"
    message = alice.refused("LimitExceeded", "CreateServiceSpecificCredential", UserName="alice", ServiceName="codecommit.amazonaws.com")
    assert message == "Cannot exceed quota for ServiceSpecificCredentialsPerUser: 2"
    alice("CreateServiceSpecificCredential", UserName="alice", ServiceName="cassandra.amazonaws.com")
    alice.refused("NotSupportedService", "CreateServiceSpecificCredential", UserName="alice", ServiceName="s3.amazonaws.com")
    item = made["ServiceSpecificCredentialId"]
    reset = alice("ResetServiceSpecificCredential", UserName="alice", ServiceSpecificCredentialId=item)["ServiceSpecificCredential"]
    assert reset["ServicePassword"] != made["ServicePassword"]
    alice("UpdateServiceSpecificCredential", UserName="alice", ServiceSpecificCredentialId=item, Status="Inactive")
    listed = alice("ListServiceSpecificCredentials", AllUsers=True, ServiceName="codecommit.amazonaws.com")["ServiceSpecificCredentials"]
    assert {one["ServiceSpecificCredentialId"]: one["Status"] for one in listed} == {
        item: "Inactive",
        again["ServiceSpecificCredentialId"]: "Active",
    }
    assert all("ServicePassword" not in one for one in listed)
    alice("DeleteServiceSpecificCredential", UserName="alice", ServiceSpecificCredentialId=item)
    alice.refused("NoSuchEntity", "DeleteServiceSpecificCredential", UserName="alice", ServiceSpecificCredentialId=item)
