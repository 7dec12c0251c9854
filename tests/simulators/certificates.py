"""Certificates for listeners of tests: for localhost and 127.0.0.1, good for two days around now."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from opentrail.config import FrontSettings


@dataclass(frozen=True)
class Certificate:
    """Two files in PEM form."""

    certificate: Path
    key: Path

    @classmethod
    def made(cls, folder: Path, *, issued: bool = False) -> Certificate:
        """A self-signed one, or one that an authority nobody knows has `issued`."""
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
        authority = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Example Authority")])
        now = datetime.now(UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(authority if issued else name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(
                x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
            )
            .add_extension(x509.BasicConstraints(ca=not issued, path_length=None), critical=True)
            .sign(ec.generate_private_key(ec.SECP256R1()) if issued else key, hashes.SHA256())
        )
        made = cls(folder / "certificate.pem", folder / "key.pem")
        made.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        made.key.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
        return made

    @property
    def settings(self) -> FrontSettings:
        """The settings of the front with it."""
        return FrontSettings(tls_certificate=str(self.certificate), tls_key=str(self.key))
